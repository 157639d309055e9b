"""The training loop: accelerate's processes, batches in parts, checkpoints that resume to the bit.

Everything drawn at a step follows from the seed, the step and the number of the sample, not from the process that
computes it, so that a resumed run equals an uninterrupted one, and several processes compute what one does (up to the
order of sums).
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from ..errors import BackendUnavailable, DiskError, InvalidInput, TrainingDiverged, WeightsMismatch
from ..io.atomic import naming_the_file
from ..machine import locked
from ..progress import ProgressEvent, ProgressFn, no_progress
from .checkpoints import Checkpoint, checkpoints_in, remove_checkpoint, write_checkpoint

__all__ = [
    "SCHEDULES",
    "LoopConfig",
    "LoopReport",
    "RunOptions",
    "Task",
    "run_loop",
    "seed_of",
    "tell_nobody",
]

logger = logging.getLogger(__name__)

SCHEDULES = ("constant", "cosine")
"""How the learning rate goes on after it has risen: it stays, or falls to zero along a cosine."""

_LOCK = ".running"
_WEIGHTS, _OPTIMIZER, _AVERAGE = "trained", "optimizer", "average"
_MOMENTS = ("exp_avg", "exp_avg_sq")

Sample = TypeVar("Sample")


def tell_nobody(line: str) -> None:
    """Leave a line unsaid."""


@dataclass(frozen=True)
class RunOptions:
    """What accompanies a run and does not change its result.

    Attributes:
        cache: folder of the encoded samples; ``samples`` in the run's own when None.
        resume: resume from the latest checkpoint, if there is one.
        tell: called with lines about what the run will take.
        progress: called between steps; raising in it ends the run after a checkpoint.
    """

    cache: Path | str | None = None
    resume: bool = False
    tell: Callable[[str], None] = tell_nobody
    progress: ProgressFn = no_progress


@dataclass(frozen=True)
class LoopConfig:
    """Settings of a run.

    Attributes:
        steps: optimizer steps in all, those before a resumed checkpoint included.
        batch: samples of each step, over all processes.
        at_once: samples of one shape that a process computes together; the gradients of the parts add up.
        lr: learning rate of AdamW.
        warmup: steps over which it rises from zero.
        schedule: one of `SCHEDULES`.
        betas: of AdamW.
        weight_decay: of AdamW.
        grad_clip: largest norm of the gradient; 0 does not clip.
        average: share of a running average of the weights that stays at each step; 0 keeps none.
        save_every: steps between checkpoints; 0 only at the end.
        keep: the latest checkpoints that stay.
        validate_every: steps between validations; 0 for none.
        seed: of everything that is drawn.
    """

    steps: int = 1000
    batch: int = 1
    at_once: int = 1
    lr: float = 1e-4
    warmup: int = 0
    schedule: str = "constant"
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.01
    grad_clip: float = 1.0
    average: float = 0.0
    save_every: int = 500
    keep: int = 2
    validate_every: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "at_once", "keep"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} must be at least 1; got {getattr(self, name)}.")
        for name in ("warmup", "save_every", "validate_every", "grad_clip", "weight_decay"):
            if not getattr(self, name) >= 0:
                raise InvalidInput(f"{name} must not be negative; got {getattr(self, name)}.")
        if not (self.lr > 0 and math.isfinite(self.lr)):
            raise InvalidInput(f"lr must be positive; got {self.lr}.")
        if not 0 <= self.average < 1:
            raise InvalidInput(f"average must be at least 0 and below 1; got {self.average}.")
        if self.schedule not in SCHEDULES:
            raise InvalidInput(f"schedule must be one of {', '.join(SCHEDULES)}; got {self.schedule!r}.")

    def lr_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        rise = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        if self.schedule == "constant":
            return self.lr * rise
        left = max(1, self.steps - self.warmup)
        return self.lr * rise * (1 + math.cos(math.pi * max(0, step - self.warmup) / left)) / 2


@dataclass(frozen=True)
class Task(Generic[Sample]):
    """What is trained, without how.

    Attributes:
        network: its parameters that require gradients are trained; float32, on the device.
        draw: returns a sample, all of it drawn from the generator given.
        losses: of samples of one shape, ``[n]``, each a mean over its own sample.
        shape_of: samples of which it is equal can be computed together.
        validate: called with the number of steps done, in the main process, with the network as it is.
        settings: JSON-serializable; a checkpoint of other ones is refused.
    """

    network: nn.Module
    draw: Callable[[torch.Generator], Sample]
    losses: Callable[[Sequence[Sample]], Tensor]
    shape_of: Callable[[Sample], Hashable] = lambda sample: 0
    validate: Callable[[int], None] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def trained(self) -> dict[str, nn.Parameter]:
        """Return the parameters that are trained, by name."""
        return {name: value for name, value in self.network.named_parameters() if value.requires_grad}


@dataclass
class LoopReport:
    """The result of a run.

    Attributes:
        losses: of every step of this run.
        first_step: where it began.
        weights: the trained parameters by name: their running average where one is kept.
        files: what was written at the end.
    """

    losses: list[float] = field(default_factory=list)
    first_step: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)


def seed_of(seed: int, step: int, number: int) -> int:
    """Return the seed of a sample: another one for each step and number."""
    mixed = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + number * 0x94D049BB133111EB) % 2**64
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    return (mixed ^ (mixed >> 27)) % 2**63


def run_loop(
    task: Task[Sample],
    out: Path,
    config: LoopConfig,
    accelerator: Any,
    options: RunOptions | None = None,
    *,
    finish: Callable[[LoopReport], list[Path]] | None = None,
    phase: str = "train",
) -> LoopReport:
    """Train, and write ``checkpoint-N`` folders to ``out``.

    Args:
        task: what to train.
        out: made when missing; no other run may be in it.
        config: see `LoopConfig`.
        accelerator: of accelerate; its processes share the samples of each step.
        options: see `RunOptions`.
        finish: called in the main process at the end, before the folder is given free; returns the files it wrote.
        phase: name for the progress.

    Raises:
        InvalidInput: when the folder holds a run that is not resumed or of other settings, or another run is in it.
        TrainingDiverged: when a loss or a gradient is not finite; the weights before that step are in a checkpoint.
        WeightsMismatch: when a checkpoint does not fit the network.
        BackendUnavailable: when there are more processes than samples in a step.
        DiskError: when the folder cannot be made.
    """
    options = options or RunOptions()
    if accelerator.num_processes > config.batch:
        raise BackendUnavailable(
            f"batch must be at least the number of processes, {accelerator.num_processes}; got {config.batch}. Use "
            "fewer processes or a larger batch."
        )
    with contextlib.ExitStack() as held:
        if accelerator.is_main_process:
            with naming_the_file(out):
                out.mkdir(parents=True, exist_ok=True)
            if not held.enter_context(locked(out / _LOCK)):
                raise InvalidInput(
                    f"another run writes to {out}. Wait for its end, or choose another folder."
                )
        run = _Run(task, out, config, accelerator)
        run.begin(options.resume)
        accelerator.wait_for_everyone()
        run.steps(phase, options.progress)
        if finish is not None and accelerator.is_main_process:
            run.report.files = finish(run.report)
        accelerator.wait_for_everyone()
        options.progress(ProgressEvent(config.steps, config.steps, "trained"))
    return run.report


class _Run(Generic[Sample]):
    """The state of a run."""

    def __init__(self, task: Task[Sample], out: Path, config: LoopConfig, accelerator: Any) -> None:
        self.task, self.out, self.config, self.accelerator = task, out, config, accelerator
        self.trained = task.trained()
        if not self.trained:
            raise InvalidInput("network must have parameters to train; all of its parameters are frozen.")
        self.optimizer = torch.optim.AdamW(
            self.trained.values(), lr=config.lr, betas=config.betas, weight_decay=config.weight_decay
        )
        self.average = {n: p.detach().clone() for n, p in self.trained.items()} if config.average else {}
        self.report = LoopReport()

    def begin(self, resume: bool) -> None:
        """Load the latest checkpoint, if there is one and it fits."""
        found = checkpoints_in(self.out)
        if not found:
            return
        latest = found[-1]
        if not resume:
            raise InvalidInput(
                f"{self.out.name} holds {latest.folder.name} of an earlier run. Resume it, or choose another folder."
            )
        given, wanted = latest.settings(), dict(self.task.settings)
        if other := next((n for n in given | wanted if given.get(n) != wanted.get(n)), None):
            raise InvalidInput(
                f"{latest.folder.name} is of a run with {other} {given.get(other)!r}, not {wanted.get(other)!r}. "
                "Resume with the same settings, or choose another folder."
            )
        self._load(latest)
        self.report.first_step = latest.step

    def _load(self, checkpoint: Checkpoint) -> None:
        weights, moments = checkpoint.tensors(_WEIGHTS), checkpoint.tensors(_OPTIMIZER)
        _check_names(checkpoint, weights, self.trained)
        average = checkpoint.tensors(_AVERAGE) if self.average else {}
        with torch.no_grad():
            for name, parameter in self.trained.items():
                parameter.copy_(weights[name])
                if self.average:
                    self.average[name].copy_(average[name])
        for name, parameter in self.trained.items():
            if f"step.{name}" in moments:
                state: dict[str, Tensor] = {"step": moments[f"step.{name}"].clone()}
                state |= {m: moments[f"{m}.{name}"].to(parameter.device) for m in _MOMENTS}
                self.optimizer.state[parameter] = state

    def save(self, step: int) -> None:
        """Write a checkpoint; one that the disk refuses is skipped."""
        if not self.accelerator.is_main_process:
            return
        moments = {
            f"{key}.{name}": value
            for name, parameter in self.trained.items()
            for key, value in self.optimizer.state.get(parameter, {}).items()
        }
        parts: dict[str, Mapping[str, Tensor]] = {_WEIGHTS: self.trained, _OPTIMIZER: moments}
        if self.average:
            parts[_AVERAGE] = self.average
        try:
            write_checkpoint(self.out, step, parts, self.task.settings)
        except DiskError as error:
            logger.warning("%s Training continues.", error)
            return
        for old in checkpoints_in(self.out)[: -self.config.keep]:
            remove_checkpoint(old.folder)

    def steps(self, phase: str, progress: ProgressFn) -> None:
        """Do the steps that are left."""
        config, report = self.config, self.report
        done = saved = report.first_step
        try:
            while done < config.steps:
                shown = phase + (f", loss {report.losses[-1]:.4f}" if report.losses else "")
                progress(ProgressEvent(done, config.steps, shown))
                report.losses.append(self.step(done))
                done += 1
                if done == config.steps or (config.save_every and done % config.save_every == 0):
                    self.save(done)
                    saved = done
                if config.validate_every and done % config.validate_every == 0:
                    self._validate(done)
        except BaseException:
            if done > saved:
                self.save(done)
            raise
        final = self.average or {name: parameter.detach() for name, parameter in self.trained.items()}
        report.weights = {name: value.to("cpu", torch.float32) for name, value in final.items()}

    def step(self, step: int) -> float:
        """Do one step and return its loss."""
        config, processes = self.config, self.accelerator.num_processes
        mine = range(self.accelerator.process_index, config.batch, processes)
        total = torch.zeros((), device=self.accelerator.device)
        for seed, part in self._parts(step, mine):
            torch.manual_seed(seed)  # of what the network itself draws, such as dropout
            loss = self.task.losses(part).sum() / config.batch
            loss.backward()
            total += loss.detach().float()
        self._share_gradients()
        total = self.accelerator.reduce(total, "sum")
        norm = torch.nn.utils.clip_grad_norm_(self.trained.values(), config.grad_clip or math.inf)
        if not (torch.isfinite(total) and torch.isfinite(norm)):
            self.optimizer.zero_grad(set_to_none=True)
            raise TrainingDiverged(
                f"loss or gradient is not finite at step {step + 1} (loss {float(total):.4g}). The weights before "
                f"it are in checkpoint-{step}. Resume from there with a lower learning rate or another seed, or "
                "leave out the data that does it."
            )
        for group in self.optimizer.param_groups:
            group["lr"] = config.lr_at(step)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            for name, average in self.average.items():
                average.lerp_(self.trained[name], 1 - config.average)
        return float(total)

    def _parts(self, step: int, numbers: Sequence[int]) -> Iterator[tuple[int, list[Sample]]]:
        """Yield a seed and samples of a step that are of one shape, at most ``at_once``."""
        shapes: dict[Hashable, list[tuple[int, Sample]]] = {}
        for number in numbers:
            seed = seed_of(self.config.seed, step, number)
            sample = self.task.draw(torch.Generator().manual_seed(seed))
            shapes.setdefault(self.task.shape_of(sample), []).append((seed, sample))
        for samples in shapes.values():
            for first in range(0, len(samples), self.config.at_once):
                part = samples[first : first + self.config.at_once]
                yield part[0][0], [sample for _, sample in part]

    def _share_gradients(self) -> None:
        if self.accelerator.num_processes == 1:
            return
        for parameter in self.trained.values():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            parameter.grad = self.accelerator.reduce(parameter.grad, "sum")

    def _validate(self, done: int) -> None:
        if self.task.validate is not None and self.accelerator.is_main_process:
            was = self.task.network.training
            self.task.network.train(False)
            with torch.no_grad():
                self.task.validate(done)
            self.task.network.train(was)
        self.accelerator.wait_for_everyone()


def _check_names(checkpoint: Checkpoint, given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    odd = [name for name in given.keys() | wanted.keys() if name not in given or name not in wanted]
    odd += [name for name in given.keys() & wanted.keys() if given[name].shape != wanted[name].shape]
    if odd:
        raise WeightsMismatch(
            f"{checkpoint.folder.name} does not fit the network: {len(odd)} parameters differ, first {min(odd)}. "
            "Resume with the network and rank that it was started with, or choose another folder."
        )
