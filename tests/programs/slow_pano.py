"""`matrix3d pano` that says when it decodes, and takes a minute for it."""

import signal
import sys
import time

from matrix3d_core import cli
from matrix3d_core.standalone import pano

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start with it ignored

real = pano._decode


def slow(*arguments):
    print("STARTED", flush=True)
    time.sleep(60)
    return real(*arguments)


pano._decode = slow
sys.exit(cli.main(sys.argv[1:]))
