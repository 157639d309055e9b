"""Who may import whom, read off the source with ast. `violations` takes text, so it can be tested itself."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

HOST = {
    "comfy",
    "comfy_api",
    "comfy_api_nodes",
    "comfy_execution",
    "comfy_extras",
    "folder_paths",
    "nodes",
    "server",
}


def is_host_file(path):
    """``nodes/_host.py`` and its neighbors by subject, such as ``nodes/_host_roll.py``, import the host."""
    return path.startswith("nodes/_host") and path.count("/") == 1


FLOORS = (
    "errors checks strict_json progress devices compiled variables checkout machine",
    "geometry scene",
    "collision features io light motion raster metrics trajectories",
    "depth diffusion guidance lora lrm panorama splats",
    "minis optimize outpaint relight synth video",
    "evaluation explore factory layers styles",
    "objects standalone",
    "training",
    "doctor cli public",
)
RANK = {room: rank for rank, rooms in enumerate(FLOORS) for room in rooms.split()}
MAY_LOOK_ASIDE = {
    ("scene", "geometry"),
    ("trajectories", "collision"),
    ("features", "io"),
    ("metrics", "features"),
    ("io", "light"),
    ("cli", "doctor"),
}

# Packages that are slow to import or may be missing. Those in ONE_FILE are named in a single file each.
HEAVY = {*"av cv2 diffusers embreex gsplat gsply matplotlib numba nvdiffrast OpenEXR".split()}
HEAVY |= {*"scipy skimage transformers trimesh warp onnx ray torch_fidelity torchmetrics webdataset".split()}
ONE_FILE = {"embreex", "gsplat", "nvdiffrast", "warp"}


def is_kernel_module(path):
    """Kernels of numba and warp live in modules that say so, which are imported on first use only."""
    stem = Path(path).stem
    return "numba" in stem or stem.startswith("kernels") or stem.endswith("warp_kernels")


def _is_for_types(node):
    """Tell whether nothing below a node ever runs: ``if TYPE_CHECKING``."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports_of(path, source):
    """Yield ``(line, absolute dotted name, is_relative, is_at_module_top)`` for every import."""
    tree = ast.parse(source)
    parts = Path(path).parts[:-1]
    inside_functions = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _is_for_types(outer)
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        at_top = id(node) not in inside_functions
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, False, at_top
        elif isinstance(node, ast.ImportFrom):
            base = parts[: len(parts) - node.level + 1] if node.level else ()
            stem = ".".join((*base, *filter(None, [node.module])))
            if node.module is None or len(base) + len(node.module.split(".")) < 2:
                for alias in node.names:  # from . import x, from .. import x: x may be a room
                    yield node.lineno, f"{stem}.{alias.name}".strip("."), bool(node.level), at_top
            else:
                yield node.lineno, stem, bool(node.level), at_top


def room_of(dotted):
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "matrix3d_core" else None


def violations(path, source):
    """Return one line for every broken rule in a file at ``path`` relative to the repository."""
    found = []
    is_core = path.startswith("matrix3d_core/")
    here = Path(path).parts[1].removesuffix(".py") if is_core else None
    for line, name, is_relative, at_top in imports_of(path, source):
        top = name.split(".")[0]
        where = f"{path}:{line}"
        if not is_relative and top in HOST and not is_host_file(path):
            kind = (
                "use relative imports for our own nodes folder"
                if top == "nodes"
                else "take it from nodes/_host.py"
            )
            found.append(f"{where} imports host module {name}; {kind}")
        if not is_relative and top == "nodes" and is_host_file(path):
            found.append(f"{where} imports nodes absolutely, which is ambiguous with our own folder")
        if not is_relative and top == "matrix3d_core":
            found.append(f"{where} imports {name} absolutely; the host gives the pack another name")
        if top in HEAVY and at_top and not (top in ("numba", "warp") and is_kernel_module(path)):
            found.append(f"{where} imports {name} at module top; import it inside the function that needs it")
        if is_core and is_relative:
            found.extend(_upward(where, here, name))
        if path.startswith("nodes/") and not is_relative and top in HEAVY:
            found.append(f"{where} imports {name}; a node adapts and calls the core")
    return found


def _upward(where, here, name):
    target = room_of(name)
    if name.split(".")[0] != "matrix3d_core":
        yield f"{where} leaves matrix3d_core for {name}"
    elif target in (None, "__version__", here) or here == "__init__":
        return
    elif target not in RANK or here not in RANK:
        yield f"{where}: room {target if target not in RANK else here} has no rank; add it to FLOORS"
    elif RANK[target] > RANK[here]:
        yield f"{where} ({here}) imports upward: {name}"
    elif RANK[target] == RANK[here] > 0 and (here, target) not in MAY_LOOK_ASIDE:
        yield f"{where} ({here}) imports from a room of its own rank: {name}"


def pack_files():
    """Return repository-relative paths of the Python files that users load."""
    files = [ROOT / "__init__.py", *(ROOT / "matrix3d_core").rglob("*.py"), *(ROOT / "nodes").rglob("*.py")]
    return sorted(p.relative_to(ROOT).as_posix() for p in files)


IMPORT_ROOTS = ("", "scripts/", "tests/support/")
"""Where absolute imports of our own files start."""


def import_circle(sources):
    """Return paths of which each imports the next and the last the first, or None; ``sources`` maps path to text.

    Imports inside functions count, those for types alone do not.
    """
    graph = {path: {*_files_imported(path, source, sources)} - {path} for path, source in sources.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1][:0:-1]
    return None


def _files_imported(path, source, files):
    tree = ast.parse(source)
    for_types = {id(n) for outer in ast.walk(tree) if _is_for_types(outer) for n in ast.walk(outer)}
    folders = Path(path).parts[:-1]
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            dotted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = folders[: len(folders) - node.level + 1] if node.level else ()
            stem = ".".join((*base, *filter(None, [node.module])))
            dotted = [stem, *(f"{stem}.{alias.name}".strip(".") for alias in node.names)]
        else:
            continue
        for name in dotted:
            for root in IMPORT_ROOTS:
                at = root + name.replace(".", "/")
                yield from {f"{at}.py", f"{at}/__init__.py"} & files.keys()


def own_files():
    """Return repository-relative paths of the pack's files and of all that is run beside it, but for the tests."""
    beside = [ROOT / folder for folder in ("scripts", "benchmarks", "tests/support")]
    found = [p.relative_to(ROOT).as_posix() for folder in beside for p in folder.glob("*.py")]
    return sorted({*pack_files(), *found})
