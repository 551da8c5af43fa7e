"""A copy against a profile, without either: every entry has one place."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.domain.entries import Entry
from sync.domain.plan import Action, Operation, Restored
from sync.domain.plays import UNKNOWN_DATE, Key, to_minute
from sync.domain.restoring import (
    Changed,
    compare_copy,
    is_low,
    keeps_its_minute,
    to_entry,
    to_operations,
    why_impossible,
)
from sync.domain.writes import Outcome, Row
from tests.long import examples
from tests.restore_suite.copies import TIMES, entries, own
from tests.safety.accounts import watched_on

FILM = Key("MV_1")
lists = st.lists(entries(st.none() | TIMES), max_size=12)
few = examples(10, 25, 500)


def row(key: Key, day: float, restored: Restored | None = None) -> Row:
    at = watched_on(day)
    operation = Operation(Action.ADD, key, at, restored=restored)
    return Row(1, "p", operation, Outcome.APPLIED, at, at)


def told_apart(copied: list[Entry]) -> set[tuple[Key, object]]:
    minutes = ((e.key, e.updated_at and to_minute(e.updated_at)) for e in copied)
    return {*minutes}


@few
@given(lists, lists, st.randoms(use_true_random=False))
def test_every_entry_is_in_one_place_in_any_order(
    copied: list[Entry], there: list[Entry], random: object
) -> None:
    found = compare_copy(copied, there)
    places = [*found.missing, *found.there]
    places += [c.copied for c in found.changed] + [i.entry for i in found.impossible]
    assert Counter(
        (e.key, e.updated_at and to_minute(e.updated_at)) for e in places
    ) == Counter(told_apart(copied))
    shuffled, others = list(copied), list(there)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    random.shuffle(others)  # type: ignore[attr-defined]
    again = compare_copy(shuffled, others)
    if len(told_apart(copied)) == len(copied):
        for name in ("missing", "there", "impossible"):
            assert {*getattr(again, name)} == {*getattr(found, name)}


@few
@given(lists)
def test_nothing_is_missing_of_what_is_there_as_in_the_copy(
    copied: list[Entry],
) -> None:
    found = compare_copy(copied, copied)
    assert len(found.there) == len(told_apart(copied))


@few
@given(lists, lists)
def test_once_it_is_back_nothing_is_missing(
    copied: list[Entry], there: list[Entry]
) -> None:
    found = compare_copy(copied, there)
    assert not any(map(why_impossible, found.missing))
    again = compare_copy(copied, [*there, *found.missing])
    assert again.missing == ()
    assert len(again.changed) <= len(found.changed) + len(found.impossible)


@few
@given(lists)
def test_what_limits_a_default_goes_before_it_and_the_rest_by_age(
    copied: list[Entry],
) -> None:
    operations = to_operations(compare_copy(copied, ()).missing)
    assert len({o.id for o in operations}) == len(operations)
    for number, operation in enumerate(operations):
        if operation.is_default:
            later = operations[number + 1 :]
            place = operation.key.place
            assert all(o.is_default or o.key.place != place for o in later)
    films = [o for o in operations if o.key.season is None]
    assert all(a.watched_at <= b.watched_at for a, b in pairwise(films))
    for operation in operations:
        assert (operation.progress >= 80) is (operation.says >= 80)


def test_what_we_wrote_since_does_not_stand_in_for_the_persons() -> None:
    mine, ours = own(FILM, 30, day=1), own(FILM, 100, day=2, label="trakt")
    found = compare_copy([mine], [ours], [row(FILM, 2)], {"trakt"})
    assert found.missing == (mine,)
    found = compare_copy([mine], [ours], [], {"trakt"})
    assert [c.now for c in found.changed] == [ours]


def test_what_the_person_did_since_is_left_as_it_is() -> None:
    copied = [own(FILM, 30, day=1), own(Key("MV_2"), 100, day=1)]
    there = [own(FILM, 100, day=1), own(Key("MV_2"), 100, day=9)]
    found = compare_copy(copied, there)
    assert found.missing == ()
    assert [c.now for c in found.changed] == there


def test_behind_a_merged_entry_stands_what_was_written_before_anything_else() -> None:
    mine, newest = own(FILM, day=1), own(FILM, day=9)
    merged = Entry(FILM, newest.updated_at, 100, None, count=2)
    back = row(FILM, 1, Restored(100, None, mine.updated_at))
    assert compare_copy([mine], [merged], [back]).there == (mine,)
    ours = row(FILM, 5)
    found = compare_copy([mine], [merged], [ours], {"trakt"})
    assert not found.there


def test_what_discovr_would_not_take_is_named_with_a_reason() -> None:
    odd = [
        own(Key("XX_1")),
        own(Key("MV_1", 1)),
        own(Key("TV_1")),
        own(Key("TV_1", 1, -2)),
        own(FILM, 120),
        Entry(Key("TV_1", 1), None, 100),
    ]
    found = compare_copy(odd, ())
    assert len(found.impossible) == len(odd)
    assert all(i.reason for i in found.impossible)
    assert len({i.reason for i in found.impossible}) == len(odd)


def test_the_minute_tells_an_entry_as_services_keep_less_of_a_time() -> None:
    exact = own(FILM)
    assert exact.updated_at
    cut = Entry(FILM, exact.updated_at + timedelta(seconds=20), 100)
    assert compare_copy([exact], [cut]).there == (exact,)


def test_a_change_is_about_the_newest_and_the_older_ones_are_missing() -> None:
    copied = [own(FILM, day=day) for day in (3, 1, 2)]
    found = compare_copy(copied, [own(FILM, day=9)])
    assert [c.copied for c in found.changed] == [own(FILM, day=3)]
    assert found.missing == (own(FILM, day=1), own(FILM, day=2))


EPISODE = Key("TV_1", 1, 1)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (own(FILM, 0), ""),
        (own(FILM, 100), ""),
        (own(FILM, -0.5), "progress"),
        (own(FILM, 100.5), "progress"),
        (own(EPISODE, 30), ""),
        (own(Key("TV_1", 1), 100), ""),
        (own(Key("TV_1", 0, 1), 100), "of that number"),
        (own(Key("TV_1", 1, 0), 100), "of that number"),
        (own(Key("TV_1", 2**31 - 1, 2**31 - 1), 100), ""),
        (own(Key("TV_1", 2**31, 1), 100), "of that number"),
        (own(Key("TV_1", 1, 2**31), 100), "of that number"),
        (own(Key("TV_1"), 100), "without its season"),
        (own(Key("MV_1", 1), 100), "neither season nor episode"),
        (own(Key("MV_1", None, 1), 100), "neither season nor episode"),
        (own(Key("TV_x", 1, 1), 100), "under this id"),
        (own(Key("MV_1" + 18 * "0"), 100), "under this id"),
        (replace(own(Key("TV_1", 1), 100), updated_at=None), "has no time"),
        (replace(own(EPISODE, 100), updated_at=None), ""),
        (replace(own(FILM, 100), updated_at=None), ""),
    ],
)
def test_what_discovr_would_not_take_is_named(entry: Entry, words: str) -> None:
    reason = why_impossible(entry)
    assert words in reason
    assert bool(reason) is bool(words)


def test_of_one_minute_the_one_that_counts_is_brought_back() -> None:
    low, high = own(FILM, 30, day=1), own(FILM, 90, day=1)
    for copied in ([low, high], [high, low]):
        assert compare_copy(copied, ()).missing == (high,)


def test_an_undated_entry_is_there_by_its_key_alone() -> None:
    undated = replace(own(FILM, 30), updated_at=None)
    there = own(FILM, 30, day=9)
    assert compare_copy([undated], [there]).there == (undated,)
    assert compare_copy([undated], [own(Key("MV_2"), 30)]).missing == (undated,)
    # One that has a time is not there by one that has none.
    assert compare_copy([there], [undated]).there == ()


def test_what_is_listed_at_its_minute_counts_by_its_progress() -> None:
    copied, half = own(FILM, 100, day=1), own(FILM, 50, day=1)
    assert compare_copy([copied], [half]).changed == (Changed(copied, half),)
    assert compare_copy([copied], [half, copied]).there == (copied,)


@pytest.mark.parametrize(
    ("count", "days", "there", "missing"),
    [
        (1, [], [], [1, 2, 3]),
        (2, [], [1], [2, 3]),
        (3, [], [1, 2], [3]),
        # What we wrote, and is not listed, is what hides.
        (2, [3], [3], [1, 2]),
        (3, [3], [1, 3], [2]),
        (2, [9], [1], [2, 3]),  # that one is listed
        (3, [2, 3], [2, 3], [1]),
        (2, [2, 3], [2, 3], [1]),  # more than can hide: no other does
    ],
)
def test_as_many_as_hide_behind_a_merged_entry_are_there(
    count: int, days: list[float], there: list[int], missing: list[int]
) -> None:
    copied = [own(FILM, 100, day=day) for day in (1, 2, 3)]
    # It is ours, so that it stands in for none of the person's.
    now = [replace(own(FILM, 100, day=9, label="trakt"), count=count)]
    rows = [row(FILM, day) for day in {*days, 9}]
    found = compare_copy(copied, now, rows, {"trakt"})
    assert sorted(found.there, key=lambda e: str(e.updated_at)) == [
        copied[n - 1] for n in there
    ]
    assert found.missing == tuple(copied[n - 1] for n in missing)


def test_what_was_put_in_their_place_stands_in_for_the_newest() -> None:
    copied = [own(FILM, 100, day=day) for day in (1, 2, 3)]
    others = [own(FILM, 50, day=11), own(FILM, 60, day=12)]
    for there in (others, others[::-1]):
        found = compare_copy(copied, there)
        pairs = [(c.copied, c.now) for c in found.changed]
        assert pairs == [(copied[2], others[1]), (copied[1], others[0])]
        assert found.missing == (copied[0],)


def test_what_a_copy_brought_back_stands_in_as_the_persons() -> None:
    back = row(FILM, 9, Restored(100, "trakt", watched_on(9)))
    there = own(FILM, 100, day=9, label="trakt")
    found = compare_copy([own(FILM, 100, day=1)], [there], [back], {"trakt"})
    assert [c.now for c in found.changed] == [there]


def test_a_default_waits_for_the_newest_of_its_season_alone() -> None:
    season, beside = own(Key("TV_1", 1), 100, day=1), own(EPISODE, 30, day=5)
    apart, last = own(Key("TV_1", 2, 1), 100, day=7), own(FILM, 100, day=8)
    first = own(Key("TV_1", 2), 100, day=2)
    operations = to_operations([first, season, last, apart, beside])
    keys = [operation.key for operation in operations]
    assert keys == [e.key for e in (beside, season, apart, first, last)]


def test_a_progress_is_cut_and_a_missing_time_goes_first() -> None:
    undated = replace(own(FILM, 79.6, label="x"), updated_at=None)
    first, second = to_operations([own(Key("MV_2"), 100, day=1), undated])
    assert (first.key, first.progress, first.says) == (FILM, 79, 79.6)
    assert first.watched_at == UNKNOWN_DATE
    assert to_entry(first) == undated
    assert to_entry(second) == own(Key("MV_2"), 100, day=1)
    assert is_low(first)
    assert not is_low(second)
    assert not is_low(to_operations([own(FILM, 80)])[0])


@pytest.mark.parametrize(
    ("restored", "keeps"),
    [
        (None, True),
        (Restored(100, None, watched_on(1)), True),
        (Restored(80, None, watched_on(1)), True),
        (Restored(79, None, watched_on(1)), False),  # PATCH may move it
        (Restored(100), False),
    ],
)
def test_an_entry_is_known_by_its_minute_where_nothing_moves_it(
    restored: Restored | None, *, keeps: bool
) -> None:
    assert keeps_its_minute(row(FILM, 1, restored)) is keeps
