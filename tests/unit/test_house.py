"""The rules of style without a linter: sizes of files and functions, docstrings, file names, forbidden markers."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("api", "gemini_gateway", "sessions_store", "tests", "benchmarks")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
UNDOCUMENTED_LINES = 5
VAGUE_NAMES = {"utils.py", "helpers.py", "common.py", "misc.py"}

# Files that were too large when the rule was introduced. An entry that is no longer necessary fails the test.
EXEMPT_FILES: set[str] = set()
EXEMPT_FUNCTIONS: set[str] = set()

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> list[Path]:
    """Return every Python file of the repository except migrations."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(path for path in found if {"migrations", "node_modules", ".peers"}.isdisjoint(path.parts))


def functions() -> Iterator[tuple[str, Function, bool]]:
    """Yield each function with its qualified name and whether the function is public."""
    for path in sources():
        place = path.relative_to(ROOT).as_posix()
        stack: list[tuple[ast.AST, bool]] = [(ast.parse(path.read_text(encoding="utf-8")), True)]
        while stack:
            node, visible = stack.pop()
            for child in ast.iter_child_nodes(node):
                inside = visible
                if isinstance(child, Function):
                    yield f"{place}:{child.name}", child, visible and not child.name.startswith("_")
                    inside = False
                elif isinstance(child, ast.ClassDef):
                    inside = visible and not child.name.startswith("_")
                stack.append((child, inside))


def length(node: Function) -> int:
    """Return the number of lines from `def` to the end."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_files_are_short() -> None:
    long = {path.relative_to(ROOT).as_posix() for path in sources() if count_lines(path) > MAX_FILE_LINES}
    assert long == EXEMPT_FILES


def count_lines(path: Path) -> int:
    """Return the number of lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def test_functions_are_short() -> None:
    long = {name for name, node, _ in functions() if length(node) > MAX_FUNCTION_LINES}
    assert long == EXEMPT_FUNCTIONS


def test_public_functions_have_docstrings() -> None:
    silent = [
        f"{name}:{node.lineno}"
        for name, node, public in functions()
        if public
        and not node.name.startswith("test_")
        and length(node) > UNDOCUMENTED_LINES
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_modules_have_docstrings() -> None:
    silent = [
        path.relative_to(ROOT).as_posix()
        for path in sources()
        if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_file_names_are_specific() -> None:
    assert [path.relative_to(ROOT).as_posix() for path in sources() if path.name in VAGUE_NAMES] == []


@pytest.mark.parametrize("forbidden", [r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"\bNotImplemented" + r"Error\b"])
def test_no_source_has_a_forbidden_marker(forbidden: str) -> None:
    assert [path.relative_to(ROOT).as_posix() for path in sources() if re.search(forbidden, path.read_text())] == []
