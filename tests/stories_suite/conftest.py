"""What all stories share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.terminal_suite.screens import TextFiles
from tests.virtual import calm_ledger

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion


@pytest.fixture(autouse=True)
def _calm(monkeypatch: pytest.MonkeyPatch) -> None:
    calm_ledger(monkeypatch)


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Snapshots as text files."""
    return snapshot.use_extension(TextFiles)
