"""The family of small models: every part with a few steps, in the forms that the host reads, and what is done is kept."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from matrix3d_core.cli.parser import build_parser
from matrix3d_core.errors import InvalidInput
from matrix3d_core.lrm.weights import read_lrm_weights
from matrix3d_core.minis.encoders import PANO_TEXT
from matrix3d_core.minis.files import MINI_FILES
from matrix3d_core.minis.networks import make_video_vae
from matrix3d_core.progress import no_progress
from matrix3d_core.standalone.native_weights import native_weights
from matrix3d_core.training import minis
from matrix3d_core.training.loop import LoopConfig
from matrix3d_core.training.minis import (
    MINI_PARTS,
    MiniPlan,
    _loop,
    train_minis,
)
from matrix3d_core.training.video_vae import VAETraining

pytest.importorskip("accelerate", reason="needs accelerate (extra 'generate')")
pytest.importorskip("webdataset", reason="needs webdataset (extra 'factory')")

SHORT = LoopConfig(steps=2)
PLAN = MiniPlan(
    clips=4,
    pictures=3,
    clip_frames=5,
    height=64,
    vae=VAETraining(width=12, crop_frames=5, crop_px=32, stills=SHORT, loop=SHORT),
    **{
        part: replace(_loop(2, 2, 1e-3), validate_every=2)
        for part in ("pano", "pano_lora", "video", "video_lora")
    },
    lrm=(2, 2),
    layers=(1, 1, 1),
    lrm_width=128,
    rank=2,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """All of them."""
    out = tmp_path_factory.mktemp("minis")
    return out, train_minis(out, PLAN)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # webdataset leaves its file open
@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")
def test_every_model_is_in_the_hosts_folder_of_its_kind_under_released_names(made):
    out, files = made
    assert [path.relative_to(out / "models").as_posix() for path in files] == list(MINI_FILES.values())
    keys = {part: load_file(out / "models" / name) for part, name in MINI_FILES.items() if part != "lrm"}
    assert keys["video"]["patch_embedding.weight"].shape == (256, 36, 1, 2, 2)
    assert keys["video"]["text_embedding.0.weight"].shape == (256, 4096)
    assert keys["video"]["img_emb.proj.1.weight"].shape == (1280, 1280)
    assert keys["pano"]["txt_in.weight"].shape == (256, PANO_TEXT[1])
    assert "double_blocks.0.img_attn.qkv.weight" in keys["pano"]
    assert "blocks.0.self_attn.q.lora_A.default.weight" in keys["video_lora"]
    assert "transformer.single_transformer_blocks.0.attn.to_q.lora_B.weight" in keys["pano_lora"]
    assert "decoder.middle.0.residual.0.gamma" in keys["video_vae"]
    assert read_lrm_weights(files[-1]).config.width == 128
    tensors = [t for part in keys if not part.endswith("lora") for t in keys[part].values()]
    assert {t.dtype for t in tensors} == {torch.float16}
    for part, rows, columns in (("pano", 32, 64), ("pano_lora", 64, 128)):
        assert (out / part / "validation-2.png").is_file(), (part, rows, columns)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_done_is_not_done_again(made):
    out, files = made
    stamps = [path.stat().st_mtime_ns for path in files]
    assert train_minis(out, PLAN) == files
    assert [path.stat().st_mtime_ns for path in files] == stamps


def test_a_part_needs_those_before_it(tmp_path):
    with pytest.raises(InvalidInput, match="clips must be made first"):
        train_minis(tmp_path, PLAN, parts=["video_vae"])
    with pytest.raises(InvalidInput, match="parts must be some of clips, pictures"):
        train_minis(tmp_path, PLAN, parts=["x"])
    with pytest.raises(InvalidInput, match="height must be a multiple of 32"):
        MiniPlan(height=100)


def test_without_a_vae_of_its_own_a_run_takes_the_one_that_comes_along(tmp_path, monkeypatch):
    vae, file = make_video_vae(), tmp_path / MINI_FILES["video_vae"]
    file.parent.mkdir()
    save_file({name: tensor.half().contiguous() for name, tensor in native_weights(vae).items()}, file)
    monkeypatch.setattr(minis, "MINI_MODELS", tmp_path)
    found = minis._Minis(tmp_path / "run", PLAN, 1, print, no_progress).video_vae()
    for (name, a), b in zip(found.state_dict().items(), vae.state_dict().values(), strict=True):
        assert torch.equal(a, b.half().float()), name
    monkeypatch.setattr(minis, "MINI_MODELS", tmp_path / "none")
    with pytest.raises(InvalidInput, match="video_vae must be made first"):
        minis._Minis(tmp_path / "other", PLAN, 1, print, no_progress).video_vae()


def test_the_command_has_the_plans_defaults():
    options = build_parser(["train-minis"]).parse_args(
        ["train-minis", "--out", "x", "--only", "clips", "video_vae"]
    )
    assert (options.clips, options.pictures) == (MiniPlan().clips, MiniPlan().pictures)
    assert options.only == ["clips", "video_vae"]
    assert set(MINI_FILES) < set(MINI_PARTS)
