"""Training crops of the depth head: their truth, that they are rendered once, and which scenes may be learned from."""

import numpy as np
import pytest
import torch

from matrix3d_core.cli import main
from matrix3d_core.depth.learned.crops import CropFiles
from matrix3d_core.depth.learned.head import SURFACE_CLASSES
from matrix3d_core.errors import InvalidInput
from matrix3d_core.factory.routes import standpoints, walk_graph
from matrix3d_core.features.dinov2 import Dinov2, Dinov2Config
from matrix3d_core.io.tensors import write_tensors
from matrix3d_core.synth.families import make_scene
from matrix3d_core.synth.scene import SurfaceClass
from matrix3d_core.synth.sets import SETS
from matrix3d_core.training.depth_crops import (
    CropConfig,
    crop_places,
    crop_plan,
    make_crops,
    scenes_to_learn,
)

pytest.importorskip("numba")
GROUND = 1


def _backbone() -> Dinov2:
    torch.manual_seed(0)
    return Dinov2(Dinov2Config(width=64, grid=4)).requires_grad_(False)


def test_crops_have_the_ground_one_camera_height_below(tmp_path):
    config = CropConfig(tokens=4, standpoints=2, views=3, level_share=1.0)
    scenes = [("clutter", 1)]  # level ground
    files = make_crops(tmp_path, scenes, _backbone(), config)
    crops = CropFiles(files)
    assert len(crops) == 6
    batch = crops.batch(range(6))
    targets = batch.targets
    ground = (targets.surface_class == GROUND) & (targets.rays[..., 1] > 0.1)
    assert float(ground.float().mean()) > 0.05
    expected = -torch.log(targets.rays[..., 1])[ground]
    # distances are kept in half precision: 2^-11 of up to 3
    torch.testing.assert_close(targets.log_distance[ground], expected, atol=2e-3, rtol=0)
    up = targets.normal.movedim(1, -1)[ground]
    torch.testing.assert_close(up, torch.tensor([0.0, -1.0, 0.0]).expand_as(up), atol=0.02, rtol=0)
    sky = targets.surface_class == 0
    assert torch.equal(torch.isinf(targets.log_distance), sky)
    assert 0.05 < float(batch.images.mean()) < 0.95
    written = files[0].stat().st_mtime_ns
    again = make_crops(tmp_path, scenes, _backbone(), config)
    assert again == files
    assert files[0].stat().st_mtime_ns == written  # not rendered again


def test_the_head_and_the_scenes_have_one_list_of_classes():
    assert [c.name.lower() for c in SurfaceClass] == list(SURFACE_CLASSES)


def test_three_rooms_come_with_each_scene_outdoors():
    scenes = scenes_to_learn("train", range(1, 3))
    assert [seed for family, seed in scenes if family == "rooms"] == list(range(3, 9))
    assert [seed for family, seed in scenes if family == "desert"] == [1, 2]
    assert len(set(scenes)) == len(scenes) == 2 * (len(SETS["train"].families) + 2)


def test_nothing_learns_from_the_judge_set():
    assert {family for family, _ in scenes_to_learn("train", range(1))} == set(SETS["train"].families)
    with pytest.raises(
        InvalidInput, match="scenes to learn from must be of train, to choose settings by of dev; got judge"
    ):
        scenes_to_learn("judge", range(1))
    most = len(SETS["dev"].seeds)
    assert len(scenes_to_learn("dev", range(most))) == most * len(SETS["dev"].families)
    for wrong in (range(most, most + 1), range(0)):
        with pytest.raises(
            InvalidInput, match=f"rounds must be within 0 to {most} of dev; got {wrong.start}"
        ):
            scenes_to_learn("dev", wrong)


def test_some_places_are_close_to_things():
    """Of several random places the one nearest to a wall or thing is taken."""
    scene = make_scene("rooms", 3)
    rng = np.random.default_rng(0)
    graph = walk_graph(scene, rng)
    anywhere = graph.proxies.distance(standpoints(scene, 200, rng, graph=graph).numpy(), graph.walker)
    config = CropConfig(standpoints=50, nearest_of=4)
    near = graph.proxies.distance(crop_places(scene, graph, rng, config).numpy(), graph.walker)
    assert np.median(near) < np.quantile(anywhere, 0.3)


def test_a_head_learns_from_every_kind_of_crops_and_no_scene_counts_twice():
    plan = {name: set(scenes) for name, scenes, _ in crop_plan(3)}
    assert set(plan) == {"", "photos", "sparse", "near"}
    assert plan.pop("photos") < plan[""]
    assert (
        len(set().union(*plan.values()))
        == sum(map(len, plan.values()))
        == 15 * len(scenes_to_learn("train", range(1)))
    )


def test_the_command_refuses_a_backbone_of_another_kind(tmp_path, capsys):
    write_tensors(tmp_path / "x.safetensors", {"a": torch.zeros(2)})
    status = main(
        ["train-depth", "--out", str(tmp_path / "out"), "--backbone", str(tmp_path / "x.safetensors")]
    )
    assert status == 2
    assert "x.safetensors" in capsys.readouterr().err
