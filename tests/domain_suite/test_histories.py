"""What is kept of a title from one run to the next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync.domain.histories import (
    Fates,
    TitleHistory,
    fates_by,
    iter_keys,
    merge_histories,
)
from sync.domain.plan import Fate
from sync.domain.plays import Key
from tests.factories import at, episode, play, show

numbers = st.none() | st.integers(0, 3)
keys = st.builds(Key, st.just("TV_1"), numbers, numbers)


@given(st.dictionaries(keys, st.sampled_from(Fate)), keys)
def test_fates_are_what_a_dict_of_them_is(fates: dict[Key, Fate], asked: Key) -> None:
    seasons: dict[int | None, dict[int | None, Fate]] = {}
    for key, fate in fates.items():
        seasons.setdefault(key.season, {})[key.episode] = fate
    packed = Fates("TV_1", seasons)
    assert packed == fates
    assert dict(packed) == fates
    assert len(packed) == len(fates)
    assert packed.get(asked) == fates.get(asked)
    assert (asked in packed) is (asked in fates)
    assert dict(packed.items()) == fates
    assert packed.get(asked._replace(media="TV_2")) is None
    assert all(isinstance(key, Key) for key in packed)


def test_a_special_has_no_key_and_all_else_has() -> None:
    played = [episode(0, 1), episode(1, 0), episode(1, 1), play(show())]
    history = TitleHistory(show(), "TV_501", tuple(played))
    assert [*iter_keys([history])] == [
        Key("TV_501", 1, 0),
        Key("TV_501", 1, 1),
        Key("TV_501"),
    ]
    assert [*iter_keys([TitleHistory(show(), None, tuple(played))])] == []


def test_of_two_histories_the_newer_says_what_became_of_a_viewing() -> None:
    first, second = Key("TV_1", 1, 1), Key("TV_1", 1, 2)
    old = TitleHistory(
        show(), "TV_1", (),
        {first: Fate.COVERED, second: Fate.KEPT},
        older={k: {at(1): Fate.ALREADY_THERE} for k in (first, second)},
    )  # fmt: skip
    new = TitleHistory(show(), "TV_1", (), {first: Fate.WRITTEN})
    found = merge_histories(old, new)
    assert found.fate_of(first, at(1)) is Fate.WRITTEN
    assert found.fate_of(second, at(1)) is Fate.ALREADY_THERE
    assert found.fate_of(second, at(2)) is Fate.KEPT
    assert merge_histories(new, old).older == old.older
    assert merge_histories(old, TitleHistory(show(), "TV_2", ())).older == {}


known = st.lists(st.dictionaries(keys, st.sampled_from(Fate)), max_size=3)


@given(st.sets(keys), st.dictionaries(keys, st.sampled_from(Fate)), known)
def test_what_was_not_planned_is_as_the_last_run_that_tells_left_it(
    watched: set[Key], planned: dict[Key, Fate], earlier: list[dict[Key, Fate]]
) -> None:
    """What an earlier run was to write is there by now, and says no more."""
    expected = dict.fromkeys(watched, Fate.ALREADY_THERE)
    for fates in earlier:
        said = {key: fate for key, fate in fates.items() if fate is not Fate.WRITTEN}
        expected |= {key: said[key] for key in said.keys() & watched}
    expected |= {key: planned[key] for key in planned.keys() & watched}
    histories = [TitleHistory(show(), "TV_1", (), fates) for fates in earlier]
    fate_of = fates_by(planned, histories)
    assert {key: fate_of(key) for key in watched} == expected
