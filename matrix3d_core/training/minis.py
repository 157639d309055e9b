"""A family of small models in the released forms, trained one after the other on the factory's *train* set alone.

With them the whole graph from a text to splats runs on a processor. Each part has a folder of its own; one that is
finished is not trained again, and a stopped one resumes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..factory.clip import ClipConfig
from ..factory.clip_files import unpack_shards
from ..factory.filters import FilterConfig
from ..factory.job import FactoryJob
from ..factory.routes import RouteConfig
from ..factory.run import run_factory
from ..lrm.config import LRMConfig
from ..lrm.network import LatentLRM
from ..lrm.weights import build_lrm, convert_weights, read_lrm_weights
from ..minis.encoders import PANO_GUIDANCE, pano_text, video_image, video_text
from ..minis.files import MINI_FILES, MINI_MODELS
from ..minis.networks import LAYERS, make_pano_network, make_video_network, open_mini_vae
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..synth.sets import SETS
from .clips import clip_names, iterate_clips, read_clip
from .loop import LoopConfig, RunOptions, tell_nobody
from .lrm import TrainConfig, train
from .lrm_latents import encode_clip, open_wan_encoder
from .lrm_start import start_with_colors
from .pano_lora import PanoEncoders, PanoTraining, train_pano_network
from .video_lora import VideoEncoders, VideoTraining, train_video_network
from .video_samples import VideoSampleConfig
from .video_vae import VAETraining, train_video_vae

__all__ = ["MINI_PARTS", "MiniPlan", "train_minis"]

FLUX_SHIFT, FLUX_SCALE = 0.1159, 0.3611  # of FLUX's latents in a host

_FITTED_CLIPS = 24  # that the colors of the reconstruction model begin with

MINI_PARTS = ("clips", "pictures", *MINI_FILES)
"""In the order in which they are made."""


@dataclass(frozen=True)
class MiniPlan:
    """What is made, and for how long it is trained; the defaults made the shipped ones.

    Attributes:
        clips: of video.
        lora_clips: of them, the first that the video LoRA is trained on: encoding at full size takes long.
        lrm_clips: of them, the first that the reconstruction model is trained on.
        pictures: single panoramas.
        clip_frames: frames of a clip, 4k + 1.
        height: rows of clips and panoramas; base models are trained at half of it, LoRAs at it.
        vae: training of the video VAE.
        pano: loop of the panorama model.
        pano_lora: loop of its LoRA.
        video: loop of the video model.
        video_lora: loop of its LoRA.
        lrm: steps of the reconstruction model's two stages.
        layers: blocks of the panorama model, double and single, and of the video model.
        lrm_width: token width of the reconstruction model.
        rank: of the LoRAs.
    """

    clips: int = 144
    lora_clips: int = 24
    lrm_clips: int = 96
    pictures: int = 400
    clip_frames: int = 17
    height: int = 256
    vae: VAETraining = field(default_factory=VAETraining)
    pano: LoopConfig = field(default_factory=lambda: _loop(12_000, 8, 1e-3))
    pano_lora: LoopConfig = field(default_factory=lambda: _loop(150, 4, 5e-4))
    video: LoopConfig = field(default_factory=lambda: _loop(3000, 2, 8e-4))
    video_lora: LoopConfig = field(default_factory=lambda: replace(_loop(400, 1, 5e-4), average=0.97))
    lrm: tuple[int, int] = (1500, 600)
    layers: tuple[int, int, int] = LAYERS
    lrm_width: int = 160
    rank: int = 8

    def __post_init__(self) -> None:
        if self.height % 32 or self.height < 64 or self.clip_frames % 4 != 1 or self.clip_frames < 5:
            raise InvalidInput(
                f"height must be a multiple of 32 from 64 and clip_frames 4k + 1 from 5; got {self.height} and "
                f"{self.clip_frames}."
            )


def _loop(steps: int, batch: int, lr: float) -> LoopConfig:
    return LoopConfig(
        steps=steps,
        batch=batch,
        at_once=batch,
        lr=lr,
        warmup=min(100, steps),
        schedule="cosine",
        average=0.99,
        save_every=200,
        validate_every=500,
    )


def train_minis(
    out: Path | str,
    plan: MiniPlan | None = None,
    *,
    parts: Sequence[str] = MINI_PARTS,
    workers: int = 1,
    tell: Callable[[str], None] = tell_nobody,
    progress: ProgressFn = no_progress,
) -> list[Path]:
    """Make the data and train the models that a folder does not have yet.

    Args:
        out: made when missing; gets a folder per part, and ``models`` as the host's folder of that name.
        plan: what to make; a part that was begun with another plan is refused when it resumes.
        parts: some of `MINI_PARTS`; they need those before them.
        workers: processes that render.
        tell: called with lines about what a part will take.
        progress: called between steps; raising in it ends the run after a checkpoint.

    Returns:
        The models' files.

    Raises:
        InvalidInput: for unknown parts, or one whose predecessor is missing.
        TrainingDiverged: see `loop.run_loop`.
    """
    if unknown := [part for part in parts if part not in MINI_PARTS]:
        raise InvalidInput(f"parts must be some of {', '.join(MINI_PARTS)}; got {unknown[0]!r}.")
    run = _Minis(Path(out), plan or MiniPlan(), workers, tell, progress)
    for part in MINI_PARTS:
        if part in parts and not run.is_done(part):
            getattr(run, f"make_{part}")()
    return [path for path in run.models() if path.is_file()]


class _Minis:
    """One method for each part."""

    def __init__(
        self, out: Path, plan: MiniPlan, workers: int, tell: Callable[[str], None], progress: ProgressFn
    ) -> None:
        self.out, self.plan, self.workers, self.progress = out, plan, workers, progress
        self.options = RunOptions(resume=True, tell=tell, progress=progress)

    def models(self) -> list[Path]:
        """Return where the models' files are or will be."""
        return [self.out / "models" / name for name in MINI_FILES.values()]

    def is_done(self, part: str) -> bool:
        """Return whether a model's file is there; the factory itself knows which clips are."""
        return part in MINI_FILES and (self.out / "models" / MINI_FILES[part]).is_file()

    def needs(self, *path: str) -> Path:
        """Return a path of an earlier part.

        Raises:
            InvalidInput: when it is not there.
        """
        found = self.out.joinpath(*path)
        if not found.exists():
            raise InvalidInput(f"{path[0]} must be made first; there is no {found}.")
        return found

    def keep(self, part: str, file: Path) -> None:
        """Copy a finished model to its place."""
        target = self.out / "models" / MINI_FILES[part]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target.with_suffix(".partial"))
        target.with_suffix(".partial").replace(target)

    # Data

    def _factory(self, part: str, count: int, frames: int, filters: FilterConfig | None) -> None:
        route = RouteConfig(frames=frames, fps=8.0)
        clip = ClipConfig(height=self.plan.height, route=route, filter=filters)
        families = SETS["train"].families
        job = FactoryJob(count, families, clip=clip, seed=1 if part == "pictures" else 0)
        run_factory(job, self.out / part, workers=self.workers, progress=self.progress)

    def make_clips(self) -> None:
        """Video clips."""
        self._factory("clips", self.plan.clips, self.plan.clip_frames, FilterConfig())

    def make_pictures(self) -> None:
        """Single panoramas of other scenes."""
        self._factory("pictures", self.plan.pictures, 1, None)

    def frames(self) -> list[Tensor]:
        """Return the frames of all clips."""
        root = self.needs("clips", "index.json").parent
        return [clip.frames for clip in iterate_clips(root, set(clip_names(root)))]

    # VAEs

    def make_video_vae(self) -> None:
        """The video VAE."""
        clips = self.frames()
        report = train_video_vae(
            clips[:-1], self.out / "video_vae", self.plan.vae, self.options, shown=clips[-1:]
        )
        self.keep("video_vae", report.files[0])

    def vae_folder(self) -> Path:
        """Return the video VAE's folder; where this run has trained none, it is written of the one that comes along."""
        folder = self.out / "video_vae" / "vae"
        if not folder.is_dir() and (MINI_MODELS / MINI_FILES["video_vae"]).is_file():
            open_mini_vae(MINI_MODELS).save_pretrained(str(folder))
        return self.needs("video_vae", "vae")

    def video_vae(self) -> Any:
        """Load the video VAE."""
        from diffusers import AutoencoderKLWan

        vae: Any = AutoencoderKLWan.from_pretrained(str(self.vae_folder()), local_files_only=True)
        return vae.train(False).requires_grad_(False)

    # Panorama model

    def pano_encoders(self) -> PanoEncoders:
        """Return encoders that need no weights but the video VAE's.

        A panorama is a video of one frame. Its latents are scaled as a host scales those of FLUX, so that they can be
        decoded as they come; a decoder of FLUX's form, of that few channels, would normalize each by itself and lose
        how bright the picture is.
        """
        vae = self.video_vae()

        @torch.no_grad()
        def picture(pixels: Tensor) -> Tensor:
            raw: Tensor = vae.encode((pixels * 2 - 1).movedim(-1, 0)[None]).latent_dist.mode()[:, :, 0]
            return (raw - FLUX_SHIFT) * FLUX_SCALE

        @torch.no_grad()
        def decode(latents: Tensor) -> Tensor:
            shown: Tensor = vae.decode((latents / FLUX_SCALE + FLUX_SHIFT)[:, :, None]).sample[:, :, 0]
            return (shown / 2 + 0.5).clamp(0, 1).movedim(1, -1)

        return PanoEncoders(picture, pano_text, decode)

    def make_pano(self) -> None:
        """The panorama model, at half size."""
        torch.manual_seed(0)
        network = make_pano_network(*self.plan.layers[:2])
        self._train_pano("pano", network, self.plan.height // 2, 0, self.plan.pano)

    def make_pano_lora(self) -> None:
        """Its LoRA, at full size."""
        from diffusers import FluxTransformer2DModel

        folder = self.needs("pano", "transformer")
        network = FluxTransformer2DModel.from_pretrained(str(folder), local_files_only=True)
        self._train_pano("pano_lora", network, self.plan.height, self.plan.rank, self.plan.pano_lora)

    def _train_pano(self, part: str, network: Any, rows: int, rank: int, loop: LoopConfig) -> None:
        config = PanoTraining(
            sizes=(rows,),
            rank=rank,
            shift=1.5,
            guidance=PANO_GUIDANCE,
            drop_text=0.1,
            checkpointing=False,
            loop=loop,
        )
        parts = SimpleNamespace(transformer=network, text_encoder=None, text_encoder_2=None)
        pictures = self.needs("pictures", "index.json").parent
        report = train_pano_network(
            parts,
            self.pano_encoders(),
            pictures,
            self.out / part,
            config,
            self.options,
            model="mini",
            dtype=torch.bfloat16,
        )
        self.keep(part, report.files[0])

    # Video model

    def make_video(self) -> None:
        """The video model, at half size."""
        torch.manual_seed(0)
        network = make_video_network(self.plan.layers[2])
        self._train_video("video", network, self.plan.height // 2, 0, 0, self.plan.video)

    def make_video_lora(self) -> None:
        """Its LoRA, at full size."""
        from diffusers import WanTransformer3DModel

        folder = self.needs("video", "transformer")
        network = WanTransformer3DModel.from_pretrained(str(folder), local_files_only=True)
        plan = self.plan
        self._train_video("video_lora", network, plan.height, plan.rank, plan.lora_clips, plan.video_lora)

    def _train_video(
        self, part: str, network: Any, rows: int, rank: int, clips: int, loop: LoopConfig
    ) -> None:
        samples = VideoSampleConfig(sizes=(rows,), frames=self.plan.clip_frames)
        config = VideoTraining(
            samples,
            rank=rank,
            shift=3.0,
            drop_text=0.1,
            roll=True,
            most_clips=clips,
            checkpointing=False,
            loop=loop,
        )
        parts = SimpleNamespace(
            transformer=network, vae=self.video_vae().bfloat16(), text_encoder=None, image_encoder=None
        )
        report = train_video_network(
            parts,
            VideoEncoders(video_text, lambda guidance: video_image(guidance.frames[0])),
            self.needs("clips", "index.json").parent,
            self.out / part,
            config,
            self.options,
            model="mini",
            dtype=torch.bfloat16,
        )
        self.keep(part, report.files[0])

    # Reconstruction model

    def make_lrm(self) -> None:
        """The reconstruction model, in its two stages."""
        folders = unpack_shards(self.needs("clips", "index.json").parent, self.out / "lrm_clips")
        folders = folders[: self.plan.lrm_clips]
        encode = open_wan_encoder(self.vae_folder(), device="cpu", dtype=torch.bfloat16)
        for number, folder in enumerate(folders):
            self.progress(ProgressEvent(number, len(folders), "encode clips"))
            if not (folder / "clip.safetensors").is_file():
                encode_clip(folder, encode, strides=(1,))
        clips = [read_clip(folder) for folder in folders]
        width = self.plan.lrm_width
        torch.manual_seed(0)
        model = LatentLRM(
            LRMConfig(
                width=width,
                heads=2,
                ffn=2 * width,
                stages=(width // 8, width // 4, width // 2, width),
                features=3 * width // 10,
                head_hidden=width // 5,
                head_out=3 * width // 20,
            )
        )
        start_with_colors(model, clips[:_FITTED_CLIPS])
        config = TrainConfig(
            steps=self.plan.lrm[0],
            lr=8e-4,
            grad_clip=1.0,
            depth_loss="inverse",
            depth_beta=0.1,
            views=4,
            crop_px=128,
            precision="bf16",
            checkpointing=False,
            save_every=200,
        )
        first = train(model, clips, self.out / "lrm_stage1", config, self.options)
        model = build_lrm(read_lrm_weights(first.files[0]), dtype=torch.float32)
        second = replace(config, stage=2, steps=self.plan.lrm[1])
        trained = train(model, clips, self.out / "lrm_stage2", second, self.options).files[0]
        small = trained.with_name("lrm_half.safetensors")
        convert_weights(trained, small, dtype="fp16")
        self.keep("lrm", small)
