"""Lengths and cyclomatic complexities of functions, from their syntax trees."""

from __future__ import annotations

import ast
from dataclasses import dataclass

__all__ = ["FunctionSize", "function_sizes"]

_BRANCHES = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler)
_BRANCHES += (ast.Assert, ast.comprehension, ast.match_case)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class FunctionSize:
    """A function's name, its lines without the docstring, and the number of independent ways through it."""

    name: str
    lines: int
    complexity: int


def function_sizes(source: str) -> list[FunctionSize]:
    """Return the size of every function and method; one inside another counts for both."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, _FUNCTIONS):
            lines = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node) is not None:
                lines -= node.body[0].end_lineno - node.body[0].lineno + 1
            found.append(FunctionSize(node.name, lines, 1 + sum(map(_ways, ast.walk(node)))))
    return found


def _ways(node: ast.AST) -> int:
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    more = len(node.ifs) if isinstance(node, ast.comprehension) else 0
    return more + isinstance(node, _BRANCHES)
