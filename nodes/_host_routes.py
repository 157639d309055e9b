"""Routes of the pack: small JSON questions from its widgets, answered off the server's own thread."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from io import BytesIO
from typing import Any

import torch
from aiohttp import web
from server import PromptServer

from ..matrix3d_core.errors import Matrix3DError

__all__ = ["Gone", "answer_posts", "jpeg"]

logger = logging.getLogger(__name__)

_MOST_BYTES = 512 * 1024
_MOST_AT_ONCE = 2

Answer = Callable[[dict[str, Any]], "dict[str, Any] | bytes"]


class Gone(Matrix3DError):
    """What was asked about is not there any more; running the graph brings it back."""


def jpeg(picture: torch.Tensor) -> bytes:
    """Return ``[H, W, 3]`` in [0, 1] as a JPEG file."""
    from PIL import Image

    buffer = BytesIO()
    pixels = (picture.detach().clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def answer_posts(route: str, answer: Answer) -> None:
    """Answer POSTs of JSON objects to ``route``: a dict as JSON, bytes as a JPEG.

    Errors of the library come back as status 400 (404 for `Gone`) with ``{"error": text}``. Nothing happens where
    there is no server, as in tests of single nodes.
    """
    server = getattr(PromptServer, "instance", None)  # the host makes it before it loads packs
    if server is None:
        return
    places = asyncio.Semaphore(_MOST_AT_ONCE)

    async def handle(request: web.Request) -> web.Response:
        if (request.content_length or 0) > _MOST_BYTES:
            return _error(413, f"the question must be smaller than {_MOST_BYTES // 1024} kB")
        try:
            question = json.loads(await request.text())
        except (ValueError, RecursionError):
            return _error(400, "the question must be JSON")
        if not isinstance(question, dict):
            return _error(400, "the question must be a JSON object")
        try:
            async with places:
                made = await asyncio.to_thread(answer, question)
        except Gone as error:
            return _error(404, str(error))
        except (Matrix3DError, ValueError, TypeError, KeyError) as error:
            if not isinstance(error, Matrix3DError):
                logger.warning("ComfyUI-Matrix3D %s: %r", route, error)
            return _error(
                400, str(error) if isinstance(error, Matrix3DError) else "the question is not understood"
            )
        if isinstance(made, bytes):
            return web.Response(body=made, content_type="image/jpeg", headers={"Cache-Control": "no-store"})
        return web.json_response(made)

    server.routes.post(route)(handle)


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)
