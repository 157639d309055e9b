"""Finds programs in strings: they escape the linter, the formatter and a search for a name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

MOST_LINES = 4
"""A program handed to ``python -c`` may be this long."""
_STATEMENTS = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.For,
    ast.With,
)


def programs_in_strings(source: str) -> Iterator[int]:
    """Yield the lines at which a string of more than `MOST_LINES` lines begins that is a Python program.

    That is one that parses and imports, defines or loops. Texts that are joined by ``+`` or hold values count as one.
    """
    tree = ast.parse(source)
    inner = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp | ast.JoinedStr)
        for part in _inside(node)
    }
    for node in ast.walk(tree):
        text = None if id(node) in inner else _text(node)
        if text is not None and text.strip().count("\n") >= MOST_LINES and _is_program(text):
            yield node.lineno


def programs_in_files(folders: list[Path]) -> list[str]:
    """Return ``file:line`` of each program in a string below these folders."""
    files = sorted(file for folder in folders for file in folder.rglob("*.py"))
    return [f"{file}:{line}" for file in files for line in programs_in_strings(file.read_text("utf-8"))]


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    return (part for part in ast.walk(node) if part is not node)


def _text(node: ast.AST) -> str | None:
    """Return the text of an expression of strings, with a name for each value in it; None for another expression."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "value" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = _text(node.left), _text(node.right)
        return None if sides == (None, None) else "".join(side or "\n" for side in sides)
    return None


def _is_program(text: str) -> bool:
    formatted = re.sub(r"(?<!\{)\{\w*(![rsa])?\}(?!\})", "value", text).replace("{{", "{").replace("}}", "}")
    for candidate in (text, formatted):
        try:
            tree = ast.parse(candidate)
        except (SyntaxError, ValueError):
            continue
        return any(isinstance(node, _STATEMENTS) for node in tree.body)
    return False
