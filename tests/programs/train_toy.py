"""Train the toy network into a folder: four steps of three samples."""

import sys
from pathlib import Path

from toy_training import run

from matrix3d_core.training.loop import LoopConfig

run(Path(sys.argv[1]), LoopConfig(steps=4, batch=3, lr=0.05))
