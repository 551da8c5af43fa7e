from __future__ import annotations

import importlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from sync.domain.histories import SeasonFacts, TitleHistory
from sync.domain.plan import Fate
from sync.domain.plays import UNKNOWN_DATE, Ids, Key, Kind, Play, Title, title_key
from sync.ledger import migrations
from sync.ledger.titles import (
    digest_of,
    from_history,
    from_text,
    to_history,
    to_text,
)
from tests.ledger_suite.factories import AT, PROFILE

if TYPE_CHECKING:
    from sync.ledger import Ledger

MIGRATION = "v0007_shared_titles"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = datetime(2024, 2, 29, 23, 59, tzinfo=UTC)
SHOW = Title(Kind.SHOW, "Pluto <nul \0> \U0001f3ac", 2023, Ids(trakt=1, tmdb=7))
FILM = Title(Kind.FILM, "Nobody knows it", None, Ids(imdb="tt1"))

moments = st.datetimes(
    min_value=datetime(1888, 1, 1),  # noqa: DTZ001  # made aware below
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001  # made aware below
).map(lambda t: t.replace(second=0, microsecond=0, tzinfo=UTC))
ids = st.builds(
    Ids,
    trakt=st.none() | st.integers(1, 2**40),
    slug=st.none() | st.text(min_size=1, max_size=5),
    tmdb=st.none() | st.integers(1, 10**7),
)
titles = st.builds(
    Title, st.sampled_from(Kind), st.text(max_size=9), st.none() | st.integers(), ids
)
numbers = st.none() | st.integers(0, 99_999)


@st.composite
def histories(draw: st.DrawFn) -> TitleHistory:
    title, media = draw(titles), draw(st.none() | st.sampled_from(["TV_1", "MV_2"]))
    plays = st.builds(
        Play,
        st.just(title),
        moments | st.just(UNKNOWN_DATE),
        numbers,
        numbers,
        st.none() | st.integers(1, 2**62),
        st.none() | st.integers(1, 2**40),
        st.none() | ids,
    )
    keys = st.builds(Key, st.just(media or "MV_3"), numbers, numbers)
    seasons = st.builds(
        SeasonFacts,
        st.integers(0, 99),
        st.text(max_size=9),
        st.integers(0, 99),
        st.frozensets(st.integers(0, 99), max_size=5),
    )
    fates = st.dictionaries(keys, st.sampled_from(Fate), max_size=3 if media else 0)
    return TitleHistory(
        title,
        media,
        tuple(draw(st.lists(plays, max_size=4))),
        draw(fates),
        tuple(draw(st.lists(seasons, max_size=2))),
    )


def _numbers(key: Key) -> list[int]:
    return [-1 if number is None else number for number in key[1:]]


def old_payload(history: TitleHistory) -> dict[str, Any]:
    """Return what was kept of a title up to version 0006 of the tables."""
    title = history.title
    # In another order they take more room, and come back the same.
    fates = sorted(history.fates.items(), key=lambda item: _numbers(item[0]))
    return {
        "title": [title.kind.value, title.name, title.year, title.ids.known()],
        "media": history.media,
        "plays": [
            [
                (p.watched_at - EPOCH) // timedelta(minutes=1),
                *(p.season, p.episode, p.id, p.episode_id),
                *([p.episode_ids.known()] if p.episode_ids is not None else []),
            ]
            for p in history.plays
        ],
        "fates": [[k.season, k.episode, f.value] for k, f in fates],
        "seasons": [
            [s.number, s.reason, s.saved, sorted(s.episodes)] for s in history.seasons
        ],
    }


@given(titles, titles)
def test_no_two_titles_are_one_because_of_what_they_lack(
    one: Title, two: Title
) -> None:
    assert (digest_of(to_text(one)) == digest_of(to_text(two))) is (one == two)
    lacking = replace(one, ids=replace(one.ids, trakt=None))
    assert (digest_of(to_text(lacking)) == digest_of(to_text(one))) is (
        one.ids.trakt is None
    )


def kept(history: TitleHistory) -> TitleHistory:
    """Put it into JSON and read it back, without a database."""
    own = json.loads(json.dumps(from_history(history)))
    return to_history(from_text(to_text(history.title)), own)


@given(histories())
def test_a_history_comes_back_as_it_was_also_from_before(history: TitleHistory) -> None:
    assert kept(history) == history
    version = importlib.import_module(f"{migrations.__name__}.versions.{MIGRATION}")
    old = json.loads(json.dumps(old_payload(history)))
    assert version._pack(old) == json.loads(json.dumps(from_history(history)))


@given(
    st.dictionaries(
        st.builds(Key, st.just("TV_7"), numbers, numbers),
        st.dictionaries(moments, st.sampled_from(Fate), min_size=1, max_size=4),
        max_size=3,
    )
)
def test_what_became_of_older_viewings_comes_back_too(
    older: dict[Key, dict[datetime, Fate]],
) -> None:
    history = TitleHistory(SHOW, "TV_7", (), older=older)
    assert kept(history) == history
    # Where nothing is to be said of them, they take no room.
    assert len(from_history(history)) == (5 if older else 4)


def test_plays_are_kept_by_the_steps_of_their_minutes_since_1970() -> None:
    assert from_history(a_show(1, 2, 4)) == [
        "TV_7",
        [
            [28_487_461, 1, 2],
            [1, 0, 0],
            [1, 1, 2],
            [2**40 + 1, 1, 2],
            [1, 1, 2],
        ],
        [[1, 1, 2, "covered"], [1, 4, 1, "covered"]],
        [[1, "all 8 watched", 7, [1, 8]]],
    ]
    own = Ids(imdb="tt5")
    film = TitleHistory(
        FILM,
        None,
        (Play(FILM, UNKNOWN_DATE), Play(FILM, MINUTE, None, None, 5, None, own)),
    )
    assert from_history(film)[1] == [
        [0, 28_487_519],
        None,
        None,
        [None, 5],
        None,
        [None, {"imdb": "tt5"}],
    ]
    assert kept(film) == film


def a_show(*minutes: int) -> TitleHistory:
    plays = tuple(
        Play(SHOW, MINUTE.replace(minute=m), 1, m, 2**40 + m, m) for m in minutes
    )
    fates = {Key("TV_7", 1, m): Fate.COVERED for m in minutes}
    seasons = (SeasonFacts(1, "all 8 watched", 7, frozenset(range(1, 9))),)
    return TitleHistory(SHOW, "TV_7", plays, fates, seasons)


async def test_histories_are_replaced_title_by_title_together_with_facts(
    ledger: Ledger,
) -> None:
    film = TitleHistory(FILM, None, (Play(FILM, UNKNOWN_DATE, id=5),))
    await ledger.put_histories(PROFILE, [a_show(1, 2), film], {"watermark": 1}, AT)
    found = {h.media: h for h in await ledger.histories(PROFILE)}
    assert found == {None: film, "TV_7": a_show(1, 2)}

    await ledger.put_histories(
        PROFILE, [a_show(3)], {"watermark": 2}, AT, gone=[title_key(FILM)]
    )
    (left,) = await ledger.histories(PROFILE)
    assert [p.episode for p in left.plays] == [3]
    assert await ledger.get_fact(PROFILE, "watermark") == 2

    await ledger.put_histories(PROFILE, [film], {}, AT)
    assert await ledger.histories(PROFILE) == [film]
    assert await ledger.histories("p-2") == []


def test_titles_are_told_apart_by_the_best_id_they_have() -> None:
    film, show = (Title(kind, "Same", 2000, Ids(trakt=1)) for kind in Kind)
    renamed = Title(Kind.FILM, "Other", 2001, Ids(trakt=1, tmdb=2))
    assert title_key(film) == title_key(renamed) != title_key(show)
    nameless = [
        Title(Kind.FILM, "Same", 2000),
        Title(Kind.FILM, "Same", 2001),
        Title(Kind.FILM, "Same", 2000, Ids(imdb="tt1")),
        Title(Kind.FILM, "Same", 2000, Ids(tmdb=1)),
    ]
    assert len(set(map(title_key, nameless))) == 4
