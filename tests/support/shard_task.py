"""A stand-in for the work of one shard, in the middle of which a worker can be killed; it needs neither torch nor a scene."""

from __future__ import annotations

import os
import time
from pathlib import Path

from matrix3d_core.errors import InvalidInput
from matrix3d_core.factory.shards import shard_name
from matrix3d_core.io.atomic import open_atomically
from matrix3d_core.progress import ProgressEvent


def make_text_shard(folder: Path, number: int, *, progress):
    """Write a file in two parts; between them wait while there is a file ``hold-NUMBER``, as long work would."""
    if (folder / f"refuse-{number}").exists():
        raise InvalidInput(f"shard {number} must not be refused; it is.")
    with open_atomically(folder / shard_name(number)) as file:
        file.write(b"one ")
        (folder / f"pid-{number}").write_text(str(os.getpid()))
        while (folder / f"hold-{number}").exists():
            progress(ProgressEvent(0, 1, "wait"))
            time.sleep(0.02)
        file.write(b"whole")
    return {"url": shard_name(number)}
