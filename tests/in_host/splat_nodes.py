"""GSOptimize and SplatRender, and core's own splat nodes after them."""

from __future__ import annotations

import dataclasses
from typing import Any

import comfy.model_management as mm
import comfy_extras.nodes_gaussian_splat as core_splat
import pack
import torch

from matrix3d_core.optimize.config import OPTIMIZE_PRESETS, preset_config
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory


def fits_and_renders() -> dict[str, Any]:
    nodes = pack.nodes()

    torch.manual_seed(0)
    pose = torch.eye(4, dtype=torch.float64).repeat(5, 1, 1)
    pose[:, 2, 3] = -0.05 * torch.arange(5)
    path = Trajectory(pose)
    rgb = torch.nn.functional.interpolate(torch.rand(1, 3, 6, 12), (24, 48), mode="bilinear")[0].permute(
        1, 2, 0
    )
    distance = torch.full((24, 48), 3.0)
    geometry = PanoramaGeometry(rgb, distance, distance > 0, distance < 0)
    frames = rgb.expand(5, -1, -1, -1).clone()
    depth = distance.expand(5, -1, -1)
    mask = torch.ones(5, 24, 48)
    GSOptimize, SplatRender, GSOptimizeSettings = (
        nodes["GSOptimize"],
        nodes["SplatRender"],
        nodes["GSOptimizeSettings"],
    )
    pack.stand_in_graph(core_splat.GetSplatCount)
    small = dict(preset="draft", iterations=8, max_gaussians=600, crop_size=32, backend="auto", seed=3)

    def fit(**more):
        return GSOptimize.execute(
            **{**dict(frames=frames, trajectory=path, geometry=geometry, **small), **more}
        )

    out = {}
    done = fit(depth=depth, mask=mask)
    splat, report, preview = done.result[:3]
    out["report"] = report
    out["shapes"] = [
        list(t.shape) for t in (splat.positions, splat.scales, splat.rotations, splat.opacities, splat.sh)
    ]
    out["preview"] = list(preview.shape)
    out["ui"] = list(pack.ui(done))
    more = fit(geometry=None, initial=splat, settings={"depth_from_frames": "off"}, resume=False).result
    out["continued"] = more[1]
    pictures, alpha, _ = SplatRender.execute(splat, path, 48, 32, 90.0, 2, "auto").result
    out["render"] = [
        list(pictures.shape),
        list(alpha.shape),
        float(pictures.min()),
        float(pictures.max()),
        float(alpha.mean()),
    ]
    out["count"] = [v for v in core_splat.GetSplatCount.execute(splat).result if isinstance(v, int)]
    rgba = torch.cat((frames, torch.ones(5, 24, 48, 1)), -1)
    out["alpha_frames"] = pack.error(lambda: fit(frames=rgba, depth=depth, mask=mask))
    out["errors"] = [
        pack.error(lambda: fit(frames=frames[:2])),
        pack.error(lambda: fit(frames=frames[:, :, :40])),
        pack.error(lambda: fit(frames=frames[:0])),
        pack.error(lambda: fit(frames=frames * float("nan"))),
        pack.error(lambda: fit(geometry=None, settings={"depth_from_frames": "off"})),
        pack.error(lambda: fit(depth=depth[:, :5])),
        pack.error(lambda: fit(mask=mask[:1])),
        pack.error(lambda: fit(backend="gsplat")) if not torch.cuda.is_available() else None,
    ]
    defaults = {i.id: i.default for i in GSOptimizeSettings.define_schema().inputs}

    def details(**changes):
        return GSOptimizeSettings.execute(**{**defaults, **changes}).result[0]

    out["untouched"] = {
        name: preset_config(name, **details()) == preset for name, preset in OPTIMIZE_PRESETS.items()
    }
    shown = [i.id for i in GSOptimize.define_schema().inputs if hasattr(i, "default")]
    shown = [
        "steps" if name == "iterations" else "crop_size_px" if name == "crop_size" else name for name in shown
    ]
    fields = {f.name for f in dataclasses.fields(OPTIMIZE_PRESETS["draft"])}
    out["without_widget"] = sorted(fields - set(shown) - set(defaults))
    out["twice"] = sorted(set(shown) & set(defaults))
    changed = fit(
        depth=depth, mask=mask, settings=details(ssim_lambda=0.5, key_frame_stride=2), exposure="gain"
    ).result[1]
    out["changed"] = changed
    out["plain_widgets"] = [
        i.id for i in GSOptimize.define_schema().inputs if hasattr(i, "default") and not i.advanced
    ]
    out["bad_settings"] = [
        pack.error(lambda: details(fov_max_deg=20.0)),
        pack.error(lambda: details(densify_from=2.0)),
        pack.error(lambda: details(source_ratio=-0.5)),
    ]
    mm.interrupt_current_processing(True)
    out["interrupted"] = pack.error(lambda: fit())
    mm.interrupt_current_processing(True)
    out["render_interrupted"] = pack.error(lambda: SplatRender.execute(splat, path, 48, 32, 90.0, 1, "auto"))
    return out
