"""Whatever a source of the caller's hands over: set aside or refused, never a crash."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import ServiceError
from sync import api
from sync.domain.plays import Ids, Kind, Play, Title
from sync.domain.resume import ResumePoint
from sync.errors import IncompleteReadError
from sync.extract.handed import Handed
from sync.ports import Extraction, Quarantined, Receipt
from sync.sandbox.account.synthetic import synthetic_account
from tests.factories import at
from tests.library_suite.test_own_source import Letterbook, plays_of, without_trakt
from tests.worlds import world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Promising(Letterbook):
    """One that may promise more than it brings."""

    receipt: Receipt | None = None

    async def extract(self, on_page: Callable[[int, int], None]) -> Extraction:
        taken = await super().extract(on_page)
        return replace(taken, receipt=self.receipt or taken.receipt)


NOW = datetime(2026, 6, 1, tzinfo=UTC)
FILM = Title(Kind.FILM, "Stalker", 1979, Ids(tmdb=1398))
SHOW = Title(Kind.SHOW, "Twin Peaks", 1990, Ids(trakt=7, imdb="tt1", tmdb=1920))
PLAYS = [Play(FILM, at(1), id=1), Play(SHOW, at(2), 1, 2, 2, 3, Ids(tvdb=4))]
#: What no field of any of them can be, or what only some can.
ODD: tuple[Any, ...] = (
    None,
    "text",
    "",
    "a\0b",
    "\ud800",
    b"bytes",
    3.5,
    float("nan"),
    True,
    0,
    -1,
    2**70,
    object(),
    [],
    {1: 2},
    (1,),
    at(3).replace(tzinfo=None),
    datetime.max.replace(tzinfo=timezone(-timedelta(hours=5))),
    datetime(1700, 1, 1, tzinfo=UTC),
    datetime(2090, 1, 1, tzinfo=UTC),
    Kind.SHOW,
    FILM,
    Ids(),
    Ids(tmdb=-4),
    Title(Kind.SHOW, "", ids=Ids()),
)


def extraction(plays: Any = PLAYS, **changes: Any) -> Extraction:
    receipt = Receipt("a letterbook", len(plays))
    return replace(Extraction(plays, receipt, [Quarantined("row 1", "")]), **changes)


async def hand(given: object) -> Extraction:
    async def call() -> object:
        return given

    return await Handed("Letterbook", NOW).extraction(call())


def _spoiled(record: Any) -> Iterator[Any]:
    """Put each odd thing in the place of each field."""
    for odd in ODD:
        if isinstance(record, Play):
            yield from (record._replace(**{name: odd}) for name in record._fields)
        else:
            for field in fields(record):
                yield replace(record, **{field.name: odd})


def _check_play(play: Play) -> None:
    """Hold what the rest of the program relies on, said once more and otherwise."""
    kinds = (Title, datetime, int | None, int | None, int | None, int | None)
    for value, kind in zip(play, (*kinds, Ids | None), strict=True):
        assert isinstance(value, kind), play
        assert not isinstance(value, bool), play
    title, numbers = play.title, (play.season, play.episode)
    assert type(title.kind) is Kind
    assert (None in numbers) is (title.kind is Kind.FILM)
    assert (numbers == (None, None)) is (title.kind is Kind.FILM)
    assert title.name.encode() or title.ids.known()
    assert all(n is None or n >= 0 for n in numbers)
    for of in (title.ids, play.episode_ids or Ids()):
        for name, number in of.known().items():
            is_number = name in {"trakt", "tmdb", "tvdb"}
            assert isinstance(number, int if is_number else str)
            assert not isinstance(number, int) or 0 < number < 2**63
    assert play.watched_at.tzinfo is UTC
    assert (play.watched_at.second, play.watched_at.microsecond) == (0, 0)
    assert play.watched_at <= NOW + timedelta(days=1)


@pytest.mark.parametrize("place", [0, 1], ids=["film", "show"])
async def test_a_play_with_anything_in_any_field_is_whole_or_set_aside(
    place: int,
) -> None:
    of = PLAYS[place]
    titles = [of._replace(title=title) for title in _spoiled(of.title)]
    ids = [
        of._replace(title=replace(of.title, ids=ids)) for ids in _spoiled(of.title.ids)
    ]
    for play in (*_spoiled(of), *titles, *ids, *ODD):
        taken = await hand(extraction([PLAYS[0], play, PLAYS[1]]))
        assert len(taken.plays) + len(taken.quarantined) == 4
        assert {PLAYS[0], PLAYS[1]} <= {*taken.plays}
        for good in taken.plays:
            _check_play(good)
        for record in taken.quarantined[1:]:
            assert record.reason
            assert record.where.startswith("play ")
            again = await hand(extraction([PLAYS[0], play, PLAYS[1]]))
            assert again.quarantined[1].identity == record.identity


@pytest.mark.parametrize(
    ("record", "put"),
    [
        (extraction(), lambda e: e),
        (Receipt("x", 2), lambda r: extraction(receipt=r)),
        (Quarantined("row 1", "", title=FILM), lambda q: extraction(quarantined=[q])),
    ],
    ids=["extraction", "receipt", "quarantined"],
)
async def test_what_is_no_extraction_is_refused_in_words(
    record: Any, put: Callable[[Any], object]
) -> None:
    refused = []
    for given in (*map(put, _spoiled(record)), *ODD):
        try:
            taken = await hand(given)
        except ServiceError as error:
            refused.append(error)
            continue
        assert {*map(type, taken.plays)} <= {Play}
        assert {*map(type, taken.quarantined)} <= {Quarantined}
    assert len(refused) > len(ODD)
    for said in refused:
        assert said.message.startswith("The source Letterbook cannot be used: ")
        assert "sync.ports" in said.remedy


async def test_a_receipt_for_what_did_not_come_proves_nothing() -> None:
    for plays, is_whole in ((2, True), (3, True), (1, False), (4, False), (0, False)):
        taken = await hand(extraction(receipt=Receipt("x", plays)))
        assert taken.receipt.is_whole is is_whole
    taken = await hand(extraction(receipt=Receipt("x", 2, announced=9)))
    assert not taken.receipt.is_whole


async def test_a_resume_point_with_anything_in_it_is_whole_or_set_aside() -> None:
    good = ResumePoint(SHOW, 40.0, at(1), 1, 2)
    handed = Handed("Letterbook", NOW)
    for point in (*_spoiled(good), *ODD):

        async def call(one: object = point) -> object:
            return [one, good], []

        points, aside = await handed.resume_points(call())
        assert len(points) + len(aside) == 2
        assert points[-1] is good
        assert all(0 <= p.progress <= 100 and p.paused_at.tzinfo for p in points)
    for odd in (*ODD, (1, 2, 3), ([], None)):
        with pytest.raises(ServiceError):
            handed.reread(odd)


@pytest.mark.parametrize("beside", [7, -1, None, "many"])
async def test_no_play_counts_that_was_not_handed_over(beside: Any) -> None:
    assert (await hand(extraction(beside=beside))).beside == 0


async def test_a_method_that_is_no_coroutine_is_said() -> None:
    with pytest.raises(ServiceError, match="async is missing"):
        await Handed("x", NOW).extraction(extraction())  # type: ignore[arg-type]


async def test_bad_plays_stop_no_other_and_are_named(tmp_path: Path) -> None:
    async with world(synthetic_account(12, 1, seed=2), tmp_path) as place:
        good = plays_of(place)
        east = timezone(timedelta(hours=9))
        moved = good[0].watched_at.astimezone(east) + timedelta(seconds=31)
        bad: list[Any] = [
            good[0]._replace(watched_at=moved.replace(tzinfo=None), id=901),
            Play(FILM, at(1), 1, 1, 902),
            Play(SHOW, at(1), id=903),
            "no play at all",
        ]
        source = Promising([good[0]._replace(watched_at=moved), *good[1:], *bad])
        settings = without_trakt(place)
        report = await api.migrate(settings, source=source)
        assert report.is_complete
        assert report.balance()[0].read == len(good) + len(bad)
        reasons = [q.reason for q in report.prepared.compared.extraction.quarantined]
        assert len(reasons) == len(bad)
        assert "time zone" in reasons[0]
        first = good[0].watched_at
        watched = report.prepared.compared.desired.watched.values()
        assert first in {time for viewing in watched for time in viewing.times}
        sent = place.writes()
        assert (await api.sync(settings, source=source)).is_complete
        assert place.writes() == sent
        receipt = Receipt("a letterbook", len(source.plays) + 1)
        source.receipt = receipt
        with pytest.raises(IncompleteReadError, match="came"):
            await api.migrate(settings, source=source)
