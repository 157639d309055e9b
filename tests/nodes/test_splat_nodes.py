"""GSOptimize and SplatRender inside of the real host's interpreter, with core's own splat nodes after them."""

from __future__ import annotations

import json

import pytest
from comfy_server import run_in_host

pytestmark = pytest.mark.host

CODE = r"""
import types
import torch
nodes = load_nodes()
import comfy.model_management as mm
import comfy_extras.nodes_gaussian_splat as core_splat
Trajectory = submodule("matrix3d_core.scene.trajectory").Trajectory
PanoramaGeometry = submodule("matrix3d_core.scene.panorama").PanoramaGeometry

torch.manual_seed(0)
pose = torch.eye(4, dtype=torch.float64).repeat(5, 1, 1)
pose[:, 2, 3] = -0.05 * torch.arange(5)
path = Trajectory(pose)
rgb = torch.nn.functional.interpolate(torch.rand(1, 3, 6, 12), (24, 48), mode="bilinear")[0].permute(1, 2, 0)
distance = torch.full((24, 48), 3.0)
geometry = PanoramaGeometry(rgb, distance, distance > 0, distance < 0)
frames = rgb.expand(5, -1, -1, -1).clone()
depth = distance.expand(5, -1, -1)
mask = torch.ones(5, 24, 48)
GSOptimize, SplatRender, GSOptimizeSettings = nodes["GSOptimize"], nodes["SplatRender"], nodes["GSOptimizeSettings"]
for node in (GSOptimize, SplatRender, core_splat.GetSplatCount):
    node.hidden = types.SimpleNamespace(unique_id=None, prompt=None, extra_pnginfo=None)
small = dict(preset="draft", iterations=8, max_gaussians=600, crop_size=32, backend="auto", seed=3)

def error(work):
    try:
        work()
    except BaseException as caught:  # the host stops work with one that is no Exception
        return [type(caught).__name__, str(caught)]

def fit(**more):
    return GSOptimize.execute(**{**dict(frames=frames, trajectory=path, geometry=geometry, **small), **more})

out = {}
done = fit(depth=depth, mask=mask)
splat, report, preview = done.result[:3]
out["report"] = report
out["shapes"] = [list(t.shape) for t in (splat.positions, splat.scales, splat.rotations, splat.opacities, splat.sh)]
out["preview"] = list(preview.shape)
out["ui"] = list(done.ui.as_dict()) if hasattr(done.ui, "as_dict") else list(done.ui)
more = fit(geometry=None, initial=splat, settings={"depth_from_frames": "off"}, resume=False).result
out["continued"] = more[1]
pictures, alpha, distances = SplatRender.execute(splat, path, 48, 32, 90.0, 2, "auto").result
out["render"] = [list(pictures.shape), list(alpha.shape), float(pictures.min()), float(pictures.max()), float(alpha.mean())]
out["count"] = [v for v in core_splat.GetSplatCount.execute(splat).result if isinstance(v, int)]
rgba = torch.cat((frames, torch.ones(5, 24, 48, 1)), -1)
out["alpha_frames"] = error(lambda: fit(frames=rgba, depth=depth, mask=mask))
out["errors"] = [
    error(lambda: fit(frames=frames[:2])),
    error(lambda: fit(frames=frames[:, :, :40])),
    error(lambda: fit(frames=frames[:0])),
    error(lambda: fit(frames=frames * float("nan"))),
    error(lambda: fit(geometry=None, settings={"depth_from_frames": "off"})),
    error(lambda: fit(depth=depth[:, :5])),
    error(lambda: fit(mask=mask[:1])),
    error(lambda: fit(backend="gsplat")) if not torch.cuda.is_available() else None,
]
defaults = {i.id: i.default for i in GSOptimizeSettings.define_schema().inputs}
def details(**changes):
    return GSOptimizeSettings.execute(**{**defaults, **changes}).result[0]
presets = submodule("matrix3d_core.optimize.config").OPTIMIZE_PRESETS
changed = submodule("matrix3d_core.optimize.config").preset_config
out["untouched"] = {name: changed(name, **details()) == preset for name, preset in presets.items()}
shown = [i.id for i in GSOptimize.define_schema().inputs if hasattr(i, "default")]
shown = ["steps" if name == "iterations" else "crop_size_px" if name == "crop_size" else name for name in shown]
import dataclasses
fields = {f.name for f in dataclasses.fields(presets["draft"])}
out["without_widget"] = sorted(fields - set(shown) - set(defaults))
out["twice"] = sorted(set(shown) & set(defaults))
told = fit(depth=depth, mask=mask, settings=details(ssim_lambda=0.5, key_frame_stride=2), exposure="gain").result[1]
out["told"] = told
out["plain_widgets"] = [i.id for i in GSOptimize.define_schema().inputs if hasattr(i, "default") and not i.advanced]
out["bad_settings"] = [
    error(lambda: details(fov_max_deg=20.0)),
    error(lambda: details(densify_from=2.0)),
    error(lambda: details(source_ratio=-0.5)),
]
mm.interrupt_current_processing(True)
out["interrupted"] = error(lambda: fit())
mm.interrupt_current_processing(True)
out["render_interrupted"] = error(lambda: SplatRender.execute(splat, path, 48, 32, 90.0, 1, "auto"))
result(out)
"""


@pytest.fixture(scope="module")
def seen(host_place, tmp_path_factory):
    """What the nodes gave, all from one interpreter."""
    return run_in_host(CODE, host_place, tmp_path_factory.mktemp("splat") / "base")


def test_fit_gives_a_core_splat_and_a_report(seen):
    report = json.loads(seen["report"])
    count = report["gaussians"]
    assert seen["shapes"] == [[1, count, 3], [1, count, 3], [1, count, 4], [1, count, 1], [1, count, 1, 3]]
    assert report["backend"] == "numba"
    assert report["steps"] == 8
    assert report["seed"] == 3
    assert report["gaussians"] <= 600
    assert seen["preview"] == [1, 384, 384, 3]
    assert "images" in seen["ui"]
    assert count in seen["count"]


def test_fit_continues_a_splat(seen):
    report = json.loads(seen["continued"])
    assert report["gaussians_initial"] == {"given": json.loads(seen["report"])["gaussians"]}


def test_untouched_settings_change_no_preset(seen):
    assert seen["untouched"] == {"draft": True, "standard": True, "high": True}


def test_every_setting_has_one_widget(seen):
    assert seen["without_widget"] == []
    assert seen["twice"] == []
    assert len(seen["plain_widgets"]) <= 6


def test_settings_reach_the_fit(seen):
    settings = json.loads(seen["told"])["settings"]
    assert settings["ssim_lambda"] == 0.5
    assert settings["key_frame_stride"] == 2
    assert settings["exposure"] == "gain"
    assert settings["steps"] == 8


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "fov_min_deg and fov_max_deg must be ascending"), (1, "densify_from"), (2, "source_ratio must lie")],
)
def test_wrong_settings_are_named_at_once(seen, number, words):
    assert words in seen["bad_settings"][number][1]


def test_render_follows_the_path(seen):
    frames, alpha, low, high, coverage = seen["render"]
    assert frames == [3, 32, 48, 3]
    assert alpha == [3, 32, 48]
    assert 0 <= low < high <= 1
    assert coverage > 0.9


def test_an_alpha_channel_is_dropped(seen):
    assert seen["alpha_frames"] is None


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "same length; got 2 frames and 5 poses"),
        (1, "twice as wide"),
        (2, "at least 1 picture"),
        (3, "finite"),
        (4, "got no geometry, no depth and no initial splat"),
        (5, "depth must have shape [5, 24, 48]"),
        (6, "mask must have shape [5, 24, 48]"),
        (7, "gsplat: needs a CUDA device"),
    ],
)
def test_wrong_inputs_are_named(seen, number, words):
    if seen["errors"][number] is None:
        pytest.skip("this machine could run gsplat")
    assert words in seen["errors"][number][1]


def test_stop_is_the_hosts_own_exception(seen):
    assert seen["interrupted"][0] == "InterruptProcessingException"
    assert seen["render_interrupted"][0] == "InterruptProcessingException"
