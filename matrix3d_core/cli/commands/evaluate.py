"""``matrix3d evaluate``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..console import EXIT_DONE, say
from ..progress import Job

HELP = "measure videos and worlds, print the paper's tables"
DESCRIPTION = "Measure the results of one or several methods and print Tables 2, 3 and 4 of the paper."
EPILOG = """\
RESULTS is a folder with a folder per method, and in it a folder per clip:
  METHOD/CLIP/frames/      pictures, or video.mp4 or composite.mp4
  METHOD/CLIP/truth/       the true ones, or truth.mp4; or for all methods truth/CLIP/frames/ or truth/CLIP/video.mp4
  METHOD/CLIP/cameras.json the commanded camera path, any format; or truth/CLIP/cameras.json
  METHOD/CLIP/poses.*      poses of the generated pictures: VGGT, Depth Anything 3, COLMAP and all other formats
  METHOD/CLIP/seconds.txt  how long it took
or the output folder of EvoWorld's loop test, or with --master the results of PanoWorld's benchmark; or a
results_long.csv, whose numbers are printed as they are.

--weights is a folder with the networks of FID, FVD and LPIPS; what is not there is n/a, and its file is
named. Nothing is downloaded. docs/metrics.md has every definition and unit.

printed are the tables as markdown; with --out also written: tables.md, tables.csv, results_long.csv, report.json.

examples:
  matrix3d evaluate results
  matrix3d evaluate results --weights weights --solve-poses --out evaluation
  matrix3d evaluate eval_results --master test/master.csv --tables 2
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from ...evaluation.tables import TABLES

    parser.epilog = EPILOG
    parser.add_argument(
        "results", type=Path, metavar="RESULTS", help="folder of results, or a results_long.csv"
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
    from ...io.atomic import open_atomically
    from ...metrics.networks import open_networks

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
    if options.out is None:
        return EXIT_DONE
    options.out.mkdir(parents=True, exist_ok=True)
    for name, content in (
        ("tables.md", text),
        ("tables.csv", tables_csv(tables)),
        ("results_long.csv", clips_csv(methods)),
        ("report.json", json.dumps(report_of(tables, methods), indent=1) + "\n"),
    ):
        with open_atomically(options.out / name) as file:
            file.write(content.encode())
        say(str(options.out / name))
    return EXIT_DONE
