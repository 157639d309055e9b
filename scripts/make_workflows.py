"""Write the workflow templates in ``workflows/`` from the short descriptions below.

The widget order of a saved workflow is the order of a node's schema, so the files are made from a
running host's ``/object_info`` instead of by hand:

    python scripts/make_workflows.py http://127.0.0.1:8188
    python scripts/make_workflows.py http://127.0.0.1:8188 --measure   # after nodes got more or fewer widgets

``--measure`` looks at the nodes in both of the front end's renderers first (playwright and chromium).
Pictures of the templates: ``scripts/screenshots.py``.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflow_api import graphs_of
from workflow_file import (
    GOLD,
    GREEN,
    HEIGHTS_FILE,
    Column,
    Graph,
    Group,
    Inlet,
    Node,
    Part,
    Ref,
    note,
)
from workflow_file import ui_workflow as write_graph

WORKFLOWS = Path(__file__).resolve().parents[1] / "workflows"

LORA_TEXT = "text2panoimage_lora.safetensors"
LORA_PHOTO = "worldgen_img2scene.safetensors"
LORA_VIDEO = "pano_video_gen_480p.ckpt"
LRM = "pano_lrm_480p.pt"
MOGE = "moge_2_vitl_normal_fp16.safetensors"
BACKBONE = "dinov2_small.safetensors"  # called model.safetensors at its address; any name is found
SEED_OF_PANORAMA = 380  # upstream's own
HUB = "https://huggingface.co"
MODEL_FILES = {
    "flux1-dev.safetensors": (
        "diffusion_models",
        f"{HUB}/black-forest-labs/FLUX.1-dev/resolve/main/flux1-dev.safetensors",
    ),
    "flux1-fill-dev.safetensors": (
        "diffusion_models",
        f"{HUB}/black-forest-labs/FLUX.1-Fill-dev/resolve/main/flux1-fill-dev.safetensors",
    ),
    "ae.safetensors": ("vae", f"{HUB}/black-forest-labs/FLUX.1-schnell/resolve/main/ae.safetensors"),
    "clip_l.safetensors": (
        "text_encoders",
        f"{HUB}/comfyanonymous/flux_text_encoders/resolve/main/clip_l.safetensors",
    ),
    "t5xxl_fp8_e4m3fn.safetensors": (
        "text_encoders",
        f"{HUB}/comfyanonymous/flux_text_encoders/resolve/main/t5xxl_fp8_e4m3fn.safetensors",
    ),
    "wan2.1_i2v_480p_14B_fp8_e4m3fn.safetensors": (
        "diffusion_models",
        f"{HUB}/Comfy-Org/Wan_2.1_ComfyUI_repackaged/resolve/main/split_files/diffusion_models/"
        "wan2.1_i2v_480p_14B_fp8_e4m3fn.safetensors",
    ),
    "umt5_xxl_fp8_e4m3fn_scaled.safetensors": (
        "text_encoders",
        f"{HUB}/Comfy-Org/Wan_2.1_ComfyUI_repackaged/resolve/main/split_files/text_encoders/"
        "umt5_xxl_fp8_e4m3fn_scaled.safetensors",
    ),
    "wan_2.1_vae.safetensors": (
        "vae",
        f"{HUB}/Comfy-Org/Wan_2.1_ComfyUI_repackaged/resolve/main/split_files/vae/wan_2.1_vae.safetensors",
    ),
    "clip_vision_h.safetensors": (
        "clip_vision",
        f"{HUB}/Comfy-Org/Wan_2.1_ComfyUI_repackaged/resolve/main/split_files/clip_vision/"
        "clip_vision_h.safetensors",
    ),
    BACKBONE: ("clip_vision", f"{HUB}/facebook/dinov2-small/resolve/main/model.safetensors"),
    MOGE: ("geometry_estimation", f"{HUB}/Comfy-Org/MoGe/resolve/main/geometry_estimation/{MOGE}"),
    LRM: ("matrix3d_lrm", f"{HUB}/Skywork/Matrix-3D/resolve/main/checkpoints/{LRM}"),
    LORA_TEXT: ("loras", f"{HUB}/Skywork/Matrix-3D/resolve/main/checkpoints/{LORA_TEXT}"),
    LORA_PHOTO: (
        "loras",
        f"{HUB}/LeoXie/WorldGen/resolve/main/models--WorldGen-Flux-Lora/{LORA_PHOTO}",
    ),
    LORA_VIDEO: ("loras", f"{HUB}/Skywork/Matrix-3D/resolve/main/checkpoints/{LORA_VIDEO}"),
}


NOT_FETCHED = "Older front ends offer no `.ckpt` and `.pt` files: fetch those by hand."


def files(*names: str) -> str:
    """Return a list of model files for a note: each with its page and its folder."""
    lines = ["\n\nFiles, and where they go:"]
    for name in names:
        folder, address = MODEL_FILES[name]
        lines.append(f"- [{name}]({address.replace('/resolve/', '/blob/')}): `models/{folder}`")
    if any(name.endswith((".ckpt", ".pt")) for name in names):
        lines.append(f"\n{NOT_FETCHED}")
    return "\n".join(lines)


FLUX_FILES = ("t5xxl_fp8_e4m3fn.safetensors", "clip_l.safetensors", "ae.safetensors")
WAN_FILES = (
    "wan2.1_i2v_480p_14B_fp8_e4m3fn.safetensors",
    LORA_VIDEO,
    "umt5_xxl_fp8_e4m3fn_scaled.safetensors",
    "wan_2.1_vae.safetensors",
    "clip_vision_h.safetensors",
)


def sample_stages(scale: str) -> dict[str, Node | Part]:
    """The shipped sample and its depth: keys load, depth."""
    return {
        "load": Node("PanoLoad"),
        "depth": Node(
            "PanoDepth", {"panorama": Ref("load"), "depth": Ref("load", 1), "scale": scale}, height=400
        ),
    }


def moge_stages(panorama: Ref | Inlet, scale: str) -> dict[str, Node | Part]:
    """MoGe's geometry of a panorama: keys moge_model, moge, depth."""
    return {
        "moge_model": Node("LoadMoGeModel", {"model_name": MOGE}),
        "moge": Node("MoGePanoramaInference", {"moge_model": Ref("moge_model"), "image": panorama}),
        "depth": Node(
            "PanoDepth",
            {
                "panorama": panorama,
                "moge_geometry": Ref("moge"),
                "source": "moge geometry",
                "scale": scale,
            },
            height=400,
        ),
    }


def splat_stages(prefix: str, preset: str = "fan") -> dict[str, Node | Part]:
    """From the geometry ``depth`` on, without a model: path, guidance, fill, fit, look, save."""
    geometry, path, fill, fit = Ref("depth"), Ref("path"), Ref("fill"), Ref("fit")
    return {
        "path": Node(
            "TrajectoryPreset",
            {"geometry": geometry, "preset": preset, "frames": 49, "distance_mode": "units", "distance": 3.0},
        ),
        "plot": Node("TrajectoryPreview", {"trajectory": path, "geometry": geometry}),
        "guide": Node(
            "MeshGuidanceRender",
            # Upstream's 5 % belongs to 1024 rows; at 480 the same surface jumps 1024 / 480 times as far.
            {"geometry": geometry, "trajectory": path},
        ),
        "fill": Node(
            "PanoFill",
            {"frames": Ref("guide"), "mask": Ref("guide", 1), "depth": Ref("guide", 2), "trajectory": path},
        ),
        "last": Node("ImageFromBatch", {"image": fill, "batch_index": 48, "length": 1}, title="Last frame"),
        "look_fill": Node("PreviewImage", {"images": Ref("last")}, title="Filled guidance"),
        "fit": Node(
            "GSOptimize",
            {
                "frames": fill,
                "trajectory": path,
                "geometry": geometry,
                "depth": Ref("fill", 1),
                "mask": Ref("guide", 1),
            },
        ),
        "world": Node(
            "SplatPreview",
            {"splat": fit, "trajectory": path, "geometry": geometry},
            title="Walk here",
            height=700,
        ),
        "ply": Node(
            "SplatSave", {"splat": fit, "trajectory": path, "filename_prefix": prefix, "format": "ply"}
        ),
        "spz": Node(
            "SplatSave", {"splat": fit, "trajectory": path, "filename_prefix": prefix, "format": "spz"}
        ),
        "flight": Node("SplatRender", {"splat": fit, "trajectory": path}),
        "video": Node("CreateVideo", {"images": Ref("flight"), "fps": 12.0}),
        "save_video": Node(
            "SaveVideo",
            {
                "video": Ref("video"),
                "filename_prefix": f"{prefix}_flythrough",
                "format": "mp4",
                "codec": "auto",
            },
        ),
        "first": Node(
            "ImageFromBatch", {"image": Ref("flight"), "batch_index": 0, "length": 1}, title="First frame"
        ),
        "save_image": Node(
            "SaveImage", {"images": Ref("first"), "filename_prefix": f"{prefix}_preview"}, height=390
        ),
    }


SPLAT_GROUPS = [
    Group("2 Camera path", [Column(["path", "plot"])]),
    Group("3 Guidance frames and fill", [Column(["guide", "fill"]), Column(["last", "look_fill"])]),
    Group("4 Gaussian splats", [Column(["fit", "flight"], 360)], GREEN),
    Group("5 Walk", [Column(["world", "first", "save_image"], 640)], GOLD),
    Group("6 Save", [Column(["ply", "spz", "video", "save_video"])], GOLD),
]


def panorama_to_world() -> Graph:
    text = (
        "**Panorama to world.** Press Run: the shipped sample becomes a world in a few minutes, without a GPU "
        "or a model. Then click into *Walk here* and use W A S D and the mouse.\n\n"
        "For your own picture choose it in *Load Panorama* (2:1). Without a depth file the geometry is a "
        "ground-plane and sky-dome proxy; for real geometry use the MoGe template."
    )
    nodes = {
        "note": note(text, 240),
        **sample_stages("camera height"),
        **splat_stages("matrix3d/world"),
    }
    first = Group("1 Panorama and depth", [Column(["note", "load"], 380), Column(["depth"], 380)])
    return Graph(nodes, [first, *SPLAT_GROUPS])


def instant_world() -> Graph:
    text = (
        "**Instant world.** Press Run: the shipped sample is split into sky, background and foreground, each completed "
        "behind the nearer ones, and becomes splats in seconds. Then click into *Walk here* and take a step or two.\n\n"
        "To let an inpainting model complete the layers, inpaint *images* of *Panorama Layers* where *filled* is 1 and "
        "give the result to *Layers to Splats*. Masks of your own (SAM 3) go into *foreground*."
    )
    geometry, layers = (
        Ref("depth"),
        {"images": Ref("layers"), "masks": Ref("layers", 1), "depth": Ref("layers", 2)},
    )
    nodes = {
        "note": note(text, 260),
        **sample_stages("camera height"),
        "layers": Node("PanoLayers", {"geometry": geometry}),
        "look": Node("PreviewImage", {"images": Ref("layers")}, title="Layers"),
        "splats": Node("LayersToSplats", {**layers, "filled": Ref("layers", 3)}),
        "world": Node(
            "SplatPreview", {"splat": Ref("splats"), "geometry": geometry}, title="Walk here", height=700
        ),
        "ply": Node(
            "SplatSave", {"splat": Ref("splats"), "filename_prefix": "matrix3d/instant", "format": "ply"}
        ),
        "glb": Node("LayersToMesh", {**layers, "filename_prefix": "matrix3d/layers"}),
    }
    groups = [
        Group("1 Panorama and depth", [Column(["note", "load"], 380), Column(["depth"], 380)]),
        Group("2 Layers", [Column(["layers", "look"], 380)]),
        Group("3 Splats", [Column(["splats", "ply", "glb"], 360)], GREEN),
        Group("4 Walk", [Column(["world"], 640)], GOLD),
    ]
    return Graph(nodes, groups)


def moge_panorama_to_world() -> Graph:
    text = (
        "**Panorama to world with MoGe depth.** The panorama's geometry comes from core's *Load MoGe Model*; "
        "without a GPU start ComfyUI with `--fp32-text-enc`, or it fails in half precision. Everything else is "
        "as in *panorama_to_world*."
    ) + files(MOGE)
    nodes = {
        "note": note(text, 260),
        "load": Node("PanoLoad"),
        **moge_stages(Ref("load"), "camera height"),
        **splat_stages("matrix3d/world"),
    }
    first = Group(
        "1 Panorama and depth",
        [Column(["note", "load", "moge_model"], 380), Column(["moge", "depth"], 380)],
    )
    return Graph(nodes, [first, *SPLAT_GROUPS])


FLUX_MODEL, FLUX_CLIP, FLUX_VAE = Ref("pano"), Ref("clip"), Ref("ae")


def flux_models(model: str, lora: str, seam: str) -> dict[str, Node | Part]:
    """The host's loaders for FLUX and the panorama LoRA: keys unet, clip, ae, pano."""
    return {
        "unet": Node("UNETLoader", {"unet_name": model}),
        "clip": Node(
            "DualCLIPLoader",
            {
                "clip_name1": "t5xxl_fp8_e4m3fn.safetensors",
                "clip_name2": "clip_l.safetensors",
                "type": "flux",
            },
        ),
        "ae": Node("VAELoader", {"vae_name": "ae.safetensors"}),
        "pano": Node("PanoLoRA", {"model": Ref("unet"), "lora_name": lora, "latent_roll": seam}),
    }


def flux_prompt(
    words: Ref | Inlet | str, guidance: float, clip: Ref | Inlet = FLUX_CLIP
) -> dict[str, Node | Part]:
    """The prompt, conditioned: keys positive, guided, nothing."""
    return {
        "positive": Node("CLIPTextEncode", {"clip": clip, "text": words}),
        "guided": Node("FluxGuidance", {"conditioning": Ref("positive"), "guidance": guidance}),
        "nothing": Node("ConditioningZeroOut", {"conditioning": Ref("positive")}),
    }


def flux_sampler(
    width: int,
    height: int,
    positive: Ref,
    negative: Ref,
    latent: Ref,
    seed: int,
    model: Ref | Inlet = FLUX_MODEL,
    vae: Ref | Inlet = FLUX_VAE,
) -> dict[str, Node | Part]:
    """Upstream's 50 Euler steps with FLUX's shift for the size, and the decode: keys shift, sampler, decode."""
    return {
        "shift": Node("ModelSamplingFlux", {"model": model, "width": width, "height": height}),
        "sampler": Node(
            "KSampler",
            {
                "model": Ref("shift"),
                "positive": positive,
                "negative": negative,
                "latent_image": latent,
                "seed": seed,
                "steps": 50,
                "cfg": 1.0,
                "sampler_name": "euler",
                "scheduler": "simple",
            },
        ),
        "decode": Node("PanoVAEDecode", {"latent": Ref("sampler"), "vae": vae}),
    }


SENTENCE = (
    "A quiet mountain village square at golden hour, cobblestones, a stone fountain, timber houses "
    "with flower boxes, snowy peaks behind."
)


def text_models() -> dict[str, Node | Part]:
    return flux_models("flux1-dev.safetensors", LORA_TEXT, "upstream t2p")


def text_stages(
    words: Ref | Inlet,
    model: Ref | Inlet = FLUX_MODEL,
    clip: Ref | Inlet = FLUX_CLIP,
    vae: Ref | Inlet = FLUX_VAE,
) -> dict[str, Node | Part]:
    """Sentence to panorama; the result is output 0 of ``front``."""
    guided, nothing, empty = Ref("guided"), Ref("nothing"), Ref("empty")
    return {
        **flux_prompt(words, 7.0, clip),
        "empty": Node("EmptySD3LatentImage", {"width": 1024, "height": 512}),
        **flux_sampler(1024, 512, guided, nothing, empty, SEED_OF_PANORAMA, model, vae),
        "front": Node("PanoCanonicalize", {"panorama": Ref("decode")}),
    }


def text_words() -> Node:
    return Node("PanoPrompt", {"preset": "text to panorama", "prompt": SENTENCE}, height=240)


def save_panorama(images: Ref) -> Node:
    return Node("SaveImage", {"images": images, "filename_prefix": "matrix3d/panorama"}, height=400)


def text_to_panorama() -> Graph:
    text = (
        "**Text to panorama.** FLUX.1 dev with the panorama LoRA, upstream's settings: 1024x512, 50 steps, "
        "guidance 7. *Load Panorama LoRA* rolls the latent between steps and *Panorama VAE Decode* is circular, "
        "so the left and right border match. *Level Panorama* rotates the scene to the front.\n\n"
        "Any FLUX.1 dev checkpoint works here, quantized ones too: swap the loader."
    ) + files("flux1-dev.safetensors", LORA_TEXT, *FLUX_FILES)
    nodes = {
        "note": note(text, 480),
        "words": text_words(),
        **text_models(),
        **text_stages(Ref("words")),
        "metric": Node("PanoSeamMetric", {"images": Ref("front")}),
        "save": save_panorama(Ref("front")),
    }
    return Graph(
        nodes,
        [
            Group("", [Column(["note"], 380)]),
            Group("1 Models", [Column(["unet", "clip", "ae", "pano"])]),
            Group("2 Prompt", [Column(["words", "positive", "guided", "nothing", "empty"], 380)]),
            Group(
                "3 Sample and decode circularly", [Column(["shift", "sampler"]), Column(["decode", "front"])]
            ),
            Group("4 Measure and save", [Column(["metric", "save"], 560)], GOLD),
        ],
    )


def photo_to_panorama() -> Graph:
    text = (
        "**Photo to panorama.** The photo is projected to the sphere, FLUX.1 Fill outpaints the rest, and the "
        "original photo is blended back in. Set the photo's horizontal field of view in *Project*; with MoGe, link its "
        "geometry instead. Upstream's settings: 1600x800, 50 steps, guidance 30."
    ) + files("flux1-fill-dev.safetensors", LORA_PHOTO, *FLUX_FILES)
    sampler = flux_sampler(1600, 800, Ref("inpaint"), Ref("inpaint", 1), Ref("inpaint", 2), 0)
    nodes = {
        "note": note(text, 420),
        "photo": Node("LoadImage", {"image": "example.png"}),
        **flux_models("flux1-fill-dev.safetensors", LORA_PHOTO, "upstream i2p"),
        "words": Node(
            "PanoPrompt",
            {"preset": "image to panorama", "prompt": "a quiet town street in summer"},
            height=240,
        ),
        **flux_prompt(Ref("words"), 30.0),
        "project": Node("PanoProject", {"image": Ref("photo")}),
        "inpaint": Node(
            "InpaintModelConditioning",
            {
                "positive": Ref("guided"),
                "negative": Ref("nothing"),
                "vae": Ref("ae"),
                "pixels": Ref("project"),
                "mask": Ref("project", 1),
                "noise_mask": False,
            },
        ),
        **sampler,
        "composite": Node("PanoComposite", {"panorama": Ref("decode"), "placement": Ref("project", 2)}),
        "metric": Node("PanoSeamMetric", {"images": Ref("composite")}),
        "save": save_panorama(Ref("composite")),
    }
    return Graph(
        nodes,
        [
            Group("", [Column(["note", "photo"], 380)]),
            Group("1 Models", [Column(["unet", "clip", "ae", "pano"])]),
            Group(
                "2 Prompt and photo",
                [Column(["words", "positive", "guided", "nothing"], 380), Column(["project"], 380)],
            ),
            Group(
                "3 Sample and decode circularly",
                [Column(["inpaint", "shift", "decode"]), Column(["sampler"])],
            ),
            Group(
                "4 Blend photo back in, measure, save",
                [Column(["composite"]), Column(["metric", "save"], 560)],
                GOLD,
            ),
        ],
    )


def guidance_stages(geometry: Ref | Inlet) -> dict[str, Node | Part]:
    """The path of a video and its guidance frames: keys path, plot, guide."""
    return {
        "path": Node("TrajectoryPreset", {"geometry": geometry, "frames": 81}),
        "plot": Node("TrajectoryPreview", {"trajectory": Ref("path"), "geometry": geometry}),
        "guide": Node(
            "MeshGuidanceRender",
            {
                "geometry": geometry,
                "trajectory": Ref("path"),
                "width": 1440,
                "mesh_width": 1440,
            },
        ),
    }


def wan_models() -> dict[str, Node | Part]:
    """The host's loaders for Wan and the video LoRA: keys wan, wan_lora, wan_vae, umt5, eyes."""
    return {
        "wan": Node("UNETLoader", {"unet_name": "wan2.1_i2v_480p_14B_fp8_e4m3fn.safetensors"}),
        "wan_lora": Node("PanoLoRA", {"model": Ref("wan"), "lora_name": LORA_VIDEO}),
        "wan_vae": Node("VAELoader", {"vae_name": "wan_2.1_vae.safetensors"}),
        "umt5": Node("CLIPLoader", {"clip_name": "umt5_xxl_fp8_e4m3fn_scaled.safetensors", "type": "wan"}),
        "eyes": Node("CLIPVisionLoader", {"clip_name": "clip_vision_h.safetensors"}),
    }


def wan_stages(words: str | Inlet, **given: Ref | Inlet) -> dict[str, Node | Part]:
    """Guidance frames to video; the frames are output 0 of ``real``.

    ``given``: panorama, geometry, trajectory, frames, mask; and model, vae, clip, clip_vision, where the
    loaders do not stand beside it.
    """
    clip = given.get("clip", Ref("umt5"))
    return {
        "small": Node("PanoClipImage", {"image": given["panorama"], "size": "480x960"}),
        "seen": Node(
            "CLIPVisionEncode",
            {"clip_vision": given.get("clip_vision", Ref("eyes")), "image": Ref("small"), "crop": "none"},
        ),
        "video_words": Node("PanoPrompt", {"preset": "video", "prompt": words}, height=220),
        "video_positive": Node("CLIPTextEncode", {"clip": clip, "text": Ref("video_words")}),
        "video_negative": Node("CLIPTextEncode", {"clip": clip, "text": Ref("video_words", 1)}),
        "video": Node(
            "PanoVideoSampler",
            {
                "model": given.get("model", Ref("wan_lora")),
                "vae": given.get("vae", Ref("wan_vae")),
                "positive": Ref("video_positive"),
                "negative": Ref("video_negative"),
                "frames": given["frames"],
                "mask": given["mask"],
                "start_image": given["panorama"],
                "clip_vision_output": Ref("seen"),
                "geometry": given["geometry"],
                "trajectory": given["trajectory"],
            },
        ),
        "video_report": Node("PreviewAny", {"source": Ref("video", 2)}, title="Sampled video"),
        "real": Node(
            "PanoTexelComposite",
            {"frames": Ref("video", 1), "guidance": given["frames"], "mask": given["mask"]},
        ),
    }


def film_stages(frames: Ref) -> dict[str, Node | Part]:
    return {
        "film": Node("CreateVideo", {"images": frames, "fps": 24.0}),
        "save_film": Node(
            "SaveVideo",
            {
                "video": Ref("film"),
                "filename_prefix": "matrix3d/panorama_video",
                "format": "mp4",
                "codec": "auto",
            },
        ),
    }


VIDEO_GROUPS = [
    Group("Path and guidance", [Column(["path", "plot", "guide"])]),
    Group(
        "Video models",
        [Column(["wan", "wan_lora"], 380), Column(["wan_vae", "umt5", "eyes", "small", "seen"], 380)],
    ),
    Group("Words", [Column(["video_words", "video_positive", "video_negative"], 380)]),
    Group("Sample", [Column(["video", "video_report"], 380)]),
    Group("Composite known pixels, save", [Column(["real", "film", "save_film"])], GOLD),
]

SAMPLE_WORDS = (
    "A terrace with terracotta tiles and a fountain, an arcade on the left, cypresses, lawns and green hills "
    "under a blue sky."
)


def sample_video(text: str, height: int) -> tuple[dict[str, Node | Part], list[Group]]:
    """The sample panorama as a panoramic video: nodes and groups to extend."""
    nodes = {
        "note": note(text, height),
        **sample_stages("geometric mean 1"),
        **guidance_stages(Ref("depth")),
        **wan_models(),
        **wan_stages(
            SAMPLE_WORDS,
            panorama=Ref("load"),
            geometry=Ref("depth"),
            trajectory=Ref("path"),
            frames=Ref("guide"),
            mask=Ref("guide", 1),
        ),
        **film_stages(Ref("real")),
    }
    return nodes, [
        Group("Panorama and depth", [Column(["note", "load"], 380), Column(["depth"], 380)]),
        *VIDEO_GROUPS,
    ]


def panorama_to_video() -> Graph:
    text = (
        "**Panorama to panoramic video.** Wan 2.1 I2V 14B (480p) with the panorama video LoRA follows the "
        "camera path through the scene's mesh. Where the mesh shows the panorama, its original pixels are "
        "composited back at full resolution. Upstream's settings: 81 frames of 960x480, 50 Euler steps, shift 5, CFG 5.\n\n"
        "Describe your scene in *Panorama Prompt*."
    ) + files(*WAN_FILES)
    return Graph(*sample_video(text, 480))


def fit_stages(
    frames: Ref | Inlet, path: Ref | Inlet, geometry: Ref | Inlet, mask: Ref | Inlet
) -> dict[str, Node | Part]:
    """Splats from video frames, with walking and saving: keys fit, world, ply."""
    fit = Ref("fit")
    return {
        "fit": Node(
            "GSOptimize",
            {
                "frames": frames,
                "trajectory": path,
                "geometry": geometry,
                "mask": mask,
                "preset": "standard",
            },
        ),
        "world": Node(
            "SplatPreview",
            {"splat": fit, "trajectory": path, "geometry": geometry},
            title="Walk here",
            height=700,
        ),
        "ply": Node(
            "SplatSave",
            {"splat": fit, "trajectory": path, "filename_prefix": "matrix3d/world", "format": "ply"},
        ),
    }


def panorama_video_to_world() -> Graph:
    text = (
        "**Panorama to world through video.** As *panorama_to_video*, then Gaussian splats fitted to the "
        "video, and the walk."
    ) + files(*WAN_FILES)
    nodes, groups = sample_video(text, 360)
    nodes |= fit_stages(Ref("real"), Ref("path"), Ref("depth"), Ref("guide", 1))
    world = Group("World", [Column(["fit", "ply"], 360), Column(["world"], 640)], GREEN)
    return Graph(nodes, [*groups, world])


def panorama_lrm_to_world() -> Graph:
    text = (
        "**Panorama to world, feed-forward.** As *panorama_to_video*, then the reconstruction model decodes the "
        "video's latent to splats in one pass; `matrix3d convert-lrm` makes a smaller file of it.\n\n"
        "The model expects a geometric mean distance of 1, which *PanoDepth* gives here, and 480x960 video. *Fine* refines its splats with a few hundred optimizer steps."
    ) + files(LRM, *WAN_FILES)
    path, depth = Ref("path"), Ref("depth")
    nodes, groups = sample_video(text, 520)
    nodes |= {
        "lrm": Node("LRMLoader", {"lrm_name": LRM}),
        "fast": Node(
            "LRMDecode",
            {"lrm": Ref("lrm"), "latent": Ref("video"), "trajectory": path},
        ),
        "fast_report": Node("PreviewAny", {"source": Ref("fast", 3)}, title="Decoded splats"),
        "depths": Node("PreviewImage", {"images": Ref("fast", 2)}, title="Decoded depth"),
        "fast_world": Node(
            "SplatPreview",
            {"splat": Ref("fast"), "trajectory": path},
            title="Fast: walk here",
            height=700,
        ),
        "fine": Node(
            "GSOptimize",
            {
                "frames": Ref("real"),
                "trajectory": path,
                "geometry": depth,
                "mask": Ref("guide", 1),
                "initial": Ref("fast"),
                "preset": "draft",
                "iterations": 400,
            },
        ),
        "fine_world": Node(
            "SplatPreview",
            {"splat": Ref("fine"), "trajectory": path},
            title="Fine: walk here",
            height=700,
        ),
        "ply": Node(
            "SplatSave",
            {"splat": Ref("fine"), "trajectory": path, "filename_prefix": "matrix3d/world", "format": "ply"},
        ),
    }
    return Graph(
        nodes,
        [
            *groups,
            Group(
                "Fast: one pass",
                [Column(["lrm", "fast", "fast_report"], 360), Column(["fast_world", "depths"], 640)],
                GREEN,
            ),
            Group("Fine: fitted", [Column(["fine", "ply"], 360), Column(["fine_world"], 640)], GREEN),
        ],
    )


def text_to_world_parts() -> dict[str, Part]:
    """The steps of `text_to_world`, each small enough to be read on a small screen."""
    flux = Graph(
        {"note": note(files("flux1-dev.safetensors", LORA_TEXT, *FLUX_FILES).strip(), 260), **text_models()},
        [
            Group(
                "Models for the panorama",
                [Column(["note", "ae", "unet"], 380), Column(["pano", "clip"], 380)],
            )
        ],
    )
    panorama = Graph(
        text_stages(*(Inlet(name) for name in ("words", "model", "clip", "vae"))),
        [
            Group("Words", [Column(["positive", "guided", "nothing", "empty"], 300)]),
            Group("Sample", [Column(["shift", "sampler"], 300)]),
            Group("Decode circularly, face forward", [Column(["decode"], 300), Column(["front"], 300)], GOLD),
        ],
    )
    geometry = Graph(
        {
            "note": note(files(MOGE).strip(), 130),
            **moge_stages(Inlet("panorama"), "geometric mean 1"),
        },
        [Group("Geometry", [Column(["note", "moge_model", "moge"], 380), Column(["depth"], 380)])],
    )
    guidance = Graph(
        guidance_stages(Inlet("geometry")),
        [
            Group("Path", [Column(["path"]), Column(["plot"], 420)]),
            Group("Guidance frames", [Column(["guide"])]),
        ],
    )
    wan = Graph(
        {"note": note(files(*WAN_FILES).strip(), 310), **wan_models()},
        [
            Group(
                "Models for the video",
                [
                    Column(["note", "wan"], 380),
                    Column(["wan_vae", "wan_lora"], 380),
                    Column(["eyes", "umt5"], 380),
                ],
            )
        ],
    )
    names = ("panorama", "geometry", "trajectory", "frames", "mask", "model", "clip", "vae", "clip_vision")
    film = Graph(
        {
            **wan_stages(Inlet("words"), **{name: Inlet(name) for name in names}),
            **film_stages(Ref("real")),
        },
        [
            Group("Prompt and CLIP vision", [Column(["small", "seen", "video_words"])]),
            Group(
                "Sample", [Column(["video_positive", "video_negative", "video_report"]), Column(["video"])]
            ),
            Group("Composite known pixels, save", [Column(["real", "film", "save_film"])], GOLD),
        ],
    )
    fit = {
        name: node
        for name, node in fit_stages(
            *(Inlet(n) for n in ("frames", "trajectory", "geometry", "mask"))
        ).items()
        if name != "world"
    }
    panorama_of, words = Ref("paint"), Ref("words")
    guide = {"trajectory": Ref("guide"), "frames": Ref("guide", 1), "mask": Ref("guide", 2)}
    scene = {"geometry": Ref("measure"), **guide}
    return {
        "flux": Part(
            "FLUX: the models",
            flux,
            {},
            {"model": Ref("pano"), "clip": Ref("clip"), "vae": Ref("ae")},
        ),
        "paint": Part(
            "1 Generate the panorama",
            panorama,
            {"words": words, "model": Ref("flux"), "clip": Ref("flux", 1), "vae": Ref("flux", 2)},
            {"panorama": Ref("front")},
        ),
        "measure": Part(
            "2 Estimate its depth", geometry, {"panorama": panorama_of}, {"geometry": Ref("depth")}
        ),
        "guide": Part(
            "3 Choose a path",
            guidance,
            {"geometry": Ref("measure")},
            {"trajectory": Ref("path"), "frames": Ref("guide"), "mask": Ref("guide", 1)},
        ),
        "wan": Part(
            "Wan: the models",
            wan,
            {},
            {
                "model": Ref("wan_lora"),
                "clip": Ref("umt5"),
                "vae": Ref("wan_vae"),
                "clip_vision": Ref("eyes"),
            },
        ),
        "film": Part(
            "4 Generate the video",
            film,
            {
                "words": words,
                "panorama": panorama_of,
                **scene,
                **{name: Ref("wan", slot) for slot, name in enumerate(names[5:])},
            },
            {"frames": Ref("real")},
        ),
        "fit": Part(
            "5 Fit the splats",
            Graph(fit, [Group("Splats", [Column(["fit"], 360), Column(["ply"], 360)], GREEN)]),
            {**scene, "frames": Ref("film")},
            {"splat": Ref("fit")},
        ),
    }


def text_to_world() -> Graph:
    """The long way, folded into subgraphs, so that the whole fits on a small screen."""
    text = (
        "**Text to world.** A sentence becomes a panorama (FLUX.1 dev), its geometry (MoGe), a video along a "
        "path (Wan 2.1 I2V) and a world to walk in. Write your sentence below.\n\n"
        "Open a step with its *Enter subgraph* button. Notes inside name the files that it needs."
    )
    nodes: dict[str, Node | Part] = {
        "note": note(text, 190),
        "words": text_words(),
        **text_to_world_parts(),
        "look": Node("PreviewImage", {"images": Ref("paint")}, title="The panorama", height=240),
        "world": Node(
            "SplatPreview",
            {"splat": Ref("fit"), "trajectory": Ref("guide"), "geometry": Ref("measure")},
            title="Walk here",
            height=700,
        ),
    }
    return Graph(
        nodes,
        [
            Group("Your sentence", [Column(["note", "words"])]),
            Group(
                "Steps to a world",
                [
                    Column(["flux", "paint", "look"], 270),
                    Column(["measure", "guide", "wan"], 270),
                    Column(["film", "fit"], 270),
                ],
            ),
            Group("World", [Column(["world"], 560)], GREEN),
        ],
    )


MINI = "matrix3d_mini_{}.safetensors"  # trained by `matrix3d train-minis`
MINI_SENTENCE = (
    "A town square with a church under drifting clouds in the low evening sun. There are many houses, market stalls "
    "and two benches."
)


def mini_text_to_world() -> Graph:
    """Every generative step with the small models that come with the pack."""
    text = (
        "**Text to world with small models.** The whole graph on any machine: the models come with this pack. A sentence "
        "becomes a panorama (FLUX), a panoramic video (Wan 2.1 I2V) and splats (reconstruction model).\n\n"
        "They learned from procedural scenes only: squares, streets, rooms, forests and the like. For released models "
        "choose those in the loaders, and put *CLIP Text Encode* and *CLIP Vision Encode* in place of the *Mini* nodes."
    )
    size = {"size": "custom", "width": 512, "height": 256}
    path, guide, mask = Ref("path"), Ref("guide"), Ref("guide", 1)
    # The model learned at half the size, its LoRA at the whole: first what is where, then finer.
    texts = Ref("positive"), Ref("negative")
    coarse = flux_sampler(256, 128, *texts, Ref("empty"), 0, model=Ref("unet"), vae=Ref("vae"))
    panorama = flux_sampler(512, 256, *texts, Ref("larger"), 0, vae=Ref("vae"))
    first, sampled = coarse["sampler"], panorama["sampler"]
    assert isinstance(first, Node)
    assert isinstance(sampled, Node)
    first.inputs |= {"steps": 20, "cfg": 3.0, "model": Ref("first_shift")}
    sampled.inputs |= {"steps": 20, "cfg": 2.0, "denoise": 0.5}
    nodes: dict[str, Node | Part] = {
        "note": note(text, 330),
        "words": Node("PanoPrompt", {"preset": "text to panorama", "prompt": MINI_SENTENCE}, height=240),
        "unet": Node("UNETLoader", {"unet_name": MINI.format("pano")}),
        "pano": Node(
            "PanoLoRA",
            {
                "model": Ref("unet"),
                "lora_name": MINI.format("pano_lora"),
                "latent_roll": "every step",
            },
        ),
        "vae": Node("VAELoader", {"vae_name": MINI.format("video_vae")}, title="VAE of both"),
        "positive": Node("MiniTextEncode", {"text": Ref("words"), "model": "panorama"}),
        "negative": Node("MiniTextEncode", {"text": "", "model": "panorama"}, title="Nothing"),
        "empty": Node("EmptySD3LatentImage", {"width": 256, "height": 128}),
        "first_shift": coarse["shift"],
        "first": first,
        "larger": Node(
            "LatentUpscale",
            {
                "samples": Ref("first"),
                "upscale_method": "bicubic",
                "width": 512,
                "height": 256,
                "crop": "disabled",
            },
        ),
        **panorama,
        "look": Node("PreviewImage", {"images": Ref("decode")}, title="The panorama", height=240),
        "depth": Node("PanoDepth", {"panorama": Ref("decode"), "scale": "camera height"}, height=400),
        "path": Node(
            "TrajectoryPreset",
            {"geometry": Ref("depth"), "frames": 17, "distance_mode": "units", "distance": 1.6},
        ),
        "guide": Node(
            "MeshGuidanceRender",
            {"geometry": Ref("depth"), "trajectory": path, "width": 512, "mesh_width": 512},
        ),
        "wan": Node("UNETLoader", {"unet_name": MINI.format("video")}),
        "wan_lora": Node("PanoLoRA", {"model": Ref("wan"), "lora_name": MINI.format("video_lora")}),
        "small": Node("PanoClipImage", {"image": Ref("decode"), **size}),
        "seen": Node("MiniVisionEncode", {"image": Ref("small")}),
        "video_words": Node("PanoPrompt", {"preset": "video", "prompt": Ref("words")}, height=220),
        "video_positive": Node("MiniTextEncode", {"text": Ref("video_words"), "model": "video"}),
        "video_negative": Node("MiniTextEncode", {"text": "", "model": "video"}, title="Nothing"),
        "video": Node(
            "PanoVideoSampler",
            {
                "model": Ref("wan_lora"),
                "vae": Ref("vae"),
                "positive": Ref("video_positive"),
                "negative": Ref("video_negative"),
                "frames": guide,
                "mask": mask,
                "start_image": Ref("decode"),
                "clip_vision_output": Ref("seen"),
                **size,
                "preset": "as set below",
                "steps": 4,
                "cfg": 1.0,
                "shift": 3.0,
            },
        ),
        "real": Node("PanoTexelComposite", {"frames": Ref("video", 1), "guidance": guide, "mask": mask}),
        **film_stages(Ref("real")),
        "lrm": Node("LRMLoader", {"lrm_name": MINI.format("lrm")}),
        "splats": Node("LRMDecode", {"lrm": Ref("lrm"), "latent": Ref("video"), "trajectory": path}),
        "world": Node(
            "SplatPreview", {"splat": Ref("splats"), "trajectory": path}, title="Walk here", height=700
        ),
        "ply": Node(
            "SplatSave",
            {
                "splat": Ref("splats"),
                "trajectory": path,
                "filename_prefix": "matrix3d/mini_world",
                "format": "ply",
            },
        ),
    }
    film = nodes["film"]
    assert isinstance(film, Node)
    film.inputs["fps"] = 8.0
    return Graph(
        nodes,
        [
            Group("Your sentence", [Column(["note", "words"], 380)]),
            Group("1 Models of the panorama", [Column(["unet", "pano", "vae"])]),
            Group(
                "2 Panorama",
                [
                    Column(["positive", "negative", "empty", "first_shift"]),
                    Column(["first", "larger", "shift"]),
                    Column(["sampler", "decode", "look"]),
                ],
            ),
            Group("3 Depth and guidance", [Column(["depth"], 380), Column(["path", "guide"])]),
            Group("4 Models of the video", [Column(["wan", "wan_lora", "small", "seen"])]),
            Group(
                "5 Video",
                [
                    Column(["video_words", "video_positive", "video_negative"], 380),
                    Column(["video"], 380),
                    Column(["real", "film", "save_film"]),
                ],
            ),
            Group("6 Splats", [Column(["lrm", "splats", "ply"], 360)], GREEN),
            Group("7 Walk", [Column(["world"], 640)], GOLD),
        ],
    )


def extend_world() -> Graph:
    """A world, and a second segment that is muted until 'Extend from here' is pressed in the viewer."""
    text = (
        "**Extend a world.** Press Run: the sample becomes a world. Walk in *Walk here* to the new viewpoint, "
        "and press *Extend from here* (X, the arrow up out of the line). That enables the second half: it "
        "renders a panorama there, proposes a path to unobserved space, inpaints it and fits it into the same "
        "world, which opens in *Walk on*. Press *Extend from here* there, and another segment is added below.\n\n"
        "*Inpaint Guidance* only extends the background; a video model (see the other templates) generates new "
        "content."
    )
    first = splat_stages("matrix3d/extended", "straight")
    kept = ("path", "guide", "fill", "fit", "world")
    second: dict[str, Node | Part] = {
        "extend": Node("WorldExtend", {"splat": Ref("fit"), "trajectory": Ref("path")}),
        "look": Node("PreviewImage", {"images": Ref("extend")}, title="New viewpoint"),
        "next": Node(
            "NextBestPath",
            {
                "geometry": Ref("extend", 2),
                "known": Ref("extend", 1),
                "start_pose": Ref("extend", 3),
                "frames": 49,
            },
        ),
        "guide_2": Node(
            "MeshGuidanceRender",
            {"geometry": Ref("extend", 2), "trajectory": Ref("next")},
        ),
        "fill_2": Node(
            "PanoFill",
            {
                "frames": Ref("guide_2"),
                "mask": Ref("guide_2", 1),
                "depth": Ref("guide_2", 2),
                "trajectory": Ref("next"),
            },
        ),
        "fit_2": Node(
            "GSOptimize",
            {
                "frames": Ref("fill_2"),
                "trajectory": Ref("next"),
                "geometry": Ref("extend", 2),
                "depth": Ref("fill_2", 1),
                "mask": Ref("guide_2", 1),
                "initial": Ref("fit"),
                "extend": True,
                "iterations": 600,
                "max_gaussians": 400_000,  # the first segment leaves room below it
            },
        ),
        "world_2": Node(
            "SplatPreview", {"splat": Ref("fit_2"), "trajectory": Ref("next")}, title="Walk on", height=700
        ),
        "ply": Node(
            "SplatSave",
            {
                "splat": Ref("fit_2"),
                "trajectory": Ref("next"),
                "filename_prefix": "matrix3d/extended",
                "format": "ply",
            },
        ),
    }
    for node in second.values():
        node.mode = 2  # asleep
    nodes = {
        "note": note(text, 330),
        **sample_stages("camera height"),
        **{key: first[key] for key in kept},
        **second,
    }
    return Graph(
        nodes,
        [
            Group("1 Panorama and depth", [Column(["note", "load"], 380), Column(["depth"], 380)]),
            Group(
                "2 First segment",
                [Column(["path", "guide"]), Column(["fill"]), Column(["fit"], 360), Column(["world"], 640)],
                GREEN,
            ),
            Group(
                "3 Next segment (runs after Extend from here)",
                [
                    Column(["extend", "look"], 360),
                    Column(["next"], 420),
                    Column(["guide_2", "fill_2"]),
                    Column(["fit_2", "ply"], 360),
                    Column(["world_2"], 640),
                ],
                GOLD,
            ),
        ],
    )


def photo_to_world() -> Graph:
    text = (
        "**Photo to world, without a generative model.** Choose a photo and press Run. *Photo to Panorama Geometry* "
        "estimates its depth with DINOv2-small and this pack's own head, and continues it around: ground, sky or "
        "ceiling, blurred surroundings. What was filled in is marked *unobserved* (*Provenance* in the viewer).\n\n"
        "The field of view comes from the file's EXIF tags, else it is estimated: set it in *Load Photo* if you know "
        "it. For detail all around outpaint the photo with *photo_to_panorama* instead.\n\n"
        "The model is called *model.safetensors* on its page and may keep that name."
    ) + files(BACKBONE)
    nodes = {
        "note": note(text, 330),
        "photo": Node("PhotoLoad", {"image": "example.png"}),
        "depth": Node(
            "PhotoToPanorama",
            {"image": Ref("photo"), "fov": Ref("photo", 1), "backbone": BACKBONE},
            height=520,
        ),
        "look": Node("PreviewImage", {"images": Ref("depth", 1)}, title="The panorama", height=240),
        "report": Node("PreviewAny", {"source": Ref("depth", 5)}, title="Camera and scale"),
        **splat_stages("matrix3d/world"),
    }
    first = Group(
        "1 Photo and depth", [Column(["note", "photo", "report"], 380), Column(["depth", "look"], 380)]
    )
    return Graph(nodes, [first, *SPLAT_GROUPS])


def instant_stages() -> dict[str, Node | Part]:
    """The sample as a world in seconds, and its light: keys load, depth, layers, splats."""
    layers = {"images": Ref("layers"), "masks": Ref("layers", 1), "depth": Ref("layers", 2)}
    return {
        **sample_stages("camera height"),
        "layers": Node("PanoLayers", {"geometry": Ref("depth")}),
        "splats": Node("LayersToSplats", {**layers, "filled": Ref("layers", 3)}),
    }


def edit_graph(
    text: str, nodes: Mapping[str, Node | Part], groups: list[Group], extra: Column | None = None
) -> Graph:
    """Return a graph that makes the instant world, changes it and shows it."""
    made = [Column(["note", "load"], 380), Column(["depth", "layers", "splats"], 380)]
    return Graph(
        {"note": note(text, 260), **instant_stages(), **nodes},
        [Group("1 World", made + ([extra] if extra else [])), *groups],
    )


def walk(splat: Ref, **more: Any) -> Node:
    """Return the view of a world, beside its geometry's walls."""
    return Node(
        "SplatPreview", {"splat": splat, "geometry": Ref("depth"), **more}, title="Walk here", height=700
    )


def add_object() -> Graph:
    text = (
        "**Add an object.** Press Run: a chair is put into the sample's world, lit by its panorama, with its shadow. Drag it "
        "in *Place Object in World* with the gizmo and run again, or place it by relation to an instance.\n\n"
        "*Load Object* takes GLB files of your own; objects of Hunyuan3D, TRELLIS.2, SAM 3D Objects or TripoSplat can be "
        "linked to *object* instead."
    )
    nodes = {
        "hdri": Node("PanoHDRI", {"panorama": Ref("load"), "geometry": Ref("depth")}),
        "object": Node("ObjectLoad"),
        "place": Node(
            "WorldPlace",
            {
                "splat": Ref("splats"),
                "object": Ref("object"),
                "name": "chair",
                "x": 0.5,
                "z": 3.8,
                "yaw": -150.0,
                "hdri": Ref("hdri"),
            },
            height=900,
        ),
        "world": walk(Ref("place"), collider=Ref("place", 2)),
    }
    groups = [
        Group("2 Light and object", [Column(["hdri", "object"], 360)]),
        Group("3 Place", [Column(["place"], 560)], GREEN),
        Group("4 Walk", [Column(["world"], 640)], GOLD),
    ]
    return edit_graph(text, nodes, groups)


SELECTED_POT = (
    '{"operations": [{"op": "box", "center": [-2.5, 0.9, 2.3], "size": [1.1, 1.36, 1.1], "yaw": 0}]}'
)


def remove_object() -> Graph:
    text = (
        "**Remove an object.** Press Run: a pot of the sample's terrace is selected and erased; what it hid is continued "
        "from around it. Drag the line in *Walk here* to compare. Select something else with the tools in *Select in World*, "
        "and run again.\n\n"
        "Where surfaces cannot be guessed, *edit_world* sends the place through FLUX.1 Fill."
    )
    nodes = {
        "select": Node(
            "WorldSelect",
            {"splat": Ref("splats"), "name": "pot", "operations": SELECTED_POT},
            height=700,
        ),
        "erase": Node("WorldErase", {"splat": Ref("select"), "instance": "pot"}),
        "look": Node("PreviewImage", {"images": Ref("erase", 2)}, title="The place now"),
        "world": walk(Ref("erase"), compare=Ref("splats")),
    }
    groups = [
        Group("2 Select", [Column(["select"], 560)], GREEN),
        Group("3 Erase", [Column(["erase", "look"], 380)], GREEN),
        Group("4 Walk", [Column(["world"], 640)], GOLD),
    ]
    return edit_graph(text, nodes, groups)


def edit_world() -> Graph:
    text = (
        "**Edit a world with an image model.** A pot is erased, FLUX.1 Fill paints the place as you say, and the result goes "
        "back into the splats of that place alone. Any edit model or paint program can stand between *Erase Object* and *Edit "
        "World*; give *Edit World* depth of the edited view for new shapes."
    ) + files("flux1-fill-dev.safetensors", *FLUX_FILES)
    models = flux_models("flux1-fill-dev.safetensors", LORA_PHOTO, "off")
    del models["pano"]  # a LoRA for panoramas
    sampler = flux_sampler(
        512, 512, Ref("inpaint"), Ref("inpaint", 1), Ref("inpaint", 2), 0, model=Ref("unet")
    )
    nodes = {
        **models,
        "select": Node(
            "WorldSelect",
            {"splat": Ref("splats"), "name": "pot", "operations": SELECTED_POT},
            height=700,
        ),
        "erase": Node("WorldErase", {"splat": Ref("select"), "instance": "pot"}),
        **flux_prompt("a sunny terrace, stone tiles, a low wall", 30.0),
        "inpaint": Node(
            "InpaintModelConditioning",
            {
                "positive": Ref("guided"),
                "negative": Ref("nothing"),
                "vae": Ref("ae"),
                "pixels": Ref("erase", 2),
                "mask": Ref("erase", 3),
                "noise_mask": True,
            },
        ),
        **sampler,
        "decode": Node("VAEDecode", {"samples": Ref("sampler"), "vae": Ref("ae")}),
        "edit": Node(
            "WorldEdit",
            {
                "splat": Ref("erase"),
                "images": Ref("decode"),
                "masks": Ref("erase", 3),
                "trajectory": Ref("erase", 4),
            },
        ),
        "look": Node("PreviewImage", {"images": Ref("decode")}, title="The place, painted"),
        "world": walk(Ref("edit"), compare=Ref("splats")),
    }
    groups = [
        Group("2 Models", [Column(["unet", "clip", "ae"])]),
        Group("3 Select and erase", [Column(["select"], 560), Column(["erase"], 380)], GREEN),
        Group(
            "4 Paint",
            [
                Column(["positive", "guided", "nothing", "inpaint"], 380),
                Column(["shift", "sampler", "decode", "look"], 380),
            ],
        ),
        Group("5 Edit and walk", [Column(["edit"], 380), Column(["world"], 640)], GOLD),
    ]
    return edit_graph(text, nodes, groups)


def restyle_world() -> Graph:
    text = (
        "**Restyle a world.** Press Run: the views that cover the world get an evening's light, and its splats take the colors "
        "that the views agree on. Shapes stay. Drag the line in *Walk here* to compare.\n\n"
        "Choose another style in *Stylize Images*, give it a picture to take the palette from, or put an edit model between "
        "*World Views* and *Restyle World*: *depth_map* and *normals* are for ControlNet."
    )
    nodes = {
        "views": Node("WorldViews", {"splat": Ref("splats"), "views": 12, "size": 512}),
        "style": Node("ImageStylize", {"images": Ref("views"), "style": "evening"}),
        "look": Node("PreviewImage", {"images": Ref("style")}, title="Views in their new look"),
        "restyle": Node(
            "WorldRestyle", {"splat": Ref("splats"), "edited": Ref("style"), "trajectory": Ref("views", 4)}
        ),
        "world": walk(Ref("restyle"), compare=Ref("splats")),
    }
    groups = [
        Group("2 Views", [Column(["views", "style", "look"], 380)], GREEN),
        Group("3 Restyle", [Column(["restyle"], 360)], GREEN),
        Group("4 Walk", [Column(["world"], 640)], GOLD),
    ]
    return edit_graph(text, nodes, groups)


def relight_world() -> Graph:
    text = (
        "**Relight a world.** Press Run: the panorama's sun is found, and the world is shown in the light of another hour, "
        "with shadows of its own surfaces. Drag the line in *Walk here* to compare.\n\n"
        "Set *hour*; below the horizon it is night, and *lamps* shine. *fog* hides what is far. The environment map is saved "
        "as EXR or HDR for Blender and game engines."
    )
    nodes = {
        "hdri": Node("PanoHDRI", {"panorama": Ref("load"), "geometry": Ref("depth"), "format": "hdr"}),
        "relight": Node(
            "WorldRelight",
            {
                "splat": Ref("splats"),
                "panorama": Ref("hdri"),
                "is_hdri": True,
                "geometry": Ref("depth"),
                "hour": 18.25,
            },
        ),
        "world": walk(Ref("relight"), compare=Ref("splats")),
    }
    groups = [
        Group("2 Light", [Column(["hdri", "relight"], 380)], GREEN),
        Group("3 Walk", [Column(["world"], 640)], GOLD),
    ]
    return edit_graph(text, nodes, groups)


def living_world() -> Graph:
    text = (
        "**A living world.** Press Run: clouds drift and the fountain falls, in a loop of six seconds that plays in *Walk here* "
        "and in the saved HTML page. *Render Splats* films it.\n\n"
        "More *Animate World* nodes add wind in the trees, ripples on water, flickering lamps, or an object on a path: by "
        "class, by instance (*Select in World*) or by masks."
    )
    nodes = {
        "clouds": Node(
            "WorldAnimate",
            {"splat": Ref("splats"), "motion": "clouds", "speed": 2.0, "direction": 70.0},
            height=520,
        ),
        "ripple": Node(
            "WorldAnimate",
            {
                "splat": Ref("clouds"),
                "motion": "ripple",
                "shape": "cylinder",
                **{"x": 2.2, "y": 1.18, "z": 5.4, "radius": 0.9, "size_y": 0.12, "wavelength": 0.25},
            },
            height=520,
        ),
        "fountain": Node(
            "WorldAnimate",
            {
                "splat": Ref("ripple"),
                "motion": "fountain",
                **{"x": 2.2, "y": -0.03, "z": 5.4, "radius": 0.6, "size_y": 1.2, "height": 0.5},
            },
            height=520,
        ),
        "path": Node(
            "TrajectoryPreset",
            {"geometry": Ref("depth"), "frames": 72, "distance_mode": "units", "distance": 2.0},
        ),
        "world": walk(Ref("fountain"), trajectory=Ref("path")),
        "page": Node(
            "SplatSave", {"splat": Ref("fountain"), "filename_prefix": "matrix3d/living", "format": "html"}
        ),
        "film": Node("SplatRender", {"splat": Ref("fountain"), "trajectory": Ref("path")}),
        "video": Node("CreateVideo", {"images": Ref("film"), "fps": 12.0}),
        "save_video": Node(
            "SaveVideo",
            {"video": Ref("video"), "filename_prefix": "matrix3d/living", "format": "mp4", "codec": "auto"},
        ),
    }
    groups = [
        Group(
            "2 Motion", [Column(["clouds"], 360), Column(["ripple"], 360), Column(["fountain"], 360)], GREEN
        ),
        Group("3 Walk", [Column(["world"], 640)], GOLD),
        Group(
            "4 Film and save",
            [Column(["path", "film", "video"], 360), Column(["save_video", "page"], 400)],
            GOLD,
        ),
    ]
    return edit_graph(text, nodes, groups)


TEMPLATES = {
    "panorama_to_world": panorama_to_world,
    "moge_panorama_to_world": moge_panorama_to_world,
    "text_to_panorama": text_to_panorama,
    "photo_to_panorama": photo_to_panorama,
    "panorama_to_video": panorama_to_video,
    "panorama_video_to_world": panorama_video_to_world,
    "panorama_lrm_to_world": panorama_lrm_to_world,
    "text_to_world": text_to_world,
    "extend_world": extend_world,
    "photo_to_world": photo_to_world,
    "mini_text_to_world": mini_text_to_world,
    "instant_world": instant_world,
    "add_object": add_object,
    "remove_object": remove_object,
    "edit_world": edit_world,
    "restyle_world": restyle_world,
    "relight_world": relight_world,
    "living_world": living_world,
}
"""New ones go to the end: a template's place gives its nodes their ids."""

IDS = 100
"""So many ids each template has for itself. The front end finds the node that a message is about by its id
alone, in whatever graph is open."""


def ui_workflow(name: str, object_info: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Return a template in the front end's own file format."""
    first = IDS * (1 + list(TEMPLATES).index(name)) + 1
    return write_graph(
        TEMPLATES[name](), object_info, name=name, first_id=first, models=MODEL_FILES, **options
    )


def measure(address: str, object_info: dict[str, Any]) -> dict[str, list[int]]:
    """Return how high each kind of node is at rest and at most, the larger of the two renderers."""
    sys.path.insert(0, str(WORKFLOWS.parent / "tests" / "support"))
    from chromium import RENDERERS, open_front_end, open_page
    from node_boxes import measure_heights
    from run_tests import find_browser

    kinds = sorted(
        {
            node["type"]
            for name in TEMPLATES
            for graph in graphs_of(ui_workflow(name, object_info, heights={}))
            for node in graph["nodes"]
            if node["type"] in object_info
        }
    )
    found: dict[str, list[int]] = {}
    for renderer in RENDERERS:
        with open_page(find_browser() or "chromium", width=1280, height=720) as opened:
            open_front_end(opened.page, address, renderer)
            for kind, pair in measure_heights(opened.page, kinds).items():
                found[kind] = [max(a, b) for a, b in zip(found.get(kind, pair), pair, strict=True)]
    return dict(sorted(found.items()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:8188")
    parser.add_argument("--measure", action="store_true", help="measure the nodes in the browser first")
    options = parser.parse_args()
    with urllib.request.urlopen(f"{options.address}/object_info") as answer:
        object_info = json.load(answer)
    if options.measure:
        heights = measure(options.address, object_info)
        HEIGHTS_FILE.write_text(json.dumps(heights, indent=1) + "\n", encoding="utf-8")
    for name in TEMPLATES:
        workflow = ui_workflow(name, object_info)
        (WORKFLOWS / f"{name}.json").write_text(json.dumps(workflow, indent=1) + "\n", encoding="utf-8")
        graphs = list(graphs_of(workflow))
        counts = sum(len(graph["nodes"]) for graph in graphs), sum(len(graph["links"]) for graph in graphs)
        print(f"wrote workflows/{name}.json: {counts[0]} nodes, {counts[1]} links")


if __name__ == "__main__":
    main()
