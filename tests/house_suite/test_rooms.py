"""The layout: imports run one way, and what two rooms both say stays equal."""

from __future__ import annotations

import ast
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

from connectors.discovr.client import PAGE_LIMIT
from sync.ports import ENTRIES_A_PAGE

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
