"""What a record may be about that cannot be read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.domain.histories import TitleHistory
from sync.domain.plays import Ids, Key, Kind, Title
from sync.pipeline.unreadable import held_there
from sync.ports import HISTORY_ID, Quarantined
from tests.factories import film, play, show

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
