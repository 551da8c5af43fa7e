"""What is kept from run to run: digests that never change, and titles that merge."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.domain.digest import moved, source_state, target_state
from sync.domain.filters import Filter, Only
from sync.domain.histories import (
    SeasonFacts,
    TitleHistory,
    keys_of,
    merge_histories,
    without_plays,
)
from sync.domain.overrides import Override, digest_overrides
from sync.domain.plan import Fate
from sync.domain.plays import Key
from sync.domain.sources import (
    LEGACY,
    UNKNOWN,
    Resolution,
    SourceRecord,
    is_one_owner,
    resolve,
    without_times_ahead,
)
from tests.factories import at, desired, entry, episode, film, play, show

if TYPE_CHECKING:
    from datetime import datetime

FILM, FIRST, SECOND = Key("MV_501"), Key("TV_501", 1, 1), Key("TV_501", 1, 2)


def test_digests_are_kept_in_ledgers_and_plan_files_so_they_never_change() -> None:
    watched = desired(play(watched_at=at(1)), play(watched_at=at(2)))
    assert source_state(watched) == {"MV_501": "87d560f86011642a"}
    there = [entry(FILM, at(1)), entry(FIRST, at(2), progress=30.0, count=2)]
    states = {"MV_501": "9b9dc049064db203", "TV_501": "8369a7db19d0d1cf"}
    assert target_state(there) == target_state(there[::-1]) == states
    own = [Override(film(1), "5", tmdb=5), Override(film(2), "skip")]
    assert digest_overrides(own) == digest_overrides(own[::-1]) == "d7bb5a4d6140e276"
    assert digest_overrides([]) == ""
    some = Filter(at(1), Only.FILMS, ("b", "a"))
    assert some.digest == replace(some, skip=("a", "b")).digest == "bf57e1a9c3b4cbc7"


@pytest.mark.parametrize(
    "field", [{"since": at(1)}, {"only": Only.SHOWS}, {"skip": ("Tron",)}]
)
def test_one_thing_that_is_left_out_makes_another_filter(field: dict[str, Any]) -> None:
    assert Filter().digest == ""
    assert not Filter().is_set
    assert Filter(**field).is_set
    assert len(Filter(**field).digest) == 16
    times = [Filter(at(1, minutes=n)).digest for n in (0, 1)]
    assert times[0] != times[1]


def test_a_title_has_moved_that_is_not_the_same_on_both_sides() -> None:
    before, after = {"a": "1", "b": "1", "c": "1"}, {"c": "1", "b": "2", "d": "1"}
    assert moved(before, after) == ["a", "b", "d"]
    there = entry(FILM, at(1))
    for other in (
        replace(there, updated_at=at(2)),
        replace(there, progress=79.0),
        replace(there, count=2),
    ):
        assert moved(target_state([there]), target_state([other])) == ["MV_501"]


PLAYS = [play(watched_at=at(day)) for day in (1, 2, 3)]


def test_two_readings_of_a_title_are_one_with_the_plays_of_both() -> None:
    old = TitleHistory(
        show(1),
        "TV_501",
        (episode(1, 2, at(2)), episode(1, 1, at(1))),
        {FIRST: Fate.WRITTEN, SECOND: Fate.COVERED},
        (SeasonFacts(2, "old", 0), SeasonFacts(1, "old", 0)),
    )
    new = TitleHistory(
        replace(show(1), name="New"),
        "TV_501",
        (episode(1, 1, at(3)), old.plays[0]),
        {FIRST: Fate.KEPT},
        (SeasonFacts(1, "new", 2),),
    )
    both = merge_histories(old, new)
    assert (both.title, both.media) == (new.title, "TV_501")
    assert both.plays == (old.plays[1], old.plays[0], new.plays[0])
    assert both.fates == {FIRST: Fate.KEPT, SECOND: Fate.COVERED}
    assert both.seasons == (SeasonFacts(1, "new", 2), SeasonFacts(2, "old", 0))
    # Under another id the old fates are of no title any more.
    other = merge_histories(old, replace(new, media="TV_9", fates={}))
    assert (other.media, other.fates) == ("TV_9", {})
    assert other.seasons == new.seasons
    # One that nobody could find now keeps what is known of it.
    lost = merge_histories(old, replace(new, media=None, fates={}, seasons=()))
    assert (lost.media, lost.fates) == ("TV_501", old.fates)
    assert [facts.number for facts in lost.seasons] == [1, 2]


def test_plays_of_one_time_are_in_the_order_of_their_ids() -> None:
    plays = [play(watched_at=at(1), id=n) for n in (3, None, 2)]
    one, other = (TitleHistory(film(), "MV_501", tuple(p)) for p in (plays, ()))
    assert [p.id for p in merge_histories(one, other).plays] == [None, 2, 3]


def test_what_another_source_has_is_taken_out_by_id_or_by_what_and_when() -> None:
    history = TitleHistory(film(), "MV_501", tuple(PLAYS))
    assert without_plays([], PLAYS) == ()
    assert without_plays([history], []) == (history,)
    again = PLAYS[1]._replace(id=None)  # the same viewing, from a backup
    renamed = PLAYS[2]._replace(watched_at=at(9))
    (rest,) = without_plays([history], [again, renamed])
    assert rest.plays == (PLAYS[0],)
    assert without_plays([history], PLAYS) == ()
    nameless = TitleHistory(film(), "MV_501", (again,))
    assert without_plays([nameless], [PLAYS[1]]) == ()


def test_the_keys_of_titles_are_those_of_all_their_plays() -> None:
    histories = [
        TitleHistory(film(), "MV_501", (PLAYS[0], PLAYS[1])),
        TitleHistory(show(), "TV_501", (episode(1, 1), episode(0, 1))),
        TitleHistory(film(2), None, (PLAYS[2],)),
    ]
    assert keys_of(histories) == {FILM, FIRST}


def record(name: str, channel: str = "", *owner: str, **fields: Any) -> SourceRecord:
    return SourceRecord(name, channel, frozenset(owner), **fields)


def never(_source: str) -> bool:
    return False


def always(_source: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ({"name:a"}, {"name:a", "slug:b"}, True),
        ({"name:a"}, {"name:b"}, False),
        # Names change, uuids do not.
        ({"uuid:1", "name:a"}, {"uuid:1", "name:b"}, True),
        ({"uuid:1", "name:a"}, {"uuid:2", "name:a"}, False),
        ({"uuid:1", "name:a"}, {"name:a"}, True),
        (set(), set(), False),
    ],
)
def test_an_account_is_known_by_its_uuid_and_else_by_a_name(
    one: set[str], other: set[str], *, is_one: bool
) -> None:
    assert is_one_owner(frozenset(one), frozenset(other)) is is_one
    assert is_one_owner(frozenset(other), frozenset(one)) is is_one


def test_a_reading_of_nobody_known_is_of_the_unknown() -> None:
    known = [record("trakt", "trakt", "name:a")]
    found = resolve(known, "", frozenset(), always)
    assert found == Resolution(UNKNOWN, (SourceRecord(UNKNOWN),))


def test_a_new_account_gets_a_name_that_no_other_has() -> None:
    owner = frozenset({"name:longer", "slug:ann"})
    names = [resolve([], "trakt", owner, never).id]
    taken = [record("trakt", "trakt", "name:b")]
    names.append(resolve(taken, "trakt", owner, never).id)
    taken.append(record("trakt:ann", "trakt", "name:c"))
    names.append(resolve(taken, "trakt", owner, never).id)
    taken.append(record("trakt:2", "trakt", "name:d"))
    names.append(resolve(taken, "trakt", owner, never).id)
    assert names == ["trakt", "trakt:ann", "trakt:2", "trakt:3"]
    assert resolve([], "", owner, never).id == "file:ann"
    assert resolve([], "TMDB", frozenset(), never).id == "tmdb"


def test_what_a_channel_read_last_is_the_account_where_plays_tell_it() -> None:
    anonymous, older = record("trakt", "trakt"), record("trakt:2", "trakt")
    mine = frozenset({"name:a"})

    def parts(owner: frozenset[str], shares: Any) -> list[str]:
        known = [anonymous, older]
        return [p.id for p in resolve(known, "trakt", owner, shares).parts]

    assert parts(frozenset(), never) == ["trakt"]
    assert parts(mine, always) == ["trakt"]
    assert parts(mine, never) == []
    # What ledgers held before sources were noted is no source.
    for name in (LEGACY, UNKNOWN):
        known = [record(name, "trakt")]
        assert resolve(known, "trakt", frozenset(), always).parts == ()


def test_a_reading_is_newer_where_it_is_as_new_as_the_newest() -> None:
    parts = (record("a", read_at=at(1)), record("b", read_at=at(3)), record("c"))
    found = Resolution("a", parts)
    assert found.read_at == at(3)
    told = [found.is_outdated_by(t) for t in (at(2), at(3), at(4), None)]
    assert told == [False, True, True, False]
    assert Resolution("c", parts[2:]).is_outdated_by(None)
    owners = (record("a", "", "name:a"), record("b", "", "name:b"))
    assert Resolution("a", owners).owner == {"name:a", "name:b"}


_AROUND = st.integers(-800, 800).map(lambda hours: at(1) + timedelta(hours=hours))


@given(st.lists(st.none() | _AROUND, max_size=4), st.none() | _AROUND, _AROUND)
def test_only_a_reading_of_now_passes_over_a_time_that_is_still_to_come(
    times: list[datetime | None], read_at: datetime | None, now: datetime
) -> None:
    day = timedelta(days=1)
    records = [record(str(n), read_at=t) for n, t in enumerate(times)]
    kept = without_times_ahead(records, read_at, now)
    assert [r.id for r in kept] == [r.id for r in records]
    is_of_now = read_at is not None and abs(read_at - now) <= day
    for time, one in zip(times, kept, strict=True):
        is_ahead = time and read_at and time - max(read_at, now) > day
        assert one.read_at == (None if is_of_now and is_ahead else time)
