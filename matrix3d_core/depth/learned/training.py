"""Training of the depth head on crops whose features the backbone has computed once.

Everything drawn at a step follows from the seed and the step, and a checkpoint holds weights, their running average and
the optimizer's moments, so that a resumed run equals an uninterrupted one on the same machine. What is written at the
end is the running average.
"""

from __future__ import annotations

import logging
import math
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from ...errors import FormatError, InvalidInput
from ...geometry.rotations import matrix_from_yaw_pitch_roll
from ...io.atomic import open_atomically
from ...io.checkpoints import read_checkpoint
from ...metrics.depth import depth_figures
from ...progress import ProgressEvent, ProgressFn, no_progress
from .crops import CropBatch, CropFiles
from .head import DepthHead, DepthHeadConfig, HeadOutput, write_head
from .losses import LossWeights, camera_loss, depth_loss

__all__ = ["HeadReport", "HeadTraining", "evaluate_head", "run_head", "train_head"]

_log = logging.getLogger(__name__)
_CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class HeadTraining:
    """Settings of a run.

    Attributes:
        steps: optimizer steps in all, those before a resumed checkpoint included.
        batch: crops per step.
        lr: highest learning rate of AdamW; it rises over the first 200 steps and falls along a cosine.
        weight_decay: of matrices.
        average: share of the running average that stays at each step.
        precision: ``"fp32"`` or ``"bf16"`` arithmetic; weights are float32.
        save_every: steps between checkpoints.
        tilt_deg: deviation of the error in the direction of gravity that the head learns to live with.
        seed: of initial weights, tilts and the order of the crops.
    """

    steps: int = 4000
    batch: int = 8
    lr: float = 8e-4
    weight_decay: float = 0.02
    average: float = 0.998
    precision: str = "bf16"
    save_every: int = 200
    tilt_deg: float = 1.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or not self.lr > 0 or self.save_every < 1:
            raise InvalidInput(
                f"steps, batch and save_every must be at least 1 and lr positive; got {self.steps}, {self.batch}, "
                f"{self.save_every} and {self.lr}."
            )
        if self.precision not in ("fp32", "bf16"):
            raise InvalidInput(f"precision must be fp32 or bf16; got {self.precision!r}.")


@dataclass
class HeadReport:
    """The result of a run: losses of its steps, where it began, the file of the weights, figures on other crops."""

    losses: list[float] = field(default_factory=list)
    first_step: int = 0
    weights: Path | None = None
    figures: dict[str, float] = field(default_factory=dict)


def train_head(
    crops: CropFiles,
    out_dir: Path | str,
    config: HeadTraining | None = None,
    *,
    held_out: CropFiles | None = None,
    resume: bool = False,
    network: DepthHeadConfig | None = None,
    weights: LossWeights | None = None,
    notes: dict[str, str] | None = None,
    progress: ProgressFn = no_progress,
) -> HeadReport:
    """Train a head; write ``checkpoint.pt`` while it runs and ``depth_head.safetensors`` at the end.

    Args:
        crops: what is learned from.
        out_dir: made when missing.
        config: see `HeadTraining`.
        held_out: crops of other scenes, for the figures at the end.
        resume: continue from the checkpoint in ``out_dir``, if there is one.
        network: sizes of the head.
        weights: of the loss terms.
        notes: texts for the file's header.
        progress: called before each step; raising in it ends the run after the last whole checkpoint.

    Raises:
        InvalidInput: when there are fewer crops than a batch, or the checkpoint is of other settings.
        FormatError: when the checkpoint is damaged.
    """
    config, network, weights = (
        config or HeadTraining(),
        network or DepthHeadConfig(),
        weights or LossWeights(),
    )
    if len(crops) < config.batch:
        raise InvalidInput(f"crops must be at least a batch ({config.batch}); got {len(crops)}.")
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    head = DepthHead(network).train()
    average = {name: value.detach().clone() for name, value in head.state_dict().items()}
    optimizer = torch.optim.AdamW(
        head.parameters(), lr=config.lr, betas=(0.9, 0.98), weight_decay=config.weight_decay
    )
    report = HeadReport()
    kept = {name: value for name, value in asdict(config).items() if name not in ("save_every",)}
    if resume and (out / _CHECKPOINT).is_file():
        report.first_step = _restore(out / _CHECKPOINT, head, average, optimizer, kept)
    for step in range(report.first_step, config.steps):
        recent = report.losses[-50:]
        shown = (
            f"train the depth head, loss {sum(recent) / len(recent):.3f}"
            if recent
            else "train the depth head"
        )
        progress(ProgressEvent(step, config.steps, shown))
        for group in optimizer.param_groups:
            group["lr"] = config.lr * _schedule(step, config.steps)
        batch = _tilted(crops.batch(_drawn(len(crops), step, config)), step, config)
        loss, terms = depth_loss(run_head(head, batch, config.precision), batch.targets, weights)
        found = head.estimate_camera(batch.features)
        loss = loss + camera_loss(found, batch.tan_half_fov, batch.down)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        share = min(config.average, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in head.state_dict().items():
                average[name].lerp_(value, 1 - share)
        report.losses.append(float(loss.detach()))
        if (step + 1) % 50 == 0:
            _log.info(
                "step %d: loss %.4f %s",
                step + 1,
                report.losses[-1],
                {k: round(v, 4) for k, v in terms.items()},
            )
        if (step + 1) % config.save_every == 0 or step + 1 == config.steps:
            _save(out / _CHECKPOINT, step + 1, head, average, optimizer, kept)
    head.load_state_dict(average)
    if held_out is not None:
        report.figures = evaluate_head(
            head.train(False), held_out, precision=config.precision, progress=progress
        )
    report.weights = out / "depth_head.safetensors"
    write_head(report.weights, head, notes)
    progress(ProgressEvent(config.steps, config.steps, "trained"))
    return report


def run_head(head: DepthHead, batch: CropBatch, precision: str = "fp32") -> HeadOutput:
    """Run a head on crops."""
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        result: HeadOutput = head(batch.features, batch.rays, batch.images)
    return result


@torch.no_grad()
def evaluate_head(
    head: DepthHead, crops: CropFiles, *, precision: str = "bf16", progress: ProgressFn = no_progress
) -> dict[str, float]:
    """Return the mean over all crops of what `metrics.depth.depth_figures` measures, the sky's IoU over all, and the
    median errors of the estimated field of view and gravity, degrees."""
    sums: dict[str, list[float]] = {}
    angles: dict[str, list[float]] = {"fov_deg": [], "gravity_deg": []}
    both = either = 0
    for start in range(0, len(crops), 8):
        progress(ProgressEvent(start, len(crops), "evaluate the depth head"))
        batch = crops.batch(range(start, min(start + 8, len(crops))))
        output = run_head(head, batch, precision)
        truth = batch.targets.log_distance
        fov, down = head.estimate_camera(batch.features)
        angles["fov_deg"] += (torch.atan(fov) - torch.atan(batch.tan_half_fov)).abs().mul(2).tolist()
        angles["gravity_deg"] += torch.acos((down * batch.down).sum(-1).clamp(-1, 1)).tolist()
        found_sky, true_sky = output.sky_logit > 0, batch.targets.surface_class == 0
        both += int((found_sky & true_sky).sum())
        either += int((found_sky | true_sky).sum())
        for said, known in zip(output.log_distance, truth, strict=True):
            if float(torch.isfinite(known).float().mean()) > 0.05:
                for name, value in depth_figures(torch.exp(said), torch.exp(known)).items():
                    sums.setdefault(name, []).append(value)
    figures = {name: sum(values) / len(values) for name, values in sums.items()}
    figures |= {name: math.degrees(sorted(values)[len(values) // 2]) for name, values in angles.items()}
    return {**figures, "sky_iou": both / either if either else 1.0}


def _drawn(count: int, step: int, config: HeadTraining) -> list[int]:
    """Return the crops of a step: every epoch is a permutation of all of them."""
    per_epoch = count // config.batch
    rng = torch.Generator().manual_seed(config.seed * 1_000_003 + step // per_epoch)
    order = torch.randperm(count, generator=rng)
    first = step % per_epoch * config.batch
    return [int(i) for i in order[first : first + config.batch]]


def _tilted(batch: CropBatch, step: int, config: HeadTraining) -> CropBatch:
    """Turn each crop's rays and normals a little, as if gravity were not known exactly."""
    rng = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    pitch, roll = math.radians(config.tilt_deg) * torch.randn(2, len(batch.images), generator=rng)
    turn = matrix_from_yaw_pitch_roll(torch.zeros_like(pitch), pitch, roll)
    targets = replace(
        batch.targets,
        rays=torch.einsum("bij,bhwj->bhwi", turn, batch.targets.rays),
        normal=torch.einsum("bij,bjhw->bihw", turn, batch.targets.normal),
    )
    return replace(batch, rays=torch.einsum("bij,bhwj->bhwi", turn, batch.rays), targets=targets)


def _schedule(step: int, steps: int) -> float:
    rise = min(1.0, (step + 1) / min(200, max(1, steps // 10)))
    return rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def _save(
    path: Path,
    step: int,
    head: DepthHead,
    average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    config: dict[str, object],
) -> None:
    state = {
        "step": step,
        "config": config,
        "head": head.state_dict(),
        "average": average,
        "optimizer": optimizer.state_dict(),
    }
    try:
        with open_atomically(path) as file:
            torch.save(state, file)
    except OSError as error:
        _log.warning("%s cannot be written (%s). Training continues.", os.fspath(path), error)


def _restore(
    path: Path,
    head: DepthHead,
    average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    config: dict[str, object],
) -> int:
    state, _ = read_checkpoint(path, "a checkpoint of the depth head")
    if not isinstance(state, dict) or not {"step", "config", "head", "average", "optimizer"} <= set(state):
        raise FormatError(
            f"{path.name} is no checkpoint of the depth head. Delete it, or train in another folder."
        )
    if state["config"] != config:
        raise InvalidInput(
            f"{path.name} is of other settings ({state['config']}), not {config}. Use those, or another folder."
        )
    head.load_state_dict(state["head"])
    average.update(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])
