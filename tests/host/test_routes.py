"""The pack's routes in the running host, over raw sockets: sizes, characters and senders that no page would send."""

from __future__ import annotations

import json
import socket
import urllib.parse
import urllib.request

import pytest

pytestmark = pytest.mark.host

ROUTES = [
    "/matrix3d/studio/check",
    "/matrix3d/studio/map",
    "/matrix3d/panorama/preview",
    "/matrix3d/photo/preview",
    "/matrix3d/select",
]
JSON = "Content-Type: application/json"


def ask(comfy, head, body=b"", *, route=ROUTES[0], host=None, most=4_000_000):
    """Send one request as it is written; return status, the error's sentence, and how many bytes could be sent."""
    place = urllib.parse.urlsplit(comfy.address)
    lines = [f"POST {route} HTTP/1.1", f"Host: {host or place.netloc}", "Connection: close", *head, "", ""]
    sent = 0
    with socket.create_connection((place.hostname, place.port), timeout=60) as link:
        link.sendall("\r\n".join(lines).encode("latin-1"))
        try:
            for piece in body if not isinstance(body, bytes) else [body]:
                if sent >= most:
                    break
                link.sendall(piece)
                sent += len(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = b""
        try:
            while piece := link.recv(65536):
                answer += piece
                if b"\r\n\r\n" in answer and answer.rstrip().endswith(b"}"):
                    break
        except ConnectionResetError:
            pass
    status = int(answer.split(b" ", 2)[1])
    content = answer.partition(b"\r\n\r\n")[2]
    return status, json.loads(content).get("error", "") if content.startswith(b"{") else "", sent


def whole(comfy, body, *head, **options):
    return ask(comfy, [JSON, f"Content-Length: {len(body)}", *head], body, **options)[:2]


@pytest.fixture(scope="module", autouse=True)
def log_before(comfy):
    return len(comfy.log())


@pytest.mark.parametrize("route", ROUTES)
def test_chunked_bodies_are_cut_at_the_limit(comfy, route):
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"  # 64 kB
    pieces = (chunk for _ in range(720))  # 46 MB
    status, says, _ = ask(comfy, [JSON, "Transfer-Encoding: chunked"], pieces, route=route, most=46_000_000)
    assert (status, says) == (413, "the question must be smaller than 512 kB")
    small = b"2\r\n[]\r\n0\r\n\r\n"
    assert ask(comfy, [JSON, "Transfer-Encoding: chunked"], small, route=route)[:2] == (
        400,
        "the question must be a JSON object",
    )


def test_a_body_may_be_as_large_as_the_limit_and_no_larger(comfy):
    fits = b'{"token": "' + b"x" * (512 * 1024 - 13) + b'"}'
    assert len(fits) == 512 * 1024
    assert whole(comfy, fits)[0] == 404
    assert whole(comfy, fits + b" ") == (413, "the question must be smaller than 512 kB")


@pytest.mark.parametrize(
    ("kind", "status", "says"),
    [
        ("application/json; charset=nonsense", 415, "must be JSON in UTF-8; got charset 'nonsense'"),
        ("application/json; charset=utf-16", 415, "must be JSON in UTF-8; got charset 'utf-16'"),
        ("application/json; charset=rot13", 415, "must be JSON in UTF-8"),
        ("application/json; charset=UTF-8", 400, "must be a JSON object"),
        ('no/such; ; kind="', 400, "must be a JSON object"),
    ],
)
def test_characters(comfy, kind, status, says):
    got, sentence = ask(comfy, [f"Content-Type: {kind}", "Content-Length: 2"], b"[]")[:2]
    assert got == status
    assert says in sentence


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"\xff\xfe[]", "must be UTF-8 text"),
        (b"[" * 100_000, "nested at most"),
        (b'{"token": NaN}', "numbers must be finite"),
        (b'{"token": ' + b"9" * 5000 + b"}", "numbers must be finite"),
        (b"", "not valid JSON"),
    ],
)
def test_what_is_no_json_is_said(comfy, body, says):
    status, sentence = whole(comfy, body)
    assert status == 400
    assert sentence.startswith("the question: ")
    assert says in sentence


def test_packed_bodies_are_not_unpacked(comfy):
    status, says = whole(comfy, b"x", "Content-Encoding: gzip")[:2]
    assert (status, says) == (
        415,
        "the question must come unpacked, without a Content-Encoding",
    ) or status == 400


@pytest.mark.parametrize("route", ROUTES)
def test_only_pages_of_this_server_may_ask(comfy, route):
    here = urllib.parse.urlsplit(comfy.address)
    own = here.netloc

    def status_of(origin, host=own):
        return whole(comfy, b"{}", *([f"Origin: {origin}"] if origin else []), route=route, host=host)

    allowed = status_of(None)[0]
    assert allowed in (400, 404)
    assert status_of(f"http://{own}")[0] == allowed
    local = f"localhost:{here.port}"
    assert status_of(f"http://{local}", local)[0] == allowed
    assert status_of("http://127.0.0.1", "127.0.0.1:80")[0] == allowed  # as browsers write the usual port
    for origin in (
        "null",
        "",
        "file://",
        "http://evil.example",
        f"http://evil.example:{here.port}",
        "http://localhost:1",
    ):
        status, says = whole(comfy, b"{}", f"Origin: {origin}", route=route)
        assert status == 403, origin
        assert not says or "must come from a page of this server" in says
    for name in (
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example#@localhost",
    ):
        host = f"{name}:{here.port}"
        status, says = status_of(f"http://{host}", host)
        assert status in (400, 403), name
        if status == 403:
            assert "must go to localhost or to an address" in says
    assert status_of(None, f"evil.example:{here.port}")[0] == 403


def test_the_server_goes_on_and_says_nothing_of_it(comfy, log_before):
    """None of the above left a traceback in the host's log."""
    with urllib.request.urlopen(f"{comfy.address}/queue", timeout=30) as reply:
        assert reply.status == 200
    text = comfy.log()[log_before:]
    assert "Error handling request" not in text
    assert "LookupError" not in text
