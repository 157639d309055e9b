"""The real host for tests: where it is, a server process, and functions called inside its interpreter."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bootstrap
from comfy_host import PACK_FOLDER, ROOT, Host, HostError, mount, prepare_base
from run_tests import find_browser
from workflow_api import is_widget, options_of

__all__ = ["ComfyServer", "HostError", "HostPlace", "HostProcess", "find_browser", "find_host"]

_SERVE = Path(__file__).resolve().parents[1] / "in_host" / "serve.py"


@dataclass(frozen=True)
class HostPlace:
    """A ComfyUI folder and an interpreter that has its requirements."""

    directory: Path
    python: Path


def find_host() -> HostPlace | str:
    """Return the host to test in, or the reason why there is none.

    COMFYUI_DIR wins (run by COMFYUI_PYTHON, else by this interpreter when it has the front end, else
    by the environment in the cache); without it the one that `make test` has put into the cache.
    """
    try:
        directory, python = bootstrap.users_host(), bootstrap.users_python()
        if directory is not None:
            if python is None and importlib.util.find_spec("comfyui_frontend_package"):
                python = Path(sys.executable)
            if python is not None:
                return HostPlace(directory, python)
        setup = bootstrap.find()
    except bootstrap.SetupError as error:
        return str(error)
    if setup is None:
        return "no ComfyUI: set COMFYUI_DIR (and COMFYUI_PYTHON), or run `make test`, which gets one"
    return HostPlace(setup.host_dir, setup.host_python)


class ComfyServer(Host):
    """A running host with the pack mounted, over a temporary base folder.

    Beyond `comfy_host.Host`: the client's calls at hand, and the folders by name. The pack is mounted where it is in
    every run: the host names its modules after that path, and kernels are compiled once per name.
    """

    def __init__(self, place: HostPlace, base: Path, **options: Any) -> None:
        options.setdefault("environment", {})
        # Warnings of Python in the host land in its log, where tests can see them.
        options["environment"] = {"PYTHONWARNINGS": "default", **options["environment"]}
        config = base / "mounts.yaml"
        base.mkdir(parents=True, exist_ok=True)
        config.write_text(f"tests:\n  custom_nodes: {json.dumps(str(_mounted()))}\n", encoding="utf-8")
        options["arguments"] = (
            *options.get("arguments", ("--cpu",)),
            "--extra-model-paths-config",
            str(config),
        )
        super().__init__(place.directory, place.python, base, pack=None, **options)
        self.place = place
        self._info: dict[str, Any] = {}

    @property
    def input_dir(self) -> Path:
        """The host's input folder."""
        return self.base / "input"

    @property
    def output_dir(self) -> Path:
        """The host's output folder."""
        return self.base / "output"

    @property
    def temp_dir(self) -> Path:
        """The host's folder for temporary files; ComfyUI empties it at start."""
        return self.base / "temp"

    def object_info(self, node: str | None = None) -> dict[str, Any]:
        """Return all node schemas, or one."""
        return self.client.object_info(node)

    def own_nodes(self) -> dict[str, Any]:
        """Return the schemas of the pack's nodes by id."""
        module = f"custom_nodes.{PACK_FOLDER}"
        return {name: info for name, info in self.object_info().items() if info["python_module"] == module}

    def post(self, prompt: dict[str, Any]) -> str:
        """Queue a prompt; return its id."""
        return self.client.post(prompt)

    def wait(self, prompt_id: str, timeout: float = 300) -> dict[str, Any]:
        """Return the history entry of a prompt that has ended."""
        return self.client.wait(prompt_id, timeout)

    def run(self, prompt: dict[str, Any], timeout: float = 300) -> dict[str, Any]:
        """Run a prompt to success; return the ui outputs by node id."""
        try:
            return self.client.run(prompt, timeout)
        except BaseException:
            self.stop_all()
            raise

    def stop_all(self) -> None:
        """Let nothing run or wait, so that what comes after a failure does not wait behind it."""
        self.client.send("/queue", {"clear": True})
        self.client.interrupt()

    def upload_image(self, file: Path, **options: str) -> str:
        """Upload a file over the host's route; return its name there."""
        return self.client.upload(file, **options)

    def interrupt(self) -> None:
        """Stop what runs."""
        self.client.interrupt()

    def node(self, kind: str, **inputs: Any) -> dict[str, Any]:
        """Return a node for a prompt: these inputs, and the defaults of the other widgets."""
        info = self._info.get(kind) or self._info.setdefault(kind, self.object_info(kind)[kind])
        given = {}
        for name, spec in (info["input"].get("required") or {}).items():
            if is_widget(spec):
                options = options_of(spec)
                choices = spec[0] if isinstance(spec[0], list) else options.get("options") or [""]
                given[name] = options.get("default", choices[0])
        return {"class_type": kind, "inputs": {**given, **inputs}, "_meta": {"title": kind}}

    def post_until(self, prompt: dict[str, Any], node: str, share: float = 0.0, timeout: float = 300) -> str:
        """Queue a prompt, wait until ``node`` runs and has done ``share`` of its work; return the prompt's id.

        Raises:
            HostError: when the prompt ends before, or the time is over.
        """
        try:
            return asyncio.run(asyncio.wait_for(self._post_until(prompt, node, share), timeout))
        except BaseException:
            self.stop_all()
            raise

    async def _post_until(self, prompt: dict[str, Any], node: str, share: float) -> str:
        import aiohttp

        address = f"{self.address.replace('http', 'ws', 1)}/ws?clientId={self.client.id}"
        async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
            prompt_id = await asyncio.to_thread(self.post, prompt)
            async for message in socket:
                if message.type != aiohttp.WSMsgType.TEXT:
                    continue
                event = json.loads(message.data)
                data = event.get("data") or {}
                if data.get("prompt_id") != prompt_id:
                    continue
                state = (data.get("nodes") or {}).get(node) if event["type"] == "progress_state" else None
                if state and state["state"] == "running" and state["value"] >= share * state["max"] > 0:
                    return prompt_id
                if event["type"] in ("execution_success", "execution_error", "execution_interrupted"):
                    break
        raise HostError(
            f"the prompt ended before node {node} had done {share:.0%}", self.client.history(prompt_id)
        )

    def own_complaints(self) -> list[str]:
        """Return log lines about the pack that are no good news: errors, warnings, failed imports."""
        return [line for line in self.log().splitlines() if is_complaint(line)]


def _mounted() -> Path:
    """Return a folder of custom nodes that holds this checkout's pack."""
    folder = bootstrap.cache_dir() / f"mount-{zlib.crc32(str(ROOT).encode()):08x}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        mount(folder)
    except HostError:  # another process was faster
        mount(folder)
    return folder


def is_complaint(line: str) -> bool:
    """Return whether a log line speaks ill of the pack, or is a traceback at all.

    A library's own warning names its file, and the environment may lie in a folder with our name.
    """
    text = re.sub(r"\S*/site-packages/\S*", "", line.lower())
    about_us = "matrix3d" in text or "matrix-3d" in text or "custom_nodes" in text
    bad = any(word in text for word in ("error", "warning", "failed", "exception", "cannot", "skip "))
    return "traceback (most recent call last)" in text or (about_us and bad)


class HostProcess:
    """An interpreter of the host that runs functions of `tests/in_host`; starts at the first call, which takes seconds."""

    def __init__(self, place: HostPlace, base: Path, environment: dict[str, str] | None = None) -> None:
        self.place, self.base = place, base
        # For tensors this small a second thread only waits.
        self.environment = {"OMP_NUM_THREADS": "1", **(environment or {})}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> HostProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()

    def call(self, function: str, *, base: Path | None = None, timeout: float = 600, **arguments: Any) -> Any:
        """Return what ``module.function`` of `tests/in_host` gives for these arguments; both go as JSON, paths as text.

        ``base`` is the folder whose input, output and temp folders the host uses during the call; by default that
        of the process.

        Raises:
            HostError: when it raises or takes longer than ``timeout`` seconds; the message ends with the traceback
                or the end of the host's log.
        """
        module, name = function.split(".")
        if self._process is None or self._process.poll() is not None:
            self._process = self._start()
        process = self._process
        call = {"module": module, "function": name, "arguments": arguments, "base": base or self.base}
        timer = threading.Timer(timeout, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps(call, default=str) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            log = self._log.read_text(errors="replace")[-4000:]
            raise HostError(f"{function}: the host ended with {process.wait()}:\n{log}")
        answer = json.loads(line)
        if "error" in answer:
            raise HostError(f"{function} in the host:\n{answer['error']}")
        return answer["result"]

    @property
    def _log(self) -> Path:
        return self.base / "in_host.log"

    def _start(self) -> subprocess.Popen[str]:
        prepare_base(self.base, None)
        with self._log.open("w") as log:
            return subprocess.Popen(
                [
                    str(self.place.python),
                    str(_SERVE),
                    str(self.place.directory),
                    str(self.base),
                    str(_mounted() / PACK_FOLDER),
                ],
                cwd=self.base,
                env={**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, **self.environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
