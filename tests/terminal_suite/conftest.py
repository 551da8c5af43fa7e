"""What the tests of the terminal share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.terminal_suite.screens import TextFiles

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the suite out where there are no pseudo-terminals."""
    if os.name != "posix":
        for item in items:
            item.add_marker(pytest.mark.skip(reason="needs pseudo-terminals"))


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Snapshots as text files."""
    return snapshot.use_extension(TextFiles)
