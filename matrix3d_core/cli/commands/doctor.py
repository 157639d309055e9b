"""``matrix3d doctor``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..console import EXIT_DONE, EXIT_UNUSABLE

HELP = "report what works on this machine; paste it into bug reports"
DESCRIPTION = "Report which backends, packages and model files are usable here, and why the others are not."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--json", action="store_true", help="as JSON instead of Markdown")
    text = "look for models in this ComfyUI (default: COMFYUI_DIR)"
    parser.add_argument("--comfyui", type=Path, metavar="DIR", help=text)


def run(options: argparse.Namespace) -> int:
    """Print the report; the status says whether worlds can be made here."""
    from ...doctor import examine, to_markdown

    report = examine(options.comfyui)
    print(json.dumps(report, indent=2) if options.json else to_markdown(report), flush=True)
    return EXIT_DONE if report["ready"] else EXIT_UNUSABLE
