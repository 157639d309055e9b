"""Backends that may or may not work on this machine, and the choice between them.

A backend asked for by name is never swapped for another. ``auto`` takes the first usable one in
registration order and logs its name once; one that should work and fails to load is reported once, with its
cause and the backend that takes its place.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..errors import BackendUnavailable, InvalidInput

__all__ = ["Backend", "Registry"]

logger = logging.getLogger(__name__)
Fn = TypeVar("Fn")


@dataclass(frozen=True)
class Backend(Generic[Fn]):
    """One backend.

    Attributes:
        name: what users type.
        features: what it can do beyond the common contract, such as ``"gradients"``.
        probe: returns None when usable here, otherwise the reason why not; cheap and exception-free.
        load: imports the third-party code and returns the backend's function.
        summary: one line for ``matrix3d doctor``.
    """

    name: str
    features: frozenset[str]
    probe: Callable[[], str | None]
    load: Callable[[], Fn]
    summary: str = ""


@dataclass
class Registry(Generic[Fn]):
    """The backends of one kind (``"mesh"``, ``"splat"``), in order of preference."""

    kind: str
    _backends: dict[str, Backend[Fn]] = field(default_factory=dict)
    _reasons: dict[str, str | None] = field(default_factory=dict)
    _loaded: dict[str, Fn] = field(default_factory=dict)
    _failures: dict[str, str] = field(default_factory=dict)

    def register(self, backend: Backend[Fn]) -> None:
        """Add a backend after those already there."""
        self._backends[backend.name] = backend

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order of preference."""
        return tuple(self._backends)

    def backend(self, name: str) -> Backend[Fn]:
        """Return the record of a registered backend, usable here or not."""
        return self._backends[name]

    def unavailable_reason(self, name: str) -> str | None:
        """Return why the backend cannot run here, or None when it can; probed once."""
        if name not in self._reasons:
            try:
                self._reasons[name] = self._backends[name].probe()
            except Exception as error:  # a broken third-party install must not take the others down
                self._reasons[name] = f"{type(error).__name__}: {error}"
        return self._reasons[name]

    def select(self, name: str = "auto", *, needs: Iterable[str] = ()) -> Backend[Fn]:
        """Return the named backend, or with ``auto`` the first usable one that has all ``needs``.

        Raises:
            InvalidInput: for a name that is not registered.
            BackendUnavailable: when none fits, with the reason for each.
        """
        if name != "auto" and name not in self._backends:
            raise InvalidInput(
                f"{self.kind} backend must be auto or one of {', '.join(self._backends)}; got {name!r}."
            )
        rejected = []
        for backend in self._backends.values() if name == "auto" else [self._backends[name]]:
            missing = ", ".join(sorted(frozenset(needs) - backend.features))
            reason = f"has no {missing}" if missing else self.unavailable_reason(backend.name)
            if reason is None:
                return backend
            rejected.append(f"{backend.name}: {reason}")
        raise BackendUnavailable(f"no {self.kind} backend can do this: " + "; ".join(rejected) + ".")

    def load(self, name: str = "auto", *, needs: Iterable[str] = ()) -> tuple[str, Fn]:
        """Select and import a backend; with ``auto``, one that fails to load is reported and skipped.

        Returns:
            The backend's name and its function.
        """
        failed = []
        while True:
            backend = self.select(name, needs=needs)
            if backend.name not in self._loaded:
                try:
                    self._loaded[backend.name] = backend.load()
                except Exception as error:
                    self._fail(backend.name, error)
                    failed.append(backend.name)
                    continue
                logger.info("using %s backend %s", self.kind, backend.name)
            for broken in failed:
                logger.warning(
                    "%s backend %s %s; using %s", self.kind, broken, self._failures[broken], backend.name
                )
            return backend.name, self._loaded[backend.name]

    def _fail(self, name: str, error: Exception) -> None:
        lines = str(error).strip().splitlines() or [""]  # a compiler's whole output goes to the debug log
        self._failures[name] = f"failed to load: {type(error).__name__}: {lines[0][:300]}"
        self._reasons[name] = self._failures[name]
        logger.debug("%s backend %s failed to load", self.kind, name, exc_info=error)

    def fallback_notice(self, used: str) -> str:
        """Return a sentence for the user on backends before ``used`` that should work here and do not, or "".

        A backend that was never to be expected here (no such device, not installed) is not mentioned.
        """
        before = self.names[: self.names.index(used)] if used in self._backends else ()
        broken = [f"{name} {self._failures[name]}" for name in before if name in self._failures]
        return f"{self.kind} backend {'; '.join(broken)}; {used} was used." if broken else ""

    def describe_choice(self, used: str) -> str:
        """Return a sentence on which backend was used, and why no better one where one should have been."""
        return self.fallback_notice(used) or f"{self.kind} backend {used} was used."
