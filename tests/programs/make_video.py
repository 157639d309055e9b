"""One of two processes that make a video together; its settings are JSON."""

import json
import sys

import torch

from matrix3d_core.standalone.pipelines import PipelineSource
from matrix3d_core.standalone.video import VideoConfig, make_video

settings = json.loads(sys.argv[1])
if settings["pretend"]:
    # Diffusers counts accelerators to choose each process's device; on the CPU there is none to count.
    torch.accelerator.is_available, torch.accelerator.device_count = lambda: True, lambda: 2
torch.set_num_threads(1)
files = make_video(
    "a room",
    *torch.load(settings["given"]),
    out_dir=settings["out"],
    config=VideoConfig(settings["height"], settings["width"], steps=2),
    source=PipelineSource(settings["model"], dtype="float32", device="cpu"),
)
print("FILES", len(files))
