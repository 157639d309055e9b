"""The pack inside of the host: loaded as the host does, its core importable by name, and small helpers for calls."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

folder = Path()  # set by `serve`


def _name() -> str:
    return str(folder).replace(".", "_x_")


def load() -> types.ModuleType:
    """Import the pack anew, as the host does, under a path-like module name."""
    spec = importlib.util.spec_from_file_location(_name(), folder / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_name()] = module
    spec.loader.exec_module(module)
    return module


def load_nodes() -> dict[str, Any]:
    """Load the pack anew; return its node classes by id."""

    async def ask() -> list[Any]:
        extension = await load().comfy_entrypoint()
        await extension.on_load()
        return await extension.get_node_list()

    return {node.GET_SCHEMA().node_id: node for node in asyncio.run(ask())}


def nodes(unique_id: str | None = None) -> dict[str, Any]:
    """Return the loaded pack's node classes by id, as if they stood in a graph under this id."""
    from server import PromptServer  # late: what the host takes to start is measured, too

    PromptServer.instance = None  # no page listens
    _nodes.update(_nodes or load_nodes())
    for node in _nodes.values():
        stand_in_graph(node, unique_id)
    return _nodes


_nodes: dict[str, Any] = {}


def stand_in_graph(node: Any, unique_id: str | None = None) -> Any:
    """Give a node class what the host knows of it while a graph runs; return the class."""
    node.hidden = types.SimpleNamespace(unique_id=unique_id, prompt=None, extra_pnginfo=None)
    return node


def module(name: str) -> types.ModuleType:
    """Return a module of the loaded pack, such as nodes._host; `nodes` alone is the host's."""
    if _name() not in sys.modules:
        load()
    return importlib.import_module(f"{_name()}.{name}")


class CoreOfThePack:
    """Makes ``import matrix3d_core...`` in tests give the modules of the loaded pack, so that classes are the same."""

    @classmethod
    def find_spec(cls, name: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        """Take the core's names."""
        return ModuleSpec(name, cls()) if name.split(".")[0] == "matrix3d_core" else None

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        """Return the pack's own; the import system gives it another spec, which `exec_module` takes back."""
        found = module(spec.name)
        self.spec = found.__spec__
        return found

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing to run."""
        module.__spec__ = self.spec


def defaults(node: Any) -> dict[str, Any]:
    """Return the defaults of a node's widgets."""
    inputs = node.GET_SCHEMA().inputs
    return {i.id: i.default for i in inputs if getattr(i, "default", None) is not None}


def ui(output: Any) -> dict[str, Any]:
    """Return what a node shows."""
    return output.ui if isinstance(output.ui, dict) else output.ui.as_dict()


def error(work: Callable[[], Any]) -> list[str] | None:
    """Return kind and text of what ``work`` raises, or None; the host's interrupt is no Exception."""
    try:
        work()
    except BaseException as caught:
        return [type(caught).__name__, str(caught)]
    return None


def message(work: Callable[[], Any]) -> str:
    """Return ``kind: text`` of what ``work`` raises, or "nothing"."""
    return ": ".join(error(work) or ["nothing"])


@contextlib.contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[Any]:
    """Give an attribute of the host or of the pack another value for a while."""
    missing = object()
    before = owner.__dict__.get(name, missing)
    setattr(owner, name, value)
    try:
        yield value
    finally:
        delattr(owner, name) if before is missing else setattr(owner, name, before)
