"""Write the workflow templates in ``workflows/`` from the short descriptions below.

The widget order of a saved workflow is the order of a node's schema, so the files are made from a
running host's ``/object_info`` instead of by hand:

    python scripts/make_workflows.py http://127.0.0.1:8188
"""

from __future__ import annotations

import json
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WORKFLOWS = Path(__file__).resolve().parents[1] / "workflows"
WIDGET_TYPES = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COMFY_DYNAMICCOMBO_V3"}


@dataclass(frozen=True)
class Ref:
    """Output number ``slot`` of the node with key ``node``."""

    node: str
    slot: int = 0


@dataclass
class Node:
    """One node: its class, where it sits, what its inputs are (constants or `Ref`)."""

    kind: str
    position: tuple[int, int]
    size: tuple[int, int]
    inputs: dict[str, Any] = field(default_factory=dict)
    title: str | None = None
    mode: int = 0
    """0 runs, 2 is muted."""


@dataclass
class Graph:
    """A template: nodes by key, and titled boxes around them."""

    nodes: dict[str, Node]
    groups: list[tuple[str, tuple[int, int, int, int], str]] = field(default_factory=list)


def note(text: str, position: tuple[int, int], size: tuple[int, int]) -> Node:
    return Node("MarkdownNote", position, size, {"text": text}, title="Read me")


def splat_stages(geometry: Ref, x: int, prefix: str) -> dict[str, Node]:
    """The part that every template shares: path, guidance, fill, fit, look, save."""
    path, guide, fill, fit = Ref("path"), Ref("guide"), Ref("fill"), Ref("fit")
    return {
        "path": Node(
            "TrajectoryPreset",
            (x, 60),
            (340, 320),
            {"geometry": geometry, "frames": 49, "distance_mode": "units", "distance": 3.0, "clearance": 0.3},
        ),
        "plot": Node("TrajectoryPreview", (x, 480), (340, 400), {"trajectory": path, "geometry": geometry}),
        "guide": Node(
            "MeshGuidanceRender",
            (x + 400, 60),
            (340, 300),
            # Upstream's 5 % belongs to 1024 rows; at 480 the same surface jumps 1024 / 480 times as far.
            {"geometry": geometry, "trajectory": path, "edge_threshold": 0.107},
        ),
        "fill": Node(
            "PanoFill",
            (x + 400, 480),
            (340, 180),
            {"frames": guide, "mask": Ref("guide", 1), "depth": Ref("guide", 2), "trajectory": path},
        ),
        "last": Node(
            "ImageFromBatch",
            (x + 400, 720),
            (340, 110),
            {"image": fill, "batch_index": 48, "length": 1},
            title="Last frame",
        ),
        "look_fill": Node(
            "PreviewImage", (x + 400, 890), (340, 260), {"images": Ref("last")}, title="Filled guidance"
        ),
        "fit": Node(
            "GSOptimize",
            (x + 800, 60),
            (360, 420),
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
            (x + 1220, 60),
            (640, 660),
            {"splat": fit, "trajectory": path, "geometry": geometry},
            title="Walk here",
        ),
        "ply": Node(
            "SplatSave",
            (x + 1220, 790),
            (300, 200),
            {"splat": fit, "filename_prefix": prefix, "format": "ply"},
        ),
        "spz": Node(
            "SplatSave",
            (x + 1560, 790),
            (300, 200),
            {"splat": fit, "filename_prefix": prefix, "format": "spz"},
        ),
        "flight": Node("SplatRender", (x + 1220, 1060), (300, 280), {"splat": fit, "trajectory": path}),
        "video": Node("CreateVideo", (x + 1220, 1400), (300, 110), {"images": Ref("flight"), "fps": 12.0}),
        "save_video": Node(
            "SaveVideo",
            (x + 1560, 1060),
            (300, 340),
            {
                "video": Ref("video"),
                "filename_prefix": f"{prefix}_flythrough",
                "format": "mp4",
                "codec": "auto",
            },
        ),
        "first": Node(
            "ImageFromBatch",
            (x + 1560, 1460),
            (300, 110),
            {"image": Ref("flight"), "batch_index": 0, "length": 1},
            title="First frame",
        ),
        "save_image": Node(
            "SaveImage",
            (x + 1220, 1570),
            (300, 300),
            {"images": Ref("first"), "filename_prefix": f"{prefix}_preview"},
        ),
    }


GROUPS = [
    ("1 Panorama and depth", (20, 0, 420, 1400), "#3f789e"),
    ("2 Camera path", (480, 0, 380, 920), "#3f789e"),
    ("3 Guidance frames and fill", (880, 0, 380, 1180), "#3f789e"),
    ("4 Gaussian splats", (1280, 0, 400, 1320), "#8A8"),
    ("5 Walk and save", (1700, 0, 680, 1910), "#b58b2a"),
]


def panorama_to_world() -> Graph:
    text = (
        "**Panorama to world.** Press Run: the shipped sample becomes a world in a few minutes, without a GPU "
        "or a model. Then click into *Walk here* and use W A S D and the mouse.\n\n"
        "For your own picture choose it in *Load Panorama* (2:1). Without a depth file a flat ground and a far "
        "dome stand in; for real geometry use the MoGe template."
    )
    nodes = {
        "note": note(text, (40, 60), (380, 260)),
        "load": Node("PanoLoad", (40, 400), (380, 280), {}),
        "depth": Node(
            "PanoDepth",
            (40, 760),
            (380, 560),
            {"panorama": Ref("load"), "depth": Ref("load", 1), "scale": "camera height"},
        ),
        **splat_stages(Ref("depth"), 500, "matrix3d/world"),
    }
    return Graph(nodes, GROUPS)


def moge_panorama_to_world() -> Graph:
    text = (
        "**Panorama to world with MoGe depth.** Needs a MoGe checkpoint in `models/geometry_estimation` "
        "(core's *Load MoGe Model*); without a GPU start ComfyUI with `--fp32-text-enc`, or it fails in half precision. "
        "Everything else is as in *panorama_to_world*."
    )
    nodes = {
        "note": note(text, (40, 60), (380, 150)),
        "load": Node("PanoLoad", (40, 280), (380, 280), {}),
        "model": Node("LoadMoGeModel", (40, 620), (380, 80), {"model_name": MOGE}),
        "moge": Node(
            "MoGePanoramaInference",
            (40, 760),
            (380, 200),
            {"moge_model": Ref("model"), "image": Ref("load")},
        ),
        "depth": Node(
            "PanoDepth",
            (40, 1020),
            (380, 560),
            {
                "panorama": Ref("load"),
                "moge_geometry": Ref("moge"),
                "source": "moge geometry",
                "scale": "camera height",
            },
        ),
        **splat_stages(Ref("depth"), 500, "matrix3d/world"),
    }
    groups = [("1 Panorama and depth", (20, 0, 420, 1620), "#3f789e"), *GROUPS[1:]]
    return Graph(nodes, groups)


LORA_TEXT = "text2panoimage_lora.safetensors"
LORA_PHOTO = "worldgen_img2scene.safetensors"
LORA_VIDEO = "pano_video_gen_480p.ckpt"
LRM = "pano_lrm_480p.pt"
MOGE = "moge_2_vitl_normal_fp16.safetensors"
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
    MOGE: ("geometry_estimation", f"{HUB}/Comfy-Org/MoGe/resolve/main/geometry_estimation/{MOGE}"),
    LRM: ("matrix3d_lrm", f"{HUB}/Skywork/Matrix-3D/resolve/main/checkpoints/{LRM}"),
    LORA_TEXT: ("loras", f"{HUB}/Skywork/Matrix-3D/resolve/main/checkpoints/{LORA_TEXT}"),
    LORA_PHOTO: (
        "loras",
        f"{HUB}/LeoXie/WorldGen/resolve/main/models--WorldGen-Flux-Lora/{LORA_PHOTO}",
    ),
    LORA_VIDEO: ("loras", f"{HUB}/Skywork/Matrix-3D/resolve/main/checkpoints/{LORA_VIDEO}"),
}


def flux_models(x: int, model: str, lora: str, seam: str) -> dict[str, Node]:
    """The host's loaders for FLUX and the panorama LoRA: keys unet, clip, ae, pano."""
    return {
        "unet": Node("UNETLoader", (x, 60), (340, 90), {"unet_name": model}),
        "clip": Node(
            "DualCLIPLoader",
            (x, 200),
            (340, 140),
            {
                "clip_name1": "t5xxl_fp8_e4m3fn.safetensors",
                "clip_name2": "clip_l.safetensors",
                "type": "flux",
            },
        ),
        "ae": Node("VAELoader", (x, 390), (340, 70), {"vae_name": "ae.safetensors"}),
        "pano": Node(
            "PanoLoRA", (x, 510), (340, 330), {"model": Ref("unet"), "lora_name": lora, "seam": seam}
        ),
    }


def flux_prompt(x: int, preset: str, text: str, guidance: float) -> dict[str, Node]:
    """The prompt in upstream's wording: keys words, positive, guided, nothing."""
    return {
        "words": Node("PanoPrompt", (x, 60), (380, 240), {"preset": preset, "prompt": text}),
        "positive": Node("CLIPTextEncode", (x, 350), (380, 120), {"clip": Ref("clip"), "text": Ref("words")}),
        "guided": Node(
            "FluxGuidance", (x, 520), (380, 70), {"conditioning": Ref("positive"), "guidance": guidance}
        ),
        "nothing": Node("ConditioningZeroOut", (x, 640), (380, 50), {"conditioning": Ref("positive")}),
    }


def flux_sampler(
    x: int, width: int, height: int, positive: Ref, negative: Ref, latent: Ref, seed: int
) -> dict[str, Node]:
    """Upstream's 50 Euler steps with FLUX's shift for the size, and the decode: keys shift, sampler, decode."""
    return {
        "shift": Node(
            "ModelSamplingFlux", (x, 60), (340, 150), {"model": Ref("pano"), "width": width, "height": height}
        ),
        "sampler": Node(
            "KSampler",
            (x, 260),
            (340, 480),
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
        "decode": Node("PanoVAEDecode", (x, 790), (340, 220), {"latent": Ref("sampler"), "vae": Ref("ae")}),
    }


def text_stages(x: int) -> dict[str, Node]:
    """Sentence to panorama; the result is output 0 of ``front``."""
    return {
        **flux_models(x, "flux1-dev.safetensors", LORA_TEXT, "upstream t2p"),
        **flux_prompt(
            x + 400,
            "text to panorama",
            "A quiet mountain village square at golden hour, cobblestones, a stone fountain, timber houses "
            "with flower boxes, snowy peaks behind.",
            7.0,
        ),
        "empty": Node("EmptySD3LatentImage", (x + 400, 740), (380, 110), {"width": 1024, "height": 512}),
        **flux_sampler(x + 840, 1024, 512, Ref("guided"), Ref("nothing"), Ref("empty"), SEED_OF_PANORAMA),
        "front": Node("PanoCanonicalise", (x + 1240, 60), (340, 300), {"panorama": Ref("decode")}),
    }


def text_to_panorama() -> Graph:
    text = (
        "**Text to panorama.** FLUX.1 dev with the panorama LoRA, upstream's settings: 1024x512, 50 steps, "
        "guidance 7. *Pano LoRA* turns the latent while sampling and *Pano VAE Decode* closes the ring, so the "
        "left and right border meet. *Canonicalise* turns the scene to the front.\n\n"
        "Any FLUX.1 dev checkpoint works here, quantised ones too: swap the loader."
    )
    nodes = {
        "note": note(text, (40, 60), (380, 300)),
        **text_stages(500),
        "metric": Node("PanoSeamMetric", (1740, 420), (340, 160), {"images": Ref("front")}),
        "save": Node(
            "SaveImage",
            (2140, 60),
            (560, 380),
            {"images": Ref("front"), "filename_prefix": "matrix3d/panorama"},
        ),
    }
    return Graph(
        nodes,
        [
            ("1 Models", (480, 0, 380, 880), "#3f789e"),
            ("2 Words", (880, 0, 420, 880), "#3f789e"),
            ("3 Sample and close the ring", (1320, 0, 380, 1040), "#3f789e"),
            ("4 Face forward, measure, save", (1720, 0, 1000, 620), "#b58b2a"),
        ],
    )


def photo_to_panorama() -> Graph:
    text = (
        "**Photo to panorama.** The photo is put on the sphere, FLUX.1 Fill paints the rest, and the photo's "
        "own pixels go back on top. Set the photo's horizontal field of view in *Project*; with MoGe, link its "
        "geometry instead. Upstream's settings: 1600x800, 50 steps, guidance 30."
    )
    nodes = {
        "note": note(text, (40, 60), (380, 240)),
        "photo": Node("LoadImage", (40, 360), (380, 360), {"image": "example.png"}),
        **flux_models(500, "flux1-fill-dev.safetensors", LORA_PHOTO, "upstream i2p"),
        **flux_prompt(900, "image to panorama", "a quiet town street in summer", 30.0),
        "project": Node("PanoProject", (900, 740), (380, 420), {"image": Ref("photo")}),
        "inpaint": Node(
            "InpaintModelConditioning",
            (1340, 60),
            (340, 160),
            {
                "positive": Ref("guided"),
                "negative": Ref("nothing"),
                "vae": Ref("ae"),
                "pixels": Ref("project"),
                "mask": Ref("project", 1),
                "noise_mask": False,
            },
        ),
        **{
            key: Node(node.kind, (node.position[0], node.position[1] + 220), node.size, node.inputs)
            for key, node in flux_sampler(
                1340, 1600, 800, Ref("inpaint"), Ref("inpaint", 1), Ref("inpaint", 2), 0
            ).items()
        },
        "composite": Node(
            "PanoComposite",
            (1740, 60),
            (340, 260),
            {"panorama": Ref("decode"), "placement": Ref("project", 2)},
        ),
        "metric": Node("PanoSeamMetric", (1740, 380), (340, 160), {"images": Ref("composite")}),
        "save": Node(
            "SaveImage",
            (2140, 60),
            (560, 380),
            {"images": Ref("composite"), "filename_prefix": "matrix3d/panorama"},
        ),
    }
    return Graph(
        nodes,
        [
            ("1 Models", (480, 0, 380, 880), "#3f789e"),
            ("2 Words and photo", (880, 0, 420, 1200), "#3f789e"),
            ("3 Sample and close the ring", (1320, 0, 380, 1260), "#3f789e"),
            ("4 Photo back on top, measure, save", (1720, 0, 1000, 580), "#b58b2a"),
        ],
    )


def video_stages(x: int, panorama: Ref, geometry: Ref, prompt: Ref | str) -> dict[str, Node]:
    """Panorama and geometry to video; the frames are output 0 of ``real``, the path is ``path``."""
    return {
        "path": Node("TrajectoryPreset", (x, 60), (340, 320), {"geometry": geometry, "frames": 81}),
        "plot": Node(
            "TrajectoryPreview", (x, 430), (340, 400), {"trajectory": Ref("path"), "geometry": geometry}
        ),
        "guide": Node(
            "MeshGuidanceRender",
            (x, 880),
            (340, 300),
            # Upstream's 5 % belongs to 1024 rows; at 720 the same surface jumps 1024 / 720 times as far.
            {
                "geometry": geometry,
                "trajectory": Ref("path"),
                "width": 1440,
                "mesh_width": 1440,
                "edge_threshold": 0.071,
            },
        ),
        "wan": Node(
            "UNETLoader",
            (x + 400, 60),
            (380, 90),
            {"unet_name": "wan2.1_i2v_480p_14B_fp8_e4m3fn.safetensors"},
        ),
        "wan_lora": Node(
            "PanoLoRA", (x + 400, 200), (380, 330), {"model": Ref("wan"), "lora_name": LORA_VIDEO}
        ),
        "wan_vae": Node("VAELoader", (x + 400, 580), (380, 70), {"vae_name": "wan_2.1_vae.safetensors"}),
        "umt5": Node(
            "CLIPLoader",
            (x + 400, 700),
            (380, 120),
            {"clip_name": "umt5_xxl_fp8_e4m3fn_scaled.safetensors", "type": "wan"},
        ),
        "eyes": Node(
            "CLIPVisionLoader", (x + 400, 870), (380, 70), {"clip_name": "clip_vision_h.safetensors"}
        ),
        "small": Node("PanoClipImage", (x + 400, 990), (380, 150), {"image": panorama, "size": "480x960"}),
        "seen": Node(
            "CLIPVisionEncode",
            (x + 400, 1190),
            (380, 90),
            {"clip_vision": Ref("eyes"), "image": Ref("small"), "crop": "none"},
        ),
        "video_words": Node("PanoPrompt", (x + 840, 60), (380, 240), {"preset": "video", "prompt": prompt}),
        "video_positive": Node(
            "CLIPTextEncode", (x + 840, 350), (380, 120), {"clip": Ref("umt5"), "text": Ref("video_words")}
        ),
        "video_negative": Node(
            "CLIPTextEncode", (x + 840, 520), (380, 120), {"clip": Ref("umt5"), "text": Ref("video_words", 1)}
        ),
        "video": Node(
            "PanoVideoSampler",
            (x + 1280, 60),
            (380, 860),
            {
                "model": Ref("wan_lora"),
                "vae": Ref("wan_vae"),
                "positive": Ref("video_positive"),
                "negative": Ref("video_negative"),
                "frames": Ref("guide"),
                "mask": Ref("guide", 1),
                "start": panorama,
                "clip_vision_output": Ref("seen"),
                "geometry": geometry,
                "trajectory": Ref("path"),
            },
        ),
        "video_report": Node("PreviewAny", (x + 1280, 980), (380, 200), {"source": Ref("video", 2)}),
        "real": Node(
            "PanoTexelComposite",
            (x + 1720, 60),
            (340, 200),
            {"frames": Ref("video", 1), "guidance": Ref("guide"), "mask": Ref("guide", 1)},
        ),
        "film": Node("CreateVideo", (x + 1720, 320), (340, 100), {"images": Ref("real"), "fps": 24.0}),
        "save_film": Node(
            "SaveVideo",
            (x + 1720, 470),
            (340, 340),
            {
                "video": Ref("film"),
                "filename_prefix": "matrix3d/panorama_video",
                "format": "mp4",
                "codec": "auto",
            },
        ),
    }


def video_groups(x: int) -> list[tuple[str, tuple[int, int, int, int], str]]:
    return [
        ("Path and guidance", (x - 20, 0, 380, 1220), "#3f789e"),
        ("Video models", (x + 380, 0, 420, 1310), "#3f789e"),
        ("Words", (x + 820, 0, 420, 680), "#3f789e"),
        ("Sample", (x + 1260, 0, 420, 1220), "#3f789e"),
        ("Real texels back, save", (x + 1700, 0, 380, 860), "#b58b2a"),
    ]


def geometry_stages(x: int, y: int, panorama: Ref) -> dict[str, Node]:
    """MoGe's panorama geometry: keys moge_model, moge, depth."""
    return {
        "moge_model": Node("LoadMoGeModel", (x, y), (380, 80), {"model_name": MOGE}),
        "moge": Node(
            "MoGePanoramaInference",
            (x, y + 130),
            (380, 200),
            {"moge_model": Ref("moge_model"), "image": panorama},
        ),
        "depth": Node(
            "PanoDepth",
            (x, y + 380),
            (380, 560),
            {
                "panorama": panorama,
                "moge_geometry": Ref("moge"),
                "source": "moge geometry",
                "scale": "geometric mean 1",
            },
        ),
    }


def sample_stages() -> dict[str, Node]:
    """The shipped sample and its depth: keys load, depth."""
    return {
        "load": Node("PanoLoad", (40, 400), (380, 280), {}),
        "depth": Node(
            "PanoDepth",
            (40, 760),
            (380, 560),
            {"panorama": Ref("load"), "depth": Ref("load", 1), "scale": "geometric mean 1"},
        ),
    }


SAMPLE_WORDS = (
    "A terrace with terracotta tiles and a fountain, an arcade on the left, cypresses, lawns and green hills "
    "under a blue sky."
)


def panorama_to_video() -> Graph:
    text = (
        "**Panorama to panoramic video.** Wan 2.1 I2V 14B (480p) with the panorama video LoRA follows the "
        "camera path through the scene's mesh. Where the mesh shows the real panorama, its own texels are put "
        "back at full resolution. Upstream's settings: 81 frames of 960x480, 50 Euler steps, shift 5, CFG 5.\n\n"
        "Describe your scene in *Pano Prompt*."
    )
    nodes = {
        "note": note(text, (40, 60), (380, 280)),
        **sample_stages(),
        **video_stages(500, Ref("load"), Ref("depth"), SAMPLE_WORDS),
    }
    return Graph(nodes, [("Panorama and depth", (20, 0, 420, 1360), "#3f789e"), *video_groups(500)])


def world_stages(x: int) -> dict[str, Node]:
    """Splats from the video ``real``, with walking and saving."""
    path, fit = Ref("path"), Ref("fit")
    return {
        "fit": Node(
            "GSOptimize",
            (x, 60),
            (360, 420),
            {
                "frames": Ref("real"),
                "trajectory": path,
                "geometry": Ref("depth"),
                "mask": Ref("guide", 1),
                "preset": "standard",
            },
        ),
        "world": Node(
            "SplatPreview",
            (x + 420, 60),
            (640, 660),
            {"splat": fit, "trajectory": path, "geometry": Ref("depth")},
            title="Walk here",
        ),
        "ply": Node(
            "SplatSave",
            (x + 420, 790),
            (360, 200),
            {"splat": fit, "filename_prefix": "matrix3d/world", "format": "ply"},
        ),
    }


def panorama_video_to_world() -> Graph:
    text = (
        "**Panorama to world through video.** As *panorama_to_video*, then Gaussian splats fitted to the "
        "video, and the walk."
    )
    nodes = {
        "note": note(text, (40, 60), (380, 160)),
        **sample_stages(),
        **video_stages(500, Ref("load"), Ref("depth"), SAMPLE_WORDS),
        **world_stages(2640),
    }
    return Graph(
        nodes,
        [
            ("Panorama and depth", (20, 0, 420, 1360), "#3f789e"),
            *video_groups(500),
            ("World", (2620, 0, 1100, 1320), "#8A8"),
        ],
    )


def panorama_lrm_to_world() -> Graph:
    text = (
        "**Panorama to world, feed-forward.** As *panorama_to_video*, then the reconstruction model turns the "
        "video's latent into splats in one pass. Put `pano_lrm_480p.pt` into `models/matrix3d_lrm`; "
        "`matrix3d convert-lrm` makes a smaller file of it.\n\n"
        "The model knows worlds whose typical distance is 1, which *PanoDepth* gives here. It makes worlds of "
        "480x960 video only. *Fine* goes on from there with a few hundred steps of fitting."
    )
    path = Ref("path")
    nodes = {
        "note": note(text, (40, 60), (380, 280)),
        **sample_stages(),
        **video_stages(500, Ref("load"), Ref("depth"), SAMPLE_WORDS),
        "lrm": Node("LRMLoader", (2640, 60), (360, 120), {"lrm_name": LRM}),
        "fast": Node(
            "LRMDecode",
            (2640, 230),
            (360, 460),
            {"lrm": Ref("lrm"), "latent": Ref("video"), "trajectory": path},
        ),
        "fast_report": Node("PreviewAny", (2640, 740), (360, 200), {"source": Ref("fast", 3)}),
        "depths": Node("PreviewImage", (2640, 990), (360, 260), {"images": Ref("fast", 2)}),
        "fast_world": Node(
            "SplatPreview",
            (3060, 60),
            (640, 660),
            {"splat": Ref("fast"), "trajectory": path},
            title="Fast: walk here",
        ),
        "fine": Node(
            "GSOptimize",
            (3760, 60),
            (360, 560),
            {
                "frames": Ref("real"),
                "trajectory": path,
                "geometry": Ref("depth"),
                "mask": Ref("guide", 1),
                "initial": Ref("fast"),
                "preset": "draft",
                "iterations": 400,
            },
        ),
        "fine_world": Node(
            "SplatPreview",
            (4180, 60),
            (640, 660),
            {"splat": Ref("fine"), "trajectory": path},
            title="Fine: walk here",
        ),
        "ply": Node(
            "SplatSave",
            (4180, 790),
            (360, 200),
            {"splat": Ref("fine"), "filename_prefix": "matrix3d/world", "format": "ply"},
        ),
    }
    return Graph(
        nodes,
        [
            ("Panorama and depth", (20, 0, 420, 1360), "#3f789e"),
            *video_groups(500),
            ("Fast: one pass", (2620, 0, 1100, 1290), "#8A8"),
            ("Fine: fitted", (3740, 0, 1100, 1320), "#8A8"),
        ],
    )


def text_to_world() -> Graph:
    text = (
        "**Text to world.** A sentence becomes a panorama (FLUX.1 dev), geometry (MoGe), a video along a path "
        "(Wan 2.1 I2V) and a world of Gaussian splats to walk in. Describe the scene in the first *Pano Prompt*; "
        "both models hear it."
    )
    nodes = {"note": note(text, (40, 60), (380, 200)), **text_stages(500)}
    nodes |= geometry_stages(2160, 60, Ref("front"))
    nodes |= video_stages(2640, Ref("front"), Ref("depth"), Ref("words"))
    nodes |= world_stages(4780)
    return Graph(
        nodes,
        [
            ("Panorama", (480, 0, 1620, 1040), "#3f789e"),
            ("Geometry", (2140, 0, 420, 1060), "#3f789e"),
            *video_groups(2640),
            ("World", (4760, 0, 1100, 1320), "#8A8"),
        ],
    )


def extend_world() -> Graph:
    """A world, and a second segment that sleeps until 'Extend from here' is pressed in the viewer."""
    text = (
        "**Extend a world.** Press Run: the sample becomes a world. Walk in *Walk here* to where you want to go on, and "
        "press *Extend from here* (X, the arrow up out of the line). That wakes the second half: it looks around from "
        "there, proposes a path to what nobody has seen, fills it and fits it into the same world, which opens in *Walk "
        "on*. Press *Extend from here* there, and another segment is added below.\n\n"
        "*Pano Fill* only continues what is known; a video model (see the other templates) invents."
    )
    first = splat_stages(Ref("depth"), 500, "matrix3d/extended")
    kept = ("path", "guide", "fill", "fit", "world")
    asleep = 2
    nodes = {
        "note": note(text, (40, 60), (380, 330)),
        "load": Node("PanoLoad", (40, 460), (380, 280), {}),
        "depth": Node(
            "PanoDepth",
            (40, 820),
            (380, 560),
            {"panorama": Ref("load"), "depth": Ref("load", 1), "scale": "camera height"},
        ),
        **{key: first[key] for key in kept},
        "extend": Node(
            "WorldExtend",
            (2420, 60),
            (360, 330),
            {"splat": Ref("fit"), "trajectory": Ref("path")},
            mode=asleep,
        ),
        "look": Node(
            "PreviewImage",
            (2420, 480),
            (360, 260),
            {"images": Ref("extend")},
            title="From there",
            mode=asleep,
        ),
        "next": Node(
            "NextBestPath",
            (2840, 60),
            (420, 620),
            {
                "geometry": Ref("extend", 2),
                "known": Ref("extend", 1),
                "start": Ref("extend", 3),
                "frames": 49,
            },
            mode=asleep,
        ),
        "guide_2": Node(
            "MeshGuidanceRender",
            (3320, 60),
            (340, 300),
            {"geometry": Ref("extend", 2), "trajectory": Ref("next"), "edge_threshold": 0.107},
            mode=asleep,
        ),
        "fill_2": Node(
            "PanoFill",
            (3320, 460),
            (340, 180),
            {
                "frames": Ref("guide_2"),
                "mask": Ref("guide_2", 1),
                "depth": Ref("guide_2", 2),
                "trajectory": Ref("next"),
            },
            mode=asleep,
        ),
        "fit_2": Node(
            "GSOptimize",
            (3720, 60),
            (360, 420),
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
            mode=asleep,
        ),
        "world_2": Node(
            "SplatPreview",
            (4140, 60),
            (640, 660),
            {"splat": Ref("fit_2"), "trajectory": Ref("next")},
            title="Walk on",
            mode=asleep,
        ),
        "ply": Node(
            "SplatSave",
            (4140, 790),
            (300, 200),
            {"splat": Ref("fit_2"), "filename_prefix": "matrix3d/extended", "format": "ply"},
            mode=asleep,
        ),
    }
    return Graph(
        nodes,
        [
            ("1 Panorama and depth", (20, 0, 420, 1420), "#3f789e"),
            ("2 First segment", (480, 0, 1900, 920), "#8A8"),
            ("3 Next segment (sleeps until you press Extend from here)", (2400, 0, 2420, 1320), "#b58b2a"),
        ],
    )


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
}


def ui_workflow(graph: Graph, object_info: dict[str, Any]) -> dict[str, Any]:
    """Return the graph in the front end's own file format (schema 0.4)."""
    numbers = {key: index + 1 for index, key in enumerate(graph.nodes)}
    links: list[list[Any]] = []
    outgoing: dict[tuple[str, int], list[int]] = {}
    saved = []
    for order, (key, node) in enumerate(graph.nodes.items()):
        if node.kind == "MarkdownNote":
            saved.append(_note_node(numbers[key], order, node))
            continue
        info = object_info[node.kind]
        sockets, widgets = [], []
        unknown = set(node.inputs)
        for name, spec in _inputs(info):
            value = node.inputs.get(name)
            unknown.discard(name)
            kind = "COMBO" if isinstance(spec[0], list) else spec[0]
            options = spec[1] if len(spec) > 1 else {}
            is_widget = kind in WIDGET_TYPES and not options.get("forceInput")
            if is_widget:
                is_own = value is not None and not isinstance(value, Ref)
                widgets.append(value if is_own else _widget_default(spec, options))
                if options.get("control_after_generate"):
                    widgets.append("fixed")
                if not isinstance(value, Ref):
                    continue
            link = None
            if isinstance(value, Ref):
                link = len(links) + 1
                source = object_info[graph.nodes[value.node].kind]
                links.append(
                    [
                        link,
                        numbers[value.node],
                        value.slot,
                        numbers[key],
                        len(sockets),
                        source["output"][value.slot],
                    ]
                )
                outgoing.setdefault((value.node, value.slot), []).append(link)
            sockets.append({"name": name, "type": kind, "link": link})
            if is_widget:  # a link takes the widget's place
                sockets[-1]["widget"] = {"name": name}
        if unknown:
            raise SystemExit(f"{node.kind} has no input {', '.join(sorted(unknown))}")
        saved.append(
            {
                "id": numbers[key],
                "type": node.kind,
                "pos": list(node.position),
                "size": list(node.size),
                "flags": {},
                "order": order,
                "mode": node.mode,
                "inputs": sockets,
                "outputs": [],
                "properties": {"Node name for S&R": node.kind},
                "widgets_values": widgets,
            }
        )
        if node.title:
            saved[-1]["title"] = node.title
        named = [v for v in widgets if isinstance(v, str) and v in MODEL_FILES and v.endswith(".safetensors")]
        if named:  # the front end offers to fetch what is missing
            saved[-1]["properties"]["models"] = [
                {"name": name, "directory": MODEL_FILES[name][0], "url": MODEL_FILES[name][1]}
                for name in named
            ]
    for key, entry in zip(graph.nodes, saved, strict=True):
        if entry["type"] == "MarkdownNote":
            continue
        info = object_info[entry["type"]]
        entry["outputs"] = [
            {"name": name, "type": kind, "links": outgoing.get((key, slot)) or None}
            for slot, (name, kind) in enumerate(zip(info["output_name"], info["output"], strict=True))
        ]
    return {
        "id": "00000000-0000-4000-8000-000000000000",
        "revision": 0,
        "last_node_id": len(saved),
        "last_link_id": len(links),
        "nodes": saved,
        "links": links,
        "groups": [
            {
                "id": index + 1,
                "title": title,
                "bounding": list(box),
                "color": colour,
                "font_size": 24,
                "flags": {},
            }
            for index, (title, box, colour) in enumerate(graph.groups)
        ],
        "config": {},
        "extra": {"ds": {"scale": 0.5, "offset": [40, 80]}},
        "version": 0.4,
    }


def _inputs(info: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    return [
        (name, info["input"][part][name])
        for part in ("required", "optional")
        for name in info.get("input_order", info["input"]).get(part, [])
    ]


def _widget_default(spec: list[Any], options: dict[str, Any]) -> Any:
    choices = spec[0] if isinstance(spec[0], list) else options.get("options")
    if "default" in options:
        return options["default"]
    first = choices[0] if choices else ""
    return first["key"] if isinstance(first, dict) else first


def _note_node(number: int, order: int, node: Node) -> dict[str, Any]:
    return {
        "id": number,
        "type": "MarkdownNote",
        "pos": list(node.position),
        "size": list(node.size),
        "flags": {},
        "order": order,
        "mode": 0,
        "inputs": [],
        "outputs": [],
        "title": node.title,
        "properties": {},
        "widgets_values": [node.inputs["text"]],
        "color": "#432",
        "bgcolor": "#653",
    }


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8188"
    with urllib.request.urlopen(f"{address}/object_info") as answer:
        object_info = json.load(answer)
    for name, build in TEMPLATES.items():
        workflow = ui_workflow(build(), object_info)
        (WORKFLOWS / f"{name}.json").write_text(json.dumps(workflow, indent=1) + "\n", encoding="utf-8")
        print(f"wrote workflows/{name}.json: {len(workflow['nodes'])} nodes, {len(workflow['links'])} links")


if __name__ == "__main__":
    main()
