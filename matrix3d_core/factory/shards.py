"""WebDataset shards of clips: tar files of whole clips, and an index with their checksums.

A clip is one sample; its key is the clip's name. Its files are those of `clip_files`.

Source: WebDataset format specification (tar files of samples whose names agree up to the first dot).
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import BackendUnavailable, FormatError
from ..io.atomic import naming_the_file, open_atomically
from ..io.foreign import as_format_error
from ..strict_json import parse_json, read_json

__all__ = [
    "INDEX",
    "read_first_frames",
    "read_index",
    "read_shard",
    "shard_name",
    "write_index",
    "write_shard",
]

INDEX = "index.json"
_URL = re.compile(r"shard-\d{6,}\.tar")
_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}")
_FILE = re.compile(
    r"(frame|depth)_(\d{4,6}\.\w{3,4})|cameras\.json|meta\.json|txt|(normal|class|instance)\.\w{3}"
)
_TAR_END = bytes(1024)
_OWNER = "matrix3d"


def shard_name(number: int) -> str:
    """Return the name of a shard's file."""
    return f"shard-{number:06d}.tar"


class _Hashing:
    """A file for writing that counts and hashes what goes through it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.size, self.sha256 = file, 0, hashlib.sha256()
        self.is_given_up = False  # a tar file writes its end when it is closed, also after an error

    def write(self, data: bytes) -> int:
        self.size += len(data)
        self.sha256.update(data)
        return len(data) if self.is_given_up else self._file.write(data)


def write_shard(path: Path | str, samples: Iterable[tuple[str, Mapping[str, bytes]]]) -> dict[str, Any]:
    """Write a shard; it appears under its name only when it is complete.

    Args:
        path: the tar file; its folder must exist.
        samples: key and files of each clip, see `clip_files.encode_clip`. Consumed one by one.

    Returns:
        Its record for the index: url, nsamples, filesize, sha256, keys.

    Raises:
        BackendUnavailable: without the webdataset package.
        DiskError: when the disk refuses the file.
    """
    TarWriter = _webdataset().TarWriter
    path, keys = Path(path), []
    with open_atomically(path) as file, naming_the_file(path):
        target = _Hashing(file)
        writer = TarWriter(target, user=_OWNER, group=_OWNER, mtime=0, encoder=False)
        try:
            for key, files in samples:
                writer.write({"__key__": key, **files})
                keys.append(key)
        except BaseException:
            target.is_given_up = True
            raise
        finally:
            writer.close()
    return {
        "url": path.name,
        "nsamples": len(keys),
        "filesize": target.size,
        "sha256": target.sha256.hexdigest(),
        "keys": keys,
    }


def _webdataset() -> Any:
    try:
        import webdataset
    except ImportError as error:
        raise BackendUnavailable(
            "shards need the package 'webdataset'; install it with pip install 'matrix3d[factory]'."
        ) from error
    return webdataset


def write_index(folder: Path | str, shards: Iterable[Mapping[str, Any]], settings: Mapping[str, Any]) -> None:
    """Write ``index.json``: the shards in the order of their names, and what they were made with."""
    ordered = sorted(shards, key=lambda shard: str(shard["url"]))
    index = {
        "format": "matrix3d-shards",
        "version": 1,
        "wids_version": 1,
        "settings": settings,
        "shardlist": ordered,
    }
    with open_atomically(Path(folder) / INDEX) as file:
        file.write(json.dumps(index, indent=1, ensure_ascii=False).encode())


def read_index(folder: Path | str) -> dict[str, Any]:
    """Read ``index.json`` of a folder with shards.

    Raises:
        FormatError: when it is damaged or no index of shards.
        FileNotFoundError: when there is none.
    """
    index = read_json(Path(folder) / INDEX)
    shards = index.get("shardlist") if isinstance(index, dict) else None
    wanted = {"url": str, "nsamples": int, "filesize": int, "sha256": str, "keys": list}
    if not isinstance(shards, list) or not all(
        isinstance(shard, dict)
        and all(isinstance(shard.get(name), kind) for name, kind in wanted.items())
        and _URL.fullmatch(shard["url"])
        and all(_KEY.fullmatch(str(key)) for key in shard["keys"])
        for shard in shards
    ):
        raise FormatError(
            f"{INDEX}: is no index of shards (shardlist with {', '.join(wanted)}). Make the shards again."
        )
    assert isinstance(index, dict)
    return index


def read_shard(path: Path | str) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Read the clips of a shard one by one, after its checksum where an index beside it lists the shard.

    Yields:
        Key and files of each clip, named as in `clip_files`.

    Raises:
        FormatError: when the shard is cut off, was changed, or holds something else.
        BackendUnavailable: without the webdataset package.
    """
    path = Path(path)
    tariterators = _webdataset().tariterators
    with path.open("rb") as file:
        _check_whole(path, file)
        with as_format_error(path.name, "damaged or truncated"):
            members = tariterators.tar_file_expander([{"url": path.name, "stream": file}])
            for sample in tariterators.group_by_keys(members):
                yield _checked(path.name, sample)


def _check_whole(path: Path, file: io.BufferedReader) -> None:
    """Compare size and checksum with the index; without one look for the end mark of a tar file."""
    known = {}
    if (path.parent / INDEX).is_file():
        known = {shard["url"]: shard for shard in read_index(path.parent)["shardlist"]}
    size = path.stat().st_size
    way_out = "Delete it and run the same command again to make it anew."
    if (listed := known.get(path.name)) is not None:
        if size != listed["filesize"]:
            raise FormatError(f"{path.name}: must have {listed['filesize']} bytes; got {size}. {way_out}")
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != listed["sha256"]:
            raise FormatError(f"{path.name}: was changed: its SHA-256 is not that of {INDEX}. {way_out}")
    else:
        file.seek(max(0, size - len(_TAR_END)))
        if size % 512 or file.read() != _TAR_END:
            raise FormatError(
                f"{path.name}: damaged or truncated; the end of the tar file is missing. {way_out}"
            )
    file.seek(0)


def _checked(name: str, sample: Mapping[str, Any]) -> tuple[str, dict[str, bytes]]:
    """Return key and files of a sample that has all that its meta.json lists, and nothing else."""
    key = str(sample["__key__"])
    files = {part: data for part, data in sample.items() if not part.startswith("__")}
    meta = parse_json(files.get("meta.json", b"{}"), source=f"{name}, {key}.meta.json")
    listed = meta.get("files") if isinstance(meta, dict) else None
    if (
        not _KEY.fullmatch(key)
        or not isinstance(listed, list)
        or {*files} != {*map(str, listed), "meta.json"}
    ):
        raise FormatError(
            f"{name}: {key[:80]!r} is no complete clip; its meta.json must list its files. Was the shard made by "
            "matrix3d factory?"
        )
    if unknown := [part for part in files if not _FILE.fullmatch(part)]:
        raise FormatError(f"{name}: {key} holds a file that is no part of a clip, {unknown[0][:80]!r}.")
    return key, files


def read_first_frames(folder: Path | str) -> Iterator[tuple[str, bytes, str]]:
    """Read key, first frame (a picture's file) and caption of every clip that the index lists, without the rest."""
    import tarfile

    for shard in read_index(folder)["shardlist"]:
        path = Path(folder) / shard["url"]
        with as_format_error(path.name, "damaged or truncated"), tarfile.open(path) as archive:
            names = {member.name: member for member in archive}

            def read(name: str, archive: tarfile.TarFile = archive) -> bytes:
                file = archive.extractfile(name)
                return b"" if file is None else file.read()

            for key in shard["keys"]:
                first = next(name for name in sorted(names) if name.startswith(f"{key}.frame_"))
                yield key, read(first), read(f"{key}.txt").decode()
