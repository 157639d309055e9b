"""The viewer's modules without a browser: unit tests, types, and what the host may import by itself."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest
from javascript import find_node

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
TOOLS = ROOT / "scripts" / "web"
OWN = sorted(
    path
    for path in WEB.rglob("*")
    if path.suffix in (".js", ".mjs", ".css", ".html") and "vendor" not in path.relative_to(WEB).parts
)


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=TOOLS, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


def test_pure_modules() -> None:
    files = sorted(map(str, (ROOT / "tests" / "web").glob("*.test.mjs")))
    assert len(files) >= 4
    run(find_node(), "--test", *files)


def test_types() -> None:
    compiler = TOOLS / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.exists():
        pytest.skip("needs the packages of scripts/web: npm ci --prefix scripts/web")
    run(find_node(), str(compiler), "-p", "jsconfig.json")


def test_vendored_files_are_the_locked_ones() -> None:
    if not (TOOLS / "node_modules" / "three").exists():
        pytest.skip("needs the packages of scripts/web: npm ci --prefix scripts/web")
    run(find_node(), str(ROOT / "scripts" / "vendor_web.mjs"), "--check")


def test_vendored_files_are_as_recorded() -> None:
    vendor = WEB / "vendor"
    libraries = json.loads((vendor / "libraries.json").read_text())
    assert {one["file"] for one in libraries} | {"README.md", "libraries.json"} == {
        p.name for p in vendor.iterdir()
    }
    for one in libraries:
        data = (vendor / one["file"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (one["bytes"], one["sha256"]), one["file"]
        assert one["source"] == f"https://www.npmjs.com/package/{one['library']}/v/{one['version']}"
        assert one["license"] == "MIT"
        assert (vendor / one["license_file"]).is_file()
        if one["file"].endswith(".mjs"):
            banner = f"/*! {one['library']} {one['version']}, MIT, {one['license_file']}, {one['source']} */"
            assert data.decode().startswith(banner), one["file"]


def test_sparks_webassembly_is_a_file_beside_it() -> None:
    code = (WEB / "vendor" / "spark.mjs").read_text()
    assert 'fetch(new URL("./spark.wasm", import.meta.url))' in code
    assert not re.search(r"[A-Za-z0-9+/=]{300}", code)
    assert (WEB / "vendor" / "spark.wasm").read_bytes().startswith(b"\0asm\1\0\0\0")


def test_the_host_imports_one_small_file() -> None:
    # It imports every .js below the web folder when its page opens.
    assert [path.relative_to(WEB).as_posix() for path in WEB.rglob("*.js")] == ["matrix3d.js"]
    assert (WEB / "matrix3d.js").stat().st_size < 4000


@pytest.mark.parametrize("path", sorted(WEB.rglob("*.*js")), ids=lambda path: path.name)
def test_imports_stay_inside_the_pack(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    static = re.findall(r"(?:^|[;}\s])(?:import|export)\b[^;'\"]*?\bfrom\s*[\"']([^\"'\n]+)[\"']", text)
    lazy = re.findall(r"\bimport\(\s*[\"']([^\"'\n]+)[\"']\s*\)", text)
    for name in static + lazy:
        if path.name == "matrix3d.js" and name.startswith("../../scripts/"):
            continue  # the host's own modules
        assert name.startswith("."), f"{path.name} imports {name}"
        target = (path.parent / name).resolve()
        assert target.is_file(), f"{path.name} imports {name}"
        assert target.is_relative_to(WEB.resolve()), f"{path.name} imports {name}"


def test_own_files_load_nothing_from_elsewhere() -> None:
    for path in OWN:
        assert not re.search(r"https?://", path.read_text(encoding="utf-8")), path.name


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.relative_to(WEB).as_posix())
def test_own_files_have_one_topic(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_no_global_but_the_registry() -> None:
    pattern = re.compile(
        r"\(\s*(?:window|globalThis)\s*,|\b(?:window|globalThis)(?:\.\w+|\[[^\]]+\])\s*=(?!=)"
    )
    scripts = [path for path in OWN if path.suffix in (".js", ".mjs")]
    found = {p.relative_to(WEB).as_posix() for p in scripts if pattern.search(p.read_text(encoding="utf-8"))}
    assert found == {"registry.mjs"}
