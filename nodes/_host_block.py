"""Outputs that are not there yet: downstream nodes wait, without an error."""

from __future__ import annotations

from comfy_execution.graph_utils import ExecutionBlocker

__all__ = ["block_output"]


def block_output() -> object:
    """Return what stands for an output that the user has not made yet; its consumers are left out of the run."""
    return ExecutionBlocker(None)
