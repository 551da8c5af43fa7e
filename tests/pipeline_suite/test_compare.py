"""What is read back after a run, said as whose it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.origin import TRAKT
from sync.domain.plan import Action, Operation
from sync.domain.plays import Key
from sync.domain.rules import Rules
from sync.domain.writes import Outcome, Row
from sync.pipeline.compare import compare_sides
from sync.pipeline.prepared import Stale
from tests.factories import T0, at, desired, entry, play

if TYPE_CHECKING:
    from datetime import datetime

OTHER = Key("MV_9")


@pytest.mark.parametrize("undone_at", [None, at(1)])
async def test_what_was_taken_back_is_none_of_what_other_sources_brought(
    undone_at: datetime | None,
) -> None:
    async def rows(*_: Any, **__: Any) -> list[Row]:
        written = Operation(Action.ADD, OTHER, T0)
        return [Row(1, "p", written, Outcome.APPLIED, T0, undone_at=undone_at)]

    services: Any = SimpleNamespace(ledger=SimpleNamespace(rows=rows))
    prepared: Any = SimpleNamespace(
        profile="p",
        compared=SimpleNamespace(desired=desired(play())),
        rules=Rules(),
        origin=TRAKT,
        holding=None,
        stale=Stale(),
    )
    entries = [entry("MV_501"), entry(OTHER, imported=TRAKT.label)]
    found = await compare_sides(services, prepared, entries)
    of_others, of_nobody = ((), (OTHER,)) if undone_at else ((OTHER,), ())
    assert (found.elsewhere, found.foreign) == (of_others, of_nobody)
    assert found.missing == ()
