"""Moments at the ends of time, in each field of Trakt that holds one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import ServiceError
from connectors.http.client import HttpClient, RetryPolicy
from connectors.trakt.client import TraktClient
from sync.domain.plays import Kind
from sync.extract.trakt import TraktSource
from tests.clocks import FakeClock
from tests.hostile import Hostile, Told, put_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from yarl import URL

WHEN = "2024-03-01T20:15:00.000Z"
DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
_IDS = {"ids": {"trakt": 5, "tmdb": 5}}
_FILM = {"title": "A", "year": 2001, **_IDS}
_PLAYS = [
    {"id": 1, "watched_at": WHEN, "type": "movie", "movie": _FILM},
    {
        "id": 2,
        "watched_at": WHEN,
        "type": "episode",
        "show": {"title": "B", "year": 2001, **_IDS},
        "episode": {"season": 1, "number": 2, "ids": {"trakt": 7}},
    },
]
_GROUP = {"watched_at": WHEN, "paused_at": WHEN}
#: What Trakt answers, by the end of the path.
ANSWERS: dict[str, Any] = {
    "/sync/last_activities": {"movies": _GROUP, "episodes": _GROUP},
    "/sync/history": _PLAYS,
    "/watched/movies": {"5": [WHEN]},
    "/watched/shows": {"5": {"1": {"7": [WHEN]}}},
    "/sync/playback": [_PLAYS[0] | {"progress": 5.0, "paused_at": WHEN}],
    "/users/settings": {"user": {"username": "ada"}},
}
_YEARS = (1, 999, 1799, 1800, 2199, 2200, 9999)
_ZONES = ("Z", "+14:00", "+23:59", "-14:00", "-23:59", "")
#: Moments of which each can be written, and many cannot be reckoned with.
MOMENTS: list[Any] = [
    *(
        f"{year:04}-{day}{zone}"
        for year in _YEARS
        for day in ("01-01T00:00:00", "12-31T23:59:59.999999")
        for zone in _ZONES
    ),
    *("2024-13-01T00:00:00Z", "never", "", None, True, -1, 253_402_300_799, 1e300, []),
]
FIELDS = [
    (route, place)
    for route, answer in ANSWERS.items()
    for place, _ in put_each(answer, WHEN, [None])
]


def spoilt(route: str, place: str) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Yield all answers with one moment in that field of one of them."""
    for moment in MOMENTS:
        documents = dict(put_each(ANSWERS[route], WHEN, [moment]))
        yield moment, ANSWERS | {route: documents[place]}


def source(answers: Callable[[], Mapping[str, Any]], date: str | None) -> TraktSource:
    headers = {"X-Pagination-Page-Count": "1", **({"Date": date} if date else {})}

    def answer(_method: str, url: URL) -> Told:
        route = next(route for route in ANSWERS if route in url.path)
        kinds = {"movies": [0], "shows": [1]}.get(url.path.split("/")[-2])
        told = answers()[route]
        if route == "/sync/history" and kinds is not None:  # of one title
            told = [told[kind] for kind in kinds]
        return Told(json.dumps(told).encode(), headers=headers)

    http = HttpClient(
        "Trakt",
        "https://trakt.test",
        session=Hostile(answer).session,
        clock=FakeClock(),
        retry=RetryPolicy(attempts=1),
    )
    return TraktSource(TraktClient(http), concurrency=2, clock=FakeClock())


def on_page(_done: int, _total: int) -> None:
    """Nobody looks."""


@pytest.mark.parametrize("date", [DATE, None, "Fri, 31 Dec 9999 23:59:59 -2359"])
@pytest.mark.parametrize(("route", "place"), FIELDS)
async def test_no_moment_takes_a_reading_with_it(
    route: str, place: str, date: str | None
) -> None:
    for moment, answers in spoilt(route, place):
        try:
            await read_all(answers, date)
        except Exception as error:
            error.add_note(f"{route} {place}: {moment!r}")
            raise


async def read_all(answers: Mapping[str, Any], date: str | None) -> None:
    """Read everything that a run reads, first and later; nothing may be lost."""
    told: Mapping[str, Any] = answers
    trakt = source(lambda: told, date)
    whole = await trakt.extract(on_page)
    assert whole.read == len(_PLAYS)
    assert whole.read_at is not None
    assert whole.read_at < datetime(2200, 1, 2, tzinfo=UTC)
    points, left_out = await trakt.resume_points()
    assert len(points) + len(left_out) <= 1, "one that has no time is no point"
    await trakt.owner()
    plays, still = trakt.reread(whole.quarantined)
    assert len(plays) + len(still) == len(whole.quarantined)
    told = ANSWERS
    known = await trakt.extract(on_page)
    assert known.read_at is not None
    told = answers
    stamps = await trakt.stamps()
    await trakt.find_even({"movie:5": "a"}, known.read_at, {*Kind}, on_page)
    try:
        later = await trakt.extract_changes(known, stamps, {*Kind}, on_page)
    except ServiceError:
        return
    assert later.read == len(_PLAYS)


@pytest.mark.parametrize("stamp", ["9999-12-31T23:59:59Z", "9999-12-31T05:00:00+14:00"])
async def test_a_stamp_at_the_end_of_time_tells_neither_the_time_nor_a_change(
    stamp: str,
) -> None:
    group = {"watched_at": stamp, "paused_at": WHEN}
    ahead = [_PLAYS[0] | {"watched_at": "2199-06-01T00:00:00Z"}, _PLAYS[1]]
    answers = ANSWERS | {
        "/sync/last_activities": {"movies": group, "episodes": group},
        "/sync/history": ahead,
    }
    trakt = source(lambda: answers, None)
    extraction = await trakt.extract(on_page)
    assert extraction.read_at == FakeClock().now()
    assert [record.history_id for record in extraction.quarantined] == [1]
    assert extraction.stamps is not None
    assert extraction.stamps["movies.watched_at"] is None


async def test_where_trakt_does_not_tell_the_time_it_is_that_of_its_newest_stamp() -> (
    None
):
    at = FakeClock().now() + timedelta(days=9)
    group = {"watched_at": at.isoformat(), "paused_at": WHEN}
    answers = ANSWERS | {"/sync/last_activities": {"movies": group}}
    extraction = await source(lambda: answers, None).extract(on_page)
    assert extraction.read_at == at


_FAR = [timedelta(days=days) for days in (1.01, 2, 30, 400, 1_826, 9_000, 60_000)]
APART = [way * far for far in _FAR for way in (1, -1)]


def telling(off: timedelta) -> str:
    return format_datetime(FakeClock().now() + off, usegmt=True)


@pytest.mark.parametrize("off", APART, ids=str)
async def test_a_clock_of_trakt_that_is_far_from_ours_is_not_believed(
    off: timedelta,
) -> None:
    now = FakeClock().now()
    ahead = now + timedelta(days=1.005)
    plays = [_PLAYS[0] | {"watched_at": ahead.isoformat()}, _PLAYS[1]]
    told: Mapping[str, Any] = ANSWERS | {"/sync/history": plays}
    trakt = source(lambda: told, telling(off))
    whole = await trakt.extract(on_page)
    assert whole.read_at == now
    assert [record.history_id for record in whole.quarantined] == [1]
    stamps = await trakt.stamps()
    told = ANSWERS
    later = await trakt.extract_changes(whole, stamps, {*Kind}, on_page)
    assert later.read_at == now
    assert not later.quarantined


@pytest.mark.parametrize("hours", [-24, -12, -1, 0, 1, 12, 24])
async def test_within_a_day_of_ours_the_clock_of_trakt_counts(hours: int) -> None:
    off = timedelta(hours=hours)
    extraction = await source(lambda: ANSWERS, telling(off)).extract(on_page)
    assert extraction.read_at == FakeClock().now() + off


@pytest.mark.parametrize("days", [2, 400, 9_000])
async def test_where_our_clock_is_behind_the_newest_stamp_counts(days: int) -> None:
    at = FakeClock().now() + timedelta(days=days)
    group = {"watched_at": at.isoformat(), "paused_at": WHEN}
    answers = ANSWERS | {"/sync/last_activities": {"movies": group}}
    date = telling(timedelta(days=days + 3))
    extraction = await source(lambda: answers, date).extract(on_page)
    assert extraction.read_at == at
