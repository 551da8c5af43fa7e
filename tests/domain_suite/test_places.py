"""A film or a season is one type, whichever way it was come by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.domain.plan import Action, Operation
from sync.domain.plays import Key, Place
from tests.factories import T0, entry

MEDIA = st.sampled_from(["MV_1", "MV_12", "TV_1", "TV_12"])
NUMBER = st.none() | st.integers(0, 30)


@given(MEDIA, NUMBER, NUMBER)
def test_the_place_of_a_key_is_its_film_or_season(
    media: str, season: int | None, episode: int | None
) -> None:
    place = Key(media, season, episode).place
    assert type(place) is Place
    assert (place.media, place.season) == (media, season)
    assert place == Place(media, season)
    assert hash(place) == hash(Place(media, season))
    assert {Place(media, season): 1}[place] == 1


@pytest.mark.parametrize(
    ("key", "is_default"),
    [
        (Key("MV_1"), False),
        (Key("TV_1", 1), True),
        (Key("TV_1", 0), True),
        (Key("TV_1", 1, 0), False),
        (Key("TV_1", 1, 3), False),
    ],
)
def test_what_names_a_season_and_no_episode_is_its_default(
    key: Key, *, is_default: bool
) -> None:
    assert entry(key).is_default is is_default
    assert Operation(Action.ADD, key, T0).is_default is is_default


@given(st.sets(st.builds(Place, MEDIA, NUMBER)))
def test_places_have_an_order_whether_they_have_a_season_or_not(
    places: set[Place],
) -> None:
    in_order = sorted(places, key=lambda place: place.order)
    assert {*in_order} == places
    assert [p.media for p in in_order] == sorted(p.media for p in places)
