"""Gathers plays: each once by its id, in the order of the files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.trakt.export.proof import Evidence
    from connectors.trakt.models import HistoryItem

    Receive = Callable[[list[HistoryItem]], object]


@dataclass(slots=True)
class Plays:
    """The plays so far; with ``receive`` they are handed on page by page instead."""

    evidence: Evidence
    receive: Receive | None = None
    count: int = 0
    repeats: int = 0
    items: list[HistoryItem] = field(default_factory=list)
    _ids: set[int] = field(default_factory=set)

    def add(self, page: list[HistoryItem]) -> None:
        """Add a page. A play without an id is never taken for a repeat."""
        fresh = self._drop_repeats(page)
        self.repeats += len(page) - len(fresh)
        self.count += len(fresh)
        self.evidence.add_plays(fresh)
        if self.receive is None:
            self.items += fresh
        elif fresh:
            self.receive(fresh)

    def _drop_repeats(self, page: list[HistoryItem]) -> list[HistoryItem]:
        fresh: list[HistoryItem] = []
        for item in page:
            if item.id is None:
                fresh.append(item)
            elif item.id not in self._ids:
                self._ids.add(item.id)
                fresh.append(item)
        return fresh
