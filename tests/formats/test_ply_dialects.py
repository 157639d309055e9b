"""Gaussian PLYs of other programs: flat, round, text, colored, activated, turned; and what is no Gaussian at all."""

from __future__ import annotations

import io
import math
import struct

import numpy as np
import pytest
import torch
from splat_scenes import random_gaussians

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.io.ply import write_ply
from matrix3d_core.io.splats import load_gaussians, read_gaussians
from matrix3d_core.io.world_json import WorldInfo, write_world_info

USUAL = "x y z f_dc_0 f_dc_1 f_dc_2 opacity scale_0 scale_1 scale_2 rot_0 rot_1 rot_2 rot_3".split()
CODES = {"float": "f", "double": "d", "uchar": "B", "ushort": "H", "int": "i"}


def usual_rows(count=30):
    """Rows by name: places on a slanted sheet, sizes around 2 % of a unit, opacities of all kinds."""
    rows = []
    for i in range(count):
        row = {"x": 0.1 * (i % 6), "y": 0.1 * (i // 6), "z": 2 + 0.01 * i, "opacity": -2 + 6 * i / count}
        row |= {f"f_dc_{c}": 0.1 * c - 0.01 * i for c in range(3)}
        row |= {f"scale_{k}": math.log(0.02) - 0.1 * k + 0.003 * i for k in range(3)}
        row |= {f"rot_{k}": v for k, v in enumerate((0.8, 0.0, 0.6, 0.0))}
        rows.append(row)
    return rows


def ply(
    rows, types=None, *, comments=(), before=(), before_bytes=b"", after=(), text=False, order="<", line="\n"
):
    """A PLY of dicts; ``types`` names the type of columns that are no floats."""
    types = dict.fromkeys(rows[0], "float") | (types or {})
    form = "ascii" if text else {"<": "binary_little_endian", ">": "binary_big_endian"}[order]
    head = [
        "ply",
        f"format {form} 1.0",
        *(f"comment {c}" for c in comments),
        *before,
        f"element vertex {len(rows)}",
    ]
    head += [f"property {types[name]} {name}" for name in rows[0]] + [*after, "end_header", ""]
    if text:
        body = "".join(" ".join(repr(v) for v in row.values()) + line for row in rows).encode()
    else:
        layout = struct.Struct(order + "".join(CODES[types[name]] for name in rows[0]))
        body = b"".join(layout.pack(*row.values()) for row in rows)
    return line.join(head).encode() + before_bytes + body


def load(data, **options):
    return load_gaussians(io.BytesIO(data), kind="ply", **options)


def without(rows, *names):
    return [{name: v for name, v in row.items() if name not in names} for row in rows]


def renamed(rows, names):
    return [{names.get(name, name): v for name, v in row.items()} for row in rows]


# Columns -------------------------------------------------------------------------------------------------


def test_two_scales_are_flat_splats():
    rows = without(usual_rows(), "scale_2")
    world, report = load(ply(rows))
    assert report["layout"] == "2D Gaussians (two scales): read as flat splats."
    for i, row in enumerate(rows):
        wide = [math.exp(row["scale_0"]), math.exp(row["scale_1"])]
        assert world.scales[i].tolist() == pytest.approx([*wide, 1e-3 * min(wide)], rel=1e-5)


def test_one_scale_is_a_ball():
    for names in ({}, {"scale_0": "scale"}):
        rows = renamed(without(usual_rows(), "scale_1", "scale_2"), names)
        world, report = load(ply(rows))
        assert "read as balls" in report["layout"]
        assert torch.equal(world.scales[:, 0], world.scales[:, 2])
        assert float(world.scales[3, 0]) == pytest.approx(math.exp(math.log(0.02) + 0.009), rel=1e-5)


@pytest.mark.parametrize(
    "names",
    [
        {"scale_0": "scale_x", "scale_1": "scale_y", "scale_2": "scale_z"},
        {"rot_0": "rot_w", "rot_1": "rot_x", "rot_2": "rot_y", "rot_3": "rot_z"},
        {f"rot_{k}": f"rotation_{k}" for k in range(4)} | {f"scale_{k}": f"scaling_{k}" for k in range(3)},
        {"rot_0": "qw", "rot_1": "qx", "rot_2": "qy", "rot_3": "qz", "opacity": "alpha"},
    ],
)
def test_other_names(names):
    usual, other = load(ply(usual_rows()))[0], load(ply(renamed(usual_rows(), names)))[0]
    assert all(torch.equal(a, b) for a, b in zip(usual.tensors(), other.tensors(), strict=True))


@pytest.mark.parametrize(("kind", "steps"), [("uchar", 255), ("ushort", 65535), ("float", 1)])
def test_colors_instead_of_harmonics(kind, steps):
    rows = without(usual_rows(), "f_dc_0", "f_dc_1", "f_dc_2")
    shades = [[i % 7 / 7, 0.5, 1.0] for i in range(len(rows))]
    stored = [[round(v * steps) if steps > 1 else v for v in shade] for shade in shades]
    rows = [
        row | dict(zip(("red", "green", "blue"), s, strict=True)) for row, s in zip(rows, stored, strict=True)
    ]
    world, report = load(ply(rows, dict.fromkeys(("red", "green", "blue"), kind)))
    assert "colors come from red, green, blue" in report["layout"]
    wanted = torch.tensor(stored) / steps
    torch.testing.assert_close(world.colors, wanted, rtol=0, atol=1e-6)


def test_harmonics_as_bytes_are_colors():
    rows = [row | {f"f_dc_{c}": 40 * c + i for c in range(3)} for i, row in enumerate(usual_rows())]
    world, report = load(ply(rows, {f"f_dc_{c}": "uchar" for c in range(3)}))
    assert "f_dc are bytes" in report["layout"]
    assert world.colors[5].tolist() == pytest.approx([5 / 255, 45 / 255, 85 / 255], abs=1e-6)


def test_opacities_as_bytes_and_none_at_all():
    rows = [row | {"opacity": 10 * (i % 20)} for i, row in enumerate(usual_rows())]
    world, report = load(ply(rows, {"opacity": "uchar"}))
    assert report["opacity"] == "bytes, from 0 to their largest."
    assert world.opacities[7].item() == pytest.approx(70 / 255, abs=1e-6)
    world, report = load(ply(without(usual_rows(), "opacity")))
    assert report["opacity"].startswith("none in the file: splats are opaque.")
    assert torch.equal(world.opacities, torch.ones(30))


def test_no_rotations():
    rows = without(usual_rows(), *(f"rot_{k}" for k in range(4)))
    world, report = load(ply(rows))
    assert "no rotations" in report["layout"]
    assert torch.equal(world.quats_wxyz, torch.tensor([1.0, 0, 0, 0]).expand(30, 4))
    with pytest.raises(FormatError, match="lacks the properties rot_3"):
        load(ply(without(usual_rows(), "rot_3")))


def test_degree_4_is_reduced():
    rows = [row | {f"f_rest_{k}": 0.001 * k + i for k in range(72)} for i, row in enumerate(usual_rows(5))]
    world, report = load(ply(rows))
    assert report["sh_degree"] == "degree 4 in the file; the last band is dropped. 3 here."
    assert world.sh.shape[1] == 16
    for coefficient in (1, 8, 15):  # 24 of each channel in the file, 15 are kept
        stored = [0.001 * (24 * c + coefficient - 1) + 2 for c in range(3)]
        assert world.sh[2, coefficient].tolist() == pytest.approx(stored, abs=1e-6)


# Bytes and text --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_text(line):
    rows = usual_rows()
    before = ["element camera 2", "property float f", "element strip 1", "property list uchar int i"]
    data = ply(
        rows,
        text=True,
        line=line,
        before=before,
        before_bytes=line.join(["1.5", "2", "3 0 1 2", ""]).encode(),
    )
    world, _ = load(data)
    binary, _ = load(ply(rows))
    for ours, theirs in zip(world.tensors(), binary.tensors(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-40], "must hold 14 numbers; got"),
        (lambda data: data[: data.rindex(b"\n", 0, -1) + 1], "the header promises 30 rows, 29 follow it"),
        (lambda data: data.replace(b"0.8 0.0 0.6", b"0.8 zero 0.6", 1), "something other than numbers"),
        (lambda data: data.replace(b"vertex 30", b"vertex 3000000"), "promises 3000000 rows of text"),
        (lambda data: data.replace(b"0.8 0.0 0.6", b"0.8 nan 0.6", 1), "1 of 30 Gaussians hold NaN"),
        (lambda data: data[:-1] + b" " * 70_000, "must be shorter than 65536 bytes"),
    ],
)
def test_damaged_text(change, message):
    with pytest.raises(FormatError, match=r"^stream: ") as error:
        load(change(ply(usual_rows(), text=True)))
    assert message in str(error.value)


def test_lists_before_the_vertices_and_bytes_the_other_way_round():
    before = ["element face 2", "property uchar flags", "property list uchar int vertex_indices"]
    faces = struct.pack(">BB3i", 7, 3, 0, 1, 2) + struct.pack(">BB4i", 8, 4, 0, 1, 2, 3)
    types = dict.fromkeys(USUAL, "double")
    world, _ = load(ply(usual_rows(), types, order=">", before=before, before_bytes=faces))
    wanted, _ = load(ply(usual_rows()))
    torch.testing.assert_close(world.scales, wanted.scales, rtol=1e-6, atol=0)
    cut = ply(
        usual_rows(),
        types,
        order=">",
        before=[before[0].replace("2", "200"), *before[1:]],
        before_bytes=faces,
    )
    with pytest.raises(FormatError, match=r"truncated within the lists|is truncated: the header promises"):
        load(cut)
    with pytest.raises(
        FormatError, match=r"2,000,000 rows of lists before its vertices, at most 1,000,000\. Save it"
    ):
        load(ply(usual_rows(), before=[before[0].replace("2", "2000000"), *before[1:]]))


def test_a_header_is_not_ended_by_a_comment():
    data = ply(usual_rows(), comments=["end_header of another file", "the last line is end_header"])
    assert len(load(data)[0]) == 30


# Comments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comment", "up"),
    [
        ("Vertical Axis: z", (0, 0, 1)),  # nerfstudio
        ("Vertical axis: y", (0, -1, 0)),  # Brush, y down
        ("vertical_axis: x", (1, 0, 0)),
        ("Vertical Axis: +y", (0, 1, 0)),
        ("Vertical Axis: -z", (0, 0, -1)),
        ("Vertical Axis: -x", (-1, 0, 0)),
        ("Vertical axis: 0 0 1", (0, 0, 1)),  # Brush
        ("Vertical axis: [-0.001, -2.0, 0.001]", (0, -1, 0)),
    ],
)
def test_vertical_axis(comment, up):
    rows = usual_rows(8)
    for i, row in enumerate(rows):
        row.update(zip("xyz", (0.5 * i * part for part in up), strict=True))
    world, report = load(ply(rows, comments=["Generated by somebody", comment]))
    torch.testing.assert_close(world.means[:, 1], -0.5 * torch.arange(8.0))  # y points down here
    torch.testing.assert_close(world.means[:, [0, 2]], torch.zeros(8, 2))
    assert "as its vertical axis" in report["axes"]
    assert "To choose: axes." in report["axes"]
    # Turned, not mirrored: a right-handed triple stays one.
    for i, place in enumerate(np.eye(3)[[0, 1, 2]]):
        rows[i].update(zip("xyz", place.tolist(), strict=True))
    turned = load(ply(rows, comments=[comment]))[0].means[:3]
    assert torch.linalg.det(turned.double()) == pytest.approx(1)
    asked, report = load(ply(rows, comments=[comment]), axes="RDF")
    assert asked.means[1].tolist() == [0, 1, 0]
    assert report["axes"] == "RDF (x right, y down, z forward): as asked for."


def test_vertical_axes_that_are_none():
    world, report = load(ply(usual_rows(), comments=["Vertical axis: 1 1 0", "vertical axis: 9e999 0 0"]))
    assert torch.equal(world.means, load(ply(usual_rows()))[0].means)
    assert "which is none of its axes; not rotated" in report["axes"]


@pytest.mark.parametrize(
    ("comments", "start"),
    [
        (["SplatRenderMode: mip"], "yes"),
        (["SplatRenderMode: default"], "no"),
        (["antialiased 1"], "yes"),
        (["antialiased 0"], "no"),
        (["Antialiased: true"], "yes"),
        (["SplatRenderMode: mip", "antialiased 0"], "no"),  # the last one counts
        (["Anti-aliasing=off"], "no"),
        ([], "not stated in the file"),
    ],
)
def test_antialiased(comments, start):
    assert load(ply(usual_rows(), comments=comments))[1]["antialiased"].startswith(start)


# What the numbers stand for -----------------------------------------------------------------------------------


def activated(rows, *, scale=False, opacity=False):
    changed = []
    for row in rows:
        row = dict(row)
        if scale:
            row |= {f"scale_{k}": math.exp(row[f"scale_{k}"]) for k in range(3) if f"scale_{k}" in row}
        if opacity:
            row["opacity"] = 1 / (1 + math.exp(-row["opacity"]))
        changed.append(row)
    return changed


@pytest.mark.parametrize("size", [0.02, 1.0, 3000.0])
@pytest.mark.parametrize("flat", [False, True])
def test_linear_scales_are_noticed(size, flat, caplog):
    """The same world in meters, in units of its own, and in millimeters."""
    rows = usual_rows(200)
    for i, row in enumerate(rows):
        row.update(x=size / 0.02 * 0.05 * (i % 20), y=size / 0.02 * 0.05 * (i // 20), z=0.0)
        row.update({f"scale_{k}": row[f"scale_{k}"] + math.log(size / 0.02) for k in range(3)})
    rows = without(rows, "scale_2") if flat else rows
    usual, report = load(ply(rows))
    assert report["scale"].startswith("logarithms, as usual")
    assert caplog.text == ""
    linear, report = load(ply(activated(rows, scale=True)))
    torch.testing.assert_close(linear.scales, usual.scales, rtol=1e-5, atol=0)
    assert report["scale"].startswith("linear, not logarithms")
    assert 'Read it with scale="logarithm"' in caplog.text
    if size < 1:  # larger ones overflow as logarithms
        kept, report = load(ply(activated(rows, scale=True)), scale="logarithm")
        assert report["scale"] == "logarithms, as asked for."
        torch.testing.assert_close(kept.scales[:, 0], usual.scales[:, 0].exp())


def test_a_scale_that_is_asked_for():
    linear, report = load(ply(activated(usual_rows(), scale=True)), scale="linear")
    torch.testing.assert_close(linear.scales, load(ply(usual_rows()))[0].scales, rtol=1e-5, atol=0)
    assert report["scale"] == "linear, as asked for."
    with pytest.raises(FormatError, match="30 of 30 Gaussians hold a negative scale"):
        load(ply(usual_rows()), scale="linear")
    with pytest.raises(InvalidInput, match="scale must be one of auto, logarithm, linear; got 'log'"):
        load(ply(usual_rows()), scale="log")


@pytest.mark.parametrize("count", [8, 30, 99])
def test_few_probabilities_are_noticed(count):
    rows = usual_rows(count)
    world, report = load(ply(activated(rows, opacity=True)))
    torch.testing.assert_close(world.opacities, load(ply(rows))[0].opacities)
    assert report["opacity"].startswith("probabilities: all lie between 0 and 1.")


def test_opacities_that_cannot_be_told_are_asked_for(tmp_path):
    rows = [row | {"opacity": 0.6 + 0.01 * i} for i, row in enumerate(usual_rows(5))]
    with pytest.raises(
        FormatError, match=r'5 opacities lie between 0.6 and 0.64: .* Choose opacity "logit" or "prob'
    ):
        load(ply(rows))
    as_logits, report = load(ply(rows), opacity="logit")
    assert as_logits.opacities[0].item() == pytest.approx(1 / (1 + math.exp(-0.6)), abs=1e-6)
    assert report["opacity"] == "logit, as asked for."
    assert load(ply(rows), opacity="probability")[0].opacities[0].item() == pytest.approx(0.6)
    # What comes with linear scales, or reaches 1, is a probability; what has our sidecar are logits.
    assert load(ply(activated(rows, scale=True)), scale="linear")[0].opacities[0].item() == pytest.approx(0.6)
    full = [row | {"opacity": 1.0} for row in rows]
    assert load(ply(full))[0].opacities.tolist() == [1.0] * 5
    (tmp_path / "own.ply").write_bytes(ply(rows))
    write_world_info(tmp_path / "own.ply", WorldInfo())
    world, report = load_gaussians(tmp_path / "own.ply")
    assert torch.equal(world.opacities, as_logits.opacities)
    assert report["opacity"].startswith("read as logits")


def test_report_of_a_usual_file():
    file = io.BytesIO()
    write_ply(file, random_gaussians(50, 9))
    _, report = load(file.getvalue())
    assert report == {
        "format": "PLY",
        "splats": 50,
        "sh_degree": 2,
        "antialiased": "not stated in the file.",
        "scale": 'logarithms, as usual. To read them as linear: scale "linear".',
        "opacity": 'logits, as usual. To read them as probabilities: opacity "probability".',
        "axes": "RDF (x right, y down, z forward): usual for PLY. To choose: axes.",
    }


# Absurd values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale_1": 40.0}, "a scale above 1e+09 units"),  # e^40 = 2e17
        ({f"rot_{k}": 1e30 for k in range(4)}, "a zero rotation"),  # its length is infinite in 32 bits
        ({"y": -1e12}, "a position beyond 1e+09 units"),
        ({"f_dc_2": 1e30}, "a color beyond 1e+06"),
        ({"filter_3D": 1e30}, "NaN, infinity"),  # its square is infinite in 32 bits
        ({"filter_3D": 1e12}, "a scale above 1e+09 units"),
        ({"scale_0": -1e5, "scale_1": -1e5, "scale_2": -1e5, "filter_3D": 0.0}, "NaN, infinity"),  # 0 / 0
    ],
)
def test_absurd_values_are_refused_or_dropped(changes, message):
    rows = [row | {"filter_3D": 0.001} for row in usual_rows()]
    rows[4] |= changes
    with pytest.raises(FormatError, match=r"^stream: 1 of 30 Gaussians hold .*\(first: number 4\)") as error:
        load(ply(rows))
    assert message in str(error.value)
    world, _ = load(ply(rows), drop_invalid=True)
    world.check_finite()
    assert len(world) == 29


@pytest.mark.parametrize(
    "stored", [-200.0, -math.inf]
)  # e^-200 is 0 in 32 bits; some write log(0) for flat splats
def test_scales_of_nothing_are_made_thin(stored):
    rows = [row | {"scale_2": stored} for row in usual_rows()]
    world, _ = load(ply(rows))
    assert torch.equal(world.scales[:, 2], torch.full((30,), 1e-12))
    assert world.scales[4, 0].item() == pytest.approx(math.exp(rows[4]["scale_0"]), rel=1e-5)


def test_probabilities_outside_of_their_range_are_refused():
    with pytest.raises(FormatError, match="hold an opacity outside of 0 to 1"):
        load(ply(usual_rows()), opacity="probability")


# What is no Gaussian ------------------------------------------------------------------------------------------------


def points(count=27, **more):
    return [{"x": float(i % 3), "y": float(i // 3 % 3), "z": float(i // 9), **more} for i in range(count)]


@pytest.mark.parametrize("text", [False, True])
def test_point_clouds_are_told_from_splats(text):
    rows = points(red=255, green=0, blue=51)
    data = ply(rows, dict.fromkeys(("red", "green", "blue"), "uchar"), text=text)
    with pytest.raises(
        FormatError, match=r"is a plain point cloud, not Gaussians: 27 points .* \(points in Load Splats\)"
    ):
        load(data)
    world, report = load(data, points=True)
    assert "points read as opaque balls" in report["layout"]
    # A grid of step 1: every point has three neighbors at distance 1, so half of 1 is the size.
    torch.testing.assert_close(world.scales, torch.full((27, 3), 0.5))
    torch.testing.assert_close(world.colors, torch.tensor([1.0, 0.0, 0.2]).expand(27, 3), rtol=0, atol=1e-6)
    assert torch.equal(world.opacities, torch.ones(27))
    assert torch.equal(world.means, torch.tensor([[r["x"], r["y"], r["z"]] for r in rows]))


def test_meshes_are_told_from_splats():
    after = ["element face 12", "property list uchar int vertex_indices"]
    with pytest.raises(FormatError, match="is a mesh of 12 faces, not Gaussians: 27 points"):
        load(ply(points(nx=0.0, ny=0.0, nz=1.0), after=after))
    gray, _ = load(ply(points(1), after=after), points=True)
    assert gray.colors.tolist() == [[0.5] * 3]
    assert len(load(ply(points(2) + points(2)), points=True)[0]) == 4  # some coincide
    with pytest.raises(FormatError, match="points that are NaN, infinite or beyond"):
        load(ply([*points(), {"x": math.nan, "y": 0.0, "z": 0.0}]), points=True)


def test_damage_anywhere_ends_in_words():
    """Flips, cuts and long numbers in every dialect: finite Gaussians in reach, or a FormatError."""
    rng = np.random.default_rng(0)
    rows = usual_rows(9)
    files = [
        ply(rows, text=True),
        ply(without(rows, "scale_2"), comments=["Vertical axis: 0 0 1"]),
        ply(
            activated(rows, scale=True),
            before=["element face 1", "property list uchar int i"],
            before_bytes=b"\0",
        ),
        ply(points(red=1, green=2, blue=3), dict.fromkeys(("red", "green", "blue"), "uchar"), text=True),
    ]
    for trial in range(600):
        damaged = bytearray(files[trial % len(files)])
        for place in rng.integers(0, len(damaged) if trial % 3 else min(300, len(damaged)), 3):
            damaged[place] ^= 1 << rng.integers(8)
        if rng.random() < 0.3:
            del damaged[rng.integers(len(damaged)) :]
        if rng.random() < 0.2:
            at = int(rng.integers(len(damaged) + 1))
            damaged[at:at] = b"9" * int(rng.choice([1, 30, 5000]))
        try:
            world = read_gaussians(io.BytesIO(bytes(damaged)), kind="ply", points=bool(trial % 2))
        except FormatError:
            continue
        world.check_finite()
        assert float(world.scales.max()) <= 1e9
