"""What the factory makes, and how one shard of it is made: the same bytes on any machine that has the same packages."""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from .clip import Captioner, ClipConfig, make_clip
from .clip_files import FRAME_FORMATS, encode_clip
from .shards import shard_name, write_shard

if TYPE_CHECKING:
    from ..synth.scene import Scene

__all__ = ["FactoryJob", "make_shard"]

_ATTEMPTS = 60


@dataclass(frozen=True)
class FactoryJob:
    """A set of clips.

    Attributes:
        clips: how many.
        families: of procedural scenes, taken in turn; each clip is of a scene of its own.
        scene_file: a user's scene instead (glb, gltf, obj, ply), of which all clips are made.
        seed: of everything random.
        clip: how each clip is made.
        clips_per_shard: clips in one shard, the unit of work.
        frame_format: one of `FRAME_FORMATS`.
    """

    clips: int
    families: tuple[str, ...] = ()
    scene_file: str = ""
    seed: int = 0
    clip: ClipConfig = field(default_factory=ClipConfig)
    clips_per_shard: int = 4
    frame_format: str = "jpg"

    def __post_init__(self) -> None:
        if self.clips < 1 or self.clips_per_shard < 1:
            raise InvalidInput(
                f"clips and clips_per_shard must be at least 1; got {self.clips} and {self.clips_per_shard}."
            )
        if self.seed < 0:
            raise InvalidInput(f"seed must not be negative; got {self.seed}.")
        if self.frame_format not in FRAME_FORMATS:
            raise InvalidInput(
                f"frame_format must be one of {', '.join(FRAME_FORMATS)}; got {self.frame_format!r}."
            )
        if bool(self.families) == bool(self.scene_file):
            raise InvalidInput("either families or scene_file must be given; got both or none.")
        if self.scene_file and not Path(self.scene_file).is_file():
            raise InvalidInput(f"scene_file must be a file; there is no {self.scene_file}.")
        if self.families:
            from ..synth.families import FAMILIES

            if unknown := [name for name in self.families if name not in FAMILIES]:
                raise InvalidInput(f"families must be some of {', '.join(FAMILIES)}; got {unknown[0]!r}.")

    @property
    def shards(self) -> int:
        """Number of shards."""
        return -(-self.clips // self.clips_per_shard)

    def clips_of(self, shard: int) -> range:
        """Return the numbers of the clips of a shard."""
        first = shard * self.clips_per_shard
        return range(first, min(self.clips, first + self.clips_per_shard))

    def settings(self) -> dict[str, Any]:
        """Return what decides what a shard holds, as JSON has it; the number of clips does not."""
        settings = asdict(self) | {"scene_file": Path(self.scene_file).name}
        del settings["clips"]
        result: dict[str, Any] = json.loads(json.dumps(settings))
        return result


def make_shard(
    job: FactoryJob,
    folder: Path | str,
    number: int,
    *,
    captioner: Captioner | None = None,
    threads: int = 0,
    progress: ProgressFn = no_progress,
) -> dict[str, Any]:
    """Make one shard in a folder; what it holds depends on the job and the number alone.

    Args:
        job: what to make.
        folder: gets the tar file; must exist.
        number: of the shard, from 0.
        captioner: replaces the scenes' own descriptions.
        threads: that this process may use from now on; 0 leaves the number as it is.
        progress: called once per frame of all clips.

    Returns:
        The record of `write_shard`, with ``refusals`` (by reason) and ``scenes`` (one per clip).

    Raises:
        InvalidInput: when a user's scene has no walkable surface, or no scene gives a clip.
        DiskError: when the disk refuses the file.
    """
    if threads:
        _limit_threads(threads)
    refusals: Counter[str] = Counter()
    scenes: list[str] = []

    def samples() -> Iterator[tuple[str, Mapping[str, bytes]]]:
        clips, frames = job.clips_of(number), job.clip.route.frames
        for clip in clips:

            def tell(event: ProgressEvent, before: int = (clip - clips[0]) * frames) -> None:
                progress(ProgressEvent(before + event.done, len(clips) * frames, "make clips"))

            name, files = _make_sample(job, clip, refusals, captioner, tell)
            scenes.append(name)
            yield f"{clip:06d}-{re.sub(r'[^A-Za-z0-9_]+', '-', name)[:50]}", files

    record = write_shard(Path(folder) / shard_name(number), samples())
    return {**record, "scenes": scenes, "refusals": dict(sorted(refusals.items()))}


def _limit_threads(threads: int) -> None:
    import numba
    import torch

    numba.config.NUMBA_NUM_THREADS = threads  # type: ignore[attr-defined]
    torch.set_num_threads(threads)


def _make_sample(
    job: FactoryJob, number: int, refusals: Counter[str], captioner: Captioner | None, progress: ProgressFn
) -> tuple[str, dict[str, bytes]]:
    """Return the scene's name and the files of a clip: of the first attempt that is kept."""
    tried: Counter[str] = Counter()
    for attempt in range(_ATTEMPTS):
        progress(ProgressEvent(0, job.clip.route.frames, "build the scene"))
        rng = np.random.default_rng((job.seed, number, attempt))
        name, scene = _scene_of(job, number + attempt, rng)
        try:
            clip, refused = make_clip(scene, rng, job.clip, captioner=captioner, progress=progress)
        except InvalidInput:
            if job.scene_file:
                raise
            clip, refused = None, Counter({"no walkable surface": 1})
        refusals.update(refused)
        tried.update(refused)
        if clip is not None:
            clip = clip.with_meta(scene=name, seed=job.seed, clip=number, attempt=attempt)
            return name, encode_clip(clip, frame_format=job.frame_format)
    reasons = ", ".join(f"{reason} {count}" for reason, count in tried.most_common())
    raise InvalidInput(
        f"a clip must be found in {_ATTEMPTS} attempts; all were refused ({reasons}). Allow shorter routes or turn "
        "the filter off."
    )


def _scene_of(job: FactoryJob, turn: int, rng: np.random.Generator) -> tuple[str, Scene]:
    if job.scene_file:
        return Path(job.scene_file).stem, _user_scene(job.scene_file)
    from ..synth.families import make_scene
    from ..synth.sets import SETS

    family = job.families[turn % len(job.families)]
    seeds = next((found.seeds for found in SETS.values() if family in found.families), range(1 << 31))
    seed = seeds[int(rng.integers(len(seeds)))]
    return f"{family}-{seed}", make_scene(family, seed)


@functools.lru_cache(maxsize=1)
def _user_scene(path: str) -> Scene:
    from ..synth.user_scene import read_scene

    scene: Scene = read_scene(path)
    return scene
