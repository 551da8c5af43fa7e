"""What Discovr refused is not forgotten by the runs that find nothing new."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from connectors.errors import RateLimitedError
from sync.cli.view.end import show_report
from sync.daemon.turn import Ending, Result, finished_turn
from sync.pipeline.result import exit_code, is_in_place
from sync.sandbox.account.account import Account
from sync.sandbox.server.faults import Fault
from tests.safety.accounts import film, watched_on
from tests.safety.arena import Arena, arena
from tests.terminal_suite.reports import context, draw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiohttp import web

    from sync.pipeline.result import Report


def films() -> Account:
    account = Account([])
    for number in (1, 2, 3):
        watch_another(account, number)
    return account


def watch_another(account: Account, number: int) -> None:
    account.titles.append(film(number))
    account.add_play(account.titles[-1], watched_on(number))


def refuse_the_second(place: Arena) -> None:
    posts = count(1)

    def fault(request: web.Request, _: int) -> Fault | None:
        is_write = request.method == "POST" and "history" in request.path
        return Fault.answer(400) if is_write and next(posts) == 2 else None

    place.discovr.faults = fault


def blocking(
    *media: str, is_read: bool = False
) -> Callable[[web.Request, int], Fault | None]:
    """Let nothing through that is about one of these titles.

    With ``is_read`` it can be read.
    """

    def fault(request: web.Request, _: int) -> Fault | None:
        body = request._read_bytes or b""  # read by the stand-in before it asks
        said = f"{request.path} {body.decode()}"
        is_meant = not (is_read and request.method == "GET")
        is_blocked = is_meant and any(m in said for m in media)
        return Fault.cloudflare() if is_blocked else None

    return fault


def ends(report: Report, place: Arena) -> Ending:
    """Return how a turn of the job ends with it."""
    now = place.clock.now()
    result = Result.of(report, is_good=is_in_place(report, is_strict=False))
    return finished_turn(result, now, now).ending


@pytest.mark.parametrize("is_something_new", [False, True])
async def test_it_is_said_until_it_is_written_and_costs_no_request(
    tmp_path: Path, *, is_something_new: bool
) -> None:
    account = films()
    async with arena(account, tmp_path) as place:
        refuse_the_second(place)
        first = await place.migrate()
        assert exit_code(first, is_strict=False) == 4
        for number in (4, 5):
            if is_something_new:
                watch_another(account, number)
            before = place.writes()
            again = await place.sync()
            assert exit_code(again, is_strict=False) == 4
            assert again.refused_before == 1
            # A job has nothing to do about it before the next whole reading.
            assert ends(again, place) is Ending.DONE
            assert place.writes() == before + is_something_new
        assert exit_code(await place.migrate(), is_strict=False) == 0
        last = await place.sync()
        assert (last.refused_before, exit_code(last, is_strict=False)) == (0, 0)


async def test_the_end_of_a_sync_names_it_and_the_way_on(tmp_path: Path) -> None:
    async with arena(films(), tmp_path) as place:
        refuse_the_second(place)
        await place.migrate()
        report = await place.sync()
    shown = draw(lambda console: show_report(console, report, context(), "next"), 90)
    assert "1 play is not on Discovr" in " ".join(shown.split())
    assert "trakt2discovr migrate" in shown


async def test_a_title_that_is_blocked_as_a_whole_ends_no_later_run(
    tmp_path: Path,
) -> None:
    """It cannot be read either, and none of its writes has to be looked up."""
    async with arena(films(), tmp_path) as place:
        place.discovr.faults = blocking("MV_102")
        for _ in range(3):
            report = await place.migrate()
            assert [o.key.media for o in report.failed] == ["MV_102"]
            assert exit_code(report, is_strict=False) == 4
        place.discovr.faults = None
        assert exit_code(await place.migrate(), is_strict=False) == 0


def five_of_seven() -> Account:
    account = films()
    for number in range(4, 8):
        watch_another(account, number)
    return account


async def test_titles_that_are_blocked_each_time_stop_the_others_but_once(
    tmp_path: Path,
) -> None:
    async with arena(five_of_seven(), tmp_path) as place:
        place.discovr.faults = blocking(*(f"MV_{n}" for n in range(101, 106)))
        with pytest.raises(RateLimitedError):
            await place.migrate()
        assert place.discovr.entries() == []
        report = await place.migrate()
        assert exit_code(report, is_strict=False) == 4
        there = {entry.key.media for entry in place.discovr.entries()}
        assert there == {"MV_106", "MV_107"}


async def test_what_was_never_sent_is_not_known_to_be_blocked(tmp_path: Path) -> None:
    """Else a block of the whole machine would be asked about every write."""
    account = films()
    async with arena(account, tmp_path) as place:
        await place.migrate()  # from here on writes are intended in groups
        for number in range(4, 25):
            watch_another(account, number)
        place.discovr.faults = blocking("MV_")
        tried = []
        for _ in range(2):
            before = place.writes()
            with pytest.raises(RateLimitedError):
                await place.migrate()
            tried.append(place.writes() - before)
    assert tried[0] < tried[1] < 3 * tried[0]


async def test_a_block_is_settled_once_it_was_met_twice(tmp_path: Path) -> None:
    """The first may be gone in an hour; one that stays keeps no sync reading all."""
    account = films()
    async with arena(account, tmp_path) as place:
        await place.migrate()
        watch_another(account, 4)
        watch_another(account, 5)
        place.discovr.faults = blocking("MV_105", is_read=True)
        assert not (await place.sync()).is_settled
        assert (await place.sync()).is_settled
        before = place.writes()
        report = await place.sync()
        assert (report.refused_before, place.writes()) == (1, before)
        assert exit_code(report, is_strict=False) == 4


async def test_a_block_that_is_gone_soon_is_made_up_for_by_the_next_sync(
    tmp_path: Path,
) -> None:
    account = films()
    async with arena(account, tmp_path) as place:
        await place.migrate()
        watch_another(account, 4)
        place.discovr.faults = blocking("MV_104", is_read=True)
        assert exit_code(await place.sync(), is_strict=False) == 4
        place.discovr.faults = None
        assert exit_code(await place.sync(), is_strict=False) == 0
        assert len(place.discovr.entries()) == 4
