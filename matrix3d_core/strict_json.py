"""JSON from outside: one parser that takes what the standard allows and turns everything else into one clear error.

Python's own parser also takes NaN and Infinity, makes infinity of ``1e999``, gives whole numbers that no float can
hold, and runs out of stack or memory on texts made for it. What `parse_json` returns holds finite numbers only, each
of which ``float`` accepts.

Source: RFC 8259.
"""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from .errors import FormatError

__all__ = ["MOST_DEPTH", "MOST_VALUES", "brief", "parse_json", "read_json"]

MOST_BYTES = 100_000_000
MOST_VALUES = 4_000_000
"""Python needs up to about 100 bytes for each value of a text."""
MOST_DEPTH = 64

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


def read_json(path: str | os.PathLike[str], *, most_bytes: int = MOST_BYTES, **limits: int) -> Any:
    """Read a JSON file; see `parse_json`. A file that is too large is refused before it is read.

    Raises:
        FormatError: leads with the file's name.
        OSError: when it cannot be read.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > most_bytes:
        raise _too_large(path.name, size, most_bytes)
    return parse_json(path.read_bytes(), source=path.name, most_bytes=most_bytes, **limits)


def parse_json(
    text: str | bytes,
    *,
    source: str,
    most_bytes: int = MOST_BYTES,
    most_values: int = MOST_VALUES,
    most_depth: int = MOST_DEPTH,
) -> Any:
    """Parse JSON text.

    Args:
        text: the text, or its UTF-8 bytes; a byte order mark is skipped.
        source: what messages call it, usually the file's name.
        most_bytes: largest size of the text, characters or bytes.
        most_values: largest number of values, counted before memory is allocated for them.
        most_depth: deepest nesting.

    Returns:
        Dicts, lists, strings without lone surrogates, finite numbers within float64, booleans and None.

    Raises:
        FormatError: leads with ``source``, with line and column where there is one place to name.
    """
    if len(text) > most_bytes:
        raise _too_large(source, len(text), most_bytes)
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(f"{source}: must be UTF-8 text; byte {error.start} is not.") from error
    text = text.removeprefix("\ufeff")
    bare = _STRING.sub(lambda found: '"' + " " * (len(found[0]) - 2) + '"', text) if '"' in text else text
    _check_budget(bare, source, most_values, most_depth)
    try:
        data = json.loads(text, parse_float=_float, parse_int=_int, parse_constant=_refuse)
        if _SURROGATE.search(text):
            json.dumps(data, ensure_ascii=False).encode()
    except _NumberRefused as error:
        literal = str(error)
        place = bare.index(literal)
        line, column = bare.count("\n", 0, place) + 1, place - bare.rfind("\n", 0, place)
        raise FormatError(
            f"{source}: line {line}, column {column}: numbers must be finite, within 1.8e308 and at most 300 digits "
            f"long; got {literal if len(literal) <= 60 else literal[:57] + '...'}."
        ) from error
    except json.JSONDecodeError as error:
        raise FormatError(
            f"{source}: line {error.lineno}, column {error.colno}: not valid JSON ({error.msg})."
        ) from error
    except UnicodeEncodeError as error:
        raise FormatError(
            f"{source}: its text must be Unicode; got half of a surrogate pair. Write the file again."
        ) from error
    except (RecursionError, ValueError) as error:
        raise FormatError(f"{source}: not valid JSON ({error}).") from error
    return data


def brief(value: Any) -> str:
    """Return a parsed value as JSON of at most 60 characters, for messages."""
    try:
        text = value if isinstance(value, str) and len(value) > 60 else json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):  # not from `parse_json`
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


class _NumberRefused(Exception):
    """Its text is the number as it is written."""


def _refuse(literal: str) -> Any:
    raise _NumberRefused(literal)


def _float(literal: str) -> float:
    value = float(literal)
    return value if math.isfinite(value) else _refuse(literal)


def _int(literal: str) -> int:
    return int(literal) if len(literal) <= 300 else _refuse(literal)


def _check_budget(bare: str, source: str, most_values: int, most_depth: int) -> None:
    count = sum(map(bare.count, ",[{"))
    if count > most_values:
        raise FormatError(f"{source}: must hold at most {most_values} values; got more than {count - 1}.")
    brackets = np.frombuffer(bare.encode("utf-8", "replace").translate(None, _NOT_BRACKETS), np.uint8)
    if len(brackets) > most_depth:
        deepest = int(np.where((brackets == ord("[")) | (brackets == ord("{")), 1, -1).cumsum().max())
        if deepest > most_depth:
            raise FormatError(
                f"{source}: not valid JSON for this reader: nested at most {most_depth} deep; got {deepest}."
            )


def _too_large(source: str, size: int, most: int) -> FormatError:
    return FormatError(
        f"{source}: must be at most {most / 1e6:g} MB; got {size / 1e6:.4g} MB. Is this the right file?"
    )
