"""What things cost, in numbers that do not hang on the machine or on its mood.

Calls of functions, bytes, modules and statements: each bound leaves some room for what
other versions of Python and of the libraries do, and none for doing a thing twice.
"""

from __future__ import annotations

import gc
import json
import signal
import sys
import tracemalloc
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event

from bench.planning_data import write_account
from bench.planning_work import PAGES, work
from connectors.http.response import Response
from connectors.trakt.client import HistoryPage, read_records
from sync import api
from sync.cli import GC_THRESHOLDS, main
from sync.cli.process import begin_collecting
from sync.domain.desired import transform
from sync.domain.histories import TitleHistory
from sync.domain.plan import Action, Fate, Operation
from sync.domain.plays import Ids, Key, Kind, Play, Title
from sync.domain.reconcile import reconcile
from sync.domain.rules import Rules
from sync.extract.pages import PageCollector
from sync.extract.records import PlayMapper
from sync.ledger import Ledger
from sync.ledger.plain import to_json
from sync.ledger.titles import from_history, from_text, to_history, to_text
from sync.load.loader import Loader
from sync.ports import Extraction, Receipt
from sync.sandbox.account.synthetic import synthetic_account
from tests.clocks import FakeClock
from tests.worlds import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.domain.entries import Entry
    from sync.events import Event

ROOT = Path(__file__).parents[2]
PLAYS = 2_000
NEWEST = datetime(2027, 1, 1, tzinfo=UTC)


@contextmanager
def calls_counted() -> Iterator[list[int]]:
    """Count the calls of functions of Python inside."""
    count = [0]

    def profile(_frame: Any, kind: str, _argument: Any) -> None:
        count[0] += kind == "call"

    sys.setprofile(profile)
    try:
        yield count
    finally:
        sys.setprofile(None)


@contextmanager
def statements_counted() -> Iterator[list[str]]:
    """Collect the SQL that is sent inside, of whatever database."""
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def pages(tmp_path: Path) -> list[bytes]:
    write_account(tmp_path, PLAYS, 20)
    return (tmp_path / PAGES).read_bytes().splitlines()


def collector(pages: list[bytes]) -> list[Play]:
    found = PageCollector(PlayMapper(NEWEST))
    for body in pages:
        response = Response(200, {}, body, "Trakt", "GET /sync/history")
        found.add(HistoryPage(*read_records(response)))
    return list(found.plays.values())


def test_a_play_is_read_with_few_calls_and_kept_in_few_bytes(
    pages: list[bytes],
) -> None:
    with calls_counted() as count:
        plays = collector(pages)
    assert len(plays) == PLAYS
    assert count[0] / PLAYS < 9
    tracemalloc.start()
    kept = collector(pages)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(kept) == PLAYS
    assert held / PLAYS < 300
    # One page beyond what is kept, decoded, and no second copy of anything.
    assert (peak - held) / PLAYS < 300


def test_a_plan_takes_a_few_calls_a_play_however_many_there_are(
    pages: list[bytes],
) -> None:
    def cost(plays: list[Play]) -> float:
        with calls_counted() as count:
            plan = reconcile(transform(plays, {}), (), Rules())
        assert plan.operations
        return count[0] / len(plays)

    plays = collector(pages)
    assert cost(plays) < 16
    assert cost(plays) < 1.3 * cost(plays[: PLAYS // 4])


def test_the_work_that_the_bench_measures_is_all_of_it(tmp_path: Path) -> None:
    write_account(tmp_path, PLAYS, 20)
    assert set(work(tmp_path)) == {"parse", "transform", "plan", "collapse"}


def test_the_command_hardly_ever_looks_for_cycles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collected: list[int] = []

    def work(**_options: str) -> None:
        assert not gc.isenabled()
        begin_collecting()
        kept: list[list[int]] = [[] for _ in range(GC_THRESHOLDS[0] // 2)]
        assert kept

    def count(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            collected.append(info["generation"])

    monkeypatch.setattr("sync.cli.app.app", work)
    before, at_ctrl_c = gc.get_threshold(), signal.getsignal(signal.SIGINT)
    gc.collect()
    gc.callbacks.append(count)
    try:
        with pytest.raises(SystemExit, match="0"):
            main()
    finally:
        gc.callbacks.remove(count)
        gc.set_threshold(*before)
        gc.enable()
        gc.unfreeze()
        # The program leaves at once at Ctrl-C; these tests should not.
        signal.signal(signal.SIGINT, at_ctrl_c)
    assert collected == []


def test_a_title_is_kept_in_few_bytes_and_read_with_few_calls() -> None:
    show = Title(Kind.SHOW, "It", 2000, Ids(trakt=1))
    plays = tuple(
        Play(show, NEWEST + timedelta(days=n), n // 10, n % 10, 2**33 + 9 * n, 9**5 + n)
        for n in range(PLAYS)
    )
    fates = {Key("TV_1", p.season, p.episode): Fate.COVERED for p in plays}
    kept = to_json(from_history(TitleHistory(show, "TV_1", plays, fates)))
    assert len(kept) / PLAYS < 20
    with calls_counted() as count:
        found = to_history(from_text(to_text(show)), json.loads(kept))
    assert found.plays == plays
    assert found.fates == fates
    # One for each play and each fate, and some for the title.
    assert count[0] / PLAYS < 4


class SilentTarget:
    """Takes every write without a word."""

    async def open_profile(self) -> str:
        return "profile"

    async def read_history(self, _on_page: Any) -> list[Entry]:
        return []

    async def read_title(self, _media: str, _season: int | None) -> list[Entry]:
        return []

    async def add(self, _key: Key, _watched_at: datetime) -> None: ...

    async def set_progress(self, _key: Key, _progress: int) -> None: ...

    async def remove(self, _key: Key) -> None: ...


async def test_writes_go_through_the_ledger_in_groups() -> None:
    operations = [
        Operation(Action.ADD, Key(f"MV_{n}"), NEWEST + timedelta(hours=n))
        for n in range(1, 501)
    ]
    events: list[Event] = []
    async with await Ledger.open("sqlite://") as ledger:
        clock = FakeClock()
        run = await ledger.start_run("profile", "test", clock.now())
        loader = Loader(
            SilentTarget(),
            ledger,
            run,
            clock=clock,
            concurrency=4,
            on_event=events.append,
        )
        with statements_counted() as statements, calls_counted() as count:
            await loader.load(operations)
    assert len(loader.settled) == len(events) == len(operations)
    # Opening, looking up the run, the intents, the opening again, the outcomes.
    assert len(statements) / len(operations) < 0.32
    assert count[0] / len(operations) < 80


@pytest.mark.parametrize("plays", [100, 400])
async def test_a_migration_sends_few_statements_and_a_sync_with_nothing_new_fewer(
    plays: int, tmp_path: Path
) -> None:
    account = synthetic_account(plays, 4)
    async with world(account, tmp_path, has_tmdb=False) as here:
        with statements_counted() as first:
            report = await here.migrate()
        assert report.is_complete
        assert len(repr(report)) < 1_000
        with statements_counted() as second:
            await api.sync(here.settings)
    # The tables are made in it, and each change asks whose turn it is (the epoch).
    assert len(first) < 160
    assert len(second) < 30


def test_what_was_read_is_not_written_out_where_a_result_is_shown(
    pages: list[bytes],
) -> None:
    # asyncio.run itself takes the repr of what it returns, on some versions of Python.
    assert len(repr(Extraction(collector(pages), Receipt("Trakt", PLAYS)))) < 1_000
