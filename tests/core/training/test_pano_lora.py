"""train-pano-lora: where panoramas come from, the loss by hand, the command from the first step to a resumed run."""

import shutil
from dataclasses import replace

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from training_clips import ball_room
from wan_answer import normal

from matrix3d_core import cli
from matrix3d_core.errors import InvalidInput
from matrix3d_core.io.images import write_image
from matrix3d_core.standalone.pipeline_lora import LoraChoice, apply_lora
from matrix3d_core.training.flow import noised
from matrix3d_core.training.pano_lora import (
    PanoEncoders,
    PanoTraining,
    Picture,
    _PanoTask,
    _Sample,
    find_pictures,
)
from matrix3d_core.training.sample_cache import NO_TEXT, SampleCache

pytest.importorskip("accelerate", reason="needs accelerate (extra 'generate')")


@pytest.fixture(scope="module")
def panoramas(tmp_path_factory):
    """Three pictures of two sizes with captions."""
    root = tmp_path_factory.mktemp("panoramas")
    for number, rows in enumerate((64, 80, 32)):
        folder = root / f"set{number % 2}"
        folder.mkdir(exist_ok=True)
        write_image(folder / f"{number}.png", ball_room(1, rows, shift=0.4 * number)[0][0])
        (folder / f"{number}.txt").write_text(f"a ball room, number {number}\n", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def flux(flux_folder):
    from diffusers import FluxPipeline

    return FluxPipeline.from_pretrained(flux_folder, local_files_only=True)


def test_pictures_with_captions_beside_them(panoramas, tmp_path):
    found = list(find_pictures(panoramas))
    assert [(picture.name, picture.caption) for picture in found] == [
        ("set0/0.png", "a ball room, number 0"),
        ("set0/2.png", "a ball room, number 2"),
        ("set1/1.png", "a ball room, number 1"),
    ]
    shutil.copytree(panoramas, tmp_path / "copy")
    (tmp_path / "copy" / "set0" / "2.txt").unlink()
    with pytest.raises(InvalidInput, match=r"2\.png must have its caption beside it, in 2\.txt"):
        list(find_pictures(tmp_path / "copy"))
    with pytest.raises(InvalidInput, match="found none below"):
        list(find_pictures(tmp_path / "nothing"))


def test_first_frames_of_clips(clip_folders):
    found = list(find_pictures(clip_folders))
    assert [picture.caption for picture in found] == [f"a round room, number {n}" for n in range(3)]
    assert found[0].read().shape == (64, 128, 3)
    with pytest.raises(InvalidInput, match="wide"):
        Picture("wide", clip_folders.parent / "wide.png", "").read() if write_image(
            clip_folders.parent / "wide.png", torch.rand(16, 48, 3)
        ) is None else None


def test_the_loss_by_hand(flux, tmp_path):
    store = SampleCache(tmp_path, {})
    parts = {"latents": normal(16, 4, 8, seed=1), "text": normal(6, 32, seed=2), "pooled": normal(32, seed=3)}
    store.write("a", parts)
    config = PanoTraining(sizes=(32,), rank=2, guidance=3.0, checkpointing=False)
    encoders = PanoEncoders.of(flux, "cpu")
    task = _PanoTask(
        flux.transformer, encoders, store, ["a"], [], tmp_path, config, torch.float32, torch.device("cpu")
    )
    rolled, noise, level = parts["latents"].roll(3, -1), normal(16, 4, 8, seed=4), 0.6
    with torch.no_grad():
        found = task.losses([_Sample(parts, rolled, noise, level)])
        seen = 0.4 * rolled + 0.6 * noise
        tokens = flux._pack_latents(seen[None], 1, 16, 4, 8)
        answer = flux.transformer(
            hidden_states=tokens,
            timestep=torch.tensor([0.6]),
            guidance=torch.tensor([3.0]),
            pooled_projections=parts["pooled"][None],
            encoder_hidden_states=parts["text"][None],
            txt_ids=torch.zeros(6, 3),
            img_ids=flux._prepare_latent_image_ids(1, 2, 4, "cpu", torch.float32),
            return_dict=False,
        )[0]
        wanted = flux._pack_latents((noise - rolled)[None], 1, 16, 4, 8)
    torch.testing.assert_close(found[0], (answer - wanted).square().mean(), rtol=1e-4, atol=1e-5)
    drawn = {tuple(task.draw(torch.Generator().manual_seed(n)).latents[0, 0].tolist()) for n in range(60)}
    assert drawn == {
        tuple(parts["latents"].roll(k, -1)[0, 0].tolist()) for k in range(8)
    }  # every roll, nothing else

    store.write(NO_TEXT, {name: torch.zeros_like(parts[name]) for name in ("text", "pooled")})
    task.config = replace(config, drop_text=0.25)
    texts = [float(task.draw(torch.Generator().manual_seed(n)).parts["text"].abs().sum()) for n in range(200)]
    assert 25 < texts.count(0.0) < 75  # a quarter, within four deviations


def test_sampling_is_euler_on_the_flow(flux, monkeypatch):
    """With a network that answers the flow to a known picture, the picture comes out, rolled steps or not."""
    from matrix3d_core.training import pano_lora

    wanted, noise = normal(1, 16, 4, 8, seed=5), normal(1, 16, 4, 8, seed=6)
    rolls = []

    def answer(network, latents, level, *_):
        by = next(
            k
            for k in range(8)
            if torch.allclose(latents, noised(wanted, noise, level).roll(k, -1), atol=1e-4)
        )
        rolls.append(by)
        return (noise - wanted).roll(by, -1)

    monkeypatch.setattr(pano_lora, "_call", answer)
    made = pano_lora.sample_panorama(None, noise, noise, noise, steps=5, shift=3.0)
    torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-4)
    assert rolls == [2, 4, 6, 0, 2]


def words(root, out, model, more=""):
    given = "--size 32x64 64x128 --batch 2 --rank 2 --dtype float32 --lr 1e-2 --device cpu"
    return f"train-pano-lora {root} --out {out} --model {model} {given} {more}".split()


def test_a_first_step_a_saved_lora_and_a_resumed_run(panoramas, flux_folder, tmp_path, capsys):
    whole, cut, cache = tmp_path / "whole", tmp_path / "cut", tmp_path / "cache"
    shared = f"--cache {cache}"
    assert cli.main(words(panoramas, whole, flux_folder, f"{shared} --steps 3 --validate-every 3")) == 0
    said = capsys.readouterr()
    assert said.out.strip() == str(whole / "pano_lora.safetensors")
    assert "memory: " in said.err
    with Image.open(whole / "validation-3.png") as picture:
        assert picture.size == (128, 64)
    sizes = sorted(tuple(load_file(path)["latents"].shape) for path in cache.glob("*.safetensors"))
    assert sizes == [(16, 4, 8), (16, 8, 16), (16, 8, 16)]  # two buckets
    assert cli.main(words(panoramas, cut, flux_folder, f"{shared} --steps 2")) == 0
    assert cli.main(words(panoramas, cut, flux_folder, f"{shared} --steps 3 --resume")) == 0
    a, b = (load_file(folder / "pano_lora.safetensors") for folder in (whole, cut))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    from diffusers import FluxTransformer2DModel

    network = FluxTransformer2DModel.from_pretrained(flux_folder / "transformer", local_files_only=True)
    report = apply_lora(network, LoraChoice(whole / "pano_lora.safetensors"))
    assert len(report.targets) == len(a) // 2
    assert cli.main(words(panoramas, cut, flux_folder, f"{shared} --steps 4")) == 2
    assert "Resume it, or choose another folder" in capsys.readouterr().err
    assert cli.main(words(panoramas, tmp_path / "x", flux_folder, "--size 128x256")) == 2
    assert "must be at least 256x128; got 128x64" in capsys.readouterr().err


@pytest.mark.parametrize(
    "settings", [{"sizes": ()}, {"sizes": (60,)}, {"rank": -1}, {"levels": "x"}, {"shift": 0.0}]
)
def test_settings_out_of_range(settings):
    with pytest.raises(InvalidInput):
        PanoTraining(**settings)
