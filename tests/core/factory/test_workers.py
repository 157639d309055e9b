"""Workers of the factory: all shards are made once, whoever is killed or stops."""

from __future__ import annotations

import functools
import os
import signal
import threading
import time

import pytest
import shard_task

from matrix3d_core.errors import Cancelled, InvalidInput, Matrix3DError
from matrix3d_core.factory.processes import MOST_RESTARTS, in_processes
from matrix3d_core.factory.ray_workers import LOCAL, on_ray
from matrix3d_core.factory.shards import shard_name

SHARDS = 4


def in_plain_processes(task, numbers, heartbeat):
    return in_processes(task, numbers, 2, heartbeat)


def on_local_ray(task, numbers, heartbeat):
    ray = pytest.importorskip("ray")
    ray.cloudpickle.register_pickle_by_value(shard_task)  # only this package is sent to the cluster
    return on_ray(task, numbers, LOCAL, 2, heartbeat)


needs_minutes = pytest.mark.skipif(
    not os.environ.get("MATRIX3D_LONG"), reason="starts Ray again; set MATRIX3D_LONG=1"
)
both = pytest.mark.parametrize("run", [in_plain_processes, pytest.param(on_local_ray, marks=needs_minutes)])
ray_warnings = pytest.mark.filterwarnings(
    "ignore::FutureWarning", "ignore::ResourceWarning", "ignore::DeprecationWarning"
)


def wait_for(path):
    until = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < until, f"{path.name} did not come"
        time.sleep(0.02)
    return int(path.read_text())


def is_complete(folder):
    found = sorted(path.name for path in folder.glob("shard-*"))
    return found == [shard_name(n) for n in range(SHARDS)] and {
        (folder / name).read_bytes() for name in found
    } == {b"one whole"}


@ray_warnings
@both
def test_a_killed_worker_loses_no_shard_and_doubles_none(tmp_path, run):
    (tmp_path / "hold-1").touch()

    def kill():
        os.kill(wait_for(tmp_path / "pid-1"), signal.SIGKILL)
        (tmp_path / "pid-1").unlink()
        (tmp_path / "hold-1").unlink()

    killer = threading.Thread(target=kill)
    killer.start()
    task = functools.partial(shard_task.make_text_shard, tmp_path)
    records = list(run(task, range(SHARDS), lambda: None))
    killer.join()
    assert sorted(record["url"] for record in records) == [shard_name(n) for n in range(SHARDS)]
    assert is_complete(tmp_path)


@ray_warnings
@both
def test_a_worker_that_is_killed_again_and_again_is_given_up(tmp_path, run):
    (tmp_path / "hold-0").touch()
    kills = []

    def kill():
        while len(kills) <= MOST_RESTARTS:
            pid = wait_for(tmp_path / "pid-0")
            (tmp_path / "pid-0").unlink()
            os.kill(pid, signal.SIGKILL)
            kills.append(pid)

    killer = threading.Thread(target=kill)
    killer.start()
    task = functools.partial(shard_task.make_text_shard, tmp_path)
    with pytest.raises(Matrix3DError, match=r"one was killed 4 times, 1 shards are left.*Use fewer workers"):
        list(run(task, [0], lambda: None))
    killer.join()
    assert list(tmp_path.glob("shard-*")) == []


@ray_warnings
@both
def test_the_librarys_errors_come_back_as_they_are(tmp_path, run):
    (tmp_path / "refuse-2").touch()
    task = functools.partial(shard_task.make_text_shard, tmp_path)
    with pytest.raises(InvalidInput, match=r"^shard 2 must not be refused; it is\.$"):
        list(run(task, range(SHARDS), lambda: None))


@ray_warnings
@both
def test_a_stop_leaves_no_partial_file(tmp_path, run):
    (tmp_path / "hold-0").touch()
    begun = []

    def heartbeat():
        if (tmp_path / "pid-0").exists():
            begun.append(int((tmp_path / "pid-0").read_text()))
            raise Cancelled("the user pressed stop.")

    task = functools.partial(shard_task.make_text_shard, tmp_path)
    with pytest.raises(Cancelled, match="pressed stop"):
        list(run(task, range(SHARDS), heartbeat))
    assert begun
    assert list(tmp_path.glob(".shard-*")) == []
    assert not (tmp_path / shard_name(0)).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(begun[0], 0)
