"""Reading LoRA files, safetensors or torch, and sorting their tensors by module and part."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import FormatError
from ..io.checkpoints import check_stored, read_checkpoint
from .scaling import Stated, read_adapter_config, scale_modules, stated_in

__all__ = ["LoraFile", "LoraModule", "read_content", "read_lora", "sort_tensors"]

_WRAPPERS = ("state_dict", "module", "model", "lora", "lora_state_dict", "model_state_dict", "params", "ema")
_OWN = r"(?:\.(?!weight$|bias$)(?P<adapter>[^.]+))?"  # the adapter's name that PEFT writes
_PARTS = tuple(
    (re.compile(rf"^(?P<stem>.+?){pattern}$"), part)
    for pattern, part in (
        (rf"\.lora_A{_OWN}(?:\.weight)?", "down"),
        (rf"\.lora_B{_OWN}(?:\.weight)?", "up"),
        (rf"\.lora_B{_OWN}\.bias", "diff_b"),
        (rf"\.lora_magnitude_vector{_OWN}(?:\.weight)?", "dora_scale"),
        (r"(?:\.lora_|_lora\.|\.lora\.|\.lora_linear_layer\.)down\.weight", "down"),
        (r"(?:\.lora_|_lora\.|\.lora\.|\.lora_linear_layer\.)up\.weight", "up"),
        (r"\.lora_mid\.weight", "mid"),
        (r"\.alpha", "alpha"),
        *((rf"\.{name}", name) for name in ("dora_scale", "diff", "diff_b", "set_weight", "reshape_weight")),
        *((rf"\.{name}", name) for name in ("w_norm", "b_norm", "oft_blocks", "oft_diag", "rescale")),
        *((rf"\.{name}", name) for name in ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")),
        *((rf"\.{name}", name) for name in ("hada_t1", "hada_t2", "lokr_t2")),
        *((rf"\.{name}", name) for name in ("lokr_w1", "lokr_w1_a", "lokr_w1_b")),
        *((rf"\.{name}", name) for name in ("lokr_w2", "lokr_w2_a", "lokr_w2_b")),
        *((rf"\.{name}\.weight", f"{name}.weight") for name in ("a1", "a2", "b1", "b2")),
    )
)
_EXTRA_CONCAT = re.compile(r"(?:^|\.)patch_embedding_extra_concate\.(?:\w+\.)*(?P<end>weight|bias)$")


@dataclass(frozen=True)
class LoraModule:
    """The tensors of one module of the network.

    Attributes:
        stem: the module's name in the file, prefix included (``"transformer.x_embedder"``).
        parts: tensors by part: ``down`` (A), ``up`` (B), ``mid``, ``alpha``, ``dora_scale``, ``diff``,
            ``diff_b``, and the parts of LoHa, LoKr, OFT and GLoRA under their own names.
    """

    stem: str
    parts: Mapping[str, Tensor]

    @property
    def A(self) -> Tensor | None:
        """``[r, in]`` or ``[r, in, k...]``; None when the module is no plain pair."""
        return self.parts.get("down")

    @property
    def B(self) -> Tensor | None:
        """``[out, r]`` or ``[out, r, 1...]``; None when the module is no plain pair."""
        return self.parts.get("up")

    @property
    def alpha(self) -> float | None:
        """The file's alpha; None means that the product counts as it is (scale 1)."""
        return float(self.parts["alpha"]) if "alpha" in self.parts else None

    @property
    def rank(self) -> int | None:
        """Rank of a plain pair."""
        return None if self.A is None else int(self.A.shape[0])

    @property
    def is_plain_pair(self) -> bool:
        """Whether there is nothing but A, B and perhaps alpha."""
        return set(self.parts) - {"alpha"} == {"down", "up"}

    @property
    def is_dora(self) -> bool:
        """Whether there are A, B and magnitudes, and perhaps alpha."""
        return set(self.parts) - {"alpha"} == {"down", "up", "dora_scale"}

    @property
    def size(self) -> tuple[int, int] | None:
        """Rows and columns (kernel included) of the weight it was made for, where the parts define it."""
        p = self.parts
        if "up" in p and "down" in p:
            kernel = p["mid"][0, 0].numel() if "mid" in p else 1
            return int(p["up"].shape[0]), int(p["down"][0].numel()) * kernel
        for name in ("diff", "set_weight"):
            if name in p and p[name].ndim >= 1:
                return int(p[name].shape[0]), int(p[name][0].numel())
        if "hada_w1_a" in p and "hada_w1_b" in p and "hada_t1" not in p:
            return int(p["hada_w1_a"].shape[0]), int(p["hada_w1_b"].shape[1])
        return None


@dataclass(frozen=True)
class LoraFile:
    """A LoRA file's tensors, sorted.

    Attributes:
        path: where it was read from.
        modules: by the module's name in the file.
        extra_concat: weight ``[D, 52, 1, 2, 2]`` and bias ``[D]`` of ``patch_embedding_extra_concate``, the
            second patch embedding that the panorama LoRA for Wan 2.2 5B brings; parts that the file lacks
            are None.
        plain: all other tensors: whole weights, not differences.
        scale: where the factor of the products comes from, lines of the report.
    """

    path: Path
    modules: Mapping[str, LoraModule]
    extra_concat: tuple[Tensor | None, Tensor | None] = (None, None)
    plain: Mapping[str, Tensor] = field(default_factory=dict)
    scale: tuple[str, ...] = ()

    @cached_property
    def ranks(self) -> tuple[int, ...]:
        """Ranks that occur, ascending."""
        return tuple(sorted({m.rank for m in self.modules.values() if m.rank is not None}))


def read_lora(path: Path) -> LoraFile:
    """Read a LoRA file; its content decides the format, not its suffix.

    Torch files are read without executing anything (``weights_only``). Where the file has no tensors for its
    alphas, its header and the ``adapter_config.json`` next to it are read; see `scaling`.

    Raises:
        FormatError: when the file is missing, empty, truncated, no tensor file, holds code or other objects,
            holds no LoRA, half a pair, several adapters, tensors that are no plain numbers, or NaN or infinite
            values.
    """
    path = Path(path)
    tensors, stated = read_content(path)
    return sort_tensors(tensors, path, stated)


def sort_tensors(tensors: Mapping[str, Tensor], path: Path, stated: Stated | None = None) -> LoraFile:
    """Sort named tensors by module and part.

    Args:
        tensors: the file's content.
        path: for the messages.
        stated: statements about their scale, from `read_content`.

    Raises:
        FormatError: as `read_lora`.
    """
    if not tensors:
        raise FormatError(f"{path.name} must hold a LoRA; it holds no tensors.")
    _check_finite(tensors, path)
    modules: dict[str, dict[str, Tensor]] = {}
    adapters: set[str] = set()
    plain: dict[str, Tensor] = {}
    extra: dict[str, Tensor] = {}
    scaled_biases: set[str] = set()  # peft multiplies the bias of B by the scale, too
    for name, tensor in tensors.items():
        concat = _EXTRA_CONCAT.search(name)
        found = None if concat else next(((m, part) for rx, part in _PARTS if (m := rx.match(name))), None)
        if concat:
            extra[concat["end"]] = tensor
        elif found is None:
            plain[name] = tensor
        else:
            match, part = found
            adapters.add(match.groupdict().get("adapter") or "default")
            parts = modules.setdefault(match["stem"], {})
            if part in parts:
                where = f"{path.name} must hold one LoRA; it holds several values for {match['stem']}"
                raise FormatError(f"{where} (adapters {', '.join(sorted(adapters))}). Save them apart.")
            parts[part] = tensor.reshape(-1, 1) if "magnitude" in name else tensor
            if part == "diff_b" and ".lora_B" in name:
                scaled_biases.add(match["stem"])
    if not modules:
        first = next(iter(plain or extra))
        kind = (
            "it looks like a whole model; load that with the host's own loader"
            if plain
            else "only an embedding"
        )
        raise FormatError(
            f"{path.name} must hold a LoRA (pairs such as x.lora_A.weight); got {first!r}: {kind}."
        )
    for stem, parts in modules.items():
        try:
            _ = LoraModule(stem, parts).size
        except (IndexError, RuntimeError) as error:
            shapes = {part: list(tensor.shape) for part, tensor in parts.items()}
            raise FormatError(f"{path.name} is damaged: {stem} has parts of shapes {shapes}.") from error
        if ("up" in parts) != ("down" in parts):
            has, lacks = ("B (up)", "A (down)") if "up" in parts else ("A (down)", "B (up)")
            raise FormatError(
                f"{path.name} is incomplete: {stem} has {has} but no {lacks}. Download it again."
            )
        _check_parts(stem, parts, path)
    lines = scale_modules(modules, stated or Stated(), scaled_biases)
    return LoraFile(
        path,
        {stem: LoraModule(stem, parts) for stem, parts in modules.items()},
        (extra.get("weight"), extra.get("bias")),
        plain,
        lines,
    )


def _check_parts(stem: str, parts: Mapping[str, Tensor], path: Path) -> None:
    if "alpha" in parts and parts["alpha"].numel() != 1:
        shape = list(parts["alpha"].shape)
        raise FormatError(f"{path.name} is damaged: {stem}.alpha must be one number; got {shape}.")
    if "up" not in parts or "mid" in parts:
        return
    A, B = parts["down"], parts["up"]
    if A.ndim < 2 or B.ndim < 2 or B.shape[1] != A.shape[0] or not (A.numel() and B.numel()):
        raise FormatError(
            f"{path.name} is damaged: {stem} must have A [r, in] and B [out, r]; got {list(A.shape)} and "
            f"{list(B.shape)}."
        )
    if "dora_scale" in parts and max(parts["dora_scale"].shape, default=0) not in (B.shape[0], *A.shape[1:]):
        raise FormatError(
            f"{path.name} is damaged: {stem} must have one magnitude per row ({B.shape[0]}) or column "
            f"({A.shape[1]}); got {list(parts['dora_scale'].shape)}."
        )


def _check_finite(tensors: Mapping[str, Tensor], path: Path) -> None:
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or not tensor.numel():
            continue
        values = tensor.float() if tensor.element_size() == 1 else tensor
        if not bool(torch.isfinite(values.sum(dtype=torch.float32))):  # quick; a sum may also just overflow
            bad = int((~torch.isfinite(values)).sum())
            if bad:
                raise FormatError(
                    f"{path.name} is damaged: {bad} of {tensor.numel()} values of {name} are NaN or infinite."
                )


def read_content(path: Path) -> tuple[dict[str, Tensor], Stated]:
    """Return the named tensors of a LoRA file, and what its header and an ``adapter_config.json`` state about scale.

    Dictionaries nested under ``state_dict``, ``module``, ``model`` and the like are opened; entries that are no
    tensors count as the header.

    Raises:
        FormatError: as `read_lora`, for what concerns the file as a whole.
    """
    path = Path(path)
    content, header = read_checkpoint(path, "a LoRA")
    tensors, notes = _tensors_inside(content)
    check_stored(tensors, path)
    return tensors, stated_in({**notes, **header}, read_adapter_config(path), path)


def _tensors_inside(content: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors of a dictionary, or of the ones nested in it, and the plain values met on the way."""
    notes: dict[str, Any] = {}
    for _ in range(6):
        if not isinstance(content, Mapping):
            return {}, notes
        notes |= {
            str(name): value
            for name, value in content.items()
            if isinstance(value, (str, int, float)) or "config" in str(name) or "metadata" in str(name)
        }
        tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
        nested = {str(name): value for name, value in content.items() if isinstance(value, Mapping) and value}
        named = [nested[name] for name in _WRAPPERS if name in nested]
        if (tensors and not named) or not nested:
            return tensors, notes
        content = named[0] if named else max(nested.values(), key=len)
    return {}, notes
