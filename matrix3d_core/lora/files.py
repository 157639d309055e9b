"""Reading LoRA files, safetensors or pickle, and sorting their tensors by module and part."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import FormatError

__all__ = ["LoraFile", "LoraModule", "read_lora", "read_tensors", "sort_tensors"]

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
_FOUND_IN_PICKLE = re.compile(r"GLOBAL ([\w.]+)|<(?:class|function|built-in \w+) '?([\w.]+)")


@dataclass(frozen=True)
class LoraModule:
    """What a file says about one module of the network.

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
    def size(self) -> tuple[int, int] | None:
        """Rows and columns (kernel included) of the weight it was made for, where the parts tell."""
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
    """

    path: Path
    modules: Mapping[str, LoraModule]
    extra_concat: tuple[Tensor | None, Tensor | None] = (None, None)
    plain: Mapping[str, Tensor] = field(default_factory=dict)

    @cached_property
    def ranks(self) -> tuple[int, ...]:
        """Ranks that occur, ascending."""
        return tuple(sorted({m.rank for m in self.modules.values() if m.rank is not None}))


def read_lora(path: Path) -> LoraFile:
    """Read a LoRA file; its content decides the format, not its ending.

    Pickles are read without executing anything (``weights_only``). Dictionaries nested under
    ``state_dict``, ``module``, ``model`` and the like are opened; entries that are no tensors are dropped.

    Raises:
        FormatError: when the file is missing, empty, cut short, no tensor file, holds code or other objects,
            holds no LoRA, half a pair, several adapters, or NaN or infinite values.
    """
    path = Path(path)
    return sort_tensors(read_tensors(path), path)


def sort_tensors(tensors: Mapping[str, Tensor], path: Path) -> LoraFile:
    """Sort named tensors by module and part.

    Args:
        tensors: the file's content.
        path: for the messages.

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
        if ("up" in parts) != ("down" in parts):
            has, lacks = ("B (up)", "A (down)") if "up" in parts else ("A (down)", "B (up)")
            raise FormatError(
                f"{path.name} is incomplete: {stem} has {has} but no {lacks}. Get the file again."
            )
        _check_pair(stem, parts, path)
    return LoraFile(
        path,
        {stem: LoraModule(stem, parts) for stem, parts in modules.items()},
        (extra.get("weight"), extra.get("bias")),
        plain,
    )


def _check_pair(stem: str, parts: Mapping[str, Tensor], path: Path) -> None:
    if "up" not in parts or "mid" in parts:
        return
    A, B = parts["down"], parts["up"]
    if A.ndim < 2 or B.ndim < 2 or B.shape[1] != A.shape[0]:
        raise FormatError(
            f"{path.name} is damaged: {stem} must have A [r, in] and B [out, r]; got {list(A.shape)} and "
            f"{list(B.shape)}."
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


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the named tensors of a safetensors or torch file, without running anything in it.

    Raises:
        FormatError: as `read_lora`, for what concerns the file as a whole.
    """
    path = Path(path)
    if not path.is_file():
        raise FormatError(f"{path.name} does not exist.")
    size = path.stat().st_size
    if not size:
        raise FormatError(f"{path.name} is empty (0 bytes). Download it again.")
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"version https://git-lfs"):
        raise FormatError(f"{path.name} is a Git LFS pointer, not the file itself. Run `git lfs pull`.")
    if head.lstrip()[:1] == b"<":
        raise FormatError(f"{path.name} is a web page, not a LoRA. Download it again, logged in if need be.")
    if head.startswith(b"GGUF"):
        raise FormatError(f"{path.name} is a GGUF model, not a LoRA. Load it with a GGUF model loader.")
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**32:  # the length of its header
        return _read_safetensors(path)
    if head.startswith((b"PK", b"\x80")) or b"ustar" in head:
        return _read_pickle(path)
    raise FormatError(f"{path.name} is neither a safetensors file nor a torch file. Download it again.")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise FormatError(f"{path.name} is cut short or damaged ({error}). Download it again.") from error


def _read_pickle(path: Path) -> dict[str, Tensor]:
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle versions
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "truncated" in str(error):
            raise FormatError(f"{path.name} is cut short. Download it again.") from error
        found = _FOUND_IN_PICKLE.search(str(error))
        what = f" ({found[1] or found[2]})" if found else ""
        raise FormatError(
            f"{path.name} holds Python code or objects besides tensors{what}, or cannot be checked for them, and "
            "was not loaded: reading such a file can run anything. Get it as safetensors."
        ) from error
    except Exception as error:  # torch raises a dozen kinds for broken files
        raise FormatError(
            f"{path.name} is cut short or damaged ({_line(str(error)) or type(error).__name__}). "
            "Download it again."
        ) from error
    return _tensors_inside(content)


def _tensors_inside(content: Any) -> dict[str, Tensor]:
    """Return the tensors of a dictionary, or of the ones nested in it."""
    for _ in range(6):
        if not isinstance(content, Mapping):
            return {}
        tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
        nested = {str(name): value for name, value in content.items() if isinstance(value, Mapping) and value}
        named = [nested[name] for name in _WRAPPERS if name in nested]
        if tensors and not named:
            return tensors
        if not nested:
            return tensors
        content = named[0] if named else max(nested.values(), key=len)
    return {}


def _line(text: str) -> str:
    return text.strip().splitlines()[0][:160].rstrip(". ") if text.strip() else ""
