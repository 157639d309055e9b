"""train-video-lora: what samples hold, the loss by hand, the command from the first step to a resumed run."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from oracle_video import packed_mask
from PIL import Image
from safetensors.torch import load_file
from training_clips import ball_room, write_folder
from wan_answer import normal

from matrix3d_core import cli
from matrix3d_core.errors import InvalidInput
from matrix3d_core.standalone.pipeline_lora import LoraChoice, apply_lora
from matrix3d_core.training.clips import CapturedClip
from matrix3d_core.training.sample_cache import SampleCache
from matrix3d_core.training.video_lora import VideoTraining, _Sample, _VideoTask
from matrix3d_core.training.video_samples import (
    VideoSampleConfig,
    encode_sample,
    guidance_of_clip,
    select_frames,
    size_of_clip,
    without_padding,
)

pytest.importorskip("accelerate", reason="needs accelerate (extra 'generate')")

SMALL = VideoSampleConfig(sizes=(64,), frames=9)


def clip_of(count=9, height=64, name="room"):
    frames, depth, path = ball_room(count, height)
    return CapturedClip(name, (frames * 255).round().to(torch.uint8), depth, path, "a round room")


@pytest.fixture(scope="module")
def wan(wan_folder):
    from diffusers import WanImageToVideoPipeline

    return WanImageToVideoPipeline.from_pretrained(wan_folder, local_files_only=True)


# Samples ----------------------------------------------------------------------------------------------


def test_guidance_is_the_first_frame_seen_along_the_path():
    clip = clip_of()
    guidance = guidance_of_clip(clip, SMALL)
    assert guidance.frames.shape == (9, 64, 128, 3)
    assert bool((guidance.mask[0] == 255).all())
    seen = guidance.mask.float() > 250
    off = (guidance.frames.float() - clip.frames.float()).abs().mean(-1)
    assert float(seen.float().mean()) > 0.8
    assert float(off[seen].mean()) < 3  # a smooth round room: the same colors where they are seen
    assert bool((guidance.frames[guidance.mask < 128] == 0).all())
    assert bool(
        (guidance_of_clip(clip, VideoSampleConfig(sizes=(64,), frames=9, use_mask=False)).mask == 255).all()
    )


def test_buckets():
    config = VideoSampleConfig(sizes=(32, 64), frames=9)
    assert size_of_clip(clip_of(9, 64), config) == 64
    assert size_of_clip(clip_of(9, 48), config) == 32
    assert select_frames(clip_of(8), config) == [0, 1, 2, 3, 4]
    assert select_frames(clip_of(11), VideoSampleConfig(sizes=(64,), frames=9, stride=2)) == [0, 2, 4, 6, 8]
    with pytest.raises(
        InvalidInput, match=r"room: frames must be at least 64x32; got 32x16\. Train at a smaller size"
    ):
        size_of_clip(clip_of(9, 16), config)
    with pytest.raises(InvalidInput, match="room: must have at least 5 frames, each 3 after the last; got 3"):
        select_frames(clip_of(9), VideoSampleConfig(sizes=(64,), frames=9, stride=3))


def test_a_sample_holds_the_networks_input(wan):
    clip = clip_of()
    prompts = []

    def text(prompt):
        prompts.append(prompt)
        return torch.cat((torch.ones(4, 32), torch.zeros(508, 32)))

    parts = encode_sample(clip, SMALL, wan, text, lambda guidance: None)
    assert prompts[0].startswith("a round room The video is of high quality")
    assert parts["text"].shape == (4, 32)
    assert {name: tuple(parts[name].shape) for name in ("latents", "condition", "frames")} == {
        "latents": (16, 3, 8, 16),
        "condition": (20, 3, 8, 16),
        "frames": (3, 32, 64, 3),
    }
    guidance = guidance_of_clip(clip, SMALL)
    mask = torch.from_numpy(np.asarray(packed_mask(guidance.mask.numpy() / 127.5 - 1, 8, 16))).float()
    torch.testing.assert_close(parts["condition"][:4].float(), mask, rtol=2e-3, atol=2e-3)
    # the input follows from frame 0 and its distances, the target from all frames
    other = CapturedClip("room", clip.frames.clone(), clip.depth.clone(), clip.trajectory, "a round room")
    other.frames[1:] = 255 - other.frames[1:]
    other.depth[1:] = 1
    changed = encode_sample(other, SMALL, wan, text, lambda guidance: None)
    assert torch.equal(changed["condition"], parts["condition"])
    assert torch.equal(changed["latents"][:, 0], parts["latents"][:, 0])
    gone = (changed["latents"] - parts["latents"]).abs().float().flatten(2).mean((0, 2))
    noise = (parts["condition"][4:] - parts["latents"]).abs().float().flatten(2).mean((0, 2))
    assert bool((gone[1:] > 5 * noise[1:]).all())


def test_padding_of_text_is_left_out():
    states = torch.zeros(6, 2)
    states[2, 1] = 1
    assert without_padding(states).shape == (3, 2)
    assert without_padding(torch.zeros(6, 2)).shape == (1, 2)


@pytest.mark.parametrize(
    "settings", [{"sizes": ()}, {"sizes": (60,)}, {"frames": 8}, {"frames": 1}, {"guidance": "x"}]
)
def test_samples_out_of_range(settings):
    with pytest.raises(InvalidInput):
        VideoSampleConfig(**settings)


# The loss ---------------------------------------------------------------------------------------------


def test_the_loss_by_hand(wan, tmp_path):
    """One sample with its text, one without, against the network called by hand."""
    store = SampleCache(tmp_path, {})
    parts = {
        "latents": normal(16, 3, 4, 8, seed=1),
        "condition": normal(20, 3, 4, 8, seed=2),
        "text": normal(5, 32, seed=3),
        "image": normal(5, 32, seed=4),
    }
    store.write("no text", {"text": normal(2, 32, seed=5)})
    store.write("a", parts)
    config = VideoTraining(samples=SMALL, rank=2, held_out=0, checkpointing=False)
    task = _VideoTask(wan, store, ["a"], tmp_path, config, torch.float32, torch.device("cpu"))
    noise, level = normal(16, 3, 4, 8, seed=6), 0.3
    samples = [_Sample(parts, noise, level, True), _Sample(parts, noise, level, False)]
    with torch.no_grad():
        found = task.losses(samples)
        for index, text in enumerate((parts["text"], normal(2, 32, seed=5))):
            padded = torch.zeros(1, 512, 32)
            padded[0, : len(text)] = text
            seen = 0.7 * parts["latents"] + 0.3 * noise
            answer = wan.transformer(
                hidden_states=torch.cat((seen, parts["condition"]))[None],
                timestep=torch.tensor([300.0]),
                encoder_hidden_states=padded,
                encoder_hidden_states_image=parts["image"][None],
                return_dict=False,
            )[0][0]
            wanted = (answer - (noise - parts["latents"])).square().mean()
            torch.testing.assert_close(found[index], wanted, rtol=1e-4, atol=1e-5)
    drawn = task.draw(torch.Generator().manual_seed(3))
    again = task.draw(torch.Generator().manual_seed(3))
    assert torch.equal(drawn.noise, again.noise)
    assert drawn.level == again.level
    assert task.shape_of(drawn) == (16, 3, 4, 8)

    task.config = replace(config, roll=True)
    turns = set()
    for seed in range(60):
        rolled = task.draw(torch.Generator().manual_seed(seed)).parts
        (by,) = (k for k in range(8) if torch.equal(rolled["latents"], parts["latents"].roll(k, -1)))
        assert torch.equal(rolled["condition"], parts["condition"].roll(by, -1)), "guidance goes along"
        assert torch.equal(rolled["image"], parts["image"])
        turns.add(by)
    assert turns == set(range(8))


# The command ------------------------------------------------------------------------------------------


def words(clips, out, model, more=""):
    given = "--size 64x128 --frames 9 --batch 2 --rank 2 --dtype float32 --lr 1e-2 --device cpu"
    return f"train-video-lora {clips} --out {out} --model {model} {given} {more}".split()


def test_a_first_step_a_saved_lora_and_a_resumed_run(clip_folders, wan_folder, tmp_path, capsys):
    whole, cut, cache = tmp_path / "whole", tmp_path / "cut", tmp_path / "cache"
    shared = f"--cache {cache} --at-once 2"
    assert cli.main(words(clip_folders, whole, wan_folder, f"{shared} --steps 3 --validate-every 3")) == 0
    said = capsys.readouterr()
    assert said.out.split() == [str(whole / f"video_lora{end}.safetensors") for end in ("", "_diffusers")]
    assert "memory: " in said.err
    assert "disk: " in said.err
    with Image.open(whole / "validation-3.png") as picture:
        assert picture.size == (3 * 128, 3 * 64)
    encoded = {path.name for path in cache.glob("*.safetensors")}
    assert {"room0.safetensors", "room1.safetensors", "room2.safetensors"} < encoded
    shutil.rmtree(clip_folders / "none", ignore_errors=True)
    assert cli.main(words(clip_folders, cut, wan_folder, f"{shared} --steps 2")) == 0
    assert cli.main(words(clip_folders, cut, wan_folder, f"{shared} --steps 3 --resume")) == 0
    a, b = (load_file(folder / "video_lora.safetensors") for folder in (whole, cut))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)  # to the bit
    assert max(float(tensor.abs().max()) for name, tensor in a.items() if "lora_B" in name) > 1e-3
    network = _network(wan_folder)
    assert len(apply_lora(network, LoraChoice(whole / "video_lora.safetensors")).targets) == 20
    state = json.loads((cut / "checkpoint-3" / "trainer.json").read_text())
    assert state["settings"]["rank"] == 2
    assert state["settings"]["sizes"] == [64]
    assert cli.main(words(clip_folders, cut, wan_folder, f"{shared} --steps 4")) == 2
    assert "holds checkpoint-3 of an earlier run. Resume it" in capsys.readouterr().err
    assert cli.main(words(clip_folders, cut, wan_folder, f"{shared} --steps 4 --resume --rank 4")) == 2
    assert "checkpoint-3 is of a run with rank 2, not 4" in capsys.readouterr().err
    assert cli.main(words(clip_folders, cut, wan_folder, f"{shared} --steps 4 --frames 5")) == 2
    assert "cache holds samples encoded with frames 9, not 5" in capsys.readouterr().err
    damaged = cache / "room1.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:200])
    assert cli.main(words(clip_folders, tmp_path / "new", wan_folder, f"{shared} --steps 4")) == 2
    assert f"Delete {damaged} to encode it again" in capsys.readouterr().err


def _network(folder):
    from diffusers import WanTransformer3DModel

    return WanTransformer3DModel.from_pretrained(folder / "transformer", local_files_only=True)


def test_all_weights(clip_folders, wan_folder, tmp_path, capsys):
    out = tmp_path / "full"
    more = "--rank 0 --steps 2 --held-out 0 --average 0.5 --guidance points --no-mask --drop-text 0.5 --roll"
    assert cli.main(words(clip_folders, out, wan_folder, more)) == 0
    assert capsys.readouterr().out.split() == [str(out / "video_model.safetensors"), str(out / "transformer")]
    from diffusers import WanTransformer3DModel

    before = _network(wan_folder).state_dict()
    after = WanTransformer3DModel.from_pretrained(out / "transformer", local_files_only=True).state_dict()
    assert before.keys() == after.keys()
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    assert len(moved) > 0.9 * len(before)
    native = load_file(out / "video_model.safetensors")
    torch.testing.assert_close(
        native["head.head.weight"].float(), after["proj_out.weight"], rtol=1e-3, atol=1e-4
    )
    kept = load_file(out / "checkpoint-2" / "average.safetensors")
    assert all(
        torch.equal(after[name], kept[name]) for name in kept
    )  # what is written is the running average


def test_bad_input_says_what_to_do(clip_folders, wan_folder, flux_folder, tmp_path, capsys):
    def refused(*given):
        assert cli.main(words(*given)) == 2
        return capsys.readouterr().err

    few = tmp_path / "few"
    frames, depth, path = ball_room(9, 64)
    write_folder(few / "one", frames, depth, path, "one")
    assert "clips must be more than are held out; got 1" in refused(few, tmp_path / "a", wan_folder)
    (few / "one" / "depth" / "0000.npz").unlink()
    assert "one file per frame; got 9 pictures and 8 distances" in refused(
        few, tmp_path / "b", wan_folder, "--held-out 0"
    )
    shutil.rmtree(few / "one" / "depth")
    assert "got 9 pictures and 0 distances" in refused(few, tmp_path / "b", wan_folder, "--held-out 0")
    assert "frames must be at least 256x128; got 128x64" in refused(
        clip_folders, tmp_path / "c", wan_folder, "--size 128x256"
    )
    assert "--size must be HEIGHTxWIDTH of a panorama" in refused(
        clip_folders, tmp_path / "d", wan_folder, "--size 64"
    )
    assert "must hold a WanImageToVideoPipeline" in refused(clip_folders, tmp_path / "e", flux_folder)
    assert "found none below" in refused(tmp_path / "nothing", tmp_path / "f", wan_folder)
    assert "are free. Take a smaller size" in refused(
        clip_folders, tmp_path / "g", wan_folder, "--at-once 1000000"
    )
