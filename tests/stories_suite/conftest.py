"""What all stories share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.terminal_suite.screens import TextFiles
from tests.virtual import calm_ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from syrupy.assertion import SnapshotAssertion


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what threads do done at once: they would take real time, not virtual."""

    async def work_at_once(work: Callable[..., Any], *args: Any, **options: Any) -> Any:
        return work(*args, **options)

    calm_ledger(monkeypatch)
    monkeypatch.setattr(asyncio, "to_thread", work_at_once)


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Snapshots as text files."""
    return snapshot.use_extension(TextFiles)
