"""The archive that goes to the Comfy registry: nothing in it that the registry's scan flags."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from registry_rules import PLANTED, RULES, VENDOR, archive_files, findings, unknown_bundles

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Return the archive's files, packed and unpacked as a user gets them."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("needs a git checkout")
    path = tmp_path_factory.mktemp("publish") / "node.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in archive_files(ROOT):
            target.write(ROOT / name, name)
    with zipfile.ZipFile(path) as source:
        return {name: source.read(name) for name in source.namelist()}


def test_it_holds_what_the_pack_needs_and_nothing_else(archive):
    assert {
        "__init__.py",
        "pyproject.toml",
        "requirements.txt",
        "nodes/__init__.py",
        "web/matrix3d.js",
    } <= set(archive)
    assert {f"{VENDOR}spark.wasm", f"{VENDOR}libraries.json"} <= set(archive)
    kinds = {name.split("/")[0] for name in archive}
    assert not kinds & {"tests", "benchmarks", "scripts", ".ci", "Makefile", ".github"}


def test_the_registry_finds_nothing(archive):
    found = [line for name, content in archive.items() for line in findings(name, content)]
    assert not found, "\n" + "\n".join(found)


def test_every_bundled_library_is_listed(archive):
    assert unknown_bundles(archive) == []


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_fires(rule):
    for line in PLANTED[rule]:
        for name in ("nodes/x.py", "web/x.mjs", "docs/x.md"):
            found = findings(name, f"x = 1\n# {line}\n".encode())
            assert any(text.startswith(f"{rule}: {name}:2: ") for text in found), line


def test_long_base64_and_unknown_bundles_are_found(archive):
    assert findings("web/x.mjs", b"const x = '" + b"QUJD" * 100 + b"';") == [
        "long base64: web/x.mjs: 400 characters"
    ]
    assert findings(f"{VENDOR}x.mjs", b"const x = '" + b"QUJD" * 100 + b"';")
    spark = f"{VENDOR}spark.mjs"
    changed = {
        **archive,
        spark: archive[spark] + b" ",
        "web/packed.mjs": b"x;" * 2000,
        "nodes/y.so": b"\x7fELF",
    }
    changed[f"{VENDOR}more.mjs"] = b"x"
    assert sorted(unknown_bundles(changed)) == [
        "nodes/y.so: not listed",
        "web/packed.mjs: not listed",
        f"{VENDOR}more.mjs: not listed",
        f"{VENDOR}spark.mjs: not as listed",
    ]


@pytest.mark.parametrize(
    "line", ["pattern = re.compile(text)", "module.compile()", "self.retrieval(x)", "evaluate(x)"]
)
def test_what_only_looks_like_it_passes(line):
    assert findings("nodes/x.py", line.encode()) == []
