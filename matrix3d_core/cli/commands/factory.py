"""``matrix3d factory``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..console import EXIT_DONE, say
from ..options import add_out, chosen_fields, setting_adder
from ..progress import Job

if TYPE_CHECKING:
    from ...factory.job import FactoryJob

HELP = "make training clips of procedural scenes, or of a scene of yours"
DESCRIPTION = (
    "Make panoramic clips with exact poses, distances, labels and captions in the steps of the paper's Matrix-Pano "
    "data set: scene, route on the walkable surface, collision check, filter."
)
EPILOG = """\
files written to DIR:
  shard-000000.tar ...        WebDataset shards: frames, ray distance, first frame's normals, classes and instances,
                              cameras, caption, facts
  index.json                  shards with keys, sizes and SHA-256, and the settings
  contact_sheet_000.jpg ...   first frame of every clip with key and caption, to look at
  clips/KEY/                  with --unpack: folders that `matrix3d train-lrm` reads

The same settings give the same bytes. A stopped run continues where it was; more --clips add to the same folder. After
a look at the contact sheets: the same command with --unpack --without KEY KEY ...

  matrix3d factory --clips 100 --out data
  matrix3d factory --clips 100 --out data --families forest harbor --frames 33 --height 240 --workers 4
  matrix3d factory --clips 20 --out mine --scene town.glb --unpack
  matrix3d factory --clips 100000 --out /shared/data --ray auto

needs: pip install 'matrix3d[factory]'; --ray also 'matrix3d[ray]'
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...factory.clip import ClipConfig
    from ...factory.clip_files import FRAME_FORMATS
    from ...factory.job import FactoryJob
    from ...factory.ray_workers import LOCAL
    from ...factory.routes import HEADINGS, MIN_LENGTH_INDOOR_M, MIN_LENGTH_M, RouteConfig
    from ...synth.sets import SETS

    parser.epilog = EPILOG
    parser.add_argument("--clips", type=int, required=True, metavar="N", help="how many")
    add_out(parser)
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--families", nargs="+", metavar="NAME", help="families of procedural scenes, taken in turn"
    )
    text = "set whose families and seeds are used (default: train)"
    source.add_argument("--set", choices=tuple(SETS), default="train", help=text)
    text = "glb, gltf, obj or ply in meters: all clips are made in this scene"
    source.add_argument("--scene", type=Path, metavar="FILE", help=text)
    clips = parser.add_argument_group("clips")
    add, route = setting_adder(clips, ClipConfig()), setting_adder(clips, RouteConfig())
    route("--frames", "frames", "frames of a clip", type=int, metavar="N")
    add("--height", "height", "rows of the panoramas; columns are twice as many", type=int, metavar="PX")
    add("--samples", "samples", "color samples per pixel", type=int, metavar="N")
    route("--fps", "fps", "frames per second", type=float, metavar="F")
    route("--heading", "heading", "where the camera looks", choices=HEADINGS)
    text = f"routes must be longer, meters (default: {MIN_LENGTH_M:g}, indoors {MIN_LENGTH_INDOOR_M:g})"
    clips.add_argument("--min-length", dest="min_length_m", type=float, metavar="M", help=text)
    clips.add_argument(
        "--no-filter", action="store_true", help="keep clips that are dark, blank, still or flat, too"
    )
    work = parser.add_argument_group("work")
    job = setting_adder(work, FactoryJob)
    job("--seed", "seed", "of everything random", type=int, metavar="N")
    job("--clips-per-shard", "clips_per_shard", "clips in one shard, the unit of work", type=int, metavar="N")
    job(
        "--frame-format", "frame_format", "files of the frames; png is lossless", choices=tuple(FRAME_FORMATS)
    )
    text = "processes of this machine (default: 1)"
    work.add_argument("--workers", type=int, default=1, metavar="N", help=text)
    text = f"Ray cluster that works instead: auto, HOST:PORT or {LOCAL}; all its machines must share the disk of DIR"
    work.add_argument("--ray", default="", metavar="ADDRESS", help=text)
    out = parser.add_argument_group("clip folders")
    out.add_argument("--unpack", action="store_true", help="also write the clip folders that training reads")
    text = "clips that are left out of them, by their keys on the contact sheets"
    out.add_argument("--without", nargs="+", default=[], metavar="KEY", help=text)


def run(options: argparse.Namespace) -> int:
    """Make the clips."""
    from ...factory.clip_files import unpack_shards
    from ...factory.run import run_factory, table_of

    with Job() as bars:
        report = run_factory(
            _job_of(options), options.out, workers=options.workers, ray=options.ray, progress=bars
        )
        clips = []
        if options.unpack:
            clips = unpack_shards(options.out, options.out / "clips", skip=options.without, progress=bars)
    kept = len(report.index["shardlist"])
    say(f"{kept} shards, {report.made} of them made now; refused on the way:")
    for reason, count in sorted(report.refusals.items()):
        say(f"  {count:6d}  {reason}")
    print(table_of(report, options.out.name))
    for path in (*report.sheets, *([options.out / "clips"] if clips else [])):
        print(path)
    return EXIT_DONE


def _job_of(options: argparse.Namespace) -> FactoryJob:
    from ...factory.clip import ClipConfig
    from ...factory.filters import FilterConfig
    from ...factory.job import FactoryJob
    from ...factory.routes import RouteConfig
    from ...synth.sets import SETS

    clip = ClipConfig(
        **chosen_fields(options, ClipConfig),
        route=RouteConfig(**chosen_fields(options, RouteConfig)),
        filter=None if options.no_filter else FilterConfig(),
    )
    families = () if options.scene else tuple(options.families or SETS[options.set].families)
    scene = str(options.scene.resolve()) if options.scene else ""
    fields = chosen_fields(options, FactoryJob) | {"families": families, "scene_file": scene, "clip": clip}
    return FactoryJob(**fields)
