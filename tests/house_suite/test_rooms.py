"""The layout: imports run one way, and what two rooms both say stays equal."""

from __future__ import annotations

import ast
import tomllib
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import grimp
import pytest

from connectors.discovr.client import PAGE_LIMIT
from sync.ports import ENTRIES_A_PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PACKAGES = ("trakt2discovr", "sync", "connectors")
LONGEST_FUNCTION = 50
MOST_FILES_AT_THE_TOP = 12


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """Every module with what it imports, annotations and late imports counted."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    return {
        module: graph.find_modules_directly_imported_by(module)
        for module in graph.modules
    }


def test_no_circle_of_files(imports: dict[str, set[str]]) -> None:
    # The face of the library names what it hands on, and hands it on late.
    imports = {m: found for m, found in imports.items() if m not in PACKAGES}
    order = tuple(TopologicalSorter(imports).static_order())
    assert len(order) >= len(imports)


def test_every_file_stands_in_the_contract(imports: dict[str, set[str]]) -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    (layers,) = [c["layers"] for c in contracts if c["type"] == "layers"]
    rooms = tuple(room.strip() for line in layers for room in line.split("|"))
    free = {
        module
        for module in imports.keys() - set(PACKAGES)
        if not any(module == room or module.startswith(f"{room}.") for room in rooms)
    }
    assert not free
    assert all(room in imports for room in rooms)


def test_the_top_of_each_package_can_be_read_at_a_glance() -> None:
    for package in PACKAGES:
        files = sorted((ROOT / package).glob("*.py"))
        assert len(files) <= MOST_FILES_AT_THE_TOP, files


@pytest.mark.parametrize("package", PACKAGES)
def test_no_function_is_longer_than_a_screen(package: str) -> None:
    long = [
        f"{file.relative_to(ROOT)}: {node.name}"
        for file in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert not long


def test_a_page_is_as_long_as_the_client_reads_it() -> None:
    assert ENTRIES_A_PAGE == PAGE_LIMIT


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_imported_late_is_there_as_it_is_for_the_type_checker(
    package: str,
) -> None:
    for file in sorted((ROOT / package).rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        assert sorted(_late(tree)) == sorted(_beside(tree)), file
        for module, name in _late(tree):
            found = import_module(module)
            assert not name or hasattr(found, name), (file, module, name)


def _late(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Name what ``late`` and ``Late`` stand for in a file: module and name."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            texts = [a.value for a in call.args if isinstance(a, ast.Constant)]
            if call.func.id in {"late", "Late"} and texts:
                module, *names = map(str, texts)
                yield from ((module, name) for name in names or [""])


def _beside(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Name what the plain imports say that stand beside them."""
    for block in tree.body:
        if isinstance(block, ast.If) and block.orelse:
            for line in block.body:
                if isinstance(line, ast.Import):
                    yield from ((alias.name, "") for alias in line.names)
                elif isinstance(line, ast.ImportFrom):
                    for alias in line.names:
                        inner = f"{line.module}.{alias.name}"
                        is_module = _is_module(inner)
                        yield (
                            (inner, "") if is_module else (str(line.module), alias.name)
                        )


def _is_module(name: str) -> bool:
    """Whether that is a module of ours."""
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()
