"""Remembers what a node wrote for the browser, so that running it again for another reason writes nothing."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["LastResult"]

_Made = TypeVar("_Made")


class LastResult(Generic[_Made]):
    """The last result of each node, valid while it is about the very same value.

    The host hands a node the same object again as long as what comes before it is cached. The value is
    held weakly: nothing is kept alive.
    """

    def __init__(self) -> None:
        self._made: dict[str, tuple[weakref.ref[Any], object, _Made]] = {}

    def get(
        self,
        node: str | None,
        value: Any,
        options: object,
        make: Callable[[], _Made],
        still_there: Callable[[_Made], bool],
    ) -> _Made:
        """Return the node's last result for ``value`` and ``options`` if it is still there, else ``make()`` it."""
        known = self._made.get(node) if node is not None else None
        if known and known[0]() is value and known[1] == options and still_there(known[2]):
            return known[2]
        made = make()
        if node is not None:
            self._made[node] = (weakref.ref(value), options, made)
        return made
