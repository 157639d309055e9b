"""Shards made by the workers of a Ray cluster.

Source: P. Moritz et al., Ray: A Distributed Framework for Emerging AI Applications, OSDI 2018 (tasks without state are
run again when their worker is lost).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import BackendUnavailable, Matrix3DError
from ..progress import EVERY_S, no_progress
from .processes import MOST_RESTARTS, ShardTask, answer_of, record_of, why_lost

__all__ = ["LOCAL", "on_ray"]

LOCAL = "local"
"""Address for a cluster of this machine alone, started for the job and ended with it."""

_END_S = 20.0


def _work(task: ShardTask, number: int) -> dict[str, Any]:
    return answer_of(task, number, no_progress)


def _report_no_usage() -> None:
    """Keep a cluster that is started here from sending Ray's usage statistics."""
    with suppress(ImportError, AttributeError):  # a private module, which moved before
        from ray._common.usage import usage_lib

        usage_lib.set_usage_stats_enabled_via_env_var(False)


def on_ray(
    task: ShardTask, numbers: Sequence[int], address: str, workers: int, heartbeat: Callable[[], None]
) -> Iterator[dict[str, Any]]:
    """Yield the records of shards as they get finished; each is a task for one CPU.

    A task whose worker was lost is run again by Ray, up to `MOST_RESTARTS` times, and a shard appears under its name
    only when it is complete: so none is lost and none is there twice. This package is sent to the cluster; what it
    needs besides must be installed there, and the folder of the shards must be the same on all machines.

    Args:
        task: makes a shard.
        numbers: of the shards.
        address: of the cluster, as ``ray.init`` takes it (``auto``, ``HOST:PORT``, ``ray://HOST:PORT``), or `LOCAL`.
        workers: CPUs of a `LOCAL` cluster.
        heartbeat: called at least every half second; what it raises stops the tasks.

    Raises:
        BackendUnavailable: without the ray package, or when the cluster cannot be reached.
        Matrix3DError: when workers were lost again and again.
    """
    try:
        import ray
    except ImportError as error:
        raise BackendUnavailable(
            "--ray needs the package 'ray'; install it with pip install 'matrix3d[ray]'."
        ) from error
    is_ours = not ray.is_initialized()
    if is_ours:
        package = Path(__file__).resolve().parents[1]
        here: dict[str, Any] = {"runtime_env": {"py_modules": [str(package)]}}
        if address == LOCAL:
            _report_no_usage()
            here = {"num_cpus": workers, "include_dashboard": False}
            here["runtime_env"] = {
                "env_vars": {"PYTHONPATH": str(package.parent)}
            }  # with the kernels on its disk
        try:
            ray.init(address, log_to_driver=False, **here)
        except Exception as error:  # of a node that does not start in time Ray raises just that
            raise BackendUnavailable(
                f"a Ray cluster must answer at {address!r}; it does not ({error}). Start one with ray start --head and "
                f"give its address, or {LOCAL!r} for this machine alone while it is not overloaded."
            ) from error
    pending = []
    try:
        remote = ray.remote(num_cpus=1, max_retries=MOST_RESTARTS)(_work)
        pending = [remote.remote(task, number) for number in numbers]
        while pending:
            heartbeat()
            done, pending = ray.wait(pending, num_returns=1, timeout=EVERY_S)
            for answer in done:
                try:
                    yield record_of(ray.get(answer))
                except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
                    raise why_lost(len(pending) + 1) from error
                except ray.exceptions.RayError as error:
                    cause = getattr(error, "cause", None)
                    if isinstance(cause, Matrix3DError):
                        raise cause from error
                    raise Matrix3DError(f"a shard could not be made on the cluster: {error}") from error
    finally:
        for answer in pending:
            ray.cancel(answer)  # like Ctrl-C: the task removes its partial file
        if pending:
            ray.wait(pending, num_returns=len(pending), timeout=_END_S)
        if is_ours:
            ray.shutdown()
