"""Initial Gaussians: even over the sphere, in the surface, and a picture of the panorama from its center."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from matrix3d_core.depth.plane_sweep import PlaneSweepDepth
from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.crops import crop_erp
from matrix3d_core.geometry.pinhole import intrinsics_from_fov
from matrix3d_core.geometry.rotations import matrix_from_quats, matrix_from_yaw_pitch_roll
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.metrics.image import psnr
from matrix3d_core.optimize.init import cells_of_sphere, init_gaussians, surfels_from_erp
from matrix3d_core.optimize.init.disocclusions import _Placed
from matrix3d_core.optimize.init.sky import sky_behind
from matrix3d_core.optimize.init.sources import KnownDepth
from matrix3d_core.raster.splat import render_gaussians, render_gaussians_panorama
from matrix3d_core.scene.camera import Equirect
from matrix3d_core.scene.labels import CLASS_FOLIAGE, CLASS_GROUND, CLASS_SKY, UNKNOWN
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory


def smooth_panorama(height: int) -> torch.Tensor:
    """Low spherical frequencies: the same picture at every resolution, nothing special at seam and poles."""
    x, y, z = erp_directions(height, 2 * height).unbind(-1)
    return torch.stack((0.5 + 0.4 * x * y, 0.5 + 0.3 * z * torch.cos(4 * y), 0.5 + 0.4 * y * z * x), dim=-1)


def box_distance(height: int, center=(0.0, 0.0, 0.0)) -> torch.Tensor:
    """Ray distance inside of a box 4 x 2 x 6."""
    rays = erp_directions(height, 2 * height, dtype=torch.float64)
    half, origin = (
        torch.tensor([2.0, 1.0, 3.0], dtype=torch.float64),
        torch.tensor(center, dtype=torch.float64),
    )
    return torch.where(rays > 0, (half - origin) / rays, (-half - origin) / rays).abs().amin(-1).float()


def geometry(height=48, sky_rows=0) -> PanoramaGeometry:
    sky = torch.zeros(height, 2 * height, dtype=torch.bool)
    sky[:sky_rows] = True
    distance = torch.where(sky, torch.tensor(40.0), box_distance(height))
    return PanoramaGeometry(smooth_panorama(height), distance, ~sky, sky)


@pytest.mark.parametrize("rows", [8, 33, 120])
def test_cells_cover_the_turn_and_have_equal_area(rows):
    band, first, last = cells_of_sphere(rows)
    assert abs(len(band) - 4 * rows**2 / math.pi) < 0.02 * 4 * rows**2 / math.pi + 3
    for k in range(rows):
        mine = band == k
        assert float(first[mine][0]) == 0.0
        assert float(last[mine][-1]) == 1.0
        torch.testing.assert_close(first[mine][1:], last[mine][:-1], rtol=0, atol=1e-15)
    lower, upper = (band.double() + 1) * math.pi / rows, band.double() * math.pi / rows
    area = (torch.cos(upper) - torch.cos(lower)) * math.tau * (last - first)
    # A band's count is rounded: the first band would like 2 rows sin(pi / 2 rows) = 3.14 cells and has 3.
    assert float(area.max() / area.min()) < 1.2


def test_surfels_are_in_the_walls_of_a_box():
    rgb, distance = smooth_panorama(96), box_distance(96)
    surfels = surfels_from_erp(rgb, distance, rows=60)
    half = torch.tensor([2.0, 1.0, 3.0])
    share = surfels.means.abs() / half
    wall = share.argmax(-1)
    off = (share.amax(-1) - 1).abs()
    assert float(off.max()) < 0.06  # where the pixel in a cell's middle lies on the next wall: seen 0.046
    # Near an edge of the box the pixels that give the slope lie on two walls; away from it they do not.
    second = share.sort(-1).values[:, 1]
    assert float((off[second < 0.8] < 1e-3).float().mean()) > 0.99  # seen 0.994
    assert float((off < 1e-2).float().mean()) > 0.98  # seen 0.985
    normals = matrix_from_quats(surfels.quats_wxyz)[:, :, 2]
    inside = share.sort(-1).values[:, 1] < 0.9  # away from the box's edges
    along = normals[inside].abs().gather(1, wall[inside, None])
    assert float((along > 0.98).float().mean()) > 0.97
    assert (surfels.scales[:, 2] < surfels.scales[:, :2].amin(-1)).all()


def test_colors_are_exact_cell_means():
    rng = torch.Generator().manual_seed(0)
    rgb = torch.rand(8, 16, 3, generator=rng)
    surfels = surfels_from_erp(rgb, torch.ones(8, 16), rows=4)
    band, first, last = cells_of_sphere(4)
    for cell in range(len(band)):
        total, area = torch.zeros(3, dtype=torch.float64), 0.0
        for row in range(2 * int(band[cell]), 2 * int(band[cell]) + 2):
            for column in range(16):
                overlap = max(
                    0.0, min(float(last[cell]) * 16, column + 1) - max(float(first[cell]) * 16, column)
                )
                total += overlap * rgb[row, column].double()
                area += overlap
        torch.testing.assert_close(surfels.colors[cell].double(), total / area, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (180, 0), (90, 40), (30, 90), (-120, -90)])
def test_seen_from_the_center_they_are_the_panorama(yaw, pitch):
    source = geometry(96, sky_rows=20)
    placed = init_gaussians(geometry=source, max_gaussians=20_000)
    start = placed.gaussians
    assert placed.counts["sky"] > 0
    assert 0.9 * 20_000 < len(start) <= 20_000
    K_px = intrinsics_from_fov(math.pi / 2, 96, 96)
    angles = torch.tensor((yaw, pitch, 0.0), dtype=torch.float64).deg2rad()
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = matrix_from_yaw_pitch_roll(*angles).mT
    frame = render_gaussians(start, pose, K_px, 96, 96)
    expected = crop_erp(source.rgb, pose[None, :3, :3], K_px, 96, 96)[0]
    assert float(frame.alpha.min()) > 0.5  # no holes: not at the poles, not at the seam
    assert float(frame.alpha.mean()) > 0.9
    assert psnr(frame.rgb / frame.alpha[..., None], expected) > 33  # mirrored or turned: below 15; seen: 36


def test_grazing_ground_has_no_holes():
    """A plane below the camera, looked at along the horizon from a meter higher."""
    height = 128
    rays = erp_directions(height, 2 * height)
    distance = torch.where(rays[..., 1] > 0.02, 1.6 / rays[..., 1].clamp_min(0.02), torch.tensor(80.0))
    sky = rays[..., 1] <= 0.02
    source = PanoramaGeometry(smooth_panorama(height), distance, ~sky, sky)
    start = init_gaussians(geometry=source, max_gaussians=30_000).gaussians
    pose = torch.eye(4, dtype=torch.float64)
    pose[1, 3] = 0.5  # half a meter up
    K_px = intrinsics_from_fov(math.pi / 2, 96, 96)
    frame = render_gaussians(start, pose, K_px, 96, 96)
    assert float(frame.alpha[60:].min()) > 0.6


def test_depth_edges_do_not_tilt_surfels():
    """A near square in front of a far sphere: every surfel faces the center within a few degrees."""
    distance = torch.full((64, 128), 10.0)
    distance[24:40, 50:70] = 2.0
    surfels = surfels_from_erp(torch.rand(64, 128, 3), distance, rows=64)
    normals = matrix_from_quats(surfels.quats_wxyz)[:, :, 2]
    facing = (normals * torch.nn.functional.normalize(surfels.means, dim=-1)).sum(-1)
    assert float(facing.min()) > 0.99
    assert float(surfels.scales[:, :2].amax() / surfels.scales[:, :2].amin()) < 1.1 * 10 / 2 * 1.2


def moving_camera(count=3) -> Trajectory:
    pose = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    pose[:, 2, 3] = -0.3 * torch.arange(count)
    return Trajectory(pose)


def test_surfels_carry_the_class_of_their_pixel():
    below = erp_directions(48, 96)[..., 1] > 0.5
    whole = replace(
        geometry(sky_rows=10), classes=torch.where(below, CLASS_GROUND, CLASS_FOLIAGE).to(torch.uint8)
    )
    world = init_gaussians(geometry=whole, max_gaussians=3000).gaussians
    down = torch.nn.functional.normalize(world.means, dim=-1)[:, 1]
    assert set(world.classes[down > 0.55].tolist()) == {CLASS_GROUND}
    is_near = world.means.norm(dim=-1) < 20  # the sky goes on behind the walls
    assert set(world.classes[is_near & (down < 0.45) & (down > -0.7)].tolist()) == {CLASS_FOLIAGE}
    assert set(world.classes[~is_near].tolist()) == {CLASS_SKY}
    plain = init_gaussians(geometry=geometry(sky_rows=10), max_gaussians=3000).gaussians
    assert set(plain.classes.tolist()) == {CLASS_SKY, UNKNOWN}


def test_new_content_is_lifted_once():
    source, path = geometry(48), moving_camera()
    distance = torch.stack([box_distance(48, tuple(c)) for c in path.centers.tolist()])
    # Frame 1 and 2 claim the same part of the wall as new, but the panorama shows that wall.
    mask = torch.ones(3, 48, 96)
    mask[1:, 20:28, 40:56] = 0
    frames = smooth_panorama(48).expand(3, -1, -1, -1)
    settings = dict(frames=frames, mask=mask, trajectory=path, key_frames=[0, 1, 2], max_gaussians=5000)
    counts = init_gaussians(geometry=source, depth_ray=distance, **settings).counts
    assert counts["filled"] == 0
    # Something nearer stands there: new in frame 1, already known in frame 2.
    nearer = distance.clone()
    hidden = mask < 0.5
    nearer[hidden] *= 0.5
    once = init_gaussians(
        geometry=source,
        depth_ray=nearer[:2],
        **{
            **settings,
            "frames": frames[:2],
            "mask": mask[:2],
            "trajectory": moving_camera(2),
            "key_frames": [0, 1],
        },
    )
    assert once.counts["filled"] > 20
    new = once.gaussians.means[-once.counts["filled"] :]
    assert float(new.norm(dim=-1).max()) < 2.0


def test_without_any_distance_there_is_nothing_to_start_from():
    with pytest.raises(InvalidInput, match="got no geometry, no depth and no initial splat"):
        init_gaussians(frames=torch.rand(1, 8, 16, 3), trajectory=moving_camera(1))
    with pytest.raises(InvalidInput, match="max_gaussians"):
        init_gaussians(geometry=geometry(), max_gaussians=5)


def panel_before_a_wall(center, rows):
    """A panel 2 m ahead, 1.4 m wide and high, in a round room of 10 m: ray distance and color ``[rows, 2 rows]``."""
    rays = erp_directions(rows, 2 * rows, dtype=torch.float64)
    along = rays @ center
    wall = -along + (along**2 - center @ center + 100).sqrt()
    ahead = torch.where(rays[..., 2] > 1e-6, (2 - center[2]) / rays[..., 2].clamp_min(1e-6), torch.inf)
    hit = center + ahead.nan_to_num(posinf=1e6)[..., None] * rays
    is_panel = (hit[..., :2].abs() < 0.7).all(-1) & (ahead > 0) & (ahead < wall)
    color = torch.where(is_panel[..., None], torch.tensor((0.9, 0.1, 0.1)), torch.tensor((0.2, 0.6, 0.8)))
    return torch.where(is_panel, ahead, wall).float(), color.float(), is_panel


@pytest.mark.parametrize("too_wide", [0, 1])
def test_what_an_edge_uncovers_bit_by_bit_is_placed(too_wide):
    """From frame to frame the panel uncovers less than a pixel of the sweep; at the end nothing may be black.

    With ``too_wide`` the distances found hold the panel for one pixel wider than it is, as matching of pictures does:
    the wall's pixels there must not become a part of the panel.
    """
    pytest.importorskip("numba")
    rows = 96
    centers = torch.stack([torch.tensor((0.04 * k, 0.0, 0.0), dtype=torch.float64) for k in range(16)])
    pose = torch.eye(4, dtype=torch.float64).repeat(16, 1, 1)
    pose[:, :3, 3] = -centers
    distance, rgb, _ = panel_before_a_wall(centers[0], rows)
    none = torch.zeros_like(distance, dtype=torch.bool)
    geometry = PanoramaGeometry(rgb, distance, ~none, none)
    frames, swept_depth = [rgb], {}
    for k in range(1, 16):
        frames.append(panel_before_a_wall(centers[k], rows)[1])
        small, _, is_panel = panel_before_a_wall(centers[k], rows // 3)
        near = torch.where(is_panel, small, torch.inf)
        if too_wide:
            wider = -torch.nn.functional.max_pool2d(-near[None, None], 3, stride=1, padding=1)[0, 0]
            small = torch.minimum(small, wider)
        is_confident = torch.isinf(near) & (small > 5) | is_panel
        swept_depth[k] = PlaneSweepDepth(small, is_confident, torch.zeros_like(is_panel))
    placed = init_gaussians(
        geometry=geometry,
        frames=torch.stack(frames),
        trajectory=Trajectory(pose),
        swept_depth=swept_depth,
        max_gaussians=40_000,
    )
    assert placed.counts["filled"] > 50
    for k in (8, 15):
        _, truth, is_panel = panel_before_a_wall(centers[k], rows)
        drawn = render_gaussians_panorama(placed.gaussians, pose[k], rows, 2 * rows)
        band = torch.nn.functional.max_pool2d(is_panel.float()[None, None], 15, stride=1, padding=7)[0, 0] > 0
        assert float(drawn.alpha[band].min()) > 0.4  # 0 where nothing was placed
        # Surfels are soft: two pixels at the rim show both.
        rim = torch.nn.functional.max_pool2d(is_panel.float()[None, None], 5, stride=1, padding=2)[0, 0] > 0
        off = (drawn.rgb - truth).abs().amax(-1)[band & ~rim] > 0.35
        assert float(off.float().mean()) < 0.02


def test_the_sky_is_flat_between_its_surfels():
    """The sum of the sky's surfels varies by less than a step of 8 bits, close up too, and hides what is behind."""
    distance = torch.full((64, 128), 50.0)
    rgb = torch.full((64, 128, 3), 0.5)
    is_sky = torch.ones(64, 128, dtype=torch.bool)
    placed = init_gaussians(geometry=PanoramaGeometry(rgb, distance, is_sky, is_sky), max_gaussians=2000)
    K_px = intrinsics_from_fov(math.radians(20), 200, 200)
    alpha = render_gaussians(placed.gaussians, torch.eye(4, dtype=torch.float64), K_px, 200, 200).alpha
    assert float(alpha.min()) > 1 - 2 / 255


def test_the_sky_goes_on_a_little_behind_a_roof():
    is_sky = torch.zeros(90, 180, dtype=torch.bool)
    is_sky[:40] = True  # down to 10 degrees above the horizon
    blue, brown = torch.tensor((0.3, 0.5, 0.9)), torch.tensor((0.5, 0.3, 0.1))
    rgb = torch.where(is_sky[..., None], blue, brown)
    distance = torch.where(is_sky, 50.0, 3.0)
    placed = init_gaussians(geometry=PanoramaGeometry(rgb, distance, ~is_sky, is_sky), max_gaussians=8000)
    sky = placed.gaussians.select(placed.is_sky)
    drawn = render_gaussians_panorama(sky, torch.eye(4, dtype=torch.float64), 90, 180)
    assert float(drawn.alpha[:43].min()) > 0.98  # 6 degrees lower
    assert float(drawn.alpha[52:].max()) < 0.1
    assert (
        float((drawn.rgb[:43] - blue).abs().max()) < 0.1
    )  # brown is 0.8 off; cells at the border hold a little


def test_what_is_known_is_met_in_every_row_and_column_of_a_map_that_the_sweep_does_not_divide():
    for row, column in ((0, 0), (50, 101), (101, 203), (98, 7)):
        depth = torch.full((102, 204), 5.0)
        depth[row, column] = 1.0
        placed = _Placed((16, 32))
        placed.add_known(KnownDepth(depth, torch.eye(4, dtype=torch.float64), Equirect((102, 204))))
        least = torch.from_numpy(placed.maps[0])
        assert float(least[row * 16 // 102, column * 32 // 204]) == 1.0
        assert int((least == 1.0).sum()) <= 4


def test_the_sky_goes_on_behind_the_last_rows_too():
    """725 rows are averaged to 241: sky in the last four fills the last of those, and no block of three rows."""
    size = (725, 1450)
    is_sky = torch.zeros(size, dtype=torch.bool)
    is_sky[-4:] = True
    rgb = torch.rand(*size, 3, generator=torch.Generator().manual_seed(0))
    rgb[-4:] = torch.tensor([0.1, 0.5, 0.9])
    depth = torch.where(is_sky, 50.0, 2.0)
    geometry = PanoramaGeometry(rgb, depth, torch.ones(size, dtype=torch.bool), is_sky)
    behind = sky_behind(geometry, torch.eye(4, dtype=torch.float64))
    rows = behind.use.any(1).nonzero()[:, 0]
    # Ten degrees of 180 and a row of averages above the first row of sky, 721.
    assert 721 - int(rows[0]) == pytest.approx(10 / 180 * 725, abs=2 * 725 / 241)
    torch.testing.assert_close(behind.rgb[-1], rgb[-1], rtol=0, atol=1e-6)
