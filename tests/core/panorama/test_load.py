"""Panoramas as their files mean them: parts of the sphere, tilted cameras, stereo, transparency."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.io.gpano import gpano_from_xmp
from matrix3d_core.io.images import read_image
from matrix3d_core.panorama.load import load_panorama

AREA = {
    "FullPanoWidthPixels": 200,
    "FullPanoHeightPixels": 100,
    "CroppedAreaLeftPixels": 50,
    "CroppedAreaTopPixels": 25,
}
AREA |= {"CroppedAreaImageWidthPixels": 100, "CroppedAreaImageHeightPixels": 50}


def xmp(as_elements=False, prefix="GPano", **tags) -> bytes:
    named = f'xmlns:{prefix}="http://ns.google.com/photos/1.0/panorama/"'
    if as_elements:
        inside = "".join(f"<{prefix}:{k}>{v}</{prefix}:{k}>" for k, v in tags.items())
        text = f'<rdf:Description rdf:about="" {named}>{inside}</rdf:Description>'
    else:
        text = (
            f'<rdf:Description rdf:about="" {named} '
            + " ".join(f"{prefix}:{k}='{v}'" for k, v in tags.items())
            + "/>"
        )
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}">{text}</rdf:RDF></x:xmpmeta>'.encode()


def picture(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, channels)).astype(np.uint8)


@pytest.mark.parametrize("as_elements", [False, True])
@pytest.mark.parametrize("prefix", ["GPano", "pano"])
def test_tags_are_read_as_attributes_and_elements(as_elements, prefix):
    tags = gpano_from_xmp(
        xmp(as_elements, prefix, ProjectionType="Equirectangular", PosePitchDegrees="-3.5", **AREA)
    )
    assert (tags.projection, tags.full, tags.area) == ("equirectangular", (200, 100), (50, 25, 100, 50))
    assert (tags.pitch_deg, tags.roll_deg, tags.is_part) == (-3.5, None, True)


@pytest.mark.parametrize(
    "changed",
    [
        {"CroppedAreaLeftPixels": 150},
        {"CroppedAreaTopPixels": -1},
        {"CroppedAreaImageWidthPixels": 0},
        {"FullPanoWidthPixels": "nan"},
        {"FullPanoHeightPixels": "1e400"},
        {"CroppedAreaTopPixels": "x"},
    ],
)
def test_areas_that_do_not_fit_are_ignored(changed):
    assert not gpano_from_xmp(xmp(**{**AREA, **changed})).is_part


def test_no_tags_no_part():
    assert gpano_from_xmp(None) is None
    assert gpano_from_xmp(b"<x/>") is None
    assert gpano_from_xmp(b"<" * (2 << 20)) is None
    whole = {**AREA, "CroppedAreaLeftPixels": 0, "CroppedAreaTopPixels": 0}
    whole |= {"CroppedAreaImageWidthPixels": 200, "CroppedAreaImageHeightPixels": 100}
    assert not gpano_from_xmp(xmp(**whole)).is_part


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_a_part_is_put_in_its_place_and_the_rest_is_missing(tmp_path, name, caplog):
    values = picture(50, 100)
    options = {"lossless": True} if name == "a.webp" else {}
    if name == "a.png":
        from PIL.PngImagePlugin import PngInfo

        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp(**AREA).decode())
    else:
        options |= {"tiffinfo": {700: xmp(**AREA)}} if name == "a.tif" else {"xmp": xmp(**AREA)}
    Image.fromarray(values).save(tmp_path / name, **options)
    stored = read_image(tmp_path / name)
    assert f"{name}: its GPano tags say that it is a crop" in caplog.text
    loaded = load_panorama(tmp_path / name)
    assert loaded.rgb.shape == (100, 200, 3)
    assert torch.equal(loaded.rgb[25:75, 50:150], stored)
    outside = torch.ones(100, 200)
    outside[25:75, 50:150] = 0
    assert torch.equal(loaded.missing, outside)
    assert float((loaded.rgb * outside[..., None]).abs().max()) == 0
    assert (
        "GPano: a crop, 180x90 degrees of the sphere, placed at columns 50 to 150, rows 25 to 75 of 200x100"
        in loaded.report
    )
    assert "missing: 75.0% of the picture" in loaded.report
    assert torch.equal(load_panorama(tmp_path / name, use_tags=False).rgb, stored)


@pytest.mark.parametrize(("max_width", "size"), [(80, (40, 80)), (120, (60, 120))])
def test_a_part_is_shrunk_with_its_sphere(tmp_path, max_width, size):
    flat = np.full((50, 100, 3), 200, np.uint8)
    Image.fromarray(flat).save(tmp_path / "a.jpg", xmp=xmp(**AREA), quality=100)
    loaded = load_panorama(tmp_path / "a.jpg", max_width=max_width)
    assert loaded.missing.shape == size
    assert float(loaded.missing.mean()) == pytest.approx(0.75)
    assert float((loaded.rgb[loaded.missing == 0] - 200 / 255).abs().max()) < 0.01


def test_a_file_that_was_shrunk_after_its_tags_were_written(tmp_path):
    Image.fromarray(picture(25, 50)).save(tmp_path / "a.webp", xmp=xmp(**AREA), lossless=True)
    loaded = load_panorama(tmp_path / "a.webp")
    assert loaded.rgb.shape == (50, 100, 3)
    assert torch.equal(loaded.rgb[12:38, 25:75][:, :, 0] > -1, loaded.missing[12:38, 25:75] == 0)


def spot(row: int, column: int) -> np.ndarray:
    values = np.zeros((180, 360, 3), np.uint8)
    values[row - 3 : row + 3, column - 3 : column + 3] = 255
    return values


def center_of(rgb: torch.Tensor) -> tuple[float, float]:
    """Azimuth and elevation of what is bright, in degrees."""
    weight = rgb.mean(-1)
    rows, columns = torch.arange(180) + 0.5, torch.arange(360) + 0.5
    total = float(weight.sum())
    return float((weight.sum(0) * columns).sum()) / total - 180, 90 - float(
        (weight.sum(1) * rows).sum()
    ) / total


@pytest.mark.parametrize(
    ("pose", "place", "seen"),
    [
        ({"PosePitchDegrees": 30}, (90, 180), (0, 30)),  # the center lies 30 degrees above the horizon
        ({"PosePitchDegrees": -20}, (90, 180), (0, -20)),
        (
            {"PoseRollDegrees": 20},
            (90, 270),
            (90, -20),
        ),  # the horizon turned counterclockwise: at the right, sky sinks
        ({"PoseRollDegrees": 20}, (90, 180), (0, 0)),
        ({"PosePitchDegrees": 30}, (90, 270), (90, 0)),  # it turns about the axis to the right
        ({"PoseHeadingDegrees": 77}, (60, 100), (-80, 30)),  # a heading turns nothing
    ],
)
def test_tilted_cameras_are_turned_level(tmp_path, pose, place, seen):
    Image.fromarray(spot(*place)).save(tmp_path / "a.webp", xmp=xmp(**pose), lossless=True)
    loaded = load_panorama(tmp_path / "a.webp")
    azimuth, elevation = center_of(loaded.rgb)
    assert azimuth == pytest.approx(seen[0], abs=0.6)
    assert elevation == pytest.approx(seen[1], abs=0.6)
    assert ("leveled" in loaded.report) == ("PoseHeadingDegrees" not in pose)
    assert ("compass heading 77" in loaded.report) == ("PoseHeadingDegrees" in pose)


def test_other_projections_are_refused(tmp_path):
    Image.fromarray(picture(8, 16)).save(tmp_path / "a.jpg", xmp=xmp(ProjectionType="cylindrical"))
    with pytest.raises(
        FormatError, match=r"^a\.jpg: its GPano tags call it cylindrical, not equirectangular"
    ):
        load_panorama(tmp_path / "a.jpg")
    assert load_panorama(tmp_path / "a.jpg", use_tags=False).rgb.shape == (8, 16, 3)


def test_one_eye_of_stereo_pictures(tmp_path):
    values = picture(16, 16)
    Image.fromarray(values).save(tmp_path / "ou.png")
    Image.fromarray(np.concatenate((values[:8], values[8:]), axis=1)).save(tmp_path / "sbs.png")
    for name, layout in (("ou.png", "over-under"), ("sbs.png", "side by side")):
        for eye, half in (("left eye", values[:8]), ("right eye", values[8:])):
            loaded = load_panorama(tmp_path / name, eye=eye)
            assert torch.equal(loaded.rgb, torch.from_numpy(half) / 255)
            assert f"stereo: {eye} of {layout}" in loaded.report
        assert load_panorama(tmp_path / name, eye="left eye", max_width=8).rgb.shape == (4, 8, 3)
        with pytest.raises(InvalidInput, match="choose one eye in Load Panorama with eye"):
            load_panorama(tmp_path / name)
    Image.fromarray(picture(8, 16)).save(tmp_path / "mono.png")
    with pytest.raises(
        InvalidInput, match=r"1:1 \(over-under\) or 4:1 \(side by side\), or of 2:1 with .*; got 16x8"
    ):
        load_panorama(tmp_path / "mono.png", eye="left eye")
    with pytest.raises(InvalidInput, match="eye must be one of"):
        load_panorama(tmp_path / "mono.png", eye="both")


def doubled(values: np.ndarray, wraps: bool) -> np.ndarray:
    """Twice as many columns, by hand: each lies a quarter of an old one beside its middle."""
    pad = np.pad(values.astype(np.float64), ((0, 0), (1, 1), (0, 0)), mode="wrap" if wraps else "edge")
    left, middle, right = pad[:, :-2], pad[:, 1:-1], pad[:, 2:]
    pairs = np.stack((0.25 * left + 0.75 * middle, 0.75 * middle + 0.25 * right), axis=2)
    return pairs.reshape(values.shape[0], -1, values.shape[2])


@pytest.mark.parametrize("channels", [3, 4])
def test_squeezed_eyes_are_stretched(tmp_path, channels):
    beside = [picture(16, 16, channels), picture(16, 16, channels)[::-1]]
    above = [one.reshape(8, 32, channels) for one in beside]
    Image.fromarray(np.concatenate(beside, axis=1)).save(tmp_path / "hsbs.png")
    Image.fromarray(np.concatenate(above)).save(tmp_path / "hou.png")
    for number, side in enumerate(("left eye", "right eye")):
        loaded = load_panorama(tmp_path / "hsbs.png", eye=f"{side}, half side by side")
        wanted = doubled(beside[number], wraps=True)
        assert f"stereo: {side} of half side by side, stretched to 32x16" in loaded.report
        np.testing.assert_allclose(loaded.rgb * 255, wanted[..., :3], atol=1e-3)
        if channels == 4:
            np.testing.assert_allclose(255 - loaded.missing * 255, wanted[..., 3], atol=1e-3)
        loaded = load_panorama(tmp_path / "hou.png", eye=f"{side}, half over-under")
        wanted = doubled(above[number].swapaxes(0, 1), wraps=False).swapaxes(0, 1)
        np.testing.assert_allclose(loaded.rgb * 255, wanted[..., :3], atol=1e-3)
        assert load_panorama(
            tmp_path / "hsbs.png", eye=f"{side}, half side by side", max_width=16
        ).rgb.shape == (8, 16, 3)


def test_an_eye_of_vr180_is_the_half_ahead(tmp_path):
    both = np.full((180, 360, 3), 10, np.uint8)
    # 45 degrees to the right and 30 up: in the left eye's half at 135 of 180 columns, 60 of 180 rows.
    both[58:62, 133:137] = 255
    Image.fromarray(both).save(tmp_path / "vr180.png")
    loaded = load_panorama(tmp_path / "vr180.png", eye="left eye, VR180")
    outside = torch.ones(180, 360)
    outside[:, 90:270] = 0
    assert torch.equal(loaded.missing, outside)
    assert torch.equal(loaded.rgb[:, 90:270], torch.from_numpy(both[:, :180]) / 255)
    assert float((loaded.rgb * outside[..., None]).abs().max()) == 0
    assert center_of((loaded.rgb > 0.5).float()) == pytest.approx((45, 30))
    assert "missing: 50.0% of the picture" in loaded.report
    right = load_panorama(tmp_path / "vr180.png", eye="right eye, VR180", max_width=90)
    assert right.rgb.shape == (45, 90, 3)
    assert float(right.rgb.max()) < 0.1, "the spot is in the other eye"


@pytest.mark.parametrize("layout", ["half side by side", "half over-under", "VR180"])
def test_a_layout_of_2_to_1_is_not_taken_from_other_shapes(tmp_path, layout):
    Image.fromarray(picture(16, 16)).save(tmp_path / "ou.png")
    with pytest.raises(
        InvalidInput, match=rf"^ou\.png: {layout} is a picture of 2:1 .*; got 16x16\. Set eye to left"
    ):
        load_panorama(tmp_path / "ou.png", eye=f"left eye, {layout}")


def exr(path, values, **attributes):
    openexr = pytest.importorskip("OpenEXR")
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage, **attributes}
    with openexr.File(header, {"RGB": values}) as file:
        file.write(str(path))


@pytest.mark.parametrize("how", ["an XMP packet", "texts", "numbers"])
def test_tags_in_the_header_of_an_exr_file(tmp_path, how):
    tags = {f"GPano:{name}": str(value) if how == "texts" else value for name, value in AREA.items()}
    given = {"xmp": xmp(**AREA).decode()} if how == "an XMP packet" else tags
    exr(tmp_path / "part.exr", np.full((50, 100, 3), 0.25, np.float16), **given, comments="no tag")
    loaded = load_panorama(tmp_path / "part.exr")
    outside = torch.ones(100, 200)
    outside[25:75, 50:150] = 0
    assert torch.equal(loaded.missing, outside)
    # sRGB of 0.25: 1.055 * 0.25 ** (1 / 2.4) - 0.055
    assert float((loaded.rgb[25:75, 50:150] - 0.537).abs().max()) < 0.001
    assert "GPano: a crop, 180x90 degrees of the sphere" in loaded.report
    assert load_panorama(tmp_path / "part.exr", use_tags=False).rgb.shape == (50, 100, 3)
    exr(tmp_path / "plain.exr", np.full((50, 100, 3), 0.25, np.float16), comments="no tag")
    assert "GPano" not in load_panorama(tmp_path / "plain.exr").report


def test_halves_that_are_alike_are_suspicious(tmp_path):
    half = picture(64, 64)
    Image.fromarray(np.concatenate((half, half), axis=1)).save(tmp_path / "sbs.png")
    Image.fromarray(np.concatenate((half[:32], half[:32]), axis=0).repeat(2, axis=1)).save(
        tmp_path / "ou.png"
    )
    Image.fromarray(picture(64, 128)).save(tmp_path / "mono.png")
    assert "its left and right halves are equal. Is it a stereo picture? Set eye to half side by side" in (
        load_panorama(tmp_path / "sbs.png").report
    )
    assert "its upper and lower halves are equal. Is it a stereo picture? Set eye to half over-under." in (
        load_panorama(tmp_path / "ou.png").report
    )
    assert "suspicious" not in load_panorama(tmp_path / "mono.png").report


@pytest.mark.parametrize("max_width", [0, 8])
def test_transparent_pixels_are_missing_and_do_not_bleed(tmp_path, max_width):
    values = picture(8, 16, 4)
    values[:, :8] = (10, 200, 30, 255)
    values[:, 8:, 3] = 0
    values[:, 9] = (10, 200, 30, 255)
    Image.fromarray(values).save(tmp_path / "a.png")
    loaded = load_panorama(tmp_path / "a.png", max_width=max_width)
    right = 1 - values[..., 3] / 255
    right = right if not max_width else right.reshape(4, 2, 8, 2).mean((1, 3))
    np.testing.assert_allclose(loaded.missing.numpy(), right, atol=0.003)
    seen = loaded.rgb[loaded.missing < 1]
    assert float((seen - torch.tensor([10, 200, 30]) / 255).abs().max()) < 0.006
