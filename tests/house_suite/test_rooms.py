"""The layout: imports run one way, and what two rooms both say stays equal."""

from __future__ import annotations

from graphlib import TopologicalSorter

import grimp
import pytest

from connectors.discovr.client import PAGE_LIMIT
from sync.ports import ENTRIES_A_PAGE


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """Every module with what it imports, annotations and late imports counted."""
    graph = grimp.build_graph("sync", "connectors", cache_dir=None)
    return {
        module: graph.find_modules_directly_imported_by(module)
        for module in graph.modules
    }


def test_no_circle_of_files(imports: dict[str, set[str]]) -> None:
    order = tuple(TopologicalSorter(imports).static_order())
    assert len(order) == len(imports)


def test_a_page_is_as_long_as_the_client_reads_it() -> None:
    assert ENTRIES_A_PAGE == PAGE_LIMIT
