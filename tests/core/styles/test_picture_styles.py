"""Styles without a model: what each does to colors, that panoramas stay seamless, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.styles.palette import oklab_from_srgb, palette_table, srgb_from_oklab
from matrix3d_core.styles.picture_styles import PICTURE_STYLES, style_pictures


def noise(height, width, seed=0, cells=8):
    rng = torch.Generator().manual_seed(seed)
    small = torch.rand(1, 3, cells, 2 * cells, generator=rng)
    wide = torch.cat((small, small[..., :1]), -1)  # ends as it begins
    grown = torch.nn.functional.interpolate(wide, (height, width + 1), mode="bilinear", align_corners=True)
    return grown[0, :, :, :width].permute(1, 2, 0)


PANORAMA = noise(64, 128)
PICTURE = noise(64, 96, seed=1)
REFERENCE = (0.2 + 0.3 * noise(40, 50, seed=2)) * torch.tensor((1.4, 0.9, 0.5))


def styled(picture, style, **options):
    options.setdefault("reference", REFERENCE[None] if style == "palette" else None)
    return style_pictures(picture[None], style, **options)[0]


def luma(picture):
    return picture @ torch.tensor((0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize("style", PICTURE_STYLES)
def test_a_panorama_has_no_seam_where_it_wraps(style):
    """Rolled by half before or after it is the same: the border is like any other column."""
    rolled = styled(PANORAMA.roll(64, 1), style)
    off = (rolled - styled(PANORAMA, style).roll(64, 1)).abs()
    # palettes draw other pixels of a rolled picture: their map differs a little, but not at the border
    assert float(off.max()) < (0.06 if style == "palette" else 1e-4)


def test_a_picture_that_is_no_panorama_does_not_wrap():
    """Its left border does not look at its right one."""
    other = PICTURE.clone()
    other[:, 64:] = 1 - other[:, 64:]
    for style in ("cartoon", "ink"):
        torch.testing.assert_close(
            styled(other, style)[:, :20], styled(PICTURE, style)[:, :20], atol=1e-5, rtol=0
        )
    wide = PANORAMA.clone()
    wide[:, -8:] = 1 - wide[:, -8:]
    off = styled(wide, "cartoon")[:, :4] - styled(PANORAMA, "cartoon")[:, :4]
    assert float(off.abs().max()) > 0.01  # a panorama's does


@pytest.mark.parametrize("style", PICTURE_STYLES)
def test_strength_fades_from_the_picture_to_the_style(style):
    torch.testing.assert_close(styled(PICTURE, style, strength=0.0), PICTURE, atol=2e-3, rtol=0)
    whole, half = styled(PICTURE, style), styled(PICTURE, style, strength=0.5)
    assert float((whole - PICTURE).abs().mean()) > 0.02
    assert float((half - PICTURE).abs().mean()) < float((whole - PICTURE).abs().mean())
    assert float(whole.min()) >= 0
    assert float(whole.max()) <= 1


def test_oklab_is_as_published_and_back():
    """Ottosson's examples: white is (1, 0, 0); red (0.628, 0.225, 0.126)."""
    found = oklab_from_srgb(torch.tensor(((1.0, 1.0, 1.0), (1.0, 0.0, 0.0))))
    expected = torch.tensor(((1.0, 0.0, 0.0), (0.6280, 0.2249, 0.1258)))
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(srgb_from_oklab(oklab_from_srgb(PICTURE)), PICTURE, atol=1e-3, rtol=0)


def test_a_palette_has_the_references_distribution():
    """Mean, spread and the quantiles of each axis come from the reference."""
    moved = oklab_from_srgb(styled(PICTURE, "palette")).reshape(-1, 3)
    aim, source = oklab_from_srgb(REFERENCE).reshape(-1, 3), oklab_from_srgb(PICTURE).reshape(-1, 3)
    levels = torch.linspace(0.05, 0.95, 10)
    for axis in range(3):
        wanted, got, before = (torch.quantile(c[:, axis], levels) for c in (aim, moved, source))
        assert float((got - wanted).abs().max()) < max(0.03, 0.25 * float((before - wanted).abs().max()))


def test_a_palette_makes_no_bands():
    """A fine gradient stays one: no step is much larger than the map's steepest usual slope."""
    table = palette_table(PICTURE[None], REFERENCE[None])
    gray = torch.linspace(0, 1, 1024)[:, None].expand(-1, 3)
    steps = oklab_from_srgb(table(gray)).diff(dim=0).norm(dim=-1)
    before = oklab_from_srgb(gray).diff(dim=0).norm(dim=-1)
    assert float((steps / before)[8:].max()) < 3


def test_a_picture_that_has_the_palette_already_hardly_changes():
    off = (styled(PICTURE, "palette", reference=PICTURE[None]) - PICTURE).abs()
    assert float(off.mean()) < 0.01
    assert float(off.max()) < 0.1


def test_cartoons_are_flat_inside_and_dark_at_edges():
    step = torch.full((64, 64, 3), 0.7)
    step[:, :32] = 0.3
    rough = step + 0.03 * torch.randn(64, 64, 3, generator=torch.Generator().manual_seed(0))
    done = styled(rough.clamp(0, 1), "cartoon")
    assert float(luma(done)[8:56, 4:20].std()) < 0.5 * float(luma(rough)[8:56, 4:20].std())
    columns = luma(done)[8:56].mean(0)
    assert float(columns[24:36].min()) < float(columns[4:20].mean()) - 0.03


def test_ink_is_dark_lines_on_paper():
    step = torch.full((64, 64, 3), 0.9)
    step[:, 30:33] = 0.1
    done = luma(styled(step, "ink"))
    assert float(done[:, :20].min()) > 0.85
    assert float(done[:, 31].max()) < 0.5
    hues = styled(PICTURE, "ink")
    assert float((hues[..., 0] - hues[..., 2]).abs().max()) < 0.12  # no color but the paper's


def test_evening_is_warm_in_light_and_cool_in_shadow():
    bright, dark = (styled(torch.full((8, 8, 3), level), "evening")[4, 4] for level in (0.9, 0.15))
    assert bright[0] > 1.25 * bright[2]
    assert dark[2] > dark[0]
    assert float(luma(bright)) < 0.9
    assert float(luma(dark)) < 0.15


def test_night_is_dark_and_blue_and_rods_see_blue_brighter_than_red():
    """The Purkinje shift: red goes black first."""
    gray, red, blue = (
        styled(torch.tensor(color).expand(8, 8, 3), "night")[4, 4]
        for color in ((0.6, 0.6, 0.6), (0.6, 0.1, 0.1), (0.1, 0.1, 0.6))
    )
    assert float(luma(gray)) < 0.3
    assert gray[2] > gray[1] > gray[0]
    day_red, day_blue = luma(torch.tensor((0.6, 0.1, 0.1))), luma(torch.tensor((0.1, 0.1, 0.6)))
    assert day_red > day_blue
    assert luma(blue) > luma(red)


def test_lamps_stay_lit_at_night_and_shine_on_what_is_near():
    day = torch.full((128, 128, 3), 0.35)
    mask = torch.zeros(1, 128, 128)
    mask[:, 60:68, 60:68] = 1
    lit, unlit = styled(day, "night", lights=mask), styled(day, "night")
    assert float(luma(lit)[64, 64]) > 3 * float(luma(unlit)[64, 64])
    assert lit[64, 64, 0] > lit[64, 64, 2]
    assert float(luma(lit)[64, 76]) > 1.1 * float(luma(unlit)[64, 76])
    day[62:66, 62:66] = torch.tensor((1.0, 0.9, 0.6))  # a lamp that is seen as one
    assert float(luma(styled(day, "night"))[63, 63]) > 2 * float(luma(unlit)[64, 64])
    day[:, 64:] = torch.tensor((1.0, 0.9, 0.6))  # a sunny wall is none
    assert float(luma(styled(day, "night"))[63, 100]) < 0.5


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 4), (5, 7), (33, 66)])
def test_pictures_of_any_size(height, width):
    for style in PICTURE_STYLES:
        done = styled(noise(64, 128)[:height, :width], style)
        assert done.shape == (height, width, 3)
        assert bool(torch.isfinite(done).all())


def test_one_palette_for_all_pictures():
    """The same color becomes the same color in both."""
    pair = torch.stack((PICTURE, PICTURE.flip(1)))
    done = style_pictures(pair, "palette", reference=REFERENCE[None])
    torch.testing.assert_close(done[0], done[1].flip(1), atol=1e-5, rtol=0)


def test_bad_input_is_refused():
    with pytest.raises(InvalidInput, match="style must be one of palette"):
        styled(PICTURE, "sketch")
    with pytest.raises(InvalidInput, match="must have a reference"):
        styled(PICTURE, "palette", reference=None)
    with pytest.raises(InvalidInput, match="more than one color"):
        styled(PICTURE, "palette", reference=torch.full((1, 9, 9, 3), 0.4))
    with pytest.raises(InvalidInput, match=r"strength must lie in 0..1"):
        styled(PICTURE, "ink", strength=1.5)
    bad = PICTURE.clone()
    bad[0, 0, 0] = math.nan
    for name in ("palette", "night"):
        with pytest.raises(InvalidInput, match="finite"):
            styled(bad, name)
    with pytest.raises(InvalidInput, match="finite"):
        styled(PICTURE, "palette", reference=bad[None])
    with pytest.raises(InvalidInput, match="one mask, or one for each of the 1 pictures; got 3"):
        styled(PICTURE, "night", lights=torch.zeros(3, 64, 96))


def test_a_gray_reference_gives_gray():
    gray = noise(40, 50, seed=4).mean(-1, keepdim=True).expand(-1, -1, 3)
    chroma = oklab_from_srgb(styled(PICTURE, "palette", reference=gray[None]))[..., 1:]
    assert float(chroma.norm(dim=-1).mean()) < 0.02
