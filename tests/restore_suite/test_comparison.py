"""A copy against a profile, without either: every entry has one place."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.entries import Entry
from sync.domain.plan import Action, Operation, Restored
from sync.domain.plays import Key, to_minute
from sync.domain.restoring import compare_copy, to_operations, why_impossible
from sync.domain.writes import Outcome, Row
from tests.long import pick
from tests.restore_suite.copies import TIMES, entries, own
from tests.safety.accounts import watched_on

FILM = Key("MV_1")
lists = st.lists(entries(st.none() | TIMES), max_size=12)
few = settings(max_examples=pick(10, 25, 500))


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
