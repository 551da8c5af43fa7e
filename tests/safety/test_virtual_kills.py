"""Deaths in virtual time, one after another, at every request boundary."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import pytest

from sync.sandbox.discovr.quirks import DiscovrQuirks
from tests.long import choose
from tests.safety.accounts import mixed_account
from tests.safety.arena import Arena, Phase, arena
from tests.safety.calm import calm
from tests.safety.databases import spread
from tests.safety.killing import migrate_until, moment
from tests.safety.test_faults import HISTORIES

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.postgres import PostgresServer

#: As many as an undisturbed run makes, and a few more.
REQUESTS = 36
QUIRKS = list(DiscovrQuirks.combinations())


class Death(NamedTuple):
    """One moment at which the run dies, and the world in which it does."""

    number: int
    phase: Phase
    history: dict[str, str]
    quirks: DiscovrQuirks

    def __str__(self) -> str:
        history = "-".join(self.history.values())
        return f"{history}-{self.quirks.repeats}-{self.number}-{self.phase.name}"


DEATHS = [
    Death(number, phase, history, QUIRKS[11 * i % len(QUIRKS)])
    for i, (history, number, phase) in enumerate(
        product(HISTORIES, range(REQUESTS), Phase)
    )
]
CHOSEN = choose(DEATHS[::102], DEATHS[::17], DEATHS)


@pytest.mark.parametrize(("death", "database"), spread(CHOSEN))
async def test_it_ends_as_if_never_killed(
    death: Death, tmp_path: Path, server: PostgresServer | None
) -> None:
    expected = await calm(tmp_path / "calm", death.history, death.quirks)
    async with _arena(death, tmp_path, server) as place:
        is_over = not await migrate_until(place, moment(death.number, death.phase))
        # The second run dies too, after its second write.
        writes = place.writes()
        await migrate_until(place, lambda _request, _phase: place.writes() > writes + 1)
        report = await place.migrate()
        assert is_over or report.is_complete
        assert place.discovr.doubled() == {}
        assert set(place.discovr.appended) == expected.appended
        assert place.marks() == expected.marks
        assert await place.operations() == ()


def _arena(
    death: Death, folder: Path, server: PostgresServer | None
) -> AbstractAsyncContextManager[Arena]:
    account, own = mixed_account()
    return arena(
        account,
        folder,
        own=own,
        discovr=death.quirks,
        history=death.history,
        server=server,
    )
