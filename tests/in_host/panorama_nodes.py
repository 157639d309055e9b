"""The panorama nodes, and core's MoGe nodes after them."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import comfy_extras.nodes_moge as moge_nodes
import folder_paths
import numpy as np
import pack
import torch
from PIL import Image
from safetensors.torch import save_file


def panoramas() -> dict[str, Any]:
    nodes = pack.nodes()

    base = Path(folder_paths.get_input_directory())
    base.mkdir(parents=True, exist_ok=True)
    (base.parent / "secret.png").write_bytes(b"x")
    (base / "sub").mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (32, 64, 4), dtype=np.uint8)).save(base / "sub" / "pano.png")
    Image.fromarray(rng.integers(0, 255, (32, 65, 3), dtype=np.uint8)).save(base / "odd.png")
    (base / "cut.png").write_bytes((base / "odd.png").read_bytes()[:600])
    np.save(base / "sub" / "pano_depth.npy", np.full((16, 32), 3.0, np.float32))
    np.save(base / "flat.npy", np.full((8, 16), 5.0))
    np.savez(base / "bad.npz", depth=np.full((8, 16), np.nan))

    out = {}
    PanoLoad, PanoDepth = nodes["PanoLoad"], nodes["PanoDepth"]
    widgets = {i.id: i.default for i in PanoDepth.GET_SCHEMA().inputs if hasattr(i, "default")}
    widgets.pop("source")

    def depth(panorama, source="auto", **more):
        return PanoDepth.execute(panorama, source, **{**widgets, "working_width": 256, **more}).result

    def load(image, file="with the panorama", width=4096):
        return PanoLoad.execute(image, file, width, 0.001).result[:2]

    sample, exact = load("sample: terrace", width=513)
    out["sample"] = [list(sample.shape), list(exact.shape), bool(torch.isinf(exact).any())]
    out["companion"] = float(load("sub/pano.png")[1].mean())
    out["no_depth"] = load("sub/pano.png", "none")[1] is None
    out["other_depth"] = float(load("sub/pano.png", "flat.npy")[1].mean())
    out["load_errors"] = [
        pack.error(lambda name=name: load(name))
        for name in ("odd.png", "cut.png", "../secret.png", "gone.png")
    ]
    out["file_errors"] = [
        pack.error(lambda name=name: load("sub/pano.png", name)) for name in ("../secret.png", "gone.npy")
    ]

    out["sample_mask"] = [
        list(PanoLoad.execute("sample: terrace", "none", 64, 0.001).result[2].shape),
        float(PanoLoad.execute("sample: terrace", "none", 64, 0.001).result[2].max()),
    ]
    rgb, _, mask, report = PanoLoad.execute("sub/pano.png", "with the panorama", 0, 0.001).result
    alpha = np.asarray(Image.open(base / "sub" / "pano.png"))[..., 3]
    out["mask"] = [
        float(np.abs(mask[0].numpy() - (1 - alpha / 255)).max()),
        list(rgb.shape),
        report.splitlines(),
    ]
    (base / "light.hdr").write_bytes(b"#?RADIANCE\n\n-Y 2 +X 4\n" + bytes((128, 128, 128, 128)) * 8)
    lit = [
        float(PanoLoad.execute("light.hdr", "none", 0, 0.001, exposure=e).result[0].mean())
        for e in (-1.0, 0.0)
    ]
    out["exposure"] = lit
    geometry, preview, distance, sky, report = depth(sample, depth=exact, scale="camera height")
    out["shapes"] = [list(t.shape) for t in (preview, distance, sky)]
    out["metric"] = [geometry.is_metric, geometry.report["factor"]]
    out["sky_is_infinite"] = torch.equal(torch.isinf(distance), sky > 0.5)
    out["report"] = report
    moge = nodes["PanoGeometryToMoGe"].execute(geometry).result[0]
    mesh = moge_nodes.MoGePointMapToMesh.execute(moge, 0, 1, 0.04, True).result[0]
    out["mesh_lowest"] = float(mesh.vertices[0][:, 1].min())
    out["mesh_colors"] = mesh.texture is not None
    out["rendered"] = list(moge_nodes.MoGeRender.execute(moge, "depth_colored").result[0].shape)

    def source_of(**more):
        return depth(sample, **more)[4].splitlines()[0]

    image = torch.rand(1, 64, 128, 1).expand(-1, -1, -1, 3) * 0.9 + 0.1
    out["auto"] = [
        source_of(),
        source_of(depth_file="flat.npy"),
        source_of(depth_file="flat.npy", depth_image=image),
        source_of(depth=exact, depth_image=image),
        source_of(depth=exact, moge_geometry=moge),
        source_of(depth=exact, source="grounded"),
        source_of(depth=None),
    ]
    out["inverse"] = float(
        depth(
            sample,
            depth_image=torch.full((1, 8, 16, 3), 0.5),
            depth_image_type="inverse depth",
            depth_image_unit=3.0,
        )[0].depth_ray.mean()
    )
    relative = torch.linspace(0, 1, 16).expand(8, 16)[None, ..., None].expand(-1, -1, -1, 3)

    def ends(**more):
        return depth(sample, depth_image=relative, depth_image_type="inverse depth", **more)

    out["relative"] = [ends()[4], ends(depth_image_near=1.5, depth_image_far=6.0)[4]]
    far_map = 2 + torch.rand(8, 16)
    far_map[:3] = 1e10
    np.savez(base / "many.npz", points=np.zeros((8, 16, 3)), other=far_map, mine=far_map)

    def found(**more):
        return depth(sample, depth_file="many.npz", **more)

    out["marked"] = [
        float(found(depth_channel="mine", **more)[3].mean()) for more in ({}, {"far_value": "2.5"})
    ]
    out["named"] = found(depth_channel="mine")[4]
    out["unclear"] = pack.error(found)
    out["depth_errors"] = [
        pack.error(lambda: depth(sample, "moge geometry")),
        pack.error(lambda: depth(sample, "depth")),
        pack.error(lambda: depth(sample, "depth file")),
        pack.error(lambda: depth(sample, "depth file", depth_file="../secret.npy")),
        pack.error(lambda: depth(sample, "depth file", depth_file="bad.npz")),
        pack.error(lambda: depth(sample[:, :-1], depth=exact)),
        pack.error(lambda: depth(sample[:, :1, :2])),
        pack.error(lambda: depth(sample[:0])),
        pack.error(lambda: depth(sample.repeat(2, 1, 1, 1))),
        pack.error(lambda: depth(sample * math.nan)),
        pack.error(lambda: depth(sample, depth=exact.repeat(3, 1, 1))),
        pack.error(lambda: depth(sample, depth=exact[:, :, :-1])),
        pack.error(lambda: depth(sample, depth=torch.ones(1, 8, 16), scale="camera height")),
    ]
    out["by_name"] = pack.error(lambda: depth(sample, "learned"))
    out["advice"] = depth(sample)[4].splitlines()[-1]
    out["backbones"] = _backbones(depth, sample)
    out["learned"] = _learned(depth, sample)
    before = (
        PanoDepth.fingerprint_inputs(depth_file="flat.npy", source="auto"),
        PanoLoad.fingerprint_inputs("sub/pano.png", "flat.npy", 0, 0.1),
    )
    os.utime(base / "flat.npy", (1, 1))
    after = (
        PanoDepth.fingerprint_inputs(depth_file="flat.npy", source="auto"),
        PanoLoad.fingerprint_inputs("sub/pano.png", "flat.npy", 0, 0.1),
    )
    out["fingerprint_changes"] = [a != b for a, b in zip(before, after, strict=True)]
    out["combos"] = [i.options for i in PanoLoad.GET_SCHEMA().inputs if i.id in ("image", "depth_file")]
    return out


def _backbones(depth: Callable[..., Any], sample: torch.Tensor) -> dict[str, Any]:
    """What the widget offers without, with one and with two files, and what becomes of names that are none of them."""
    folder = Path(folder_paths.get_input_directory()).parent / "backbones"
    (folder / "sub").mkdir(parents=True, exist_ok=True)
    folder_paths.add_model_folder_path("clip_vision", str(folder))
    PanoDepth = pack.nodes()["PanoDepth"]

    def offered() -> list[str]:
        return next(i.options for i in PanoDepth.GET_SCHEMA().inputs if i.id == "backbone")

    out = {
        "none": offered(),
        "missing": pack.error(lambda: depth(sample, "learned", backbone="gone.safetensors")),
    }
    header = {
        "embeddings.mask_token": torch.zeros(1, 384),
        "embeddings.cls_token": torch.zeros(1, 1, 384),
        "encoder.layer.0.layer_scale1.lambda1": torch.zeros(384),
    }
    save_file(header, folder / "sub" / "model.safetensors")
    save_file(header, folder.parent / "outside.safetensors")
    save_file({"other": torch.zeros(1)}, folder / "clip_vision_h.safetensors")
    out["one"] = offered()
    out["outside"] = pack.error(lambda: depth(sample, "learned", backbone="../outside.safetensors"))
    out["advice"] = depth(sample, backbone="../outside.safetensors")[4].splitlines()[-1]
    out["found"] = [
        Path(PanoDepth.fingerprint_inputs(source="auto", backbone=name)[1]).name
        for name in ("auto", "dinov2_small.safetensors", "sub/model.safetensors", "../outside.safetensors")
    ]
    shutil.rmtree(folder)
    folder_paths.folder_names_and_paths["clip_vision"][0].remove(str(folder))
    return out


def _learned(depth: Callable[..., Any], sample: torch.Tensor) -> list[Any]:
    """The node's own route with networks of the real architecture and the smallest size."""
    host = sys.modules[f"{pack.load_nodes()['PanoDepth'].__module__.rpartition('.')[0]}._host_depth"]
    core = host.LearnedDepth.__module__.removesuffix(".depth.learned.estimate")
    head, dinov2 = (sys.modules[f"{core}.{name}"] for name in ("depth.learned.head", "features.dinov2"))
    small = head.DepthHeadConfig(
        feature_width=64, layers=(0,), width=24, blocks=1, heads=2, coarse=16, middle=16, fine=16
    )
    backbone = dinov2.Dinov2(dinov2.Dinov2Config(width=64, depth=1))
    tiny = head.DepthHead(small).eval()
    tiny.out.bias.data[2] = -9.0  # no sky
    host.load_learned = lambda folders, **_: host.LearnedDepth(backbone, tiny, "tiny")
    names = ("geometry", "preview", "distance", "sky", "report")
    found = dict(zip(names, depth(sample, working_width=64), strict=True))
    return [found["report"], list(found["distance"].shape), found["geometry"].is_metric]
