"""Worlds that share the end of one undisturbed run all end like that."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.server import utc_now
from tests.clocks import FakeClock
from tests.long import choose
from tests.safety.accounts import mixed_account
from tests.safety.arena import arena
from tests.safety.calm import calm, run_calmly
from tests.safety.test_faults import HISTORIES

if TYPE_CHECKING:
    from pathlib import Path

#: One for each way of all but errors, of which a calm run sees none.
QUIRKS = [q for q in DiscovrQuirks.combinations() if q.error_body == "flat"]
WORLDS = list(product(HISTORIES, QUIRKS))
CHOSEN = choose(WORLDS[7::97], WORLDS[::31], WORLDS[::3])


def _named(world: tuple[dict[str, str], DiscovrQuirks]) -> str:
    history, quirks = world
    return "-".join([*history.values(), str(QUIRKS.index(quirks))])


@pytest.mark.parametrize("world", CHOSEN, ids=_named)
async def test_only_repeats_and_what_a_patch_moves_make_a_difference(
    world: tuple[dict[str, str], DiscovrQuirks], tmp_path: Path
) -> None:
    history, quirks = world
    like = DiscovrQuirks(
        repeats=quirks.repeats, patch_moves_time=quirks.patch_moves_time
    )
    found = await run_calmly(tmp_path / "own", history, quirks)
    assert found == await calm(tmp_path / "shared", history, like)


async def test_the_clock_makes_none(tmp_path: Path) -> None:
    account, own = mixed_account()
    history, clock = HISTORIES[0], FakeClock(utc_now())
    async with arena(account, tmp_path, own=own, history=history, clock=clock) as place:
        await place.migrate()
        shared = await calm(tmp_path / "shared", history, DiscovrQuirks())
        assert place.marks() == shared.marks
