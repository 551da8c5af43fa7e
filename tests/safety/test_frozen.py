"""Frozen at any moment, replaced, and woken: it sends nothing more."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from functools import partial
from itertools import product
from signal import SIGCONT
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.server import utc_now
from tests.clocks import FakeClock
from tests.long import choose
from tests.safety.accounts import mixed_account
from tests.safety.arena import Arena, Phase, arena
from tests.safety.calm import calm
from tests.safety.databases import FILE, SERVERS, find_server
from tests.safety.freezing import Moment, cut_off, stand_still, stop
from tests.safety.program import end, run, start
from tests.safety.test_kills import LARGER, LARGER_REQUESTS, MORE_HISTORIES, REQUESTS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.postgres import PostgresServer
    from tests.safety.arena import Mark

BUSY = 6
QUIRKS = [q for q in DiscovrQuirks.combinations() if not q.post_upserts]


class Freeze(NamedTuple):
    """One moment at which a run stands still, and the world in which it does."""

    number: int
    phase: Phase
    copies: int
    database: str
    history: dict[str, str]
    quirks: DiscovrQuirks

    def __str__(self) -> str:
        history = "-".join(self.history.values())
        place = f"{self.database}-{self.copies}-{history}"
        return f"{place}-{self.number}-{self.phase.name}"


def _boundaries(requests: int) -> list[Freeze]:
    found = product(range(requests), Phase, (False, True))
    return [
        Freeze(
            number,
            phase,
            1,
            SERVERS[number % 2] if is_served else FILE,
            MORE_HISTORIES[i // 4 % len(MORE_HISTORIES)],
            QUIRKS[11 * i % len(QUIRKS)],
        )
        for i, (number, phase, is_served) in enumerate(found)
    ]


def _moments(count: int) -> list[Freeze]:
    draw = random.Random(7)  # noqa: S311  # repeatable on purpose
    return [
        Freeze(
            draw.randrange(LARGER_REQUESTS),
            draw.choice(list(Phase)),
            LARGER,
            (FILE, SERVERS[0], FILE, SERVERS[1])[i % 4],
            draw.choice(MORE_HISTORIES),
            draw.choice(QUIRKS),
        )
        for i in range(count)
    ]


@pytest.fixture
def server(request: pytest.FixtureRequest, freeze: Freeze) -> PostgresServer | None:
    """The database server where there is one, empty."""
    return find_server(freeze.database, request)


@asynccontextmanager
async def _arena(
    freeze: Freeze,
    folder: Path,
    server: PostgresServer | None = None,
    **options: Any,
) -> AsyncIterator[Arena]:
    account, own = mixed_account(freeze.copies)
    async with arena(
        account,
        folder,
        own=own,
        discovr=freeze.quirks,
        history=freeze.history,
        server=server,
        **options,
    ) as place:
        yield place


async def _expected(freeze: Freeze, folder: Path) -> Counter[Mark]:
    return (await calm(folder, freeze.history, freeze.quirks, freeze.copies)).marks


BOUNDARIES, MOMENTS = _boundaries(REQUESTS), _moments(60)
PROGRAMS = choose(
    [BOUNDARIES[84]],
    [*BOUNDARIES[::23], *MOMENTS[::12]],
    [*BOUNDARIES, *MOMENTS],
)


@pytest.mark.parametrize("freeze", PROGRAMS, ids=str)
async def test_the_program_frozen_and_woken_doubles_nothing(
    freeze: Freeze, tmp_path: Path, server: PostgresServer | None
) -> None:
    real = {"clock": FakeClock(utc_now())}
    expected = await _expected(freeze, tmp_path / "calm")
    async with _arena(freeze, tmp_path, server, **real) as place:
        first = await start(place)
        moment = Moment(freeze.number, freeze.phase, lambda: stop(first))
        place.tell(moment)
        ended = asyncio.create_task(end(first))
        reached = asyncio.create_task(moment.reached.wait())
        await asyncio.wait([ended, reached], return_when=asyncio.FIRST_COMPLETED)
        reached.cancel()
        place.tell(None)
        if moment.reached.is_set():
            cut_off(place)
            second = await run(place)
            # It may stand still within a transaction, which holds a file as a whole.
            is_locked = server is None and "locked by another" in second.stderr
            assert second.code == (2 if is_locked else 0), second.stderr
            first.kill(SIGCONT)
        ending = await ended
        assert ending.code in {0, BUSY}, ending.stderr
        if ending.code == BUSY:
            assert "another one has taken the profile" in ending.stderr
        assert place.discovr.doubled() == {}
        assert place.marks() == expected
        writes = place.writes()
        assert (await run(place)).code == 0
        assert place.writes() == writes


class Command(NamedTuple):
    """What stands still, and on which clocks."""

    freeze: Freeze
    command: str
    was_asleep: bool

    def __str__(self) -> str:
        sleep = "asleep" if self.was_asleep else "frozen"
        return f"{self.command}-{sleep}-{self.freeze}"


COMMANDS = [
    Command(freeze, command, was_asleep=bool(i % 2))
    for command in ("migrate", "undo")
    for i, freeze in enumerate([*BOUNDARIES, *MOMENTS])
]
SMALL = [command for command in COMMANDS if command.freeze.copies == 1]
CHOSEN = choose(SMALL[:: 4 * 11], COMMANDS[::11], COMMANDS)


@pytest.mark.parametrize("command", CHOSEN, ids=str)
async def test_a_run_frozen_in_virtual_time_sends_nothing_more(
    command: Command, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    freeze = command.freeze
    server = find_server(freeze.database, request)
    expected = await _expected(freeze, tmp_path / "calm")
    async with _arena(freeze, tmp_path, server) as place:
        if command.command == "undo":
            await place.migrate()
        stood = await stand_still(
            place,
            partial(_carry_out, command.command),
            freeze.number,
            freeze.phase,
            place.migrate,
            was_asleep=command.was_asleep,
        )
        assert place.discovr.doubled() == {}
        if command.command == "undo" and not stood.was_replaced:
            await place.migrate()
        assert place.marks() == expected
        assert await place.operations() == ()


async def _carry_out(command: str, place: Arena) -> object:
    if command == "undo":
        return await place.undo()
    return await place.migrate(is_forced=True)
