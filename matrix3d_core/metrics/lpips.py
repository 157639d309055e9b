"""LPIPS: how unlike two pictures look, by the features of a network that knows photographs (VGG-16).

The weights are not part of this package. Read are the layouts that people have:

- a TorchScript file that maps two ``[B, 3, H, W]`` pictures in [-1, 1] to distances;
- a state dict with trunk and heads in one file, ``net.slice1.0.weight`` ... and ``lin0.model.1.weight`` ... (the
  module of the authors' package) or ``features.0.weight`` ... with the same heads;
- a folder with two such files: the trunk as torchvision has it (``vgg16-397923af.pth``) and the heads (``vgg.pth`` of
  the authors' package), as .pth, .pt or .safetensors.

Source: R. Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, 2018 (features
normalized over channels, squared difference, one non-negative weight per channel, mean over space, sum over layers);
K. Simonyan and A. Zisserman, Very Deep Convolutional Networks, 2015 (configuration D).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import FormatError, InvalidInput

__all__ = ["Lpips", "open_lpips"]

_CONVOLUTIONS = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
"""Numbers of the convolutions in torchvision's list of layers, block by block; between blocks every second pixel of the
2x2 maximum stays. The features that count are those after each block's last rectifier."""
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""What brings pictures in [-1, 1] to the mean and deviation that VGG was trained with."""
_SMALLEST = 1e-10
_LEAST_PX = 16
_SUFFIXES = (".pth", ".pt", ".safetensors")

_TRUNK = re.compile(r"(?:^|\.)(?:features|net\.slice[1-5])\.(\d+)\.(weight|bias)$")
_HEAD = re.compile(r"(?:^|\.)lins?\.?([0-4])\.model\.\d\.weight$")


class Lpips(torch.nn.Module):
    """The distance of two pictures; weights do not learn.

    Args:
        trunk: weight and bias of each convolution by its number, see the module.
        heads: one weight per channel, ``[C]`` non-negative, for each of the five blocks.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, trunk: Mapping[int, tuple[Tensor, Tensor]], heads: Mapping[int, Tensor]) -> None:
        super().__init__()
        for number, (weight, bias) in trunk.items():
            self.register_buffer(f"weight{number}", weight.detach().float())
            self.register_buffer(f"bias{number}", bias.detach().float())
        for number, head in heads.items():
            self.register_buffer(f"head{number}", head.detach().float().reshape(1, -1, 1, 1))
        self.register_buffer("shift", torch.tensor(_SHIFT).reshape(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(_SCALE).reshape(1, 3, 1, 1))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:  # [B, 3, H, W] in [-1, 1], twice -> [B]
        """Return the distances; differentiable in both."""
        if a.shape != b.shape or a.ndim != 4 or a.shape[1] != 3 or min(a.shape[2:]) < _LEAST_PX:
            raise InvalidInput(
                f"LPIPS needs two batches [B, 3, H, W] of one shape, at least {_LEAST_PX} pixels a side; got "
                f"{list(a.shape)} and {list(b.shape)}."
            )
        total = a.new_zeros(len(a))
        x = (torch.cat((a, b)) - self.shift) / self.scale
        for block, numbers in enumerate(_CONVOLUTIONS):
            if block:
                x = F.max_pool2d(x, 2)
            for number in numbers:
                x = F.relu(
                    F.conv2d(x, getattr(self, f"weight{number}"), getattr(self, f"bias{number}"), padding=1)
                )
            unit = x / (x.square().sum(1, keepdim=True) + _SMALLEST**2).sqrt().clamp_min(_SMALLEST)
            first, second = unit.chunk(2)
            total = total + ((first - second).square() * getattr(self, f"head{block}")).sum(1).mean((1, 2))
        return total


def open_lpips(path: Path | str, device: torch.device | str = "cpu") -> Callable[[Tensor, Tensor], Tensor]:
    """Read LPIPS in any of the layouts that the module lists.

    Args:
        path: a file or a folder.
        device: where it shall run.

    Returns:
        A function of two ``[B, 3, H, W]`` pictures in [-1, 1].

    Raises:
        InvalidInput: when nothing is there.
        FormatError: when it cannot be read, or something of it is missing.
    """
    place = Path(path)
    if place.is_dir():
        files = sorted(p for p in place.iterdir() if p.suffix.lower() in _SUFFIXES)
    elif place.is_file():
        files = [place]
    else:
        raise InvalidInput(f"lpips must be a file or a folder; {str(path)!r} does not exist.")
    if len(files) == 1 and _is_script(files[0]):
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", FutureWarning
            )  # torch would like to see something else than TorchScript
            result: Callable[[Tensor, Tensor], Tensor] = torch.jit.load(str(files[0]), map_location=device)
            return result
    tensors: dict[str, Tensor] = {}
    for file in files:
        tensors |= _state_of(file)
    return _from_state(tensors, place.name).to(device)


def _is_script(path: Path) -> bool:
    """Tell a TorchScript archive, which has code in it, from one that holds only tensors."""
    import zipfile

    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def _state_of(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors.torch import load_file

            return load_file(str(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the two libraries raise a dozen kinds for broken files
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise FormatError(f"{path.name}: cannot be read ({first[:200]}).") from error
    state = state.get("state_dict", state) if isinstance(state, dict) else {}
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


def _from_state(tensors: Mapping[str, Tensor], name: str) -> Lpips:
    found: dict[tuple[int, str], Tensor] = {}
    heads: dict[int, Tensor] = {}
    for key, value in tensors.items():
        if match := _TRUNK.search(key):
            found[int(match[1]), match[2]] = value
        elif match := _HEAD.search(key):
            heads[int(match[1])] = value
    numbers = [number for block in _CONVOLUTIONS for number in block]
    missing = [
        f"features.{n}.{kind}" for n in numbers for kind in ("weight", "bias") if (n, kind) not in found
    ]
    missing += [f"lin{k}" for k in range(5) if k not in heads]
    if missing:
        raise FormatError(
            f"{name}: lacks {', '.join(missing[:6])}{' and others' if len(missing) > 6 else ''}; LPIPS needs the "
            "convolutions of VGG-16 and five heads, in one file or in one folder."
        )
    channels = 3
    for number in numbers:
        weight, bias = found[number, "weight"], found[number, "bias"]
        if weight.ndim != 4 or tuple(weight.shape[1:]) != (channels, 3, 3) or bias.shape != weight.shape[:1]:
            raise FormatError(
                f"{name}: convolution {number} has shape {list(weight.shape)}; this is not VGG-16."
            )
        channels = weight.shape[0]
    for block, block_numbers in enumerate(_CONVOLUTIONS):
        width = found[block_numbers[-1], "weight"].shape[0]
        if heads[block].numel() != width:
            raise FormatError(
                f"{name}: head {block} has {heads[block].numel()} weights for {width} channels."
            )
    return Lpips({n: (found[n, "weight"], found[n, "bias"]) for n in numbers}, heads)
