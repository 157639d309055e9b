"""A graph with the reconstruction model on a running host: to a file, stopped halfway, and again."""

from __future__ import annotations

import pytest
from tiny_lrm import tiny_state, write_upstream_file

pytestmark = [pytest.mark.host, pytest.mark.slow]


@pytest.fixture
def dwarf(comfy):
    """A tiny checkpoint, as upstream's, in the host's own folder for it."""
    folder = comfy.base / "models" / "matrix3d_lrm"
    folder.mkdir(parents=True, exist_ok=True)
    write_upstream_file(folder / "dwarf_lrm.pt", tiny_state())
    return "dwarf_lrm.pt"


def prompt(comfy, name, *, width, height, length):
    return {
        "video": comfy.node("EmptyHunyuanLatentVideo", width=width, height=height, length=length),
        "path": comfy.node("TrajectoryPreset", frames=length, distance_mode="units"),
        "model": comfy.node("LRMLoader", lrm_name=name),
        "lrm": comfy.node(
            "LRMDecode", lrm=["model", 0], latent=["video", 0], trajectory=["path", 0], max_gaussians=5000
        ),
        "save": comfy.node("SplatSave", splat=["lrm", 0], filename_prefix="lrm/world", format="ply"),
        "look": comfy.node("PreviewImage", images=["lrm", 2]),
        "say": comfy.node("PreviewAny", source=["lrm", 3]),
    }


def test_latent_to_file_stop_and_again(comfy, dwarf):
    outputs = comfy.run(prompt(comfy, dwarf, width=128, height=64, length=9))
    assert len(outputs["look"]["images"]) == 9
    (report,) = outputs["say"]["text"]
    assert "of 10240 from 5 of 9 frames" in report
    assert "needs about" in report
    (file,) = (comfy.output_dir / "lrm").glob("world_*.ply")
    assert file.stat().st_size > 4000 * 40

    long = prompt(comfy, dwarf, width=512, height=256, length=49)
    prompt_id = comfy.post_until(long, "lrm", 0.01)
    comfy.interrupt()
    entry = comfy.wait(prompt_id, 60)
    messages = dict(entry["status"]["messages"])
    assert messages["execution_interrupted"]["node_id"] == "lrm"
    assert len(list((comfy.output_dir / "lrm").glob("*.ply"))) == 1

    again = prompt(comfy, dwarf, width=128, height=64, length=5)
    assert len(comfy.run(again)["look"]["images"]) == 5
