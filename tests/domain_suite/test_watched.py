"""What was watched of each key is held without keys, and is the same as with them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sync.domain.plays import Key, Place, Play
from sync.domain.watched import Gathering, Viewing, Watched
from tests.factories import at, show

if TYPE_CHECKING:
    from datetime import datetime

MEDIA = ("TV_1", "TV_2")
numbers = st.none() | st.integers(0, 2)
seen = st.tuples(st.sampled_from(MEDIA), numbers, numbers, st.integers(1, 4).map(at))
keys = st.builds(Key, st.sampled_from((*MEDIA, "TV_3")), numbers, numbers)


def gather(plays: list[tuple[str, int | None, int | None, datetime]]) -> Watched:
    gathering = Gathering()
    for media, season, number, when in plays:
        gathering.add(media, Play(show(), when, season, number))
    return gathering.watched()


@given(st.lists(seen), keys)
def test_viewings_are_what_a_dict_of_them_is(
    plays: list[tuple[str, int | None, int | None, datetime]], asked: Key
) -> None:
    times: defaultdict[Key, list[datetime]] = defaultdict(list)
    for media, season, number, when in plays:
        times[Key(media, season, number)].append(when)
    expected = {k: Viewing(tuple(sorted(set(t))), len(t)) for k, t in times.items()}
    watched = gather(plays)
    assert watched == expected
    assert dict(watched.items()) == expected
    assert {*watched.values()} == {*expected.values()}
    assert len(watched) == len(expected)
    assert watched.get(asked) == expected.get(asked)
    assert (asked in watched) is (asked in expected)
    assert {*watched.places} == {key.place for key in expected}


@given(st.lists(seen), st.sets(keys.map(lambda key: key.place)))
def test_a_part_is_about_the_places_that_are_asked_for(
    plays: list[tuple[str, int | None, int | None, datetime]], places: set[Place]
) -> None:
    watched = gather(plays)
    part = {key: viewing for key, viewing in watched.items() if key.place in places}
    assert watched.within(places) == part
