"""Another look for a world: colors refitted to edited views that differ from view to view.

    python benchmarks/quality_restyle.py [--scenes dev|judge] [--pictures DIR] [--json]

A world of layers (300,000 splats, from one panorama with exact distances) of the shipped sample and of a hard scene
(`hard_scenes.py`; nothing was tuned on *judge*). The views that cover it are edited by a fixed map of colors and then,
each view on its own, by random hue, gain and gamma and by light that varies over the picture: what a model does that
edits one view at a time. The refitted world is compared with the edit alone, from the views and from others.
``objects`` adds ten disks of random color to every view instead: things that no other view confirms.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor

from benchmarks import common
from benchmarks.hard_scenes import HARD_SCENES, hard_scene
from matrix3d_core.depth.panorama_depth import geometry_from_depth
from matrix3d_core.evaluation.truth import SAMPLE
from matrix3d_core.io.images import write_image
from matrix3d_core.layers.complete import split_panorama
from matrix3d_core.layers.splats import gaussians_from_layers
from matrix3d_core.layers.split import find_foreground
from matrix3d_core.metrics.image import psnr
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.scene.camera import Equirect
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.splats.evaluation_views import evaluation_views, pictures
from matrix3d_core.styles.covering_views import covering_views
from matrix3d_core.styles.observed_colors import color_spread, observe_colors
from matrix3d_core.styles.restyle import restyle_gaussians
from matrix3d_core.synth.families import make_scene
from matrix3d_core.synth.render import render_scene
from matrix3d_core.synth.sample_scene import render_erp

ROWS, MOST, VIEWS, SIZE_PX, HELD = 512, 300_000, 16, 256, 12


def geometry_of(name: str) -> PanoramaGeometry:
    """Return the panorama of a scene with exact distances, at the origin."""
    if name == SAMPLE:
        rgb, depth = render_erp(torch.zeros(3, dtype=torch.float64), ROWS, 2 * ROWS, samples=2)[:2]
    else:
        family, seed = name.rsplit("-", 1)
        pose = hard_scene(name).trajectory.camera_from_world[0]
        seen = render_scene(make_scene(family, int(seed)), Equirect((ROWS, 2 * ROWS)), pose, samples=4)
        rgb, depth = seen.rgb.clamp(0, 1), seen.depth_ray
    return geometry_from_depth(rgb, depth, is_metric=True, repair_components=False)


def edit(picture: Tensor) -> Tensor:
    """Return the look that all views share: mixed channels, another gamma."""
    mix = torch.tensor(((0.6, 0.3, 0.2), (0.2, 0.6, 0.1), (0.3, 0.1, 0.8)))
    return (picture @ mix.mT).clamp(0, 1) ** 1.4


def each_its_own(picture: Tensor, seed: int) -> Tensor:
    """Turn the hue by up to 20 degrees; gamma, gain of each channel, and light in 4x4 places."""
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return 2 * torch.rand(*shape, generator=rng) - 1

    angle, k = math.radians(20) * float(draw(1)), 1 / math.sqrt(3)
    skew = torch.tensor(((0, -k, k), (k, 0, -k), (-k, k, 0)))
    turn = torch.eye(3) + math.sin(angle) * skew + (1 - math.cos(angle)) * skew @ skew
    own = (picture @ turn.mT).clamp(0, 1) ** float(torch.exp(0.25 * draw(1))) * torch.exp(0.15 * draw(3))
    light = torch.nn.functional.interpolate(
        0.12 * draw(1, 3, 4, 4), (picture.shape[0], picture.shape[1]), mode="bicubic", align_corners=False
    )
    return (own + light[0].permute(1, 2, 0)).clamp(0, 1)


def objects(picture: Tensor, seed: int) -> Tensor:
    """Return the picture with ten disks of random color."""
    rng, size = torch.Generator().manual_seed(seed), picture.shape[0]
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    changed = picture.clone()
    for _ in range(10):
        a, b, radius = torch.rand(3, generator=rng).tolist()
        disk = (x - a * size) ** 2 + (y - b * size) ** 2 < (size * (0.02 + 0.05 * radius)) ** 2
        changed[disk] = torch.rand(3, generator=rng)
    return changed


def shots(world: Gaussians, path: Trajectory) -> Tensor:
    """Return a world's pictures from all poses."""
    drawn = [render_view(world, p, path.camera(k)) for k, p in enumerate(path.camera_from_world)]
    return torch.stack([seen.rgb.clamp(0, 1) for seen in drawn])


def main() -> int:
    """Run the benchmark from the command line."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--scenes", choices=list(HARD_SCENES), default="judge")
    options.add_argument("--pictures", type=Path)
    given = options.parse_args()
    where, entries, checks = common.machine(), [], []
    names = (SAMPLE,) if given.quick else (SAMPLE, HARD_SCENES[given.scenes][0])
    for name in names:
        geometry = geometry_of(name)
        world = gaussians_from_layers(
            split_panorama(geometry, find_foreground(geometry, 2)), max_gaussians=MOST
        )
        start = time.perf_counter()
        found = covering_views(world, views=VIEWS, size_px=SIZE_PX)
        covering = time.perf_counter() - start
        path, held = found.trajectory, evaluation_views(world, None, count=HELD, size_px=SIZE_PX)[1]
        before = shots(world, path)
        true, true_held = edit(before), edit(pictures(world, held))
        messy = torch.stack([each_its_own(p, 100 + k) for k, p in enumerate(true)])
        odd = torch.stack([objects(p, 500 + k) for k, p in enumerate(true)])
        own = color_spread(observe_colors(world, list(before), path))
        ways = {
            "matched": (messy, True),
            "mean alone": (messy, False),
            "consistent edit": (true, True),
            "objects": (odd, True),
        }
        rows = [torch.cat(list(p[:6]), 1) for p in (before, true, messy)]
        for way, (edited, correct) in ways.items():
            start = time.perf_counter()
            done = restyle_gaussians(world, edited, path, correct=correct)
            seconds = time.perf_counter() - start
            fixed = zip(world.tensors()[:4], done.gaussians.tensors()[:4], strict=True)
            drawn = shots(done.gaussians, path)
            entry = {
                "coverage": found.coverage,
                "seen": float(done.is_seen.float().mean()),
                "spread of the world itself": own,
                "spread before": done.spread_before,
                "spread after": done.spread_after,
                "PSNR of the edited views": min(float(psnr(edited, true)), 99.0),
                "PSNR at the views": float(psnr(drawn, true)),
                "PSNR beside them": float(psnr(pictures(done.gaussians, held), true_held)),
                "geometry is the same": all(torch.equal(a, b) for a, b in fixed),
                "covering seconds": covering,
            }
            entries.append({"name": f"{name} {way}", **common.spread([seconds]), **entry})
            print(
                f"{name} {way}: {seconds:.1f} s, "
                + ", ".join(f"{k} {v:.4g}" for k, v in entry.items() if not isinstance(v, bool)),
                flush=True,
            )
            rows.append(torch.cat(list(drawn[:6]), 1))
            if way == "matched":
                checks.append(
                    common.check(
                        f"{name}: spread before over after", done.spread_before / done.spread_after, least=2.0
                    )
                )
            checks.append(common.check(f"{name} {way}: geometry", entry["geometry is the same"], least=1))
        if given.pictures:
            given.pictures.mkdir(parents=True, exist_ok=True)
            write_image(given.pictures / f"restyle-{name}.png", torch.cat(rows))
    settings = {"set": given.scenes, "rows": ROWS, "views": VIEWS, "size_px": SIZE_PX, "max_gaussians": MOST}
    return common.finish("quality_restyle", where, settings, entries, checks, given.json)


if __name__ == "__main__":
    raise SystemExit(main())
