"""Cameras as values, against their definitions written out pixel by pixel: off-center, non-square, skewed, and ERP."""

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.scene.camera import Equirect, Pinhole, camera_of, join_intrinsics
from matrix3d_core.scene.trajectory import Trajectory

FX, FY, CX, CY, SKEW = 30.0, 45.0, 20.0, 8.0, 2.0
HEIGHT, WIDTH = 24, 36
TOLERANCE = 1e-12  # a dozen float64 operations on numbers below 100


def pinhole(skew=SKEW):
    K_px = torch.tensor([[FX, skew, CX], [0.0, FY, CY], [0.0, 0.0, 1.0]], dtype=torch.float64)
    return Pinhole((HEIGHT, WIDTH), K_px)


def pinhole_ray(column, row, skew=SKEW):
    """Solve K (x, y, 1) = (column, row, 1) by hand, for continuous coordinates."""
    y = (row - CY) / FY
    x = (column - CX - skew * y) / FX
    length = math.sqrt(x * x + y * y + 1)
    return [x / length, y / length, 1 / length]


def erp_ray(column, row, height, width):
    """Longitude from the center column to the right, latitude from the pole above."""
    longitude = (column / width - 0.5) * 2 * math.pi
    latitude = math.pi / 2 - row / height * math.pi  # up is positive
    return [
        math.cos(latitude) * math.sin(longitude),
        -math.sin(latitude),
        math.cos(latitude) * math.cos(longitude),
    ]


CAMERAS = {
    "pinhole": (pinhole(), lambda c, r: pinhole_ray(c, r)),
    "equirect": (Equirect((12, 24)), lambda c, r: erp_ray(c, r, 12, 24)),
    "equirect not 2:1": (Equirect((12, 22)), lambda c, r: erp_ray(c, r, 12, 22)),
}


@pytest.fixture(params=CAMERAS)
def case(request):
    return CAMERAS[request.param]


def grid(camera):
    return [(row, column) for row in range(camera.height) for column in range(camera.width)]


def test_rays_look_through_pixel_centers(case):
    camera, ray = case
    rays = camera.rays()
    assert rays.shape == (camera.height, camera.width, 3)
    assert rays.dtype == torch.float64
    expected = torch.tensor([ray(c + 0.5, r + 0.5) for r, c in grid(camera)], dtype=torch.float64)
    torch.testing.assert_close(rays.reshape(-1, 3), expected, rtol=0, atol=TOLERANCE)


def test_projection_finds_the_place_and_the_ray_distance(case):
    camera, ray = case
    generator = torch.Generator().manual_seed(3)
    places = torch.rand(50, 2, generator=generator, dtype=torch.float64)
    places = places * torch.tensor([camera.width, camera.height]) * 0.9 + 0.5
    far = 0.5 + 3 * torch.rand(50, generator=generator, dtype=torch.float64)
    points = torch.tensor([ray(*place) for place in places.tolist()], dtype=torch.float64) * far[:, None]
    xy_px, depth_ray = camera.project(points)
    torch.testing.assert_close(xy_px, places, rtol=0, atol=100 * TOLERANCE)
    torch.testing.assert_close(depth_ray, far, rtol=0, atol=TOLERANCE)


def test_lookup_reads_the_pixel_that_covers_the_place(case):
    camera, ray = case
    picture = torch.arange(camera.height * camera.width, dtype=torch.float32).reshape(camera.size_px)
    for down, across in ((0.1, 0.9), (0.5, 0.5), (0.9, 0.2)):
        points = torch.tensor([ray(c + across, r + down) for r, c in grid(camera)], dtype=torch.float64)
        values, inside = camera.lookup(picture, 2.5 * points)
        assert torch.equal(values, picture.flatten())
        assert bool(inside.all())
        colors, _ = camera.lookup(picture[..., None].expand(-1, -1, 3), points)
        assert torch.equal(colors[:, 2], picture.flatten())


def test_bilinear_lookup_of_a_ramp_is_the_ramp():
    camera = pinhole()
    rows, columns = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    ramp = (2.0 * columns + 0.25 * rows + 1).double()
    places = [(3.2, 4.9), (17.0, 11.5), (30.3, 20.1)]
    points = torch.tensor([pinhole_ray(*place) for place in places], dtype=torch.float64)
    values, inside = camera.lookup(ramp, points, mode="bilinear")
    expected = [2.0 * (x - 0.5) + 0.25 * (y - 0.5) + 1 for x, y in places]
    assert values.tolist() == pytest.approx(expected, abs=1e-10)
    assert bool(inside.all())
    panorama = Equirect((12, 24))
    middle = torch.tensor([erp_ray(24.0, 5.5, 12, 24)], dtype=torch.float64)  # on the seam
    wrapped, _ = panorama.lookup(torch.arange(24.0).double().expand(12, 24), middle, mode="bilinear")
    assert wrapped.tolist() == pytest.approx([11.5], abs=1e-10)  # half way between column 23 and column 0


def test_points_beside_and_behind_are_not_in_a_pinhole_picture():
    camera, picture = pinhole(), torch.ones(HEIGHT, WIDTH)
    beside = [
        pinhole_ray(-0.1, 5),
        pinhole_ray(WIDTH + 0.1, 5),
        pinhole_ray(5, -0.1),
        pinhole_ray(5, HEIGHT + 0.1),
    ]
    behind = [[-v for v in pinhole_ray(5, 5)], [0.0, 1.0, 0.0]]
    for point in beside + behind:
        assert not camera.lookup(picture, torch.tensor(point, dtype=torch.float64))[1]
    xy_px, depth_ray = camera.project(torch.tensor(behind, dtype=torch.float64))
    assert bool(torch.isinf(xy_px).all())
    assert depth_ray.tolist() == pytest.approx([1.0, 1.0])


def test_everything_is_in_a_panorama():
    directions = torch.randn(40, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    values, inside = Equirect((6, 12)).lookup(torch.ones(6, 12), directions)
    assert bool(inside.all())
    assert bool((values == 1).all())


def test_a_window_is_the_same_camera_for_a_part_of_the_picture():
    camera, picture = pinhole(), torch.rand(HEIGHT, WIDTH, 3, generator=torch.Generator().manual_seed(0))
    window = camera.window(5, 7, 10, 20)
    torch.testing.assert_close(window.rays(), camera.rays()[5:15, 7:27], rtol=0, atol=TOLERANCE)
    assert torch.equal(camera.crop(picture, window), picture[5:15, 7:27])
    with pytest.raises(InvalidInput, match="must be the whole of 24x12 pixels; got 20x10"):
        Equirect((12, 24)).window(0, 0, 10, 20)
    assert Equirect((12, 24)).window(0, 0, 12, 24) == Equirect((12, 24))


@pytest.mark.parametrize("source", [pinhole(), Equirect((64, 128))], ids=["pinhole", "equirect"])
def test_a_crop_shows_what_the_turned_camera_sees(source):
    """Pictures of a smooth function of the direction: the crop is that function of the crop's own directions."""
    turn = torch.tensor([0.1, -0.15, 0.05], dtype=torch.float64)  # small: the pinhole picture covers it
    skewed = torch.tensor(
        [[0, -turn[2], turn[1]], [turn[2], 0, -turn[0]], [-turn[1], turn[0], 0]], dtype=torch.float64
    )
    rotation = torch.linalg.matrix_exp(skewed)

    def light(directions):
        return torch.stack((directions[..., 0], directions[..., 1], (2 * directions[..., 2]).sin()), -1)

    target = Pinhole((6, 9), torch.tensor([[30.0, 0, 5], [0, 25.0, 2], [0, 0, 1]], dtype=torch.float64))
    seen = source.crop(light(source.rays()), target, rotation)
    expected = light(target.rays() @ torch.linalg.inv(rotation).mT)
    # Bilinear: an eighth of the second derivative, at most 4, times the pixel's angle (0.05) squared.
    torch.testing.assert_close(seen, expected, rtol=0, atol=4 / 8 * 0.05**2)


def test_a_smaller_panorama_is_an_average():
    picture = torch.rand(8, 16, 3, generator=torch.Generator().manual_seed(0))
    small = Equirect((8, 16)).crop(picture, Equirect((2, 4)))
    expected = sum(picture[i::4, j::4] for i in range(4) for j in range(4)) / 16
    torch.testing.assert_close(small, expected, rtol=0, atol=1e-6)
    assert Equirect((8, 16)).crop(picture, Equirect((8, 16)), torch.eye(3)) is picture


def test_a_resized_camera_has_the_same_edges():
    small = pinhole().resized(HEIGHT // 2, WIDTH // 3)
    for column, row in ((0.0, 0.0), (12.0, 12.0), (5.3, 7.7)):
        ray = torch.tensor(pinhole_ray(3 * column, 2 * row), dtype=torch.float64)
        assert small.project(ray)[0].tolist() == pytest.approx([column, row], abs=100 * TOLERANCE)
    assert Equirect((12, 24)).resized(6, 12) == Equirect((6, 12))
    assert pinhole().resized(HEIGHT, WIDTH) == pinhole()


@pytest.mark.parametrize("camera", [pinhole(), Equirect((50, 100))], ids=["pinhole", "equirect"])
@pytest.mark.parametrize("factor", [2, 3, 7])
def test_an_averaged_picture_covers_the_whole_in_equal_parts(camera, factor):
    """Each pixel is the mean over its rectangle, by an integral written out; no row or column is left over."""
    small = camera.downsampled(factor)
    height, width = small.size_px
    assert (height, width) == (camera.height // factor, camera.width // factor)
    picture = torch.rand(*camera.size_px, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    averaged = camera.crop(picture, small)
    fine = picture.repeat_interleave(height, 0).repeat_interleave(width, 1)  # pixels of both sizes divide it
    expected = fine.reshape(height, camera.height, width, camera.width, 2).mean((1, 3))
    torch.testing.assert_close(averaged, expected, rtol=0, atol=TOLERANCE)
    corners = camera.project(small.rays()[[0, -1]][:, [0, -1]])[0]
    step_x, step_y = camera.width / width, camera.height / height
    expected = [[step_x / 2, step_y / 2], [camera.width - step_x / 2, camera.height - step_y / 2]]
    torch.testing.assert_close(
        corners[[0, 1], [0, 1]], torch.tensor(expected, dtype=torch.float64), rtol=0, atol=100 * TOLERANCE
    )


def test_perspective_views_show_a_panorama_and_are_a_pinhole_picture_itself():
    turns = torch.stack((torch.eye(3), torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]))).double()
    views = Equirect((12, 24)).perspective_views(turns, 8, math.pi / 2)
    assert [camera for camera, _ in views] == [Pinhole.from_fov(math.pi / 2, 8, 8)] * 2
    assert all(torch.equal(turn, given) for (_, turn), given in zip(views, turns, strict=True))
    assert pinhole().perspective_views(turns, 8, math.pi / 2) == [(pinhole(), None)]


def test_pixels_cover_their_solid_angle():
    panorama = Equirect((64, 128))
    weights = panorama.row_weights()
    assert float(weights.mean()) == pytest.approx(1.0, rel=1e-3)  # the midpoint rule: (pi / 64)^2 / 24
    assert float(weights[16] / weights[40]) == pytest.approx(
        math.sin(16.5 / 64 * math.pi) / math.sin(40.5 / 64 * math.pi)
    )
    cap = torch.zeros(64, 128, dtype=torch.bool)
    cap[:16] = True  # 45 degrees around the pole
    assert panorama.sphere_share(cap) == pytest.approx((1 - math.cos(math.pi / 4)) / 2, rel=1e-3)
    assert panorama.sphere_share(~torch.zeros_like(cap)) == pytest.approx(1.0)
    small = Pinhole.from_fov(0.02, 10, 10)  # so narrow that all pixels are as large as the middle one
    assert small.sphere_share(torch.ones(10, 10, dtype=torch.bool)) == pytest.approx(
        0.02**2 / (4 * math.pi), rel=1e-3
    )
    assert pinhole().row_weights().tolist() == [1.0]


def test_pictures_of_another_size_are_refused():
    pinhole().check_picture("frames", (HEIGHT, WIDTH))
    Equirect((12, 24)).check_picture("frames", (20, 40))
    with pytest.raises(
        InvalidInput, match=r"frames must have the size .* for, 36x24; got 24x36\. Resize them"
    ):
        pinhole().check_picture("frames", (WIDTH, HEIGHT))
    with pytest.raises(InvalidInput, match="frames must be equirectangular"):
        Equirect((12, 24)).check_picture("frames", (20, 30))


def test_depth_of_a_pinhole_is_z_and_of_a_panorama_the_ray_distance():
    for camera in (pinhole(), Equirect((6, 12))):
        far = 1 + torch.rand(camera.size_px, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        depth = camera.depth_from_ray(far)
        z = far * camera.rays()[..., 2]
        torch.testing.assert_close(depth, z if isinstance(camera, Pinhole) else far, rtol=0, atol=TOLERANCE)
        torch.testing.assert_close(camera.ray_from_depth(depth), far, rtol=0, atol=TOLERANCE)


def test_the_angle_of_a_pixel_is_that_between_its_neighbors():
    panorama = Equirect((64, 128))
    rays = panorama.rays()[31:33, 64]
    assert panorama.pixel_rad == pytest.approx(float(torch.acos(rays[0] @ rays[1])), rel=1e-6)
    corners = [pinhole_ray(CX + x, CY + y, 0.0) for x, y in ((0, 0), (1, 0), (0, 1))]
    a, b, c = torch.tensor(corners, dtype=torch.float64)
    area = torch.linalg.cross(b - a, c - a).norm()
    # The tangent of an angle of 1 / 30 is off by a third of its square.
    assert pinhole(0.0).pixel_rad == pytest.approx(float(area.sqrt()), rel=2 / 3 / 30**2)


def test_maps_go_on_around_a_panorama_and_end_in_a_picture():
    maps = torch.arange(8.0).reshape(1, 1, 2, 4)
    assert Equirect((2, 4)).pad(maps, 1)[0, 0].tolist() == [
        [3, 0, 1, 2, 3, 0],
        [3, 0, 1, 2, 3, 0],
        [7, 4, 5, 6, 7, 4],
        [7, 4, 5, 6, 7, 4],
    ]
    assert pinhole().pad(maps, 1)[0, 0, 1].tolist() == [0, 0, 1, 2, 3, 3]


def test_kernels_get_all_intrinsics():
    assert pinhole().kernel_values().tolist() == [1, FX, SKEW, CX, FY, CY]
    assert Equirect((2, 4)).kernel_values().tolist() == [0] * 6


def test_equal_cameras_are_equal_values():
    assert pinhole() == pinhole()
    assert hash(pinhole()) == hash(pinhole())
    assert pinhole() != pinhole(0.0)
    assert pinhole() != Equirect((HEIGHT, WIDTH))
    assert len({pinhole(), pinhole(), pinhole(0.0), Equirect((2, 4)), Equirect((2, 4))}) == 3
    given = torch.tensor([[FX, SKEW, CX], [0.0, FY, CY], [0.0, 0.0, 1.0]], dtype=torch.float64)
    camera = Pinhole((HEIGHT, WIDTH), given)
    given[0, 0] = 7.0
    assert camera == pinhole()  # a value does not change with the tensor it was made of


def test_bad_cameras_are_refused():
    with pytest.raises(InvalidInput, match="at least 1x1 pixels; got 4x0"):
        Equirect((0, 4))
    K_px = torch.eye(3)
    K_px[0, 0] = -1
    with pytest.raises(InvalidInput, match="positive focal lengths"):
        Pinhole((4, 4), K_px)
    for camera in (pinhole(), Equirect((6, 12))):
        with pytest.raises(InvalidInput, match=r"the camera's size .*resized\(\)"):
            camera.lookup(torch.ones(5, 5), torch.ones(3))
        with pytest.raises(InvalidInput, match="mode must be 'bilinear' or 'nearest'"):
            camera.lookup(torch.ones(camera.size_px), torch.ones(3), mode="cubic")


def test_a_path_gives_the_camera_of_each_frame():
    K = pinhole().K_px
    stack = torch.stack((K, K + torch.tensor([[1.0, 0, 2], [0, 3, 4], [0, 0, 0]], dtype=torch.float64)))
    poses = torch.eye(4, dtype=torch.float64).repeat(2, 1, 1)
    path = Trajectory(poses, stack, (HEIGHT, WIDTH))
    assert path.camera(0) == pinhole()
    assert path.camera(-1) == Pinhole((HEIGHT, WIDTH), stack[1])
    assert path.camera(1, (48, 36)) == Pinhole((HEIGHT, WIDTH), stack[1]).resized(48, 36)
    panoramas = Trajectory(poses)
    assert panoramas.camera(1, (6, 12)) == Equirect((6, 12))
    assert Trajectory(poses, image_size_px=(6, 12)).camera(0) == Equirect((6, 12))
    with pytest.raises(InvalidInput, match="size_px must be given"):
        panoramas.camera(0)


def test_frames_of_a_path_keep_their_own_intrinsics():
    poses = torch.eye(4, dtype=torch.float64).repeat(3, 1, 1)
    poses[:, 0, 3] = torch.arange(3.0, dtype=torch.float64)
    stack = torch.stack([pinhole(k).K_px for k in (0.0, 1.0, 2.0)])
    some = Trajectory(poses, stack, (HEIGHT, WIDTH), fps=5.0).select(torch.tensor([2, 0, 0]))
    assert some.camera_from_world[:, 0, 3].tolist() == [2, 0, 0]
    assert some.fps == 5.0
    assert [some.camera(k) for k in range(3)] == [pinhole(2.0), pinhole(0.0), pinhole(0.0)]
    assert len(Trajectory(poses).select(slice(1, None))) == 2
    assert join_intrinsics(None, None) is None
    assert len(join_intrinsics(stack, stack[:1])) == 4
    with pytest.raises(InvalidInput, match="or neither"):
        join_intrinsics(stack, None)
    assert camera_of(None, (2, 4)) == Equirect((2, 4))


def test_the_field_of_view_is_the_angle_between_the_outer_edges():
    left, right = (torch.tensor(pinhole_ray(x, CY, 0.0), dtype=torch.float64) for x in (0.0, WIDTH))
    assert pinhole(0.0).fov_x_rad == pytest.approx(float(torch.acos(left @ right)), abs=1e-12)
    with pytest.raises(InvalidInput, match="cut it first"):
        Equirect((2, 4)).as_pinhole("cut it first")
    assert pinhole().as_pinhole("never said") == pinhole()
