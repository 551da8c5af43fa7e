"""SIGKILL to the real program, at every moment; then it is run again."""

from __future__ import annotations

import random
from itertools import product
from signal import SIGKILL
from typing import TYPE_CHECKING, NamedTuple

import pytest

from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.server import utc_now
from tests.clocks import FakeClock
from tests.long import choose
from tests.safety.accounts import mixed_account
from tests.safety.arena import Arena, Phase, arena
from tests.safety.calm import calm
from tests.safety.databases import spread
from tests.safety.program import Reaper, end, run, start

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.postgres import PostgresServer

HISTORIES = (
    {"collapse": "clean", "plays": "latest"},
    {"collapse": "fewest", "plays": "latest"},
    {"collapse": "off", "plays": "all"},
)
#: Of these every boundary is tried in virtual time, in a suite of its own.
MORE_HISTORIES = (
    *HISTORIES,
    {"collapse": "clean", "plays": "all"},
    {"collapse": "fewest", "plays": "all"},
)
#: As many as an undisturbed run of the small account makes, at most.
REQUESTS = 32
#: Requests of the larger account at which the random kills are aimed.
LARGER_REQUESTS = 110
LARGER = 9
ANSWERED = 20
QUIRKS = list(DiscovrQuirks.combinations())


class Kill(NamedTuple):
    """One moment at which the program dies, and the world in which it does."""

    number: int
    phase: Phase
    turns: int
    copies: int
    history: dict[str, str]
    quirks: DiscovrQuirks

    def __str__(self) -> str:
        history = "-".join(self.history.values())
        return f"{self.copies}-{history}-{self.number}-{self.phase.name}+{self.turns}"


def _boundaries() -> list[Kill]:
    """Return every boundary: before the effect, after it, and after the answer."""
    moments = ((Phase.BEFORE, 0), (Phase.DONE, 0), (Phase.DONE, ANSWERED))
    found = product(HISTORIES, range(REQUESTS), moments)
    return [
        Kill(number, *moment, 1, history, QUIRKS[11 * i % len(QUIRKS)])
        for i, (history, number, moment) in enumerate(found)
    ]


def _moments(count: int) -> list[Kill]:
    draw = random.Random(4)  # noqa: S311  # repeatable on purpose
    return [
        Kill(
            draw.randrange(LARGER_REQUESTS),
            draw.choice(list(Phase)),
            draw.randrange(300),
            LARGER,
            draw.choice(MORE_HISTORIES),
            draw.choice(QUIRKS),
        )
        for _ in range(count)
    ]


BOUNDARIES, MOMENTS = _boundaries(), _moments(500)
CHOSEN = choose(
    BOUNDARIES[::111],
    [*BOUNDARIES[::37], *MOMENTS[::125]],
    [*BOUNDARIES, *MOMENTS],
)


@pytest.mark.parametrize(("kill", "database"), spread(CHOSEN))
async def test_killed_and_run_again_it_ends_as_if_never_killed(
    kill: Kill, tmp_path: Path, server: PostgresServer | None
) -> None:
    folder = tmp_path / "calm"
    expected = await calm(folder, kill.history, kill.quirks, kill.copies)
    async with _arena(kill, tmp_path, server) as place:
        reaper = Reaper(kill.number, kill.phase, kill.turns)
        place.tell(reaper)
        reaper.process = await start(place, is_afresh=kill.number == 0)
        first = await end(reaper.process)
        # Where there are fewer requests than that, it ends by itself.
        is_over = kill.number >= reaper.moments[kill.phase]
        assert first.code in ((0,) if is_over else (-SIGKILL, 0))
        place.tell(None)
        again = await run(place)
        assert (again.code, place.discovr.doubled()) == (0, {}), again.stderr
        assert place.marks() == expected.marks
        writes = place.writes()
        assert (await place.migrate()).is_complete
        assert place.writes() == writes


def _arena(
    kill: Kill, folder: Path, server: PostgresServer | None
) -> AbstractAsyncContextManager[Arena]:
    account, own = mixed_account(kill.copies)
    return arena(
        account,
        folder,
        own=own,
        discovr=kill.quirks,
        history=kill.history,
        # The program itself has the real time.
        clock=FakeClock(utc_now()),
        server=server,
    )


@pytest.mark.parametrize("history", HISTORIES, ids=lambda h: "-".join(h.values()))
async def test_the_small_account_has_no_more_boundaries_than_that(
    history: dict[str, str], tmp_path: Path
) -> None:
    account, own = mixed_account()
    async with arena(account, tmp_path, own=own, history=history) as place:
        await place.migrate()
        services = (place.trakt, place.discovr, place.tmdb)
        assert sum(len(service.seen) for service in services) <= REQUESTS
