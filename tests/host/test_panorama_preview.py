"""The small picture of Load Panorama over the host's route, of files whose numbers are light."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from comfy_server import HostError
from pano_files import quarter_xmp
from PIL import Image
from tiff_files import write_tiff

pytestmark = pytest.mark.host

ROUTE = "/matrix3d/panorama/preview"
H, W = 32, 64


def halves(left, right):
    """A picture of light: a gray left half and a gray right half."""
    light = np.full((H, W, 3), left, np.float32)
    light[:, W // 2 :] = right
    return light


def write_light(path, light):
    if path.suffix == ".exr":
        openexr = pytest.importorskip("OpenEXR")
        header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
        with openexr.File(header, {"RGB": light.astype(np.float16)}) as file:
            file.write(str(path))
    elif path.suffix == ".hdr":
        mantissa, exponent = np.frexp(light)
        assert (exponent == exponent[..., :1]).all(), "gray: one exponent for the three"
        rgbe = np.concatenate([np.floor(mantissa * 256), exponent[..., :1] + 128], -1).astype(np.uint8)
        path.write_bytes(f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {H} +X {W}\n".encode() + rgbe.tobytes())
    else:
        write_tiff(path, [light.astype("<f4").tobytes()], [32, 32, 32], 3, size=(H, W))


def shown(comfy, **question):
    body = comfy.client.request(ROUTE, json.dumps(question).encode(), "application/json")
    return np.asarray(Image.open(io.BytesIO(body)).convert("RGB")).astype(float)


def preview(comfy, **question):
    """Ask as the node's page does; return the means of the left and the right half, 0 to 255."""
    picture = shown(comfy, **question)
    assert picture.shape == (H, W, 3)
    # eight columns beside the edge, which JPEG blurs, are left out
    return picture[:, : W // 2 - 8].mean((0, 1)), picture[:, W // 2 + 8 :].mean((0, 1))


# sRGB of 0.25 is 1.055 * 0.25 ** (1 / 2.4) - 0.055 = 0.537, of 0.5 it is 0.735; light of 8 ends just below 1.
@pytest.mark.parametrize("suffix", [".exr", ".hdr", ".tif"])
def test_light_is_toned_and_the_exposure_seen(comfy, suffix):
    name = f"light{suffix}"
    write_light(comfy.input_dir / name, halves(0.25, 8.0))
    left, right = preview(comfy, image=name)
    assert left == pytest.approx([137] * 3, abs=3)  # JPEG and RGBE round
    assert (right > 250).all()
    left, _ = preview(comfy, image=name, exposure=1.0)
    assert left == pytest.approx([188] * 3, abs=3)
    _, right = preview(comfy, image=name, exposure=-5.0)  # 8 / 32
    assert right == pytest.approx([137] * 3, abs=3)


def test_values_for_a_screen_stay(comfy):
    write_light(comfy.input_dir / "screen.tif", halves(0.25, 0.75))
    left, right = preview(comfy, image="screen.tif")
    assert left == pytest.approx([64] * 3, abs=3)
    assert right == pytest.approx([191] * 3, abs=3)
    left, _ = preview(comfy, image="screen.tif", float_values="linear light")
    assert left == pytest.approx([137] * 3, abs=3)


def test_holes_in_the_light_are_no_error(comfy):
    light = halves(0.25, 8.0)
    light[0, :4] = [[np.nan] * 3, [np.inf] * 3, [-1.0] * 3, [0.0] * 3]
    write_light(comfy.input_dir / "holes.tif", light)
    left, right = preview(comfy, image="holes.tif")
    assert left == pytest.approx([137] * 3, abs=4)  # the four pixels are a two-hundredth of the half
    assert (right > 250).all()


def test_the_chosen_eye_is_shown(comfy):
    both = np.zeros((2 * H, W, 3), np.uint8)  # over-under: a red eye above a half green, half blue one
    both[:H, :, 0], both[H:, : W // 2, 1], both[H:, W // 2 :, 2] = 255, 255, 255
    Image.fromarray(both).save(comfy.input_dir / "stereo.png")
    left, right = preview(comfy, image="stereo.png", eye="left eye")
    assert [*left, *right] == pytest.approx([254, 0, 0] * 2, abs=3)
    left, right = preview(comfy, image="stereo.png", eye="right eye")
    assert [*left, *right] == pytest.approx([0, 255, 0, 0, 0, 255], abs=6)
    with pytest.raises(HostError, match="400") as caught:
        preview(comfy, image="stereo.png", eye="whole picture")
    assert "choose one eye in Load" in caught.value.details["error"], "as the node is going to say"


def test_a_part_of_the_sphere_is_shown_in_its_place(comfy):
    color = (200, 100, 50)
    Image.new("RGB", (W, H), color).save(comfy.input_dir / "quarter.jpg", xmp=quarter_xmp(W, H), quality=98)
    placed = shown(comfy, image="quarter.jpg")
    assert placed.shape == (2 * H, 2 * W, 3)
    assert placed[: H - 8, W + 8 :].mean((0, 1)) == pytest.approx(color, abs=3)
    assert placed[:, : W - 8].max() < 8
    assert placed[H + 8 :].max() < 8
    assert shown(comfy, image="quarter.jpg", max_width=W).shape == (H, W, 3)
    left, right = preview(comfy, image="quarter.jpg", use_tags=False)
    assert [*left, *right] == pytest.approx([*color, *color], abs=3)


def test_a_file_that_is_none_says_why(comfy):
    (comfy.input_dir / "broken.exr").write_bytes(b"v/1\x01 and nothing more")
    with pytest.raises(HostError, match="400") as caught:
        preview(comfy, image="broken.exr")
    assert caught.value.details["error"].startswith("broken.exr")


def test_an_exposure_out_of_bounds_says_why(comfy):
    write_light(comfy.input_dir / "light.tif", halves(0.25, 8.0))
    with pytest.raises(HostError, match="400") as caught:
        preview(comfy, image="light.tif", exposure=1e9)
    assert "exposure must lie between -64 and 64 stops" in caught.value.details["error"]
