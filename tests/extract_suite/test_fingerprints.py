"""Where a fingerprint is the same, the minimal lists tell nothing else of a title."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sync.domain.plays import UNKNOWN_DATE, Ids, Kind, Play, Title
from sync.extract.listed import Listed, Minimal, compare, fingerprint_of
from sync.extract.unreadable import Shelf

if TYPE_CHECKING:
    from collections.abc import Sequence

START = datetime(2024, 2, 29, 23, 58, tzinfo=UTC)
FILM = Title(Kind.FILM, "A film", 2000, Ids(trakt=7))
SHOW = Title(Kind.SHOW, "A show", 2000, Ids(trakt=7))
HOUR_EAST = timezone(timedelta(hours=1))

#: A play of an episode, by its id: in few seasons and minutes, so that they meet.
episodes = st.builds(
    lambda item, season, minute: Play(
        SHOW,
        UNKNOWN_DATE if minute == 0 else START + timedelta(minutes=minute),
        season,
        item,
        episode_id=item,
    ),
    st.integers(1, 4),
    st.integers(0, 2),
    st.integers(0, 3),
)
films = st.builds(lambda n: Play(FILM, START + timedelta(minutes=n)), st.integers(0, 3))
histories = st.one_of(st.lists(episodes, max_size=6), st.lists(films, max_size=4))


def listed(plays: Sequence[Play]) -> Minimal:
    """Return the lists of an account that holds these plays, in no good order."""
    shows: defaultdict[int | None, defaultdict[int, list[datetime]]]
    shows = defaultdict(lambda: defaultdict(list))
    times: list[datetime] = []
    for play in reversed(plays):
        # Lists tell seconds, and may tell them in any zone.
        at = play.watched_at.astimezone(HOUR_EAST)
        if play.watched_at != UNKNOWN_DATE:
            at += timedelta(seconds=play.season or 59)
        if play.title.kind is Kind.FILM:
            times.append(at)
        else:
            shows[play.season][play.episode_id or 0].append(at)
    of_show = {season: dict(of_season) for season, of_season in shows.items()}
    return Minimal({7: times} if times else {}, {7: of_show} if of_show else {})


def fingerprints(minimal: Minimal) -> dict[str, str]:
    return {route: of_title.fingerprint for route, of_title in minimal.titles()}


@given(histories, histories)
def test_the_same_one_says_that_nothing_differs(
    known: list[Play], now: list[Play]
) -> None:
    minimal = listed(now)
    found = fingerprint_of(known)
    if known and found in fingerprints(minimal).values():
        assert not compare(minimal, known, Shelf.of((), START), {}).differing


@given(histories)
def test_an_account_in_which_nothing_changed_has_the_same_ones(
    plays: list[Play],
) -> None:
    by_episode = defaultdict(set)
    for play in plays:
        by_episode[play.episode_id].add(play.season)
    is_told = all(len(seasons) == 1 for seasons in by_episode.values())
    found = fingerprint_of(plays)
    if not is_told and plays and plays[0].title is SHOW:
        assert found is None
    elif plays:
        assert [found] == [*fingerprints(listed(plays)).values()]


@given(histories, st.randoms())
def test_it_does_not_hang_on_the_order(plays: list[Play], random: object) -> None:
    mixed = [*plays]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert fingerprint_of(mixed) == fingerprint_of(plays)


def test_what_no_list_can_tell_has_none() -> None:
    without_id = Play(Title(Kind.FILM, "A film", 2000, Ids(tmdb=3)), START)
    assert fingerprint_of([without_id]) is None
    assert fingerprint_of([Play(SHOW, START, 1, 1)]) is None


def test_a_season_that_is_not_told_differs() -> None:
    play = Play(SHOW, START, 1, 1, episode_id=3)
    untold = Listed.of_show({None: {3: [START]}})
    assert untold.fingerprint != fingerprint_of([play])
    assert Listed.of_show({1: {3: [START]}}).fingerprint == fingerprint_of([play])
    assert Listed.of_show({1: {3: [START], 4: []}}).fingerprint != fingerprint_of(
        [play]
    )
