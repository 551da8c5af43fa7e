"""What a source held before, and when it is asked whose it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sync.domain.histories import TitleHistory
from sync.domain.plays import Key, Play, Title, title_key
from sync.domain.sources import SourceRecord
from sync.domain.sums import Rest, Sums
from sync.pipeline.holdings import (
    Holding,
    Holdings,
    continue_holding,
    find_holding,
)
from sync.ports import Extraction, Receipt
from tests.clocks import FakeClock
from tests.factories import desired, film, play

MINE, ANOTHER = frozenset({"name:me"}), frozenset({"name:you"})
FIRST, SECOND = play(film(1)), play(film(2))


def history(one: Play) -> TitleHistory:
    return TitleHistory(one.title, f"MV_{one.title.ids.tmdb}", (one,))


def test_a_source_lacks_what_it_held_and_is_neither_watched_nor_left_out() -> None:
    titles: list[Title] = [film(n) for n in (1, 2, 3)]
    known = {title_key(t): history(play(t)) for t in titles}
    left_out = frozenset({Key("MV_503")})
    holding = Holding(SourceRecord("trakt"), known=known, aside=left_out)
    assert holding.lacks({Key("MV_501")}) == {Key("MV_502")}
    other = Holding(SourceRecord("trakt"), known=known, can_lack=False)
    assert other.lacks(set()) == frozenset()


class Account:
    """A source that says whose it is, and counts how often."""

    def __init__(self, owner: frozenset[str]) -> None:
        self._owner = owner
        self.asked = 0

    async def owner(self) -> frozenset[str]:
        self.asked += 1
        return self._owner


@pytest.mark.parametrize(
    ("noted", "is_read", "plays", "asked"),
    [
        (MINE, True, [FIRST, SECOND], 0),
        (MINE, False, [FIRST, SECOND], 0),
        (frozenset(), False, [FIRST, SECOND], 0),
        (frozenset(), True, [FIRST, SECOND], 1),
        (MINE, False, [FIRST], 1),
        (MINE, True, [FIRST], 1),
    ],
)
async def test_an_account_is_asked_for_its_name_where_that_matters(
    noted: frozenset[str], *, is_read: bool, plays: list[Play], asked: int
) -> None:
    record = SourceRecord("trakt", "trakt", noted)
    before = {"trakt": [history(FIRST), history(SECOND)]}
    found = {}
    for owner in (MINE, ANOTHER):
        source = Account(owner)
        services: Any = SimpleNamespace(source=source, clock=FakeClock())
        extraction = Extraction(plays, Receipt("trakt", len(plays)))
        holding = await continue_holding(
            services,
            Holdings([record], before),
            ("trakt", is_read),
            extraction,
            desired(*plays),
        )
        assert source.asked == asked
        found[owner] = holding and holding.record.owner
    is_refused = asked and noted
    assert found[MINE] == (MINE if asked or noted else noted)
    assert found[ANOTHER] == (None if is_refused else ANOTHER if asked else noted)


async def test_titles_that_stayed_as_they_were_tell_whose_a_reading_is() -> None:
    """Nobody looks at them, and what is new is in nothing that is known."""
    record = SourceRecord("trakt", "trakt")
    rest = Rest({title_key(FIRST.title): Sums("", "MV_501", 1, 1, 0, 0, 1)})
    extraction = Extraction([SECOND], Receipt("trakt", 2), beside=1)
    found = []
    for beside in (rest, Rest()):
        services: Any = SimpleNamespace(source=Account(MINE), clock=FakeClock())
        holdings = Holdings([record], {"trakt": []}, rest=beside)
        found.append(
            await continue_holding(
                services, holdings, ("trakt", True), extraction, desired(SECOND)
            )
        )
    assert found[0]
    assert found[0].record.owner == MINE
    assert found[1] is None


async def test_a_source_that_nobody_noted_is_not_gone_on_with() -> None:
    services: Any = SimpleNamespace(source=Account(MINE), clock=FakeClock())
    extraction = Extraction([], Receipt("trakt", 0))
    assert (
        await continue_holding(
            services, Holdings([], {}), ("trakt", True), extraction, desired()
        )
        is None
    )


async def test_a_source_that_names_no_account_is_gone_on_with_unasked() -> None:
    services: Any = SimpleNamespace(source=SimpleNamespace(), clock=FakeClock())
    record = SourceRecord("trakt", "trakt")
    found = await continue_holding(
        services,
        Holdings([record], {"trakt": [history(FIRST), history(SECOND)]}),
        ("trakt", True),
        Extraction([FIRST], Receipt("trakt", 1)),
        desired(FIRST),
    )
    assert found is not None
    assert found.record.owner == frozenset()


class WholeAccount(Account):
    """One that can also tell what changed, so that it leads to one account."""

    async def extract(self, *_: Any) -> None: ...
    async def stamps(self) -> None: ...
    async def extract_changes(self, *_: Any) -> None: ...


@pytest.mark.parametrize(
    ("others", "plays", "asked"),
    [
        ([], [FIRST, SECOND], 0),
        ([SourceRecord("file:2")], [FIRST, SECOND], 0),
        ([SourceRecord("file:2", "", ANOTHER)], [FIRST, SECOND], 1),
        ([], [FIRST], 1),
    ],
)
async def test_a_whole_reading_asks_whose_it_is_where_another_is_known_or_any_went(
    others: list[SourceRecord], plays: list[Play], asked: int
) -> None:
    records = [SourceRecord("trakt", "trakt", MINE), *others]
    before = {"trakt": [history(FIRST), history(SECOND)]}

    async def holdings(_profile: str, _titles: Any) -> Any:
        return records, before

    async def sums(_profile: str) -> Any:
        return {}

    source = WholeAccount(MINE)
    services: Any = SimpleNamespace(
        source=source,
        clock=FakeClock(),
        ledger=SimpleNamespace(holdings=holdings, sums=sums),
    )
    extraction = Extraction(plays, Receipt("trakt", len(plays)))
    found = await find_holding(services, "p", extraction, desired(*plays))
    assert source.asked == asked
    assert (found.record.id, found.record.owner) == ("trakt", MINE)
