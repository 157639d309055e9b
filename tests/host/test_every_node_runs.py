"""Every node of the pack runs in the real host with work to do, and its result shows that it did some.

`RUNS` says for each node what to look at in one of two graphs: something that it made, something that differs from
what went in, or a number in its report that is not 0. A node without a line there fails the last test.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from matrix3d_core.io.ply import write_ply
from matrix3d_core.io.ply_sequence import write_ply_sequence
from matrix3d_core.scene.gaussians import Gaussians

pytestmark = [pytest.mark.host]

SCHEMAS = Path(__file__).resolve().parents[1] / "data" / "node_schemas.json"
POSES = [np.eye(4).tolist(), [[1, 0, 0, 0.1], [0, 1, 0, 0], [0, 0, 1, 0.2], [0, 0, 0, 1]]]

SELECTED = '{"operations": [{"op": "box", "center": [0, 0, 0], "size": [2, 9, 2]}]}'
DRAWN = '{"keys": [[0, 0, 0, 0, 0], [0, 0, 0.3, 0, 0]]}'


@dataclass(frozen=True)
class Run:
    """What shows that a node worked.

    Attributes:
        look: node of the graph and number of its output.
        unlike: another output of the same type that it must differ from; None when it has only to be there.
        says: pattern that the text of ``look`` must hold.
    """

    look: tuple[str, int]
    unlike: tuple[str, int] | None = None
    says: str = ""


RUNS = {
    "PanoLoad": Run(("pano", 0)),
    "PanoDepth": Run(("depth", 1), unlike=("pano", 0)),
    "PanoGeometryToMoGe": Run(("moge", 0), says="tensor"),
    "PanoMergeViews": Run(("merged_views", 1), says=r"views differ by \d"),
    "PanoView": Run(("view", 0), unlike=("pano", 0)),
    "PanoCrops": Run(("crops", 0)),
    "PanoToCubemap": Run(("cubes", 0)),
    "CubemapToPano": Run(("uncubed", 0)),
    "PanoCanonicalize": Run(("turned", 0), unlike=("pano", 0)),
    "PanoProject": Run(("canvas", 0), unlike=("view", 0)),
    "PanoComposite": Run(("composite", 0), unlike=("negative", 0)),
    "PanoUpscale": Run(("upscaled", 0), unlike=("pano", 0)),
    "PhotoLoad": Run(("photo", 0)),
    "PhotoToPanorama": Run(("around", 1), unlike=("snap", 0)),
    "PanoSeamMetric": Run(("seam", 2), says=r"[1-9]"),
    "PanoPreview": Run(("pano_preview", 1), unlike=("pano", 0)),
    "PanoClipImage": Run(("clip_image", 0), unlike=("pano", 0)),
    "TrajectoryPreset": Run(("path", 0)),
    "TrajectoryFromKeyframes": Run(("keyed", 0), unlike=("path", 0)),
    "TrajectoryEdit": Run(("reversed", 0), unlike=("path", 0)),
    "TrajectoryJoin": Run(("joined", 0), unlike=("path", 0)),
    "TrajectoryLoad": Run(("loaded", 0), unlike=("path", 0)),
    "TrajectoryPlace": Run(("placed", 0), unlike=("path", 0)),
    "TrajectoryToCamera": Run(("camera", 0), says="position"),
    "TrajectoryFromCamera": Run(("filmed", 0)),
    "TrajectoryClearance": Run(("clear", 0), unlike=("long", 0)),
    "TrajectoryStudio": Run(("studio", 0), unlike=("path", 0)),
    "TrajectoryPreview": Run(("path_picture", 0)),
    "TrajectorySave": Run(("path_file", 0), says="trajectory"),
    "MeshGuidanceRender": Run(("guide", 0)),
    "PanoFill": Run(("fill", 0), unlike=("guide", 0)),
    "PanoLayers": Run(("layers", 4), says=r'"background"'),
    "PanoHDRI": Run(("hdri", 3), says=r"sun_found_by"),
    "WorldRelight": Run(("relit", 1), says=r'"is_night": true'),
    "LayersToSplats": Run(("instant", 1), says=r'"sky": [1-9]'),
    "LayersToMesh": Run(("layers_file", 0)),
    "LoadHunyuanWorldLayers": Run(("hunyuan", 0)),
    "PanoTexelComposite": Run(("texels", 0), unlike=("fill", 0)),
    "GSOptimizeSettings": Run(("fit", 1), says=r'"source_ratio": 0\.375'),
    "GSOptimize": Run(("fit", 0)),
    "SplatClean": Run(("clean", 0), unlike=("cloud", 0)),
    "SplatCrop": Run(("crop", 0), unlike=("cloud", 0)),
    "SplatLabel": Run(("labeled", 1), says=r'"pillar": [1-9]'),
    "WorldViews": Run(("world_views", 6), says=r'"coverage": 0\.[1-9]'),
    "WorldAnimate": Run(("spun", 1), says=r'"splats": 600'),
    "WorldAnimateFromVideo": Run(("video_colors", 0), unlike=("cloud", 0)),
    "SplatSequenceSave": Run(("sequence_files", 0), says=r'"frames": 4'),
    "SplatSequenceLoad": Run(("sequence", 1), says=r'"splats": \[\s*600'),
    "ImageStylize": Run(("stylized", 0), unlike=("world_views", 0)),
    "WorldRestyle": Run(("restyled", 0), unlike=("cloud", 0)),
    "SplatPrune": Run(("prune", 0), unlike=("cloud", 0)),
    "SplatLOD": Run(("level", 0), unlike=("cloud", 0)),
    "SplatTransform": Run(("moved", 0), unlike=("cloud", 0)),
    "SplatMerge": Run(("merged", 0), unlike=("cloud", 0)),
    "SplatMesh": Run(("mesh", 2), says=r'"faces": [1-9]'),
    "SplatRender": Run(("film", 0)),
    "SplatSave": Run(("cloud", 0)),
    "SplatLoad": Run(("cloud", 0)),
    "SplatPreview": Run(("splat_preview", 0), says="."),
    "WorldSelect": Run(("selected", 3), says=r'"chair": [1-9]'),
    "ObjectLoad": Run(("object", 0), says=r"\.glb"),
    "WorldPlace": Run(("with_object", 3), says=r'"splats": [1-9]'),
    "WorldErase": Run(("without", 5), says=r'"erased": [1-9]'),
    "WorldEdit": Run(("edited", 1), says=r'"recolored": [1-9]'),
    "WorldExtend": Run(("extended", 0), unlike=("pano", 0)),
    "LoopError": Run(("loop", 4), says=r'"psnr": \d'),
    "VideoMetrics": Run(("video_metrics", 2), says=r'"psnr": [1-9]'),
    "WorldMetrics": Run(("world_metrics", 3), says=r'"range_worst": \d'),
    "NextBestPath": Run(("next", 0), unlike=("path", 0)),
    "SceneClip": Run(("scene", 5), says=r"scene: courtyard, seed 3: [1-9]"),
    "DatasetExport": Run(("dataset", 1), says=r"[1-9]"),
    "VideoSave360": Run(("video", 0), says=r"\.mp4"),
    "PanoPrompt": Run(("words", 0), says="a harbor"),
    "MiniTextEncode": Run(("mini_words", 0), says="tensor"),
    "MiniVisionEncode": Run(("mini_conditioned", 3), says=r"[1-9]"),
    "PanoVAEEncode": Run(("decoded", 0), unlike=("pano", 0)),
    "PanoVAEDecode": Run(("decoded", 0), unlike=("pano", 0)),
    "PanoLoRA": Run(("lora", 1), says=r"[1-9]\d*"),
    "PanoVideoConditioning": Run(("conditioned", 3), says=r"[1-9]"),
    "PanoVideoSampler": Run(("sampled", 1), unlike=("fill", 0)),
    "LRMLoader": Run(("lrm", 1), says=r"[1-9]"),
    "LRMDecode": Run(("decoded_lrm", 0)),
}


def worlds(comfy):
    """Everything that needs no model."""
    node, width = comfy.node, 128
    guide, fill = ["guide", 0], ["fill", 0]
    geometry, path, cloud = ["depth", 0], ["path", 0], ["cloud", 0]
    small = {"width": width, "height": width // 2}
    layers = {name: ["layers", k] for k, name in enumerate(("images", "masks", "depth"))}
    camera_b = node("TrajectoryToCamera", trajectory=path, frame=4)
    return {
        "pano": node("PanoLoad", max_width=width),
        "depth": node("PanoDepth", panorama=["pano", 0], depth=["pano", 1]),
        "moge": node("PanoGeometryToMoGe", geometry=geometry),
        "view": node("PanoView", panorama=["pano", 0], width=64, height=48),
        "crops": node("PanoCrops", panorama=["pano", 0], size=32),
        "cubes": node("PanoToCubemap", panorama=["pano", 0], size=32),
        "uncubed": node("CubemapToPano", faces=["cubes", 0], width=width),
        "turned": node("PanoCanonicalize", panorama=["pano", 0], yaw=50.0),
        "canvas": node("PanoProject", image=["view", 0], width=width),
        "negative": node("ImageInvert", image=["pano", 0]),
        "composite": node("PanoComposite", panorama=["negative", 0], placement=["canvas", 2]),
        "seam": node("PanoSeamMetric", images=["negative", 0]),
        "pano_preview": node("PanoPreview", panorama=["pano", 0], width=64, height=48),
        "clip_image": node("PanoClipImage", image=["pano", 0], size="custom", width=64, height=32),
        "path": node("TrajectoryPreset", frames=5, distance_mode="units", distance=0.8),
        "long": node(
            "TrajectoryPreset",
            frames=9,
            distance_mode="units",
            distance=500.0,
            avoid_collisions=False,
            geometry=geometry,
        ),
        "keyed": node("TrajectoryFromKeyframes", frames=5),
        "reversed": node("TrajectoryEdit", trajectory=path, operation="reverse"),
        "joined": node("TrajectoryJoin", first=path, second=["reversed", 0]),
        "loaded": node("TrajectoryLoad", text=json.dumps(POSES)),
        "placed": node("TrajectoryPlace", trajectory=path, start_pose=["extended", 3]),
        "camera": node("TrajectoryToCamera", trajectory=path, frame=0),
        "camera_b": camera_b,
        "filmed": node("TrajectoryFromCamera", frames=5, camera_a=["camera", 0], camera_b=["camera_b", 0]),
        "clear": node("TrajectoryClearance", trajectory=["long", 0], geometry=geometry, height=128),
        "studio": node("TrajectoryStudio", geometry=geometry, frames=5, path=DRAWN),
        "path_picture": node("TrajectoryPreview", trajectory=path, height=128),
        "path_file": node("TrajectorySave", trajectory=path, filename_prefix="every/trajectory"),
        "guide": node(
            "MeshGuidanceRender", geometry=geometry, trajectory=path, width=width, mesh_width=width
        ),
        "fill": node("PanoFill", frames=guide, mask=["guide", 1], depth=["guide", 2], trajectory=path),
        "layers": node("PanoLayers", geometry=geometry),
        "instant": node("LayersToSplats", max_gaussians=5000, **layers),
        "hdri": node(
            "PanoHDRI", panorama=["pano", 0], geometry=geometry, format="hdr", filename_prefix="every/sky"
        ),
        "relit": node(
            "WorldRelight", splat=["instant", 0], panorama=["hdri", 0], is_hdri=True, hour=23.0, lamps="0 0 2"
        ),
        "layers_file": node("LayersToMesh", rows=32, filename_prefix="every/layers", **layers),
        "hunyuan": node("LoadHunyuanWorldLayers", folder="every_hunyuan"),
        "dark": node("ImageInvert", image=guide),
        "texels": node("PanoTexelComposite", frames=fill, guidance=["dark", 0], mask=["guide", 1]),
        "settings": node("GSOptimizeSettings", source_ratio=0.375),
        "fit": node(
            "GSOptimize",
            frames=fill,
            trajectory=path,
            geometry=geometry,
            depth=["fill", 1],
            mask=["guide", 1],
            settings=["settings", 0],
            iterations=8,
            max_gaussians=2000,
            crop_size=32,
            resume=False,
        ),
        "cloud": node("SplatLoad", file="every_node.ply"),
        "clean": node("SplatClean", splat=cloud, min_opacity=0.3),
        "crop": node("SplatCrop", splat=cloud, shape="sphere", radius=1.0),
        "labeled": node(
            "SplatLabel", splat=cloud, shape="sphere", radius=1.0, instance="pillar", label="object"
        ),
        "world_views": node("WorldViews", splat=cloud, views=3, size=32, trajectory=path),
        "spun": node("WorldAnimate", splat=cloud, motion="turn", of="everything", period=2.0),
        "spun_film": node("SplatRender", splat=["spun", 0], trajectory=path, **small),
        "video_colors": node(
            "WorldAnimateFromVideo",
            splat=cloud,
            frames=["spun_film", 0],
            trajectory=path,
            harmonics=1,
            rounds=1,
        ),
        "sequence_files": node(
            "SplatSequenceSave", splat=["spun", 0], fps=2.0, filename_prefix="every/sequence"
        ),
        "sequence": node("SplatSequenceLoad", folder="every_sequence"),
        "stylized": node("ImageStylize", images=["world_views", 0], style="evening"),
        "restyled": node("WorldRestyle", splat=cloud, edited=["stylized", 0], trajectory=["world_views", 4]),
        "prune": node("SplatPrune", splat=cloud, budget=200, views=4, view_size=32, refit_steps=4),
        "level": node("SplatLOD", splat=cloud, level=1, refit_steps=2),
        "moved": node("SplatTransform", splat=cloud, yaw=30.0),
        "merged": node("SplatMerge", splat_a=cloud, splat_b=["moved", 0]),
        "mesh": node("SplatMesh", splat=cloud, resolution=24, rows=48, views=4, min_faces=0),
        "film": node("SplatRender", splat=cloud, trajectory=path, stride=2, **small),
        "snap": node("SplatRender", splat=cloud, trajectory=path, stride=5, width=48, height=36),
        "photo": node("PhotoLoad", image="every_photo.png"),
        "around": node(
            "PhotoToPanorama",
            image=["snap", 0],
            depth=["snap", 2],
            fov=75.0,
            estimate_tilt=False,
            working_width=64,
            max_width=512,
        ),
        "selected": node("WorldSelect", splat=cloud, name="chair", operations=SELECTED),
        "object": node("ObjectLoad"),
        "with_object": node(
            "WorldPlace", splat=cloud, object=["object", 0], name="box", on_ground=False, height=0.3, z=1.0
        ),
        "without": node("WorldErase", splat=["labeled", 0], instance="pillar", refit_steps=2),
        "edited": node(
            "WorldEdit",
            splat=["without", 0],
            images=["without", 2],
            masks=["without", 3],
            trajectory=["without", 4],
            refit_steps=2,
        ),
        "splat_preview": node("SplatPreview", splat=cloud, trajectory=path),
        "extended": node("WorldExtend", splat=["fit", 0], trajectory=path, width=width),
        "loop": node(
            "LoopError", first=fill, first_trajectory=path, last=fill, last_trajectory=["reversed", 0]
        ),
        "video_metrics": node(
            "VideoMetrics", frames=fill, truth=guide, trajectory=path, poses=["reversed", 0]
        ),
        "world_metrics": node(
            "WorldMetrics", splat=["fit", 0], trajectory=path, frames=fill, scene="sample", limit=0.5
        ),
        "next": node("NextBestPath", geometry=geometry, frames=5, step=0.5, directions=4),
        "scene": node("SceneClip", family="courtyard", seed=3, frames=2, width=width, samples=1),
        "dataset": node(
            "DatasetExport",
            frames=fill,
            trajectory=path,
            crops="4 level crops",
            crop_size=32,
            stride=2,
            filename_prefix="every/dataset",
        ),
        "video": node("VideoSave360", frames=fill, filename_prefix="every/video"),
    }


def generated(comfy):
    """Everything that needs a model; the tiny ones have the architecture of the real ones."""
    node, small = comfy.node, {"width": 64, "height": 32}
    video = {"size": "custom", "encode_seam_mode": "none", **small}
    text = {name: [name, 0] for name in ("positive", "negative")}
    return {
        "pano": node("PanoLoad", max_width=128),
        "crops": node(
            "PanoCrops", panorama=["pano", 0], views="upstream depth (icosahedron)", fov=90.0, size=64
        ),
        "moge_model": node("LoadMoGeModel", model_name="moge_2_vitl_normal_fp16.safetensors"),
        "moge_views": node(
            "MoGeInference",
            moge_model=["moge_model", 0],
            image=["crops", 0],
            resolution_level=0,
            fov_x_degrees=90.0,
        ),
        "merged_views": node("PanoMergeViews", panorama=["pano", 0], moge_geometry=["moge_views", 0]),
        "upscaler": node("UpscaleModelLoader", model_name="tiny_upscaler.safetensors"),
        "upscaled": node("PanoUpscale", images=["pano", 0], upscale_model=["upscaler", 0], width=128),
        "flux_vae": node("VAELoader", vae_name="tiny_flux_vae.safetensors"),
        "encoded": node("PanoVAEEncode", images=["pano", 0], vae=["flux_vae", 0]),
        "decoded": node("PanoVAEDecode", latent=["encoded", 0], vae=["flux_vae", 0]),
        "model": node("UNETLoader", unet_name="tiny_wan21_i2v.safetensors"),
        "lora": node("PanoLoRA", model=["model", 0], lora_name="pano_video_gen_480p.ckpt"),
        "vae": node("VAELoader", vae_name="tiny_wan_vae.safetensors"),
        "clip": node("CLIPLoader", clip_name="tiny_umt5.safetensors", type="wan"),
        "words": node("PanoPrompt", prompt="a harbor"),
        "positive": node("CLIPTextEncode", clip=["clip", 0], text=["words", 0]),
        "negative": node("CLIPTextEncode", clip=["clip", 0], text=["words", 1]),
        "fill": node("EmptyImage", batch_size=5, color=0x808080, **small),
        "mask": node("ImageToMask", image=["fill", 0], channel="red"),
        "conditioned": node(
            "PanoVideoConditioning", vae=["vae", 0], frames=["fill", 0], mask=["mask", 0], **text, **video
        ),
        "sampled": node(
            "PanoVideoSampler",
            model=["lora", 0],
            vae=["vae", 0],
            frames=["fill", 0],
            mask=["mask", 0],
            steps=1,
            cfg=1.0,
            decode_seam_mode="none",
            **text,
            **video,
        ),
        "mini_words": node("MiniTextEncode", text="a harbor", model="video"),
        "mini_seen": node("MiniVisionEncode", image=["pano", 0]),
        "mini_conditioned": node(
            "PanoVideoConditioning",
            vae=["vae", 0],
            frames=["fill", 0],
            mask=["mask", 0],
            positive=["mini_words", 0],
            negative=["mini_words", 0],
            clip_vision_output=["mini_seen", 0],
            **video,
        ),
        "path": node("TrajectoryPreset", frames=5, distance_mode="units"),
        "lrm": node("LRMLoader", lrm_name="pano_lrm_480p.pt"),
        "latent": node("EmptyHunyuanLatentVideo", width=128, height=64, length=5),
        "decoded_lrm": node("LRMDecode", lrm=["lrm", 0], latent=["latent", 0], trajectory=["path", 0]),
    }


def watched(comfy, prompt):
    """The graph with a way to see each of its outputs that `RUNS` asks for."""
    kinds = {
        name: comfy.object_info(name)[name]["output"] for name in {n["class_type"] for n in prompt.values()}
    }
    for run in RUNS.values():
        for name, slot in filter(None, (run.look, run.unlike)):
            if name not in prompt or f"{name}.{slot}" in prompt:
                continue
            kind, ref = kinds[prompt[name]["class_type"]][slot], [name, slot]
            sink = f"{name}.{slot}"
            if kind == "IMAGE":
                prompt[sink] = comfy.node("SaveImage", images=ref, filename_prefix=f"every/{sink}_")
            elif kind == "SPLAT":
                prompt[sink] = comfy.node("SplatSave", splat=ref, filename_prefix=f"every/{sink}_")
            elif kind == "MATRIX3D_TRAJECTORY":
                prompt[sink] = comfy.node(
                    "TrajectorySave", trajectory=ref, filename_prefix=f"every/{sink}_", layout="matrix3d"
                )
            else:
                prompt[sink] = {"class_type": "PreviewAny", "inputs": {"source": ref}}
    return prompt


def cloud():
    """A shell of splats around the origin: some faint, two on each spot."""
    rng = torch.Generator().manual_seed(0)
    means = torch.nn.functional.normalize(torch.randn(300, 3, generator=rng), dim=-1)
    means *= 0.8 + 0.8 * torch.rand(300, 1, generator=rng)
    means = torch.cat((means, means))
    quats = torch.tensor([1.0, 0, 0, 0]).repeat(600, 1)
    colors, opacities = torch.rand(600, 3, generator=rng), 0.1 + 0.9 * torch.rand(600, generator=rng)
    return Gaussians.from_colors(means, quats, torch.full((600, 3), 0.1), opacities, colors)


@pytest.fixture(scope="module")
def shown(comfy):
    """What each watched output shows, by ``node.slot``."""
    write_ply(comfy.input_dir / "every_node.ply", cloud())
    Image.new("RGB", (48, 32), (90, 120, 150)).save(comfy.input_dir / "every_photo.png")
    write_ply_sequence(comfy.input_dir / "every_sequence", [cloud(), cloud()], 2, fps=4.0)
    folder = comfy.input_dir / "every_hunyuan"
    folder.mkdir(exist_ok=True)
    Image.new("RGB", (64, 32), (120, 90, 150)).save(folder / "full_image.png")
    results = {}
    for prompt in (worlds(comfy), generated(comfy)):
        prompt = watched(comfy, prompt)
        outputs = comfy.run(prompt, timeout=900)
        for sink in [name for name in prompt if "." in name]:
            if prompt[sink]["class_type"] == "PreviewAny":
                results[sink] = outputs[sink]["text"][0].encode()
                continue
            files = sorted((comfy.output_dir / "every").glob(f"{sink}_*"))
            files = [
                p
                for p in files
                if p.suffix in (".png", ".ply", ".json") and not p.name.endswith("world.json")
            ]
            results[sink] = b"".join(
                np.asarray(Image.open(p)).tobytes() if p.suffix == ".png" else p.read_bytes() for p in files
            )
    return results


@pytest.mark.parametrize("node", sorted(RUNS))
def test_it_runs_and_does_something(shown, node):
    run = RUNS[node]
    result = shown[f"{run.look[0]}.{run.look[1]}"]
    assert len(result) > 0
    if run.says:
        assert re.search(run.says, result.decode()), result.decode()[:500]
    if run.unlike is not None:
        assert result != shown[f"{run.unlike[0]}.{run.unlike[1]}"]


def test_no_node_is_left_out():
    assert sorted(RUNS) == sorted(json.loads(SCHEMAS.read_text(encoding="utf-8")))
