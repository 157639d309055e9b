"""Panoramas from a text or a photo with FLUX through diffusers: upstream's settings, no seam."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checks import check_two_to_one
from ..diffusion.circular import circular_decode
from ..diffusion.latent_roll import ROLL_MODES
from ..errors import InvalidInput
from ..metrics.seam import seam_error
from ..panorama.composite import CompositeSettings, composite_photos
from ..panorama.photo import Placement, place_photo, project_photos
from ..panorama.upright import canonicalize
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..video.prompts import apply_prompt_preset
from .latent_roll import StepCounter, plan_rolls, rolled_network, unpack_latent
from .pipeline_lora import LoraChoice, apply_lora
from .pipelines import PipelineSource, opened_pipeline, place

__all__ = [
    "FROM_PHOTO",
    "FROM_TEXT",
    "PHOTO_MODEL",
    "TEXT_MODEL",
    "PanoConfig",
    "PanoResult",
    "PhotoPlace",
    "make_panorama",
    "panorama_from_photo",
    "panorama_from_text",
]

TEXT_MODEL = "black-forest-labs/FLUX.1-dev"
PHOTO_MODEL = "black-forest-labs/FLUX.1-Fill-dev"

_PATCH_PX = 16  # the VAE's 8 times FLUX's 2x2 patches


@dataclass(frozen=True)
class PanoConfig:
    """Settings of a panorama; `FROM_TEXT` and `FROM_PHOTO` are upstream's.

    Attributes:
        height: rows; a multiple of 16.
        width: columns, twice the rows.
        steps: sampling steps.
        guidance: FLUX's distilled guidance.
        seed: of the noise and of the latent's rolls.
        latent_roll: how the latent is rolled while sampling, one of `ROLL_MODES`.
        seam_mode: how the border is decoded, see `circular_decode`.
        margin: columns of the latent from the other side that the decoder sees.
        tile: rows and columns of the latent that are decoded at once; 0 decodes all of it (with upstream's
            blend: its tiles of 128 rows). Less needs less memory.
        canonicalize: level the result and rotate its most interesting side to the front (text only; the
            latent stays as it was).
        use_frame: wrap the prompt in upstream's wording (photo only; for a text it is used as given).
    """

    height: int = 512
    width: int = 1024
    steps: int = 50
    guidance: float = 7.0
    seed: int = 380
    latent_roll: str = "upstream t2p"
    seam_mode: str = "padded"
    margin: int = 18
    tile: int = 0
    canonicalize: bool = False
    use_frame: bool = True


FROM_TEXT = PanoConfig()
FROM_PHOTO = PanoConfig(height=800, width=1600, guidance=30.0, latent_roll="upstream i2p")


@dataclass(frozen=True)
class PhotoPlace:
    """Placement of a photo in the panorama.

    Attributes:
        fov_x_rad: its horizontal field of view.
        fov_y_rad: the vertical one; None takes it from the aspect.
        yaw_rad: to the right of the panorama's center.
        pitch_rad: up.
        roll_rad: clockwise.
        grow_rad: the generated region extends this far into the photo. Upstream: 3 pixels of 1024 columns.
        put_back: blend the original photo back in at the end.
        feather_rad: width of that blend along the photo's border.
    """

    fov_x_rad: float
    fov_y_rad: float | None = None
    yaw_rad: float = 0.0
    pitch_rad: float = 0.0
    roll_rad: float = 0.0
    grow_rad: float = 3 * math.tau / 1024
    put_back: bool = True
    feather_rad: float = math.radians(2.0)


@dataclass(frozen=True)
class PanoResult:
    """A panorama.

    Attributes:
        panorama: ``[H, W, 3]`` float32 in [0, 1].
        latent: ``[1, 16, H/8, W/8]`` float32, in the model's scaling.
        canvas: ``[H, W, 3]``, the photo as it was given to the model; None for a text.
        mask: ``[H, W]``, 1 where the model was to fill; None for a text.
        report: settings and numbers, JSON-serializable.
    """

    panorama: Tensor
    latent: Tensor
    canvas: Tensor | None = None
    mask: Tensor | None = None
    report: dict[str, Any] = field(default_factory=dict)


def make_panorama(
    prompt: str,
    *,
    out_dir: str | Path,
    source: PipelineSource | None = None,
    photo: Tensor | None = None,  # [h, w, 3]
    where: PhotoPlace | None = None,
    config: PanoConfig | None = None,
    lora: LoraChoice | None = None,
    progress: ProgressFn = no_progress,
) -> dict[str, Path]:
    """Load FLUX, make a panorama, write it, and free FLUX.

    Writes ``panorama.png``, ``latent.safetensors``, ``prompt.txt`` and ``report.json``, with a photo also
    ``canvas.png`` and ``mask.png``; each appears under its name only when it is complete.

    Args:
        prompt: description of the scene.
        out_dir: made when missing.
        source: the model; FLUX.1 dev, or Fill for a photo, from the hub's cache when None.
        photo: ``[h, w, 3]`` in [0, 1], to outpaint to a panorama.
        where: its placement; required with a photo.
        config: settings; `FROM_TEXT` or `FROM_PHOTO` when None.
        lora: a panorama LoRA.
        progress: called between steps; raising in it cancels and frees the model.

    Returns:
        Path of each file by name.

    Raises:
        InvalidInput: for settings out of range.
        BackendUnavailable: when packages or weights are not here.
        FormatError: when weights are damaged.
        WeightsMismatch: when the LoRA does not fit the model.
    """
    from ..io.atomic import open_atomically
    from ..io.images import write_image
    from ..io.tensors import write_tensors

    if photo is not None and where is None:
        raise InvalidInput("a photo must come with its placement; got none. Its field of view is required.")
    config = config or (FROM_TEXT if photo is None else FROM_PHOTO)
    _check(config)
    source = source or PipelineSource(TEXT_MODEL if photo is None else PHOTO_MODEL)
    kind = "FluxPipeline" if photo is None else "FluxFillPipeline"
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    progress(ProgressEvent(0, 1, "load model"))
    with opened_pipeline(kind, source, "making panoramas with FLUX") as pipeline:
        lora_report = apply_lora(pipeline.transformer, lora).describe() if lora else ""
        device = place(pipeline, source)
        progress(ProgressEvent(1, 1, "load model"))
        loaded = time.perf_counter()
        if photo is None or where is None:
            result = panorama_from_text(pipeline, prompt, config=config, device=device, progress=progress)
        else:
            result = panorama_from_photo(
                pipeline, prompt, photo, where, config=config, device=device, progress=progress
            )
    report = {
        **result.report,
        "model": source.model,
        "lora": lora_report,
        "seconds": {"load": round(loaded - started, 2), "make": round(time.perf_counter() - loaded, 2)},
    }
    files = {name: folder / name for name in ("panorama.png", "latent.safetensors", "prompt.txt")}
    write_image(files["panorama.png"], result.panorama)
    write_tensors(
        files["latent.safetensors"],
        {"samples": result.latent},
        {"space": "FLUX.1", "latent_roll": config.latent_roll},
    )
    texts = {"prompt.txt": prompt, "report.json": json.dumps(report, indent=2) + "\n"}
    for name, picture in (("canvas.png", result.canvas), ("mask.png", result.mask)):
        if picture is not None:
            files[name] = folder / name
            rgb = picture if picture.ndim == 3 else picture.unsqueeze(-1).expand(-1, -1, 3)
            write_image(files[name], rgb)
    for name, text in texts.items():
        files[name] = folder / name
        with open_atomically(files[name]) as file:
            file.write(text.encode())
    return files


def panorama_from_text(
    pipeline: Any,
    prompt: str,
    *,
    config: PanoConfig = FROM_TEXT,
    device: torch.device | str = "cpu",
    progress: ProgressFn = no_progress,
) -> PanoResult:
    """Make a panorama from a description.

    Args:
        pipeline: a diffusers `FluxPipeline`, placed.
        prompt: used as given.
        config: settings.
        device: where the pipeline computes.
        progress: called between steps; raising in it cancels.

    Raises:
        InvalidInput: for settings out of range.
    """
    _check(config)
    latent = _sample(pipeline, config, progress, prompt=prompt)
    panorama = _decode(pipeline, latent, config, device, progress)
    report = _report(config, prompt, panorama)
    if config.canonicalize:
        upright = canonicalize(panorama)
        panorama, report["canonicalize"] = upright.rgb, upright.report
    return PanoResult(panorama, latent, report=report)


def panorama_from_photo(
    pipeline: Any,
    prompt: str,
    photo: Tensor,  # [h, w, 3]
    where: PhotoPlace,
    *,
    config: PanoConfig = FROM_PHOTO,
    device: torch.device | str = "cpu",
    progress: ProgressFn = no_progress,
) -> PanoResult:
    """Outpaint a photo to a panorama.

    Args:
        pipeline: a diffusers `FluxFillPipeline`, placed.
        prompt: description of the scene, in upstream's wording unless ``config.use_frame`` is off.
        photo: ``[h, w, 3]`` in [0, 1].
        where: its placement.
        config: settings.
        device: where the pipeline computes.
        progress: called between steps; raising in it cancels.

    Raises:
        InvalidInput: for settings out of range.
    """
    _check(config)
    placed = place_photo(
        photo,
        where.fov_x_rad,
        where.fov_y_rad,
        yaw_rad=where.yaw_rad,
        pitch_rad=where.pitch_rad,
        roll_rad=where.roll_rad,
    )
    placement = Placement((placed,))
    canvas, mask = project_photos(placement, config.height, config.width, grow_rad=where.grow_rad)
    framed = apply_prompt_preset("image to panorama", prompt)[0] if config.use_frame else prompt
    latent = _sample(
        pipeline,
        config,
        progress,
        prompt=framed,
        image=canvas.movedim(-1, 0).unsqueeze(0),
        mask_image=mask[None, None],
        strength=1.0,
    )
    panorama = _decode(pipeline, latent, config, device, progress)
    report: dict[str, Any] = {"composite": None}
    if where.put_back:
        settings = CompositeSettings(feather_rad=where.feather_rad)
        whole = composite_photos(panorama, placement, settings=settings, progress=progress)
        panorama, report = whole.rgb, {"composite": whole.report}
    report = {"photo": asdict(where), **_report(config, framed, panorama), **report}
    return PanoResult(panorama, latent, canvas, mask, report)


def _check(config: PanoConfig) -> None:
    check_two_to_one("panorama", config.height, config.width)
    if config.height % _PATCH_PX:
        near = replace(config, height=max(1, round(config.height / _PATCH_PX)) * _PATCH_PX).height
        raise InvalidInput(
            f"height must be a multiple of {_PATCH_PX}; got {config.height}. Nearest is {near} (width {2 * near})."
        )
    if config.steps < 1:
        raise InvalidInput(f"steps must be at least 1; got {config.steps}.")
    if config.latent_roll not in ROLL_MODES:
        raise InvalidInput(f"latent_roll must be one of {', '.join(ROLL_MODES)}; got {config.latent_roll!r}.")


def _sample(pipeline: Any, config: PanoConfig, progress: ProgressFn, **given: Any) -> Tensor:
    """Run the pipeline up to its latent ``[1, 16, h, w]``, rolled by the plan."""
    rows, columns = config.height // _PATCH_PX, config.width // _PATCH_PX
    plan = plan_rolls(config.latent_roll, config.steps, 2 * columns, config.seed)
    counter = StepCounter()
    phase = "sample panorama"

    def after_step(pipe: Any, step: int, timestep: Any, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        counter.step = step + 1
        progress(ProgressEvent(step + 1, config.steps, phase))
        return {}

    progress(ProgressEvent(0, config.steps, phase))
    with rolled_network(pipeline.transformer, plan, counter, packed_rows=rows):
        packed = pipeline(
            height=config.height,
            width=config.width,
            num_inference_steps=config.steps,
            guidance_scale=config.guidance,
            generator=torch.Generator("cpu").manual_seed(config.seed),
            output_type="latent",
            callback_on_step_end=after_step,
            **given,
        ).images
    latent = unpack_latent(packed, rows, columns).float().cpu()
    return torch.roll(latent, -plan.final, -1)


@torch.no_grad()
def _decode(
    pipeline: Any, latent: Tensor, config: PanoConfig, device: torch.device | str, progress: ProgressFn
) -> Tensor:  # [H, W, 3]
    vae = pipeline.vae

    def decode(piece: Tensor) -> Tensor:
        scaled = piece / vae.config.scaling_factor + vae.config.shift_factor
        image = vae.decode(scaled.to(device, vae.dtype), return_dict=False)[0]
        result: Tensor = (image.float() / 2 + 0.5).clamp(0, 1).movedim(1, -1)
        return result

    wide = 0 if config.seam_mode != "padded" else config.tile
    overlap = min(8, max(1, config.tile // 4)) if config.tile else 8
    image = circular_decode(
        decode,
        latent,
        margin=config.margin,
        seam_mode=config.seam_mode,
        tile_height=config.tile,
        tile_width=wide,
        overlap=overlap,
        progress=progress,
    )
    pipeline.maybe_free_model_hooks()
    return image[0]


def _report(config: PanoConfig, prompt: str, panorama: Tensor) -> dict[str, Any]:
    return {"config": asdict(config), "prompt": prompt, "seam_error": seam_error(panorama.unsqueeze(0)).error}
