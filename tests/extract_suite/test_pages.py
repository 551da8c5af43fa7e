"""What pages brought, held against the minimal lists."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.errors import ContractError
from connectors.trakt.client import HistoryPage
from connectors.trakt.models import HistoryItem
from connectors.trakt.set_aside import BadRecord
from sync.domain.desired import SPECIAL
from sync.extract import pages
from sync.extract.pages import MinimalCounts, PageCollector
from sync.extract.records import PlayMapper, UnusableRecordError
from tests.factories import T0


def film(number: int, trakt: int = 1, **fields: Any) -> HistoryItem:
    known = {
        "id": number,
        "watched_at": T0,
        "type": "movie",
        "movie": {"title": f"Film {trakt}", "year": 2000, "ids": {"trakt": trakt}},
    }
    return HistoryItem.model_validate(known | fields)


def episode(number: int, trakt: int, **fields: Any) -> HistoryItem:
    known = {
        "id": number,
        "watched_at": T0,
        "type": "episode",
        "show": {"title": "Show", "year": 2001, "ids": {"trakt": 7}},
        "episode": {"season": 1, "number": trakt, "ids": {"trakt": trakt}},
    }
    return HistoryItem.model_validate(known | fields)


def collector(*items: HistoryItem, bad: tuple[BadRecord, ...] = ()) -> PageCollector:
    found = PageCollector(PlayMapper(T0))
    found.start_walk()
    found.add(HistoryPage(list(items), list(bad)))
    return found


def counts(films: dict[int, int], episodes: dict[int, int]) -> MinimalCounts:
    return MinimalCounts.from_api(
        {film: [T0] * plays for film, plays in films.items()},
        {7: {1: {number: [T0] * plays for number, plays in episodes.items()}}},
    )


def test_nothing_is_missing_where_the_counts_agree() -> None:
    found = collector(film(1), film(2), episode(3, 31))
    known = counts({1: 2}, {31: 1})
    assert not found.missing(known)
    assert found.surplus(known) == 0


def test_what_is_missing_is_named_by_the_title_that_other_plays_tell() -> None:
    found = collector(film(1), episode(3, 31))
    known = counts({1: 3, 9: 1}, {31: 1, 32: 1})
    missing = found.missing(known)
    assert found.describe(missing, known) == [
        "Film 1 (2000): 2 plays",
        "Show (2001): 1 play",
        "movie with Trakt id 9: 1 play",
    ]


def test_films_and_episodes_of_one_number_are_told_apart() -> None:
    found = collector(film(1, trakt=5), episode(2, 6))
    assert found.missing(counts({6: 1}, {5: 1})).total() == 2


def test_a_repeat_counts_once_and_is_told() -> None:
    found = collector(film(1), film(1), film(2))
    assert len(found.plays) == 2
    assert found.repeats == 1
    assert found.surplus(counts({1: 1}, {})) == 1


def test_a_bad_record_is_delivered_though_it_is_no_play() -> None:
    bad = BadRecord("a", "is unreadable: watched_at", "movie", 1)
    found = collector(film(2), bad=(bad,))
    assert not found.missing(counts({1: 2}, {}))
    assert [q.reason for q in found.quarantined()] == ["is unreadable: watched_at"]


def test_a_nameless_bad_record_may_be_any_missing_play_but_only_one() -> None:
    found = collector(film(2), bad=(BadRecord("a", "is unreadable: no object"),))
    assert not found.missing(counts({1: 1}, {31: 1}))
    assert found.missing(counts({1: 1}, {31: 2})).total() == 2


def test_a_bad_record_met_again_is_still_one() -> None:
    bad = BadRecord("a", "is unreadable: no object")
    found = collector(film(2), bad=(bad,))
    found.add(HistoryPage([film(2)], [bad]))
    assert found.missing(counts({1: 1}, {31: 2})).total() == 2
    assert len(found.quarantined()) == 1


def test_two_bad_records_of_one_page_stay_two_however_few_come_later() -> None:
    bad = BadRecord("a", "is unreadable: no object")
    named = BadRecord("b", "is unreadable: watched_at", "movie", 1)
    found = collector(bad=(bad, bad, named, named))
    for later in ([bad, named], [bad, bad, named, named], []):
        found.add(HistoryPage([], later))
        assert (found.nameless, found.delivered) == (2, {("movie", 1): 2})
    found.add(HistoryPage([], [bad] * 3))
    assert found.nameless == 3
    assert len(found.quarantined()) == 5


def test_a_bad_record_with_an_id_of_its_own_is_one_though_it_comes_twice() -> None:
    bad = BadRecord("a", "is unreadable: watched_at", "movie", 1, history_id=5)
    found = collector(bad=(bad, bad))
    assert found.delivered == {("movie", 1): 1}


def test_a_record_that_is_no_play_is_set_aside_once_however_often_it_comes() -> None:
    odd = film(1, watched_at="1700-01-01T00:00:00Z")
    found = collector(odd, odd)
    found.start_walk()
    found.add(HistoryPage([odd], []))
    assert found.plays == {}
    assert not found.missing(counts({1: 1}, {}))
    assert len(found.quarantined()) == 1


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"watched_at": "0001-01-01T00:00:00Z"}, "year 1$"),
        ({"watched_at": "2999-01-01T00:00:00Z"}, "dated 2999-01-01, ahead of Trakt"),
        ({"watched_at": "9999-12-31T23:59:59-05:00"}, "no date in UTC"),
        ({"movie": None}, "neither a film nor an episode"),
        ({"type": "season"}, "neither a film nor an episode"),
        ({"type": "episode"}, "neither a film nor an episode"),
        (
            {"type": "episode", "episode": {"season": 1, "number": 2}},
            "without its show",
        ),
        (
            {
                "type": None,
                "show": {"title": "S"},
                "episode": {"season": -1, "number": 2},
            },
            "cannot be",
        ),
        (
            {
                "type": None,
                "show": {"title": "S"},
                "episode": {"season": 2**70, "number": 2},
            },
            "cannot be",
        ),
    ],
)
def test_what_cannot_be_a_play_says_why(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(UnusableRecordError, match=why):
        PlayMapper(T0).play(film(1, **fields))


def test_an_unknown_date_is_a_play_and_seconds_are_cut() -> None:
    mapper = PlayMapper(T0)
    undated = mapper.play(film(1, watched_at="1970-01-01T00:00:00.000Z"))
    assert undated.watched_at.year == 1970
    exact = mapper.play(film(2, watched_at="2024-03-01T23:30:59.999+02:00"))
    assert exact.watched_at.isoformat() == "2024-03-01T21:30:00+00:00"


def test_equal_titles_are_one_object() -> None:
    mapper = PlayMapper(T0)
    assert mapper.play(film(1)).title is mapper.play(film(2)).title
    assert mapper.play(film(1)).title is not mapper.play(film(2, trakt=3)).title


def test_what_could_not_be_carried_over_anyway_says_so_and_not_how_it_is_written() -> (
    None
):
    special = '{"type": "episode", "episode": {"season": 0, "number": 1}}'
    bad = BadRecord("a", "is unreadable: watched_at", raw=special)
    found = PlayMapper(T0).set_aside(bad)
    assert (found.reason, found.is_unsupported) == (SPECIAL, True)
    other = PlayMapper(T0).set_aside(replace(bad, raw=special.replace("0", "3")))
    assert (other.reason, other.is_unsupported) == (bad.reason, False)


def test_more_records_than_any_account_has_are_refused_whatever_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pages, "MOST_PLAYS", 2)
    odd = film(8, watched_at="1700-01-01T00:00:00Z")
    unreadable = BadRecord("a", "is unreadable: no object")
    for items, bad in (
        ([film(1), film(2), film(3)], []),
        ([film(1), odd, film(9, watched_at="1700-01-01T00:00:00Z")], []),
        ([film(1), odd], [unreadable]),
        ([], [unreadable, replace(unreadable, identity="b"), BadRecord("c", "is")]),
    ):
        found = collector(*items[:1], bad=tuple(bad[:1]))
        found.add(HistoryPage(items[1:], bad[1:]))
        with pytest.raises(ContractError, match="more than 2 plays, and no end"):
            found.add(HistoryPage([], []))
    found = collector(film(1), bad=(unreadable,))
    found.add(HistoryPage([], []))
