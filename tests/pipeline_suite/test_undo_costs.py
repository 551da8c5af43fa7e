"""What an undo costs: two readings for each film and season, and the removals."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any, get_args

import pytest

from sync import undo
from sync.domain.plan import Action
from sync.domain.plays import Key
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.quirks import DiscovrQuirks, Repeated, Repeats
from tests.factories import at
from tests.worlds import World, world

if TYPE_CHECKING:
    from pathlib import Path

    from sync.pipeline.result import Report

COLLAPSE = ("clean", "fewest", "off")
#: Plays, shows and the seed of made-up accounts: few films to many seasons.
ACCOUNTS = ((3, 0, 1), (40, 1, 2), (40, 9, 3))


async def cost(place: World, **options: Any) -> int:
    """Undo, and count the requests."""
    place.discovr.seen.clear()
    undone = await undo(place.settings, **options)
    assert undone.left_alone == {}
    assert undone.gone == []
    return len(place.discovr.seen)


def most(*reports: Report) -> int:
    """Return the most that an undo of these may cost."""
    operations = [o for r in reports for o in r.prepared.plan.operations]
    return len(operations) + 2 * len({o.key.place for o in operations}) + 5


@pytest.mark.parametrize("account", ACCOUNTS, ids=str)
@pytest.mark.parametrize("collapse", COLLAPSE)
async def test_it_costs_two_readings_a_place_and_the_removals(
    tmp_path: Path, collapse: str, account: tuple[int, int, int]
) -> None:
    made = synthetic_account(account[0], account[1], seed=account[2])
    async with world(made, tmp_path, history={"collapse": collapse}) as place:
        report = await place.migrate()
        assert await cost(place) <= most(report)
        assert place.discovr.entries() == []
