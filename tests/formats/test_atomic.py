"""Files that appear complete or not at all, and errors of the disk that name them."""

from __future__ import annotations

import errno
import sys

import pytest

from matrix3d_core.errors import DiskError
from matrix3d_core.io.atomic import open_atomically


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_full_disk_is_said_with_the_files_name(tmp_path):
    import resource

    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))  # no file may grow: as on a full disk
    try:
        with (
            pytest.raises(OSError, match=r"world\.ply") as failure,
            open_atomically(tmp_path / "world.ply") as file,
        ):
            file.write(b"0" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert failure.value.errno == errno.EFBIG
    assert failure.value.filename == str(tmp_path / "world.ply")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_none_is_said_with_the_files_name(tmp_path):
    (tmp_path / "file").write_text("no folder")
    target = tmp_path / "file" / "world.ply"
    with pytest.raises(DiskError) as failure, open_atomically(target):
        pass
    assert (failure.value.errno, failure.value.filename) == (errno.ENOTDIR, str(target))
