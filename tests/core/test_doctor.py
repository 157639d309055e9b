"""The report for bug reports: complete, without the home directory, and never in the way."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from matrix3d_core import doctor
from matrix3d_core.machine import memory_bytes


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.delenv("COMFYUI_DIR", raising=False)
    return tmp_path


@pytest.fixture
def comfyui(home):
    folder = home / "ComfyUI"
    (folder / "models").mkdir(parents=True)
    (folder / "main.py").touch()
    (folder / "comfyui_version.py").write_text('# made by a script\n__version__ = "0.30.0"\n')
    return folder


def put(folder, *names):
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def found(report):
    return {entry["what"]: [Path(f).name for f in entry["files"]] for entry in report["models"]["found"]}


def test_upstream_and_comfyui_file_names_are_recognized(comfyui):
    names = {
        "MoGe geometry": ("geometry_estimation/moge_2_vitl_normal_fp16.safetensors",),
        "FLUX.1 dev": ("diffusion_models/flux1-dev-fp8.safetensors", "unet/flux1-dev-Q4_K_S.gguf"),
        "FLUX.1 Fill": ("diffusion_models/flux1-fill-dev.safetensors",),
        "text to panorama LoRA": (
            "loras/text2panoimage_lora.safetensors",
            "loras/m/pano_image_lora.safetensors",
        ),
        "picture to panorama LoRA": ("loras/worldgen_img2scene.safetensors",),
        "FLUX VAE": ("vae/ae.safetensors",),
        "FLUX text encoders": ("text_encoders/t5xxl_fp8_e4m3fn.safetensors", "clip/clip_l.safetensors"),
        "Wan 2.1 image to video 14B": (
            "diffusion_models/wan2.1_i2v_720p_14B_fp8_e4m3fn.safetensors",
            "diffusion_models/Wan2_1-I2V-14B-480P_fp8.safetensors",
        ),
        "Wan 2.2 5B": ("diffusion_models/wan2.2_ti2v_5B_fp16.safetensors",),
        "panorama video LoRA": (
            "loras/pano_video_gen_480p.ckpt",
            "loras/pano_video_gen_720p.bin",
            "loras/pano_video_gen_720p_5b.safetensors",
            "loras/pano_video_gen_720p_comfy.safetensors",
        ),
        "Wan VAE": ("vae/Wan2.1_VAE.pth", "vae/wan_2.1_vae.safetensors"),
        "Wan text encoder": (
            "text_encoders/umt5_xxl_fp8_e4m3fn_scaled.safetensors",
            "text_encoders/models_t5_umt5-xxl-enc-bf16.pth",
        ),
        "Wan CLIP vision": (
            "clip_vision/clip_vision_h.safetensors",
            "clip_vision/models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth",
        ),
        "DINOv2-small": (
            "clip_vision/dinov2_small.safetensors",
            "clip_vision/facebook_dinov2-small.safetensors",
        ),
        "panorama LRM": ("checkpoints/pano_lrm_480p.pt", "matrix3d/pano_lrm.pt"),
    }
    assert set(names) == {model.what for model in doctor.MODEL_FILES}
    for files in names.values():
        put(comfyui / "models", *files)
    put(
        comfyui / "models",
        "loras/put_loras_here",
        "loras/pano_video_gen_notes.txt",
        "vae/sdxl_vae.safetensors",
    )

    files = found(doctor.examine(comfyui))

    for what, wanted in names.items():
        assert set(files[what]) >= {Path(name).name for name in wanted}, what
    listed = [name for group in files.values() for name in group]
    assert not [name for name in listed if name.endswith((".txt", "_here")) or "sdxl" in name]


def test_extra_model_paths_are_searched(comfyui, home):
    pytest.importorskip("yaml")
    put(home / "shared", "my_loras/pano_video_gen_480p.ckpt", "moge/moge.pt")
    put(comfyui, "near/lora/pano_image_lora.safetensors")
    (comfyui / "extra_model_paths.yaml").write_text(
        f"big:\n  base_path: {home}/shared\n  loras: my_loras\n  geometry_estimation: |\n    none/\n    moge/\n"
        "near:\n  base_path: near\n  loras: lora\nempty:\n"
    )
    files = found(doctor.examine(comfyui))
    assert files["panorama video LoRA"] == ["pano_video_gen_480p.ckpt"]
    assert files["MoGe geometry"] == ["moge.pt"]
    assert files["text to panorama LoRA"] == ["pano_image_lora.safetensors"]


def test_a_broken_extra_model_paths_is_reported_and_survived(comfyui):
    (comfyui / "extra_model_paths.yaml").write_text("a: [")
    put(comfyui / "models", "loras/pano_video_gen_480p.ckpt")
    report = doctor.examine(comfyui)
    assert report["models"]["error"].startswith("extra_model_paths.yaml could not be read")
    assert found(report)["panorama video LoRA"] == ["pano_video_gen_480p.ckpt"]
    assert "extra_model_paths.yaml could not be read" in doctor.to_markdown(report)


def test_the_home_directory_is_not_shown(comfyui, home):
    put(comfyui / "models", "loras/pano_video_gen_480p.ckpt")
    report = doctor.examine(comfyui)
    assert report["comfyui"] == {"directory": "~/ComfyUI", "version": "0.30.0"}
    for text in (json.dumps(report), doctor.to_markdown(report)):
        assert str(home) not in text
    assert "`~/ComfyUI/models/loras/pano_video_gen_480p.ckpt`" in doctor.to_markdown(report)


def test_markdown_tables_are_well_formed(comfyui):
    lines = doctor.to_markdown(doctor.examine(comfyui)).splitlines()
    width = None
    for line in lines:
        if not line.startswith("|"):
            width = None
            continue
        cells = line.replace("\\|", "").count("|") - 1
        assert cells == (width or cells), line
        width = cells
    assert lines[0].startswith("### ComfyUI-Matrix3D ")


def test_without_comfyui_it_says_so(home):
    report = doctor.examine()
    assert report["comfyui"]["directory"] is None
    assert "set COMFYUI_DIR or use --comfyui" in doctor.to_markdown(report)


def test_backends_come_with_their_reasons(home):
    backends = doctor.examine()["backends"]
    assert set(backends) == {"mesh", "splat"}
    for kind in backends.values():
        names = [backend["name"] for backend in kind]
        assert "numba" in names
        assert names[-1] == "torch"  # the reference is the last that auto takes
        for backend in kind:
            assert backend["usable"] == (backend["reason"] is None)
            assert backend["summary"]


def test_a_registry_that_cannot_be_imported_is_reported(home, monkeypatch):
    def nowhere():
        raise ModuleNotFoundError("nowhere")

    monkeypatch.setattr(doctor, "_REGISTRIES", (("mesh", nowhere), doctor._REGISTRIES[1]))
    report = doctor.examine()
    assert report["ready"] is False
    assert "raster.mesh cannot be imported: ModuleNotFoundError" in report["backends"]["mesh"][0]["reason"]
    assert "**cannot make worlds here**" in doctor.to_markdown(report)


def test_memory_is_read_without_psutil(monkeypatch):
    with_psutil = memory_bytes()
    monkeypatch.setitem(sys.modules, "psutil", None)
    without = memory_bytes()
    if without["total"] is None:
        pytest.skip("this system has no /proc/meminfo")
    assert abs(without["total"] - with_psutil["total"]) < 2**20
