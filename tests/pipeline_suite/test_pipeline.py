"""Whole runs over HTTP against the stand-ins."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import ConfigError
from sync import migrate, verify
from sync.domain.desired import NO_ANSWER, NO_ID
from sync.domain.plan import Fate
from sync.domain.plays import Key
from sync.domain.rules import Mode
from sync.errors import IncompleteReadError
from sync.ledger import Ledger
from sync.pipeline.prepare import prepare
from sync.sandbox.account.sample import own_entries, sample_account
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.server.faults import Fault
from sync.sandbox.server.server import utc_now
from sync.sandbox.trakt.export import write_export
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.wiring.bootstrap import build
from tests.clocks import FakeClock
from tests.library_suite.test_own_source import Letterbook
from tests.long import choose
from tests.worlds import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sync.pipeline.result import Report


@asynccontextmanager
async def sample(folder: Path, **options: Any) -> AsyncIterator[World]:
    account = sample_account()
    async with world(account, folder, **options) as place:
        for own in own_entries(account):
            place.discovr.person_adds(own.key, progress=own.progress, at=own.at)
        yield place


def operations(report: Report) -> list[str]:
    return [operation.id for operation in report.prepared.plan.operations]


def kept_in(path: Path) -> set[str]:
    """Name the tables of a state that hold anything."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
        return {
            name
            for (name,) in names.fetchall()
            if connection.execute(f"SELECT 1 FROM {name}").fetchall()  # noqa: S608
        }


async def test_everything_arrives_and_a_second_run_sends_no_write(
    tmp_path: Path,
) -> None:
    async with sample(tmp_path) as place:
        report = await place.migrate()
        assert report.is_complete
        total, _ = report.balance()
        assert total.is_even
        assert total.fates[Fate.FAILED] == 0
        sent = place.writes()
        assert sent == len(report.prepared.plan.operations)
        again = await place.migrate()
        assert place.writes() == sent
        assert again.is_complete


MODES = [
    {"plays": plays, "collapse": collapse}
    for plays in ("latest", "all")
    for collapse in ("off", "clean", "fewest")
]


@pytest.mark.parametrize("history", choose(MODES[1::2], MODES[1::2], MODES), ids=str)
async def test_a_second_run_is_empty_in_every_mode(
    tmp_path: Path, history: dict[str, str]
) -> None:
    async with sample(tmp_path, history=history) as place:
        first = await place.migrate()
        assert first.is_complete
        assert first.balance()[0].is_even
        assert operations(await place.plan()) == []


async def test_the_download_and_the_api_give_the_same_plan(tmp_path: Path) -> None:
    async with sample(tmp_path) as place:
        path = tmp_path / "trakt-export-me.zip"
        write_export(place.account, path)
        by_api, by_file = await place.plan(), await place.plan(files=[path])
    assert by_file.prepared.compared.extraction.receipt.is_whole
    assert operations(by_api) == operations(by_file)
    assert by_api.prepared.plan.fates == by_file.prepared.plan.fates


async def test_the_person_s_own_marks_are_respected(tmp_path: Path) -> None:
    async with sample(tmp_path) as place:
        report = await place.migrate()
        fates = set(report.prepared.plan.fates.values())
        assert {Fate.KEPT, Fate.ALREADY_THERE, Fate.WRITTEN, Fate.COVERED} <= fates
        kept = [k for k, f in report.prepared.plan.fates.items() if f is Fate.KEPT]
        entries = {entry.key: entry.progress for entry in place.discovr.entries()}
        assert all((entries[key] or 0) < 80 for key in kept)


async def test_a_dry_run_leaves_no_trace_but_public_air_dates(tmp_path: Path) -> None:
    async with sample(tmp_path) as place:
        before = len(place.discovr.entries())
        report = await place.plan()
        assert operations(report)
        assert place.writes() == 0
        assert len(place.discovr.entries()) == before
    assert kept_in(tmp_path / "state.sqlite3") == {"t2d_version", "t2d_show"}


async def test_a_dry_run_leaves_the_state_as_it_is(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite3"
    async with world(synthetic_account(30, 1, seed=3), tmp_path) as place:
        await place.migrate()
        other = synthetic_account(90, 2, seed=4).titles[-1]
        place.account.titles.append(other)
        place.account.add_play(other, utc_now())
        before = (state.read_bytes(), state.stat().st_mtime_ns)
        assert len(operations(await place.plan())) == 1
        assert not (await verify(place.settings)).is_complete
        assert (state.read_bytes(), state.stat().st_mtime_ns) == before


async def test_what_is_not_proved_whole_is_not_loaded(tmp_path: Path) -> None:
    quirks = TraktQuirks(minimal_unavailable=404)
    async with sample(tmp_path, trakt=quirks) as place:
        with pytest.raises(IncompleteReadError) as caught:
            await place.migrate()
        assert place.writes() == 0
        assert "--accept-incomplete" in caught.value.remedy
        assert (await place.migrate(accept_incomplete=True)).is_complete


async def test_a_refused_plan_writes_nothing(tmp_path: Path) -> None:
    async def refuse(_report: Report) -> bool:
        return False

    async with sample(tmp_path) as place:
        report = await place.migrate(confirm=refuse)
        assert report.run is None
        assert place.writes() == 0


async def test_a_profile_that_does_not_exist_is_named(tmp_path: Path) -> None:
    async with sample(tmp_path) as place:
        settings = place.settings.model_dump()
        settings["discovr"]["profile"] = "Nobody"
        changed = type(place.settings).model_validate(settings)
        with pytest.raises(ConfigError, match="no profile 'Nobody'") as caught:
            await migrate(changed)
        assert "Kids" in caught.value.remedy


async def test_a_migration_stays_within_the_table_of_requests(tmp_path: Path) -> None:
    account = synthetic_account(1_100, 12, seed=5)
    async with world(account, tmp_path, has_tmdb=False) as place:
        place.discovr.person_adds(Key("MV_999999"), at=utc_now())
        report = await place.migrate()
        plays, shows = len(account.plays), 12
        there, after = 1, report.verification.entries if report.verification else 0
        assert len(place.trakt.seen) <= 5 + -(-plays // 250) + shows
        writes = len(report.prepared.plan.operations)
        assert len(place.discovr.seen) <= (
            3 + -(-there // 50) + writes + -(-after // 50)
        )


async def test_a_play_in_the_future_makes_no_default(tmp_path: Path) -> None:
    """It is set aside, whoever hands it over, and so it completes no season."""
    account = synthetic_account(60, 1, seed=5)
    ahead = utc_now() + timedelta(days=200)
    async with world(account, tmp_path) as place:
        extraction = await place.extract()
        found = next(p for p in extraction.plays if p.season == 2)
        moved = found._replace(watched_at=ahead)
        plans = []
        for play in (found, moved):
            plays = [play if p is found else p for p in extraction.plays]
            async with build(place.settings, source=Letterbook(plays)) as services:
                plans.append(await prepare(services))
    defaults = [
        {o.key.season for o in plan.plan.operations if o.is_default} for plan in plans
    ]
    assert defaults[0] - defaults[1] == {2}
    (record,) = plans[1].unreadable.unreported
    assert f"{ahead:%Y-%m-%d}" in record.record.reason


async def test_a_tmdb_that_is_down_is_not_taken_for_one_that_knows_nothing(
    tmp_path: Path,
) -> None:
    async with sample(tmp_path) as place:
        place.tmdb.faults = lambda _request, _number: Fault.answer(503)
        async with build(place.settings, clock=FakeClock()) as services:
            prepared = await prepare(services)
        reasons = {
            left.title.name: left.reason for left in prepared.compared.desired.unmatched
        }
    assert NO_ANSWER in reasons.values()
    assert reasons["Our Summer 2009 (home movie)"] == NO_ID
    assert prepared.plan.operations


async def test_what_our_default_covers_needs_no_air_dates_again(tmp_path: Path) -> None:
    account = synthetic_account(40, 1, seed=5)
    async with world(account, tmp_path) as place:
        first = await place.migrate()
        assert first.prepared.plan.saved
        place.tmdb.faults = lambda _request, _number: Fault.answer(404)
        place.trakt.faults = lambda request, _number: (
            Fault.answer(404) if request.path.startswith("/shows/") else None
        )
        path = tmp_path / "export.zip"
        write_export(account, path)
        assert operations(await place.plan(files=[path])) == []


async def test_no_zero_is_written_for_what_was_not_read(tmp_path: Path) -> None:
    quirks = TraktQuirks(minimal_unavailable=404)
    async with sample(tmp_path, trakt=quirks, history={"collapse": "fewest"}) as place:
        report = await place.plan(accept_incomplete=True)
    assert report.prepared.rules.mode is Mode.CLEAN
    assert all(o.progress for o in report.prepared.plan.operations)


async def test_an_intent_that_did_not_arrive_is_looked_up_first(tmp_path: Path) -> None:
    account = synthetic_account(12, 1, seed=5)
    async with world(account, tmp_path) as place:
        planned = (await place.plan()).prepared
        first = planned.plan.operations[0]
        async with await Ledger.open(place.settings.state.url) as ledger:
            run = await ledger.start_run(planned.profile, "migrate", utc_now())
            await ledger.intend(run, [first], utc_now())
        again = (await place.plan()).prepared
        assert [row.operation for row in again.recovery.unclear] == [first]
        report = await place.migrate()
        assert report.is_complete
        place_of = f"/profile/history/{first.key.media}"
        assert place.discovr.requests("GET", place_of)
        async with await Ledger.open(place.settings.state.url) as ledger:
            assert await ledger.unsettled(planned.profile) == []
