"""The recorded path as a film: Preview Splats, Render Splats and core's video nodes, in the real host."""

from __future__ import annotations

import json
import math

import pytest
import torch
from small_worlds import room

from matrix3d_core.io.splats import write_gaussians
from matrix3d_core.metrics.image import psnr
from matrix3d_core.splats.render import render_path
from matrix3d_core.trajectories.recording import parse_recording, trajectory_from_recording

pytestmark = [pytest.mark.host, pytest.mark.slow]

RECORDING = json.dumps({"version": 1, "use": "keys", "keys": [[0, 0, -1, 0, 0], [0.5, 0, 1, 60, 0]]})


def test_a_recorded_path_becomes_a_film(comfy):
    import av

    world = room()
    write_gaussians(comfy.input_dir / "film_room.ply", world)
    outputs = comfy.run(
        {
            "load": comfy.node("SplatLoad", file="film_room.ply"),
            "walk": comfy.node("SplatPreview", splat=["load", 0], frames=9, recording=RECORDING),
            "film": comfy.node(
                "SplatRender", splat=["load", 0], trajectory=["walk", 1], width=160, height=96, fov=90.0
            ),
            "video": {"class_type": "CreateVideo", "inputs": {"images": ["film", 0], "fps": 12.0}},
            "save": {
                "class_type": "SaveVideo",
                "inputs": {
                    "video": ["video", 0],
                    "filename_prefix": "film/walk",
                    "format": "mp4",
                    "codec": "h264",
                },
            },
        },
        timeout=200,
    )
    assert outputs["save"]
    (file,) = (comfy.output_dir / "film").glob("walk*.mp4")
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        assert float(stream.average_rate) == 12
        frames = [
            torch.from_numpy(frame.to_ndarray(format="rgb24")).float() / 255
            for frame in container.decode(stream)
        ]
    assert len(frames) == 9
    assert frames[0].shape == (96, 160, 3)
    path = trajectory_from_recording(parse_recording(RECORDING), frames=9)
    truth = render_path(world, path, height=96, width=160, fov_x_rad=math.pi / 2).rgb
    for shown, wanted in ((0, 0), (8, 8)):
        assert psnr(frames[shown], truth[wanted]) > 26  # H.264 with half the color
    assert psnr(frames[8], truth[0]) < 20, "the camera went somewhere"
