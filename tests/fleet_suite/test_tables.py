"""Tables that are taken in."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sync.fleet.profiles import NewProfile, Profiles

if TYPE_CHECKING:
    from sync.fleet.database import FleetDatabase

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_tables_that_are_taken_in_at_once_do_not_wait_for_each_other(
    fleet: FleetDatabase,
) -> None:
    profiles, names = Profiles(fleet), [f"P{number}" for number in range(50)]
    chance = random.Random(1)  # noqa: S311  # repeatable on purpose

    def table(hours: int) -> list[NewProfile]:
        chance.shuffle(names)
        sources = (chance.choice(["trakt:a", "trakt:b"]) for _ in names)
        every = timedelta(hours=hours)
        return [NewProfile(*row, every) for row in zip(names, sources, strict=True)]

    tables = [table(1 + number) for number in range(6)]
    await asyncio.gather(*(profiles.add(rows, NOW) for rows in tables))
    found = await profiles.all()
    assert sorted(profile.profile for profile in found) == sorted(names)
    # One of them came last, and stands whole.
    (every,) = {profile.every for profile in found}
    last = {p.profile: p.source for p in tables[every // timedelta(hours=1) - 1]}
    assert {profile.profile: profile.source for profile in found} == last
