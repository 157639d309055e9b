"""Is the host new enough for the pack? Asked before anything else of the host is imported.

A file of its own, as the other ``_host*.py`` cannot be imported on an old host.
"""

from __future__ import annotations

NEEDED = (0, 28)
"""First ComfyUI that has all of SPLAT, the 3D file types and the save nodes for them."""

_NEEDED_TYPES = ("Splat", "File3DSplatAny", "File3DPLY", "File3DSPZ", "Load3DCamera")


def make_extension(node_classes: list[type]) -> object:
    """Return an extension that registers these nodes."""
    from comfy_api.latest import ComfyExtension

    class Matrix3DExtension(ComfyExtension):
        """The pack's nodes."""

        async def get_node_list(self) -> list[type]:
            """Return the node classes."""
            return node_classes

    return Matrix3DExtension()


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
