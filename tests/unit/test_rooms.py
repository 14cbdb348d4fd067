"""The packages: each has one purpose and few files, each belongs to a layer, and no files import in a circle."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("api", "gemini_gateway", "sessions_store")
MAX_FILES = 15
# Modules directly in `api`; a new module belongs in a package.
LOOSE_IN_API = {"__init__", "access_log", "apps", "errors", "failures", "notes", "services", "urls"}


def sources() -> Iterator[Path]:
    """Return every Python file of the product except migrations."""
    for package in PACKAGES:
        yield from (path for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts)


def name_of(path: Path) -> str:
    """Return the dotted name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(tree: ast.AST, modules: set[str]) -> Iterator[str]:
    """Return the product modules that a module imports, including imports in functions and for annotations."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield from [each for each in (name, name.rpartition(".")[0]) if each in modules][:1]


def import_graph() -> dict[str, set[str]]:
    """Return the imports of each module."""
    paths = {name_of(path): path for path in sources()}
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in paths.items()}
    return {name: set(imports_of(tree, paths.keys() - {name})) for name, tree in trees.items()}


def in_circles(graph: dict[str, set[str]]) -> set[str]:
    """Return the modules that remain after repeated removal of modules without imports or importers."""
    left = {name: set(imported) for name, imported in graph.items()}
    while True:
        imported = set().union(*left.values())
        ends = {name for name, own in left.items() if not own or name not in imported}
        if not ends:
            return set(left)
        left = {name: own - ends for name, own in left.items() if name not in ends}


def contracts() -> list[dict[str, Any]]:
    """Return the contracts of import-linter."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = configuration["tool"]["importlinter"]["contracts"]
    return found


def test_the_search_finds_import_circles() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set[str]()}
    assert in_circles(graph) == {"b", "c"}


def test_no_files_import_in_a_circle() -> None:
    graph = import_graph()
    assert len(graph) > 300
    assert in_circles(graph) == set()


def test_no_package_imports_the_project() -> None:
    importers = {
        name
        for name, imported in import_graph().items()
        if not name.startswith("gemini_gateway") and any(each.startswith("gemini_gateway") for each in imported)
    }
    assert importers == set()


def test_every_package_belongs_to_a_layer() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    layers = next(
        contract["layers"] for contract in contracts() if "containers" not in contract and "layers" in contract
    )
    assert set(layers) == packages
    inner = next(contract for contract in contracts() if contract.get("containers") == ["api"])
    assert inner["exhaustive"]
    named = {name for layer in inner["layers"] for name in layer.split(" | ")}
    assert named == {path.stem for path in (ROOT / "api").iterdir() if path.suffix == ".py" or path.is_dir()} - {
        "__init__",
        "__pycache__",
    }


def test_api_has_no_new_top_level_modules() -> None:
    assert {path.stem for path in (ROOT / "api").glob("*.py")} == LOOSE_IN_API


def test_folders_are_small() -> None:
    folders = {path.parent for path in sources()}
    files = {
        folder.relative_to(ROOT).as_posix(): sum(path.stem != "__init__" for path in folder.glob("*.py"))
        for folder in folders
    }
    assert {folder: count for folder, count in files.items() if count > MAX_FILES} == {}


def test_packages_have_docstrings() -> None:
    silent = [
        path.relative_to(ROOT).as_posix()
        for path in sources()
        if path.name == "__init__.py" and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []
