"""Is the host new enough for the pack? Asked before anything else of the host is imported.

A file of its own, as the other ``_host*.py`` cannot be imported on an old host.
"""

from __future__ import annotations

from typing import Any

NEEDED = (0, 28)
"""First ComfyUI that has all of SPLAT, the 3D file types and the save nodes for them."""

_NEEDED_TYPES = ("Splat", "File3DSplatAny", "File3DPLY", "File3DSPZ", "Load3DCamera")


def make_extension(
    node_classes: list[type], replaced: dict[str, tuple[str, dict[str, str]]] | None = None
) -> object:
    """Return an extension that registers these nodes.

    Args:
        node_classes: the nodes.
        replaced: of each old node id the new one, and the old and new names of inputs that changed as well.
    """
    from comfy_api.latest import ComfyExtension

    class Matrix3DExtension(ComfyExtension):
        """The pack's nodes."""

        async def on_load(self) -> None:
            """Tell the host which node stands in for which old one."""
            loaded = {node.__name__: node for node in node_classes}
            for old, (new, renamed) in (replaced or {}).items():
                if new in loaded:
                    await _replace_node(old, loaded[new], renamed)

        async def get_node_list(self) -> list[type]:
            """Return the node classes."""
            return node_classes

    return Matrix3DExtension()


async def _replace_node(old_id: str, node: Any, renamed: dict[str, str]) -> None:
    """Let the host read an old node as this one: values by name, or by the order of its widgets in a workflow."""
    from comfy_api.latest import ComfyAPI, io
    from server import PromptServer

    api = ComfyAPI()
    if not hasattr(api, "node_replacement") or getattr(PromptServer, "instance", None) is None:
        return  # a host that is older than replacements, or one without a server
    old_of = {new: old for old, new in renamed.items()}
    inputs = node.define_schema().inputs
    names = {one.id: old_of.get(one.id, one.id) for one in inputs}
    await api.node_replacement.register(
        io.NodeReplace(
            new_node_id=node.__name__,
            old_node_id=old_id,
            old_widget_ids=[names[one.id] for one in inputs if isinstance(one, io.WidgetInput)],
            input_mapping=[{"new_id": new, "old_id": old} for new, old in names.items()],
        )
    )


def why_too_old() -> str | None:
    """Return one line that names the version found and the one needed, or None when all is well."""
    needed = ".".join(map(str, NEEDED))
    found = host_version()
    number = version_number(found)
    if number is not None and number < NEEDED:
        return f"needs ComfyUI {needed} or newer; this is {found}. Update ComfyUI; no node was loaded."
    from comfy_api.latest import io

    missing = [name for name in _NEEDED_TYPES if not hasattr(io, name)]
    if missing:
        names = ", ".join(missing)
        return (
            f"needs ComfyUI {needed} or newer; this is {found}, which lacks {names}. "
            "Update ComfyUI; no node was loaded."
        )
    return None


def host_version() -> str:
    """Return the host's version as it gives it, or ``an unknown version``."""
    try:
        from comfyui_version import __version__
    except ImportError:
        return "an unknown version"
    return str(__version__)


def version_number(text: str) -> tuple[int, int] | None:
    """Return major and minor of a version, or None when the text does not begin with two numbers."""
    parts = text.lstrip("v").split(".")
    if len(parts) < 2 or not parts[0].isdigit():
        return None
    minor = parts[1][: len(parts[1]) - len(parts[1].lstrip("0123456789"))]
    return (int(parts[0]), int(minor)) if minor else None
