"""Chooses the distance channel of a rendered file by names; ambiguous files are refused."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import FormatError
from .exr import ExrChannel

__all__ = ["choose_depth_channel"]

_PASSES = {
    "depth",
    "z",
    "zdepth",
    "depthz",
    "depthpass",
    "zpass",
    "raydepth",
    "depthray",
    "distance",
    "raydistance",
    "pz",
}
"""Names of a depth pass, in lower case without digits, spaces and dashes: Blender, Arnold, V-Ray, Nuke, Houdini."""

_COMPONENTS = ("z", "v", "y", "r", "x", "l")
"""Which channel of a depth layer is read, the first that is there."""

_VIEW_LAYERS = re.compile(r"view|layer|rgba|beauty|render|scene|camera|main|default|combined")
_NO_DISTANCE = re.compile(
    r"mist|fog|depthoffield|dof|normal|position|vector|motion|velocity|uv|index|shadow|crypto|alpha|occlusion|^ao$|^a$"
    r"|matte|mask|weight|confidence|disparity"
)
_OVERRIDE = "Name the right one in depth_channel."


def choose_depth_channel(
    file_name: str, channels: Sequence[ExrChannel], wanted: str = ""
) -> list[ExrChannel]:
    """Choose the channel that holds distances.

    A layer (or a part) that is called after depth wins, then a plain ``Z``, then the only channel of a file. Components
    of vectors, mist (0 to 1), indices, Cryptomatte and the colors of a picture are no distances.

    Args:
        file_name: begins the messages.
        channels: all channels of all parts.
        wanted: name of a channel, a layer or a part; it overrides the choice. Case-insensitive.

    Returns:
        The channel alone; or R, G and B of a file that holds nothing else: distances when the three are equal.

    Raises:
        FormatError: when no channel or several match; the message lists them.
    """
    layers: dict[str, dict[str, ExrChannel]] = {}
    for channel in channels:
        layer, _, component = channel.full_name.rpartition(".")
        layers.setdefault(layer, {})[component.lower()] = channel
    if wanted.strip():
        return [_named(file_name, channels, layers, wanted.strip().lower())]
    for rank in (_surely, _perhaps):
        found = [channel for layer, parts in layers.items() for channel in rank(layer, parts)]
        if len(found) > 1:
            raise FormatError(
                f"{file_name}: several channels may hold the distances: {_names(found)}. {_OVERRIDE}"
            )
        if found:
            return found
    shown = [channel for channel in channels if _component(channel) not in ("a", "alpha")]
    if len(shown) == 1 and not _NO_DISTANCE.search(_plain(shown[0].full_name)):
        return shown
    if len(layers) == 1 and sorted(map(_component, shown)) == ["b", "g", "r"]:
        return list(shown)
    raise FormatError(
        f"{file_name}: has no channel that is certainly a distance (a layer called depth, a single Z); found "
        f"{_names(channels)}. {_OVERRIDE}"
    )


def _component(channel: ExrChannel) -> str:
    return channel.full_name.rpartition(".")[2].lower()


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-0-9]+", "", name.lower())


def _names(channels: Sequence[ExrChannel], most: int = 24) -> str:
    names = sorted(channel.full_name for channel in channels)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _one_of(layer: dict[str, ExrChannel]) -> list[ExrChannel]:
    """Return the component of a depth layer that is read; none of a vector."""
    if {"x", "y"} <= layer.keys():
        return []
    return [next((layer[c] for c in _COMPONENTS if c in layer), next(iter(layer.values())))]


def _surely(name: str, layer: dict[str, ExrChannel]) -> list[ExrChannel]:
    if name and _plain(name.rpartition(".")[2]) in _PASSES:
        return _one_of(layer)
    found = [c for component, c in layer.items() if component != "z" and _plain(component) in _PASSES]
    return found + ([layer["z"]] if not name and "z" in layer and not {"x", "y"} & layer.keys() else [])


def _perhaps(name: str, layer: dict[str, ExrChannel]) -> list[ExrChannel]:
    last = _plain(name.rpartition(".")[2])
    if last.endswith("depth"):
        return _one_of(layer)
    is_view = "." not in name and _VIEW_LAYERS.search(last) and not _NO_DISTANCE.search(last)
    return [layer["z"]] if is_view and "z" in layer and not {"x", "y"} & layer.keys() else []


def _named(
    file_name: str, channels: Sequence[ExrChannel], layers: dict[str, dict[str, ExrChannel]], wanted: str
) -> ExrChannel:
    found = [c for c in channels if wanted in (c.full_name.lower(), c.name.lower())]
    if not found:
        inside = {name: layer for name, layer in layers.items() if wanted in _places(name)}
        found = [c for layer in inside.values() for c in _one_of(layer) or layer.values()]
        if len(inside) > 1:  # a view layer with its passes, for instance
            found = [c for name, layer in inside.items() for c in _surely(name, layer)] or found
    if len(found) == 1:
        return found[0]
    problem = f"several channels are called {wanted!r}" if found else f"has no channel called {wanted!r}"
    raise FormatError(f"{file_name}: {problem}; found {_names(found or channels)}. {_OVERRIDE}")


def _places(layer: str) -> tuple[str, ...]:
    """Return the names that a layer may be called by: its own, its pass, its view layer."""
    name = layer.lower()
    return name, name.rpartition(".")[2], name.partition(".")[0]
