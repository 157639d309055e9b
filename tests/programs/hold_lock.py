"""Hold a file's lock until the input ends; print whether it was had."""

import sys
from pathlib import Path

from matrix3d_core.machine import locked

with locked(Path(sys.argv[1])) as mine:
    print(mine, flush=True)
    sys.stdin.read()
