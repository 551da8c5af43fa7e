"""``plays = "all"``: every viewing stands in the profile once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sync.domain.balance import balance
from sync.domain.desired import transform
from sync.domain.entries import Entry
from sync.domain.origin import TRAKT
from sync.domain.plan import Action, Cover, Fate, Plan
from sync.domain.plays import Key, Place, to_minute
from sync.domain.reconcile import reconcile
from sync.domain.rewatches import _savings
from sync.domain.rules import Mode, Rules, SeasonRecord
from sync.domain.seasons import Airing, span_of
from tests.domain_suite.strategies import catalogues, plays
from tests.factories import at, entry, episode, film, play

if TYPE_CHECKING:
    from datetime import datetime

    from sync.domain.plan import Operation
    from sync.domain.plays import Play

EVERY = Rules(has_every_viewing=True)
AIRED = {n: Airing.from_instant(at(-900)) for n in range(1, 4)}
DATED = Rules(has_every_viewing=True, airings={Place("TV_501", 1): AIRED})


def plan(
    *history: Play, existing: tuple[Entry, ...] = (), rules: Rules = EVERY
) -> Plan:
    return reconcile(transform(history, {}), existing, rules)


def added(made: Plan) -> list[tuple[Key, datetime]]:
    assert all(o.action is Action.ADD for o in made.operations)
    return [(o.key, o.watched_at) for o in made.operations]


def test_each_viewing_of_a_film_is_an_entry_of_its_own() -> None:
    made = plan(play(film(1), at(5)), play(film(1), at(1)), play(film(1), at(1)))
    assert added(made) == [(Key("MV_501"), at(1)), (Key("MV_501"), at(5))]


def test_only_the_viewings_that_are_not_there_are_added() -> None:
    there = entry("MV_501", at(1, minutes=0))
    made = plan(play(film(1), at(5)), play(film(1), at(1)), existing=(there,))
    assert added(made) == [(Key("MV_501"), at(5))]


def test_viewings_listed_merged_are_known_by_the_ledger() -> None:
    there = entry("MV_501", at(5), count=2)
    known = Rules(has_every_viewing=True, written={Key("MV_501"): [at(1), at(5)]})
    history = play(film(1), at(5)), play(film(1), at(1)), play(film(1), at(3))
    made = plan(*history, existing=(there,), rules=known)
    assert added(made) == [(Key("MV_501"), at(3))]


def test_of_viewings_listed_merged_the_last_written_are_there() -> None:
    # All three went once; a PATCH of the person's left one entry, then two went again.
    there = entry("MV_501", at(9), imported=None, count=3)
    known = Rules(
        has_every_viewing=True, written={Key("MV_501"): [at(3), at(1), at(5)]}
    )
    history = play(film(1), at(1)), play(film(1), at(5))
    assert added(plan(*history, existing=(there,), rules=known)) == []


def test_viewings_merged_into_an_unfinished_entry_are_there() -> None:
    there = entry("MV_501", at(4), progress=5.0, imported=None, count=2)
    known = Rules(has_every_viewing=True, written={Key("MV_501"): [at(1)]})
    history = play(film(1), at(1)), play(film(1), at(5))
    made = plan(*history, existing=(there,), rules=known)
    assert added(made) == [(Key("MV_501"), at(5))]


def test_a_viewing_after_an_unfinished_entry_stands_beside_it() -> None:
    there = entry("MV_501", at(1), progress=30.0)
    assert added(plan(play(film(1), at(5)), existing=(there,))) == [
        (Key("MV_501"), at(5))
    ]


def test_what_the_person_un_marked_stays_so_with_all_its_viewings() -> None:
    there = entry("MV_501", at(9), progress=0.0)
    made = plan(play(film(1), at(5)), play(film(1), at(1)), existing=(there,))
    assert made.operations == ()


def test_a_complete_rewatch_is_a_second_default() -> None:
    first = [episode(1, n, at(n)) for n in (1, 2, 3)]
    second = [episode(1, n, at(100 + n)) for n in (1, 2, 3)]
    made = plan(*first, *second, rules=DATED)
    assert added(made) == [(Key("TV_501", 1), at(3)), (Key("TV_501", 1), at(103))]
    assert made.operations[0].covers == tuple(Cover(n, at(n)) for n in (1, 2, 3))
    total, _ = balance(6, transform([*first, *second], {}), made)
    assert total.fates[Fate.COVERED] == 6


def test_a_rewatch_of_some_episodes_is_written_one_by_one() -> None:
    first = [episode(1, n, at(n)) for n in (1, 2, 3)]
    made = plan(*first, episode(1, 2, at(50)), rules=DATED)
    assert (Key("TV_501", 1, 2), at(2)) in added(made)
    assert len(made.operations) == 2


def test_the_latest_alone_stays_the_standard() -> None:
    history = [episode(1, n, at(d + n)) for n in (1, 2, 3) for d in (0, 100)]
    made = plan(*history, rules=Rules(airings=DATED.airings))
    assert added(made) == [(Key("TV_501", 1), at(103))]


@given(st.lists(plays(), max_size=25, unique_by=lambda p: p.id), catalogues)
def test_every_viewing_stands_there_exactly_once(
    history: list[Play], airings: dict[Place, dict[int, Airing | None]]
) -> None:
    rules = Rules(mode=Mode.CLEAN, airings=airings, has_every_viewing=True)
    wanted = transform(history, {})
    made = reconcile(wanted, [], rules)
    stands = Counter(viewing for o in made.operations for viewing in _stands_for(o))
    for key, viewing in wanted.watched.items():
        if made.fates[key] is not Fate.UNSUPPORTED:
            assert [stands[key, minute] for minute in viewing.times] == [1] * len(
                viewing.times
            )
    entries = [
        Entry(o.key, to_minute(o.watched_at), 100.0, TRAKT.label)
        for o in made.operations
    ]
    assert reconcile(wanted, entries, rules).operations == ()


def _stands_for(operation: Operation) -> list[tuple[Key, datetime]]:
    return [v for v in operation.viewings if v[0].episode or v[0].season is None]


def twice(*numbers: int) -> list[Play]:
    return [episode(1, n, at(days + n)) for n in numbers for days in (0, 100)]


def defaults(*days: int) -> tuple[Entry, ...]:
    return tuple(entry(Key("TV_501", 1), at(d), imported=TRAKT.label) for d in days)


def test_a_second_round_becomes_a_default_beside_the_first() -> None:
    made = plan(*twice(1, 2, 3), existing=defaults(3), rules=DATED)
    assert added(made) == [(Key("TV_501", 1), at(103))]
    assert (made.seasons[0].writes, made.seasons[0].saved) == (1, 2)


def test_no_default_is_put_beside_one_that_stands_for_no_round() -> None:
    made = plan(*twice(1, 2, 3), existing=defaults(50), rules=DATED)
    assert {key.episode for key, _ in added(made)} == {1, 2, 3}


def test_what_a_default_of_ours_stands_for_needs_no_dates_again() -> None:
    known = {Place("TV_501", 1): SeasonRecord(covers={1, 2, 3})}
    dateless = replace(EVERY, records=known)
    made = plan(*twice(1, 2, 3), existing=defaults(3, 103), rules=dateless)
    assert made.operations == ()


def test_an_episode_zero_is_never_written_by_itself() -> None:
    history = [*twice(1, 2, 3), episode(1, 0, at(1)), episode(1, 0, at(2))]
    dates = {Place("TV_501", 1): {0: AIRED[1], **AIRED}}
    made = plan(*history, *twice(0), rules=replace(DATED, airings=dates))
    assert added(made) == [(Key("TV_501", 1), at(3)), (Key("TV_501", 1), at(103))]
    for operation in made.operations:
        assert [cover.episode for cover in operation.covers] == [0, 1, 2, 3]
    total, _ = balance(10, transform([*history, *twice(0)], {}), made)
    assert total.is_even
    assert total.fates[Fate.UNSUPPORTED] == 2


def test_what_was_watched_the_moment_it_was_surely_aired_is_saved_once() -> None:
    aired = Airing.from_instant(at())
    surely = span_of(aired).latest
    saves = _savings({1: [surely]}, [], {1: aired})
    assert [saves(surely + timedelta(minutes=n)) for n in (-1, 0, 1)] == [-1, -1, 0]
