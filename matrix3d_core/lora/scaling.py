"""The scale of a LoRA's product: alpha and rank from the file's tensors, its header, or its adapter_config.json."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import FormatError
from ..strict_json import parse_json, read_json
from .names import is_text_encoder, strip_prefix
from .search import LORA_SUFFIXES

__all__ = ["CONFIG_NAME", "Scaling", "Stated", "read_adapter_config", "scale_modules", "stated_in"]

CONFIG_NAME = "adapter_config.json"
"""peft's file next to ``adapter_model.safetensors`` that holds alpha and rank."""

_CONFIG_LIMIT = 4_000_000  # bytes
_PATTERN_LIMIT = 5_000  # entries
_PLAIN = re.compile(r"\^?[\w.\-]+\Z")  # a module's name, or its end
_WITH_CHOICES = re.compile(r"[\w.\-^$\\|()\[\]]+\Z")  # no repetitions: such a match is fast
_RANKS = ("r", "rank", "lora_rank", "lora_dim")
_FIELDS = ("lora_alpha", *_RANKS, "alpha_pattern", "rank_pattern", "use_rslora", "use_dora", "peft_type")
_NAMED_ALPHA = re.compile(r"(?:^|[._])alpha$", re.IGNORECASE)


@dataclass(frozen=True)
class Scaling:
    """What one source states about the modules of one component.

    Attributes:
        source: as text, such as ``"lora_adapter_metadata in the header"``.
        alpha: None where it is not stated.
        rank: likewise.
        alpha_pattern: by module name, peft's way (`Scaling.at`).
        rank_pattern: likewise.
        is_rslora: divide by the root of the rank.
        peft_type: of peft's config, such as ``"LORA"``; empty when not stated.
        use_dora: whether magnitudes belong to it.
    """

    source: str
    alpha: float | None = None
    rank: float | None = None
    alpha_pattern: Mapping[str, float] = field(default_factory=dict)
    rank_pattern: Mapping[str, float] = field(default_factory=dict)
    is_rslora: bool = False
    peft_type: str = ""
    use_dora: bool = False

    def at(self, module: str) -> tuple[float | None, float | None]:
        """Return alpha and rank of a module; the first entry of a pattern that ends the module's name counts.

        Source: peft, ``get_pattern_key``.
        """
        return _first(self.alpha_pattern, module, self.alpha), _first(self.rank_pattern, module, self.rank)


@dataclass(frozen=True)
class Stated:
    """What a file and its config state about scale.

    Attributes:
        scalings: by component, such as ``"transformer"``; ``""`` is any.
        notes: what was found and is not used, lines of the report.
    """

    scalings: Mapping[str, Scaling] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def of(self, stem: str) -> tuple[Scaling, str] | None:
        """Return what is stated about a module of the file, and the module's name below its component."""
        if is_text_encoder(stem):
            return None
        for component, scaling in self.scalings.items():
            if component and stem.startswith(f"{component}."):
                return scaling, stem.removeprefix(f"{component}.")
        others = [c for c in self.scalings if not is_text_encoder(f"{c}.")]
        if "" not in self.scalings and len(others) != 1:
            return None
        return self.scalings["" if "" in self.scalings else others[0]], strip_prefix(stem)[0]


def read_adapter_config(path: Path) -> dict[str, Any] | str | None:
    """Return the ``adapter_config.json`` that belongs to a LoRA file, None without one, or why one is not used.

    It belongs to ``adapter_model.*``, and to a file that is the only one of its kind in the folder.

    Raises:
        FormatError: when it belongs to the file and is no JSON object.
    """
    path = Path(path)
    config = path.parent / CONFIG_NAME
    if not config.is_file():
        return None
    others = [p for p in path.parent.iterdir() if p.suffix.lower() in LORA_SUFFIXES and p.is_file()]
    if path.stem != "adapter_model" and len(others) > 1:
        return (
            f"Not used: {CONFIG_NAME} next to the file, as there are {len(others)} files; an alpha in it is for "
            "adapter_model. Put the two into a folder of their own."
        )
    try:
        content = read_json(config, most_bytes=_CONFIG_LIMIT)
        if not isinstance(content, dict):
            raise FormatError(f"{CONFIG_NAME}: it holds a {type(content).__name__}")
    except (OSError, FormatError) as error:
        raise FormatError(
            f"{CONFIG_NAME} next to {path.name} must be a JSON object with r and lora_alpha ({str(error)[:100]}). Get "
            "it again, or move it away to use the file with scale 1."
        ) from error
    return content


def stated_in(header: Mapping[str, Any], config: Mapping[str, Any] | str | None, path: Path) -> Stated:
    """Read the known layouts of a header and peft's config; the header takes precedence.

    Known are: diffusers' ``lora_adapter_metadata`` (one JSON text, keys ``component.lora_alpha``),
    SimpleTuner's entries ``component.lora_alpha`` and ``component.r``, any entry with a peft config as JSON
    text or dictionary, plain ``lora_alpha`` with ``r`` or ``rank``, and peft's ``adapter_config.json``.
    kohya's and musubi's ``ss_network_alpha`` is named but not used: their files have a tensor for every alpha,
    and those without come from a converter that multiplied it in.

    Raises:
        FormatError: when an alpha or rank is no positive number.
    """
    scalings: dict[str, Scaling] = {}
    notes: list[str] = []
    groups: dict[str, dict[str, Any]] = {}
    for key, value in header.items():
        whole = _json_object(value)
        component, _, name = str(key).rpartition(".")
        if name in _FIELDS and not (whole is not None and not name.endswith("_pattern")):
            groups.setdefault(component, {})[name] = value
        elif whole is not None:
            for part, fields in _components(whole).items():
                if "lora_alpha" in fields:
                    scalings.setdefault(part, _scaling(fields, f"{key} in the header", path))
    for component, fields in groups.items():
        if "lora_alpha" in fields:
            entry = f"{component}.lora_alpha" if component else "lora_alpha"
            scalings.setdefault(component, _scaling(fields, f"{entry} in the header", path))
    if isinstance(config, str):
        notes.append(config)
    elif config is not None and not scalings:
        fields = dict(config)
        if str(fields.get("peft_type", "LORA")).upper() in ("LOHA", "LOKR"):
            fields.setdefault("lora_alpha", fields.get("alpha"))
        scalings[""] = _scaling(fields, CONFIG_NAME, path)
        start = str(config.get("init_lora_weights", "")).lower()
        if start.startswith(("pissa", "olora", "corda", "eva")) and not start.startswith("eva"):
            notes.append(
                f"Note: {CONFIG_NAME} says init_lora_weights {start}; unless it was converted on saving, it fits only "
                "the residual weights it was trained with."
            )
    if not scalings:
        notes += _unused_alphas(header)
    return Stated(scalings, tuple(notes))


def scale_modules(
    modules: Mapping[str, MutableMapping[str, Tensor]], stated: Stated, scaled_biases: set[str]
) -> tuple[str, ...]:
    """Apply the stated scale to the modules that have no alpha of their own; return lines of the report.

    The factor becomes an alpha tensor, ``factor * rank``, which every reader divides by the rank again.

    Args:
        modules: parts by module name; changed in place.
        stated: from `stated_in`.
        scaled_biases: modules whose bias is one of B, which counts ``factor`` times, too.
    """
    factors: dict[str, list[float]] = {}
    odd: list[str] = []
    own: list[float] = []
    for stem, parts in modules.items():
        rank = _rank(parts)
        if rank is None or is_text_encoder(stem):
            continue
        found = stated.of(stem)
        if "alpha" in parts:
            own.append(float(parts["alpha"]) / rank)
        elif found is not None:
            scaling, name = found
            alpha, stated_alpha = scaling.at(name)
            if alpha is None:
                continue
            if stated_alpha is not None and stated_alpha != rank:
                odd.append(f"{stem} has rank {rank}, {scaling.source} says {stated_alpha:g}")
                continue
            factor = alpha / (math.sqrt(rank) if scaling.is_rslora else rank)
            parts["alpha"] = torch.tensor(factor * rank, dtype=torch.float64)
            factors.setdefault(_how(scaling), []).append(factor)
        if stem in scaled_biases and "alpha" in parts:
            parts["diff_b"] = parts["diff_b"] * (float(parts["alpha"]) / rank)
    lines = [
        f"Scale from {how}: {_range(values)} for {len(values)} modules." for how, values in factors.items()
    ]
    if own:
        also = f"; {next(iter(stated.scalings.values())).source} is not needed" if stated.scalings else ""
        lines.append(f"Scale from the file's own alpha tensors, alpha / rank: {_range(own)}{also}.")
    if odd:
        lines.append(
            f"Not used: the stated alpha of {len(odd)} modules, whose rank is another; they have scale 1. {odd[0]}."
        )
    magnitudes = sum("dora_scale" in parts for parts in modules.values())
    if magnitudes:
        lines.append(f"DoRA: {magnitudes} modules have magnitudes.")
    elif any(scaling.use_dora for scaling in stated.scalings.values()):
        lines.append("Note: it states use_dora, but holds no magnitudes; it is used as a plain LoRA.")
    return (*lines, *stated.notes)


def _first(pattern: Mapping[str, float], module: str, default: float | None) -> float | None:
    for key, value in pattern.items():
        if _PLAIN.match(key):
            fits = module == key.removeprefix("^") or module.endswith(f".{key}")
        else:
            fits = _compiled(key).match(module) is not None
        if fits:
            return value
    return default


@lru_cache(maxsize=_PATTERN_LIMIT)
def _compiled(key: str) -> re.Pattern[str]:
    return re.compile(rf"(.*\.)?({key})$")


def _components(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the fields of a config by component; components are prefixes with a dot, or dictionaries inside."""
    groups: dict[str, dict[str, Any]] = {}
    for key, value in content.items():
        component, _, name = str(key).rpartition(".")
        if name in _FIELDS:
            groups.setdefault(component, {})[name] = value
        elif isinstance(value, Mapping) and "lora_alpha" in value:
            groups.setdefault(str(key), {}).update(value)
    return groups


def _scaling(fields: Mapping[str, Any], source: str, path: Path) -> Scaling:
    def number(value: Any, name: str) -> float | None:
        if value is None or value == "None":
            return None
        try:
            found = float(value)
        except (TypeError, ValueError, OverflowError):
            found = math.nan
        if not 0 < found < 1e6:
            raise FormatError(
                f"{path.name}: {name} ({source}) must be a positive number below 1e6; got {str(value)[:40]!r}. Correct "
                "it where it stands, or remove it to use the file with scale 1."
            )
        return found

    def pattern(name: str) -> dict[str, float]:
        value = fields.get(name)
        entries = _json_object(value) if isinstance(value, str) else value
        if entries is None and value in (None, "", "None"):
            return {}
        if not isinstance(entries, Mapping) or len(entries) > _PATTERN_LIMIT:
            raise FormatError(
                f"{path.name}: {name} ({source}) must be a table of at most {_PATTERN_LIMIT} modules."
            )
        found = {}
        for key, entry in entries.items():
            if len(key) > 400 or not (_PLAIN.match(key) or (_WITH_CHOICES.match(key) and _compiles(key))):
                raise FormatError(
                    f"{path.name}: {name} ({source}) must name modules; got {key[:60]!r}. Write the names out."
                )
            found[key] = float(number(entry, name) or 0)
        return found

    rank = next((fields[name] for name in _RANKS if fields.get(name) is not None), None)
    return Scaling(
        source,
        number(fields.get("lora_alpha"), "lora_alpha"),
        number(rank, "the rank"),
        pattern("alpha_pattern"),
        pattern("rank_pattern"),
        _is_true(fields.get("use_rslora")),
        str(fields.get("peft_type", "")),
        _is_true(fields.get("use_dora")),
    )


def _unused_alphas(header: Mapping[str, Any]) -> list[str]:
    """Return the alphas of a header in a layout without defined meaning."""
    seen = {
        str(key): str(value)[:40]
        for key, value in header.items()
        if _NAMED_ALPHA.search(str(key)) and not isinstance(value, Mapping)
    }
    for key, value in header.items():
        for name, inner in (_json_object(value) or {}).items():
            if _NAMED_ALPHA.search(str(name)):
                seen.setdefault(f"{str(key)[:40]}: {str(name)[:40]}", str(inner)[:40])
    if not seen:
        return []
    listed = ", ".join(f"{name} = {value}" for name, value in list(seen.items())[:4])
    return [
        f"Alpha in the header that is not used ({listed}): where a file of this kind has no alpha tensors, it was "
        "multiplied in. If the effect is too weak or strong, set strength to alpha / rank."
    ]


def _json_object(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return None
    try:
        content = parse_json(value, source="header")
    except FormatError:
        return None
    return content if isinstance(content, dict) else None


def _rank(parts: Mapping[str, Tensor]) -> int | None:
    """Return the divisor of alpha, None where it does not apply."""
    for name in ("down", "hada_w1_b", "lokr_w1_b", "lokr_w2_b"):
        if name in parts and parts[name].ndim >= 2:
            return int(parts[name].shape[0]) or None
    return None


def _how(scaling: Scaling) -> str:
    return f"{scaling.source}, alpha / {'sqrt(rank), rslora' if scaling.is_rslora else 'rank'}"


def _range(values: list[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.4g}" if math.isclose(low, high, rel_tol=1e-6) else f"{low:.4g} to {high:.4g}"


def _is_true(value: Any) -> bool:
    return value is True or str(value).strip().lower() in ("true", "1")


def _compiles(text: str) -> bool:
    try:
        _compiled(text)
    except (re.error, RecursionError, OverflowError):
        return False
    return True
