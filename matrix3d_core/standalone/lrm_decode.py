"""A video's latents to Gaussian splats in one pass of a reconstruction model: LRMDecode without a host."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from ..errors import FormatError, InvalidInput
from ..io.cameras_json import read_trajectory
from ..io.checkpoints import check_stored, read_checkpoint
from ..io.tensors import write_tensors
from ..lrm.decode import DEFAULT_SETTINGS, DecodeSettings, check_latents, decode_latents, plan_decode
from ..lrm.weights import PRECISIONS, STORED_TYPES, build_lrm, read_lrm_weights
from ..optimize.loop import view_ahead
from ..progress import ProgressFn, no_progress
from .outputs import write_world
from .pipelines import choose_device

__all__ = ["decode_folder", "read_latents"]


def read_latents(path: str | Path) -> Tensor:  # [1, C, t, h, w]
    """Read ``latents.safetensors`` of `matrix3d_core.standalone.video`: normalized, as the network has them.

    Raises:
        FormatError: when the file is missing, damaged, or holds no tensor ``latents``.
    """
    path = Path(path)
    content, _ = read_checkpoint(path, "latents")
    if "latents" not in content:
        names = ", ".join(list(content)[:3]) or "nothing"
        raise FormatError(
            f"{path.name} must hold a tensor latents [1, C, t, h, w]; it holds {names}. `matrix3d video` writes it."
        )
    check_stored({"latents": content["latents"]}, path)
    return torch.as_tensor(content["latents"]).to(torch.float32)


def decode_folder(
    folder: str | Path,
    weights: str | Path,
    *,
    out_dir: str | Path,
    settings: DecodeSettings = DEFAULT_SETTINGS,
    precision: str = "auto",
    device: str = "auto",
    progress: ProgressFn = no_progress,
) -> dict[str, Path]:
    """Decode ``latents.safetensors`` along ``cameras.json`` and write the world.

    Writes ``world.ply``, ``world.spz``, ``preview.png``, ``depth.safetensors`` (``depth_ray [T, h, w]``, world units,
    inf beyond the range cut) and ``report.json``.

    Args:
        folder: as `make_panorama_video` wrote it.
        weights: checkpoint of the model, any that `read_lrm_weights` takes.
        out_dir: made when missing.
        settings: see `DecodeSettings`; the defaults of LRMDecode.
        precision: one of `PRECISIONS`; auto is bf16 on a GPU that has it, else fp32.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
        progress: called between steps; raising in it cancels.

    Returns:
        Path of each file by name.

    Raises:
        InvalidInput: when files are missing, latents or path do not fit, or no splats are left.
        FormatError: when a file is damaged.
        WeightsMismatch: when the checkpoint is of another model.
        BackendUnavailable: when the device is not here or its memory does not suffice.
    """
    folder = Path(folder)
    for name, what in (("latents.safetensors", "the video's latents"), ("cameras.json", "its camera path")):
        if not (folder / name).is_file():
            raise InvalidInput(
                f"VIDEO_DIR must hold {name}, {what}; there is no {folder / name}. `matrix3d video` writes both."
            )
    if precision not in PRECISIONS:
        raise InvalidInput(f"precision must be one of {', '.join(PRECISIONS)}; got {precision!r}.")
    latents, trajectory = (
        read_latents(folder / "latents.safetensors"),
        read_trajectory(folder / "cameras.json"),
    )
    place = choose_device(device)
    dtype = STORED_TYPES.get(precision) or _best_type(place)
    content = read_lrm_weights(weights)
    check_latents(latents, content.config)
    model = build_lrm(content, dtype=dtype).to(place)
    size = torch.finfo(dtype).bits // 8
    free = torch.cuda.mem_get_info(place)[0] if place.type == "cuda" else float("inf")
    count = sum(parameter.numel() for parameter in model.parameters())
    plan = plan_decode(
        content.config, latents, settings, free, item_bytes=size, weight_bytes=size, parameters=count
    )
    result = decode_latents(
        model,
        latents,
        trajectory,
        settings,
        plan=plan,
        dtype=dtype,
        device=place,
        free_memory=torch.cuda.empty_cache,
        progress=progress,
    )
    target = Path(out_dir)
    target.mkdir(parents=True, exist_ok=True)
    report = {
        "weights": content.describe(),
        "settings": asdict(settings),
        "gaussians": len(result.gaussians),
        "lines": result.report,
    }
    ahead = view_ahead(result.gaussians, trajectory, "auto")
    files = write_world(target, result.gaussians, ahead, report, trajectory)
    files["depth.safetensors"] = target / "depth.safetensors"
    write_tensors(files["depth.safetensors"], {"depth_ray": result.depth})
    return files


def _best_type(device: torch.device) -> torch.dtype:
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.bfloat16
    return torch.float32
