"""The training loop: against a loop by hand, resumed to the bit, stopped by what is not finite, one run per folder."""

import json
import math
import subprocess

import programs
import pytest
import torch

from matrix3d_core.errors import BackendUnavailable, InvalidInput, TrainingDiverged, WeightsMismatch
from matrix3d_core.machine import locked
from matrix3d_core.training.checkpoints import checkpoints_in
from matrix3d_core.training.loop import LoopConfig, Task, run_loop, seed_of

accelerate = pytest.importorskip("accelerate", reason="needs accelerate (extra 'generate')")
from toy_training import line, run, task_of  # noqa: E402


def by_hand(config):
    """The same with whole batches in float64 and Adam's formulas."""
    network = line().double()
    weight, bias = network[1].weight.detach().clone(), network[1].bias.detach()
    m, v, average, losses = torch.zeros_like(weight), torch.zeros_like(weight), weight.clone(), []
    for step in range(config.steps):
        grad, total = torch.zeros_like(weight), 0.0
        for number in range(config.batch):
            rng = torch.Generator().manual_seed(seed_of(config.seed, step, number))
            rows = 2 if int(torch.randint(3, (), generator=rng)) == 0 else 1
            x = torch.randn(rows, 3, generator=rng).double()
            off = x @ weight[0] + bias - x.sum(-1)
            total += float(off.square().mean()) / config.batch
            grad += 2 * (off[:, None] * x).mean(0) / config.batch
        grad *= min(1.0, config.grad_clip / float(grad.norm()))
        lr = config.lr * min(1, (step + 1) / config.warmup)
        if config.schedule == "cosine":
            lr *= (1 + math.cos(math.pi * max(0, step - config.warmup) / (config.steps - config.warmup))) / 2
        weight *= 1 - lr * config.weight_decay
        m = config.betas[0] * m + (1 - config.betas[0]) * grad
        v = config.betas[1] * v + (1 - config.betas[1]) * grad.square()
        m_hat, v_hat = m / (1 - config.betas[0] ** (step + 1)), v / (1 - config.betas[1] ** (step + 1))
        weight -= lr * m_hat / (v_hat.sqrt() + 1e-8)
        average = config.average * average + (1 - config.average) * weight
        losses.append(total)
    return losses, average


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_loop_against_the_formulas(tmp_path, schedule):
    config = LoopConfig(
        steps=7,
        batch=5,
        at_once=2,
        lr=0.05,
        warmup=3,
        schedule=schedule,
        weight_decay=0.1,
        grad_clip=0.7,
        average=0.6,
        seed=4,
    )
    report = run(tmp_path, config)
    losses, average = by_hand(config)
    assert report.losses == pytest.approx(losses, rel=1e-5)
    assert set(report.weights) == {"1.weight"}
    torch.testing.assert_close(report.weights["1.weight"].double(), average, rtol=1e-5, atol=1e-6)


def test_every_sample_has_a_seed_of_its_own():
    seeds = {seed_of(a, b, c) for a in range(3) for b in range(40) for c in range(40)}
    assert len(seeds) == 3 * 40 * 40


def test_resumes_to_the_bit(tmp_path):
    config = LoopConfig(steps=6, batch=3, lr=0.05, average=0.5, save_every=2)
    whole = run(tmp_path / "whole", config, line(dropout=0.3))

    class Stop(Exception):
        pass

    def stop(event):
        if event.done == 3:
            raise Stop

    with pytest.raises(Stop):
        run(tmp_path / "cut", config, line(dropout=0.3), progress=stop)
    assert [c.step for c in checkpoints_in(tmp_path / "cut")] == [2, 3]  # what was done is not lost
    other = line(seed=9, dropout=0.3)  # what is trained comes from the checkpoint, the rest is the network's
    with torch.no_grad():
        other[1].bias.copy_(line()[1].bias)
    rest = run(tmp_path / "cut", config, other, resume=True)
    assert rest.first_step == 3
    assert rest.losses == whole.losses[3:]
    assert torch.equal(rest.weights["1.weight"], whole.weights["1.weight"])
    more = run(tmp_path / "cut", LoopConfig(steps=6, batch=3, lr=0.05, average=0.5), other, resume=True)
    assert more.losses == []  # nothing is left to do
    assert torch.equal(more.weights["1.weight"], whole.weights["1.weight"])


def test_resume_begins_where_there_is_nothing(tmp_path):
    assert len(run(tmp_path / "new", LoopConfig(steps=2), resume=True).losses) == 2


def test_a_folder_with_a_run_is_not_overwritten(tmp_path):
    run(tmp_path, LoopConfig(steps=1), settings={"rank": 4})
    with pytest.raises(InvalidInput, match=r"holds checkpoint-1 of an earlier run\. Resume it"):
        run(tmp_path, LoopConfig(steps=2), settings={"rank": 4})
    with pytest.raises(InvalidInput, match="checkpoint-1 is of a run with rank 4, not 8"):
        run(tmp_path, LoopConfig(steps=2), resume=True, settings={"rank": 8})
    with pytest.raises(
        WeightsMismatch, match=r"checkpoint-1 does not fit the network: 1 parameters differ, first 1\.we"
    ):
        run(tmp_path, LoopConfig(steps=2), line(width=5), resume=True, settings={"rank": 4}, width=5)


def test_two_runs_into_one_folder(tmp_path):
    command = programs.command("hold_lock", tmp_path / ".running")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=programs.environment(), **pipes) as child:
        assert child.stdout.readline().strip() == "True"
        with pytest.raises(InvalidInput, match=r"another run writes to .*\. Wait for its end"):
            run(tmp_path, LoopConfig(steps=1))
        child.kill()
    assert len(run(tmp_path, LoopConfig(steps=1)).losses) == 1  # the lock went with the process
    with locked(tmp_path / ".running") as mine:
        assert mine


def test_what_is_not_finite_stops_and_keeps_the_last_good_state(tmp_path):
    network = line()
    task = task_of(network)

    def losses(samples):
        worse = task.losses(samples)
        return worse / 0 if len(seen) > 3 else worse

    seen = []

    def draw(rng):
        seen.append(None)
        return task.draw(rng)

    bad = Task(network, draw, losses, task.shape_of)
    good = run(tmp_path / "good", LoopConfig(steps=3, lr=0.05))
    with pytest.raises(
        TrainingDiverged, match=r"not finite at step 4 .*The weights before it are in checkpoint-3"
    ):
        run_loop(bad, tmp_path / "bad", LoopConfig(steps=9, lr=0.05), accelerate.Accelerator(cpu=True))
    (kept,) = checkpoints_in(tmp_path / "bad")
    assert kept.step == 3
    assert torch.equal(kept.tensors("trained")["1.weight"], good.weights["1.weight"])
    assert torch.equal(network[1].weight.detach(), good.weights["1.weight"])
    other = run(tmp_path / "bad", LoopConfig(steps=5, lr=0.01, seed=8), resume=True)  # as the error advises
    assert other.first_step == 3
    assert len(other.losses) == 2


def test_a_full_disk_does_not_end_the_run(tmp_path, caplog):
    (tmp_path / ".checkpoint-1.partial").write_text("a file where the folder should go")
    report = run(tmp_path, LoopConfig(steps=2, save_every=1))
    assert len(report.losses) == 2
    assert [c.step for c in checkpoints_in(tmp_path)] == [2]
    assert "checkpoint-1 could not be written: " in caplog.text
    assert "Training continues." in caplog.text


def test_checkpoints_are_complete_or_not_there(tmp_path):
    run(tmp_path, LoopConfig(steps=5, save_every=1, keep=3), settings={"lr": 0.5})
    assert [c.step for c in checkpoints_in(tmp_path)] == [3, 4, 5]
    (first, *_), last = checkpoints_in(tmp_path), checkpoints_in(tmp_path)[-1]
    assert json.loads((last.folder / "trainer.json").read_text()) == {"step": 5, "settings": {"lr": 0.5}}
    (first.folder / "trainer.json").unlink()
    assert [c.step for c in checkpoints_in(tmp_path)] == [4, 5]


def test_validation_sees_the_network_without_dropout_and_changes_nothing(tmp_path):
    network, seen = line(dropout=0.5), []

    def validate(done):
        seen.append((done, network.training, float(network(torch.ones(1, 3))[0, 0])))

    config = LoopConfig(steps=4, lr=0.05, validate_every=2)
    with_it = run(tmp_path / "a", config, network, validate=validate)
    without = run(tmp_path / "b", LoopConfig(steps=4, lr=0.05), line(dropout=0.5))
    assert [(done, mode) for done, mode, _ in seen] == [(2, False), (4, False)]
    assert network.training
    assert with_it.losses == without.losses


def test_two_processes_compute_what_one_does(tmp_path):
    """Three samples over two processes of gloo, of two shapes."""
    own = programs.command("train_toy", tmp_path / "two")
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [own[0], *launch, *own[1:]]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, env=programs.environment()
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one = run(tmp_path / "one", LoopConfig(steps=4, batch=3, lr=0.05))
    (kept,) = checkpoints_in(tmp_path / "two")
    torch.testing.assert_close(
        kept.tensors("trained")["1.weight"], one.weights["1.weight"], rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 0},
        {"batch": 0},
        {"lr": math.nan},
        {"lr": 0.0},
        {"average": 1.0},
        {"schedule": "x"},
        {"warmup": -1},
    ],
)
def test_settings_out_of_range(settings):
    with pytest.raises(InvalidInput, match=next(iter(settings))):
        LoopConfig(**settings)


def test_nothing_to_train_and_too_many_processes(tmp_path):
    with pytest.raises(InvalidInput, match="all of its parameters are frozen"):
        run(tmp_path, LoopConfig(steps=1), line().requires_grad_(False))

    class Many:
        num_processes = 3

    with pytest.raises(BackendUnavailable, match="batch must be at least the number of processes, 3; got 2"):
        run_loop(task_of(line()), tmp_path, LoopConfig(batch=2), Many())
