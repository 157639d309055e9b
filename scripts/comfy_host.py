"""A ComfyUI process of our own, and a small client for its HTTP interface.

Standard library only, so it runs wherever Python does. The demo and the tests in the real host
use it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import mimetypes
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import this_system

ROOT = Path(__file__).resolve().parents[1]
PACK_FOLDER = "ComfyUI-Matrix3D"
BASE_FOLDERS = ("custom_nodes", "user", "input", "output", "temp", "models")

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class HostError(Exception):
    """The host did not start, went away, or refused what it was asked; the message says which."""

    def __init__(self, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.details = details


def free_port(preferred: int = 0) -> int:
    """Return ``preferred`` when that port is free, otherwise another free port."""
    for port in (preferred, 0) if preferred else (0,):
        with socket.socket() as probe, contextlib.suppress(OSError):
            this_system.reuse_port(probe)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise HostError("no free port on 127.0.0.1")


def prepare_base(base: Path, pack: Path | None = ROOT) -> None:
    """Make the folders a host expects and mount the pack, if any, in ``custom_nodes`` by a link."""
    for name in BASE_FOLDERS:
        (base / name).mkdir(parents=True, exist_ok=True)
    if pack is not None:
        mount(base / "custom_nodes", pack)


def mount(custom_nodes: Path, pack: Path = ROOT) -> None:
    """Link the pack into a folder of custom nodes."""
    link = custom_nodes / PACK_FOLDER
    if link.is_symlink() or link.exists():
        if link.resolve() == pack.resolve():
            return
        if not link.is_symlink():
            raise HostError(f"{link} exists and is not a link to {pack}; move it away.")
        link.unlink()
    try:
        this_system.link_folder(link, pack)
    except OSError as error:
        raise HostError(f"the pack could not be linked into {link.parent}: {error}") from error


class Client:
    """The parts of the host's HTTP interface that we use; blocking, one request at a time."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self.id = uuid.uuid4().hex

    def request(self, path: str, data: bytes | None = None, kind: str = "", timeout: float = 60) -> bytes:
        """Send one request and return the body; an HTTP error becomes a `HostError` with its JSON."""
        headers = {"Content-Type": kind} if kind else {}
        request = urllib.request.Request(self.address + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                body: bytes = response.read()
                return body
        except urllib.error.HTTPError as error:
            with error:
                body = error.read()
            with contextlib.suppress(ValueError):
                raise HostError(
                    f"{path}: {error.code} {_summary(json.loads(body))}", json.loads(body)
                ) from None
            raise HostError(f"{path}: {error.code} {body[:300].decode(errors='replace')}") from None
        except (OSError, http.client.HTTPException) as error:
            raise HostError(f"{path}: the host does not answer: {error}") from error

    def get(self, path: str, timeout: float = 60) -> Any:
        """Return the JSON under ``path``."""
        return json.loads(self.request(path, timeout=timeout))

    def send(self, path: str, value: Any) -> Any:
        """Post a JSON value and return the JSON answer, or None when it is empty."""
        body = self.request(path, json.dumps(value).encode(), "application/json")
        return json.loads(body) if body.strip() else None

    def object_info(self, node: str | None = None) -> dict[str, Any]:
        """Return the schemas of all nodes, or ``{node: schema}`` of one."""
        schemas: dict[str, Any] = self.get("/object_info" + (f"/{urllib.parse.quote(node)}" if node else ""))
        return schemas

    def post(self, prompt: dict[str, Any], extra: dict[str, Any] | None = None) -> str:
        """Queue a prompt in API format and return its id.

        Raises:
            HostError: when the host finds it invalid; ``details`` holds its ``node_errors``.
        """
        answer = self.send("/prompt", {"prompt": prompt, "client_id": self.id, "extra_data": extra or {}})
        return str(answer["prompt_id"])

    def history(self, prompt_id: str) -> dict[str, Any] | None:
        """Return a finished prompt's entry (status, outputs), or None while it is not finished."""
        entry: dict[str, Any] | None = self.get(f"/history/{prompt_id}").get(prompt_id)
        return entry

    def wait(self, prompt_id: str, timeout: float = 600) -> dict[str, Any]:
        """Wait until a prompt has ended, in whatever way, and return its history entry."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            entry = self.history(prompt_id)
            if entry is not None and entry.get("status", {}).get("status_str"):
                return entry
            time.sleep(0.1)
        raise HostError(f"prompt {prompt_id} has not ended after {timeout:.0f} s")

    def run(self, prompt: dict[str, Any], timeout: float = 600) -> dict[str, Any]:
        """Run a prompt and return ``{node id: its ui output}``.

        Raises:
            HostError: when the prompt is invalid, fails or is interrupted.
        """
        entry = self.wait(self.post(prompt), timeout)
        if entry["status"]["status_str"] != "success":
            raise HostError(failure(entry), entry)
        outputs: dict[str, Any] = entry["outputs"]
        return outputs

    def upload(self, file: Path, name: str | None = None, subfolder: str = "") -> str:
        """Put a file into the host's input folder over its upload route; return the name to refer to it."""
        boundary = uuid.uuid4().hex
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        parts = []
        for key, value in (("overwrite", "true"), ("type", "input"), ("subfolder", subfolder)):
            parts.append(
                f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            )
        head = f'Content-Disposition: form-data; name="image"; filename="{name or file.name}"'
        parts.append(f"--{boundary}\r\n{head}\r\nContent-Type: {kind}\r\n\r\n".encode())
        parts += [file.read_bytes(), f"\r\n--{boundary}--\r\n".encode()]
        body = self.request(
            "/upload/image", b"".join(parts), f"multipart/form-data; boundary={boundary}", 600
        )
        answer = json.loads(body)
        return "/".join(part for part in (answer.get("subfolder", ""), answer["name"]) if part)

    def view(self, filename: str, subfolder: str = "", type: str = "output", **_: Any) -> bytes:
        """Return the bytes of a file that a node reported; takes the dictionary it reported."""
        query = urllib.parse.urlencode({"filename": filename, "subfolder": subfolder, "type": type})
        return self.request(f"/view?{query}", timeout=600)

    def interrupt(self) -> None:
        """Stop the prompt that is running."""
        self.send("/interrupt", {})

    def free(self) -> None:
        """Ask the host to drop its cached results and models."""
        self.send("/free", {"unload_models": True, "free_memory": True})

    def queue_is_empty(self) -> bool:
        """Return whether nothing runs and nothing waits."""
        queue = self.get("/queue")
        return not queue["queue_running"] and not queue["queue_pending"]


def failure(entry: dict[str, Any]) -> str:
    """Return in one or two lines why the prompt of a history entry failed."""
    for kind, message in entry["status"].get("messages", []):
        if kind == "execution_error":
            where = f"{message.get('node_type')} (node {message.get('node_id')})"
            return f"{where}: {message.get('exception_type')}: {message.get('exception_message', '').strip()}"
        if kind == "execution_interrupted":
            return f"interrupted in {message.get('node_type')} (node {message.get('node_id')})"
    return f"ended with status {entry['status'].get('status_str')}"


def _summary(body: Any) -> str:
    """Return the message of the host's 400 and the errors of each node."""
    if not isinstance(body, dict):
        return str(body)[:300]
    error = body.get("error")
    lines = [error.get("message", "") if isinstance(error, dict) else str(error or body)]
    for node_id, report in (body.get("node_errors") or {}).items():
        reasons = (f"{e.get('message')}: {e.get('details')}" for e in report.get("errors", []))
        lines.append(f"{report.get('class_type')} (node {node_id}): " + "; ".join(reasons))
    return "; ".join(line for line in lines if line)


class Host:
    """A host process over a base folder of its own; use as a context manager, or start and stop it.

    Args:
        directory: the ComfyUI folder.
        python: the interpreter that has ComfyUI's requirements.
        base: the folder for custom_nodes, input, output, temp, user and models; made when missing.
        port: where to listen; 0 takes a free one.
        arguments: more arguments for ComfyUI's ``main.py``.
        pack: what to mount in ``custom_nodes``; None for nothing.
    """

    def __init__(
        self,
        directory: Path,
        python: Path,
        base: Path,
        *,
        port: int = 0,
        arguments: tuple[str, ...] = ("--cpu",),
        environment: dict[str, str] | None = None,
        pack: Path | None = ROOT,
    ) -> None:
        self.directory, self.python, self.base, self.pack = Path(directory), Path(python), Path(base), pack
        self.port = port or free_port()
        self.arguments, self.environment = arguments, environment or {}
        self.client = Client(f"http://127.0.0.1:{self.port}")
        self.log_path = self.base / "host.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """The address of the host's page."""
        return self.client.address

    def start(self, timeout: float = 180) -> Host:
        """Start the process and wait until it answers.

        Raises:
            HostError: when it ends early or does not answer in time, with the end of its log.
        """
        prepare_base(self.base, self.pack)
        database = (self.base / "user" / "comfyui.db").as_posix()
        command = [
            *(str(self.python), str(self.directory / "main.py"), "--listen", "127.0.0.1"),
            *("--port", str(self.port), "--base-directory", str(self.base), "--disable-api-nodes"),
            *("--disable-auto-launch", "--database-url", f"sqlite:///{database}", *self.arguments),
        ]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", **self.environment}
        environment.pop("PYTHONPATH", None)  # the caller's import path must not affect the host
        with self.log_path.open("wb") as log:
            # Its own session: Ctrl-C in our terminal reaches us, and we stop the host in order.
            self.process = subprocess.Popen(
                command,
                cwd=self.base,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        end = time.monotonic() + timeout
        try:
            while time.monotonic() < end:
                if self.process.poll() is not None:
                    raise HostError(f"ComfyUI ended with status {self.process.returncode}:\n{self.tail()}")
                with contextlib.suppress(HostError):
                    self.client.get("/system_stats", timeout=5)
                    return self
                time.sleep(0.2)
            raise HostError(f"ComfyUI does not answer after {timeout:.0f} s:\n{self.tail()}")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the process, gently first; safe to call again."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        this_system.stop_politely(process)
        for action in (process.terminate, process.kill):
            try:
                process.wait(10)
                return
            except subprocess.TimeoutExpired:
                action()
        process.wait()

    def __enter__(self) -> Host:
        """Start it."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def log(self) -> str:
        """Return the log so far, without color codes."""
        if not self.log_path.exists():
            return ""
        return _ANSI.sub("", self.log_path.read_text(encoding="utf-8", errors="replace"))

    def tail(self, lines: int = 30) -> str:
        """Return the end of the log."""
        return "\n".join(self.log().splitlines()[-lines:])

    def memory_bytes(self) -> tuple[int, int]:
        """Return the process's memory now and its peak so far (0 where the system does not say)."""
        return this_system.process_memory(self.process.pid) if self.process else (0, 0)


def has_accelerator(python: Path) -> bool:
    """Return whether torch of that interpreter sees a GPU; without one the host needs a flag."""
    code = (
        "import sys, torch; x = getattr(torch, 'xpu', None); sys.exit(not ("
        "torch.cuda.is_available() or torch.backends.mps.is_available() or (x and x.is_available())))"
    )
    done = subprocess.run([str(python), "-c", code], capture_output=True, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(__doc__)
