"""Errors of panorama depth on procedural scenes: learned, a linear read-out of the same features, and grounded.

    python benchmarks/quality_depth.py --head depth_head.safetensors                 # dev: to choose settings by
    python benchmarks/quality_depth.py --set judge --readout-crops depth/crops --json     # once, at the end

One panorama per scene, 1024x512, from a place where one can stand, with the variation of photographs. Distances are
compared up to one scale per panorama, pixels weighted by their solid angle; the sky's IoU is that of all panoramas
together, as some rooms show next to none. ``surface_abs_rel`` leaves out surfaces that were taken for sky, whose
distance is a convention (twice the largest).
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import common
from matrix3d_core.depth.grounded import grounded_geometry
from matrix3d_core.depth.learned.crops import CropFiles
from matrix3d_core.depth.learned.estimate import learned_geometry, shipped_head
from matrix3d_core.depth.learned.head import (
    HEAD_STRIDE,
    SURFACE_CLASSES,
    DepthHeadConfig,
    HeadOutput,
    read_head,
)
from matrix3d_core.factory.routes import RouteConfig, standpoints
from matrix3d_core.features.dinov2 import Dinov2
from matrix3d_core.features.weights import find_backbone, read_backbone
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.metrics.depth import depth_figures
from matrix3d_core.scene.camera import Equirect
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.synth.families import make_scene
from matrix3d_core.synth.photographic import photograph, random_photography
from matrix3d_core.synth.render import SceneFrame, render_scene
from matrix3d_core.synth.sets import SETS, scenes_of

HEIGHT = 512
CAMERA_HEIGHT = 1.6
GROUND_REACH = 3.0


class LinearReadout(torch.nn.Module):
    """The baseline: ridge regression of log distance and sky on tokens and ray directions."""

    def __init__(self, crops: CropFiles, count: int = 600, ridge: float = 30.0) -> None:
        super().__init__()
        self.config = DepthHeadConfig()
        gram, right = torch.zeros(1, 1), torch.zeros(1, 2)
        order = torch.randperm(len(crops), generator=torch.Generator().manual_seed(0))[:count]
        for index in order.tolist():
            batch = crops.batch([index])
            x = self._inputs(batch.features, batch.rays)[0].flatten(0, 1).double()
            truth = batch.targets.log_distance[:, 2::HEAD_STRIDE, 2::HEAD_STRIDE].flatten().double()
            known = torch.isfinite(truth)
            y = torch.stack((truth, torch.where(known, -1.0, 1.0).double()), dim=1)
            if gram.numel() == 1:
                gram, right = (
                    gram.new_zeros(2, x.shape[1], x.shape[1]).double(),
                    right.new_zeros(2, x.shape[1]).double(),
                )
            gram[0] += x[known].mT @ x[known]
            right[0] += x[known].mT @ y[known, 0]
            gram[1] += x.mT @ x
            right[1] += x.mT @ y[:, 1]
        eye = torch.eye(gram.shape[1], dtype=torch.float64)
        self.weight = torch.stack(
            [torch.linalg.solve(g + ridge * eye, r) for g, r in zip(gram, right, strict=True)]
        ).float()

    @staticmethod
    def _inputs(features: list[Tensor], rays: Tensor) -> Tensor:
        down = rays[..., 1:2]
        parts = (*features, down, down.abs(), -torch.log(down.clamp_min(0.05)), torch.ones_like(down))
        return torch.cat(parts, dim=-1)

    def forward(self, features: list[Tensor], rays: Tensor, images: Tensor) -> HeadOutput:
        """Return distance and sky as `DepthHead` does; normals and classes say nothing."""
        out = (self._inputs(features, rays) @ self.weight.mT).movedim(-1, 1)
        out = F.interpolate(out, scale_factor=float(HEAD_STRIDE), mode="bilinear")
        nothing = torch.zeros_like(out[:, :1])
        normal = -F.interpolate(rays.movedim(-1, 1), scale_factor=float(HEAD_STRIDE), mode="bilinear")
        return HeadOutput(out[:, 0], nothing[:, 0], 4 * out[:, 1], F.normalize(normal, dim=1),
                          nothing.expand(-1, len(SURFACE_CLASSES), -1, -1))  # fmt: skip


class Remembered(torch.nn.Module):
    """The backbone, which computes the features of one panorama's views once for all heads."""

    def __init__(self, backbone: Dinov2) -> None:
        super().__init__()
        self.backbone = backbone
        self.known: list[tuple[Tensor, list[Tensor]]] = []

    def forward(self, images: Tensor, layers: tuple[int, ...]) -> list[Tensor]:
        """Return the features of ``images``."""
        for seen, features in self.known:
            if torch.equal(seen, images):
                return features
        features = self.backbone(images, layers)
        self.known.append((images, features))
        return features


def shoot(family: str, seed: int) -> tuple[Tensor, SceneFrame, float]:
    """Return a photographic panorama, its truth, and the camera's height above the ground."""
    scene = make_scene(family, seed)
    rng = np.random.default_rng([seed, 7])
    place = standpoints(scene, 1, rng, RouteConfig(camera_height_m=(CAMERA_HEIGHT, CAMERA_HEIGHT)))[0]
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = -place
    camera = Equirect((HEIGHT, 2 * HEIGHT))
    frame = render_scene(scene, camera, pose, samples=4, seed=seed)
    return photograph(frame.rgb, camera, random_photography(seed), seed=seed), frame, CAMERA_HEIGHT


def judge(geometry: PanoramaGeometry, frame: SceneFrame, camera_height: float) -> dict[str, float]:
    """Return the figures of one panorama."""
    rays = erp_directions(HEIGHT, 2 * HEIGHT, dtype=torch.float64)
    weight = torch.sqrt((1 - rays[..., 1] ** 2).clamp_min(0))
    truth, found = frame.depth_ray.double(), geometry.depth_ray.double()
    sky = torch.isinf(truth)
    figures = depth_figures(found, truth, weight=weight)
    both = torch.where(geometry.is_sky, math.inf, truth)
    figures["surface_abs_rel"] = depth_figures(found, both, weight=weight)["abs_rel"]
    figures["sky_both"] = float((weight * (geometry.is_sky & sky)).mean())
    figures["sky_either"] = float((weight * (geometry.is_sky | sky)).mean())
    in_meters = depth_figures(found, truth, weight=weight, align=False)
    figures |= {f"metric_{name}": in_meters[name] for name in ("delta", "abs_rel")}
    ground = (
        (frame.surface_class == 1) & (truth < math.hypot(GROUND_REACH, camera_height)) & (rays[..., 1] > 0.1)
    )
    ground &= (truth * rays[..., 1] - camera_height).abs() < 0.02
    if bool(ground.any()):
        error = ((found * rays[..., 1] - camera_height).abs() / camera_height)[ground]
        figures["ground_error_p90"] = float(error.quantile(0.9))
        figures["ground_within_3_percent"] = float((error < 0.03).double().mean())
    figures |= _walls(found, truth, rays, frame)
    return figures


def _walls(found: Tensor, truth: Tensor, rays: Tensor, frame: SceneFrame) -> dict[str, float]:
    """Return the share of pixels of vertical walls whose surface is within 10 degrees of vertical."""
    step = 4
    points = found[..., None] * rays
    across = points.roll(-step, 1) - points.roll(step, 1)
    along = points.roll(-step, 0) - points.roll(step, 0)
    normal = F.normalize(torch.linalg.cross(across, along), dim=-1)
    upright = frame.normal[..., 1].abs() < math.sin(math.radians(1))
    flat = torch.ones_like(upright)
    for dim in (0, 1):
        for shift in (-step, step):
            flat &= (truth.roll(shift, dim).log() - truth.log()).abs() < 0.15
            flat &= frame.surface_class.roll(shift, dim) == frame.surface_class
    wall = (frame.surface_class == 3) & upright & flat
    wall[: HEIGHT // 8] = wall[-HEIGHT // 8 :] = False
    if int(wall.sum()) < 500:
        return {}
    tilt = torch.rad2deg(torch.asin(normal[..., 1].abs().clamp(0, 1)))
    return {"walls_within_10_deg": float((tilt[wall] < 10).double().mean())}


BOUNDS = {"delta": 0.80, "sky_iou": 0.97}
WORST = {"abs_rel": 0.15, "seconds": 25.0}


def main() -> int:
    """Measure."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("--head", type=Path, help="default: the shipped one")
    parser.add_argument("--backbone", type=Path, help="default: where the library finds it")
    parser.add_argument("--set", choices=SETS, default="dev")
    parser.add_argument("--scenes", type=int, default=20, help="per family")
    parser.add_argument(
        "--readout-crops", type=Path, help="folder of training crops, for the linear read-out"
    )
    options = parser.parse_args()
    where = common.machine()
    path = options.backbone or find_backbone()
    if path is None:
        parser.error("the backbone was not found; see `matrix3d convert-backbone`")
    backbone: Dinov2 = read_backbone(path)
    learned_head = read_head(options.head) if options.head else shipped_head()
    heads: dict[str, torch.nn.Module | None] = {"grounded": None, "learned": learned_head}  # in this order
    if options.readout_crops:
        files = [
            path
            for family in SETS["train"].families
            for path in sorted(options.readout_crops.glob(f"{family}_*.safetensors"))
        ]
        heads["linear read-out"] = LinearReadout(CropFiles(files))
    families = SETS[options.set].families
    rows: dict[tuple[str, str], list[dict[str, float]]] = {}
    for family, seed in list(scenes_of(options.set))[
        : (1 if options.quick else options.scenes) * len(families)
    ]:
        rgb, frame, height = shoot(family, seed)
        remembered = cast(Dinov2, Remembered(backbone))
        for name, head in heads.items():
            start = time.perf_counter()
            if head is None:
                geometry = grounded_geometry(rgb, camera_height=height)
            else:
                geometry = learned_geometry(rgb, remembered, head, camera_height=height)
            row = {"seconds": time.perf_counter() - start, **judge(geometry, frame, height)}
            rows.setdefault((name, family), []).append(row)
            print(name, family, seed, " ".join(f"{k} {v:.3f}" for k, v in row.items()), flush=True)
    results = []
    for (name, family), measured in sorted(rows.items()):
        mean = _mean(measured)
        print(f"{name:16} {family:12}", " ".join(f"{k} {v:.3f}" for k, v in mean.items()))
        seconds = common.spread([row["seconds"] for row in measured])
        results.append({"name": f"{name}, {family}", **seconds, "quality": mean})
    learned = _mean([row for (name, _), measured in rows.items() if name == "learned" for row in measured])
    checks = [common.check(f"learned: {name}", learned[name], least=least) for name, least in BOUNDS.items()]
    checks += [
        common.check(f"learned: minus {name}", -learned[name], least=-most) for name, most in WORST.items()
    ]
    settings = {"set": options.set, "scenes": options.scenes, "height": HEIGHT, "all": learned}
    return common.finish(f"quality_depth_{options.set}", where, settings, results, checks, options.json)


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    names = {name: None for row in rows for name in row}
    mean = {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}
    return {**mean, "sky_iou": mean["sky_both"] / mean["sky_either"] if mean["sky_either"] else 1.0}


if __name__ == "__main__":
    sys.exit(main())
