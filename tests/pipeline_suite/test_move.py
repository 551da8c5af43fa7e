"""The whole move is one thing, in however many runs it came about."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import AuthError, ConfigError, InputError
from sync import read_report, render_html
from sync.checkup.status import read_status
from sync.cli.commands.status import StatusView
from sync.domain.plan import Fate
from sync.domain.plays import Key
from sync.errors import StoppedError
from sync.events import Advanced, Stage
from sync.pipeline import run as pipeline
from sync.pipeline.documents import left_out_document
from sync.report.markdown import render
from sync.report.squares import Lacking
from sync.report.watched import count_fates
from sync.runtime.stop import Stop
from sync.runtime.words import name_runs
from sync.sandbox.server.faults import Fault
from sync.wiring.bootstrap import build
from tests.pipeline_suite.test_sync import Life, agree, life
from tests.safety.accounts import mixed_account
from tests.strangers_suite.unread import spoil, without_a_date
from tests.terminal_suite.reports import context
from tests.worlds import world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sync.events import Event
    from sync.report.data import ReportData


@asynccontextmanager
async def beginning(folder: Path) -> AsyncIterator[Life]:
    """Yield a person with both accounts, before the first run."""
    account, own = mixed_account()
    async with world(account, folder) as place:
        for mark in own:
            place.discovr.person_adds(mark.key, progress=mark.progress, at=mark.at)
        yield Life(place)


def written(event: Event) -> int:
    """Return how many writes are done, of an event that says so."""
    if isinstance(event, Advanced) and event.stage is Stage.LOAD:
        return event.done
    return 0


async def migrate(it: Life, *, stop_after: int | None = None, **options: Any) -> Any:
    stop = Stop()

    def watch(event: Event) -> None:
        if stop_after is not None and written(event) >= stop_after:
            stop.request()

    it.clock.advance(60)
    async with build(it.place.settings, clock=it.clock, on_event=watch) as services:
        return await pipeline.migrate(services, confirm=agree, stop=stop, **options)


async def told(it: Life) -> tuple[ReportData, list[str]]:
    """Return what the report is made of, and the lines of ``status``."""
    document = await read_status(it.place.settings, clock=it.clock)
    return await read_report(it.place.settings), list(
        StatusView(context(), document).lines()
    )


def on_discovr(it: Life, data: ReportData) -> int:
    """Count the plays that a client of Discovr shows as watched."""
    completed = it.completed()
    return sum(
        Key(history.media, play.season, play.episode) in completed
        for history in data.histories
        if history.media
        for play in history.plays
    )


def squares(data: ReportData) -> dict[str, int]:
    """Count the squares of the map, as the balance counts plays."""
    counts = count_fates(data.histories)
    return {fate.value: counts[fate] for fate in Fate if fate is not Fate.UNREADABLE}


async def test_after_an_interruption_the_report_is_that_of_the_whole_move(
    tmp_path: Path,
) -> None:
    moves = []
    for name, stop_after in (("at once", None), ("in two", 4)):
        async with beginning(tmp_path / name) as it:
            if stop_after:
                with pytest.raises(StoppedError):
                    await migrate(it, stop_after=stop_after)
                data, lines = await told(it)
                part, known = data.move.on_discovr, data.move.balance.read
                assert 0 < part < known
                assert f"  on Discovr   {part} of {known} plays" in "\n".join(lines)
                assert data.move.balance.failed
            report = await migrate(it)
            assert report.is_complete
            data, lines = await told(it)
            moves.append((data.move.on_discovr, data.move.balance))
            # It is the second half alone that the last run has written.
            assert bool(data.report.balance.already_there > 1) is bool(stop_after)
            there, read = on_discovr(it, data), len(it.account.plays)
            assert (data.move.on_discovr, data.move.balance.read) == (there, read)
            share = f"({round(100 * there / read)} %)"
            words = f"{there} of {read} plays are on Discovr {share}"
            assert f"<h1>{words}</h1>" in render_html(data)
            assert f"**{words}**" in render(data.report, data.at, data.histories)
            assert f"  on Discovr   {there} of {read} plays {share}" in lines
            dumped = data.move.balance.model_dump()
            assert squares(data) == {fate: dumped[fate] for fate in squares(data)}
    assert moves[0] == moves[1]


@pytest.mark.long
async def test_a_later_run_that_reads_a_part_tells_of_the_whole(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        it.account.add_play(it.account.find("Film 4"), it.clock.now())
        it.account.add_play(
            it.account.find("Show 2"), it.clock.now(), season=2, number=2
        )
        report = await it.sync()
        assert report.prepared.since is not None
        data, _ = await told(it)
        dumped = data.move.balance.model_dump()
        assert squares(data) == {fate: dumped[fate] for fate in squares(data)}
        assert data.move.balance.written > report.balance()[0].fates[Fate.WRITTEN]
        html = render_html(data)
        assert "each write was answered, and both sides were last read whole" in html
        idle = await it.sync()
        assert idle.prepared.is_unchanged
        assert idle.move
        assert report.move
        assert idle.move.balance == report.move.balance


async def test_status_unmatched_and_page_agree_after_a_run_that_wrote_nothing(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as it:
        spoil(it, "Film 1", without_a_date)
        it.clock.advance(8 * 86_400)
        report = await it.sync()
        assert report.run is None
        data, lines = await told(it)
        number = report.unreadable
        left = left_out_document(report.prepared)
        assert data.report.quarantined == left.quarantined
        assert len(left.quarantined) == number == data.move.balance.unreadable
        assert any(f"{number} records" in line for line in lines)
        assert f"{number} of them unreadable" in render_html(data)


async def test_what_was_taken_back_is_not_said_to_be_there(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        it.clock.advance(60)
        async with build(it.place.settings, clock=it.clock) as services:
            await pipeline.undo(services, None)
        data, lines = await told(it)
        assert data.move.undone == 1
        assert "were on Discovr until run 1 was taken back" in render_html(data)
        assert any("until run 1 was taken back: trakt2discovr" in x for x in lines)
        await it.sync()
        assert (await told(it))[0].move.undone is None


@pytest.mark.parametrize(
    "order",
    [
        (2, 1),
        *(
            pytest.param(order, marks=pytest.mark.long)
            for order in ((1, 2), (3, 2, 1), (2, 3, 1), (1, 3, 2), (3,), (1, 1, 2))
        ),
    ],
)
async def test_after_each_undo_it_is_said_what_is_still_there(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    async with beginning(tmp_path) as it:
        with pytest.raises(StoppedError):
            await migrate(it, stop_after=4)
        await migrate(it)
        if 3 in order:
            show = it.account.find("Show 2")
            it.account.add_play(show, it.clock.now(), season=2, number=2)
            await migrate(it)
        was = (await told(it))[0].move.on_discovr
        gone: list[int] = []
        for run in order:
            it.clock.advance(60)
            if run not in gone:
                gone.append(run)
                await take_back(it, run)
            else:
                with pytest.raises(ConfigError):
                    await take_back(it, run)
            data, lines = await told(it)
            move, now = data.move, on_discovr(it, data)
            assert (move.undone_runs, move.left) == (tuple(gone), now)
            assert now < was
            words = f"; {was} were on Discovr until {name_runs(gone)} "
            assert words in render(data.report, data.at)
            assert f"{now} of {move.balance.read} plays are on" in render_html(data)
            counted = f"{now} of {move.balance.read} plays, {was} of"
            assert any(counted in line for line in lines)
        await migrate(it)
        data, _ = await told(it)
        assert (data.move.undone, data.move.undone_runs) == (None, ())
        assert data.move.on_discovr == on_discovr(it, data) == was


async def test_what_nobody_can_count_is_said_as_it_was(tmp_path: Path) -> None:
    async with beginning(tmp_path) as it:
        with pytest.raises(StoppedError):
            await migrate(it, stop_after=4)
        it.clock.advance(60)
        await take_back(it, 1)
        data, _ = await told(it)
        # Nothing was settled yet: which play is which entry is not kept.
        assert (data.move.undone_runs, data.move.left) == ((1,), None)
        assert "were on Discovr until run 1 was taken back" in render_html(data)


async def test_an_undo_that_stopped_says_that_a_part_is_taken_back(
    tmp_path: Path,
) -> None:
    async with beginning(tmp_path) as it:
        with pytest.raises(StoppedError):
            await migrate(it, stop_after=4)
        await migrate(it)
        it.clock.advance(60)
        await take_back(it, 2)
        assert (await told(it))[0].move.left is not None
        it.clock.advance(60)
        stop = Stop()

        def watch(event: Event) -> None:
            if isinstance(event, Advanced) and event.stage is Stage.UNDO and event.done:
                stop.request()

        with pytest.raises(StoppedError):
            await take_back(it, 1, stop=stop, watch=watch)
        data, _ = await told(it)
        assert data.move.in_part
        assert data.move.left is None
        assert "were on Discovr until runs 2 and 1 were taken back in part" in (
            render_html(data)
        )
        it.clock.advance(60)
        await take_back(it, None)
        data, _ = await told(it)
        assert not data.move.in_part
        assert data.move.left == on_discovr(it, data)


async def test_what_was_under_way_when_a_run_broke_off_is_not_called_unsent(
    tmp_path: Path,
) -> None:
    async with beginning(tmp_path) as it:

        def refuse(request: Any, _number: int) -> Fault | None:
            sent = it.place.discovr.requests(path="/profile/history")
            is_late = sum(one.method == "POST" for one in sent) > 4
            return Fault.answer(401) if request.method == "POST" and is_late else None

        it.place.discovr.faults = refuse
        with pytest.raises(AuthError):
            await migrate(it)
        data, _ = await told(it)
        (run,) = data.runs
        lacking = Lacking.of(data.report.failed)
        assert lacking.failed == run.summary["unclear"] > 0
        assert lacking.unsent == run.summary["unsent"] > 0
        balance = data.report.balance
        assert 0 < balance.unsent < balance.failed


async def take_back(
    it: Life, run: int | None, *, stop: Stop | None = None, watch: Any = None
) -> None:
    options = {"on_event": watch} if watch else {}
    async with build(it.place.settings, clock=it.clock, **options) as services:
        await pipeline.undo(services, run, stop=stop)


@pytest.mark.long
async def test_of_a_run_that_was_killed_the_report_says_what_to_do(
    tmp_path: Path,
) -> None:
    async with beginning(tmp_path) as it:
        is_writing = asyncio.Event()

        def watch(event: Event) -> None:
            if written(event):
                is_writing.set()

        options: dict[str, Any] = {"clock": it.clock, "on_event": watch}
        async with build(it.place.settings, **options) as services:
            task = asyncio.ensure_future(pipeline.migrate(services, confirm=agree))
            await is_writing.wait()
            # As a kill: whatever is noted at the end of a run is not.
            services.ledger.finish_run = _never  # type: ignore[method-assign, assignment]
            task.cancel()
            with pytest.raises((asyncio.CancelledError, KeyboardInterrupt)):
                await task
        with pytest.raises(InputError, match="Run 1 was broken off") as caught:
            await read_report(it.place.settings)
        assert "migrate again" in caught.value.remedy


async def _never(*_args: object) -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("own", ["a zero of ours", "the person's own"])
@pytest.mark.parametrize("collapse", ["clean", "fewest"])
async def test_what_is_held_out_of_a_default_is_not_said_to_be_left(
    tmp_path: Path, own: str, collapse: str
) -> None:
    async with life(tmp_path, history={"collapse": collapse}) as it:
        title = it.account.find("Show 1")
        if own == "a zero of ours":
            for play in it.account.plays_of(title, 1, 2):
                it.account.remove_play(play.id)
            await it.sync(prune=True)
        else:
            it.place.discovr.person_adds(Key("TV_201", 1, 2), progress=30)
        it.clock.advance(60)
        it.account.add_play(title, it.clock.now(), season=1, number=2)
        report = await it.sync()
        assert report.run
        assert Key("TV_201", 1, 2) in it.completed()
        it.clock.advance(60)
        await take_back(it, report.run)
        assert Key("TV_201", 1, 2) not in it.completed()
        data, _ = await told(it)
        assert data.move.left == on_discovr(it, data)
