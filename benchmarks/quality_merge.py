"""The merge of views alone: exact distances of procedural scenes, each view scaled by a factor of its own.

    python benchmarks/quality_merge.py --panoramas 100 [--bend 0.05] [--host COMFYUI] [--json]

Each panorama is turned by a random yaw, so that its seam is a column like any other, and the figures of a set of views
are over the pixels of all panoramas. ``error``: of the log distance after one common factor per panorama by solid
angle, and the share of pixels beyond 5 %. ``seam_step`` and ``inner_step``: 95th percentile of the step of the error
over the seam, and between other columns, where the true step is below 5 %. Things thinner than a pixel are in one of
the pictures and not in another, whatever the merge does, so ``clear`` are the same steps where the truth and all views
are one surface for 3 pixels around. Poles: the median error of their row. ``--bend`` adds a smooth error to each view,
``--host`` merges the same views with the host's own function, for comparison.
"""

from __future__ import annotations

import itertools
import math
import sys
import time
from pathlib import Path

import common
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from matrix3d_core.depth.learned.merge import merge_views
from matrix3d_core.depth.learned.views import VIEW_SETS, ViewSet, make_views, sample_views
from matrix3d_core.factory.routes import standpoints
from matrix3d_core.geometry.pinhole import intrinsics_from_fov, pinhole_directions
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.synth.families import make_scene
from matrix3d_core.synth.kernels_hierarchy import hits
from matrix3d_core.synth.sets import SETS, scenes_of

SMOOTH = 0.05  # largest step, and second difference, of the true log distance that still is one surface
MARGIN = 3  # pixels around that must be one surface for a clear step
Figures = dict[str, list[Tensor]]


def distances(family: str, seed: int, sets: dict[str, ViewSet], height: int) -> list[Tensor]:
    """Return exact log ray distances, inf in the sky: of each set's views ``[V, h, h]``, of the panorama ``[H, W]``."""
    rng = np.random.default_rng([seed, *family.encode()])
    scene = make_scene(family, seed)
    center = standpoints(scene, 1, rng)[0].numpy()
    rays = []
    for views in sets.values():
        K_px = intrinsics_from_fov(views.fov_rad, height, height)
        rays.append(pinhole_directions(K_px, height, height) @ views.rotations[:, None])
    rays.append(erp_directions(height, 2 * height, dtype=torch.float64))
    yaw, zero = torch.tensor((rng.uniform(0, math.tau), 0.0), dtype=torch.float64)
    turn = matrix_from_yaw_pitch_roll(yaw, zero, zero)
    flat = (torch.cat([ray.reshape(-1, 3) for ray in rays]) @ turn.mT).numpy()
    found = (
        np.empty(len(flat)),
        np.empty(len(flat), np.int64),
        np.empty(len(flat), np.int64),
        np.empty_like(flat),
    )
    hits(len(flat), np.tile(center, (len(flat), 1)), flat, scene.geometry, scene.looks, *found)
    logs = torch.from_numpy(found[0]).log().float().split([ray[..., 0].numel() for ray in rays])
    return [part.reshape(ray.shape[:-1]) for part, ray in zip(logs, rays, strict=True)]


def one_surface(logs: Tensor, *, around: bool) -> Tensor:  # [V, h, w] -> bool [V, h, w]
    """Say where nothing bends for `MARGIN` pixels around, in columns that go ``around`` or end."""
    margin = MARGIN + 1
    logs = torch.where(torch.isfinite(logs), logs, 9.0)[None]
    wide = F.pad(logs, (margin, margin, 0, 0), mode="circular" if around else "replicate")
    wide = F.pad(wide, (0, 0, margin, margin), mode="replicate")
    right = wide[..., 1:-1, 2:] + wide[..., 1:-1, :-2] - 2 * wide[..., 1:-1, 1:-1]
    down = wide[..., 2:, 1:-1] + wide[..., :-2, 1:-1] - 2 * wide[..., 1:-1, 1:-1]
    bend = torch.maximum(right.abs(), down.abs())
    return F.max_pool2d(bend, 2 * MARGIN + 1, 1)[0] < SMOOTH


def clear(exact: Tensor, truth: Tensor, views: ViewSet) -> Tensor:  # [V, h, h], [H, W] -> bool [H, W]
    """Say where the truth and all views that see a place are one surface around it."""
    smooth = one_surface(exact, around=False).float()[..., None]
    seen, rim = sample_views(smooth, views, erp_directions(*truth.shape))
    return one_surface(truth[None], around=True)[0] & ((seen[..., 0] > 0.99) | (rim == 0)).all(0)


def compare(log_distance: Tensor, truth: Tensor, is_clear: Tensor) -> dict[str, Tensor]:
    """Compare a merged map with the truth."""
    height, width = truth.shape
    known = torch.isfinite(truth)
    truth = torch.where(known, truth, 0.0)
    error = log_distance - truth
    error = error - error[known].median()
    weight = torch.sqrt((1 - erp_directions(height, width)[..., 1].square()).clamp_min(0)) * known
    ahead = torch.roll(known, -1, 1)
    steps, true_steps = ((torch.roll(values, -1, 1) - values).abs() for values in (error, truth))
    near = known & ahead & (true_steps < SMOOTH)
    both_clear = near & is_clear & torch.roll(is_clear, -1, 1)
    seam, inner = torch.tensor([width - 1]), torch.arange(7, width - 1, 16)
    figures = {
        "error": (error.abs() * weight).sum() / weight.sum(),
        "beyond_5_percent": ((error.abs() > 0.05) * weight).sum() / weight.sum(),
    }
    for name, columns in (("seam", seam), ("inner", inner)):
        figures[f"{name}_step"] = steps[:, columns][near[:, columns]]
        figures[f"{name}_step_clear"] = steps[:, columns][both_clear[:, columns]]
    for name, row in (("top", 0), ("bottom", -1)):
        if bool(known[row].all()):
            figures[f"pole_{name}"] = error[row].median().abs()
    return figures


def planted(logs: Tensor, rng: np.random.Generator, bend: float) -> Tensor:
    """Scale each view by a factor of its own and bend it smoothly."""
    x = torch.linspace(-1, 1, logs.shape[-1])
    waves = torch.stack(torch.broadcast_tensors(x[None], x[:, None], x[None] ** 2, x[:, None] ** 2))
    addends = torch.from_numpy(rng.normal(0, 0.3, (len(logs), 1, 1)))
    bends = torch.from_numpy(rng.normal(0, bend, (len(logs), 4))).float()
    return (logs + addends + torch.einsum("vk,kij->vij", bends, waves)).float()


def by_host(comfyui: Path, logs: Tensor, known: Tensor, height: int) -> Tensor:
    """Merge with the host's function; its views are those of ``moge``."""
    sys.path.insert(0, str(comfyui))
    from comfy.ldm.moge.panorama import get_panorama_cameras, merge_panorama_depth

    extrinsics, intrinsics = get_panorama_cameras()
    depth, _ = merge_panorama_depth(
        2 * height, height, list(logs.exp().numpy()), list(known.numpy()), list(extrinsics), intrinsics
    )
    return torch.from_numpy(depth).clamp_min(1e-6).log()


def summary(name: str, found: Figures, seconds: list[float]) -> dict:
    """Print and return the figures of one set of views."""
    entry = {"name": f"{name}, CPU time", **common.spread(seconds)}
    print(f"{name}: {len(seconds)} panoramas, {entry['median_ms']:.0f} ms of CPU time each")
    for key, parts in found.items():
        values = torch.cat([part.reshape(-1) for part in parts])
        part = values.double().sort().values
        entry[key] = {
            "mean": float(part.mean()),
            "p95": float(part[int(0.95 * (len(part) - 1))]),
            "largest": float(part[-1]),
            "count": len(part),
        }
        print(f"  {key:18}" + "".join(f"  {label} {value:.5g}" for label, value in entry[key].items()))
    return entry


def main() -> int:
    """Measure."""
    parser = common.parser(__doc__)
    parser.add_argument("--views", nargs="+", choices=tuple(VIEW_SETS), default=list(VIEW_SETS))
    parser.add_argument("--panoramas", type=int, default=100)
    parser.add_argument("--height", type=int, default=128, help="rows of panoramas, and pixels of views")
    parser.add_argument("--set", choices=tuple(SETS), default="dev")
    parser.add_argument("--bend", type=float, default=0.0)
    parser.add_argument("--host", type=Path, metavar="DIR")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep exact distances here for another run")
    options = parser.parse_args()
    where, height = common.machine(), options.height
    sets = {name: make_views(name) for name in options.views}
    rows: dict[str, Figures] = {}
    seconds: dict[str, list[float]] = {}
    for family, seed in itertools.islice(scenes_of(options.set), 3 if options.quick else options.panoramas):
        kept = options.cache and options.cache / f"{family}_{seed}_{height}_{'_'.join(sets)}.pt"
        exact = torch.load(kept) if kept and kept.exists() else distances(family, seed, sets, height)
        if kept:
            torch.save(exact, kept)
        truth = exact[-1]
        if float(torch.isfinite(truth).float().mean()) < 0.05:
            continue
        for (name, views), seen in zip(sets.items(), exact[:-1], strict=True):
            known = torch.isfinite(seen)
            logs = planted(torch.where(known, seen, 0.0), np.random.default_rng(seed), options.bend)
            is_clear = clear(seen, truth, views)
            merges = {name: lambda a, b, v=views: merge_views(a, b.float(), v, height).log_distance}
            if options.host and name == "moge":
                merges["host"] = lambda a, b: by_host(options.host, a, b, height)
            for label, merge in merges.items():
                start = time.process_time()
                merged = merge(logs, known)
                seconds.setdefault(label, []).append(time.process_time() - start)
                for key, value in compare(merged, truth, is_clear).items():
                    rows.setdefault(label, {}).setdefault(key, []).append(value)
    results = [summary(name, found, seconds[name]) for name, found in rows.items()]
    checks = []
    for name, entry in zip(rows, results, strict=True):
        ratio = entry["inner_step_clear"]["p95"] / max(entry["seam_step_clear"]["p95"], 1e-9)
        poles = torch.stack(rows[name].get("pole_top", []) + rows[name].get("pole_bottom", []))
        if name != "host":
            checks.append(common.check(f"{name}: clear steps, inner columns over seam", ratio, least=0.8))
            checks.append(
                common.check(
                    f"{name}: share of poles within 1 %", float((poles < 0.01).float().mean()), least=1.0
                )
            )
    settings = {
        key: getattr(options, key) for key in ("views", "panoramas", "height", "set", "bend", "quick")
    }
    return common.finish("quality_merge", where, settings, results, checks, options.json)


if __name__ == "__main__":
    raise SystemExit(main())
