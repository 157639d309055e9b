"""Peak memory of PanoVideoConditioning in the real host: 81 frames of 1440x720, beyond the models.

A child process of the host's interpreter loads a tiny Wan VAE (its real layout, narrow), makes guidance as
MeshGuidanceRender returns it (float32 frames and mask, 1.34 GB), and runs the node. Counted is the highest
resident memory above what the process held when the VAE was loaded, so the guidance counts as well. A VAE of the
released width holds more per tile; ``activations`` says how much, measured on one tile of a random one for as
many frames as make its caches full. All tiles have one size: the first ``--tiles`` are encoded, for the others the
last result stands in, and the node goes through to its end.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from common import ROOT, check, finish, machine, parser

sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "scripts")]

_LIMIT_GB = 3.0

_CODE = """
import time, types
import torch
import comfy.sd, comfy.utils
from comfy.ldm.wan.vae import WanVAE
torch.set_grad_enabled(False)
own = load_nodes()
node = own["PanoVideoConditioning"]
node.hidden = types.SimpleNamespace(unique_id=None)

def resident(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key + ":")) * 1024

def reset_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")

vae = comfy.sd.VAE(sd=comfy.utils.load_torch_file(VAE))
vae.encode(torch.zeros(5, 64, 128, 3))
encode, last, peaks = vae.encode, [None], []

def encode_some(pixels):
    if not TILES or len(peaks) < TILES:
        last[0] = encode(pixels)
        peaks.append(resident("VmHWM"))
    return last[0].clone()

vae.encode = encode_some
inputs = {i.id: i.default for i in node.GET_SCHEMA().inputs
          if not i.optional and getattr(i, "default", None) is not None}
text = [[torch.zeros(1, 512, 4096), {}]]
reset_peak()
base = resident("VmRSS")
frames = torch.rand(FRAMES, HEIGHT, 2 * HEIGHT, 3)
mask = (torch.rand(FRAMES, HEIGHT, 2 * HEIGHT) > 0.5).float()
given = resident("VmRSS") - base
size = {"size": "custom", "height": HEIGHT, "width": 2 * HEIGHT}
start = time.perf_counter()
done = node.execute(**{**inputs, **size, "vae": vae, "positive": text, "negative": text,
                       "frames": frames, "mask": mask})
seconds = time.perf_counter() - start
peak = resident("VmHWM") - base
del frames, mask, done

activations = 0
if WIDE:
    wide = WanVAE(dim=96, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2, attn_scales=[],
                  temperal_downsample=[False, True, True]).eval()
    for weight in wide.parameters():
        weight.copy_(torch.randn(weight.shape) * 0.02)
    tile = torch.rand(1, 3, 5, 240, 416)
    reset_peak()
    before = resident("VmRSS")
    wide.encode(tile)
    activations = resident("VmHWM") - before
after = [value - base for value in peaks]
result({"peak": peak, "after": after, "given": given, "seconds": seconds, "activations": activations})
"""


def main() -> int:
    """Measure, print, write, and check the limit."""
    reader = parser(__doc__ or "")
    reader.add_argument("--tiles", type=int, default=6, help="tiles to really encode; 0 for all (25 of them)")
    arguments = reader.parse_args()
    frames, height = (9, 128) if arguments.quick else (81, 720)
    from comfy_server import find_host, run_in_host
    from tiny_models import write_tiny_models

    host = find_host()
    if isinstance(host, str):
        print(host, file=sys.stderr)
        return 2
    where = machine()
    with tempfile.TemporaryDirectory() as folder:
        path = write_tiny_models(Path(folder) / "models", ["wan_vae"])["wan_vae"]
        head = (
            f"VAE, FRAMES, HEIGHT, TILES = {str(path)!r}, {frames}, {height}, {arguments.tiles}\n"
            f"WIDE = {not arguments.quick}\n"
        )
        found = run_in_host(head + _CODE, host, Path(folder) / "base", timeout=3600)
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
        "encode": "circular",
        "tiled": True,
        "tiles_encoded": len(after),
        "vae": "tiny Wan 2.1",
    }
    return finish("memory_conditioning", where, settings, results, checks, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
