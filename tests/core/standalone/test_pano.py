"""Panoramas through diffusers on tiny random FLUX pipelines: the command line end to end, and the rolling."""

from __future__ import annotations

import json
import math

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from matrix3d_core import cli
from matrix3d_core.errors import InvalidInput
from matrix3d_core.io.images import read_image
from matrix3d_core.standalone.latent_roll import StepCounter, pack_latent, rolled_network, unpack_latent
from matrix3d_core.standalone.pano import (
    FROM_PHOTO,
    FROM_TEXT,
    PanoConfig,
    PhotoPlace,
    panorama_from_photo,
    panorama_from_text,
)

HEIGHT, WIDTH, STEPS = 64, 128, 8
PLAIN = "--dtype float32 --device cpu --steps 3 --height 64".split()
# Sums in another order in float32, a few steps of a network with gains around 1.
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.fixture(scope="module")
def flux(flux_folder):
    from diffusers import FluxPipeline

    pipeline = FluxPipeline.from_pretrained(flux_folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="module")
def fill(fill_folder):
    from diffusers import FluxFillPipeline

    pipeline = FluxFillPipeline.from_pretrained(fill_folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


# End to end ------------------------------------------------------------------------------------------


def test_text_to_panorama_on_the_command_line(flux_folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert (
        cli.main(
            ["pano", "a blue room", "--model", str(flux_folder), "--out", str(out), *PLAIN, "--seed", "4"]
        )
        == 0
    )
    output = capsys.readouterr()
    printed = [line.rpartition("/")[2] for line in output.out.splitlines()]
    assert sorted(printed) == ["latent.safetensors", "panorama.png", "prompt.txt", "report.json"]
    assert sorted(path.name for path in out.iterdir()) == sorted(printed)  # and no partial file
    assert "sample panorama: 100%" in output.err
    picture = read_image(out / "panorama.png")
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert float(picture.std()) > 0.01  # not flat
    latent = load_file(out / "latent.safetensors")["samples"]
    assert latent.shape == (1, 16, 8, 16)
    assert torch.isfinite(latent).all()
    assert (out / "prompt.txt").read_text() == "a blue room"
    report = json.loads((out / "report.json").read_text())
    assert report["config"]["seed"] == 4
    assert report["config"]["steps"] == 3
    assert report["config"]["latent_roll"] == "upstream t2p"
    assert report["config"]["guidance"] == 7.0


def test_photo_to_panorama_on_the_command_line(fill_folder, tmp_path):
    photo = tmp_path / "photo.png"
    pixels = (torch.rand(48, 64, 3, generator=torch.Generator().manual_seed(0)) * 255).to(torch.uint8)
    Image.fromarray(pixels.numpy()).resize((240, 180)).save(photo)
    out = tmp_path / "out"
    words = ["--photo", str(photo), "--fov", "80", "--yaw", "30", "--model", str(fill_folder)]
    assert cli.main(["pano", "a room", "--out", str(out), *words, *PLAIN]) == 0
    names = {"panorama.png", "latent.safetensors", "prompt.txt", "report.json", "canvas.png", "mask.png"}
    assert {path.name for path in out.iterdir()} == names
    pictures = {name: read_image(out / name) * 255 for name in ("panorama.png", "canvas.png", "mask.png")}
    assert pictures["panorama.png"].shape == (HEIGHT, WIDTH, 3)
    known = pictures["mask.png"][..., 0] == 0
    # 80x64 degrees of a sphere: about 0.88 sr of 12.57, less the grown border.
    assert 0.03 < float(known.float().mean()) < 0.12
    columns = known.any(0).nonzero().float()
    assert abs(float(columns.mean()) - (0.5 + 30 / 360) * WIDTH + 0.5) < 1.5
    # What is kept shows the photo itself, not the model's version of it.
    inside = torch.nn.functional.max_pool2d((~known)[None].float(), 5, 1, 2)[0] == 0
    difference = (pictures["panorama.png"] - pictures["canvas.png"])[inside].abs()
    assert float(difference.float().mean()) < 3
    report = json.loads((out / "report.json").read_text())
    assert report["prompt"].startswith("A high quality 360 panorama photo of a room")
    assert report["config"]["guidance"] == 30.0
    assert report["config"]["latent_roll"] == "upstream i2p"


def test_a_photo_needs_its_field_of_view(tmp_path, capsys):
    assert cli.main(["pano", "x", "--photo", "x.jpg", "--out", str(tmp_path / "o")]) == 2
    assert "--photo must come with --fov" in capsys.readouterr().err


def test_upstreams_presets():
    """Fact sheet 3.1 and 3.2."""
    assert (FROM_TEXT.height, FROM_TEXT.width, FROM_TEXT.steps, FROM_TEXT.guidance) == (512, 1024, 50, 7.0)
    assert (FROM_TEXT.seed, FROM_TEXT.latent_roll) == (380, "upstream t2p")
    assert (FROM_PHOTO.height, FROM_PHOTO.width, FROM_PHOTO.steps) == (800, 1600, 50)
    assert (FROM_PHOTO.guidance, FROM_PHOTO.latent_roll) == (30.0, "upstream i2p")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (PanoConfig(64, 100), "twice as wide"),
        (PanoConfig(72, 144), "height must be a multiple of 16; got 72. Nearest is 64"),
        (PanoConfig(64, 128, 0), "steps must be at least 1; got 0"),
        (PanoConfig(64, 128, latent_roll="round"), "latent_roll must be one of off, upstream t2p"),
    ],
)
def test_wrong_settings_are_refused_before_any_work(config, says):
    with pytest.raises(InvalidInput, match=says):
        panorama_from_text(None, "x", config=config)


def test_the_same_seed_gives_the_same_panorama(flux):
    config = PanoConfig(HEIGHT, WIDTH, 2, latent_roll="every step")
    first, again = (panorama_from_text(flux, "a room", config=config) for _ in range(2))
    assert torch.equal(first.panorama, again.panorama)
    other = panorama_from_text(
        flux, "a room", config=PanoConfig(HEIGHT, WIDTH, 2, latent_roll="every step", seed=1)
    )
    assert not torch.allclose(first.latent, other.latent, **CLOSE)


def test_tiles_decode_to_the_whole(flux):
    """Only nearly: the group norms look at the whole picture."""
    whole = panorama_from_text(flux, "a room", config=PanoConfig(HEIGHT, WIDTH, 2)).panorama
    tiled = panorama_from_text(flux, "a room", config=PanoConfig(HEIGHT, WIDTH, 2, tile=6)).panorama
    assert whole.shape == tiled.shape
    assert float((whole - tiled).abs().mean()) < 0.1


# Rolling ---------------------------------------------------------------------------------------------


def test_packing_is_diffusers_own():
    from diffusers import FluxPipeline

    latent = torch.randn(2, 5, 6, 8, generator=torch.Generator().manual_seed(0))
    packed = FluxPipeline._pack_latents(latent, 2, 5, 6, 8)
    assert torch.equal(pack_latent(latent), packed)
    assert torch.equal(unpack_latent(packed, 3, 4), latent)


def upstream_rolls(steps, width, seed):
    """Upstream's draws as the fact sheet has them (3.3): after step i for every i > 0.6 N."""
    generator = torch.Generator().manual_seed(seed)
    return {
        i: int(torch.randint(1, width, (1,), generator=generator)) for i in range(steps) if i > 0.6 * steps
    }


def sampled_with_real_rolls(pipeline, config, rolls, *, with_condition, **given):
    """Upstream's loop, slowly: really roll the latent (and what lies beside it) after the steps that do."""
    rows, columns = config.height // 16, config.width // 16
    network, sample_width, total = pipeline.transformer, 64, 0

    def roll_condition(module, positional, named):
        values = named["hidden_states"]
        beside = unpack_latent(values[..., sample_width:], rows, columns)
        beside = pack_latent(torch.roll(beside, -total, -1))
        return positional, {**named, "hidden_states": torch.cat((values[..., :sample_width], beside), -1)}

    def after(pipe, step, timestep, tensors):
        nonlocal total
        columns_now = rolls.get(step, 0)
        total += columns_now
        latent = unpack_latent(tensors["latents"], rows, columns)
        return {"latents": pack_latent(torch.roll(latent, -columns_now, -1))}

    hook = network.register_forward_pre_hook(roll_condition, with_kwargs=True) if with_condition else None
    try:
        packed = pipeline(
            height=config.height,
            width=config.width,
            num_inference_steps=config.steps,
            guidance_scale=config.guidance,
            generator=torch.Generator().manual_seed(config.seed),
            output_type="latent",
            callback_on_step_end=after,
            **given,
        ).images
    finally:
        if hook is not None:
            hook.remove()
    return unpack_latent(packed, rows, columns), total


def test_text_rolls_like_upstream_and_stays_rolled(flux):
    config = PanoConfig(HEIGHT, WIDTH, STEPS, seed=9)
    rolls = upstream_rolls(STEPS, WIDTH // 8, 9)
    assert list(rolls) == [5, 6, 7]  # the network sees the first two
    expected, _ = sampled_with_real_rolls(flux, config, rolls, with_condition=False, prompt="a room")
    got = panorama_from_text(flux, "a room", config=config).latent
    torch.testing.assert_close(got, expected, **CLOSE)
    still = panorama_from_text(
        flux, "a room", config=PanoConfig(HEIGHT, WIDTH, STEPS, seed=9, latent_roll="off")
    )
    assert not torch.allclose(got, still.latent, **CLOSE)


def test_photo_rolls_like_upstream_with_image_and_mask_and_is_rolled_back(fill):
    from matrix3d_core.panorama.photo import Placement, place_photo, project_photos
    from matrix3d_core.video.prompts import apply_prompt_preset

    config = PanoConfig(HEIGHT, WIDTH, STEPS, guidance=30.0, seed=2, latent_roll="upstream i2p")
    photo = torch.rand(30, 40, 3, generator=torch.Generator().manual_seed(1))
    where = PhotoPlace(1.4, put_back=False)
    got = panorama_from_photo(fill, "a room", photo, where, config=config).latent
    placement = Placement((place_photo(photo, 1.4, None),))
    canvas, mask = project_photos(placement, HEIGHT, WIDTH, grow_rad=where.grow_rad)
    rolls = upstream_rolls(STEPS, WIDTH // 8, 2)
    assert list(rolls) == [5, 6, 7]
    expected, total = sampled_with_real_rolls(
        fill,
        config,
        rolls,
        with_condition=True,
        prompt=apply_prompt_preset("image to panorama", "a room")[0],
        image=canvas.movedim(-1, 0)[None],
        mask_image=mask[None, None],
        strength=1.0,
    )
    torch.testing.assert_close(got, torch.roll(expected, total, -1), **CLOSE)


@pytest.mark.parametrize("mode", ["upstream t2p", "upstream i2p", "every step"])
def test_a_network_that_knows_no_direction_gives_the_same_result_rolled_or_not(mode):
    """Exactly: only whole columns move."""
    from matrix3d_core.standalone.latent_roll import plan_rolls

    class Blur(torch.nn.Module):
        def forward(self, hidden_states):
            return (hidden_states + hidden_states.roll(1, -1) * hidden_states.roll(-1, -1),)

    network, noise = Blur(), torch.randn(1, 4, 6, 10, generator=torch.Generator().manual_seed(0))

    def sample(plan):
        counter, state = StepCounter(), noise
        with rolled_network(network, plan, counter):
            for step in range(6):
                counter.step = step
                state = state - 0.1 * network(hidden_states=state)[0]
        return torch.roll(state, -plan.final, -1)

    plan = plan_rolls(mode, 6, 10, 0)
    assert plan.is_rolled
    rolled, still = sample(plan), sample(plan_rolls("off", 6, 10, 0))
    assert torch.equal(torch.roll(rolled, plan.final, -1), still)
    assert not network._forward_hooks  # removed at the end
    assert not network._forward_pre_hooks


def test_circular_decode_gives_the_rolled_picture_for_a_rolled_latent(flux):
    from matrix3d_core.standalone.pano import _decode

    latent = torch.randn(1, 16, 4, 20, generator=torch.Generator().manual_seed(0))
    config = PanoConfig(32, 160)
    here = _decode(flux, latent, config, "cpu", lambda event: None)
    there = _decode(flux, latent.roll(7, -1), config, "cpu", lambda event: None)
    # The group norms see other margins, so this is near, not exact; a plain decode differs at the border.
    assert float((there - here.roll(56, 1)).abs().mean()) < 0.02


def test_place_of_the_photo_is_in_radians():
    assert PhotoPlace(1.0).grow_rad == pytest.approx(math.tau * 3 / 1024)
