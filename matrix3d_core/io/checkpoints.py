"""Reading named tensors from safetensors and torch files: without executing them, with one kind of error."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import FormatError

__all__ = ["check_stored", "read_checkpoint"]

_OBJECT = re.compile(r"GLOBAL ([\w.]+)|<(?:class|function|built-in \w+) '?([\w.]+)")
_HEADER_LIMIT = 100_000_000  # bytes; what the safetensors library itself allows
_TEXT_LIMIT = 1_000_000  # characters of one header entry


def read_checkpoint(path: Path, what: str, *, mmap: bool = False) -> tuple[Any, dict[str, str]]:
    """Return a file's content and its header's texts; the content decides the format, not the suffix.

    Args:
        path: of the file.
        what: it should hold, for the messages, such as ``"a LoRA"``.
        mmap: map the tensors of newer torch files into memory instead of reading them.

    Returns:
        The named tensors of a safetensors file with its header's texts, or whatever a torch file holds
        (a dictionary, as a rule; see `check_stored` for its tensors) with no texts.

    Raises:
        FormatError: when the file is missing, empty, truncated, of another kind, packed, or holds objects.
    """
    path = Path(path)
    try:
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
            raise FormatError(
                f"{path.name} is a web page, not {what}. Download it again, logged in if need be."
            )
        if head.startswith(b"GGUF"):
            raise FormatError(f"{path.name} is a GGUF model, not {what}. Load it with a GGUF model loader.")
        length = int.from_bytes(head[:8], "little")  # of a safetensors header
        if head[8:9] == b"{" and (length < 2**32 or not head.startswith((b"PK", b"\x80"))):
            if length > min(size - 8, _HEADER_LIMIT):
                raise FormatError(
                    f"{path.name} is truncated or damaged (its header should be {length} bytes long, the file has "
                    f"{size} and the limit is {_HEADER_LIMIT}). Download it again."
                )
            return _read_safetensors(path)
        if head.startswith((b"PK", b"\x80")) or b"ustar" in head:
            return _read_torch(path, mmap), {}
        raise FormatError(f"{path.name} is neither a safetensors file nor a torch file. Download it again.")
    except FormatError:
        raise
    except Exception as error:  # the libraries raise a dozen exception types for broken files
        if type(error).__name__ == "UnpicklingError":
            raise _with_objects(path, str(error)) from error
        raise FormatError(
            f"{path.name} is truncated or damaged ({_line(error)}). Download it again."
        ) from error


def check_stored(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors that are not plain numbers in the file, before their values are read.

    A torch file may describe more numbers than it stores (a stride of 0), none at all (``meta``), or tensors
    that most of torch cannot work on (sparse, nested, quantized).

    Raises:
        FormatError: names the first such tensor.
    """
    path = Path(path)
    room = (
        8 * path.stat().st_size + 2**20 if path.is_file() else None
    )  # shared storages are counted each time
    total = 0
    for name, tensor in tensors.items():
        kind = _odd_kind(tensor)
        if kind:
            raise FormatError(
                f"{path.name} must hold plain tensors of numbers; {name} is {kind}. Save it as float16, bfloat16 or "
                "float32."
            )
        count, stored = tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()
        total += count
        if count > stored or (room is not None and total > room):
            raise FormatError(
                f"{path.name} is damaged: {name} claims {tensor.numel()} numbers {list(tensor.shape)[:8]}, the file "
                f"stores {stored // tensor.element_size()} for it. Download it again, or save a contiguous copy."
            )


def _odd_kind(tensor: Tensor) -> str:
    if tensor.is_nested:
        return "a nested tensor"
    if tensor.layout != torch.strided:
        return f"a sparse tensor ({str(tensor.layout).removeprefix('torch.')})"
    if tensor.device.type != "cpu":
        return f"a tensor without numbers (on {tensor.device.type!r})"
    if tensor.is_quantized:
        return f"quantized ({str(tensor.dtype).removeprefix('torch.')})"
    if tensor.is_complex() or not tensor.ndim <= 8:
        return f"complex or has too many dimensions ({tensor.dtype}, {tensor.ndim})"
    try:
        torch.zeros(1, dtype=tensor.dtype).float()
    except (RuntimeError, NotImplementedError):  # float4, bits
        return f"of type {str(tensor.dtype).removeprefix('torch.')}"
    return ""


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    from safetensors import safe_open

    with safe_open(str(path), framework="pt", device="cpu") as file:
        header = {str(k): v for k, v in (file.metadata() or {}).items() if len(v) <= _TEXT_LIMIT}
        return {name: file.get_tensor(name) for name in file.keys()}, header


def _read_torch(path: Path, mmap: bool) -> Any:
    is_zip = zipfile.is_zipfile(path)
    if is_zip:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        size = path.stat().st_size
        if unpacked > 2 * size:  # torch never compresses; each member once, no overlaps
            raise FormatError(
                f"{path.name} must store its tensors unpacked; {size} bytes unpack to {unpacked}. Save it again "
                "with torch or as safetensors."
            )
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about old ways of saving
        if mmap and is_zip:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return torch.load(file, map_location="cpu", weights_only=True)


def _with_objects(path: Path, text: str) -> FormatError:
    if "truncated" in text:
        return FormatError(f"{path.name} is truncated. Download it again.")
    found = _OBJECT.search(text)
    what = f" ({found[1] or found[2]})" if found else ""
    return FormatError(
        f"{path.name} holds Python code or objects besides tensors{what}, or cannot be checked for them, and "
        "was not loaded: reading such a file can run anything. Get it as safetensors."
    )


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0][:160].rstrip(". ") if lines else "") or type(error).__name__
