"""A plugin of pytest: the program is imported with one change, and chosen tests run."""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scripts.mutation.mutants import ROOT, Mutant

if TYPE_CHECKING:
    from types import CodeType

#: The variable of the environment that names the mutant, and a file with the tests.
MUTANT = "MUTATION_MUTANT"


class _Finder:
    """Finds the changed file in place of the one that is there."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        if name != self._mutant.module:
            return None
        path = str(ROOT / self._mutant.file)
        loader = _Loader(name, path, self._mutant.source)
        return importlib.util.spec_from_file_location(name, path, loader=loader)


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, _name: str) -> CodeType:
        return compile(self._source, self.path, "exec", dont_inherit=True)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Change the program before anything of it is imported."""
    name, _, _ = os.environ[MUTANT].partition("\n")
    sys.meta_path.insert(0, _Finder(Mutant.named(name)))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the chosen tests, in their order."""
    _, _, file = os.environ[MUTANT].partition("\n")
    tests = Path(file).read_text(encoding="utf-8").split("\n")
    rank = {test: number for number, test in enumerate(tests)}
    chosen = [item for item in items if item.nodeid in rank]
    items[:] = sorted(chosen, key=lambda item: rank[item.nodeid])
