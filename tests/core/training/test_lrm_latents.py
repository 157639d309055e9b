"""Clips for the reconstruction model's training, from pictures to a run: the VAE is a dwarf with random weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from matrix3d_core import cli
from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.io.cameras_json import write_trajectory
from matrix3d_core.io.images import write_image
from matrix3d_core.io.tensors import write_tensors
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.training.clips import find_clips, has_latents, read_clip, read_clip_parts
from matrix3d_core.training.lrm_latents import encode_clip, open_wan_encoder

pytest.importorskip("diffusers")

COUNT, HEIGHT = 9, 32


@pytest.fixture(scope="module")
def vae(tmp_path_factory):
    from diffusers import AutoencoderKLWan

    torch.manual_seed(0)
    model = AutoencoderKLWan(base_dim=8, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1)
    folder = tmp_path_factory.mktemp("wan") / "vae"
    model.save_pretrained(folder)
    return folder


def pictures():
    rng = torch.Generator().manual_seed(0)
    coarse = torch.rand(COUNT, 3, 4, 8, generator=rng)
    return torch.nn.functional.interpolate(coarse, (HEIGHT, 2 * HEIGHT), mode="bilinear").movedim(1, -1)


def write_folder(folder, count=COUNT):
    """A clip as other programs leave it: one picture and one array per frame, and the poses."""
    for name in ("frames", "depth"):
        (folder / name).mkdir(parents=True)
    pose = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    pose[:, 2, 3] = -0.1 * torch.arange(count)
    write_trajectory(folder / "cameras.json", Trajectory(pose))
    for index, picture in enumerate(pictures()[:count]):
        write_image(folder / "frames" / f"{index:04}.png", picture)
        depth = np.full((HEIGHT, 2 * HEIGHT), 2.0 + index, np.float32)
        depth[:3] = 0  # sky
        np.save(folder / "depth" / f"{index:04}.npy", depth)
    return folder


def test_folders_of_pictures_are_clips(tmp_path):
    folder = write_folder(tmp_path / "street")
    frames, depth, path = read_clip_parts(folder)
    assert (frames.float() / 255 - pictures()).abs().max() <= 0.5 / 255 + 1e-6
    assert depth[3, 0, 0] == math.inf
    assert depth[3, 10, 10] == 5.0
    assert len(path) == COUNT
    assert find_clips(tmp_path) == [folder]
    assert not has_latents(folder)


def test_latents_are_the_vaes_normalized_and_kept(tmp_path, vae):
    from diffusers import AutoencoderKLWan

    folder = write_folder(tmp_path / "street")
    clip = encode_clip(folder, open_wan_encoder(vae.parent, device="cpu"))
    assert {stride: tuple(latent.shape) for stride, latent in clip.latents.items()} == {
        1: (16, 3, 4, 8),
        2: (16, 2, 4, 8),
    }
    again = read_clip(folder)
    assert all(torch.equal(again.latents[s], clip.latents[s]) for s in clip.latents)
    assert has_latents(folder)
    # By hand: the frames seen twice side by side know what is beyond the border; the middle is what counts.
    model = AutoencoderKLWan.from_pretrained(vae).eval()
    seen = read_clip_parts(folder)[0][::2][:5].float() / 255
    video = torch.cat((seen, seen, seen), 2).movedim(-1, 0).unsqueeze(0) * 2 - 1
    with torch.no_grad():
        raw = model.encode(video).latent_dist.mode()[0, :, :, :, 8:16]
    mean, deviation = (
        torch.tensor(v).view(16, 1, 1, 1) for v in (model.config.latents_mean, model.config.latents_std)
    )
    # The ring is added for as far as the encoder sees, which for a picture this small is the whole of it.
    assert ((raw - mean) / deviation - clip.latents[2]).abs().max() < 2e-2


def test_training_encodes_what_has_no_latents(tmp_path, vae, capsys):
    write_folder(tmp_path / "clips" / "street")
    words = [
        "train-lrm",
        str(tmp_path / "clips"),
        "--out",
        str(tmp_path / "run"),
        "--width",
        "16",
        "--steps",
        "1",
    ]
    assert cli.main([*words, "--precision", "fp32"]) == 2
    assert "Give --vae to encode them" in capsys.readouterr().err
    assert cli.main([*words, "--precision", "fp32", "--vae", str(vae)]) == 0
    assert (tmp_path / "run" / "lrm.safetensors").is_file()
    assert has_latents(tmp_path / "clips" / "street")
    assert cli.main([*words, "--precision", "fp32", "--resume"]) == 0  # nothing is left to encode


def test_what_does_not_fit_is_said(tmp_path, vae):
    short = write_folder(tmp_path / "short", 4)
    with pytest.raises(InvalidInput, match="at least 5 frames; got 4"):
        encode_clip(short, lambda frames: frames)
    (short / "depth" / "0000.npy").unlink()
    with pytest.raises(InvalidInput, match="4 pictures and 3 distances"):
        read_clip_parts(short)
    mixed = write_folder(tmp_path / "mixed", 5)
    np.save(mixed / "depth" / "0001.npy", np.ones((8, 16), np.float32))
    with pytest.raises(InvalidInput, match="all depth must be of one size"):
        read_clip_parts(mixed)
    flat = tmp_path / "flat"
    flat.mkdir()
    write_trajectory(flat / "cameras.json", Trajectory(torch.eye(4, dtype=torch.float64).repeat(5, 1, 1)))
    write_tensors(
        flat / "clip.safetensors",
        {"frames": torch.zeros(5, 20, 40, 3, dtype=torch.uint8), "depth": torch.ones(5, 20, 40)},
    )
    with pytest.raises(InvalidInput, match="of a height that 16 divides; got 40x20"):
        encode_clip(flat, lambda frames: frames)
    with pytest.raises(InvalidInput, match="at least one stride"):
        read_clip(flat)
    with pytest.raises(InvalidInput, match=r"with config\.json"):
        open_wan_encoder(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FormatError, match="holds no Wan VAE"):
        open_wan_encoder(tmp_path)
