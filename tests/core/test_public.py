"""``import matrix3d_core as m3d``: its names, and the page that shows them, run as it is printed."""

from __future__ import annotations

import contextlib
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_lrm import tiny_latents, tiny_state

import matrix3d_core as m3d
from matrix3d_core import public

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "library.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def tiers():
    """Tier to its names, as the page lists them."""
    rows = re.findall(r"^\| ([^|`]+) \| (`.*`) \|$", PAGE, re.MULTILINE)
    return {tier: re.findall(r"`(\w+)`", names) for tier, names in rows}


@pytest.mark.parametrize("name", m3d.__all__)
def test_every_name_resolves(name):
    assert getattr(m3d, name) is getattr(public, name)


def test_every_name_is_listed():
    assert {name for name in vars(public) if name[0] != "_"} - {"annotations"} == set(m3d.__all__)


def test_no_name_hides_a_room():
    rooms = {path.stem for path in (ROOT / "matrix3d_core").iterdir()}
    assert not rooms & set(m3d.__all__)


def test_the_page_and_the_docstring_list_the_same():
    assert [name for names in tiers().values() for name in names] == m3d.__all__
    assert list(tiers()) == re.findall(r"^- ([^:\n]+)", m3d.__doc__, re.MULTILINE)


def test_every_public_thing_has_a_docstring():
    assert [
        name for name in m3d.__all__ if callable(thing := getattr(m3d, name)) and not inspect.getdoc(thing)
    ] == []


def test_a_wrong_name_is_an_attribute_error_with_the_nearest():
    with pytest.raises(AttributeError, match=r"got 'optimise_gaussians'\. Did you mean optimize_gaussians"):
        m3d.optimise_gaussians  # noqa: B018
    with pytest.raises(AttributeError, match=r"got 'xyz'\. Import rooms first: import matrix3d_core\.io"):
        m3d.xyz  # noqa: B018


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that the page reads."""
    place = tmp_path_factory.mktemp("page")
    sample = m3d.load_panorama(ROOT / "assets" / "sample" / "terrace.jpg", max_width=256).rgb
    m3d.write_image(place / "panorama.jpg", sample)
    m3d.write_depth(place / "depth.npz", m3d.grounded_geometry(sample).depth_ray)
    save_file({"latents": tiny_latents()}, place / "latents.safetensors")
    torch.save({"module": tiny_state()}, place / "pano_lrm_480p.pt")
    return place


@pytest.fixture(scope="module")
def session(folder):
    """The names that the first lines of the page leave behind."""
    names = {}
    with contextlib.chdir(folder):
        exec(SNIPPETS[0], names)  # noqa: S102
    return names


@pytest.mark.slow
def test_ten_lines_write_a_ply_that_others_read(folder, session):
    lines = [line for line in SNIPPETS[0].splitlines() if line and not line.startswith("import")]
    assert len(lines) == 10
    header, body = (folder / "world.ply").read_bytes().split(b"end_header\n", 1)
    count = int(re.search(rb"element vertex (\d+)", header)[1])
    assert count > 10_000
    assert len(body) == 4 * header.count(b"property float") * count
    with contextlib.suppress(ModuleNotFoundError):
        import gsply

        assert np.array_equal(gsply.plyread(str(folder / "world.ply")).means, session["world"].means.numpy())


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom(folder, session, capsys):
    with contextlib.chdir(folder):
        for snippet in SNIPPETS[1:]:
            exec(snippet, session)  # noqa: S102
    for name in ("world.spz", "world.glb", "film.mp4", "decoded.ply", "colmap/sparse/0/images.bin"):
        assert (folder / name).stat().st_size > 1000, name
    assert set(re.findall(r"m3d\.(\w+)", PAGE)) <= set(m3d.__all__)
    assert m3d.psnr(session["view"], session["frame"].rgb) > 20  # the same view in both
