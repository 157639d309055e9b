"""The ``matrix3d`` command: worlds without ComfyUI, and a report on this machine."""

from __future__ import annotations

import argparse
import json
import logging
import re
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any

from . import __version__
from .errors import Matrix3DError
from .progress import ProgressEvent

__all__ = ["main"]

WORLD_EPILOG = """\
files written to DIR, each only when it is complete:
  world.ply, world.spz   the Gaussians, for ComfyUI, SuperSplat, Blender add-ons and web viewers
  flythrough.mp4         a flight along the camera path
  preview.png            one frame of it
  trajectory.json        the camera path (OpenCV axes, world-to-camera)
  report.json            settings, times, and PSNR/SSIM on frames kept out of training

without --depth the world is a flat ground and a far dome: fine for looking around and for short
walks outdoors, wrong for rooms. Depth files: EXR, NPY, NPZ or 16-bit PNG, distance along the ray.

examples:
  matrix3d sample --out sample
  matrix3d world sample/panorama.png --depth sample/depth_ray.npz --out world
  matrix3d world street.jpg --camera-height 2.1 --preset s_curve --out street
"""

# What the shell sees: 0 done, 1 doctor found no way to make worlds, 2 wrong input, 130 stopped.
EXIT_UNUSABLE, EXIT_WRONG, EXIT_STOPPED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser(arguments).parse_args(arguments)
        level = logging.INFO if options.verbose else logging.WARNING
        logging.basicConfig(level=level, format="%(levelname)s: %(message)s")
        status: int = options.run(options)
        return status
    except Matrix3DError as error:
        _say(f"matrix3d: {error}")
        if "--verbose" in arguments or "-v" in arguments:
            raise
        return EXIT_WRONG
    except OSError as error:
        _say(f"matrix3d: {error}")
        return EXIT_WRONG
    except KeyboardInterrupt:
        _say("matrix3d: stopped")
        return EXIT_STOPPED


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    """Build the parser; a subcommand's options are added only when it is asked for, as they load torch."""
    parser = argparse.ArgumentParser(
        prog="matrix3d",
        description="A panorama becomes a walkable 3D world of Gaussian splats, on any machine.",
    )
    parser.add_argument("--version", action="version", version=f"matrix3d {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    asked = next((word for word in arguments if not word.startswith("-")), "")
    for name, text, add in (
        ("world", "make a world from a panorama", _add_world),
        ("sample", "write the sample panorama and its exact distances", _add_sample),
        ("doctor", "report what works on this machine; paste it into bug reports", _add_doctor),
    ):
        command = commands.add_parser(
            name,
            help=text,
            description=_DESCRIPTIONS[name],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument("-v", "--verbose", action="store_true", help="show log messages and tracebacks")
        if name == asked:
            add(command)
    return parser


_DESCRIPTIONS = {
    "world": "Make a world from one panorama: geometry, frames along a camera path, fill, Gaussian splats.",
    "sample": "Ray-trace the sample scene: a panorama and the exact distance of every pixel.",
    "doctor": "Report which engines, packages and model files are usable here, and why the others are not.",
}


def _add_world(parser: argparse.ArgumentParser) -> None:
    from .cameras.presets import PRESETS
    from .recipes.world import WorldConfig

    default = {field.name: field.default for field in fields(WorldConfig)}
    presets = "\n".join(f"  {name:<25} {text}" for name, text in PRESETS.items())
    parser.epilog = f"camera paths (--preset):\n{presets}\n\n{WORLD_EPILOG}"
    parser.add_argument("panorama", type=Path, metavar="PANORAMA", help="2:1 equirectangular picture")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write to; made when missing"
    )

    def add(group: Any, flag: str, field: str, text: str, **options: Any) -> None:
        value = default[field]
        group.add_argument(flag, dest=field, default=value, help=f"{text} (default: {value})", **options)

    depth = parser.add_argument_group("geometry")
    depth.add_argument("--depth", type=Path, metavar="FILE", help="distance along the ray of every pixel")
    add(
        depth,
        "--source",
        "source",
        "auto takes the depth file when given",
        choices=("auto", "depth", "grounded"),
    )
    add(depth, "--camera-height", "camera_height", "camera above the ground, metres", type=float, metavar="M")
    text = "relative jump of distance that tears the surface; 0 fits it to the width"
    add(depth, "--edge-threshold", "edge_threshold", text, type=float, metavar="F")
    path = parser.add_argument_group("camera path")
    add(path, "--preset", "preset", "which path, see below", choices=tuple(PRESETS), metavar="NAME")
    add(path, "--frames", "frames", "length of the path in frames", type=int, metavar="N")
    add(path, "--distance", "distance", "how far to go, metres", type=float, metavar="M")
    add(path, "--clearance", "clearance", "stay this far from surfaces, metres; 0 = do not check", type=float)
    work = parser.add_argument_group("quality and speed")
    add(work, "--quality", "quality", "how long to fit the Gaussians", choices=("draft", "standard"))
    add(work, "--width", "width", "columns of the guidance frames", type=int, metavar="PX")
    add(work, "--max-gaussians", "max_gaussians", "upper bound of their number", type=int, metavar="N")
    add(work, "--seed", "seed", "for everything random", type=int)
    names = "`matrix3d doctor` lists them; auto takes the first usable"
    add(work, "--mesh-engine", "engine_mesh", f"mesh engine; {names}", metavar="NAME")
    add(work, "--splat-engine", "engine_splat", f"splat engine; {names}", metavar="NAME")
    parser.set_defaults(run=_world)


def _add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write to; made when missing"
    )
    parser.add_argument(
        "--height", type=int, default=512, help="rows; columns are twice as many (default: 512)"
    )
    parser.set_defaults(run=_sample)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON instead of Markdown")
    parser.add_argument(
        "--comfyui", type=Path, metavar="DIR", help="look for models in this ComfyUI (default: COMFYUI_DIR)"
    )
    parser.set_defaults(run=_doctor)


def _world(options: argparse.Namespace) -> int:
    from .io.depth_files import read_depth
    from .io.images import read_image
    from .recipes.world import WorldConfig, make_world

    chosen = {f.name: getattr(options, f.name) for f in fields(WorldConfig) if hasattr(options, f.name)}
    panorama = read_image(options.panorama)
    depth_ray = read_depth(options.depth) if options.depth else None
    start = time.perf_counter()
    previous = signal.signal(signal.SIGTERM, _stop)  # a polite kill cleans up like Ctrl-C
    try:
        with ProgressBars() as bars:
            result = make_world(
                panorama,
                depth_ray=depth_ray,
                out_dir=options.out,
                config=WorldConfig(**chosen),
                progress=bars,
            )
    finally:
        signal.signal(signal.SIGTERM, previous)
    _say(f"{len(result.gaussians)} Gaussians in {time.perf_counter() - start:.0f} s")
    for path in result.files.values():
        print(path)
    return 0


def _sample(options: argparse.Namespace) -> int:
    import numpy
    import torch

    from .io.atomic import open_atomically
    from .io.images import write_image
    from .synth.sample_scene import render_erp

    options.out.mkdir(parents=True, exist_ok=True)
    picture, distances = options.out / "panorama.png", options.out / "depth_ray.npz"
    rgb, depth_ray = render_erp(torch.zeros(3, dtype=torch.float64), options.height, 2 * options.height)
    write_image(picture, rgb)
    with open_atomically(distances) as file:
        numpy.savez_compressed(file, depth=depth_ray.to(torch.float32).numpy())
    print(picture)
    print(distances)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from .doctor import examine, to_markdown

    report = examine(options.comfyui)
    print(json.dumps(report, indent=2) if options.json else to_markdown(report), flush=True)
    return 0 if report["ready"] else EXIT_UNUSABLE


def _stop(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


class ProgressBars:
    """A progress callback that shows one bar per phase; use as a context manager."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._phase: tuple[str, int] | None = None

    def __call__(self, event: ProgressEvent) -> None:
        """Show the event; another kind of work or another total opens a new bar."""
        from tqdm import tqdm

        kind = re.split(r"[:\d]", event.phase)[0].strip() or "working"  # the bar counts and estimates itself
        if self._phase != (kind, event.total):
            self.close()
            self._phase = (kind, event.total)
            self._bar = tqdm(total=event.total, desc=kind, unit="step", file=sys.stderr)
        self._bar.update(event.done - self._bar.n)

    def close(self) -> None:
        """End the current bar."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None

    def __enter__(self) -> ProgressBars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


if __name__ == "__main__":
    sys.exit(main())
