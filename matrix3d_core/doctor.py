"""Report of what works on this machine, and why the rest does not, for bug reports."""

from __future__ import annotations

import fnmatch
import importlib.metadata
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import __version__
from .checkout import checkout_commit
from .machine import memory_bytes, system_names, usable_cores
from .variables import variable

__all__ = ["MODEL_FILES", "ModelFile", "examine", "find_comfyui", "model_folders", "to_markdown"]

ROOT = Path(__file__).resolve().parents[1]

PACKAGES = (
    *("torch", "torchvision", "numpy", "numba", "warp-lang", "gsplat", "nvdiffrast", "embreex", "triton"),
    *("OpenEXR", "av", "scipy", "safetensors", "Pillow", "comfyui-frontend-package"),
)
"""Distributions whose versions matter in a report."""


def _mesh_backends() -> Any:
    from .raster.mesh import MESH_BACKENDS

    return MESH_BACKENDS


def _splat_backends() -> Any:
    from .raster.splat import SPLAT_BACKENDS

    return SPLAT_BACKENDS


_REGISTRIES: tuple[tuple[str, Callable[[], Any]], ...] = (
    ("mesh", _mesh_backends),
    ("splat", _splat_backends),
)


@dataclass(frozen=True)
class ModelFile:
    """A model that some route of the pack can use.

    Attributes:
        what: display name.
        kinds: ComfyUI model folders where it is looked for.
        patterns: file names with wildcards, case-insensitive.
        needed_for: its use.
    """

    what: str
    kinds: tuple[str, ...]
    patterns: tuple[str, ...]
    needed_for: str


_DIFFUSION = ("diffusion_models", "unet", "checkpoints")
_LORA = ("loras", "matrix3d", "checkpoints")  # as PanoLoRA looks, see lora.search

MODEL_FILES = (
    ModelFile("MoGe geometry", ("geometry_estimation",), ("*moge*",), "depth of a panorama"),
    ModelFile("FLUX.1 dev", _DIFFUSION, ("*flux1*dev*", "*flux-dev*", "*flux.1*dev*"), "text to panorama"),
    ModelFile("FLUX.1 Fill", _DIFFUSION, ("*flux*fill*",), "picture to panorama"),
    ModelFile(
        "text to panorama LoRA",
        _LORA,
        ("*text2panoimage_lora*", "*pano_image_lora*", "*worldgen_text2scene*"),
        "text to panorama",
    ),
    ModelFile("picture to panorama LoRA", _LORA, ("*worldgen_img2scene*",), "picture to panorama"),
    ModelFile("FLUX VAE", ("vae",), ("ae.safetensors", "*flux*vae*"), "text or picture to panorama"),
    ModelFile(
        "FLUX text encoders",
        ("text_encoders", "clip"),
        ("t5xxl*", "clip_l*"),
        "text or picture to panorama",
    ),
    ModelFile(
        "Wan 2.1 image to video 14B", _DIFFUSION, ("*wan*2*1*i2v*14b*", "*wan21*i2v*"), "panorama video"
    ),
    ModelFile("Wan 2.2 5B", _DIFFUSION, ("*wan*2*2*ti2v*5b*",), "panorama video, small model"),
    ModelFile("panorama video LoRA", _LORA, ("*pano_video_gen_*",), "panorama video"),
    ModelFile("Wan VAE", ("vae",), ("*wan*2*1*vae*", "*wan*2*2*vae*"), "panorama video, direct decoding"),
    ModelFile(
        "Wan text encoder",
        ("text_encoders", "clip"),
        ("*umt5*xxl*",),
        "panorama video",
    ),
    ModelFile(
        "Wan CLIP vision",
        ("clip_vision",),
        ("clip_vision_h*", "*open-clip-xlm-roberta-large-vit-huge*"),
        "panorama video",
    ),
    ModelFile(
        "DINOv2-small",
        ("clip_vision", "geometry_estimation"),
        ("*dinov2*small*",),
        "depth of a panorama without MoGe",
    ),
    ModelFile(
        "panorama LRM",
        ("matrix3d_lrm", "matrix3d", "checkpoints", "diffusion_models", "loras"),
        ("*pano_lrm*",),
        "direct decoding of a panorama video into Gaussians",
    ),
)


def examine(comfyui: Path | None = None) -> dict[str, Any]:
    """Collect everything the report shows; values are JSON-serializable and hold no home directory.

    Args:
        comfyui: ComfyUI folder to look for models in; None looks for one (see `find_comfyui`).
    """
    comfyui = comfyui or find_comfyui()
    report: dict[str, Any] = {
        "pack": {"version": __version__, "commit": checkout_commit(ROOT)},
        "system": {
            **system_names(),
            "cpu_count": os.cpu_count(),
            "cpu_usable": usable_cores(),
        },
        "packages": {name: _version(name) for name in PACKAGES},
        "torch": _torch(),
        "memory": memory_bytes(),
        "backends": {kind: _backends(kind, load) for kind, load in _REGISTRIES},
        "comfyui": _comfyui(comfyui),
        "models": _models(comfyui),
    }
    report["ready"] = all(
        any(backend["usable"] for backend in report["backends"][kind]) for kind, _ in _REGISTRIES
    )
    result: dict[str, Any] = _without_home(report)
    return result


def find_comfyui() -> Path | None:
    """Return the ComfyUI folder named by COMFYUI_DIR, or the one this pack is installed in, or None."""
    named = variable("COMFYUI_DIR")
    if named:
        return Path(named).expanduser().resolve()
    if ROOT.parent.name == "custom_nodes" and (ROOT.parents[1] / "main.py").is_file():
        return ROOT.parents[1]
    return None


def model_folders(comfyui: Path) -> dict[str, list[Path]]:
    """Return ComfyUI's model folders by kind: its own, then those of ``extra_model_paths.yaml``."""
    kinds = sorted({kind for model in MODEL_FILES for kind in model.kinds})
    folders = {kind: [comfyui / "models" / kind] for kind in kinds}
    extra = comfyui / "extra_model_paths.yaml"
    if not extra.is_file():
        return folders
    import yaml

    sections = yaml.safe_load(extra.read_text(encoding="utf-8")) or {}
    for section in sections.values() if isinstance(sections, dict) else ():
        if not isinstance(section, dict):
            continue
        base = Path(os.path.expandvars(str(section.get("base_path") or "."))).expanduser()
        base = base if base.is_absolute() else comfyui / base
        for kind in kinds:
            for line in str(section.get(kind) or "").splitlines():
                if line.strip():
                    folders[kind].append(base / line.strip())
    return folders


def to_markdown(report: dict[str, Any]) -> str:
    """Return the report as Markdown."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: dict[str, Any]) -> Iterator[str]:
    pack, system, torch, memory = (report[key] for key in ("pack", "system", "torch", "memory"))
    yield f"### ComfyUI-Matrix3D {pack['version']} ({pack['commit'] or 'no git commit'})"
    yield ""
    verdict = "can make worlds here" if report["ready"] else "**cannot make worlds here**: see the backends"
    yield f"The route without models {verdict}."
    yield ""
    yield f"- System: {system['platform']}, {system['cpu_count']} CPU cores, {system['cpu_usable']} usable"
    yield f"- Python {system['python']}"
    if torch.get("error"):
        yield f"- torch cannot be imported: {torch['error']}"
    else:
        cuda = f"built for CUDA {torch['cuda_build']}" if torch["cuda_build"] else "built without CUDA"
        yield f"- torch {torch['version']}, {cuda}, {torch['threads']} threads"
        for device in torch["devices"]:
            yield (
                f"- GPU: {device['name']} (sm_{device['capability']}), VRAM {_gb(device['total'])}, "
                f"{_gb(device['free'])} free"
            )
        if not torch["devices"]:
            yield "- GPU: none that torch can use"
    yield f"- RAM: {_gb(memory['total'])}, {_gb(memory['available'])} available"
    host = report["comfyui"]
    yield (
        f"- ComfyUI: {host['version'] or 'version unknown'} in `{host['directory']}`"
        if host["directory"]
        else ("- ComfyUI: not checked (set COMFYUI_DIR or use --comfyui)")
    )
    for kind, backends in report["backends"].items():
        yield ""
        yield f"| {kind} backend | usable | reason, or description |"
        yield "|---|---|---|"
        for backend in backends:
            text = backend["summary"] if backend["usable"] else backend["reason"]
            yield f"| {backend['name']} | {'yes' if backend['usable'] else 'no'} | {_cell(text)} |"
    yield ""
    yield "| package | version |"
    yield "|---|---|"
    for name, version in report["packages"].items():
        yield f"| {name} | {version or 'not installed'} |"
    yield ""
    yield from _model_lines(report["models"])


def _model_lines(models: dict[str, Any]) -> Iterator[str]:
    if models.get("error"):
        yield f"Models: {models['error']}"
        yield ""
    if "found" not in models:
        return
    yield "| model | for | found |"
    yield "|---|---|---|"
    for entry in models["found"]:
        files = "<br>".join(f"`{_cell(file)}`" for file in entry["files"])
        missing = f"no; looked for {', '.join(entry['patterns'])} in {', '.join(entry['kinds'])}"
        yield f"| {entry['what']} | {entry['needed_for']} | {files or _cell(missing.replace('*', '…'))} |"


def _cell(text: str) -> str:
    """Escape a text for a table cell."""
    return " ".join(str(text).split()).replace("|", "\\|")


def _gb(count: int | None) -> str:
    return "unknown" if count is None else f"{count / 2**30:.1f} GB"


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _torch() -> dict[str, Any]:
    try:
        import torch
    except Exception as error:  # the report is for broken installs
        return {"error": f"{type(error).__name__}: {error}"}
    devices = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            free, total = torch.cuda.mem_get_info(index)
            capability = f"{properties.major}{properties.minor}"
            devices.append({"name": properties.name, "capability": capability, "total": total, "free": free})
    return {
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "cuda_build": torch.version.cuda,
        "devices": devices,
    }


def _backends(kind: str, load: Callable[[], Any]) -> list[dict[str, Any]]:
    try:
        registry = load()
    except Exception as error:
        reason = f"matrix3d_core.raster.{kind} cannot be imported: {type(error).__name__}: {error}"
        return [{"name": "(all)", "usable": False, "reason": reason, "features": [], "summary": ""}]
    found = []
    for name in registry.names:
        reason = registry.unavailable_reason(name)
        backend = registry.backend(name)
        found.append(
            {
                "name": name,
                "usable": reason is None,
                "reason": reason,
                "features": sorted(backend.features),
                "summary": backend.summary,
            }
        )
    return found


def _comfyui(directory: Path | None) -> dict[str, str | None]:
    if directory is None:
        return {"directory": None, "version": None}
    version = None
    try:
        text = (directory / "comfyui_version.py").read_text(encoding="utf-8")
        version = text.split("__version__", 1)[1].split("=", 1)[1].split()[0].strip("\"'")
    except (OSError, IndexError):
        pass
    return {"directory": str(directory), "version": version}


def _models(comfyui: Path | None) -> dict[str, Any]:
    if comfyui is None:
        return {"error": "not searched: set COMFYUI_DIR or use --comfyui."}
    result: dict[str, Any] = {}
    try:
        folders = model_folders(comfyui)
    except Exception as error:  # not YAML, or no reader for it
        result["error"] = f"extra_model_paths.yaml could not be read: {type(error).__name__}: {error}"
        kinds = {kind for model in MODEL_FILES for kind in model.kinds}
        folders = {kind: [comfyui / "models" / kind] for kind in kinds}
    files = {kind: [file for folder in paths for file in _files(folder)] for kind, paths in folders.items()}
    result["found"] = [
        {
            "what": model.what,
            "needed_for": model.needed_for,
            "kinds": list(model.kinds),
            "patterns": list(model.patterns),
            "files": [str(file) for kind in model.kinds for file in files[kind] if _fits(file.name, model)],
        }
        for model in MODEL_FILES
    ]
    return result


def _files(folder: Path) -> list[Path]:
    """Return the files below a model folder, links followed as ComfyUI does, at most eight levels deep."""
    found = []
    for root, subfolders, names in os.walk(folder, followlinks=True):
        depth = len(Path(root).relative_to(folder).parts)
        subfolders[:] = sorted(subfolders) if depth < 8 else []
        found += [Path(root) / name for name in sorted(names)]
    return found


def _fits(name: str, model: ModelFile) -> bool:
    suffixes = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf")
    lower = name.lower()
    return lower.endswith(suffixes) and any(fnmatch.fnmatchcase(lower, p.lower()) for p in model.patterns)


def _without_home(value: Any) -> Any:
    """Replace the home directory by ~ in every string."""
    if isinstance(value, dict):
        return {key: _without_home(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_home(item) for item in value]
    home = str(Path.home())
    if isinstance(value, str) and len(home) > 1:
        return value.replace(home, "~")
    return value
