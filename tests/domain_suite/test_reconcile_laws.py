from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.balance import balance
from sync.domain.desired import Desired, transform
from sync.domain.digest import source_state, target_state
from sync.domain.entries import Entry
from sync.domain.guard import measure
from sync.domain.origin import TRAKT
from sync.domain.plan import Action, Fate, Operation, Plan
from sync.domain.plays import Key, Place, Play
from sync.domain.reconcile import reconcile, seasons_to_write
from sync.domain.rules import Conflict, Mode, Rules, SeasonRecord
from sync.domain.seasons import Airings, Reading, current_entry, read_season
from sync.domain.verify import compare
from tests.domain_suite.strategies import (
    catalogues,
    entries,
    moments,
    plays,
    season_airings,
)
from tests.factories import show

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

NOW = datetime(2026, 11, 1, tzinfo=UTC)
rules = st.builds(
    Rules,
    mode=st.sampled_from(Mode),
    conflict=st.sampled_from(Conflict),
    airings=catalogues,
    has_every_viewing=st.booleans(),
)
histories = st.lists(plays(), max_size=25, unique_by=lambda play: play.id)
profiles = st.lists(entries(), max_size=12)


def apply(
    operations: tuple[Operation, ...], existing: list[Entry], *, moves_time: bool
) -> list[Entry]:
    """Write like Discovr: POST appends, PATCH upserts one entry of its key."""
    after = list(existing)
    for operation in operations:
        key = operation.key
        if operation.action is Action.ADD:
            after.append(Entry(key, operation.watched_at, 100.0, TRAKT.label))
            continue
        mine = [e for e in after if e.key == key]
        if not mine:
            after.append(Entry(key, NOW, float(operation.progress)))
            continue
        newest = current_entry(mine)
        assert newest is not None
        moved = NOW if moves_time else newest.updated_at
        changed = replace(newest, progress=float(operation.progress), updated_at=moved)
        after[after.index(newest)] = changed
    return after


def shown(existing: list[Entry], airings: Mapping[Place, Airings], key: Key) -> Reading:
    of_title = [e for e in existing if e.key.place == key.place]
    if key.episode is None:
        newest = [e for e in of_title if e.is_completed]
        return Reading.COMPLETED if newest else Reading.NOT_COMPLETED
    season = airings.get(key.place, {})
    readings = read_season(of_title, season)
    return readings.get(key.episode, Reading.NOT_COMPLETED)


@given(histories, profiles, rules, st.booleans())
def test_planning_again_after_a_run_gives_an_empty_plan(
    history: list[Play], profile: list[Entry], chosen: Rules, moves_time: bool
) -> None:
    wanted = transform(history, {})
    plan = reconcile(wanted, profile, chosen)
    after = apply(plan.operations, profile, moves_time=moves_time)
    assert reconcile(wanted, after, chosen).operations == ()


@given(histories, profiles, rules, st.randoms(use_true_random=False), st.data())
def test_shuffled_repeated_or_recut_pages_give_the_same_plan(
    history: list[Play],
    profile: list[Entry],
    chosen: Rules,
    random: Random,
    data: st.DataObject,
) -> None:
    plan = reconcile(transform(history, {}), profile, chosen)
    shuffled = list(history)
    random.shuffle(shuffled)
    other_profile = list(profile)
    random.shuffle(other_profile)
    other = transform(shuffled, {})
    assert reconcile(other, other_profile, chosen) == plan
    assert source_state(other) == source_state(transform(history, {}))
    assert target_state(other_profile) == target_state(profile)


@given(histories, profiles, rules)
def test_what_is_added_is_honest(
    history: list[Play], profile: list[Entry], chosen: Rules
) -> None:
    wanted = transform(history, {})
    for operation in reconcile(wanted, profile, chosen).operations:
        if operation.action is not Action.ADD:
            continue
        assert operation.progress == 100
        if operation.key in wanted.watched:
            assert operation.watched_at in wanted.watched[operation.key].times
        else:
            season = [
                v for k, v in wanted.watched.items() if k.place == operation.key.place
            ]
            assert operation.watched_at in {t for v in season for t in v.times}


@given(histories, profiles, rules)
def test_every_play_read_ends_in_exactly_one_column(
    history: list[Play], profile: list[Entry], chosen: Rules
) -> None:
    wanted = transform(history, {})
    plan = reconcile(wanted, profile, chosen)
    failed = {viewing for o in plan.operations[::2] for viewing in o.viewings}
    total, titles = balance(len(history) + 2, wanted, plan, 2, failed)
    assert total.is_even
    assert all(part.is_even for part in titles.values())
    assert sum(part.read for part in titles.values()) == len(history)
    if not chosen.has_every_viewing:
        assert total.repeats == sum(v.plays - 1 for v in wanted.watched.values())


@given(histories, profiles, rules)
def test_everything_watched_is_shown_and_nothing_else(
    history: list[Play], profile: list[Entry], chosen: Rules
) -> None:
    wanted = transform(history, {})
    plan = reconcile(wanted, profile, chosen)
    after = apply(plan.operations, profile, moves_time=False)
    airings = dict(chosen.airings)
    for key, fate in plan.fates.items():
        if fate in (Fate.WRITTEN, Fate.COVERED, Fate.ALREADY_THERE):
            assert shown(after, airings, key) is Reading.COMPLETED
    for place, season in airings.items():
        for number in season:
            key = Key(*place, number)
            if shown(after, airings, key) is Reading.NOT_COMPLETED:
                continue
            was = shown(profile, airings, key)
            assert key in wanted.watched or was is not Reading.NOT_COMPLETED


@given(histories, rules)
def test_an_empty_profile_verifies_clean_after_the_run(
    history: list[Play], chosen: Rules
) -> None:
    wanted = transform(history, {})
    plan = reconcile(wanted, [], chosen)
    after = apply(plan.operations, [], moves_time=True)
    again = reconcile(wanted, after, chosen)
    assert compare(wanted, again, after, TRAKT.label).is_clean


@given(histories, profiles, rules)
def test_the_oldest_watch_goes_first_and_a_zero_before_its_default(
    history: list[Play], profile: list[Entry], chosen: Rules
) -> None:
    plan: Plan = reconcile(transform(history, {}), profile, chosen)
    times = [operation.watched_at for operation in plan.operations]
    assert times == sorted(times)
    written: set[Place] = set()
    for operation in plan.operations:
        if operation.is_default:
            written.add(operation.key.place)
        if operation.progress == 0:
            assert operation.key.place not in written


def test_an_empty_history_desires_nothing() -> None:
    assert transform([], {}) == Desired()


@given(histories, profiles)
def test_the_seasons_to_write_are_those_of_a_plan_without_defaults(
    history: list[Play], profile: list[Entry]
) -> None:
    desired = transform(history, {})
    keys = [o.key for o in reconcile(desired, profile, Rules(mode=Mode.OFF)).operations]
    planned = [k.place for k in keys if k.season is not None]
    assert sorted(seasons_to_write(desired, profile)) == sorted(planned)


SEASON = Place("TV_501", 1)
of_season = st.lists(
    st.builds(
        Entry,
        st.sampled_from([Key(*SEASON), *(Key(*SEASON, n) for n in range(1, 4))]),
        moments,
        st.sampled_from([100.0, 100.0, 0.0]),
        st.sampled_from([None, TRAKT.label, TRAKT.label]),
        st.integers(1, 3),
    ),
    max_size=5,
)
in_season = st.lists(
    st.builds(Play, st.just(show(1)), moments, st.just(1), st.integers(1, 5)),
    max_size=6,
)
season_rules = st.builds(
    Rules,
    mode=st.sampled_from(Mode),
    airings=st.fixed_dictionaries({SEASON: season_airings}),
    records=st.fixed_dictionaries(
        {SEASON: st.builds(SeasonRecord, st.just(()), st.frozensets(st.integers(1, 6)))}
    ),
    has_every_viewing=st.booleans(),
)


@settings(max_examples=400)
@given(in_season, of_season, season_rules, st.sampled_from(("letterbook", "Trakt", "")))
def test_what_our_entries_are_marked_with_makes_no_difference(
    history: list[Play], profile: list[Entry], chosen: Rules, label: str
) -> None:
    renamed = [
        replace(e, imported=label if e.imported == TRAKT.label else e.imported)
        for e in profile
    ]
    wanted = transform(history, {})
    plan = reconcile(wanted, profile, chosen)
    assert reconcile(wanted, renamed, replace(chosen, labels=(label,))) == plan
    found = compare(wanted, plan, profile, TRAKT.label)
    assert compare(wanted, plan, renamed, label) == found
    known = measure(plan.operations, profile, (TRAKT.label,))
    assert measure(plan.operations, renamed, (label,)) == known


@given(histories, profiles, rules, st.sets(st.sampled_from(["TV_501", "TV_502"])))
def test_no_title_gets_a_zero_of_which_a_record_may_be_that_cannot_be_read(
    history: list[Play], existing: list[Entry], choices: Rules, obscured: set[str]
) -> None:
    desired = transform(history, {})
    choices = replace(choices, mode=Mode.FEWEST)
    plan = reconcile(desired, existing, replace(choices, obscured=obscured))
    clean = reconcile(desired, existing, replace(choices, mode=Mode.CLEAN))
    fewest = reconcile(desired, existing, choices)
    assert all(o.progress for o in plan.operations if o.key.media in obscured)
    for other, is_as in ((clean, True), (fewest, False)):
        mine, same = (
            [o for o in made.operations if (o.key.media in obscured) is is_as]
            for made in (plan, other)
        )
        assert mine == same
