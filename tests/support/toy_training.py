"""A network of one layer that learns to add, for tests of the training loop."""

from __future__ import annotations

import torch
from accelerate import Accelerator

from matrix3d_core.progress import no_progress
from matrix3d_core.training.loop import RunOptions, Task, run_loop


def line(seed=0, width=3, dropout=0.0):
    """A network ``[n, width] -> [n, 1]``, whose bias is frozen."""
    torch.manual_seed(seed)
    network = torch.nn.Sequential(torch.nn.Dropout(dropout), torch.nn.Linear(width, 1))
    network[1].bias.requires_grad_(False)
    return network


def task_of(network, width=3, **more):
    """Learn the sum of the inputs; a third of the samples has two rows."""

    def draw(rng):
        rows = 2 if int(torch.randint(3, (), generator=rng)) == 0 else 1
        return torch.randn(rows, width, generator=rng)

    def losses(samples):
        inputs = torch.stack(samples)
        return (network(inputs)[..., 0] - inputs.sum(-1)).square().mean(-1)

    return Task(network, draw, losses, shape_of=lambda sample: sample.shape, **more)


def run(folder, config, network=None, *, resume=False, progress=no_progress, **more):
    network = line() if network is None else network
    options = RunOptions(resume=resume, progress=progress)
    return run_loop(task_of(network, **more), folder, config, Accelerator(cpu=True), options)
