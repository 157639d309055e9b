"""Reading, checking and writing the weights of a latent reconstruction model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import FormatError, InvalidInput, WeightsMismatch
from ..io.atomic import BinaryTarget
from ..io.checkpoints import check_stored, read_checkpoint
from ..io.tensors import write_tensors
from ..strict_json import parse_json
from .config import LRMConfig, config_from_shapes
from .network import CastOps, LatentLRM

__all__ = [
    "HEADER_KEY",
    "PRECISIONS",
    "STORED_TYPES",
    "LRMWeights",
    "build_lrm",
    "convert_weights",
    "read_lrm_weights",
    "write_weights",
]

HEADER_KEY = "matrix3d_lrm"
"""Entry of a safetensors header that holds the configuration as JSON."""

STORED_TYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}
"""Number types that `convert_weights` writes."""

PRECISIONS = ("auto", *STORED_TYPES)
"""Number types to run in; auto is bf16 where the device has it, else fp32."""

_ANCHOR = "video_conv.weight"
_ALIAS = re.compile(r"\.scratch\.layer_rn\.([0-3])\.")
_UNUSED = re.compile(
    r"^(encoder_layer\.|camera_layer_norm\.|dpt_head(_gs)?\.dpt\.scratch\.refinenet4\.resConfUnit1\.)"
)
_NESTS = ("module", "state_dict", "model", "model_state_dict", "ema")
_FAMILIES = (
    (re.compile(r"lora_(A|B|up|down)|\.lora\."), "a LoRA"),
    (re.compile(r"(^|\.)blocks\.0\.(self_attn|cross_attn)\."), "a Wan diffusion model"),
    (re.compile(r"(^|\.)(double_blocks|single_blocks|transformer_blocks)\.0\."), "an image diffusion model"),
    (re.compile(r"(^|\.)decoder\.(conv1|conv_in|middle|mid|upsamples|up)\."), "a VAE"),
    (re.compile(r"(^|\.)(encoder\.block|text_model|encoder\.layers)\."), "a text encoder"),
)


@dataclass(frozen=True)
class LRMWeights:
    """The tensors of one network, under the published names.

    Attributes:
        name: of the file, for messages.
        config: read from shapes and header.
        tensors: those that the network uses; second names are resolved.
        unused: published tensors of the file that are not used.
        foreign: names of the file's other tensors (a VAE's, say).
    """

    name: str
    config: LRMConfig
    tensors: Mapping[str, Tensor]
    unused: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return one line of text."""
        count = sum(t.numel() for t in self.tensors.values())
        types = sorted({str(t.dtype).removeprefix("torch.") for t in self.tensors.values()})
        text = (
            f"{self.name}: {count / 1e6:.1f} M parameters, {', '.join(types)}, {self.config.camera} cameras"
        )
        if self.unused:
            text += f"; {len(self.unused)} published tensors that are not used"
        if self.foreign:
            text += f"; {len(self.foreign)} foreign tensors ignored (first {self.foreign[0]})"
        return text


def read_lrm_weights(path: Path | str, *, config: LRMConfig | None = None) -> LRMWeights:
    """Read a checkpoint: upstream's ``.pt`` (nested, prefixed, with other content) or safetensors.

    Nothing in the file is executed. Torch files are mapped into memory where their form allows it, so a
    tensor takes memory when it is used.

    Args:
        path: of the file; its content decides, not its suffix.
        config: overrides the file's header.

    Raises:
        FormatError: when the file is missing, empty, truncated, no tensor file, or holds objects or tensors that
            are no plain numbers.
        WeightsMismatch: when it is another model, or tensors are missing or have other shapes.
    """
    path = Path(path)
    content, header = _read_file(path)
    prefix = _find_prefix(content, path.name)
    check_stored({key: tensor for key, tensor in content.items() if key.startswith(prefix)}, path)
    return sort_weights(content, path.name, header, config)


def sort_weights(
    content: Mapping[str, Tensor],
    name: str,
    header: Mapping[str, Any] | None = None,
    config: LRMConfig | None = None,
) -> LRMWeights:
    """Pick a network's tensors out of named tensors; see `read_lrm_weights`."""
    prefix = _find_prefix(content, name)
    own: dict[str, Tensor] = {}
    unused, foreign = [], []
    for key, tensor in content.items():
        inner = key.removeprefix(prefix)
        if not key.startswith(prefix):
            foreign.append(key)
        elif _UNUSED.match(inner):
            unused.append(inner)
        else:
            own.setdefault(_ALIAS.sub(lambda m: f".scratch.layer{int(m[1]) + 1}_rn.", inner), tensor)
    try:
        config = config or config_from_shapes({key: tuple(t.shape) for key, t in own.items()}, header)
    except WeightsMismatch as error:
        raise WeightsMismatch(f"{name}: {error}") from error
    with torch.device("meta"):
        wanted = {key: tuple(t.shape) for key, t in LatentLRM(config).state_dict().items()}
    missing = [key for key in wanted if key not in own]
    wrong = [key for key in wanted if key in own and tuple(own[key].shape) != wanted[key]]
    if missing or wrong:
        raise WeightsMismatch(_explain(name, missing, wrong, own, wanted))
    foreign += [prefix + key for key in own if key not in wanted]
    tensors = {key: own[key] for key in wanted}
    for key, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise WeightsMismatch(f"{name}: {key} must be floating point; got {tensor.dtype}.")
    return LRMWeights(name, config, tensors, tuple(sorted(unused)), tuple(sorted(foreign)))


def build_lrm(weights: LRMWeights, *, ops: Any = CastOps, dtype: torch.dtype | None = None) -> LatentLRM:
    """Make the network on the CPU, ready for inference.

    Args:
        weights: see `read_lrm_weights`.
        ops: layers, see `CastOps`.
        dtype: of the parameters; None keeps float16 and bfloat16 and takes float32 otherwise.

    Raises:
        WeightsMismatch: when weights are NaN or infinite, or are so in ``dtype``.
    """
    found = {t.dtype for t in weights.tensors.values()}
    if dtype is None:
        dtype = (
            next(iter(found))
            if len(found) == 1 and found <= {torch.float16, torch.bfloat16}
            else torch.float32
        )
    model = LatentLRM(weights.config, ops=ops, dtype=dtype, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            parameter.copy_(weights.tensors[key])
            if not bool(torch.isfinite(parameter.abs().amax())):
                raise WeightsMismatch(
                    f"{weights.name}: {key} holds NaN, infinity or values too large for {_short(dtype)}. "
                    "Download it again, or use bf16 or fp32."
                )
    return model.train(False).requires_grad_(False)


def write_weights(
    target: BinaryTarget,
    tensors: Mapping[str, Tensor],
    config: LRMConfig,
    *,
    dtype: torch.dtype | None = None,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write a safetensors file that `read_lrm_weights` reads, with the configuration in its header.

    Args:
        target: path or binary file.
        tensors: under the published names; second names and unused ones are left out.
        config: of the network.
        dtype: to store; None keeps each tensor's.
        notes: further texts for the header.

    Raises:
        InvalidInput: when a value does not fit into ``dtype``.
    """
    kept: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        if _ALIAS.search(key) or _UNUSED.match(key):
            continue
        stored = tensor.detach().to("cpu", dtype or tensor.dtype)
        if not bool(torch.isfinite(stored.abs().amax())):
            raise InvalidInput(
                f"{key} must be finite as {_short(stored.dtype)}; it is not. Use bf16 or fp32."
            )
        kept[key] = stored
    write_tensors(target, kept, {"format": "pt", HEADER_KEY: config.to_json(), **(notes or {})})


def convert_weights(
    source: Path | str, target: Path | str, *, dtype: str = "bf16", config: Mapping[str, Any] | None = None
) -> LRMWeights:
    """Write a slim safetensors copy of a checkpoint; return what was read.

    Args:
        source: any file that `read_lrm_weights` takes.
        target: appears when it is complete.
        dtype: one of `STORED_TYPES`.
        config: values of `LRMConfig` that the source does not state, such as ``{"camera": "perspective"}``.

    Raises:
        FormatError: as `read_lrm_weights`.
        WeightsMismatch: as `read_lrm_weights`.
        InvalidInput: for an unknown type, or values that do not fit into it.
    """
    if dtype not in STORED_TYPES:
        raise InvalidInput(f"dtype must be one of {', '.join(STORED_TYPES)}; got {dtype!r}.")
    weights = read_lrm_weights(source)
    if config:
        weights = replace(weights, config=replace(weights.config, **config))
    notes = {"source": Path(source).name, "left_out": json.dumps(len(weights.unused) + len(weights.foreign))}
    write_weights(target, weights.tensors, weights.config, dtype=STORED_TYPES[dtype], notes=notes)
    return weights


# Files ------------------------------------------------------------------------------------------------


def _read_file(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    content, header = read_checkpoint(path, "a model", mmap=True)
    stated = parse_json(header.get(HEADER_KEY, "{}"), source=f"{path.name}: the header entry {HEADER_KEY}")
    if not isinstance(stated, dict):
        raise FormatError(
            f"{path.name}: the header entry {HEADER_KEY} must be a JSON object; got a {type(stated).__name__}."
        )
    return _tensors_inside(content), {k: tuple(v) if isinstance(v, list) else v for k, v in stated.items()}


def _tensors_inside(content: Any) -> dict[str, Tensor]:
    """Unwrap the nesting that trainers put around a state dict; non-tensors are dropped."""
    for _ in range(4):
        if not isinstance(content, Mapping):
            return {}
        nest = next((content[n] for n in _NESTS if isinstance(content.get(n), Mapping) and content[n]), None)
        if nest is None:
            break
        content = nest
    return {str(key): value for key, value in content.items() if isinstance(value, Tensor)}


def _find_prefix(content: Mapping[str, Tensor], name: str) -> str:
    found = sorted((k for k in content if k == _ANCHOR or k.endswith(f".{_ANCHOR}")), key=len)
    if found:
        return found[0].removesuffix(_ANCHOR)
    if not content:
        raise WeightsMismatch(f"{name} must hold a latent reconstruction model; it holds no tensors.")
    for key in content:
        for pattern, what in _FAMILIES:
            if pattern.search(key):
                raise WeightsMismatch(
                    f"{name} must hold a latent reconstruction model (a tensor {_ANCHOR}); it looks like {what} "
                    f"({key}). The model's file is pano_lrm_480p.pt."
                )
    raise WeightsMismatch(
        f"{name} must hold a latent reconstruction model (a tensor {_ANCHOR}); got {len(content)} others, first "
        f"{next(iter(content))}. The model's file is pano_lrm_480p.pt."
    )


def _explain(
    name: str,
    missing: list[str],
    wrong: list[str],
    own: Mapping[str, Tensor],
    wanted: Mapping[str, tuple[int, ...]],
) -> str:
    parts = []
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        parts.append(f"{len(missing)} of {len(wanted)} tensors are missing ({', '.join(missing[:3])}{more})")
    if wrong:
        key = wrong[0]
        parts.append(f"{key} must be {list(wanted[key])}, got {list(own[key].shape)} ({len(wrong)} such)")
    return f"{name} does not fit the reconstruction model: {'; '.join(parts)}. Download it again."


def _short(dtype: torch.dtype) -> str:
    return next((short for short, known in STORED_TYPES.items() if known == dtype), str(dtype))
