"""Reads x.pt as a LoRA; prints what is raised, and whether less than 1 GB was taken."""

import resource
from pathlib import Path

from matrix3d_core.lora.files import read_lora

before = resource.getrusage(resource.RUSAGE_SELF)
try:
    read_lora(Path("x.pt"))
except Exception as error:
    print(type(error).__name__)
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_maxrss - before.ru_maxrss < 2**20)
