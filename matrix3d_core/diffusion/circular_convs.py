"""Makes a network's convolutions circular in width for a while, so that a panorama has no border in it.

Normalizations and attention already treat all columns alike; with circular convolutions the whole network
is equivariant to rolls of its input by its stride, and its statistics are those of the picture alone, without
padding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InvalidInput

__all__ = ["BorderLost", "circular_convs", "resolve_seam_mode", "why_not_circular"]


class BorderLost(InvalidInput):
    """The width of the network's input changed while its convolutions were circular."""


def why_not_circular(network: nn.Module) -> str | None:
    """Return why a network's convolutions cannot wrap in width, or None when they can.

    Known are 2D and 3D convolutions that pad with zeros themselves, or whose module keeps a padding
    list for them (``_padding``, as causal video convolutions in diffusers do), and those of stride 2
    that get one column of zeros on the right from their caller, as in image and video autoencoders.
    """
    convs = _wide_convs(network)
    if not convs:
        return "it has no convolutions with a width above 1"
    for name, conv in convs:
        reason = _why_not(conv)
        if reason is not None:
            return f"its layer {name} {reason}"
    return None


@contextmanager
def circular_convs(network: nn.Module) -> Iterator[None]:
    """Let all convolutions of a network wrap around in width while the block runs.

    Weights are not touched, and modules are restored afterwards, also after an exception. Not for
    concurrent use of one network. Input must be whole: a tile of a picture would be joined at its own
    edges. So a later call with another width than the first raises.

    Args:
        network: holds `torch.nn.Conv2d` and `torch.nn.Conv3d` layers or subclasses.

    Raises:
        InvalidInput: when a layer cannot be made to wrap; see `why_not_circular`.
        BorderLost: out of the network, when width changes between calls within the block.
    """
    reason = why_not_circular(network)
    if reason is not None:
        raise InvalidInput(
            f"the network cannot wrap around in width: {reason}. Use a margin (mode padded) instead."
        )
    guard = _WidthGuard()
    undo: list[Callable[[], None]] = []
    try:
        for _, conv in _wide_convs(network):
            undo.append(_wrap(conv, guard))
        yield
    finally:
        for restore in undo:
            restore()


class _WidthGuard:
    """Remembers the first layer that runs and refuses another input width there."""

    def __init__(self) -> None:
        self.first: nn.Module | None = None
        self.width = 0

    def check(self, conv: nn.Module, width: int) -> None:
        if self.first is None:
            self.first, self.width = conv, width
        elif conv is self.first and width != self.width:
            raise BorderLost(
                f"pictures must keep their width while convolutions wrap around; got {width} columns after "
                f"{self.width}. Most likely memory ran out and the picture was cut into tiles: set a smaller "
                "tile height, or use mode padded with a tile width."
            )


def _wide_convs(network: nn.Module) -> list[tuple[str, Any]]:
    return [
        (name, module)
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Conv3d) and module.kernel_size[-1] > 1
    ]


def _own_padding(conv: Any) -> int | None:
    """Columns of zeros that the layer itself adds on each side, or None when they are not symmetric."""
    listed = getattr(conv, "_padding", None)
    if isinstance(listed, tuple | list) and len(listed) == 6:
        return int(listed[0]) if listed[0] == listed[1] else None
    return int(conv.padding[-1]) if isinstance(conv.padding, tuple) else None


def _why_not(conv: Any) -> str | None:
    kernel, stride, pads = conv.kernel_size[-1], conv.stride[-1], _own_padding(conv)
    if conv.dilation[-1] != 1 or pads is None or conv.padding_mode not in ("zeros", "circular"):
        return "has an unknown padding or dilation"
    if stride == 1 and pads == (kernel - 1) // 2 and kernel % 2 == 1:
        return None
    if stride == 2 and pads == 0 and kernel == 3:
        return None  # the picture comes with one more column of zeros on the right
    return f"has kernel {kernel}, stride {stride} and padding {pads} in width"


def _wrap(conv: Any, guard: _WidthGuard) -> Callable[[], None]:
    """Replace one layer's arithmetic on the instance; return what restores it."""
    pads, plain = _own_padding(conv) or 0, conv._conv_forward
    padding, listed = conv.padding, getattr(conv, "_padding", None)

    def wrapped(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if pads:
            guard.check(conv, x.shape[-1])
            x = torch.cat((x[..., -pads:], x, x[..., :pads]), dim=-1)
        else:
            guard.check(conv, x.shape[-1] - 1)
            x = torch.cat((x[..., :-1], x[..., :1]), dim=-1)
        result: Tensor = plain(x, *args, **kwargs)
        return result

    conv._conv_forward = wrapped
    if pads and isinstance(listed, tuple | list):
        conv._padding = (0, 0, *listed[2:])
    elif pads:
        conv.padding = (*padding[:-1], 0)

    def restore() -> None:
        del conv._conv_forward
        conv.padding = padding
        if isinstance(listed, tuple | list):
            conv._padding = listed

    return restore


def resolve_seam_mode(seam_mode: str, network: nn.Module, tile_width: int) -> str:
    """Resolve the border mode: ``auto`` becomes ``circular`` where it works, else ``padded``.

    Args:
        seam_mode: ``"auto"``, ``"circular"`` or anything else, which is returned as it is.
        network: the autoencoder.
        tile_width: columns of a tile; 0 = the whole width.

    Raises:
        InvalidInput: when ``circular`` was asked for and the network or the tiles forbid it.
    """
    if seam_mode not in ("auto", "circular"):
        return seam_mode
    reason = why_not_circular(network)
    if tile_width > 0:
        reason = f"it needs the whole width, but the tile width is {tile_width}"
    if reason is None:
        return "circular"
    if seam_mode == "circular":
        raise InvalidInput(
            f"seam_mode circular must have convolutions that can wrap around: {reason}. Use padded, or auto."
        )
    return "padded"
