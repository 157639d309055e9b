"""Write the table of formats and readers in docs/formats.md, by running the readers.

    MATRIX3D_SPLAT_TOOLS=DIR COMFYUI_DIR=... python scripts/format_table.py

Every format is written by this library and read by each available reader: this library, ComfyUI's File3DToSplat
(in the host's interpreter), splat-transform and the SPZ library (in Node, see tests/support/splat_tools.py), gsply, and
Spark (in a browser, through tests/web/test_formats_in_spark.py). A reader agrees when every Gaussian has the position,
size, rotation, opacity and color that this library reads from the same file. A missing reader leaves its column
empty, and the script reports it.
"""

# ruff: noqa: E402
from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))
sys.path.insert(0, str(ROOT / "scripts"))
sys.path.insert(0, str(ROOT))

import torch
from comfy_server import HostProcess, find_host
from splat_scenes import random_gaussians
from splat_tools import find_splat_tools, read_with_spz_library, splat_transform

from matrix3d_core.geometry.rotations import matrix_from_quats
from matrix3d_core.io.html_world import write_html
from matrix3d_core.io.ply import read_ply
from matrix3d_core.io.splat_formats import FORMATS
from matrix3d_core.io.splats import read_gaussians, write_gaussians
from matrix3d_core.scene.gaussians import Gaussians

COUNT, BASES, SIZE_COUNT = 1000, 16, 50_000
MEASURED = tuple(form for form in FORMATS if not form.is_page and form.name != "ply 2dgs")
"""Formats of random Gaussians, which are not flat."""
READERS = ("this library", "ComfyUI", "splat-transform", "gsply", "SPZ library", "Spark")
DOCUMENT = ROOT / "docs" / "formats.md"
BEGIN, END = "<!-- table: scripts/format_table.py -->", "<!-- end of table -->"


def agreement(ours: Gaussians, theirs: Gaussians) -> str:
    """Compare a reader's result with what this library reads from the file."""
    if len(theirs) != len(ours):
        return "no"
    nearest = torch.cdist(ours.means.double(), theirs.means.double()).argmin(1)
    theirs = theirs.select(nearest)
    same = (
        (theirs.means - ours.means).abs().max() < 1e-4
        and (theirs.scales.log() - ours.scales.log()).abs().max() < 1e-3
        and (theirs.opacities - ours.opacities).abs().max() < 1e-4
        and (theirs.sh[:, 0] - ours.sh[:, 0]).abs().max() < 1e-4
    )
    if not same:
        return "differs"
    turn = matrix_from_quats(theirs.quats_wxyz.double()).mT @ matrix_from_quats(ours.quats_wxyz.double())
    if (turn - torch.eye(3)).abs().max() > 2e-3:
        return "rotations differ"
    if theirs.sh.shape[1] < ours.sh.shape[1]:
        return f"degree {int(theirs.sh.shape[1] ** 0.5) - 1}"
    return "yes" if (theirs.sh - ours.sh).abs().max() < 1e-4 else "harmonics differ"


def read_with_host(files: dict[str, Path], folder: Path) -> dict[str, Gaussians | None] | str:
    """Read the files with ComfyUI's own node."""
    place = find_host()
    if isinstance(place, str):
        return place
    with HostProcess(place, folder / "base") as process:
        report = process.call("splat_files.read_with_core", paths=files)
    return {name: path and Gaussians(*torch.load(path)) for name, path in report.items()}


def read_with_splat_transform(path: Path) -> Gaussians:
    """Let splat-transform turn a file into a PLY and read that."""
    target = path.with_suffix(".theirs.ply")
    splat_transform(find_splat_tools(), path, target)
    return read_ply(target)


def read_with_gsply(path: Path) -> Gaussians:
    """Read PLY, SPZ or SOG with gsply."""
    import gsply

    readers = {".ply": "plyread", ".spz": "read_spz", ".sog": "sogread"}
    data = getattr(gsply, readers[path.suffix])(str(path))
    sh = torch.from_numpy(data.sh0.copy())[:, None]
    if data.shN is not None and data.shN.size:
        sh = torch.cat([sh, torch.from_numpy(data.shN.copy()).reshape(len(sh), -1, 3)], 1)
    columns = (data.means, data.quats, data.scales, data.opacities)
    means, quats, scales, opacities = (torch.from_numpy(values.copy()) for values in columns)
    return Gaussians(means, quats, scales.exp(), opacities.sigmoid().reshape(-1), sh)


def read_with_library(path: Path) -> Gaussians:
    """Read an SPZ with the format's own library."""
    read = read_with_spz_library(find_splat_tools(), path)
    column = {
        name: torch.tensor(read[name], dtype=torch.float32).reshape(read["count"], -1)
        for name in ("positions", "rotations", "scales", "alphas", "colors", "sh")
    }
    sh = torch.cat([column["colors"][:, None], column["sh"].reshape(read["count"], -1, 3)], 1)
    quats = column["rotations"][:, [3, 0, 1, 2]]
    return Gaussians(column["positions"], quats, column["scales"].exp(), column["alphas"].sigmoid()[:, 0], sh)


def pictures_in_spark() -> dict[str, str]:
    """Run the browser's test and collect how close its pictures are to this library's."""
    test = "tests/web/test_formats_in_spark.py"
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", test]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return dict(re.findall(r"^\.?(\w+): ([\d.]+) dB", done.stdout, re.MULTILINE))


def make_table(folder: Path) -> list[str]:
    """Return the table's lines."""
    gaussians = random_gaussians(COUNT, BASES)
    gaussians.scales.clamp_(1e-3, 2)
    files: dict[str, Path] = {}
    for form in MEASURED:
        files[form.title] = folder / f"{form.name.split()[0]}{len(files)}{form.suffix}"
        write_gaussians(files[form.title], gaussians, kind=form.name)
    ours = {name: read_gaussians(path, axes="RDF") for name, path in files.items()}
    cells: dict[tuple[str, str], str] = {}
    in_host = read_with_host(files, folder)
    spark = pictures_in_spark()
    for name, path in files.items():
        cells[name, "this library"] = agreement(ours[name], ours[name])
        if not isinstance(in_host, str):
            read = in_host[name]
            cells[name, "ComfyUI"] = "no" if read is None else agreement(ours[name], read)
        others = {"splat-transform": read_with_splat_transform, "gsply": read_with_gsply}
        if path.suffix == ".spz":
            others["SPZ library"] = read_with_library
        for reader, function in others.items():
            if reader != "gsply" and find_splat_tools() is None:
                continue
            try:
                cells[name, reader] = agreement(ours[name], function(path))
            except ImportError:
                continue
            except (Exception, AssertionError):
                cells[name, reader] = "no"
        if spark:
            cells[name, "Spark"] = f"{spark[name.lower()]} dB" if name.lower() in spark else "no"
    for reader in READERS:
        if not any(key[1] == reader for key in cells):
            print(f"not here: {reader}", file=sys.stderr)
    lines = [f"| | kB, degree 0 | kB, degree 3 | {' | '.join(READERS)} |", "|---" * (3 + len(READERS)) + "|"]
    for name, form in ((form.title, form) for form in MEASURED):
        sizes = []
        for bases in (1, BASES):
            path = folder / f"size{form.suffix}"
            write_gaussians(path, random_gaussians(SIZE_COUNT, bases), kind=form.name)
            sizes.append(f"{path.stat().st_size / 1000:.0f}")
        row = [cells.get((name, reader), "") for reader in READERS]
        lines.append(f"| {name} | {' | '.join(sizes)} | {' | '.join(row)} |")
    write_html(folder / "size.html", random_gaussians(SIZE_COUNT, 1))
    page = os.path.getsize(folder / "size.html") / 1000
    lines.append(f"| HTML | {page:.0f} | | {' | '.join([''] * (len(READERS) - 1))} | itself |")
    return lines


def main() -> int:
    """Run the readers and replace the table in the document."""
    with tempfile.TemporaryDirectory() as folder:
        table = "\n".join(make_table(Path(folder)))
    print(table)
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
