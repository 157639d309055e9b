"""Reads pictures; prints of each its shape, whether it has gaps, and the bytes that reading took at most."""

import re
import sys
from pathlib import Path

from matrix3d_core.io.images import read_picture


def kilobytes(what):
    return int(re.search(rf"{what}:\s+(\d+)", Path("/proc/self/status").read_text()).group(1))


for small, file, max_width in zip(sys.argv[1::3], sys.argv[2::3], sys.argv[3::3], strict=True):
    read_picture(small)  # what a first call loads is no part of the picture
    before = kilobytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the highest value counts from here
    picture = read_picture(file, max_width=int(max_width))
    print(*picture.rgb.shape, int(picture.missing is not None), (kilobytes("VmHWM") - before) * 1024)
    del picture
