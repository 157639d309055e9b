"""Camera poses from frames alone, by structure from motion: COLMAP through its package pycolmap."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..geometry.crops import upstream_crop_rotations
from ..io.images import write_image
from ..progress import ProgressEvent, ProgressFn, no_progress, report_while
from ..scene.camera import Equirect, Pinhole
from ..scene.trajectory import Trajectory

__all__ = ["SolvedPoses", "solve_poses"]

_LEVEL = (6, 9, 0, 3)  # of upstream's crops: ahead, right, behind, left
_FOV_RAD = math.radians(100)  # neighbors overlap by 10 degrees
_LEAST_SHARE = 0.5
_SEED = 0


@dataclass(frozen=True)
class SolvedPoses:
    """What structure from motion found.

    Attributes:
        trajectory: poses of the solved frames, in a frame and scale of their own; None when not solvable.
        frames: numbers of the solved frames, as many as poses.
        reason: why there is no trajectory, or what was left out; empty when all frames were solved.
    """

    trajectory: Trajectory | None
    frames: tuple[int, ...]
    reason: str = ""


def solve_poses(
    frames: Tensor,  # [T, H, W, 3]
    camera: Equirect | Pinhole,
    *,
    most_frames: int = 24,
    crop_px: int = 0,
    progress: ProgressFn = no_progress,
) -> SolvedPoses:
    """Solve the poses of a video's frames.

    Panoramas are cut into four level perspective views of 100 degrees each, which COLMAP takes as a rig: their
    directions and intrinsics are known and stay fixed. A perspective video is one camera with known intrinsics.
    Features are SIFT, all pairs of frames are matched. Not solvable is a result, not an error: too few features, a
    camera that does not move, or fewer than half of the frames placed.

    Args:
        frames: ``[T, H, W, 3]`` in [0, 1].
        camera: of the frames.
        most_frames: at most that many are solved, evenly spread, first and last included.
        crop_px: side of the crops; 0 keeps the resolution of the panorama at its horizon.
        progress: called between the stages; while one runs, its report is repeated. Raising in it stops.

    Raises:
        InvalidInput: for another shape, NaN, or frames that are not of the camera.
    """
    count = check_shape("frames", frames, "T H W 3")["T"]
    check_finite("frames", frames)
    camera.check_picture("frames", (frames.shape[1], frames.shape[2]))
    if count < 2:
        return SolvedPoses(None, (), "one frame has no motion")
    try:
        import pycolmap
    except ImportError:
        return SolvedPoses(None, (), "needs the package pycolmap: pip install 'matrix3d[metrics]'")
    chosen = torch.linspace(0, count - 1, min(count, most_frames)).round().long().tolist()
    turns = upstream_crop_rotations()[list(_LEVEL)]
    side = crop_px or max(64, round(2 * math.tan(_FOV_RAD / 2) * camera.width / math.tau))
    views = camera.perspective_views(turns, side, _FOV_RAD)
    pycolmap.logging.minloglevel = int(pycolmap.logging.FATAL)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for at, number in enumerate(chosen):
            progress(ProgressEvent(at, len(chosen), "cut views", frames[number]))
            for view, (lens, turn) in enumerate(views):
                (folder / "views" / f"{view}").mkdir(parents=True, exist_ok=True)
                cut = camera.crop(frames[number].float(), lens, turn)
                write_image(folder / "views" / f"{view}" / f"{number:06}.png", cut.clamp(0, 1))
        stages = ("find features", "match features", "solve poses")
        found: Any = None
        for at, stage in enumerate((_find, _match, _map)):
            run = lambda stage=stage: stage(pycolmap, folder, views)  # noqa: E731
            event = ProgressEvent(at, len(stages), stages[at])
            progress(event)
            found = report_while(run, progress, event)
    return _as_path(found, chosen)


def _find(pycolmap: Any, folder: Path, views: list[tuple[Pinhole, Tensor | None]]) -> None:
    """Find features, and tell COLMAP how the views of a frame lie to each other."""
    lens = views[0][0]
    reader = pycolmap.ImageReaderOptions()
    reader.camera_model = "PINHOLE"
    reader.camera_params = ",".join(map(repr, (*lens.focal_px, *lens.principal_px)))
    extraction = pycolmap.FeatureExtractionOptions()
    extraction.use_gpu = False
    pycolmap.extract_features(
        folder / "db",
        folder / "views",
        camera_mode=pycolmap.CameraMode.PER_FOLDER,
        reader_options=reader,
        extraction_options=extraction,
        device=pycolmap.Device.cpu,
    )
    if len(views) == 1:
        return
    cameras = []
    for number, (_, turn) in enumerate(views):
        member = pycolmap.RigConfigCamera()
        member.ref_sensor = number == 0
        member.image_prefix = f"{number}/"
        if number:
            relative = turn @ views[0][1].mT  # type: ignore[union-attr, operator]
            member.cam_from_rig = pycolmap.Rigid3d(pycolmap.Rotation3d(relative.numpy()), [0.0, 0.0, 0.0])
        cameras.append(member)
    with pycolmap.Database.open(folder / "db") as database:
        pycolmap.apply_rig_config([pycolmap.RigConfig(cameras=cameras)], database)


def _match(pycolmap: Any, folder: Path, views: list[tuple[Pinhole, Tensor | None]]) -> None:
    matching = pycolmap.FeatureMatchingOptions()
    matching.use_gpu = False
    matching.rig_verification = len(views) > 1
    matching.skip_image_pairs_in_same_frame = True
    pycolmap.match_exhaustive(folder / "db", matching_options=matching, device=pycolmap.Device.cpu)


def _map(pycolmap: Any, folder: Path, views: list[tuple[Pinhole, Tensor | None]]) -> dict[int, Tensor]:
    """Return the pose of the first view, ``[3, 4]`` camera from world, of each frame of the largest model."""
    options = pycolmap.IncrementalPipelineOptions()
    options.ba_refine_focal_length = options.ba_refine_extra_params = False
    options.ba_refine_principal_point = options.ba_refine_sensor_from_rig = False
    options.random_seed = _SEED
    options.multiple_models = False
    options.min_model_size = 2
    (folder / "models").mkdir()
    models = pycolmap.incremental_mapping(folder / "db", folder / "views", folder / "models", options=options)
    if not models:
        return {}
    best = max(models.values(), key=lambda model: model.num_reg_images())
    poses = {}
    for image in best.images.values():
        view, number = image.name.split("/")
        if view == "0" and image.has_pose:
            poses[int(number.removesuffix(".png"))] = torch.tensor(image.cam_from_world().matrix())
    turn = views[0][1]
    if turn is None:
        return poses
    return {number: turn.mT.double() @ pose for number, pose in poses.items()}  # back to the panorama


def _as_path(found: dict[int, Tensor], chosen: list[int]) -> SolvedPoses:
    frames = tuple(number for number in chosen if number in found)
    if len(frames) < max(2, math.ceil(_LEAST_SHARE * len(chosen))):
        return SolvedPoses(None, (), f"not solvable: {len(frames)} of {len(chosen)} frames could be placed")
    poses = torch.eye(4, dtype=torch.float64).repeat(len(frames), 1, 1)
    poses[:, :3] = torch.stack([found[number] for number in frames])
    reason = "" if len(frames) == len(chosen) else f"{len(frames)} of {len(chosen)} frames could be placed"
    return SolvedPoses(Trajectory(poses, frame_of_reference="world", name="solved"), frames, reason)
