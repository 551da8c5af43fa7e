"""Law 5 without any service: of a plan carried out in part, the rest comes next."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sync.domain.desired import transform
from sync.domain.plan import Action
from sync.domain.plays import Place
from sync.domain.reconcile import reconcile
from sync.domain.rules import Mode, Rules, SeasonRecord
from sync.domain.seasons import Airing
from tests.domain_suite.test_reconcile_laws import apply, histories, profiles, rules
from tests.factories import at, episode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sync.domain.entries import Entry
    from sync.domain.plan import Operation
    from sync.domain.plays import Key, Play

#: A season whose episodes all aired long ago, one maybe not, and what was seen of it.
rewatches = st.lists(
    st.builds(episode, st.just(1), st.integers(1, 4), st.integers(0, 40).map(at)),
    min_size=2,
    max_size=14,
)
dates = st.dictionaries(
    st.integers(1, 5),
    st.one_of(st.just(-900), st.integers(0, 60), st.none()),
    min_size=3,
).map(
    lambda days: {
        Place("TV_501", 1): {
            n: None if day is None else Airing.from_instant(at(day))
            for n, day in days.items()
        }
    }
)


@given(histories, profiles, rules, st.data())
def test_killed_anywhere_the_rest_is_what_was_planned(
    history: list[Play], profile: list[Entry], chosen: Rules, data: st.DataObject
) -> None:
    check(history, profile, chosen, data)


@given(rewatches, dates, st.sampled_from([Mode.CLEAN, Mode.FEWEST]), st.data())
def test_a_season_watched_again_is_finished_as_it_was_begun(
    history: list[Play],
    airings: dict[Place, dict[int, Airing | None]],
    mode: Mode,
    data: st.DataObject,
) -> None:
    check(history, [], Rules(mode, airings=airings, has_every_viewing=True), data)


def check(
    history: list[Play], profile: list[Entry], chosen: Rules, data: st.DataObject
) -> None:
    wanted = transform(history, {})
    operations = reconcile(wanted, profile, chosen).operations
    size = len(operations)
    is_done = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    done = landed(operations, is_done)
    there = apply(done, profile, moves_time=data.draw(st.booleans()))
    again = reconcile(wanted, there, remembering(chosen, done)).operations
    assert writes([*done, *again]) == writes(operations)


def landed(
    operations: Sequence[Operation], is_done: Iterable[bool]
) -> tuple[Operation, ...]:
    """Return those that may have arrived: some wait until others are in place."""
    done: list[Operation] = []
    missing: set[Key] = set()
    for operation, has_landed in zip(operations, is_done, strict=True):
        key = operation.key
        waits_for = {k for k in missing if k == key or operation.is_default}
        if has_landed and not any(k.place == key.place for k in waits_for):
            done.append(operation)
        else:
            missing.add(key)
    return tuple(done)


def remembering(chosen: Rules, done: Iterable[Operation]) -> Rules:
    """Add what the ledger knows of the writes that arrived."""
    zeros: defaultdict[Place, set[int]] = defaultdict(set)
    covers: defaultdict[Place, set[int]] = defaultdict(set)
    for operation in done:
        key = operation.key
        place = key.place
        covers[place] |= {cover.episode for cover in operation.covers}
        if key.episode and not operation.progress:
            zeros[place].add(key.episode)
    places = zeros.keys() | covers.keys()
    records = {p: SeasonRecord(zeros[p], covers[p]) for p in places}
    return replace(chosen, records=records)


def writes(operations: Iterable[Operation]) -> set[tuple[object, ...]]:
    return {
        (o.key, o.progress, o.watched_at if o.action is Action.ADD else None)
        for o in operations
    }
