"""Make the shipped sample: `assets/sample/terrace.jpg` and `assets/sample/terrace_depth.npz`.

Usage: python scripts/make_sample.py [--out DIR] [--samples N]

The panorama is 2048x1024; the exact ray distance in meters is 1024x512 float32, inf for sky.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from matrix3d_core.synth.sample_scene import CAMERA_HEIGHT, render_erp  # noqa: E402

PICTURE_HEIGHT = 1024
DEPTH_HEIGHT = 512
QUALITY = 95
METADATA = {
    "what": "exact ray distance of terrace.jpg, equirectangular, inf for sky",
    "units": "meters",
    "camera_height_m": CAMERA_HEIGHT,
    "axes": "x right, y down, z forward; center column looks along +z",
    "made_by": "scripts/make_sample.py",
    "license": "Apache-2.0, as the repository",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "assets" / "sample", help="folder to write to")
    parser.add_argument("--samples", type=int, default=9, help="color samples per pixel")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    origin = torch.zeros(3)
    rgb, _ = render_erp(origin, PICTURE_HEIGHT, 2 * PICTURE_HEIGHT, samples=arguments.samples)
    picture = Image.fromarray((rgb * 255).round().to(torch.uint8).numpy())
    picture.save(arguments.out / "terrace.jpg", quality=QUALITY, subsampling=0, optimize=True)
    _, depth_ray = render_erp(origin, DEPTH_HEIGHT, 2 * DEPTH_HEIGHT, samples=1)
    np.savez_compressed(
        arguments.out / "terrace_depth.npz", depth=depth_ray.numpy(), metadata=np.array(json.dumps(METADATA))
    )
    for path in sorted(arguments.out.iterdir()):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
    print(f"made in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
