"""Where code asks which kind a camera is, read off the source with ast. `kind_tests` takes text, so it can be tested itself.

Three forms: intrinsics compared with None, a focal length compared with 0, and a test for `Pinhole` or `Equirect`.
"""

import ast

KINDS = {"Pinhole", "Equirect"}


def kind_tests(source):
    """Return ``(line, form)`` of every such test in a source text; forms are ``None``, ``zero`` and ``kind``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            names = [_last_name(side) for side in sides]
            values = [side.value for side in sides if isinstance(side, ast.Constant)]
            if None in values and any(name.endswith("K_px") for name in names):
                found.append((node.lineno, "None"))
            if 0 in [v for v in values if v is not None] and any("focal" in name for name in names):
                found.append((node.lineno, "zero"))
            if KINDS & set(names):
                found.append((node.lineno, "kind"))
        elif isinstance(node, ast.Call) and _last_name(node.func) in ("isinstance", "issubclass"):
            if KINDS & {_last_name(inner) for inner in ast.walk(node.args[1])}:
                found.append((node.lineno, "kind"))
        elif isinstance(node, ast.MatchClass) and _last_name(node.cls) in KINDS:
            found.append((node.pattern.lineno if hasattr(node, "pattern") else node.lineno, "kind"))
    return sorted(found)


def _last_name(node):
    """``c`` of ``a.b.c``, of ``c`` and of ``c[0]``; else nothing."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
