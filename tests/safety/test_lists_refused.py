"""A title whose own list cannot be read stops no other, and is not written twice."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import TransientError
from sync.domain.plays import Key
from sync.pipeline import run as pipeline
from sync.pipeline.documents import report_document
from sync.pipeline.result import Report, exit_code
from sync.sandbox.account.account import Account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.visibility import Lie
from sync.sandbox.server.faults import Fault, FaultKind, seeded_faults
from sync.wiring.bootstrap import build
from tests.long import choose
from tests.restore_suite.copies import own, put_down
from tests.safety.accounts import film, mixed_account, show, watched_on
from tests.safety.arena import Arena, Phase, arena
from tests.safety.faults import MIX, SHARE
from tests.safety.killing import run_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from sync.sandbox.server.faults import FaultPlan


def _shaped(body: bytes) -> Fault:
    return Fault(FaultKind.STATUS, takes_effect=False, body=body)


#: Whatever tells of one list alone, and lasts.
REFUSALS = {
    **{str(status): Fault.answer(status) for status in (400, 405, 409, 410, 422, 451)},
    "no list": _shaped(b'{"items":7,"hasMore":false}'),
    "an odd entry": _shaped(b'{"items":[{"id":7}],"hasMore":false}'),
    "more, and not where": _shaped(b'{"items":[],"hasMore":true}'),
}
EACH = choose(["422", "an odd entry"], REFUSALS, REFUSALS)
REFUSED = pytest.mark.parametrize("refusal", EACH)
#: The oldest play is of the film, so that it is the first to be written.
FILM, SEASON, OTHER = Key("MV_101"), Key("TV_201", 1), Key("MV_102")


def small_account() -> Account:
    titles = [film(1), film(2), show(1, 4)]
    account = Account(titles)
    account.add_play(titles[0], watched_on(1))
    account.add_play(titles[1], watched_on(2))
    for number in (1, 2, 4):
        account.add_play(titles[2], watched_on(3, number), season=1, number=number)
    return account


def refused(key: Key, refusal: str, *others: FaultPlan) -> FaultPlan:
    """Refuse the list of this title, beside whatever else goes wrong."""

    def plan(request: web.Request, number: int) -> Fault | None:
        if request.method == "GET" and request.path.endswith(f"/{key.media}"):
            return REFUSALS[refusal]
        return next((f for other in others if (f := other(request, number))), None)

    return plan


def first(method: str, fault: Fault) -> FaultPlan:
    """Spoil the first of these requests about the history."""
    is_over = False

    def plan(request: web.Request, _number: int) -> Fault | None:
        nonlocal is_over
        if is_over or request.method != method or "history" not in request.path:
            return None
        is_over = True
        return fault

    return plan


@asynccontextmanager
async def lost(
    folder: Path, refusal: str, answer: Fault, **history: Any
) -> AsyncIterator[Arena]:
    """Open an arena in which the film's write got no clear answer, and no look-up."""
    history = {"collapse": "off", **history}
    async with arena(small_account(), folder, history=history) as place:
        place.discovr.faults = refused(FILM, refusal, first("POST", answer))
        place.discovr.visibility.big = Lie(lags_s=10**6)
        report = await place.migrate()
        assert {operation.key for operation in report.failed} == {FILM}
        yield place


def entries(place: Arena) -> list[Key]:
    return [entry.key for entry in place.discovr.entries()]


def code(report: Report) -> int:
    return exit_code(report, is_strict=False)


async def verify(place: Arena) -> Report:
    async with build(place.settings, clock=place.clock, is_dry=True) as services:
        return await pipeline.verify(services)


@REFUSED
@pytest.mark.parametrize("answer", [Fault.answer(502), Fault.cut_after()])
@pytest.mark.parametrize("how", ["migrate", "sync", "forced"])
async def test_a_lost_answer_stops_no_other_title(
    tmp_path: Path, refusal: str, answer: Fault, how: str
) -> None:
    async with lost(tmp_path, refusal, answer) as place:
        for number in (7, 8):
            place.account.titles.append(film(number))
            place.account.add_play(place.account.titles[-1], watched_on(number))
            run = place.sync if how == "sync" else place.migrate
            report = await run(is_forced=how == "forced")
            assert Key(f"MV_10{number}") in entries(place)
            assert {operation.key for operation in report.failed} == {FILM}
            assert code(report) == 4
            (failed,) = report_document(report, "migrate", 4).failed
            assert "list" in failed.detail
        assert (await verify(place)).verification.missing == (FILM,)  # type: ignore[union-attr]  # it has one
        # Once its list can be read again it is found, or written.
        place.discovr.faults = None
        report = await place.migrate()
        assert report.is_complete
        assert entries(place).count(FILM) == 1
        assert place.discovr.doubled() == {}


@REFUSED
@pytest.mark.parametrize("phase", Phase)
async def test_a_killed_run_stops_no_other_title(
    tmp_path: Path, refusal: str, phase: Phase
) -> None:
    async with arena(small_account(), tmp_path) as place:

        def is_post(request: web.Request, now: Phase) -> bool:
            is_write = request.method == "POST" and "history" in request.path
            return is_write and now is phase

        assert await run_until(place, place.migrate(), is_post)
        place.discovr.visibility.big = Lie(lags_s=10**6)
        place.discovr.faults = refused(FILM, refusal)
        report = await place.migrate()
        assert {operation.key for operation in report.failed} == {FILM}
        assert OTHER in entries(place)
        place.discovr.faults = None
        assert (await place.sync()).is_complete
        assert entries(place).count(FILM) == 1
        assert place.discovr.doubled() == {}


@REFUSED
@pytest.mark.parametrize("conflict", ["newest", "trakt"])
@pytest.mark.parametrize("is_forced", [False, True])
async def test_what_was_written_is_not_written_again_where_no_list_tells(
    tmp_path: Path, refusal: str, conflict: str, *, is_forced: bool
) -> None:
    history = {"collapse": "off", "conflict": conflict}
    async with arena(small_account(), tmp_path, history=history) as place:
        assert (await place.sync()).is_complete
        before = place.marks()
        place.clock.advance(7200)
        place.discovr.visibility.big = Lie(lags_s=10**6)
        for key in (FILM, SEASON):
            place.discovr.faults = refused(key, refusal)
            report = await place.migrate(is_forced=is_forced)
            assert {operation.key.media for operation in report.failed} == {key.media}
            assert code(report) == 4
            assert place.marks() == before
            # It is refused tomorrow as well, and keeps nothing else from going on.
            assert report.is_settled
        place.discovr.faults = None
        assert (await place.migrate()).is_complete
        assert place.marks() == before


@REFUSED
async def test_what_was_seen_to_be_removed_stays_so(
    tmp_path: Path, refusal: str
) -> None:
    async with arena(small_account(), tmp_path) as place:
        await place.sync()
        place.discovr.person_removes(FILM)
        assert (await place.migrate()).prepared.plan.gone == {FILM}
        place.discovr.faults = refused(FILM, refusal)
        for _ in range(2):  # looked at again with each weekly reading
            place.clock.advance(8 * 86_400)
            report = await place.sync()
            assert report.prepared.plan.gone == {FILM}
            assert report.is_complete


@REFUSED
async def test_a_sync_goes_by_the_list_of_all_where_that_of_a_title_is_refused(
    tmp_path: Path, refusal: str
) -> None:
    async with arena(small_account(), tmp_path) as place:
        await place.sync()
        before = place.marks()
        series = place.account.find("Show 1")
        place.account.add_play(series, watched_on(9), season=1, number=3)
        place.discovr.faults = refused(SEASON, refusal)
        report = await place.sync()
        assert report.prepared.since is not None
        assert report.is_complete
        assert place.marks().total() == before.total() + 1
        assert place.discovr.doubled() == {}


@pytest.mark.parametrize("status", [404, 422])
async def test_a_play_of_a_title_that_discovr_lacks_holds_no_sync_up(
    tmp_path: Path, status: Any
) -> None:
    quirks = DiscovrQuirks(unknown_status=status)
    account = small_account()
    account.titles.append(film(3))
    async with arena(account, tmp_path, discovr=quirks) as place:
        await place.sync()
        account.titles.append(film(7))  # Discovr has got its titles by now
        account.add_play(account.titles[-1], watched_on(50))
        account.add_play(account.find("Film 3"), watched_on(51))
        report = await place.sync()
        assert Key("MV_103") in entries(place)
        assert {operation.key for operation in report.failed} == {Key("MV_107")}
        assert report.is_settled
        place.discovr.seen.clear()
        assert code(await place.sync()) == 4
        assert place.discovr.seen == []


#: Runs may end with an error; so many in a row may not.
MOST_RUNS = 10


@pytest.mark.parametrize("seed", choose(range(2), range(8), range(60)))
async def test_a_title_that_discovr_lacks_holds_nothing_up_whatever_goes_wrong(
    tmp_path: Path, seed: int
) -> None:
    """Whether its write was refused or got no answer."""
    status: Any = (404, 422)[seed % 2]
    quirks = DiscovrQuirks(unknown_status=status)
    account, theirs = mixed_account()
    async with arena(account, tmp_path, own=theirs, discovr=quirks) as place:
        account.titles.append(film(77))  # Discovr has got its titles by now
        account.add_play(account.titles[-1], watched_on(seed % 30))
        place.discovr.faults = seeded_faults(seed, SHARE, mix=MIX)
        lacking = {"everything"}
        for _ in range(MOST_RUNS):
            with suppress(TransientError):
                report = await place.migrate()
                lacking = {operation.key.media for operation in report.failed}
            await place.discovr.settle()
            if lacking == {"MV_177"}:
                break
        place.discovr.faults = None
        report = await place.migrate()
        assert {operation.key.media for operation in report.failed} == {"MV_177"}
        assert place.discovr.doubled() == {}


@REFUSED
async def test_a_resume_point_holds_no_history_up(tmp_path: Path, refusal: str) -> None:
    account = small_account()
    account.titles += [film(3), film(4)]
    async with arena(account, tmp_path) as place:
        await place.sync()
        for number in (3, 4):
            at = watched_on(80 + number)
            account.pause(account.find(f"Film {number}"), 40, at)
        account.add_play(account.find("Film 2"), watched_on(70))
        account.titles.append(film(5))
        account.add_play(account.titles[-1], watched_on(71))
        place.discovr.faults = refused(Key("MV_103"), refusal)
        report = await place.sync()
        assert report.prepared.since is not None
        assert report.failed == ()
        assert Key("MV_105") in entries(place)
        assert [p.media for p in place.discovr.playback()] == ["MV_104"]
        assert report.playback is not None
        ((left, why),) = report.playback.failed
        assert left.key == Key("MV_103")
        assert "list" in why
        assert code(report) == 4
        # Where nothing else is to be done it is told as well.
        account.pause(account.find("Film 3"), 41, watched_on(90))
        assert code(await place.sync()) == 4


@REFUSED
@pytest.mark.parametrize("collapse", ["off", "clean"])
async def test_an_undo_leaves_the_title_alone_and_goes_on(
    tmp_path: Path, refusal: str, collapse: str
) -> None:
    history = {"collapse": collapse}
    for key in (FILM, SEASON):
        folder = tmp_path / key.media
        async with arena(small_account(), folder, history=history) as place:
            await place.migrate()
            place.discovr.faults = refused(key, refusal)
            mine = {k for k in entries(place) if k.media == key.media}
            undone = await place.undo()
            assert {*entries(place)} == undone.failed == mine
            assert all("list" in undone.left_alone[k] for k in mine)
            sent = place.discovr.requests("DELETE")
            assert not [r for r in sent if r.path.endswith(key.media)]
            place.discovr.faults = None
            assert not (await place.undo()).left_alone
            assert entries(place) == []


@REFUSED
@pytest.mark.parametrize("collapse", ["off", "clean"])
@pytest.mark.parametrize("beside", [False, True])
async def test_an_undo_goes_on_where_it_cannot_read_what_it_removed(
    tmp_path: Path, refusal: str, collapse: str, *, beside: bool
) -> None:
    history = {"collapse": collapse}
    # Beside what is the person's a default is left alone as it is.
    is_tried = collapse == "off" or not beside
    for key in (FILM, SEASON) if is_tried else (FILM,):
        folder = tmp_path / key.media
        async with arena(small_account(), folder, history=history) as place:
            if beside:
                theirs = Key("TV_201", 1, 3)
                place.discovr.person_adds(theirs, at=watched_on(-3))
            await place.migrate()
            is_sent = False

            def plan(request: web.Request, number: int, key: Key = key) -> Fault | None:
                nonlocal is_sent
                is_its = request.path.endswith(f"/{key.media}")
                is_sent |= request.method == "DELETE" and is_its
                return refused(key, refusal)(request, number) if is_sent else None

            place.discovr.faults = plan
            undone = await place.undo()
            assert is_sent
            assert undone.failed
            assert {k.media for k in undone.failed} == {key.media}
            assert {k.media for k in entries(place)} <= {key.media, "TV_201"}
            place.discovr.faults = None
            again = await place.undo()
            assert not again.failed
            left = {theirs, *again.left_alone} if beside else set()
            assert {*entries(place)} == left


@REFUSED
async def test_an_undo_that_died_keeps_no_run_from_going_on(
    tmp_path: Path, refusal: str
) -> None:
    async with arena(small_account(), tmp_path) as place:
        await place.migrate()

        def is_removed(request: web.Request, phase: Phase) -> bool:
            return request.method == "DELETE" and phase is Phase.DONE

        assert await run_until(place, place.undo(), is_removed)
        for key in (FILM, SEASON, OTHER):
            place.discovr.faults = refused(key, refusal)
            await place.migrate()
        place.discovr.faults = None
        await place.undo(is_each=True)
        assert entries(place) == []
        assert place.discovr.doubled() == {}


@REFUSED
async def test_a_copy_doubles_nothing_that_no_list_shows(
    tmp_path: Path, refusal: str
) -> None:
    async with arena(Account([]), tmp_path) as place:
        copy = put_down(place, [own(FILM, day=1), own(OTHER, day=2)])
        await place.restore(copy)
        place.discovr.person_removes(OTHER)
        place.discovr.visibility.big = Lie(lags_s=10**6)
        place.discovr.faults = refused(FILM, refusal)
        done = await place.restore(copy)
        assert not done.is_complete
        assert [o.key for o in done.operations if o.id in done.failed] == [FILM]
        assert sorted(entries(place)) == [FILM, OTHER]
        place.discovr.faults = None
        assert (await place.restore(copy)).operations == ()
