"""A service that refuses: one title never stops the others, and all of them do."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import AuthError, ServiceError
from sync.checkup.status import read_status
from sync.cli.runner import Exit
from sync.domain.writes import Outcome
from sync.errors import StoppedError
from sync.events import Waiting
from sync.load.breaker import (
    _ABOUT_ONE,
    MOST_REFUSED,
    MOST_TITLES_REFUSED,
    MOST_UNCLEAR,
    RefusingServiceError,
)
from sync.load.loader import GROUP, MOST_SENDS
from sync.runtime.stop import Stop
from sync.sandbox.account.account import Account
from sync.sandbox.server.server import RefusedError
from tests.long import choose
from tests.safety.accounts import film, watched_on
from tests.safety.arena import Arena, HookedDiscovr, arena

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiohttp import web

    from sync.sandbox.discovr.history import Viewing

FILMS = 40
CONCURRENCY = 4
#: Refused for good, but for the two that every client knows how to meet.
REFUSALS = [s for s in range(400, 452) if s not in {401, 408, 425, 429}]
UNCLEAR = [408, 425, 500, 501, 502, 503, 504, 520, 599]
#: By the number of the write, counted from 0: which are answered so.
ROUTES: dict[str, Callable[[int], bool]] = {
    "the first": lambda number: number == 0,
    "in the middle": lambda number: number == FILMS // 2,
    "every other": lambda number: number % 2 == 1,
    "all": lambda _number: True,
}
#: The services that refuse just now.
REFUSING: set[HookedDiscovr] = set()


def account() -> Account:
    found = Account([film(number) for number in range(1, FILMS + 1)])
    for number, title in enumerate(found.titles):
        found.add_play(title, watched_on(number))
    return found


def is_write(request: web.Request) -> bool:
    return (request.method, request.path) == ("POST", "/profile/history")


def refuse(place: Arena, status: int, route: str) -> list[str]:
    """Answer the writes of a route so; by title, since what is lost is sent again."""
    sent: list[str] = []
    REFUSING.add(place.discovr)
    read = place.discovr._wire.viewing

    def answer(body: dict[str, Any]) -> Viewing:
        sent.append(body["mediaId"])
        number = int(body["mediaId"].removeprefix("MV_")) - 101
        if ROUTES[route](number) and place.discovr in REFUSING:
            raise RefusedError(status, "REFUSED", "Not now.")
        return read(body)

    place.discovr._wire.viewing = answer  # type: ignore[method-assign]
    return sent


async def run(place: Arena) -> ServiceError | None:
    try:
        await place.migrate()
    except ServiceError as error:
        return error
    return None


#: Each status on each route; at first those that mean something of their own.
REFUSED = list(product(REFUSALS, ROUTES))
CHOSEN = choose(
    [case for case in REFUSED if case[0] in {402, 403, 404, 422, 451}],
    REFUSED[::5],
    REFUSED,
)


@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: f"{case[0]}-{case[1]}")
async def test_one_title_never_stops_the_others_and_all_of_them_do(
    tmp_path: Path, case: tuple[int, str]
) -> None:
    status, route = case
    async with arena(account(), tmp_path) as place:
        sent = refuse(place, status, route)
        error = await run(place)
        written = len(place.discovr.entries())
        is_refused = [ROUTES[route](number) for number in range(FILMS)]
        most = MOST_TITLES_REFUSED if status in _ABOUT_ONE else MOST_REFUSED
        if route == "all":
            assert error is not None
            assert len(sent) < most + CONCURRENCY
            code = Exit.LOGIN if status == 403 else Exit.INCOMPLETE
            assert error.exit_code == code
            assert f"0 arrived, {len(sent)} refused, {FILMS - len(sent)} not sent" in (
                error.message
            )
        else:
            assert error is None
            assert len(sent) == FILMS
            assert written == FILMS - sum(is_refused)
        # What stands is gone on from, and nothing is sent twice.
        REFUSING.clear()
        assert (await place.migrate()).is_complete
        assert len(place.discovr.entries()) == FILMS
        assert place.discovr.doubled() == {}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("status", UNCLEAR)
async def test_answers_that_are_no_answers_are_not_sought_for_ever(
    tmp_path: Path, status: int, route: str
) -> None:
    async with arena(account(), tmp_path) as place:
        sent = refuse(place, status, route)
        began = place.clock.monotonic()
        error = await run(place)
        if route == "all":
            assert isinstance(error, RefusingServiceError)
            assert len(sent) <= MOST_UNCLEAR + CONCURRENCY
            assert place.clock.monotonic() - began < 60
            assert "0 arrived" in error.message
        elif error:
            assert isinstance(error, RefusingServiceError)
        else:
            assert len(place.discovr.entries()) >= FILMS // 2
        REFUSING.clear()
        assert (await place.migrate()).is_complete
        assert place.discovr.doubled() == {}


async def test_two_writes_that_are_not_allowed_are_the_login(tmp_path: Path) -> None:
    few = Account([film(1), film(2)])
    for title in few.titles:
        few.add_play(title, watched_on(1))
    async with arena(few, tmp_path) as place:
        refuse(place, 403, "all")
        with pytest.raises(AuthError, match="2 refused"):
            await place.migrate()


async def test_a_title_that_is_never_taken_does_not_end_every_later_run(
    tmp_path: Path,
) -> None:
    """More titles than the breaker lets pass, and each run knows them better."""
    async with arena(account(), tmp_path) as place:
        refuse(place, 422, "all")
        assert await run(place)
        report = await place.migrate()
        assert {s.outcome for s in report.settled.values()} == {Outcome.REJECTED}
        assert report.is_settled


async def test_what_a_retry_costs_is_told_while_it_happens(tmp_path: Path) -> None:
    from sync.pipeline import run as pipeline  # noqa: PLC0415
    from sync.wiring.bootstrap import build  # noqa: PLC0415

    events: list[Any] = []

    async def agree(_report: Any) -> bool:
        return True

    async with arena(account(), tmp_path) as place:
        refuse(place, 500, "the first")
        async with build(
            place.settings, clock=place.clock, on_event=events.append
        ) as services:
            await pipeline.migrate(services, confirm=agree)
    waits = [event for event in events if isinstance(event, Waiting)]
    assert sum(wait.seconds for wait in waits) == MOST_SENDS * 5
    assert all("looked for before it is sent again" in wait.reason for wait in waits)


@pytest.mark.parametrize("after", [0, 3, 30])
async def test_after_a_stop_status_says_what_the_run_said(
    tmp_path: Path, after: int
) -> None:
    async with arena(account(), tmp_path) as place:
        stop = Stop()

        def plan(request: web.Request, _number: int) -> None:
            if is_write(request) and len(place.discovr.entries()) >= after:
                stop.request()

        place.discovr.faults = plan
        with pytest.raises(StoppedError) as stopped:
            await place.migrate(stop=stop)
        (profile,) = (await read_status(place.settings)).profiles
        last = profile.last_run
        assert last is not None
        assert last.arrived == len(place.discovr.entries())
        assert (last.failed, last.unclear) == (0, 0)
        assert last.unsent == FILMS - len(place.discovr.entries())
        assert (
            f"{last.arrived} arrived, {last.unsent} not sent; left unclear: none"
            in (stopped.value.message)
        )
        # None of those that were noted and never sent is looked for.
        assert (profile.pending, profile.unclear) == (0, 0)
        assert last.unsent >= GROUP or after
        place.discovr.faults = None
        place.discovr.seen.clear()
        assert (await place.migrate()).is_complete
        look_ups = [r.path for r in place.discovr.seen if "/history/MV" in r.path]
        assert look_ups == []
