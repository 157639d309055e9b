"""The ``matrix3d`` command: panoramas, videos and worlds without ComfyUI, and a report on this machine."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from ..errors import Matrix3DError
from .console import EXIT_STOPPED, EXIT_WRONG, say
from .parser import build_parser

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, see `matrix3d_core.cli.console`."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = build_parser(arguments).parse_args(arguments)
        level = logging.INFO if options.verbose else logging.WARNING
        logging.basicConfig(level=level, format="%(levelname)s: %(message)s")
        status: int = options.run(options)
        return status
    except Matrix3DError as error:
        say(f"matrix3d: {error}")
        if "--verbose" in arguments or "-v" in arguments:
            raise
        return EXIT_WRONG
    except OSError as error:
        say(f"matrix3d: {error}")
        return EXIT_WRONG
    except KeyboardInterrupt:
        say("matrix3d: stopped")
        return EXIT_STOPPED
