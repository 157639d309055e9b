"""Peak memory of PanoVideoConditioning in the real host: 81 frames of 1440x720, beyond the models.

A child process of the host's interpreter loads a tiny Wan VAE (its real layout, narrow), makes guidance as
MeshGuidanceRender returns it (float32 frames and mask, 1.34 GB), and runs the node. Counted is the highest
resident memory above what the process held when the VAE was loaded, so the guidance counts as well. A VAE of the
released width holds more per tile; ``activations`` says how much, measured on one tile of a random one for as
many frames as make its caches full. All tiles have one size: the first ``--tiles`` are encoded, for the others the
last result stands in, and the node goes through to its end.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from common import ROOT, check, finish, machine, parser

sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "scripts")]

_LIMIT_GB = 3.0


def main() -> int:
    """Measure, print, write, and check the limit."""
    reader = parser(__doc__ or "")
    reader.add_argument("--tiles", type=int, default=6, help="tiles to really encode; 0 for all (25 of them)")
    arguments = reader.parse_args()
    frames, height = (9, 128) if arguments.quick else (81, 720)
    from comfy_server import HostProcess, find_host
    from tiny_models import write_tiny_models

    host = find_host()
    if isinstance(host, str):
        print(host, file=sys.stderr)
        return 2
    where = machine()
    with tempfile.TemporaryDirectory() as folder:
        path = write_tiny_models(Path(folder) / "models", ["wan_vae"])["wan_vae"]
        with HostProcess(
            host, Path(folder) / "base", environment={"OMP_NUM_THREADS": str(os.cpu_count())}
        ) as process:
            found = process.call(
                "conditioning_memory.measure",
                timeout=3600,
                vae_file=path,
                frame_count=frames,
                height=height,
                tiles=arguments.tiles,
                wide_too=not arguments.quick,
            )
    gigabytes = {name: found[name] / 1e9 for name in ("peak", "given", "activations")}
    after = [value / 1e9 for value in found["after"]]
    print("peak after each tile:", ", ".join(f"{value:.2f}" for value in after), "GB")
    for name, value in gigabytes.items():
        print(f"{name}: {value:.2f} GB")
    milliseconds = statistics.median([found["seconds"]]) * 1e3
    results = [
        {
            "name": f"{frames} frames of {2 * height}x{height}, {len(after)} tiles encoded",
            "median_ms": milliseconds,
            "iqr_ms": 0.0,
            "least_ms": milliseconds,
            "runs": 1,
            "peak_gb": gigabytes["peak"],
            "peak_after_each_tile_gb": after,
            "of_which_guidance_gb": gigabytes["given"],
            "activations_of_a_full_width_tile_gb": gigabytes["activations"],
        }
    ]
    checks = [check(f"GB left of {_LIMIT_GB:g} beyond the models", _LIMIT_GB - gigabytes["peak"], least=0.0)]
    settings = {
        "frames": frames,
        "height": height,
        "encode_seam_mode": "circular",
        "tiled": True,
        "tiles_encoded": len(after),
        "vae": "tiny Wan 2.1",
    }
    return finish("memory_conditioning", where, settings, results, checks, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
