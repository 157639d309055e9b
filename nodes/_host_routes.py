"""Routes of the pack: small JSON questions from its widgets, read with a limit, answered off the server's thread."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from comfy.cli_args import args
from server import PromptServer

from ..matrix3d_core.errors import FormatError, Matrix3DError
from ..matrix3d_core.strict_json import parse_json

__all__ = ["Gone", "answer_posts"]

logger = logging.getLogger(__name__)

_MOST_BYTES = 512 * 1024
_MOST_AT_ONCE = 2
_READ_SECONDS = 30.0

Answer = Callable[[dict[str, Any]], "dict[str, Any] | bytes"]


class Gone(Matrix3DError):
    """What was asked about is not there any more; running the graph brings it back."""


def answer_posts(route: str, answer: Answer, *, kind: str = "image/jpeg") -> None:
    """Answer POSTs of JSON objects to ``route``: a dict as JSON, bytes as content of a kind.

    Only pages of this server may ask (`_why_foreign`). Errors of the library come back as status 400 (404 for
    `Gone`) with ``{"error": text}``. Nothing happens where there is no server, as in tests of single nodes.
    """
    server = getattr(PromptServer, "instance", None)  # the host makes it before it loads packs
    if server is None:
        return
    places = asyncio.Semaphore(_MOST_AT_ONCE)

    async def handle(request: web.Request) -> web.Response:
        reason = _why_foreign(request)
        if reason:
            return _error(403, reason)
        try:
            body = await _read(request)
            question = await asyncio.to_thread(parse_json, body, source="the question")
        except _Refused as refused:
            return _error(refused.status, str(refused))
        except FormatError as error:
            return _error(400, str(error))
        if not isinstance(question, dict):
            return _error(400, "the question must be a JSON object")
        try:
            async with places:
                made = await asyncio.to_thread(answer, question)
        except Gone as error:
            return _error(404, str(error))
        except Matrix3DError as error:
            return _error(400, str(error))
        except Exception as error:  # such as a value of an unexpected type
            logger.warning("ComfyUI-Matrix3D %s: %r", route, error)
            return _error(400, "the question is not understood")
        if isinstance(made, bytes):
            return web.Response(body=made, content_type=kind, headers={"Cache-Control": "no-store"})
        return web.json_response(made)

    server.routes.post(route)(handle)


class _Refused(Exception):
    """A question that is not read to its end; its text says why."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


async def _read(request: web.Request) -> bytes:
    """Return a question's bytes, reading no more than the limit, whatever the request says about its length."""
    too_large = _Refused(413, f"the question must be smaller than {_MOST_BYTES // 1024} kB")
    if "Content-Encoding" in request.headers:
        raise _Refused(415, "the question must come unpacked, without a Content-Encoding")
    try:
        charset = (request.charset or "utf-8").lower()
    except ValueError:
        charset = "unknown"
    if charset not in ("utf-8", "utf8", "us-ascii", "ascii"):
        raise _Refused(415, f"the question must be JSON in UTF-8; got charset {charset[:40]!r}")
    if (request.content_length or 0) > _MOST_BYTES:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(_READ_SECONDS):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise too_large
    except TimeoutError:
        raise _Refused(408, f"the question must arrive within {_READ_SECONDS:g} seconds") from None
    return bytes(body)


def _why_foreign(request: web.Request) -> str:
    """Say why a request may not come from a page of this server, or return nothing.

    A page elsewhere can send requests here: with an ``Origin`` of its own, with ``null`` (a file, a sandboxed frame),
    or under a name of its own that it lets point at this machine. The host checks only the first. Whoever starts it
    with ``--enable-cors-header`` has opened it on purpose.
    """
    if args.enable_cors_header is not None:
        return ""
    host = request.headers.get("Host", "").lower()
    name = _name_of(host)
    peer = request.transport.get_extra_info("peername") if request.transport else None
    is_from_here = isinstance(peer, tuple) and _is_loopback(str(peer[0]))
    if is_from_here and not (_is_address(name) or name == "localhost" or name.endswith(".localhost")):
        return (
            f"requests from this machine must go to localhost or to an address; got the host {name[:60]!r}. Open "
            "ComfyUI as http://localhost, or start it with --enable-cors-header"
        )
    origin = request.headers.get("Origin")
    if origin is None:
        return ""
    if _without_port(origin.lower().partition("://")[2], origin) != _without_port(host, origin):
        return f"requests must come from a page of this server ({host[:60]}); got the origin {origin[:60]!r}"
    return ""


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _without_port(host: str, origin: str) -> str:
    """Return a host with its port, left out where it is the one that the origin's scheme means anyway."""
    return host.removesuffix(":443" if origin.lower().startswith("https:") else ":80")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_address(name.partition("%")[0]) and (
        ipaddress.ip_address(name.partition("%")[0]).is_loopback or name.startswith("::ffff:127.")
    )


def _error(status: int, text: str) -> web.Response:
    answer = web.json_response({"error": text}, status=status)
    if status in (403, 408, 413, 415):
        answer.force_close()  # what is left of the question is not read
    return answer
