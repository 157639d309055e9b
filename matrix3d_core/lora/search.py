"""Where LoRA files are, under all the names and subfolders that upstream's downloader creates. No torch here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

__all__ = ["LORA_SUFFIXES", "PANORAMA_LORAS", "LoraPlace", "find_lora_files", "resolve_lora"]

LORA_SUFFIXES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin")
"""Suffixes of files that may hold a LoRA."""

PANORAMA_LORAS = (
    ("FLUX.1 dev, text to panorama", ("text2panoimage_lora", "pano_image_lora")),
    ("FLUX.1 dev, text to panorama (WorldGen)", ("worldgen_text2scene",)),
    ("FLUX.1 Fill, picture to panorama", ("worldgen_img2scene",)),
    ("Wan 2.2 5B, panorama video 720p", ("pano_video_gen_720p_5b",)),
    ("Wan 2.1 I2V 14B, panorama video 480p", ("pano_video_gen_480p",)),
    ("Wan 2.1 I2V 14B, panorama video 720p", ("pano_video_gen_720p",)),
)
"""Its use, and the known names (without suffix) of the same file.

Source: the downloader and the scripts of Matrix-3D and WorldGen, which disagree about the names.
"""

_OWN_KIND = "loras"
_DEPTH = 8


@dataclass(frozen=True)
class LoraPlace:
    """A LoRA file that was found.

    Attributes:
        name: its name in workflows: the path below a ``loras`` folder with forward slashes; for a file
            of another kind of folder the kind, a colon and that path (``"matrix3d: wan_lora/x.ckpt"``).
        path: the file.
        kind: the kind of its folder.
        what: its use, when its name is one of `PANORAMA_LORAS`; else empty.
    """

    name: str
    path: Path
    kind: str
    what: str = ""


def find_lora_files(roots: Mapping[str, Sequence[Path]]) -> list[LoraPlace]:
    """Return the LoRA files below some folders, sorted by name, those of ``loras`` folders first.

    Of a ``loras`` folder every file with one of `LORA_SUFFIXES` is listed. Of any other folder, which may
    hold whole models too, only files that have ``lora`` in their path below it or one of the names of
    `PANORAMA_LORAS`; a file that was listed already (a link to it) is left out. Links are followed, at
    most 8 levels deep; a folder that does not exist is skipped.

    Args:
        roots: folders by kind, such as ``{"loras": [...], "matrix3d": [...], "checkpoints": [...]}``.
    """
    found: dict[str, LoraPlace] = {}
    real: set[str] = set()
    for kind in sorted(roots, key=lambda kind: (kind != _OWN_KIND, kind)):
        for root in roots[kind]:
            for path in _walk(Path(root)):
                below = path.relative_to(root).as_posix()
                if kind == _OWN_KIND:
                    name = below
                elif _what(path) or "lora" in below.lower():
                    name = f"{kind}: {below}"
                    if os.path.realpath(path) in real:
                        continue
                else:
                    continue
                real.add(os.path.realpath(path))
                found.setdefault(name, LoraPlace(name, path, kind, _what(path)))
    return sorted(found.values(), key=lambda place: (place.kind != _OWN_KIND, place.name.lower(), place.name))


def resolve_lora(name: str, places: Iterable[LoraPlace]) -> LoraPlace | None:
    """Return the place that ``name`` means, or None.

    The exact name wins; then the only file with the same last part, then one with another of the names
    that this file goes by (`PANORAMA_LORAS`), whatever its suffix and folder. So a workflow made on one
    machine finds its files on another.
    """
    places = list(places)
    wanted = name.replace("\\", "/")
    for place in places:
        if place.name == wanted:
            return place
    last = PurePath(wanted.split(": ", 1)[-1]).name.lower()
    same = [place for place in places if place.path.name.lower() == last]
    if same:
        return same[0] if len({os.path.realpath(place.path) for place in same}) == 1 else None
    stem = last.rsplit(".", 1)[0]
    for _, names in PANORAMA_LORAS:
        if stem in names:
            for place in places:
                if place.path.name.lower().rsplit(".", 1)[0] in names:
                    return place
    return None


def _what(path: Path) -> str:
    """Return the use of a file by its name; converted files have a suffix after the known name."""
    stem = path.name.lower().rsplit(".", 1)[0]
    for what, names in PANORAMA_LORAS:  # the 5B comes before the 720p whose name begins alike
        if any(stem.startswith(name) for name in names):
            return what
    return ""


def _walk(root: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        here = Path(folder)
        true = os.path.realpath(here)
        if true in seen:  # a cyclic link
            subfolders[:] = []
            continue
        seen.add(true)
        depth = len(here.relative_to(root).parts)
        subfolders[:] = (
            sorted(name for name in subfolders if not name.startswith(".")) if depth < _DEPTH else []
        )
        for name in sorted(names):
            if name.lower().endswith(LORA_SUFFIXES):
                yield here / name
