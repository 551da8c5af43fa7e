"""What lies ahead of the better clock was not watched then; a wrong clock is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import InputError
from connectors.trakt.export import read_export
from sync.domain.plays import Key
from sync.sandbox.account.synthetic import synthetic_account
from tests.clocks import FakeClock
from tests.export_builders import make_file, make_film_play, make_zip
from tests.long import choose
from tests.pipeline_suite.test_sync import NOW, Life, life
from tests.strangers_suite.test_kinds import to_csv
from tests.strangers_suite.unread import codes
from tests.worlds import world

if TYPE_CHECKING:
    from pathlib import Path

TODAY = datetime(2026, 10, 1, 12, tzinfo=UTC)
PAST = [TODAY - timedelta(days=n) for n in range(1, 41)]
#: A forgotten time zone reaches as far; nothing more does.
NEAR = [timedelta(0), timedelta(hours=14), timedelta(hours=24)]
FAR = [timedelta(hours=24, minutes=1)]
FAR += [timedelta(days=days) for days in (2, 7, 30, 200, 365, 366, 400, 3_000)]


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.000Z}"


def as_history(times: list[datetime]) -> Any:
    return [make_film_play(n, watched_at=stamp(at)) for n, at in enumerate(times, 1)]


def as_rows(times: list[datetime]) -> Any:
    return to_csv(
        *(
            {"type": "movie", "tmdb_id": n, "watched_at": stamp(at)}
            for n, at in enumerate(times, 1)
        )
    )


def as_watched(times: list[datetime]) -> Any:
    return [
        {"plays": 1, "last_watched_at": stamp(at), "movie": make_film_play(n)["movie"]}
        for n, at in enumerate(times, 1)
    ]


FORMS = {"history.json": as_history, "films.csv": as_rows, "watched.json": as_watched}


def read_as(name: str, times: list[datetime], tmp_path: Path) -> Any:
    path = make_file(tmp_path / name, FORMS[name](times))
    return read_export([path], clock=FakeClock(TODAY))


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("ahead", [*NEAR, *FAR], ids=str)
def test_a_file_says_a_date_ahead_of_the_clock_is_none(
    ahead: timedelta, name: str, tmp_path: Path
) -> None:
    data = read_as(name, [*PAST, TODAY + ahead], tmp_path)
    if ahead in NEAR:
        assert (data.plays, data.set_aside) == (41, [])
        return
    assert data.plays == 40
    ((_, record),) = data.set_aside
    assert f"{TODAY + ahead:%Y-%m-%d}, ahead of this machine's clock" in record.reason
    assert "clock" in record.remedy
    assert "correct the date" in record.remedy


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("ahead", FAR, ids=str)
def test_many_dates_ahead_say_that_the_clock_is_wrong(
    ahead: timedelta, name: str, tmp_path: Path
) -> None:
    times = [TODAY + ahead - timedelta(seconds=n) for n in range(40)]
    with pytest.raises(InputError, match="The clock is wrong"):
        read_as(name, times, tmp_path)


@pytest.mark.parametrize("days", [2, 100, 2_000])
def test_a_download_packed_ahead_of_the_clock_says_so_of_one_play(
    days: int, tmp_path: Path
) -> None:
    ahead = TODAY + timedelta(days=days)
    files = {"watched-history.json": as_history([*PAST, ahead - timedelta(hours=20)])}
    for made_at, is_wrong in ((ahead, True), (TODAY, False)):
        path = make_zip(tmp_path / "x.zip", files, made_at=made_at)
        if is_wrong:
            with pytest.raises(InputError, match="The clock is wrong"):
                read_export([path], clock=FakeClock(TODAY))
        else:
            assert read_export([path], clock=FakeClock(TODAY)).plays == 40


def add_play_ahead(it: Life, days: int) -> int:
    film = it.account.find("Film 4")
    return it.account.add_play(film, it.clock.now() + timedelta(days=days)).id


@pytest.mark.parametrize("days", choose([20], [2, 300], [2, 300, 3_000]))
async def test_a_play_ahead_of_trakts_clock_waits_for_its_day(
    days: int, tmp_path: Path
) -> None:
    async with life(tmp_path) as it:
        play, before = add_play_ahead(it, days), it.completed()
        report = await it.sync()
        (record,) = report.prepared.compared.extraction.quarantined
        assert record.where == f"history id {play}"
        assert "ahead of Trakt's clock" in record.reason
        assert "Trakt" in record.remedy
        assert codes(report) == (4, 4)
        assert it.completed() == before
        # It is known now, makes no sync read everything, and waits for its day.
        assert codes(await it.sync()) == (0, 4)
        it.account.add_play(it.account.find("Film 2"), it.clock.now())
        report = await it.sync()
        assert (report.prepared.since is None, report.unreadable) == (False, 1)
        it.clock.advance(timedelta(days=days).total_seconds())
        it.account.add_play(it.account.find("Film 2"), it.clock.now())
        report = await it.sync()
        assert (codes(report)[0], report.unreadable) == (0, 0)
        assert it.completed() == before | {Key("MV_104")}


@pytest.mark.parametrize("off", choose([-400, -2], [-30, 400], [-9_000, -30, 2, 400]))
@pytest.mark.parametrize("is_told", [True, False])
async def test_the_clock_here_takes_nothing_from_what_trakt_sends(
    off: int, *, is_told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_told:
        monkeypatch.setattr("connectors.trakt.client.http_date", lambda _text: None)
    account = synthetic_account(60, 2, seed=3)
    for play in account.plays[:5]:
        account.move_play(play.id, NOW - timedelta(minutes=1))
    clock = FakeClock(NOW + timedelta(days=off))
    async with world(account, tmp_path, now=lambda: NOW, clock=clock) as place:
        extraction = await place.extract()
    assert extraction.quarantined == []
    assert {p.id for p in extraction.plays} == {p.id for p in account.plays}
    assert extraction.receipt.is_whole
