"""The field of view of a photo from its EXIF tags."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from matrix3d_core.io.images import read_picture

FULL_FRAME_DIAGONAL = math.hypot(36, 24)


def _photo(size, tags, orientation=1, format="JPEG"):
    picture = Image.fromarray(np.full((size[1], size[0], 3), 128, np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769).update(tags)
    buffer = io.BytesIO()
    picture.save(buffer, format, exif=exif)
    buffer.seek(0)
    return read_picture(buffer).lens


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_the_equivalent_focal_length_is_by_the_diagonal(format):
    lens = _photo((120, 80), {0xA405: 26}, format=format)
    focal = 26 / FULL_FRAME_DIAGONAL * math.hypot(120, 80)
    assert lens.fov_x_rad == pytest.approx(2 * math.atan(60 / focal))
    assert lens.fov_x_rad == pytest.approx(2 * math.atan(18 / 26))  # 3:2 is the shape of the film
    assert lens.read_as == "EXIF, 26 mm on 35 mm film"


def test_four_to_three_has_the_diagonal_of_the_film():
    lens = _photo((160, 120), {0xA405: 26})
    assert math.degrees(lens.fov_x_rad) == pytest.approx(67.3, abs=0.1)


@pytest.mark.parametrize("orientation", [6, 8])
def test_a_turned_photo_has_the_field_of_its_upright_width(orientation):
    lens = _photo((120, 80), {0xA405: 26}, orientation=orientation)
    assert lens.fov_x_rad == pytest.approx(2 * math.atan(12 / 26))


def test_a_resized_photo_keeps_its_field_and_a_crop_has_less():
    taken = {0xA405: 26, 0xA002: 1200, 0xA003: 800}
    assert _photo((120, 80), taken).fov_x_rad == pytest.approx(2 * math.atan(18 / 26))
    lens = _photo((80, 80), taken)  # a square out of its middle, then shrunk to a tenth
    assert lens.fov_x_rad == pytest.approx(2 * math.atan(12 / 26))
    assert lens.read_as.endswith("a crop of 1200x800")
    upright = _photo((80, 120), taken)  # turned by a program that left the tags as they were
    assert upright.fov_x_rad == pytest.approx(2 * math.atan(12 / 26))


def test_the_focal_planes_resolution_serves_without_an_equivalent():
    # 100 pixels on 20 mm: 5 per mm, given per centimeter.
    lens = _photo((100, 50), {0x920A: 10.0, 0xA20E: 50.0, 0xA210: 3})
    assert lens.fov_x_rad == pytest.approx(2 * math.atan(1.0))
    assert lens.read_as == "EXIF, 10 mm and the focal plane's resolution"


@pytest.mark.parametrize("tags", [{}, {0xA405: 0}, {0x920A: 26.0}, {0xA405: 1}, {0xA405: 60000}])
def test_tags_that_do_not_tell_are_none(tags):
    lens = _photo((120, 80), tags)
    assert lens is None or math.radians(0.1) < lens.fov_x_rad < math.radians(179)
    if tags != {0xA405: 1} and tags != {0xA405: 60000}:
        assert lens is None
