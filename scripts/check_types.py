"""Run mypy on the core and the scripts, then on the nodes.

The nodes reach the core as ``..matrix3d_core``: the checkout is a package, under the name of
its folder, which is rarely a valid one in Python. So it is linked to under a valid name.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from this_system import link_folder

ROOT = Path(__file__).resolve().parents[1]
NAME = "matrix3d_pack"


def main(arguments: list[str]) -> int:
    """Check everything; the arguments go to mypy."""
    link = ROOT / ".mypy_cache" / "links" / NAME
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        link.unlink(missing_ok=True)  # the checkout has moved
        link_folder(link, ROOT)
    mypy = [sys.executable, "-m", "mypy", *arguments]
    nodes = ["--follow-imports=silent", "--package", f"{NAME}.nodes"]
    as_pack = {**os.environ, "MYPYPATH": str(link.parent)}
    status = subprocess.call(mypy, cwd=ROOT)
    return subprocess.call([*mypy, *nodes], cwd=ROOT, env=as_pack) or status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
