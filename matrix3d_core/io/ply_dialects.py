"""Dialects of Gaussian PLY: names of the columns of other programs, and the meaning of their numbers.

A `Layout` says from which property each column of a Gaussian comes. Beside the usual names it knows flat Gaussians (two
scales), round ones (one scale), colors as bytes instead of harmonics, other names of scales, rotations and opacities,
and harmonics of degree 4, whose last band is dropped.

Source: Kerbl et al., 3D Gaussian Splatting, 2023 (usual names); Huang et al., 2D Gaussian Splatting, 2024 (two
scales); comments of nerfstudio (``Vertical Axis``), Brush (``Vertical axis``, ``SplatRenderMode``) and Postshot
(``antialiased``).
"""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass

import numpy as np

from ..errors import FormatError
from ..scene.gaussians import SH_C0
from .findings import Findings
from .ply_header import PlyHeader

__all__ = [
    "FLAT",
    "Layout",
    "are_linear",
    "are_probabilities",
    "find_layout",
    "is_point_cloud",
    "note_antialiased",
    "note_comments",
    "point_colors",
]

FLAT = 1e-3
"""Thickness of a flat Gaussian, relative to its smaller radius."""

_log = logging.getLogger(__name__)

_ENOUGH = 100  # Gaussians whose opacities decide by themselves
_SOME = 8  # Gaussians whose opacities decide when they spread
_MOST_SCALE_LOG = 20.0  # a larger logarithm would be half a billion units
_REST_COUNTS = {0: 1, 9: 4, 24: 9, 45: 16, 72: 25}  # f_rest properties -> SH bases
_MEANS = ("x", "y", "z")
_COLORS = ("f_dc_0", "f_dc_1", "f_dc_2")
_SCALES = ("scale_0", "scale_1", "scale_2")
_QUATS = ("rot_0", "rot_1", "rot_2", "rot_3")
_USUAL = (*_MEANS, *_COLORS, "opacity", *_SCALES, *_QUATS)
_OTHER_SCALES = (
    ("scale_x", "scale_y", "scale_z"),
    ("scaling_0", "scaling_1", "scaling_2"),
    ("sx", "sy", "sz"),
)
_OTHER_QUATS = (
    ("rot_w", "rot_x", "rot_y", "rot_z"),
    ("rotation_0", "rotation_1", "rotation_2", "rotation_3"),
    ("qw", "qx", "qy", "qz"),
)
_OTHER_OPACITIES = ("alpha", "opacities")
_RGB = (("red", "green", "blue"), ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue"))
_VERTICAL = re.compile(r"vertical[ _]axis\s*[:=]\s*(.+)", re.IGNORECASE)
_MODE = re.compile(r"splatrendermode\s*[:=]\s*(\w+)", re.IGNORECASE)
_ANTIALIASED = re.compile(r"anti-?alias(?:ed|ing)\s*[:=]?\s*(\w*)", re.IGNORECASE)
_UPS = {  # direction of up in the file -> its axes, right-handed
    (0, -1, 0): "RDF",
    (0, 1, 0): "RUB",
    (0, 0, 1): "RFU",
    (0, 0, -1): "RBD",
    (1, 0, 0): "URF",
    (-1, 0, 0): "DRB",
}


# Which property is what ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """The properties that hold the columns of Gaussians; a number instead of a name is a constant column.

    Attributes:
        means: three properties.
        quats: four, w first.
        scales: three.
        opacity: one.
        colors: three.
        rest: properties of the harmonics above the first, coefficient by coefficient, three channels each.
        bases: harmonics that are kept, the first included.
        flat_axes: scales that the file has: 3, 2 for flat Gaussians, 1 for round ones.
        color_steps: of the colors: 0 when they are harmonics, else the number that represents 1.
        opacity_steps: 0 when the opacity is a logit or a probability, else the number that represents 1.
    """

    means: tuple[str, ...]
    quats: tuple[str | float, ...]
    scales: tuple[str | float, ...]
    opacity: str | float
    colors: tuple[str, ...]
    rest: tuple[str, ...]
    bases: int
    flat_axes: int = 3
    color_steps: float = 0.0
    opacity_steps: float = 0.0

    @property
    def columns(self) -> tuple[str | float, ...]:
        """All columns: means, rotation, scales, opacity, color, harmonics."""
        return (*self.means, *self.quats, *self.scales, self.opacity, *self.colors, *self.rest)

    @property
    def is_usual(self) -> bool:
        """Whether every column is a property and its numbers are those of 3D Gaussian Splatting."""
        return (
            not self.color_steps and not self.opacity_steps and all(isinstance(c, str) for c in self.columns)
        )

    def shade(self, colors: np.ndarray) -> np.ndarray:
        """Convert stored colors to coefficients of the first harmonic."""
        return (colors / self.color_steps - 0.5) / SH_C0 if self.color_steps else colors


def find_layout(header: PlyHeader, name: str, findings: Findings) -> Layout:
    """Map the properties of the vertices to columns, and note what is unusual.

    Raises:
        FormatError: when properties are missing; it lists them and what the file seems to be.
    """
    stored = header.element("vertex").stored
    rest, bases = _rest(stored, name, findings)
    scales = _first_of(stored, (_SCALES, *_OTHER_SCALES))
    flat_axes = 3
    if scales is None:
        found = [prop for prop in _SCALES if prop in stored]
        if found == ["scale_0", "scale_1"]:
            scales, flat_axes = ("scale_0", "scale_1", 0.0), 2
            findings.note("layout", "2D Gaussians (two scales): read as flat splats.")
        elif found == ["scale_0"] or (not found and "scale" in stored):
            one = found[0] if found else "scale"
            scales, flat_axes = (one, one, one), 1
            findings.note("layout", "one scale for each splat: read as balls.")
    quats: tuple[str | float, ...] | None = _first_of(stored, (_QUATS, *_OTHER_QUATS))
    if quats is None and scales is not None and not any(prop.startswith("rot") for prop in stored):
        quats = (1.0, 0.0, 0.0, 0.0)
        findings.note("layout", "no rotations in the file: splats are not rotated.")
    colors, color_steps = _colors(stored, findings)
    opacity, opacity_steps = _opacity(stored, findings)
    if None in (scales, quats, colors) or not set(_MEANS) <= stored.keys():
        missing = [prop for prop in _USUAL if prop not in stored]
        shown = ", ".join(list(stored)[:40]) or "none"
        raise FormatError(
            f"{name}: lacks the properties {', '.join(missing)} (found {shown}); is this a Gaussian PLY?"
        )
    assert scales is not None
    assert quats is not None
    assert colors is not None
    return Layout(_MEANS, quats, scales, opacity, colors, rest, bases, flat_axes, color_steps, opacity_steps)


def _first_of(stored: dict[str, str], choices: tuple[tuple[str, ...], ...]) -> tuple[str | float, ...] | None:
    return next((names for names in choices if set(names) <= stored.keys()), None)


def _rest(stored: dict[str, str], name: str, findings: Findings) -> tuple[tuple[str, ...], int]:
    rest = sorted(prop for prop in stored if prop.startswith("f_rest_"))
    if len(rest) not in _REST_COUNTS or rest != sorted(f"f_rest_{i}" for i in range(len(rest))):
        raise FormatError(
            f"{name}: must hold f_rest_0 to f_rest_8, _23, _44 or none; got {len(rest)} of them."
        )
    stride = len(rest) // 3
    bases = min(_REST_COUNTS[len(rest)], 16)
    if stride + 1 > bases:
        findings.note("sh_degree", "degree 4 in the file; the last band is dropped.")
    return tuple(f"f_rest_{c * stride + k}" for k in range(bases - 1) for c in range(3)), bases


def _colors(stored: dict[str, str], findings: Findings) -> tuple[tuple[str, ...] | None, float]:
    if set(_COLORS) <= stored.keys():
        if all(stored[prop] == "u1" for prop in _COLORS):
            findings.note("layout", "f_dc are bytes: read as colors from 0 to 255.")
            return _COLORS, 255.0
        return _COLORS, 0.0
    names = point_colors(stored)
    if names is not None and (any(prop.startswith(("scale", "rot", "sx", "qw")) for prop in stored)):
        findings.note("layout", f"no harmonics in the file: colors come from {', '.join(names)}.")
    return names, 0.0 if names is None else _steps(stored[names[0]])


def _opacity(stored: dict[str, str], findings: Findings) -> tuple[str | float, float]:
    for prop in ("opacity", *_OTHER_OPACITIES):
        if prop in stored:
            return prop, _steps(stored[prop]) if stored[prop][0] == "u" else 0.0
    findings.note("opacity", "none in the file: splats are opaque.")
    return 1.0, 1.0


def _steps(kind: str) -> float:
    """Return the number of a stored type that represents 1."""
    return float(np.iinfo(kind).max) if kind[0] in "iu" else 1.0


def point_colors(stored: dict[str, str]) -> tuple[str, ...] | None:
    """Return the properties that hold red, green and blue, or None."""
    return next((names for names in _RGB if set(names) <= stored.keys()), None)


def is_point_cloud(header: PlyHeader) -> bool:
    """Return whether it is a plain point cloud or mesh: positions, but neither sizes, rotations nor harmonics."""
    stored = header.element("vertex").stored
    marks = ("scale", "scaling", "rot", "f_dc", "f_rest", "opacity", "sx", "qw", "packed")
    return set(_MEANS) <= stored.keys() and not any(prop.startswith(marks) for prop in stored)


# What the comments say --------------------------------------------------------------------------------


def note_comments(header: PlyHeader, findings: Findings) -> None:
    """Note the axes and the filter that a file's comments name; the last of a kind counts."""
    for comment in header.comments:
        if found := _VERTICAL.search(comment):
            _note_vertical(found[1].strip(), findings)
        mode, filtered = _MODE.search(comment), _ANTIALIASED.search(comment)
        if mode is not None or filtered is not None:
            word = (mode or filtered)[1].lower()  # type: ignore[index]
            note_antialiased(word == "mip" if mode else word not in _NO, findings)


_NO = ("0", "false", "no", "off", "none", "default", "classic")


def note_antialiased(is_filtered: bool, findings: Findings) -> None:
    """Note whether the file states that it was trained with an anti-aliasing filter."""
    findings.notes["antialiased"] = (
        "yes, by the file: trained with a filter (mip). Turn antialiased on in Render Splats."
        if is_filtered
        else "no, by the file."
    )


def _note_vertical(text: str, findings: Findings) -> None:
    up: tuple[int, ...] | None = None
    word = text.lower()
    signs = {"-": -1, "+": 1}
    if re.fullmatch(r"[+-]?[xyz]", word):
        # A bare y names no direction; PLYs are y down, and so are those of the programs that write it.
        sign = signs.get(word[0], -1 if word == "y" else 1)
        up = tuple(sign * (axis == word[-1]) for axis in "xyz")
    else:
        numbers = re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d{1,3})?", word)[:4]
        values = [float(number) for number in numbers]
        length = math.hypot(*values) if len(values) == 3 else 0.0
        if 0 < length < math.inf:
            direction = tuple(round(value / length) for value in values)
            aligned = max(abs(value) for value in values) / length > 0.999
            up = direction if aligned else None
    if up is None or up not in _UPS:
        findings.axes = None
        findings.notes["axes"] = (
            f"the file names {text[:40]!r} as vertical, which is none of its axes; not rotated."
        )
        return
    findings.axes = _UPS[up]
    doubt = " without a direction; y is assumed to point down, as usual" if word == "y" else ""
    findings.notes["axes"] = f"the file names {text[:40]} as its vertical axis{doubt}."


# What the numbers mean ---------------------------------------------------------------------------


def are_linear(sizes: np.ndarray, means: np.ndarray) -> bool:
    """Return whether scales, all 0 or more, are linear: which reading fits the distance between splats?

    A logarithm of 0 or more is a size of at least one unit. Splats on surfaces are about as far apart
    as the square root of area over count, and about as large.

    Args:
        sizes: ``[N]`` stored scales, none negative; NaN is ignored.
        means: ``[N, 3]`` places.
    """
    is_known = ~np.isnan(sizes) & np.isfinite(means).all(axis=1)
    sizes, means = sizes[is_known], means[is_known]
    if not len(sizes):
        return False
    if float(sizes.max()) > _MOST_SCALE_LOG:
        return True
    low, high = np.quantile(means.astype(np.float64), (0.05, 0.95), axis=0)
    edges = np.sort(high - low)
    spacing = math.sqrt(max(0.0, float(edges[1] * edges[2])) / len(means))
    if len(means) < _SOME or not 0 < spacing < math.inf:
        return False
    middle = float(np.median(sizes))
    as_logarithm = abs(middle - math.log(spacing))
    return abs(math.log(max(middle, 1e-12)) - math.log(spacing)) < as_logarithm


def are_probabilities(name: str, stored: np.ndarray, findings: Findings, *, linear_scales: bool) -> bool:
    """Return whether opacities are probabilities, not logits; raise where it is ambiguous.

    As logits, numbers between 0 and 1 would all be opacities of 0.5 to 0.73. Many that spread over more than half of
    that are probabilities, and so are those that reach 1 or come with linear scales.

    Args:
        name: of the file, for messages.
        stored: ``[N]`` numbers of the file.
        findings: receives the decision.
        linear_scales: whether the file's scales are no logarithms.

    Raises:
        FormatError: for few Gaussians whose values do not decide.
    """
    low, high = float(stored.min()), float(stored.max())
    if not (low >= 0 and high <= 1):
        findings.note("opacity", 'logits, as usual. To read them as probabilities: opacity "probability".')
        return False
    count = len(stored)
    if (high - low > 0.5 and count >= _SOME) or linear_scales or high == 1:
        _log.warning(
            "%s: all opacities lie between 0 and 1; they are read as probabilities, not as logits. "
            'Read it with opacity="logit" if that is wrong.',
            name,
        )
        findings.note("opacity", 'probabilities: all lie between 0 and 1. If that is wrong: opacity "logit".')
        return True
    if count >= _ENOUGH or findings.logits_known:
        findings.note(
            "opacity",
            f"read as logits, though all lie between {low:.3g} and {high:.3g}. If splats are too transparent: "
            'opacity "probability".',
        )
        return False
    raise FormatError(
        f"{name}: its {count} opacities lie between {low:.3g} and {high:.3g}: they may be logits (usual) or "
        'probabilities. Choose opacity "logit" or "probability".'
    )
