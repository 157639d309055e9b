"""ComfyUI entry point. Imports nothing until the host asks, so tests can import the repository."""

from __future__ import annotations

import logging

WEB_DIRECTORY = "./web"


async def comfy_entrypoint() -> object:
    """Return the pack's extension; the host calls this once at start."""
    try:
        from .nodes import load_extension

        return load_extension()
    except Exception:
        # The host swallows the traceback of a failing entry point, so say it here.
        logging.getLogger(__name__).exception("ComfyUI-Matrix3D could not be loaded")
        raise
