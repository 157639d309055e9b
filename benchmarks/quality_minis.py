"""The mini models on scenes that nothing was tuned on: their video's holes, their splats, and planted faults.

    python benchmarks/quality_minis.py [--only video,splats,faults] [--set judge] [--clips 6] [--pictures DIR] [--json]

Clips are the factory's, of *judge* scenes: 17 frames of 512x256 with exact poses and distances. Guidance is rendered
from each first frame with its true distances, as in training. ``video``: the mini video model, `PanoFill` and the
smooth fill against the true frames: PSNR and SSIM of whole frames, DINOv2 distance of crops around the holes, Frechet
distance between DINOv2 states of true and made videos (the library's own number, not FVD), rotation and translation
error of poses that COLMAP solves. ``splats``: the mini reconstruction model from latents of the true video and of the
mini video, against `GSOptimize` from the same frames and from `PanoFill`'s, rendered at the clip's poses. ``faults``:
the same figures with one thing wrong, over the spread between seeds.
"""

from __future__ import annotations

import math
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import common
from benchmarks.quality_fill import hole_crops
from matrix3d_core.depth.panorama_depth import geometry_from_depth
from matrix3d_core.diffusion.conditioning import GuidanceClip, prepare_guidance
from matrix3d_core.evaluation.measure import measure_cameras
from matrix3d_core.factory.clip import ClipConfig
from matrix3d_core.factory.job import FactoryJob
from matrix3d_core.factory.routes import RouteConfig
from matrix3d_core.factory.run import run_factory
from matrix3d_core.features.dinov2 import Dinov2
from matrix3d_core.features.weights import find_backbone, read_backbone
from matrix3d_core.guidance.fill import fill_guidance
from matrix3d_core.guidance.render import GuidanceFrames, render_guidance
from matrix3d_core.io.images import write_image
from matrix3d_core.lrm.decode import LRMResult, decode_latents
from matrix3d_core.lrm.weights import build_lrm, read_lrm_weights
from matrix3d_core.metrics.dinov2_distance import dinov2_distance, dinov2_video_features
from matrix3d_core.metrics.frechet import frechet_distance
from matrix3d_core.metrics.image import psnr, ssim
from matrix3d_core.minis.encoders import video_image, video_text
from matrix3d_core.minis.files import MINI_FILES, MINI_MODELS
from matrix3d_core.minis.networks import open_mini_video
from matrix3d_core.optimize.config import preset_config
from matrix3d_core.optimize.loop import optimize_gaussians
from matrix3d_core.panorama.composite_known import composite_texels
from matrix3d_core.scene.camera import Equirect
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.splats.render import render_path
from matrix3d_core.standalone.pipeline_lora import LoraChoice, apply_lora
from matrix3d_core.standalone.video import VideoConfig, condition_latents, decode_frames, sample_latents
from matrix3d_core.synth.sets import SETS
from matrix3d_core.training.clips import CapturedClip, clip_names, iterate_clips
from matrix3d_core.video.prompts import apply_prompt_preset

ROWS, FRAMES, STEPS, SHIFT = 256, 17, 4, 3.0  # more steps bring sharper holes, and farther from the truth
CROP_PX = 56  # at 256 rows
_SEEDS = {"judge": 77, "dev": 78}  # of the clips
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Case:
    """A clip with guidance from its first frame."""

    clip: CapturedClip
    geometry: PanoramaGeometry
    guidance: GuidanceFrames
    prepared: GuidanceClip

    @property
    def truth(self) -> Tensor:
        """Return the true frames, ``[T, H, W, 3]``."""
        return self.clip.frames.float() / 255


def judge_clips(
    count: int, rows: int = ROWS, length: int = FRAMES, workers: int = 2, scenes: str = "judge"
) -> list[Case]:
    """Render clips of a set's scenes, or read them from the temporary folder."""
    out = Path(tempfile.gettempdir()) / "matrix3d-quality-minis" / f"{scenes}-{count}-{rows}-{length}"
    clip = ClipConfig(height=rows, route=RouteConfig(frames=length, fps=8.0))
    run_factory(
        FactoryJob(count, SETS[scenes].families, clip=clip, seed=_SEEDS[scenes]), out, workers=workers
    )
    cases = []
    for found in iterate_clips(out, set(clip_names(out))):
        geometry = geometry_from_depth(found.frames[0].float() / 255, found.depth[0])
        guidance = render_guidance(geometry, found.trajectory, height=rows)
        prepared = prepare_guidance(guidance.rgb, guidance.mask, rows, 2 * rows)
        cases.append(Case(found, geometry, guidance, prepared))
    return cases


class Minis:
    """A small video model with its VAE, and a reconstruction model.

    Args:
        parts: ``transformer`` and ``vae`` of diffusers.
        lrm: None where no splats are made.
        rows: of the videos.
    """

    def __init__(self, parts: Any, lrm: Any = None, rows: int = ROWS) -> None:
        self.parts, self.lrm = parts, lrm
        self.settings = VideoConfig(height=rows, width=2 * rows, steps=STEPS, cfg=1.0, shift=SHIFT)

    @classmethod
    def shipped(cls, models: Path = MINI_MODELS, rows: int = ROWS) -> Minis:
        """Open those of a folder, with the video LoRA."""
        parts = open_mini_video(models)
        parts.vae = parts.vae.bfloat16()
        apply_lora(parts.transformer, LoraChoice(models / MINI_FILES["video_lora"]))
        return cls(parts, build_lrm(read_lrm_weights(models / MINI_FILES["lrm"]), dtype=torch.float32), rows)

    def encode(self, frames: Tensor) -> Tensor:  # [1, 16, t, h, w]
        """Encode whole frames as the ring they are."""
        whole = GuidanceClip((frames * 255).round().to(torch.uint8), torch.full(frames.shape[:3], 255).byte())
        return condition_latents(self.parts, whole, config=self.settings)[:, 4:]

    def sample(self, case: Case, seed: int, prepared: GuidanceClip | None = None) -> Tensor:
        """Return the latents of a video, ``[1, 16, t, h, w]``."""
        prepared = prepared or case.prepared
        condition = condition_latents(self.parts, prepared, config=self.settings)
        return self.answer(condition, case, seed)

    def answer(self, condition: Tensor, case: Case, seed: int) -> Tensor:
        """Sample from an encoded condition."""
        noise = torch.randn((1, 16, *condition.shape[2:]), generator=torch.Generator().manual_seed(seed))
        text = video_text(apply_prompt_preset("video", case.clip.caption)[0])[None]
        image = video_image(case.prepared.frames[0])[None]
        with torch.autocast("cpu", torch.bfloat16):
            return sample_latents(
                self.parts.transformer, noise, condition, (text, None), image, config=self.settings
            )

    def decode(self, latents: Tensor) -> Tensor:
        """Return frames, ``[T, H, W, 3]``."""
        return decode_frames(self.parts, latents, self.settings)

    def video(self, case: Case, seed: int = SEEDS[0]) -> Tensor:
        """Return the frames of a video."""
        return self.decode(self.sample(case, seed))

    def splats(self, latents: Tensor, path: Trajectory) -> LRMResult:
        """Return the reconstruction model's world."""
        return decode_latents(self.lrm, latents, path)


def hole_distance(backbone: Dinov2, case: Case, made: Tensor, every: int = 4) -> float:
    """Return the mean DINOv2 distance of crops around the holes of every fourth frame."""
    found: list[float] = []
    for t in range(every, len(made), every):
        places = hole_crops(case.guidance.mask[t] < 0.5, CROP_PX * case.truth.shape[1] // ROWS)
        side = CROP_PX * case.truth.shape[1] // ROWS
        pair = [
            torch.stack([v[r : r + side, c : c + side].movedim(-1, 0) for r, c in places])
            for v in (made[t], case.truth[t])
            if places
        ]
        if pair:
            found += dinov2_distance(backbone, *pair).tolist()
    return float(np.mean(found)) if found else math.nan


def hole_psnr(case: Case, made: Tensor) -> float:
    """Return the PSNR of what the guidance does not show."""
    is_open = case.guidance.mask[1:] < 0.5
    return -10 * math.log10(float((made[1:] - case.truth[1:])[is_open].square().mean()))


def film_figures(backbone: Dinov2, case: Case, made: Tensor) -> dict[str, float]:
    """Return the figures of one made video."""
    seen = made  # COLMAP finds too few features in less than that
    if made.shape[1] < ROWS:
        planes = F.interpolate(made.movedim(-1, 1), (ROWS, 2 * ROWS), mode="bicubic")
        seen = planes.movedim(1, -1).clamp(0, 1)
    cameras = measure_cameras(case.clip.trajectory, frames=seen, camera=Equirect(seen.shape[1:3]))
    return {
        "psnr": float(psnr(made[1:], case.truth[1:])),
        "ssim": float(np.mean([ssim(a, b) for a, b in zip(made[1::4], case.truth[1::4], strict=True)])),
        "hole_psnr": hole_psnr(case, made),
        "hole_dinov2": hole_distance(backbone, case, made),
        **{key: cameras.values.get(key, math.nan) for key in ("r_err", "t_err")},
    }


def render(gaussians: Gaussians, case: Case) -> Tensor:
    """Render splats at the clip's poses."""
    return render_path(
        gaussians,
        case.clip.trajectory,
        projection="panorama",
        height=case.truth.shape[1],
        width=case.truth.shape[2],
    ).rgb


def splat_figures(backbone: Dinov2, case: Case, shown: Tensor) -> dict[str, float]:
    """Return the figures of rendered splats."""
    pairs = [
        dinov2_distance(backbone, *(v[t].movedim(-1, 0)[None] for v in (shown, case.truth)))
        for t in range(0, len(shown), 4)
    ]
    return {
        "psnr": float(psnr(shown, case.truth)),
        "ssim": float(np.mean([ssim(a, b) for a, b in zip(shown[::4], case.truth[::4], strict=True)])),
        "dinov2": float(torch.cat(pairs).mean()),
    }


def depth_error(result: LRMResult, case: Case) -> float:
    """Return the median relative error of the reconstruction model's distances, sky left out."""
    true = torch.nn.functional.interpolate(case.clip.depth[:, None], result.depth.shape[1:], mode="nearest")[
        :, 0
    ]
    near = torch.isfinite(true) & (true < 30) & torch.isfinite(result.depth)
    return float((result.depth[near] / true[near] - 1).abs().median())


def timed(work: Callable[..., Any], *given: Any, **named: Any) -> tuple[Any, float]:
    """Return a result and the seconds it took."""
    start = time.perf_counter()
    return work(*given, **named), time.perf_counter() - start


def means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each figure, without those that could not be had."""
    found = {}
    for key in rows[0]:
        values = [row[key] for row in rows if not math.isnan(row[key])]
        found[key] = float(np.mean(values)) if values else math.nan
        if len(values) < len(rows):
            found[f"{key}_missing"] = len(rows) - len(values)
    return found


def judge_videos(
    minis: Minis, backbone: Dinov2, cases: Sequence[Case], pictures: Path | None
) -> tuple[dict[str, dict[str, float]], dict[str, list[Tensor]]]:
    """Make each clip's video in every way; return mean figures by method, and the videos."""
    rows: dict[str, list[dict[str, float]]] = {}
    videos: dict[str, list[Tensor]] = {}
    for case in cases:
        made: dict[str, tuple[Tensor, float]] = {}
        for method in ("smooth", "exemplar"):
            found, seconds = timed(fill_guidance, case.guidance, case.clip.trajectory, method=method)
            made[f"PanoFill {method}"] = found.rgb, seconds
        frames, seconds = timed(minis.video, case)
        made["mini video"] = composite_texels(frames, case.guidance.rgb, case.guidance.mask), seconds
        made["mini video as decoded"] = frames, seconds
        for name, (video, spent) in made.items():
            rows.setdefault(name, []).append({**film_figures(backbone, case, video), "seconds": spent})
            videos.setdefault(name, []).append(video)
            print(f"{case.clip.name} {name}: {rows[name][-1]}", flush=True)
        if pictures:
            shown = [case.guidance.rgb, *(video for video, _ in made.values()), case.truth]
            write_image(
                pictures / f"video-{case.clip.name}.png",
                torch.cat([v[[8, 16]].movedim(0, 1).flatten(1, 2) for v in shown]),
            )
    true = torch.cat([dinov2_video_features(backbone, case.truth) for case in cases])
    found = {name: means(figures) for name, figures in rows.items()}
    for name, films in videos.items():
        features = torch.cat([dinov2_video_features(backbone, film) for film in films])
        found[name]["frechet_dinov2_video"] = frechet_distance(true, features)
    return found, videos


def splat_ways(minis: Minis, case: Case, films: dict[str, Tensor]) -> dict[str, Callable[[], Any]]:
    """Return what makes splats of a clip, by name."""
    path = case.clip.trajectory
    ways: dict[str, Callable[[], Any]] = {
        "mini LRM, true video": lambda: minis.splats(minis.encode(case.truth), path),
        "GSOptimize, true video": lambda: fit(case, case.truth),
    }
    if films:
        ways |= {
            "mini LRM, mini video": lambda: minis.splats(minis.encode(films["mini video as decoded"]), path),
            "GSOptimize, mini video": lambda: fit(case, films["mini video"]),
            "GSOptimize, PanoFill": lambda: fit(case, films["PanoFill exemplar"]),
        }
    return ways


def judge_splats(
    minis: Minis,
    backbone: Dinov2,
    cases: Sequence[Case],
    videos: dict[str, list[Tensor]],
    pictures: Path | None,
) -> dict[str, dict[str, float]]:
    """Make each clip's splats in every way; return mean figures by method."""
    rows: dict[str, list[dict[str, float]]] = {}
    for number, case in enumerate(cases):
        films = {name: made[number] for name, made in videos.items()}
        sheet = [case.truth]
        for name, make in splat_ways(minis, case, films).items():
            result, seconds = timed(make)
            shown = render(result.gaussians, case)
            figures = {**splat_figures(backbone, case, shown), "seconds": seconds}
            figures["depth_error"] = depth_error(result, case) if isinstance(result, LRMResult) else math.nan
            rows.setdefault(name, []).append(figures)
            sheet.append(shown)
            print(f"{case.clip.name} {name}: {figures}", flush=True)
        if pictures:
            write_image(
                pictures / f"splats-{case.clip.name}.png",
                torch.cat([v[[0, 16]].movedim(0, 1).flatten(1, 2) for v in sheet]),
            )
    return {name: means(figures) for name, figures in rows.items()}


def fit(case: Case, frames: Tensor) -> Any:
    """Fit Gaussians to a video, as the template does."""
    return optimize_gaussians(
        frames,
        case.clip.trajectory,
        geometry=case.geometry,
        mask=case.guidance.mask,
        config=preset_config("draft"),
    )


def plant_faults(minis: Minis, case: Case) -> dict[str, dict[str, float]]:
    """Return, for each planted fault, the figure with it, without it, and its spread between seeds."""
    right = [minis.sample(case, seed) for seed in SEEDS]
    films = [minis.decode(latents) for latents in right]
    known = case.guidance.mask > 0.5

    def known_error(film: Tensor) -> float:
        return float((film - case.truth)[known].abs().mean())

    def render_error(latents: Tensor, path: Trajectory) -> float:
        shown = render(minis.splats(latents, path).gaussians, case)
        return float((shown - case.truth).abs().mean())

    errors, path = [known_error(film) for film in films], case.clip.trajectory
    inverted = replace(case.prepared, mask=255 - case.prepared.mask)
    condition = condition_latents(minis.parts, case.prepared, config=minis.settings)
    swapped = condition.clone()
    swapped[:, [4, 5]] = condition[:, [5, 4]]
    shifted = replace(
        case.prepared, frames=case.prepared.frames.roll(1, 0), mask=case.prepared.mask.roll(1, 0)
    )
    faults = {
        "mask inverted": known_error(minis.decode(minis.sample(case, SEEDS[0], inverted))),
        "condition's latent channels swapped": known_error(
            minis.decode(minis.answer(swapped, case, SEEDS[0]))
        ),
        "guidance one frame late": known_error(minis.decode(minis.sample(case, SEEDS[0], shifted))),
    }
    found = {
        name: {"with": value, "without": errors[0], "spread": max(errors) - min(errors)}
        for name, value in faults.items()
    }
    renders = [render_error(latents, path) for latents in right]
    poses = path.camera_from_world.clone()
    poses[:, :3, 3] *= -1  # the camera moves to the other side of where it began
    wrong = render_error(right[0], Trajectory(poses))
    turned = right[0][:, [1, 0, *range(2, 16)]]
    for name, value in {
        "poses mirrored": wrong,
        "reconstruction's latent channels swapped": render_error(turned, path),
    }.items():
        found[name] = {"with": value, "without": renders[0], "spread": max(renders) - min(renders)}
    for row in found.values():
        row["times_spread"] = (row["with"] - row["without"]) / max(row["spread"], 1e-9)
    return found


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--only", default="video,splats,faults")
    options.add_argument("--clips", type=int, default=6)
    options.add_argument(
        "--set", choices=list(_SEEDS), default="judge", help="scenes; settings are chosen on dev"
    )
    options.add_argument("--models", type=Path, default=MINI_MODELS)
    options.add_argument("--pictures", type=Path)
    given = options.parse_args()
    parts = given.only.split(",")
    where = common.machine()
    file = find_backbone()
    if file is None:
        raise SystemExit("needs the backbone: python scripts/get_backbone.py")
    if given.pictures:
        given.pictures.mkdir(parents=True, exist_ok=True)
    backbone = read_backbone(file).eval()
    minis = Minis.shipped(given.models)
    cases = judge_clips(3 if given.quick else given.clips, ROWS, scenes=given.set)
    entries: list[dict[str, Any]] = []
    checks: list[dict[str, Any]] = []

    def add(found: dict[str, dict[str, float]]) -> None:
        for name, figures in found.items():
            print(name, {key: round(value, 4) for key, value in figures.items()}, flush=True)
            entries.append({"name": name, **common.spread([figures.get("seconds", 0.0)]), "quality": figures})

    videos: dict[str, list[Tensor]] = {}
    with torch.no_grad():  # not inference mode: splats are fitted to these videos
        if "video" in parts:
            found, videos = judge_videos(minis, backbone, cases, given.pictures)
            add(found)
            lower = 1 - found["mini video"]["hole_dinov2"] / found["PanoFill smooth"]["hole_dinov2"]
            checks.append(
                common.check("DINOv2 distance of holes below the smooth fill's by", lower, least=0.0)
            )
    if "splats" in parts:
        found = judge_splats(minis, backbone, cases, videos, given.pictures)
        add(found)
        checks.append(
            common.check("PSNR of the mini LRM, dB", found["mini LRM, true video"]["psnr"], least=22.0)
        )
    if "faults" in parts:
        with torch.inference_mode():
            found = plant_faults(minis, cases[0])
        add(found)
        checks += [
            common.check(f"{name}, times the spread between seeds", row["times_spread"], least=3.0)
            for name, row in found.items()
        ]
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory of the process {peak_gb:.2f} GB")
    settings = {
        "set": given.set,
        "clips": len(cases),
        "rows": ROWS,
        "frames": FRAMES,
        "steps": STEPS,
        "peak_gb": peak_gb,
    }
    return common.finish("quality_minis", where, settings, entries, checks, given.json)


if __name__ == "__main__":
    raise SystemExit(main())
