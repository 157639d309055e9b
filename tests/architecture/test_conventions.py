"""docs/conventions.md: every line names the test that pins it, and every named test exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "conventions.md"
REFERENCE = re.compile(r"`(tests/[\w/]+\.(?:py|mjs))::([^`]+)`")


def statements(text):
    """Return the list items of the document, continuation lines joined to their first."""
    items = []
    for line in text.splitlines():
        if line.startswith("- "):
            items.append(line)
        elif line.startswith("  ") and items:
            items[-1] += " " + line.strip()
    return items


def named_tests(path):
    tree = ast.parse(path.read_text("utf-8"))
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")}


def missing(text):
    """Return what is wrong: statements without a test, and named tests that do not exist."""
    bad = [f"no test named: {item}" for item in statements(text) if not REFERENCE.search(item)]
    for file, name in REFERENCE.findall(text):
        path = ROOT / file
        if not path.is_file():
            bad.append(f"{file} does not exist")
        elif path.suffix == ".py" and name not in named_tests(path):
            bad.append(f"{file} has no {name}")
        elif path.suffix == ".mjs" and name not in path.read_text("utf-8"):
            bad.append(f"{file} has no test called {name!r}")
    return bad


def test_every_convention_names_a_test_that_exists():
    text = DOCUMENT.read_text("utf-8")
    assert len(statements(text)) >= 20
    bad = missing(text)
    assert not bad, "\n" + "\n".join(bad)


def test_bad_documents_are_noticed():
    here = "tests/architecture/test_conventions.py"
    assert missing(f"- Good, over\n  two lines. `{here}::test_bad_documents_are_noticed`") == []
    assert missing("- Up is up.") == ["no test named: - Up is up."]
    assert missing(f"- Gone. `{here}::test_of_old`") == [f"{here} has no test_of_old"]
    assert missing("- Lost. `tests/lost.py::test_x`") == ["tests/lost.py does not exist"]
