"""A picture's XMP metadata about the sphere: the GPano tags of phones and 360-degree cameras."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["GPano", "gpano_from_attributes", "gpano_from_xmp"]

_NAMESPACE = "http://ns.google.com/photos/1.0/panorama/"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class GPano:
    """The tags that matter for placing a picture; None where a tag is missing or no number.

    Attributes:
        projection: ``equirectangular``, ``cylindrical`` or empty.
        full: columns and rows of the whole sphere.
        area: left, top, columns and rows of the part that the picture shows, in pixels of the whole.
        heading_deg: compass heading of the picture's center.
        pitch_deg: angle of the picture's center above the horizon.
        roll_deg: roll of the camera to the right.
    """

    projection: str = ""
    full: tuple[float, float] | None = None
    area: tuple[float, float, float, float] | None = None
    heading_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float | None = None

    @property
    def is_part(self) -> bool:
        """Whether the picture shows less than the whole sphere."""
        return bool(self.full and self.area and self.area != (0, 0, *self.full))


def gpano_from_xmp(xmp: bytes | str | None) -> GPano | None:
    """Return the GPano tags of an XMP packet, or None when it has none.

    Tags are looked for as attributes and as elements; the packet is not parsed as XML, so that it cannot
    request more memory than its length. An area that does not lie inside the whole is ignored.

    Source: Photo Sphere XMP metadata, Street View documentation.
    """
    if not xmp or len(xmp) > _MOST_BYTES:
        return None
    text = xmp.decode("utf-8", "replace") if isinstance(xmp, bytes) else xmp
    named = re.search(rf"""xmlns:([\w.\-]{{1,40}})\s{{0,9}}=\s{{0,9}}["']{re.escape(_NAMESPACE)}["']""", text)
    if not named:
        return None
    tags = dict(re.findall(rf"""{named[1]}:(\w{{1,60}})\s{{0,9}}=\s{{0,9}}["']([^"'<>]{{0,60}})["']""", text))
    tags |= dict(re.findall(rf"<{named[1]}:(\w{{1,60}})>([^<]{{0,60}})</", text))
    return _gpano_of(tags)


def gpano_from_attributes(attributes: Mapping[str, str]) -> GPano | None:
    """Return the GPano tags of a file whose header holds named texts (OpenEXR), or None when it has none.

    No standard defines their place, so both are checked: a text that is an XMP packet, whatever its name, and
    one text for each tag, named ``GPano:PosePitchDegrees`` or the like.
    """
    for text in attributes.values():
        if found := gpano_from_xmp(text):
            return found
    parts = {name.partition(":"): text for name, text in attributes.items()}
    tags = {tag: text for (prefix, _, tag), text in parts.items() if prefix.lower() == "gpano" and tag}
    return _gpano_of(tags) if tags else None


def _gpano_of(tags: Mapping[str, str]) -> GPano:
    numbers = {name: _number(value) for name, value in tags.items()}
    full = _all(numbers, "FullPanoWidthPixels", "FullPanoHeightPixels")
    area = _all(
        numbers,
        *("CroppedAreaLeftPixels", "CroppedAreaTopPixels"),
        *("CroppedAreaImageWidthPixels", "CroppedAreaImageHeightPixels"),
    )
    if not full or not area or not _fits(full, area):
        full = area = None
    return GPano(
        tags.get("ProjectionType", "").strip().lower(),
        full,  # type: ignore[arg-type]
        area,  # type: ignore[arg-type]
        *(numbers.get(f"Pose{name}Degrees") for name in ("Heading", "Pitch", "Roll")),
    )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) < 1e6 else None


def _all(numbers: dict[str, float | None], *names: str) -> tuple[float, ...] | None:
    values = tuple(value for name in names if (value := numbers.get(name)) is not None)
    return values if len(values) == len(names) else None


def _fits(full: tuple[float, ...], area: tuple[float, ...]) -> bool:
    left, top, columns, rows = area
    inside = left + columns <= full[0] + 1 and top + rows <= full[1] + 1
    return min(columns, rows) >= 1 and min(left, top) >= 0 and inside
