"""Matches a LoRA file to a model: targets, leftovers, and whether to refuse it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput, WeightsMismatch
from .files import LoraFile, LoraModule
from .names import (
    Family,
    Place,
    family_of_model,
    family_of_names,
    is_text_encoder,
    name_table,
    naming_of,
    strip_prefix,
)

__all__ = ["LoraReport", "LoraTarget", "Mismatch", "match", "named_tensors"]

_UNUSED = re.compile(r"(?:^|\.)img_emb\.|\.base_layer\.")


@dataclass(frozen=True)
class LoraTarget:
    """A module of the file and its target.

    Attributes:
        module: from the file.
        place: the target in the model.
        host_place: set instead when only the host's own table has the name; returned unchanged.
    """

    module: LoraModule
    place: Place
    host_place: Any = None


@dataclass(frozen=True)
class Mismatch:
    """A module whose name matches and whose size does not."""

    stem: str
    key: str
    file_size: tuple[int, int]
    model_size: tuple[int, int]


@dataclass(frozen=True)
class LoraReport:
    """How a LoRA file fits a model.

    Attributes:
        file_name: for the messages.
        naming: see `names.naming_of`.
        family: the file's family, from names and sizes.
        model_family: the model's.
        targets: the matches.
        unexpected: modules and tensors of the file that the model has no place for.
        mismatched: names that fit with sizes that do not.
        missing: parameters of the model that the file leaves out in some blocks and trains in others.
        ignored: tensors that are not needed: ``img_emb``, base weights, text encoder modules.
        ranks: that occur.
        brings_extra_concat: whether the file brings a whole ``patch_embedding_extra_concate``.
        lacks: why the file cannot work as the panorama LoRA of this model; empty when nothing is missing.
        scale: where the factor of the products comes from, lines of the report.
    """

    file_name: str
    naming: str
    family: Family
    model_family: Family
    targets: tuple[LoraTarget, ...]
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[Mismatch, ...] = ()
    missing: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    ranks: tuple[int, ...] = ()
    brings_extra_concat: bool = False
    lacks: str = ""
    scale: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """Number of modules in the file that are meant for the diffusion model."""
        return len(self.targets) + len(self.unexpected) + len(self.mismatched)

    def check(self, *, strict: bool = True) -> None:
        """Raise unless the LoRA may be applied.

        Args:
            strict: also refuse when only a part fits, or when the 5B's extra embedding is missing.

        Raises:
            WeightsMismatch: the message names both models, the counts and the first names that do not fit.
        """
        if self.family.contradicts(self.model_family) and (strict or not self.targets):
            raise WeightsMismatch(
                f"{self.file_name} is a LoRA for {self.family}; the model is {self.model_family}. "
                f"{self._counts()} Choose the LoRA that was made for this model."
            )
        if not self.targets and not self.brings_extra_concat:
            raise WeightsMismatch(
                f"{self.file_name} must fit the model; none of its {self.total} targets does. {self._counts()} "
                f"It is written for {self.family}; the model is {self.model_family}."
            )
        if strict and (self.unexpected or self.mismatched):
            raise WeightsMismatch(
                f"{self.file_name} must fit the model as a whole; {len(self.targets)} of {self.total} targets do. "
                f"{self._counts()} Choose the LoRA that was made for this model, or turn strict off to apply "
                "what fits."
            )
        if strict and self.lacks:
            raise WeightsMismatch(f"{self.file_name} {self.lacks}")

    def _counts(self) -> str:
        lines = []
        if self.mismatched:
            first = self.mismatched[0]
            lines.append(
                f"{len(self.mismatched)} with another size, first {first.stem}: made for "
                f"{first.file_size[0]}x{first.file_size[1]}, the model's {first.key} is "
                f"{first.model_size[0]}x{first.model_size[1]}."
            )
        if self.unexpected:
            lines.append(f"{len(self.unexpected)} unexpected, first {self.unexpected[0]}.")
        if self.missing:
            lines.append(f"{len(self.missing)} missing, first {self.missing[0]}.")
        return " ".join(lines)

    def describe(self) -> str:
        """Return the report, several lines."""
        ranks = ", ".join(map(str, self.ranks)) or "none (no plain pairs)"
        lines = [
            f"{self.file_name}: {len(self.targets)} of {self.total} targets matched.",
            f"Made for {self.family}, {self.naming} names, rank {ranks}; the model is {self.model_family}.",
            *self.scale,
        ]
        if self.mismatched or self.unexpected:
            left = replace(self, missing=())._counts()
            lines.append(f"Left out: {left}")
        if self.missing:
            lines.append(
                f"Not in the file, though other blocks have it: {len(self.missing)}, first {self.missing[0]}."
            )
        if self.brings_extra_concat:
            lines.append("Brings patch_embedding_extra_concate, the guidance input of the 5B model.")
        if self.lacks:
            lines.append(f"Note: the file {self.lacks}")
        if self.ignored:
            lines.append(f"Not needed and ignored: {len(self.ignored)}, first {self.ignored[0]}.")
        return "\n".join(lines)


def match(
    file: LoraFile,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    host_names: Mapping[str, Any] | None = None,
    has_extra_concat: bool = False,
) -> LoraReport:
    """Match a LoRA file to a model; it is neither applied nor refused here (see `LoraReport.check`).

    Args:
        file: from `read_lora`.
        shapes: shapes of the model's parameters by native name, such as ``"blocks.0.self_attn.q.weight"``.
        host_names: further names of the host's own LoRA code, with its targets: a parameter name, or a
            tuple of it, ``(axis, start, length)`` and more; tried last.
        has_extra_concat: the model has the 5B's extra embedding already.
    """
    table = name_table(shapes)
    targets: list[LoraTarget] = []
    unexpected: list[str] = []
    mismatched: list[Mismatch] = []
    ignored: list[str] = []
    taken: dict[tuple[str, tuple[int, int] | None], str] = {}
    for stem, module in file.modules.items():
        target = _place(module, table, host_names or {})
        if target is None:
            (ignored if is_text_encoder(stem) or _UNUSED.search(stem) else unexpected).append(stem)
            continue
        slot = (target.place.key, target.place.rows)
        if slot in taken:
            raise WeightsMismatch(
                f"{file.path.name} must name each target once; {taken[slot]} and {stem} both mean {slot[0]}."
            )
        taken[slot] = stem
        sizes = _sizes(target, shapes)
        if sizes and sizes[0] != sizes[1]:
            mismatched.append(Mismatch(stem, target.place.key, *sizes))
        else:
            targets.append(target)
    for name in file.plain:
        (ignored if _UNUSED.search(name) or is_text_encoder(name) else unexpected).append(name)
    family = family_of_names({stem: module.size for stem, module in file.modules.items()})
    model_family = family_of_model(shapes)
    concat, lacks, wrong = _extra_concat(file, shapes, model_family, has_extra_concat)
    return LoraReport(
        file.path.name,
        naming_of(file.modules),
        family,
        model_family,
        tuple(targets),
        (*unexpected, *wrong),
        tuple(mismatched),
        _missing((t.place for t in targets), table),
        tuple(ignored),
        file.ranks,
        concat,
        lacks,
        file.scale,
    )


def _place(
    module: LoraModule, table: Mapping[str, Place], host_names: Mapping[str, Any]
) -> LoraTarget | None:
    name = strip_prefix(module.stem)[0]
    for candidate in (name, name.removesuffix(".weight")):
        if candidate in table:
            return LoraTarget(module, table[candidate])
    if module.stem in host_names:
        there = host_names[module.stem]
        key, rows = (
            (there, None) if isinstance(there, str) else (there[0], there[1] if len(there) > 1 else None)
        )
        span = None if rows is None else (int(rows[1]), int(rows[2]))
        return LoraTarget(module, Place(key.removeprefix("diffusion_model."), span), there)
    return None


def _sizes(
    target: LoraTarget, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return the size the file was made for and the model's, or None where one is unknown."""
    made_for, key = target.module.size, target.place.key
    if key not in shapes:
        return None
    shape = shapes[key]
    model = (target.place.rows[1] if target.place.rows else shape[0], torch.Size(shape[1:]).numel())
    parts = target.module.parts
    if "reshape_weight" in parts:
        return None
    if "diff_b" in parts and parts["diff_b"].numel() != model[0]:
        return (parts["diff_b"].numel(), model[1]), model
    if "diff_b" in parts and key.endswith(".weight") and key.removesuffix("weight") + "bias" not in shapes:
        return (model[0], model[1] + 1), model
    if made_for is None:
        return None
    return made_for, model


def _missing(places: Iterable[Place], table: Mapping[str, Place]) -> tuple[str, ...]:
    """Return parameters that fit the pattern of the file's targets in blocks that the file does not name."""

    def pattern(place: Place) -> tuple[str, tuple[int, int] | None]:
        return re.sub(r"(blocks)\.\d+\.", r"\1.*.", place.key), place.rows

    have = set(places)
    wanted = {pattern(place) for place in have}
    lacking = [p for p in dict.fromkeys(table.values()) if pattern(p) in wanted and p not in have]
    return tuple(p.key + (f" rows {p.rows[0]}-{sum(p.rows) - 1}" if p.rows else "") for p in lacking)


def _extra_concat(
    file: LoraFile, shapes: Mapping[str, tuple[int, ...]], family: Family, has_already: bool
) -> tuple[bool, str, list[str]]:
    """Return whether the 5B's extra embedding is there and fits, what is missing, and what has no target."""
    weight, bias = file.extra_concat
    base = shapes.get("patch_embedding.weight", ())
    if family.variant != "TI2V":
        names = [
            f"patch_embedding_extra_concate.{end}"
            for end, t in zip(("weight", "bias"), (weight, bias), strict=True)
            if t is not None
        ]
        return False, "", names
    width, channels = base[0], base[1] + 4
    wanted = (width, channels, *base[2:])
    if weight is None and bias is None:
        if has_already:
            return False, "", []
        return (
            False,
            f"lacks patch_embedding_extra_concate.weight {list(wanted)} and .bias [{width}], through which the "
            "5B model takes its guidance; without them it is an ordinary LoRA. Use "
            "pano_video_gen_720p_5b.safetensors for guided video, or turn strict off to use this one as it is.",
            [],
        )
    for end, tensor, shape in (("weight", weight, wanted), ("bias", bias, (width,))):
        if tensor is None:
            return False, f"lacks patch_embedding_extra_concate.{end} {list(shape)}. Download it again.", []
        if tuple(tensor.shape) != shape:
            raise WeightsMismatch(
                f"{file.path.name}: patch_embedding_extra_concate.{end} must have shape {list(shape)} for this "
                f"model; got {list(tensor.shape)}. It is a LoRA for another model."
            )
    return True, "", []


def named_tensors(targets: Iterable[LoraTarget]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return tensors under kohya's part names, and for each module name its target in the host.

    The two are what the host's LoRA code takes: module names are made up (native name and rows), the parts
    end in ``.lora_up.weight`` and so on; the place is ``"diffusion_model.<key>"``, or a tuple of it and
    ``(axis, start, length)``. Biases become entries of their own, rows that change places are swapped here.

    Raises:
        InvalidInput: when rows must be swapped in a kind of LoRA other than a pair.
    """
    tensors: dict[str, Tensor] = {}
    places: dict[str, Any] = {}
    suffix = {"down": "lora_down.weight", "up": "lora_up.weight", "mid": "lora_mid.weight"}
    for target in targets:
        place, parts = target.place, dict(target.module.parts)
        if place.is_swapped:
            parts = _swap(target)
        key = f"diffusion_model.{place.key}"
        name = key.removesuffix(".weight") + (f"@{place.rows[0]}" if place.rows else "")
        bias = parts.pop("diff_b", None)
        if bias is not None:
            where = key.removesuffix("weight") + "bias"
            tensors[f"{name}@bias.diff"] = bias.reshape(-1)
            places[f"{name}@bias"] = (where, (0, *place.rows)) if place.rows else where
        if set(parts) - {"alpha"}:
            for part, tensor in parts.items():
                tensors[f"{name}.{suffix.get(part, part)}"] = tensor
            sliced = (key, (0, *place.rows)) if place.rows else key
            places[name] = target.host_place if target.host_place is not None else sliced
    return tensors, places


def _swap(target: LoraTarget) -> dict[str, Tensor]:
    parts = dict(target.module.parts)
    if set(parts) - {"up", "down", "alpha", "diff", "diff_b", "dora_scale"}:
        kinds = ", ".join(sorted(parts))
        raise InvalidInput(
            f"{target.module.stem} must be a plain pair to be renamed; got {kinds}. Convert the file."
        )
    for part in ("up", "diff", "diff_b", "dora_scale"):
        if part in parts and (part != "dora_scale" or parts[part].shape[0] > 1):  # else one per column
            parts[part] = torch.cat(parts[part].chunk(2)[::-1])
    return parts
