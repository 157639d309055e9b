"""Thin wrappers: adapt the host's values, call the core, adapt back. No arithmetic lives here."""

from __future__ import annotations

import importlib

from ._host import ComfyExtension, io

# One file per family; each lists its node classes in NODES.
_FAMILIES = ("panorama", "trajectory", "guidance", "fill", "splat", "preview", "files")


class Matrix3DExtension(ComfyExtension):
    """All nodes of the pack."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Return the node classes in menu order."""
        families = [importlib.import_module(f".{name}", __name__) for name in _FAMILIES]
        return [node for family in families for node in family.NODES]
