"""LoRA files in the host: its folders, its names for modules, and patches on a clone of its model."""

from __future__ import annotations

import time
import weakref
from pathlib import Path
from typing import Any

import comfy.lora
import comfy.lora_convert
import comfy.utils
import folder_paths
import torch
from comfy.weight_adapter import LoRAAdapter, WeightAdapterBase

from ..matrix3d_core.errors import InvalidInput, WeightsMismatch
from ..matrix3d_core.lora.files import read_content, sort_tensors
from ..matrix3d_core.lora.match import LoraReport, match, named_tensors
from ..matrix3d_core.lora.merge import merge_dora, merge_upstream
from ..matrix3d_core.lora.search import LoraPlace, find_lora_files, resolve_lora
from ._host_wan5b import has_extra_concat, install_extra_concat

__all__ = ["FOLDER_KIND", "MERGES", "apply_lora", "find_lora", "lora_names", "register_folder"]

FOLDER_KIND = "matrix3d"
"""The pack's own kind of model folder: ``models/matrix3d``, or what ``extra_model_paths.yaml`` says."""

MERGES = ("patch", "upstream")
"""How a LoRA gets into the weights; see `apply_lora`."""

_PREFIX = "diffusion_model."
_LIST_SECONDS = 2.0
_listed: list[tuple[float, list[str]]] = []


def register_folder() -> None:
    """Make the host know ``models/matrix3d`` and its kind of files."""
    folder_paths.add_model_folder_path(FOLDER_KIND, str(Path(folder_paths.models_dir) / FOLDER_KIND))
    folder_paths.folder_names_and_paths[FOLDER_KIND][1].update(folder_paths.supported_pt_extensions)


def lora_names() -> list[str]:
    """Return the names of all LoRA files, for a combo; looked up again after two seconds at the earliest."""
    now = time.monotonic()
    if not _listed or now - _listed[-1][0] > _LIST_SECONDS:
        _listed[:] = [(now, [place.name for place in _places()])]
    return list(_listed[-1][1])


def find_lora(name: str) -> LoraPlace:
    """Return the LoRA file that a name in a workflow means; see `resolve_lora`.

    Raises:
        InvalidInput: when there is none, or when several could be meant.
    """
    place = resolve_lora(name, _places())
    if place is None:
        raise InvalidInput(
            f"lora_name must name one LoRA file; {name!r} is not in the host's loras, {FOLDER_KIND} and "
            "checkpoints folders, or is there several times. Put it into models/loras and choose it in the list."
        )
    return place


def _places() -> list[LoraPlace]:
    kinds = ("loras", FOLDER_KIND, "checkpoints")
    return find_lora_files({kind: [Path(p) for p in folder_paths.get_folder_paths(kind)] for kind in kinds})


def apply_lora(
    model: Any, path: Path, *, strength: float = 1.0, merge: str = "patch", strict: bool = True
) -> tuple[Any, str]:
    """Put a LoRA onto a clone of a model.

    Args:
        model: the host's model patcher; left as it is.
        path: of the LoRA file.
        strength: factor of the change.
        merge: ``"patch"``: the host's own patches, ``W + strength * alpha / rank * (B @ A)`` in the host's
            precision. ``"upstream"``: patches that compute `merge_upstream`, in bfloat16 and without
            alpha / rank. Both work with the host's memory management, which stores the result in the type
            of the model's weights.
        strict: refuse a file that fits in part only.

    Returns:
        The clone, and the report for people.

    Raises:
        FormatError: when the file cannot be read.
        WeightsMismatch: when it does not fit.
        InvalidInput: for an unknown ``merge``, or one that the file's kind of LoRA does not allow.
    """
    if merge not in MERGES:
        raise InvalidInput(f"merge must be one of {', '.join(MERGES)}; got {merge!r}.")
    tensors, stated = read_content(path)
    file = sort_tensors(comfy.lora_convert.convert_lora(tensors), path, stated)
    report = match(
        file,
        model_shapes(model),
        host_names=comfy.lora.model_lora_keys_unet(model.model, {}),
        has_extra_concat=has_extra_concat(model),
    )
    report.check(strict=strict)
    clone = model.clone()
    lines = [report.describe()]
    if strength != 0:
        patches = _host_patches(report) if merge == "patch" else _upstream_patches(report, model.model)
        left = set(patches) - set(clone.add_patches(patches, strength))
        if left:
            raise WeightsMismatch(
                f"{path.name}: the host has no place for {len(left)} targets, first {min(map(str, left))}."
            )
    lines.append(_how(report, strength, merge))
    weight, bias = file.extra_concat
    if report.brings_extra_concat and weight is not None and bias is not None:
        install_extra_concat(clone, weight, bias)
    return clone, "\n".join(lines)


def model_shapes(model: Any) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a model's parameters by native name, as they count: not as they are packed."""
    state = model.model_state_dict(_PREFIX)
    parameters = dict(model.model.named_parameters())
    shapes = {}
    for key, tensor in state.items():
        if isinstance(tensor, torch.Tensor):
            # The 5B's second embedding, while a clone that has it is loaded, lies around the model's own.
            name = key.removeprefix(_PREFIX).replace("patch_embedding.base.", "patch_embedding.")
            shapes[name] = tuple(parameters.get(key, tensor).shape)
    return shapes


def _host_patches(report: LoraReport) -> dict[Any, Any]:
    tensors, places = named_tensors(report.targets)
    patches: dict[Any, Any] = comfy.lora.load_lora(tensors, places, log_missing=False)
    lost = [name for name, place in places.items() if place not in patches]
    if lost:
        raise WeightsMismatch(
            f"{report.file_name}: the host cannot read {len(lost)} of {len(places)} targets, first {lost[0]}."
        )
    # The host divides a DoRA's rows by the lengths of W, trainers by those of W + B A.
    for place, patch in patches.items():
        if isinstance(patch, LoRAAdapter) and patch.weights[4] is not None and patch.weights[3] is None:
            patches[place] = DoraMerge(patch.loaded_keys, patch.weights)
    return patches


def _upstream_patches(report: LoraReport, inner: Any) -> dict[Any, Any]:
    other = [t.module.stem for t in report.targets if not t.module.is_plain_pair]
    if other:
        raise InvalidInput(
            f"merge upstream needs plain pairs of A and B; {report.file_name} has {len(other)} targets of another "
            f"kind, first {other[0]}. Use merge patch."
        )
    patches: dict[Any, Any] = {}
    for target in report.targets:
        place, key = target.place, _PREFIX + target.place.key
        up = target.module.B
        assert up is not None  # of a plain pair
        if place.is_swapped:
            up = torch.cat(up.chunk(2)[::-1])
        adapter = UpstreamMerge(set(), (up, target.module.A, weakref.ref(inner)))
        patches[(key, (0, *place.rows)) if place.rows else key] = adapter
    return patches


def _how(report: LoraReport, strength: float, merge: str) -> str:
    if strength == 0:
        return "Strength 0: no weight is changed."
    if merge == "patch":
        return f"Applied as the host's patches, strength {strength:g}."
    text = f"Merged with upstream's arithmetic (bfloat16, no alpha / rank), strength {strength:g}."
    scaled = [t.module for t in report.targets if t.module.alpha not in (None, t.module.rank)]
    if scaled:
        first = scaled[0]
        text += (
            f" The file asks for alpha {first.alpha:g} at rank {first.rank}, which this arithmetic ignores."
        )
    return text


class UpstreamMerge(WeightAdapterBase):
    """A patch of the host's that computes `merge_upstream`.

    ``weights`` holds B, A and a weak reference to the host's model. The host hands patches a copy of the
    weight in float16 on many GPUs, which drops the last bits of tiny bfloat16 values; when nothing but that
    happened to it, the stored weight is read instead.
    """

    name = "matrix3d_upstream"

    def __init__(self, loaded_keys: set[str], weights: tuple[Any, ...]) -> None:
        self.loaded_keys = loaded_keys
        self.weights = weights

    def calculate_weight(
        self,
        weight: torch.Tensor,
        key: str,
        strength: float,
        strength_model: float,
        offset: tuple[int, int, int] | None,
        function: Any,
        intermediate_dtype: torch.dtype = torch.float32,
        original_weight: Any = None,
    ) -> torch.Tensor:
        """Return the merged weight; in place wherever the host counts on that."""
        up, down, owner = self.weights
        stored = _stored_weight(owner(), key, offset, weight)
        merged = merge_upstream(weight if stored is None else stored, down, up, strength)
        if stored is not None and offset is None and intermediate_dtype != weight.dtype:
            return merged  # the host converts it to the stored type, which is bfloat16 too
        return weight.copy_(merged)


class DoraMerge(WeightAdapterBase):
    """A patch of the host's that computes `merge_dora`; strength goes from the plain weight to the merged one."""

    name = "matrix3d_dora"

    def __init__(self, loaded_keys: set[str], weights: tuple[Any, ...]) -> None:
        self.loaded_keys = loaded_keys
        self.weights = weights

    def calculate_weight(
        self,
        weight: torch.Tensor,
        key: str,
        strength: float,
        strength_model: float,
        offset: tuple[int, int, int] | None,
        function: Any,
        intermediate_dtype: torch.dtype = torch.float32,
        original_weight: Any = None,
    ) -> torch.Tensor:
        """Return the merged weight, in place."""
        up, down, alpha, _, magnitudes = self.weights[:5]
        plain = weight.to(intermediate_dtype)
        merged = merge_dora(plain, down, up, magnitudes, 1.0 if alpha is None else alpha / down.shape[0])
        return weight.copy_(torch.lerp(plain, merged, strength))


def _stored_weight(
    inner: Any, key: str, offset: tuple[int, int, int] | None, weight: torch.Tensor
) -> torch.Tensor | None:
    """Return the model's own bfloat16 weight when ``weight`` is a mere float16 copy of it, else None."""
    if inner is None or weight.dtype != torch.float16:
        return None
    stored = comfy.utils.get_attr(inner, key)
    if stored.dtype != torch.bfloat16 or stored.is_meta:
        return None
    stored = stored.detach() if offset is None else stored.detach().narrow(*offset)
    if stored.shape != weight.shape:
        return None
    stored = stored.to(weight.device)
    return stored if torch.equal(stored.to(weight.dtype), weight) else None


register_folder()
