"""The depth head: shapes, gravity, files; its loss and its training on tiny crops."""

import math

import pytest
import torch
import torch.nn.functional as F

from matrix3d_core.depth.learned.crops import CropFiles, view_rays, write_crops
from matrix3d_core.depth.learned.head import DepthHead, DepthHeadConfig, HeadOutput, read_head, write_head
from matrix3d_core.depth.learned.losses import DepthTargets, LossWeights, depth_loss, normals_of_distance
from matrix3d_core.depth.learned.training import HeadTraining, evaluate_head, train_head
from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll

TINY = DepthHeadConfig(feature_width=8, width=16, blocks=1, heads=2, coarse=12, middle=8, fine=8)
H, W = 3, 4


def _turn(*angles: float) -> torch.Tensor:
    return matrix_from_yaw_pitch_roll(*torch.tensor(angles)).float()


def _rays(yaw: float, batch: int = 2) -> torch.Tensor:
    turn = _turn(yaw, 0.2, 0.1).expand(batch, 3, 3)
    return view_rays(turn, torch.full((batch, 2), 0.8), H, W)


def _input(seed: int = 0) -> tuple[list[torch.Tensor], torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return [torch.randn(2, H, W, 8, generator=rng) for _ in range(4)], torch.rand(
        2, 3, 8 * H, 8 * W, generator=rng
    )


def test_the_heading_of_a_view_changes_nothing_but_the_normals_frame():
    torch.manual_seed(0)
    head = DepthHead(TINY)
    features, images = _input()
    one, other = head(features, _rays(0.0), images), head(features, _rays(1.1), images)
    assert one.log_distance.shape == (2, 4 * H, 4 * W)
    assert one.class_logits.shape == (2, 8, 4 * H, 4 * W)
    # float32 rotations: about 1e-7 a step, a dozen steps
    torch.testing.assert_close(one.log_distance, other.log_distance, atol=1e-5, rtol=1e-5)
    turn = _turn(1.1, 0.0, 0.0)
    torch.testing.assert_close(
        torch.einsum("ij,bjhw->bihw", turn, one.normal), other.normal, atol=1e-4, rtol=1e-4
    )
    torch.testing.assert_close(one.normal.norm(dim=1), torch.ones(2, 4 * H, 4 * W))
    tilted = head(
        features,
        view_rays(_turn(0.0, 0.5, 0.1).expand(2, 3, 3), torch.full((2, 2), 0.8), H, W),
        images,
    )
    assert (tilted.log_distance - one.log_distance).abs().max() > 1e-4  # gravity does matter


def test_a_head_comes_back_from_its_file_and_strangers_do_not(tmp_path):
    torch.manual_seed(1)
    head = DepthHead(TINY)
    write_head(tmp_path / "head.safetensors", head, {"data": "none"})
    back = read_head(tmp_path / "head.safetensors")
    assert back.config == TINY
    features, images = _input()
    a, b = head(features, _rays(0.0), images), back(features, _rays(0.0), images)
    assert (
        a.log_distance - b.log_distance
    ).abs().max() < 0.02  # weights lose 2^-11 of themselves in half precision
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(FormatError, match=r"other\.safetensors is not a depth head"):
        read_head(tmp_path / "other.safetensors")
    data = (tmp_path / "head.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(data[:-100])
    with pytest.raises(FormatError, match=r"cut\.safetensors is truncated"):
        read_head(tmp_path / "cut.safetensors")


def test_wrong_shapes_are_refused():
    features, images = _input()
    with pytest.raises(InvalidInput, match="features must be of 4 layers; got 3"):
        DepthHead(TINY)(features[:3], _rays(0.0), images)
    with pytest.raises(InvalidInput, match="features must be of square pictures; got 4x3 tokens"):
        DepthHead(TINY).estimate_camera(features)


def _plane(batch: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rays, distance and normal of the ground one unit below, seen obliquely."""
    turn = _turn(0.3, -0.9, 0.0).expand(batch, 3, 3)
    rays = view_rays(turn, torch.full((batch, 2), 0.5), 4 * H, 4 * W)
    assert float(rays[..., 1].min()) > 0.2
    normal = torch.tensor([0.0, -1.0, 0.0])[None, :, None, None].expand(batch, 3, 4 * H, 4 * W)
    return rays, 1 / rays[..., 1], normal


def test_normals_of_a_plane_are_the_planes():
    rays, distance, normal = _plane()
    found = normals_of_distance(torch.log(distance) + 2.0, rays)
    torch.testing.assert_close(
        found, normal[:, :, 1:, 1:], atol=1e-4, rtol=0
    )  # differences of float32 points


def _perfect(targets: DepthTargets, shift: float) -> HeadOutput:
    known = torch.isfinite(targets.log_distance)
    sky = torch.where(targets.surface_class == 0, 20.0, -20.0)
    return HeadOutput(
        torch.where(known, targets.log_distance + shift, 0.0),
        torch.full_like(targets.log_distance, -4.0),
        sky,
        targets.normal,
        F.one_hot(targets.surface_class, 8).movedim(-1, 1) * 40.0,
    )


def test_the_loss_knows_the_truth_up_to_a_scale_and_sees_each_fault():
    rays, distance, normal = _plane()
    log_distance, surface = torch.log(distance), torch.ones_like(distance, dtype=torch.long)
    log_distance[:, 0], surface[:, 0], normal = torch.inf, 0, normal.clone()
    normal[:, :, 0] = 0
    targets = DepthTargets(log_distance, surface, normal, rays)
    _, terms = depth_loss(_perfect(targets, 0.7), targets, LossWeights())
    assert terms["aligned"] == pytest.approx(-4.0, abs=1e-4)  # the logarithm of the spread alone
    assert terms["absolute"] == pytest.approx(0.7, abs=1e-5)
    for name in ("gradient", "plane", "sky", "normal", "surface_class"):
        assert terms[name] == pytest.approx(0.0, abs=1e-4), name
    bent = _perfect(targets, 0.0)
    wave = bent.log_distance + 0.3 * torch.sin(torch.arange(4 * W).float())
    _, worse = depth_loss(
        HeadOutput(wave, bent.log_uncertainty, -bent.sky_logit, -bent.normal, -bent.class_logits), targets,
        LossWeights(),
    )  # fmt: skip
    assert all(worse[name] > terms[name] + 0.05 for name in terms if name != "absolute")


N = 4  # tokens of square crops


def _write(path, count=6, seed=0):
    rng = torch.Generator().manual_seed(seed)
    turn = _turn(0.0, -0.9, 0.0).expand(count, 3, 3)
    tangents = torch.full((count, 2), 0.5)
    rays = view_rays(turn, tangents, 4 * N, 4 * N)
    height = 0.5 + torch.rand(count, 1, 1, generator=rng)
    log_distance = torch.log(height / rays[..., 1])
    features = [height[..., None].log() * torch.ones(count, N, N, 8) for _ in range(4)]
    normal = torch.tensor([0.0, -1.0, 0.0])[None, :, None, None].expand(count, 3, 4 * N, 4 * N)
    write_crops(
        path, features=features, images=torch.rand(count, 3, 8 * N, 8 * N, generator=rng), log_distance=log_distance,
        surface_class=torch.ones_like(log_distance), normal=normal, world_from_camera=turn, tan_half_fov=tangents,
    )  # fmt: skip
    return log_distance


def test_crops_come_back_from_their_file(tmp_path):
    truth = _write(tmp_path / "a.safetensors")
    crops = CropFiles([tmp_path / "a.safetensors"])
    batch = crops.batch([4, 1])
    torch.testing.assert_close(
        batch.targets.log_distance, truth[[4, 1]], atol=2e-3, rtol=1e-3
    )  # half precision
    assert batch.rays.shape == (2, N, N, 3)
    assert len(batch.features) == 4
    (tmp_path / "b.safetensors").write_bytes(b"nothing")
    with pytest.raises(FormatError, match=r"b\.safetensors holds no training crops"):
        CropFiles([tmp_path / "b.safetensors"])
    with pytest.raises(InvalidInput, match="at least one file"):
        CropFiles([])


def test_training_learns_resumes_and_refuses_other_settings(tmp_path):
    _write(tmp_path / "a.safetensors")
    crops = CropFiles([tmp_path / "a.safetensors"])
    config = HeadTraining(steps=60, batch=3, lr=5e-3, precision="fp32", save_every=20, average=0.8)
    whole = train_head(crops, tmp_path / "whole", config, held_out=crops, network=TINY)
    assert sum(whole.losses[-5:]) < sum(whole.losses[:5]) - 5
    assert whole.figures["delta"] > 0.9
    assert whole.figures["sky_iou"] == 1.0
    assert whole.figures["fov_deg"] < 3  # all crops have the same camera
    assert whole.figures["gravity_deg"] < 3
    assert evaluate_head(read_head(whole.weights), crops)["abs_rel"] < 0.2

    class Stopped(Exception):
        pass

    def stop(event):
        if event.done == 30:
            raise Stopped

    with pytest.raises(Stopped):
        train_head(crops, tmp_path / "parts", config, network=TINY, progress=stop)
    rest = train_head(crops, tmp_path / "parts", config, network=TINY, resume=True)
    assert rest.first_step == 20
    assert rest.losses == whole.losses[20:]
    assert rest.weights.read_bytes() == whole.weights.read_bytes()
    with pytest.raises(InvalidInput, match="is of other settings"):
        train_head(crops, tmp_path / "parts", HeadTraining(steps=61, batch=3), network=TINY, resume=True)
    (tmp_path / "parts" / "checkpoint.pt").write_bytes(b"PK damaged")
    with pytest.raises(FormatError, match=r"checkpoint\.pt"):
        train_head(crops, tmp_path / "parts", config, network=TINY, resume=True)


def test_settings_are_checked():
    with pytest.raises(InvalidInput, match="precision must be fp32 or bf16"):
        HeadTraining(precision="fp8")
    with pytest.raises(InvalidInput, match="steps, batch and save_every must be at least 1"):
        HeadTraining(steps=0)
    assert math.isclose(LossWeights().aligned, 1.0)
