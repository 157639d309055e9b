"""`matrix3d world` whose work takes half a minute and writes into a file all the while."""

import signal
import sys
import time
from pathlib import Path

from matrix3d_core import cli
from matrix3d_core.io.atomic import open_atomically
from matrix3d_core.progress import ProgressEvent
from matrix3d_core.standalone import world

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start with it ignored


def make_world(panorama, *, out_dir, progress, **rest):
    Path(out_dir).mkdir(exist_ok=True)
    with open_atomically(Path(out_dir) / "world.ply") as file:
        file.write(b"half")
        file.flush()
        for step in range(600):
            progress(ProgressEvent(step, 600, "working"))
            time.sleep(0.05)


world.make_world = make_world
sys.exit(cli.main(sys.argv[1:]))
