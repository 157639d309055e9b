"""``matrix3d evaluate``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..console import EXIT_DONE, say
from ..progress import Job

HELP = "measure videos and worlds, print the paper's tables"
DESCRIPTION = "Measure the results of methods and print Tables 2, 3 and 4 of the paper; or measure one world."
EPILOG = """\
RESULTS is a folder with a folder per method, and in it a folder per clip:
  METHOD/CLIP/frames/      pictures, or video.mp4 or composite.mp4
  METHOD/CLIP/truth/       the true ones, or truth.mp4; or for all methods truth/CLIP/frames/ or truth/CLIP/video.mp4
  METHOD/CLIP/cameras.json the commanded camera path, any format; or truth/CLIP/cameras.json
  METHOD/CLIP/poses.*      poses of the generated pictures: VGGT, Depth Anything 3, COLMAP and all other formats
  METHOD/CLIP/depth/       depth maps of the generated pictures; truth_depth/ or truth/CLIP/depth/ the true ones
  METHOD/CLIP/seconds.txt  how long it took
or the output folder of EvoWorld's loop test, or with --master the results of PanoWorld's benchmark; or a
results_long.csv, whose numbers are printed as they are.

RESULTS is a splat file: its navigable range in --scene, from the first pose of --cameras (without: from the origin),
and its renders from --cameras against the pictures --truth.

--weights is a folder with the networks of FID, FVD and LPIPS; what is not there is n/a, and its file is
named. Nothing is downloaded. docs/metrics.md has every definition and unit.

printed are the tables as markdown; with --out also written: tables.md, tables.csv, results_long.csv, report.json.

examples:
  matrix3d evaluate results
  matrix3d evaluate results --weights weights --solve-poses --out evaluation
  matrix3d evaluate eval_results --master test/master.csv --tables 2
  matrix3d evaluate world.ply --scene sample
  matrix3d evaluate world.ply --scene clips/000000-street-7/meta.json --cameras cameras.json --truth frames
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...evaluation.tables import TABLES

    parser.epilog = EPILOG
    parser.add_argument(
        "results",
        type=Path,
        metavar="RESULTS",
        help="folder of results, a results_long.csv, or a world's splats",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write to; made when missing")
    text = "folder with the weights of the networks that metrics use"
    parser.add_argument("--weights", type=Path, metavar="DIR", help=text)
    text = "PanoWorld's master.csv, for a folder of its results"
    parser.add_argument("--master", type=Path, metavar="FILE", help=text)
    text = "solve poses from the pictures where there are none; needs pycolmap"
    parser.add_argument("--solve-poses", action="store_true", help=text)
    text = "which tables (default: all)"
    parser.add_argument("--tables", nargs="+", choices=tuple(TABLES), default=list(TABLES), help=text)
    text = "where the networks run, such as cuda (default: cpu)"
    parser.add_argument("--device", default="cpu", metavar="NAME", help=text)
    world = parser.add_argument_group("a world")
    text = "for the navigable range: sample, FAMILY-SEED such as street-7, or the meta.json of a factory clip"
    world.add_argument("--scene", default="", metavar="SCENE", help=text)
    text = "camera path of the true pictures, in the world's frame; any format"
    world.add_argument("--cameras", type=Path, metavar="FILE", help=text)
    text = "the true pictures, one per pose: a folder or a video"
    world.add_argument("--truth", type=Path, metavar="PATH", help=text)
    text = "distance between the places of a walk, world units (default: 0.5)"
    world.add_argument("--step", type=float, default=0.5, metavar="M", help=text)
    text = "where a walk ends at the latest, world units (default: 20)"
    world.add_argument("--limit", type=float, default=20.0, metavar="M", help=text)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    from ...evaluation.results import find_results
    from ...evaluation.run import evaluate_clips
    from ...evaluation.tables import (
        clips_csv,
        format_table,
        paper_tables,
        read_long_csv,
        report_of,
        tables_csv,
        views_of_tables,
    )
    from ...metrics.networks import open_networks

    if options.results.is_file() and options.results.suffix.lower() != ".csv":
        return _measure_world(options)
    if options.results.suffix.lower() == ".csv":
        methods = read_long_csv(options.results)
    else:
        clips = find_results(options.results, options.master)
        networks = open_networks(options.weights, options.device)
        with Job() as bars:
            methods = evaluate_clips(
                clips,
                networks,
                views=views_of_tables(options.tables),
                solve=options.solve_poses,
                progress=bars,
            )
    tables = paper_tables(methods, options.tables)
    text = "\n\n".join(format_table(table) for table in tables) + "\n"
    print(text, end="")
    files = {
        "tables.md": text,
        "tables.csv": tables_csv(tables),
        "results_long.csv": clips_csv(methods),
        "report.json": json.dumps(report_of(tables, methods), indent=1) + "\n",
    }
    return _write(options.out, files)


def _measure_world(options: argparse.Namespace) -> int:
    import torch

    from ...evaluation.one import evaluate_world
    from ...evaluation.results import read_frames
    from ...evaluation.tables import format_world
    from ...evaluation.truth import truth_of
    from ...io.camera_paths.door import import_trajectory
    from ...io.splats import read_gaussians
    from ...metrics.networks import open_networks
    from ...scene.trajectory import Trajectory

    gaussians = read_gaussians(options.results)
    path = Trajectory(torch.eye(4, dtype=torch.float64)[None])
    if options.cameras is not None:
        path = import_trajectory(options.cameras).trajectory
    scene = options.scene
    if scene.endswith(".json"):
        scene = Path(scene).read_text(encoding="utf-8")
    with Job() as bars:
        found = evaluate_world(
            gaussians,
            None if options.truth is None else read_frames(options.truth, progress=bars),
            path,
            networks=open_networks(options.weights, options.device),
            truth=truth_of(scene) if scene else None,
            step=options.step,
            limit=options.limit,
            progress=bars,
        )
    text = format_world(found) + "\n"
    print(text, end="")
    report = {view: measures.report() for view, measures in found.items()}
    return _write(options.out, {"tables.md": text, "report.json": json.dumps(report, indent=1) + "\n"})


def _write(out: Path | None, files: dict[str, str]) -> int:
    from ...io.atomic import open_atomically

    if out is None:
        return EXIT_DONE
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        with open_atomically(out / name) as file:
            file.write(content.encode())
        say(str(out / name))
    return EXIT_DONE
