"""LoRA files are found under every name and nesting that upstream's downloader and scripts use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from matrix3d_core import doctor
from matrix3d_core.lora.search import PANORAMA_LORAS, find_lora_files, resolve_lora

# From the fact sheet: where the downloader puts files, and where the scripts read them.
UPSTREAM = {
    "flux_lora/checkpoints/text2panoimage_lora.safetensors": "FLUX.1 dev, text to panorama",
    "flux_lora/pano_image_lora.safetensors": "FLUX.1 dev, text to panorama",
    "Wan-AI/wan_lora/checkpoints/pano_video_gen_480p.ckpt": "Wan 2.1 I2V 14B, panorama video 480p",
    "Wan-AI/wan_lora/pano_video_gen_720p.bin": "Wan 2.1 I2V 14B, panorama video 720p",
    "Wan-AI/wan-lora/pano_video_gen_720p_5b.safetensors": "Wan 2.2 5B, panorama video 720p",
    "models--WorldGen-Flux-Lora/worldgen_img2scene.safetensors": "FLUX.1 Fill, picture to panorama",
}
OTHERS = (
    "Wan-AI/Wan2.1-I2V-14B-720P/diffusion_pytorch_model-00001-of-00007.safetensors",
    "Wan-AI/Wan2.1-I2V-14B-720P/Wan2.1_VAE.pth",
    "pano_lrm/checkpoints/pano_lrm_480p.pt",
    "sdxl.safetensors",
)


def put(root, *names):
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")


@pytest.mark.parametrize("kind", ["matrix3d", "checkpoints"])
@pytest.mark.parametrize("nested", ["", "checkpoints/", "Matrix-3D/checkpoints/"])
def test_upstreams_trees(tmp_path, kind, nested):
    put(tmp_path, *(nested + name for name in (*UPSTREAM, *OTHERS)))
    found = find_lora_files({kind: [tmp_path]})
    assert {place.name: place.what for place in found} == {
        f"{kind}: {nested}{name}": what for name, what in UPSTREAM.items()
    }
    assert all(place.path == tmp_path / place.name.split(": ")[1] for place in found)


def test_everything_in_a_loras_folder_is_listed_first(tmp_path):
    put(tmp_path / "a", "z/any.safetensors", "speed.pt", "notes.txt", "put_loras_here")
    put(tmp_path / "b", "other.bin")
    put(tmp_path / "m", "a_lora.safetensors", "plain.safetensors")
    found = find_lora_files(
        {"matrix3d": [tmp_path / "m", tmp_path / "gone"], "loras": [tmp_path / "a", tmp_path / "b"]}
    )
    assert [place.name for place in found] == [
        "other.bin",
        "speed.pt",
        "z/any.safetensors",
        "matrix3d: a_lora.safetensors",
    ]


def test_links_are_followed_once(tmp_path):
    put(tmp_path / "store", "blob.safetensors")
    (tmp_path / "loras").mkdir()
    (tmp_path / "m").mkdir()
    (tmp_path / "loras/a.safetensors").symlink_to(tmp_path / "store/blob.safetensors")
    (tmp_path / "m/wan_lora").symlink_to(tmp_path / "loras")
    (tmp_path / "loras/again").symlink_to(tmp_path / "loras")  # a circle
    found = find_lora_files({"loras": [tmp_path / "loras"], "matrix3d": [tmp_path / "m"]})
    assert [place.name for place in found] == ["a.safetensors"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("sub/pano_video_gen_480p.ckpt", "sub/pano_video_gen_480p.ckpt"),
        ("sub\\pano_video_gen_480p.ckpt", "sub/pano_video_gen_480p.ckpt"),
        ("pano_video_gen_480p.ckpt", "sub/pano_video_gen_480p.ckpt"),
        ("elsewhere/PANO_video_gen_480p.ckpt", "sub/pano_video_gen_480p.ckpt"),
        ("matrix3d: x/pano_video_gen_480p.ckpt", "sub/pano_video_gen_480p.ckpt"),
        ("pano_video_gen_480p.safetensors", "sub/pano_video_gen_480p.ckpt"),
        ("text2panoimage_lora.safetensors", "pano_image_lora.safetensors"),
        ("pano_video_gen_720p.bin", None),
        ("twice.safetensors", None),
        ("one/twice.safetensors", "one/twice.safetensors"),
        ("nothing.safetensors", None),
        ("../../etc/passwd", None),
    ],
)
def test_a_workflows_name_is_resolved(tmp_path, asked, found):
    put(tmp_path, "sub/pano_video_gen_480p.ckpt", "pano_image_lora.safetensors")
    put(tmp_path, "one/twice.safetensors", "two/twice.safetensors", "pano_video_gen_720p_5b.safetensors")
    place = resolve_lora(asked, find_lora_files({"loras": [tmp_path]}))
    assert (place.name if place else None) == found


def test_the_search_needs_no_torch():
    code = "import sys, matrix3d_core.lora.search; print('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert run.stdout.strip() == "False"


def test_doctor_finds_what_the_node_finds(tmp_path):
    put(tmp_path / "models/checkpoints", *(f"checkpoints/{name}" for name in UPSTREAM))
    report = doctor.examine(tmp_path)
    listed = {Path(file).name for entry in report["models"]["found"] for file in entry["files"]}
    assert listed >= {Path(name).name for name in UPSTREAM}
    known = {name for _, names in PANORAMA_LORAS for name in names}
    patterns = [p.strip("*") for model in doctor.MODEL_FILES if "LoRA" in model.what for p in model.patterns]
    assert all(any(pattern in name for pattern in patterns) for name in known)
