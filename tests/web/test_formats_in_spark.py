"""The same world in every format that Spark reads: the browser shows the picture that our own renderer draws."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from urllib.parse import urlencode

import numpy as np
import pytest
import torch
from chromium import open_page, wait_for_world
from comfy_server import PACK_FOLDER
from PIL import Image
from splat_scenes import blob_world

from matrix3d_core.geometry.harmonics import sh_basis
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.io.splat_formats import FORMATS
from matrix3d_core.io.splats import write_gaussians
from matrix3d_core.io.world_json import describe_world, write_world_info
from matrix3d_core.raster.splat import render_gaussians
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]

WIDTH, HEIGHT = 480, 270
FOCAL_PX = HEIGHT / 2 / math.tan(math.radians(65) / 2)
EYE, YAW, PITCH = (0.4, -0.3, 0.6), 25.0, -12.0
CASES = {
    **{form.name: {} for form in FORMATS if form.in_browser},
    "spz-rub": {"axes": "RUB"},
    "ply-rub": {"axes": "RUB"},
    "sog-blender": {"axes": "RFU"},
}


def colored_world(bases=4):
    """The blobs, stretched and turned, with light that depends on the direction."""
    blobs = blob_world()
    rng = torch.Generator().manual_seed(2)
    quats = torch.nn.functional.normalize(torch.randn(len(blobs), 4, generator=rng), dim=-1)
    sh = torch.nn.functional.pad(blobs.sh, (0, 0, 0, bases - 1))
    if bases > 1:  # bluer from the front than from behind, and redder from the right
        sh[:, 2] = torch.tensor([-0.8, -0.8, 0.8])
        sh[:, 3] = torch.tensor([0.8, 0.0, 0.0])
    return Gaussians(blobs.means, quats, blobs.scales * torch.tensor([2.0, 1, 0.5]), blobs.opacities, sh)


def camera():
    angles = [torch.tensor(math.radians(angle), dtype=torch.float64) for angle in (YAW, PITCH, 0.0)]
    rotation = matrix_from_yaw_pitch_roll(*angles)
    return Trajectory.from_centers(rotation[None], torch.tensor([EYE]))


def drawn(gaussians):
    K_px = torch.tensor([[FOCAL_PX, 0, WIDTH / 2], [0, FOCAL_PX, HEIGHT / 2], [0, 0, 1]], dtype=torch.float64)
    background = (14 / 255, 16 / 255, 19 / 255)
    frame = render_gaussians(
        gaussians, camera().camera_from_world[0], K_px, HEIGHT, WIDTH, background=background
    )
    return frame.rgb.clamp(0, 1).numpy()


def psnr(a, b):
    return -10 * math.log10(float(((a - b) ** 2).mean()))


@pytest.fixture(scope="module")
def opened(browser):
    with open_page(browser, width=WIDTH, height=HEIGHT) as opened:
        yield opened


@pytest.fixture(scope="module")
def worlds(comfy):
    for name, options in CASES.items():
        path = comfy.output_dir / f"format-{name}.{name.split('-')[0]}"
        world = colored_world()
        if name == "ply":  # with the properties that no other program knows
            numbers = torch.arange(len(world))
            labels = {
                "origins": numbers % 3,
                "classes": numbers % 6,
                "instances": numbers,
                "motions": numbers % 2,
            }
            world = replace(world.with_labels(**labels), instance_names={1: "a fountain"})
        write_gaussians(path, world, **options)
        write_world_info(
            path, describe_world(colored_world(), trajectory=camera(), axes=options.get("axes", "RDF"))
        )
    return comfy


def shown(opened, worlds, name):
    opened.problems.clear()
    query = {"filename": f"format-{name}.{name.split('-')[0]}", "type": "output", "sidecar": 1}
    opened.page.goto(f"{worlds.address}/extensions/{PACK_FOLDER}/viewer/world.html?{urlencode(query)}")
    assert wait_for_world(opened.page) == {"count": len(colored_world())}, name
    assert opened.problems == []
    opened.page.add_style_tag(content=".m3d-hud, .m3d-bar, .m3d-hint { visibility: hidden }")
    return np.asarray(Image.open(io.BytesIO(opened.page.screenshot())).convert("RGB")).astype(float) / 255


@pytest.mark.parametrize("name", list(CASES))
def test_picture_is_the_same_from_each_format(opened, worlds, name):
    world = colored_world(1 if name == "splat" else 4)
    # Spark packs colors, scales and rotations into 8 bits and so do most formats: 37 dB. A world that is turned,
    # mirrored or of plain color gives below 30 dB (the next test).
    value = psnr(shown(opened, worlds, name), drawn(world))
    print(f"{name}: {value:.2f} dB")
    assert value > 35


def test_what_the_bound_excludes():
    world = colored_world()
    flat = Gaussians(*world.tensors()[:4], world.sh[:, :1])
    assert psnr(drawn(world), drawn(flat)) < 30
    mirrored = Gaussians(world.means * torch.tensor([-1.0, 1, 1]), *world.tensors()[1:])
    assert psnr(drawn(world), drawn(mirrored)) < 30
    assert sh_basis(torch.tensor([1.0, 0, 0]), 4)[3] < 0


def test_left_handed_files_are_refused_in_words(opened, worlds):
    path = worlds.output_dir / "unity.ply"
    write_gaussians(path, colored_world(), axes="RUF")
    write_world_info(path, describe_world(colored_world(), axes="RUF"))
    query = {"filename": "unity.ply", "type": "output", "sidecar": 1}
    opened.page.goto(f"{worlds.address}/extensions/{PACK_FOLDER}/viewer/world.html?{urlencode(query)}")
    assert "left-handed" in wait_for_world(opened.page)["error"]


def test_spz_4_is_not_read_by_this_spark(opened, worlds):
    """When this fails, Spark has learned version 4: say so in the tooltip of Save Splats and in docs/formats.md."""
    pytest.importorskip("zstandard")
    write_gaussians(worlds.output_dir / "four.spz", colored_world(), kind="spz 4")
    query = {"filename": "four.spz", "type": "output"}
    opened.page.goto(f"{worlds.address}/extensions/{PACK_FOLDER}/viewer/world.html?{urlencode(query)}")
    assert "Could not display four.spz" in wait_for_world(opened.page)["error"]
