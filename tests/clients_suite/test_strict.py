"""Two readers of Trakt's answers: what the strict one takes, both read alike."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from connectors.http.response import Response
from connectors.trakt import strict
from connectors.trakt.client import read_records
from connectors.trakt.minimal import MinimalShows, decode_shows
from connectors.trakt.models import HistoryItem, OptionalInstant

_PATIENT = TypeAdapter(list[HistoryItem])
_FILMS = TypeAdapter(dict[int, list[OptionalInstant]])
_SHOWS = TypeAdapter(dict[int, dict[str, dict[int, list[OptionalInstant]]]])

numbers = st.one_of(
    st.integers(-1, 5),
    st.integers(),
    st.floats(allow_nan=False),
    st.none(),
    st.booleans(),
    st.sampled_from(["", "0", "7", "x"]),
)
texts = st.one_of(st.text(max_size=3), st.none(), st.integers(0, 9), st.just(""))
moments = st.one_of(
    st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
    st.datetimes().map(lambda moment: f"{moment.isoformat()}+05:30"),
    st.datetimes().map(datetime.isoformat),
    st.sampled_from(
        [
            "2026-10-31T17:57:00.000Z",
            "2026-10-31 17:57:00Z",
            "2026-10-31T17:57Z",
            "2026-10-31T17:57:60Z",
            "2026-10-31T24:00:00Z",
            "2026-10-31T17:57:00.123456Z",
            "2026-10-31t17:57:00z",
            "2026-10-31T17:57:00+0000",
            "2026-10-31T17:57:00-23:59",
            "2026-02-30T00:00:00Z",
            "2026-10-31",
            "1700000000",
            "",
        ]
    ),
    st.integers(-10, 2_000_000_000),
    st.none(),
)


def record(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return objects of these fields, any of which may be missing, or none at all."""
    return st.none() | st.fixed_dictionaries({}, optional={**fields, "extra": texts})


ids = record(trakt=numbers, slug=texts, imdb=texts, tmdb=numbers, tvdb=numbers)
titles = record(title=texts, year=numbers, ids=ids)
episodes = record(season=numbers, number=numbers, title=texts, ids=ids)
items = record(
    id=numbers,
    watched_at=moments,
    action=texts,
    type=texts,
    movie=titles,
    show=titles,
    episode=episodes,
)
WHOLE = {
    "id": 12_000_000_011,
    "watched_at": "2026-10-31T17:57:00.000Z",
    "action": "scrobble",
    "type": "episode",
    "episode": {"season": 3, "number": 9, "title": None, "ids": {"trakt": 1}},
    "show": {"title": "Show", "year": 1996, "ids": {"trakt": 2, "imdb": None}},
}


def plain(value: Any) -> Any:
    """Write a record of either kind as the same plain values."""
    if isinstance(value, datetime):
        return (value, value.utcoffset())
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, HistoryItem):
        return plain(value.model_dump())
    if isinstance(value, strict.StrictItem):
        return plain(msgspec.to_builtins(value, builtin_types=(datetime,)))
    return value


def check(body: bytes, decoder: msgspec.json.Decoder[Any], adapter: Any) -> bool:
    """Hold both readers against each other; return whether the strict one took it."""
    try:
        found = decoder.decode(body)
    except msgspec.DecodeError:
        return False
    assert plain(adapter.validate_json(body)) == plain(found)
    return True


def check_shows(body: bytes) -> bool:
    """Do the same for the minimal list of shows, of which each is read by itself."""
    try:
        found = MinimalShows([decode_shows(body)])
    except msgspec.DecodeError:
        return False
    assert MinimalShows([_SHOWS.validate_json(body)]) == found
    return True


@given(st.lists(items, max_size=3))
@example([WHOLE])
@example([{"watched_at": "2026-10-31T17:57:00Z", "movie": {"ids": {"tmdb": 2**63}}}])
def test_what_the_strict_reader_of_plays_takes_the_patient_one_reads_alike(
    page: list[Any],
) -> None:
    check(json.dumps(page).encode(), strict.HISTORY, _PATIENT)


@given(st.dictionaries(numbers.map(str), st.lists(moments, max_size=3), max_size=3))
def test_what_the_strict_reader_of_minimal_films_takes_the_patient_one_reads_alike(
    films: dict[str, list[Any]],
) -> None:
    check(json.dumps(films).encode(), strict.FILMS, _FILMS)


@given(
    st.dictionaries(
        numbers.map(str),
        st.dictionaries(
            texts.map(str),
            st.dictionaries(numbers.map(str), st.lists(moments, max_size=2)),
            max_size=2,
        ),
        max_size=2,
    )
)
def test_what_the_strict_reader_of_minimal_shows_takes_the_patient_one_reads_alike(
    shows: dict[str, Any],
) -> None:
    check_shows(json.dumps(shows).encode())


def test_the_documented_forms_are_read_by_the_strict_reader() -> None:
    moment = "2026-10-31T17:57:00.000Z"
    assert check(json.dumps([WHOLE]).encode(), strict.HISTORY, _PATIENT)
    assert check(json.dumps({"1": [moment]}).encode(), strict.FILMS, _FILMS)
    shows = {"1": {"3": {"9": [moment]}}}
    assert check_shows(json.dumps(shows).encode())


@pytest.mark.parametrize(
    ("odd", "count"),
    [
        ({"id": "7"}, 1),
        ({"watched_at": "2026-10-31T17:57:00"}, 1),
        ({"id": -1}, 1),
        ({"watched_at": 1_700_000_000}, 0),
    ],
)
def test_an_odd_record_is_left_to_the_patient_reader(
    odd: dict[str, Any], count: int
) -> None:
    body = json.dumps([WHOLE, WHOLE | odd]).encode()
    found, bad = read_records(Response(200, {}, body, "Trakt", "GET /sync/history"))
    assert (len(found), len(bad)) == (1 + count, 1 - count)
    with pytest.raises(msgspec.ValidationError):
        strict.HISTORY.decode(body)


def test_the_check_of_this_module_can_fail() -> None:
    body = json.dumps([WHOLE]).encode()
    with pytest.raises(AssertionError):
        check(body, strict.HISTORY, TypeAdapter(list[Any]))
    with pytest.raises(ValidationError):
        check(body, strict.HISTORY, TypeAdapter(dict[str, int]))
