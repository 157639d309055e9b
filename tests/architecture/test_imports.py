"""The rules of the rooms: who may import whom, and what an import may cost."""

import json
import subprocess
import sys
from pathlib import Path

import programs
import pytest
from import_rules import (
    HEAVY,
    ONE_FILE,
    RANK,
    ROOT,
    import_circle,
    imports_of,
    is_kernel_module,
    own_files,
    pack_files,
    violations,
)


def test_pack_keeps_the_import_rules():
    bad = [line for path in pack_files() for line in violations(path, (ROOT / path).read_text("utf-8"))]
    assert not bad, "\n" + "\n".join(bad)


def test_no_file_imports_itself_by_way_of_others():
    sources = {path: (ROOT / path).read_text("utf-8") for path in own_files()}
    assert len(sources) > 250
    assert import_circle(sources) is None


@pytest.mark.parametrize(
    ("door", "backend"),
    [
        ("from .fast import draw", "from . import door"),
        ("def f():\n    from .fast import draw", "from .door import LIMIT"),
        ("from . import fast", "class A:\n    def f(self):\n        from ..raster.door import LIMIT"),
        ("from ..io import ply", "from .door import LIMIT"),  # through another room
        ("if True:\n    import matrix3d_core.raster.fast", "from matrix3d_core.raster import door"),
    ],
)
def test_a_planted_circle_is_found(door, backend):
    core = {f"matrix3d_core/{name}.py": "" for name in ("__init__", "io/__init__", "raster/__init__")}
    core["matrix3d_core/raster/door.py"], core["matrix3d_core/raster/fast.py"] = door, backend
    core["matrix3d_core/io/ply.py"] = "from ..raster.fast import draw"
    found = import_circle(core)
    assert {"matrix3d_core/raster/door.py", "matrix3d_core/raster/fast.py"} <= set(found)
    for path, after in zip(found, [*found[1:], found[0]], strict=True):
        assert import_circle({**core, path: ""}) is None, (path, after)


def test_imports_for_types_alone_make_no_circle():
    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import b"
    assert import_circle({"matrix3d_core/a.py": types, "matrix3d_core/b.py": "from . import a"}) is None


def test_third_party_backends_are_named_in_one_file_each():
    owners = {}
    for path in pack_files():
        for _, name, is_relative, _ in imports_of(path, (ROOT / path).read_text("utf-8")):
            top = name.split(".")[0]
            if not is_relative and top in ONE_FILE:
                owners.setdefault(top, set()).add(path)
    shared = {backend: sorted(paths) for backend, paths in owners.items() if len(paths) > 1}
    assert not shared


def test_every_room_has_a_rank():
    core = ROOT / "matrix3d_core"  # folders of removed rooms may still hold what Python compiled
    rooms = {p.relative_to(core).parts[0].removesuffix(".py") for p in core.rglob("*.py")} - {"__init__"}
    assert rooms <= set(RANK)


@pytest.mark.parametrize(
    ("path", "source", "says"),
    [
        ("matrix3d_core/io/ply.py", "import comfy.utils", "host module comfy.utils"),
        ("matrix3d_core/io/ply.py", "def f():\n    import folder_paths", "host module folder_paths"),
        ("nodes/files.py", "from comfy_api.latest import io", "host module comfy_api.latest"),
        ("nodes/files.py", "from nodes import MAX_RESOLUTION", "relative imports"),
        ("nodes/_host.py", "import nodes", "ambiguous"),
        ("matrix3d_core/io/ply.py", "from ..guidance.render import x", "imports upward"),
        ("matrix3d_core/io/ply.py", "from .. import guidance", "imports upward"),
        ("matrix3d_core/io/ply.py", "def f():\n    from ..standalone import world", "imports upward"),
        ("matrix3d_core/io/ply.py", "from ..raster.mesh import x", "its own rank"),
        ("matrix3d_core/geometry/crops.py", "from ..scene.mesh import Mesh", "its own rank"),
        ("matrix3d_core/io/ply.py", "from ..utils import x", "has no rank"),
        ("matrix3d_core/io/ply.py", "from ...nodes import _host", "leaves matrix3d_core"),
        ("matrix3d_core/io/ply.py", "from matrix3d_core.scene import mesh", "absolutely"),
        ("matrix3d_core/depth/fit.py", "import scipy.ndimage", "module top"),
        (
            "matrix3d_core/depth/fit.py",
            "try:\n    import cv2\nexcept ImportError:\n    cv2 = None",
            "module top",
        ),
        ("matrix3d_core/raster/mesh.py", "import numba", "module top"),
        ("matrix3d_core/raster/mesh_warp.py", "import warp", "module top"),
        ("nodes/files.py", "def f():\n    import gsplat", "adapts and calls"),
    ],
)
def test_broken_rules_are_found(path, source, says):
    assert any(says in line for line in violations(path, source)), violations(path, source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("matrix3d_core/scene/mesh.py", "from ..geometry.spherical import sample_erp"),
        (
            "matrix3d_core/io/ply.py",
            "from ..errors import FormatError\nfrom .axes import x\nfrom . import spz",
        ),
        ("matrix3d_core/raster/mesh_numba.py", "import numba\nimport numpy"),
        ("matrix3d_core/raster/mesh_warp.py", "def load():\n    import warp as wp"),
        ("nodes/_host.py", "import comfy.utils\nfrom server import PromptServer"),
        ("nodes/files.py", "from ._host import io\nfrom ..matrix3d_core.io.ply import write_ply"),
        ("__init__.py", "async def comfy_entrypoint():\n    from .nodes import Matrix3DExtension"),
    ],
)
def test_allowed_imports_pass(path, source):
    assert violations(path, source) == []


def test_importing_every_room_brings_in_nothing_heavy():
    """With every optional package missing, all modules but the backends' own import, and stay light."""
    modules = []
    for path in pack_files():
        if path.startswith("matrix3d_core/") and not is_kernel_module(path):
            dotted = ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")
            if not dotted.endswith("__main__") and not _is_backend(path):
                modules.append(dotted)
    assert len(modules) > 20
    run = subprocess.run(
        programs.command("import_everything", json.dumps(sorted(HEAVY)), json.dumps(modules)),
        capture_output=True,
        text=True,
        env=programs.environment(),
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {"failed": {}, "loaded": []}


def _is_backend(path):
    """Tell whether a file draws on a kernel module of its own folder, as ``mesh_numba.py`` does."""
    imported = imports_of(path, (ROOT / path).read_text("utf-8"))
    return any(
        rel and top and is_kernel_module(f"{name.rsplit('.', 1)[-1]}.py") for _, name, rel, top in imported
    )


def test_importing_the_core_does_not_even_need_torch_backends():
    """``import matrix3d_core`` and listing its names must not bring in torch, let alone a backend."""
    code = "import sys, matrix3d_core as m; print({*m.__all__} <= {*dir(m)}, 'torch' in sys.modules, 'numba' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.split() == ["True", "False", "False"]


def test_importing_the_repository_root_does_not_need_the_host():
    code = "import importlib.util as u, sys; s = u.spec_from_file_location('pack', '__init__.py'); "
    code += (
        "m = u.module_from_spec(s); s.loader.exec_module(m); print('comfy' in sys.modules, m.WEB_DIRECTORY)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.split() == ["False", "./web"]
