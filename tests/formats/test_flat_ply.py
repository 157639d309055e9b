"""2D Gaussians as PLY: what the file holds, what comes back, and what is refused or lost."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from splat_scenes import random_gaussians

from matrix3d_core.errors import InvalidInput
from matrix3d_core.io.splats import load_gaussians, write_gaussians
from matrix3d_core.scene.gaussians import Gaussians

HALF = math.sqrt(0.5)
FLAT_SPLATS = (  # rotation, scales, and by hand: the covariance without the thickness
    ((1, 0, 0, 0), (1e-4, 2, 3), np.diag((0, 4, 9))),
    ((1, 0, 0, 0), (2, 1e-4, 3), np.diag((4, 0, 9))),
    ((1, 0, 0, 0), (2, 3, 1e-4), np.diag((4, 9, 0))),
    ((HALF, 0, 0, HALF), (1e-4, 2, 3), np.diag((4, 0, 9))),  # a quarter about z: its x is the world's y
    ((HALF, 0, HALF, 0), (2, 1e-4, 3), np.diag((9, 0, 4))),  # about y: its z is the world's x, its x is -z
    ((math.cos(0.3), math.sin(0.3), 0, 0), (2, 3, 1e-4), None),  # about x by 0.6
)


def flat_splats():
    quats, scales, _ = zip(*FLAT_SPLATS, strict=True)
    rest = random_gaussians(len(FLAT_SPLATS), 4)
    return Gaussians(rest.means, torch.tensor(quats), torch.tensor(scales), rest.opacities, rest.sh)


def stored(data):
    """The properties of a little-endian PLY of floats, column by column."""
    header, body = data.split(b"end_header\n", 1)
    names = [line.split()[-1] for line in header.decode().splitlines() if line.startswith("property float ")]
    table = np.frombuffer(body, "<f4").reshape(-1, len(names))
    return dict(zip(names, table.T.astype(np.float64), strict=True))


def axes_of(w, x, y, z):
    """The rotation's columns: where a unit quaternion takes the axes."""
    return np.array(
        [
            [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z],
        ]
    )


def covariances(quats, scales):
    turns = [axes_of(*quat) for quat in quats.double().tolist()]
    return np.stack([R @ np.diag(s) ** 2 @ R.T for R, s in zip(turns, scales.double().tolist(), strict=True)])


def flat_bytes(gaussians, kind="ply 2dgs"):
    file = io.BytesIO()
    return write_gaussians(file, gaussians, kind=kind), file.getvalue()


def test_the_file_holds_two_scales_and_the_normal_as_third_axis():
    losses, data = flat_bytes(flat_splats())
    assert losses == []
    column = stored(data)
    names = [
        "x",
        "y",
        "z",
        "nx",
        "ny",
        "nz",
        "f_dc_0",
        "f_dc_1",
        "f_dc_2",
        *(f"f_rest_{i}" for i in range(9)),
    ]
    assert list(column) == [*names, "opacity", "scale_0", "scale_1", "rot_0", "rot_1", "rot_2", "rot_3"]
    for i, (_, _, wanted) in enumerate(FLAT_SPLATS[:5]):
        turn = axes_of(*(column[f"rot_{k}"][i] for k in range(4)))
        flat = np.diag((math.exp(column["scale_0"][i]), math.exp(column["scale_1"][i]), 0))
        np.testing.assert_allclose(turn @ flat**2 @ turn.T, wanted, atol=3e-6)  # floats of up to 9
    sixth = axes_of(*(column[f"rot_{k}"][5] for k in range(4)))
    np.testing.assert_allclose(sixth[:, 2], (0, -math.sin(0.6), math.cos(0.6)), atol=1e-6)
    before = flat_splats()
    np.testing.assert_allclose(1 / (1 + np.exp(-column["opacity"])), before.opacities, atol=1e-6)
    np.testing.assert_allclose(column["f_rest_3"], before.sh[:, 1, 1], atol=0)  # green's first of three


def test_flat_splats_come_back_as_they_were():
    before = random_gaussians(20_000, 4)  # two chunks
    thinnest = torch.arange(len(before)) % 3
    before.scales[torch.arange(len(before)), thinnest] = 1e-3 * before.scales.amin(1)
    before = before.with_labels(origins=torch.arange(len(before)) % 3)
    _, data = flat_bytes(before)
    after, report = load_gaussians(io.BytesIO(data))
    assert report["layout"] == "2D Gaussians (two scales): read as flat splats."
    wanted, got = (covariances(g.quats_wxyz[:2000], g.scales[:2000]) for g in (before, after))
    # Logarithms in 32 bits keep scales to 2e-6; the thickness is a thousandth of the smaller radius again, or less.
    largest = before.scales[:2000].double().amax(1)[:, None, None].numpy() ** 2
    assert (np.abs(got - wanted) / largest).max() < 1e-5
    for name in ("means", "sh", "origins"):
        assert torch.equal(getattr(after, name), getattr(before, name))


def test_thick_splats_are_refused_and_the_way_out_is_said():
    world = flat_splats()
    world.scales[1] = torch.tensor((2, 0.5, 3))
    file = io.BytesIO()
    with pytest.raises(InvalidInput) as error:
        write_gaussians(file, world, kind="ply 2dgs")
    said = str(error.value)
    assert "must be flat to be written as 2D Gaussians, their thinnest scale at most 0.01 of the next" in said
    assert "1 of 6 splats are thicker (half of them above 0.25, one 0.25)" in said
    assert said.endswith("Choose ply 2dgs flatten to leave out the thickness, or save them as a usual PLY.")
    assert file.getvalue() == b""


def test_flattening_says_what_is_lost_and_keeps_the_rest(caplog):
    world = flat_splats()
    world.scales[1] = torch.tensor((2, 0.5, 3))
    losses, data = flat_bytes(world, "ply 2dgs flatten")
    assert losses == [
        "2D Gaussians have no thickness; 1 of 6 splats are thicker (half of them above 0.25, one 0.25) than 0.01 of "
        "their radius."
    ]
    assert losses[0] in caplog.text
    assert data == flat_bytes(flat_splats())[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g.select(torch.arange(0)), "at least 1"),
        (lambda g: g.scales.mul_(math.nan) is None or g, "finite"),
    ],
)
def test_what_no_ply_takes_is_refused(change, message):
    with pytest.raises(InvalidInput, match=message):
        flat_bytes(change(flat_splats()))
