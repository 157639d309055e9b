"""Errors that the library raises. Every message says what was wrong, what was expected and the way out."""

from __future__ import annotations


class Matrix3DError(Exception):
    """Base of all errors raised on purpose by this library.

    All are called ``matrix3d.Name``: a host that shows an error begins with its full name, and loads this
    package under a long path.
    """

    __module__ = "matrix3d"

    def __init_subclass__(cls) -> None:
        """Set the short name of every subclass."""
        cls.__module__ = Matrix3DError.__module__


class InvalidInput(Matrix3DError, ValueError):
    """An argument breaks the contract of the function it was given to."""


class FormatError(Matrix3DError, ValueError):
    """A file is not what its name or header claims; the message begins with the file name.

    Quoted content can have any length, so the middle of a message over 1,200 characters is left out.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message if len(message) <= 1200 else f"{message[:800]} ... {message[-300:]}")


class BackendUnavailable(Matrix3DError, RuntimeError):
    """The backend asked for cannot run on this machine; the message says why."""


class WeightsMismatch(Matrix3DError, ValueError):
    """A checkpoint does not fit the network it was loaded for."""


class DiskError(Matrix3DError, OSError):
    """The disk refuses a file; the message begins with its name. ``errno`` and ``filename`` are set."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class Cancelled(Matrix3DError):
    """The caller's progress callback asked for the work to stop."""


class TrainingDiverged(Matrix3DError, ArithmeticError):
    """A loss or a gradient is not finite; the message names the last good checkpoint."""
