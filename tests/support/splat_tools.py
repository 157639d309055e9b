"""Other people's readers and writers of splat files, as programs: splat-transform and the SPZ library in Node.

They are not needed by the pack. `make test` installs them with the viewer's development tools (`scripts/web`);
MATRIX3D_SPLAT_TOOLS names a folder with `node_modules` of your own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

__all__ = ["find_splat_tools", "read_with_spz_library", "splat_transform"]

_ROOT = Path(__file__).resolve().parents[2]

_READ_SPZ = """
import { readFileSync, writeFileSync } from "node:fs";
const [library, source, target, axes] = process.argv.slice(2);
console.log = () => {};
const spz = await (await import(library)).default();
const cloud = spz.loadSpzFromBuffer(new Uint8Array(readFileSync(source)), { to: spz.CoordinateSystem[axes] });
const tags = (cloud.extensions ?? []).map((e) => Number(e.extensionType?.value ?? e.extensionType) >>> 0);
const names = ["positions", "rotations", "scales", "alphas", "colors", "sh"];
writeFileSync(target, JSON.stringify({
  count: cloud.numPoints, degree: cloud.shDegree, tags,
  ...Object.fromEntries(names.map((name) => [name, Array.from(cloud[name])])),
}));
"""


def find_splat_tools() -> Path | None:
    """Return the ``node_modules`` folder that has splat-transform, or None."""
    if shutil.which("node") is None:
        return None
    places = [_ROOT / "scripts" / "web" / "node_modules"]
    if chosen := os.environ.get("MATRIX3D_SPLAT_TOOLS"):
        places.insert(0, Path(chosen) / "node_modules")
    return next((p for p in places if (p / "@playcanvas" / "splat-transform").is_dir()), None)


def splat_transform(modules: Path, *arguments: str | Path) -> None:
    """Run splat-transform without a GPU; fails with its words."""
    program = modules / "@playcanvas" / "splat-transform" / "bin" / "cli.mjs"
    command = ["node", str(program), "-q", "-w", "-g", "cpu", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise AssertionError(f"splat-transform {' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}")


def read_with_spz_library(modules: Path, path: Path, *, axes: str = "UNSPECIFIED") -> dict:
    """Read an SPZ with the format's own library, turned to ``axes``; lists of numbers as it gives them.

    Rotations are xyzw, scales logarithms, alphas logits, colors SH coefficients.
    """
    target, script = path.with_suffix(".spz.json"), path.with_suffix(".spz.mjs")
    script.write_text(_READ_SPZ)
    library = (modules / "@adobe" / "spz" / "dist" / "spz.js").as_uri()
    command = ["node", str(script), library, str(path), str(target), axes]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise AssertionError(f"the SPZ library on {path.name}:\n{done.stdout}{done.stderr}")
    return json.loads(target.read_text())
