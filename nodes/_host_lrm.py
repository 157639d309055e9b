"""Latent reconstruction models in the host: its folders, its memory management, its latents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import comfy.latent_formats
import comfy.model_management
import comfy.model_patcher
import comfy.ops
import folder_paths
import torch
from torch import Tensor

from ..matrix3d_core.errors import InvalidInput
from ..matrix3d_core.lrm.decode import DecodeSettings, LRMResult, check_latents, decode_latents, plan_decode
from ..matrix3d_core.lrm.weights import STORED_TYPES, build_lrm, read_lrm_weights
from ..matrix3d_core.minis.files import MINI_FILES
from ..matrix3d_core.progress import ProgressFn
from ..matrix3d_core.scene.trajectory import Trajectory

__all__ = ["FOLDER_KIND", "LoadedLRM", "find_lrm", "load_lrm", "lrm_names", "run_lrm"]

FOLDER_KIND = "matrix3d_lrm"
"""Kind of model folder: ``models/matrix3d_lrm``, or what ``extra_model_paths.yaml`` says."""

_ELSEWHERE = ("matrix3d", "checkpoints", "diffusion_models")
_NAME = "lrm"


@dataclass(frozen=True)
class LoadedLRM:
    """A model in the hands of the host's memory management.

    Attributes:
        patcher: the host's model patcher around the network.
        dtype: of weights and arithmetic.
        description: one line for people.
    """

    patcher: Any
    dtype: torch.dtype
    description: str


def register_folder() -> None:
    """Make the host know ``models/matrix3d_lrm`` and its kind of files."""
    folder_paths.add_model_folder_path(FOLDER_KIND, str(Path(folder_paths.models_dir) / FOLDER_KIND))
    folder_paths.folder_names_and_paths[FOLDER_KIND][1].update(folder_paths.supported_pt_extensions)


def lrm_names() -> list[str]:
    """Return the files of the own folder, and files of others that have lrm in their name, as ``kind: name``.

    The small model that comes with the pack is the last: the first is a new node's choice.
    """
    names = list(folder_paths.get_filename_list(FOLDER_KIND))
    for kind in _ELSEWHERE:
        names += [
            f"{kind}: {name}"
            for name in folder_paths.get_filename_list(kind)
            if _NAME in Path(name.replace("\\", "/")).name.lower()
        ]
    return sorted(names, key=lambda name: name == PurePosixPath(MINI_FILES["lrm"]).name)


def find_lrm(name: str) -> Path:
    """Return the file that a name in a workflow means.

    Raises:
        InvalidInput: when it is not there.
    """
    kind, colon, rest = name.partition(": ")
    kind, rest = (kind, rest) if colon and kind in _ELSEWHERE else (FOLDER_KIND, name)
    path = folder_paths.get_full_path(kind, rest)
    if path is None:
        raise InvalidInput(
            f"lrm_name must name a model file; {name!r} is not in the host's {kind} folder. Put pano_lrm_480p.pt (or "
            f"what `matrix3d convert-lrm` made of it) into models/{FOLDER_KIND}, press R and choose it."
        )
    return Path(path)


def load_lrm(name: str, precision: str) -> LoadedLRM:
    """Read a model file and hand it to the host's memory management.

    Raises:
        InvalidInput: when the file is not there.
        FormatError: when it cannot be read.
        WeightsMismatch: when it is another model.
    """
    weights = read_lrm_weights(find_lrm(name))
    device = comfy.model_management.get_torch_device()
    dtype = STORED_TYPES.get(precision) or _best_type(device)
    network = build_lrm(weights, ops=comfy.ops.manual_cast, dtype=dtype)
    patcher = comfy.model_patcher.ModelPatcher(
        network, load_device=device, offload_device=comfy.model_management.unet_offload_device()
    )
    precision = next(short for short, known in STORED_TYPES.items() if known == dtype)
    return LoadedLRM(patcher, dtype, f"{weights.describe()}; runs in {precision}")


def _best_type(device: torch.device) -> torch.dtype:
    if comfy.model_management.should_use_bf16(device):
        return torch.bfloat16
    return torch.float32  # float16 is never chosen: its range was not tried with the released weights


def run_lrm(
    lrm: LoadedLRM,
    latent: dict[str, Any],
    trajectory: Trajectory,
    settings: DecodeSettings,
    *,
    progress: ProgressFn,
) -> LRMResult:
    """Decode a host's latent: bring it to the network's scale, make room, load the model, run.

    The host's video latents are as the VAE makes them; the network wants them as the diffusion model sees
    them, which is the host's own ``process_in`` for Wan 2.1.

    Raises:
        InvalidInput: for a latent or a path that do not fit.
        BackendUnavailable: when the memory does not suffice.
    """
    management = comfy.model_management
    model = lrm.patcher.model
    samples: Tensor = latent["samples"]
    check_latents(samples, model.config)
    if samples.shape[1] == comfy.latent_formats.Wan21.latent_channels:
        samples = comfy.latent_formats.Wan21().process_in(samples.to("cpu", torch.float32))
    device = lrm.patcher.load_device
    count = sum(p.numel() for p in model.parameters())
    size = torch.finfo(lrm.dtype).bits // 8
    sizes = {"item_bytes": size, "weight_bytes": size, "parameters": count}
    wanted = plan_decode(model.config, samples, settings, float("inf"), **sizes)
    management.free_memory(wanted.total, device)
    plan = plan_decode(model.config, samples, settings, management.get_free_memory(device), **sizes)
    management.load_models_gpu([lrm.patcher], memory_required=plan.activations)
    return decode_latents(
        model,
        samples,
        trajectory,
        settings,
        plan=plan,
        dtype=lrm.dtype,
        device=device,
        free_memory=management.soft_empty_cache,
        progress=progress,
    )


register_folder()
