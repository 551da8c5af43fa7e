"""What a record may be about that cannot be read."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.histories import TitleHistory
from sync.domain.plays import Ids, Key, Kind, Title
from sync.domain.sources import SourceRecord
from sync.ledger.records import UnreadableRow
from sync.pipeline.holdings import Holding
from sync.pipeline.unreadable import Unreadable, gather, held_there
from sync.ports import HISTORY_ID, Extraction, Quarantined, Receipt
from sync.runtime.version import program_version
from tests.factories import at, film, play, show

if TYPE_CHECKING:
    from sync.domain.plays import Play

PLAYED = play(film(1), id=7)
HISTORIES = [
    TitleHistory(film(1), "MV_901", (PLAYED,)),
    TitleHistory(film(2), "MV_902", (play(film(2)),)),
    TitleHistory(show(1), "TV_901", (play(show(1)),)),
    TitleHistory(film(4), None, (play(film(4)),)),
]
FILMS = {Key("MV_901"), Key("MV_902")}
ALL = FILMS | {Key("TV_901", 1, 1)}


def bare(title: Title) -> Title:
    return replace(title, ids=Ids(trakt=title.ids.trakt))


@pytest.mark.parametrize(
    ("record", "held"),
    [
        (Quarantined("a", "is odd"), ALL),
        (Quarantined("a", "is odd", kind=Kind.FILM), FILMS),
        (Quarantined("a", "is odd", kind=Kind.SHOW), ALL - FILMS),
        (
            Quarantined("a", "is odd", title=bare(film(1)), kind=Kind.FILM),
            {Key("MV_901")},
        ),
        (Quarantined("a", "is odd", title=bare(show(1)), kind=Kind.SHOW), ALL - FILMS),
        (Quarantined("a", "is odd", title=bare(film(3)), kind=Kind.FILM), FILMS),
        (Quarantined("a", "is odd", title=bare(film(4)), kind=Kind.FILM), FILMS),
        (Quarantined("a", "is odd", title=film(402), kind=Kind.FILM), {Key("MV_902")}),
        (Quarantined("a", "is odd", title=film(403), kind=Kind.FILM), set()),
        (
            Quarantined("a", "is odd", kind=Kind.FILM, key=f"{HISTORY_ID} 7"),
            {Key("MV_901")},
        ),
    ],
)
def test_a_record_holds_its_title_else_its_kind_else_all(
    record: Quarantined, held: set[Key]
) -> None:
    assert held_there(ALL, [record], HISTORIES) == held


def kept(record: Quarantined, source: str = "mine", **fields: Any) -> UnreadableRow:
    known: dict[str, Any] = {
        "reader": "old",
        "first_seen": at(1),
        "last_seen": at(2),
    } | fields
    return UnreadableRow(source, record.identity, record, **known)


def odd(number: int, **fields: Any) -> Quarantined:
    return Quarantined(
        f"row {number}", "is odd", key=f"{HISTORY_ID} {number}", **fields
    )


async def gathered(
    before: list[UnreadableRow],
    now: list[Quarantined],
    plays: list[Play] | None = None,
    *,
    can_lack: bool = True,
) -> Unreadable:
    async def unreadable(_profile: str) -> list[UnreadableRow]:
        return before

    ledger: Any = SimpleNamespace(unreadable=unreadable)
    holding = Holding(SourceRecord("mine"), parts=("old",), can_lack=can_lack)
    receipt = Receipt("Trakt", 0)
    extraction = Extraction(plays or [], receipt, now)
    return await gather(ledger, "p", holding, extraction, at(9))


async def test_what_is_met_again_keeps_when_it_was_seen_and_told_first() -> None:
    told = kept(odd(1), reported_at=at(3))
    found = await gathered([told], [odd(1), odd(2)])
    again, new = found.rows
    assert (again.first_seen, again.last_seen) == (at(1), at(9))
    assert (again.reported_at, again.reader) == (at(3), program_version())
    assert (new.first_seen, new.last_seen, new.reported_at) == (at(9), at(9), None)
    assert found.unreported == (new,)
    assert found.is_news


async def test_what_another_source_lacks_stays_beside() -> None:
    mine, part = kept(odd(1)), kept(odd(2), "old")
    other = kept(odd(3), "other")
    found = await gathered([mine, part, other], [])
    assert (found.rows, found.others, found.is_news) == ((), (other,), True)
    assert [*found.holding()] == [other.record]
    found = await gathered([other], [])
    assert (found.rows, found.is_news) == ((), False)
    found = await gathered([], [odd(1)])
    assert (len(found.rows), found.is_news) == (1, True)


async def test_what_a_reading_says_nothing_about_stays_but_what_it_could_read() -> None:
    first, second = kept(odd(1)), kept(odd(2))
    read = [play(id=2)]
    found = await gathered([first, second], [odd(3)], read, can_lack=False)
    assert [row.record for row in found.rows] == [odd(1), odd(3)]
    whole = await gathered([first, second], [odd(3)], read)
    assert [row.record for row in whole.rows] == [odd(3)]


async def test_what_has_no_place_on_discovr_holds_nothing_and_is_told_elsewhere() -> (
    None
):
    unsupported = odd(1, is_unsupported=True)
    found = await gathered([kept(unsupported, "other")], [unsupported, odd(2)])
    assert [*found.holding()] == [odd(2)]
    assert [row.record for row in found.unreported] == [odd(2)]
