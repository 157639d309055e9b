import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.trajectories.plot import plot_trajectory
from matrix3d_core.trajectories.presets import TRAJECTORY_PRESETS, make_preset


def room(height=64):
    directions = erp_directions(height, 2 * height, dtype=torch.float64)
    depth = (torch.tensor([2.0, 1.5, 3.0], dtype=torch.float64) / directions.abs()).amin(-1).float()
    seen = torch.ones(height, 2 * height, dtype=torch.bool)
    rgb = torch.zeros(height, 2 * height, 3)
    rgb[:, height:] = torch.tensor([0.2, 0.9, 0.2])  # what lies to the right is green
    return PanoramaGeometry(rgb, depth, seen, ~seen)


def where(image, color, tolerance=0.12):
    """Mean (row, column) of the pixels near a color, and how many there are."""
    near = (image - torch.tensor(color)).abs().amax(-1) < tolerance
    return near.nonzero().float().mean(0), int(near.sum())


@pytest.mark.parametrize("height", [128, 512])
@pytest.mark.parametrize("name", TRAJECTORY_PRESETS)
def test_every_preset_can_be_drawn(name, height):
    image = plot_trajectory(make_preset(name, frames=21, distance=1.0), height_px=height)
    assert image.shape[0] == height
    assert 1.4 * height < image.shape[1] < 2.1 * height
    assert image.dtype == torch.float32
    assert 0 <= float(image.min()) < float(image.max()) <= 1


def test_forward_is_up_and_right_is_right():
    image = plot_trajectory(make_preset("forward_right", distance=2.0), height_px=512)
    above = image[30:470, : image.shape[1] // 2]
    start, _ = where(above, (92 / 255, 200 / 255, 1.0))
    end, _ = where(above, (1.0, 196 / 255, 84 / 255))
    assert end[0] < start[0] - 50  # higher up
    assert end[1] > start[1] + 20  # and to the right
    beside = image[30:470, image.shape[1] // 2 :]
    start, _ = where(beside, (92 / 255, 200 / 255, 1.0))
    end, _ = where(beside, (1.0, 196 / 255, 84 / 255))
    assert end[1] > start[1] + 100  # forward is to the right
    assert abs(float(end[0] - start[0])) < 12  # on the level


def test_rising_goes_up_in_the_side_view():
    loop = make_preset("top_down_360", distance=2.0)
    risen = make_preset("top_down_360", distance=2.0)
    risen = type(risen)(loop.camera_from_world[:41])
    image = plot_trajectory(risen, height_px=512)
    beside = image[30:470, image.shape[1] // 2 :]
    start, _ = where(beside, (92 / 255, 200 / 255, 1.0))
    end, _ = where(beside, (1.0, 196 / 255, 84 / 255))
    assert end[0] < start[0] - 100


@pytest.mark.parametrize("degrees", [50, -50])
def test_wedges_open_where_the_camera_looks(degrees):
    angle = torch.deg2rad(torch.tensor([0.0, degrees], dtype=torch.float64))
    rotation = matrix_from_yaw_pitch_roll(angle[1], angle[1], angle[0])
    still = Trajectory.from_centers(rotation[None], torch.zeros(1, 3))
    image = plot_trajectory(still, height_px=512)[30:470]
    half = image.shape[1] // 2
    blue = (image - torch.tensor([0.34, 0.68, 0.87])).abs().amax(-1) < 0.12  # the wedge's fainter blue
    blue |= (image - torch.tensor([92 / 255, 200 / 255, 1.0])).abs().amax(-1) < 0.12
    for panel, is_above in ((blue[:, :half], True), (blue[:, half:], False)):
        rows, columns = panel.nonzero().float().unbind(-1)
        disk = torch.tensor([rows.median(), columns.median()])
        ahead = torch.tensor([rows.mean(), columns.mean()]) - disk
        if is_above:  # forward is up in the picture, right is right
            assert ahead[0] < 0
            assert (ahead[1] > 0) == (degrees > 0)
        else:  # forward is right, up is up
            assert ahead[1] > 0
            assert (ahead[0] < 0) == (degrees > 0)


def test_the_scene_lies_on_its_own_side():
    image = plot_trajectory(make_preset("straight", distance=1.0), room(), height_px=512)
    above = image[30:470, : image.shape[1] // 2]
    greenness = above[..., 1] - above[..., 0]
    columns = above.shape[1]
    right, left = greenness[:, columns * 2 // 3 :], greenness[:, : columns // 3]
    assert float(right.mean()) > float(left.mean()) + 0.03


def test_colliding_frames_are_red():
    walk = make_preset("straight", distance=2.0)
    red = (1.0, 74 / 255, 74 / 255)
    assert where(plot_trajectory(walk, room()), red)[1] == 0
    marked = plot_trajectory(walk, room(), colliding_frames=tuple(range(60, 81)))
    assert where(marked, red)[1] > 100


def test_bad_arguments_are_named():
    walk = make_preset("straight", distance=2.0)
    with pytest.raises(InvalidInput, match="height_px must be at least 128; got 100"):
        plot_trajectory(walk, height_px=100)
    with pytest.raises(InvalidInput, match=r"colliding_frames must lie in 0\.\.80"):
        plot_trajectory(walk, colliding_frames=(81,))
