"""Layers of a panorama: found in front of the rest, completed behind it, and turned into worlds and meshes."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.errors import Cancelled, FormatError, InvalidInput
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.io.gltf_meshes import write_meshes_glb
from matrix3d_core.io.images import write_image
from matrix3d_core.layers.complete import split_panorama
from matrix3d_core.layers.hunyuanworld import read_hunyuanworld_folder
from matrix3d_core.layers.layer import (
    layers_from_pictures,
    layers_report,
    pictures_from_layers,
)
from matrix3d_core.layers.mesh import meshes_from_layers
from matrix3d_core.layers.splats import gaussians_from_layers
from matrix3d_core.layers.split import find_foreground, given_foreground
from matrix3d_core.scene.camera import Equirect
from matrix3d_core.scene.labels import CLASSES, ORIGIN_SOURCE, ORIGIN_UNOBSERVED
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.splats.mesh import for_gltf
from matrix3d_core.splats.render import render_path

HEIGHT = 128
RED, BLUE, GRAY, SKY = (0.9, 0.1, 0.1), (0.1, 0.1, 0.9), (0.5, 0.5, 0.5), (0.6, 0.8, 1.0)


def yard(height: int = HEIGHT, sky: bool = True) -> PanoramaGeometry:
    """A round yard of 6 m with a wall, gray ground 1.6 m below, and two posts in front of each other, straight ahead.

    The near one is red, 2 m away and 0.7 m high above the camera; the far one is blue, 4 m away and wider.
    """
    rays = erp_directions(height, 2 * height)
    flat = rays[..., [0, 2]].norm(dim=-1)
    azimuth = torch.atan2(rays[..., 0], rays[..., 2])
    ground = torch.where(rays[..., 1] > 1e-4, 1.6 / rays[..., 1].clamp(min=1e-4), torch.inf)
    wall = 6 / flat
    depth = torch.minimum(ground, wall)
    rgb = torch.tensor(GRAY).expand(height, 2 * height, 3).clone()
    stripes = (torch.sin(24 * azimuth) > 0).unsqueeze(-1)
    is_wall = wall < ground
    rgb = torch.where(is_wall.unsqueeze(-1), torch.where(stripes, 0.75, 0.35).expand_as(rgb), rgb)
    is_sky = torch.zeros_like(is_wall)
    if sky:
        is_sky = is_wall & (-rays[..., 1] * wall > 3)
        rgb[is_sky], depth[is_sky] = torch.tensor(SKY), 60.0
    for distance, width, top, color in ((4.0, 0.16, 1.0, BLUE), (2.0, 0.12, 0.7, RED)):
        post = distance / flat
        up = -rays[..., 1] * post
        here = (azimuth.abs() < width) & (up < top) & (up > -1.6)
        rgb[here], depth[here], is_sky[here] = torch.tensor(color), post[here], False
    return PanoramaGeometry(rgb, depth, ~is_sky, is_sky, is_metric=True)


def test_posts_that_hide_each_other_are_layers_of_their_own():
    geometry = yard(256)
    far, near = find_foreground(geometry, 2)
    red = (geometry.rgb - torch.tensor(RED)).abs().sum(-1) < 0.01
    blue = (geometry.rgb - torch.tensor(BLUE)).abs().sum(-1) < 0.01
    for mask, true in ((near, red), (far, blue)):
        assert (mask & true).sum() / (mask | true).sum() > 0.9
    (both,) = find_foreground(geometry, 1)
    assert (both & (red | blue)).sum() / (both | red | blue).sum() > 0.9
    assert find_foreground(geometry, 0) == []


def test_walls_around_and_far_things_are_no_foreground():
    bare = yard(sky=False)
    assert (
        find_foreground(
            PanoramaGeometry(
                bare.rgb,
                6 / erp_directions(HEIGHT, 256)[..., [0, 2]].norm(dim=-1),
                bare.is_valid,
                bare.is_sky,
            ),
            2,
        )
        == []
    )
    far = yard()
    small = PanoramaGeometry(
        far.rgb, torch.where(find_foreground(far, 1)[0], 5.9, far.depth_ray), far.is_valid, far.is_sky
    )
    assert find_foreground(small, 1) == []


def layered(geometry: PanoramaGeometry | None = None):
    geometry = geometry or yard()
    return split_panorama(geometry, find_foreground(geometry, 2))


def test_layers_show_the_panorama_and_complete_it_behind_the_nearer_ones():
    geometry = yard()
    made = layered(geometry)
    assert [layer.name for layer in made.layers] == ["sky", "background", "foreground 1", "foreground 2"]
    shown = torch.zeros(HEIGHT, 2 * HEIGHT)
    for layer in made.layers:
        seen = layer.mask & ~layer.is_filled
        shown += seen
        assert torch.equal(layer.rgb[seen], geometry.rgb[seen])
        assert torch.equal(layer.depth_ray[seen], geometry.depth_ray[seen])
    hidden = shown == 0  # mixed pixels beside the posts
    assert hidden.float().mean() < 0.02
    background = made.layers[1]
    behind = made.layers[3].mask & background.mask
    assert behind.sum() > 50
    # Behind the red post are the ground and the striped wall, at their distances.
    rays = erp_directions(HEIGHT, 2 * HEIGHT)
    wall = 6 / rays[..., [0, 2]].norm(dim=-1)
    ground = torch.where(rays[..., 1] > 0, 1.6 / rays[..., 1].clamp(min=1e-4), torch.inf)
    true = torch.minimum(wall, ground)
    assert ((background.depth_ray / true - 1).abs()[behind] < 0.1).float().mean() > 0.9
    assert (
        background.rgb[behind].amax(-1) - background.rgb[behind].amin(-1)
    ).max() < 0.2  # neither red nor blue
    report = layers_report(made)
    assert report[3]["filled_percent"] == 0
    assert report[1]["filled_percent"] > 0.5


def test_the_size_of_the_panorama_does_not_matter(monkeypatch):
    monkeypatch.setattr("matrix3d_core.layers.split._ROWS", 250)
    geometry = yard(800)
    far, near = find_foreground(geometry, 2)
    for mask, color in ((near, RED), (far, BLUE)):
        true = (geometry.rgb - torch.tensor(color)).abs().sum(-1) < 0.01
        assert (mask & true).sum() / (mask | true).sum() > 0.9


def test_pictures_of_an_inpainting_model_may_have_another_size():
    geometry = yard()
    green = torch.zeros(3, 100, 200, 3)
    green[..., 1] = 1
    background = split_panorama(geometry, find_foreground(geometry, 1), completed=green).layers[1]
    filled = background.rgb[background.is_filled]
    assert torch.allclose(filled, torch.tensor((0.0, 1.0, 0.0)).expand_as(filled), atol=1e-3)


def test_what_a_nearer_layer_hides_becomes_splats_even_where_nothing_says_it_was_completed():
    colors, masks, depth, filled = pictures_from_layers(layered())
    counts = []
    for given in (filled, None):
        world = gaussians_from_layers(layers_from_pictures(colors, masks, depth, given), max_gaussians=60_000)
        azimuth = torch.atan2(world.means[:, 0], world.means[:, 2]).abs()
        behind = (azimuth < 0.1) & (world.means[:, 2] > 5.5) & (world.means[:, 1] > -0.6)
        counts.append(int(behind.sum()))
    assert counts[0] > 20
    assert counts[1] > 0.6 * counts[0]


def test_pictures_of_an_inpainting_model_are_taken_where_layers_are_hidden():
    geometry = yard()
    masks = find_foreground(geometry, 1)
    green = torch.zeros(3, HEIGHT, 2 * HEIGHT, 3)
    green[..., 1] = 1
    made = split_panorama(geometry, masks, completed=green)
    background = made.layers[1]
    assert torch.equal(background.rgb[background.is_filled], green[0][background.is_filled])
    seen = background.mask & ~background.is_filled
    assert torch.equal(background.rgb[seen], geometry.rgb[seen])
    with pytest.raises(InvalidInput, match="each of the 3 layers"):
        split_panorama(geometry, masks, completed=green[:2])


def test_batches_and_layers_are_the_same():
    made = layered()
    colors, masks, depth, filled = pictures_from_layers(made)
    again = layers_from_pictures(colors, masks, depth, filled)
    assert [a.name for a in again.layers] == [b.name for b in made.layers]
    for one, other in zip(again.layers, made.layers, strict=True):
        assert torch.equal(one.mask, other.mask)
        assert torch.equal(one.rgb[one.mask], other.rgb[one.mask])
        if one.name != "sky":
            assert torch.equal(one.depth_ray[one.mask], other.depth_ray[one.mask])
        assert torch.equal(one.is_filled & one.mask, other.is_filled & other.mask)
    without_sky = layers_from_pictures(colors[1:], masks[1:], depth[1:])
    assert [layer.name for layer in without_sky.layers] == ["background", "foreground 1", "foreground 2"]
    with pytest.raises(InvalidInput, match="masks must be of the layers' count"):
        layers_from_pictures(colors, masks[:2], depth)
    with pytest.raises(InvalidInput, match="finite in some layer"):
        layers_from_pictures(colors, masks, torch.full_like(depth, torch.inf))
    with pytest.raises(InvalidInput, match="finite and positive wherever"):
        layers_from_pictures(colors, torch.ones_like(masks), depth)


def poses(*places: tuple[float, float, float]) -> Trajectory:
    matrices = torch.eye(4, dtype=torch.float64).repeat(len(places), 1, 1)
    matrices[:, :3, 3] = -torch.tensor(places, dtype=torch.float64)
    return Trajectory(matrices, is_metric=True)


def test_an_instant_world_shows_the_panorama_and_what_lies_behind_it():
    geometry = yard()
    world = gaussians_from_layers(layered(geometry), max_gaussians=60_000)
    pictures = render_path(
        world, poses((0, 0, 0), (0.6, 0, 0)), projection="panorama", height=HEIGHT, width=2 * HEIGHT
    )
    assert -10 * math.log10(float((pictures.rgb[0] - geometry.rgb).square().mean())) > 22
    assert pictures.alpha[1].mean() > 0.99
    # Beside the center, the wall behind the red post is there: dark pixels would be a hole.
    assert (pictures.alpha[1] < 0.5).float().mean() < 2e-3
    names = {name: int((world.instances == number).sum()) for number, name in world.instance_names.items()}
    assert set(names) == {"foreground 1", "foreground 2"}
    assert min(names.values()) > 100
    classes = {CLASSES[c] for c in world.classes.unique().tolist() if c < len(CLASSES)}
    assert classes == {"sky", "object"}
    red = world.instances == 4
    assert (world.origins[red] == ORIGIN_SOURCE).all()
    assert (world.origins == ORIGIN_UNOBSERVED).any()


def test_splats_are_where_their_layers_say():
    geometry = yard()
    world = gaussians_from_layers(layered(geometry), max_gaussians=60_000)
    distance = world.means.norm(dim=1)
    true, _ = Equirect((HEIGHT, 2 * HEIGHT)).lookup(geometry.depth_ray, world.means)
    seen = world.origins == ORIGIN_SOURCE
    assert ((distance / true - 1).abs()[seen] < 0.1).float().mean() > 0.98
    assert (distance[~seen] > 0.9 * true[~seen]).float().mean() > 0.98  # what was made up hides nothing


def test_the_background_is_continued_behind_its_own_corner():
    """A hall of 18 m by 18 m with a wall across at 3 m, which ends 2 m to the right: the hall goes on behind it."""
    rays = erp_directions(HEIGHT, 2 * HEIGHT)
    side = 9 / rays[..., [0, 2]].abs().amax(-1)
    across = torch.where(rays[..., 2] > 0.01, 3 / rays[..., 2].clamp(min=0.01), torch.inf)
    near = (across < side) & (across * rays[..., 0] < 2)
    depth = torch.minimum(torch.where(near, across, side), 1.6 / rays[..., 1].abs().clamp(min=1e-6))
    rgb = torch.where(near.unsqueeze(-1), torch.tensor(RED), torch.tensor(BLUE)).float()
    geometry = PanoramaGeometry(rgb, depth, torch.ones_like(near), torch.zeros_like(near))
    assert find_foreground(geometry, 2) == []
    made = split_panorama(geometry, [])
    still = gaussians_from_layers(made, max_gaussians=40_000, step=0.0)
    moved = gaussians_from_layers(made, max_gaussians=40_000, step=2.0)
    assert (still.origins == ORIGIN_UNOBSERVED).sum() == 0
    added = moved.means[moved.origins == ORIGIN_UNOBSERVED]
    assert len(added) > 200
    level = added[:, 1].abs() < 1.4
    assert ((added[:, 2] - 9).abs()[level] < 0.5).float().mean() > 0.8
    assert (added[level, 0] < 6.1).all()  # in the direction of the wall across
    # From a step to the right, the far wall beside the corner covers the gap.
    view = poses((1.0, 0.0, 0.0))
    covered = [
        float((render_path(w, view, projection="panorama", height=64, width=128).alpha < 0.5).float().mean())
        for w in (still, moved)
    ]
    assert covered[1] < 0.3 * covered[0]


def test_meshes_of_layers_are_read_by_another_program(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    geometry = yard()
    found = meshes_from_layers(layered(geometry), rows=64)
    path = tmp_path / "layers.glb"
    write_meshes_glb(path, {name: for_gltf(mesh) for name, mesh in found.items()})
    scene = trimesh.load(path)
    assert list(scene.geometry) == ["sky", "background", "foreground 1", "foreground 2"]
    near = scene.geometry["foreground 2"]
    texture = near.visual.material.baseColorTexture
    assert texture.size == (2 * HEIGHT, HEIGHT)
    assert near.visual.material.alphaMode == "MASK"
    # Two meters ahead: -z in glTF's axes of ours, and feet below.
    assert near.vertices[:, 2].mean() == pytest.approx(-2, abs=0.15)
    assert near.vertices[:, 1].min() == pytest.approx(-1.6, abs=0.25)
    uv = near.visual.uv.mean(0)
    picked = texture.getpixel((int(uv[0] * 2 * HEIGHT), int((1 - uv[1]) * HEIGHT)))
    assert picked == (230, 26, 26, 255)
    ground = scene.geometry["background"]
    assert ground.vertices[:, 1].min() == pytest.approx(-1.6, abs=0.05)


def test_a_folder_of_hunyuanworld_is_read(tmp_path):
    geometry = yard()
    far, near = find_foreground(geometry, 2)
    gray = torch.full_like(geometry.rgb, 0.4)
    pictures = {
        "full_image": geometry.rgb,
        "remove_fg1_image": torch.where(near.unsqueeze(-1), gray, geometry.rgb),
        "remove_fg2_image": torch.where((near | far).unsqueeze(-1), gray, geometry.rgb),
        "sky_image": torch.tensor(SKY).expand(HEIGHT, 2 * HEIGHT, 3),
        "fg1_mask": near[..., None].expand(-1, -1, 3) / 255.0,  # some are 0 and 1
        "fg2_mask": far[..., None].expand(-1, -1, 3).float(),
        "sky_mask": (~geometry.is_sky)[..., None].expand(-1, -1, 3).float(),  # white below the sky
    }
    for name, picture in pictures.items():
        write_image(tmp_path / f"{name}.png", picture)
    found = read_hunyuanworld_folder(tmp_path)
    assert torch.equal(found.foreground, torch.stack((far, near)))
    assert torch.equal(found.is_sky, geometry.is_sky)
    assert found.completed.shape == (4, HEIGHT, 2 * HEIGHT, 3)
    made = split_panorama(
        geometry, given_foreground(geometry, found.foreground.float()), completed=found.completed
    )
    behind = made.layers[1].is_filled & near
    assert (made.layers[1].rgb[behind] - 0.4).abs().max() < 0.01
    (tmp_path / "remove_fg2_image.png").unlink()
    with pytest.raises(FormatError, match=r"remove_fg2_image\.png is missing"):
        read_hunyuanworld_folder(tmp_path)
    for name in ("fg2_mask", "full_image"):
        (tmp_path / f"{name}.png").unlink()
    with pytest.raises(FormatError, match=r"full_image\.png is missing"):
        read_hunyuanworld_folder(tmp_path)


def test_a_folder_without_foreground_has_two_layers(tmp_path):
    geometry = yard()
    write_image(tmp_path / "full_image.png", geometry.rgb)
    write_image(tmp_path / "sky_image.png", geometry.rgb)
    write_image(tmp_path / "sky_mask.png", geometry.is_sky[..., None].expand(-1, -1, 3).float())
    found = read_hunyuanworld_folder(tmp_path)
    assert found.completed.shape[0] == 2
    assert torch.equal(found.is_sky, geometry.is_sky)
    assert not found.foreground.any()
    assert given_foreground(geometry, found.foreground.float()) == []


def test_bad_input_is_refused():
    geometry = yard()
    with pytest.raises(InvalidInput, match="foreground layers must be 0 to 8"):
        find_foreground(geometry, 9)
    with pytest.raises(InvalidInput, match="leave some background"):
        split_panorama(geometry, [torch.ones(HEIGHT, 2 * HEIGHT, dtype=torch.bool)])
    with pytest.raises(InvalidInput, match="twice"):
        given_foreground(geometry, torch.ones(1, 10, 10))
    with pytest.raises(InvalidInput, match="at most 8 masks"):
        given_foreground(geometry, torch.ones(9, 8, 16))
    assert given_foreground(geometry, torch.zeros(2, 8, 16)) == []
    made = split_panorama(geometry, [])
    with pytest.raises(InvalidInput, match="max_gaussians"):
        gaussians_from_layers(made, max_gaussians=10)
    with pytest.raises(InvalidInput, match="step must be"):
        gaussians_from_layers(made, step=math.nan)
    with pytest.raises(InvalidInput, match="rows must be"):
        meshes_from_layers(made, rows=4)


def test_making_layers_can_be_stopped():
    geometry = yard()

    def stop(event):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        split_panorama(geometry, find_foreground(geometry, 1), progress=stop)
    with pytest.raises(Cancelled):
        gaussians_from_layers(split_panorama(geometry, []), progress=stop)
