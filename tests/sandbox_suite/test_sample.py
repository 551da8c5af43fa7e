"""The sample account shows every case; what is promised of it is found in it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import pytest

from sync.domain.plays import Key, Kind, to_minute
from sync.sandbox import sample_account, synthetic_account
from sync.sandbox.account.sample import own_entries

if TYPE_CHECKING:
    from sync.sandbox import Account, CatalogueTitle, Episode, Play


@pytest.fixture(scope="module")
def account() -> Account:
    return sample_account()


def shows(account: Account) -> list[CatalogueTitle]:
    return [title for title in account.titles if title.kind is Kind.SHOW]


def episodes(account: Account) -> list[Episode]:
    seasons = chain.from_iterable(title.seasons for title in account.titles)
    return list(chain.from_iterable(season.episodes for season in seasons))


def watched(account: Account, name: str, season: int) -> list[int]:
    plays = account.plays_of(account.find(name), season)
    return sorted({play.episode.number for play in plays if play.episode})


def test_it_is_of_a_size_that_fills_several_pages(account: Account) -> None:
    assert len(shows(account)) == 22
    assert len(account.titles) - 22 == 49
    assert 760 < len(account.plays) < 1000


def test_it_is_the_same_every_time(account: Account) -> None:
    def dates(account: Account) -> list[tuple[int, str]]:
        return [(play.id, play.watched_at.isoformat()) for play in account.plays]

    assert dates(account) == dates(sample_account())


def test_ids_are_unique_within_their_kind(account: Account) -> None:
    for kind in Kind:
        titles = [title for title in account.titles if title.kind is kind]
        for name in ("trakt", "slug", "imdb", "tmdb", "tvdb"):
            ids = [i for t in titles if (i := getattr(t.ids, name)) is not None]
            assert len(ids) == len(set(ids)), name
    seasons = [season.ids.trakt for show in shows(account) for season in show.seasons]
    assert len(seasons) == len(set(seasons))
    numbers = [episode.ids.trakt for episode in episodes(account)]
    assert len(numbers) == len(set(numbers))
    assert all(play.id > 2**33 for play in account.plays)


def test_numbers_collide_across_kinds(account: Account) -> None:
    films = {t.trakt: t for t in account.titles if t.kind is Kind.FILM}
    assert account.find("Зеркало").ids.tmdb == account.find("Breaking Bad").ids.tmdb
    assert films.keys() & {show.trakt for show in shows(account)}
    assert films.keys() & {episode.ids.trakt for episode in episodes(account)}


def test_ids_are_missing_in_each_way(account: Account) -> None:
    unlisted = {title.unlisted for title in account.titles}
    assert unlisted == {frozenset(), frozenset({"tmdb"}), frozenset({"tmdb", "imdb"})}
    bare = account.find("Our Summer 2009 (home movie)")
    assert set(bare.ids.known()) == {"trakt", "slug"}


def test_seasons_are_finished_left_and_watched_again(account: Account) -> None:
    assert watched(account, "Chernobyl", 1) == [1, 2, 3, 4, 5]
    assert watched(account, "The Wire", 3) == [1, 2, 3, 4, 5]
    assert watched(account, "Better Call Saul", 3) == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert len(account.plays_of(account.find("Fleabag"), 2)) == 12
    assert len(account.plays_of(account.find("Chernobyl"), 1, 1)) == 2
    assert len(account.plays_of(account.find("The Matrix"))) == 3


def test_a_running_season_is_caught_up_with_dated_and_undated_episodes_ahead(
    account: Account,
) -> None:
    show = account.find("Silo")
    season = show.season(3)
    assert season is not None
    last = max(play.watched_at for play in account.plays_of(show, 3))
    aired = [
        e.number for e in season.episodes if e.first_aired and e.first_aired <= last
    ]
    assert watched(account, "Silo", 3) == aired == [1, 2]
    ahead = season.episodes[2:]
    assert [episode.first_aired is None for episode in ahead] == [False] * 6 + [
        True
    ] * 2
    assert [episode.air_date is None for episode in ahead] == [False] * 6 + [True] * 2


def test_there_are_specials_an_episode_zero_and_gaps(account: Account) -> None:
    assert watched(account, "Doctor Who", 0) == [1, 2, 3, 4]
    assert watched(account, "Sherlock", 1) == [0, 1, 2, 3]
    numbers = watched(account, "Attack on Titan", 4)
    assert max(numbers) > len(numbers)


def test_some_plays_have_no_date(account: Account) -> None:
    undated = [play for play in account.plays if play.is_undated]
    assert Counter(play.title.kind for play in undated) == {Kind.FILM: 3, Kind.SHOW: 9}
    assert all(play.id > 12_000_000_000 for play in undated)


def test_plays_share_a_minute_and_a_season_was_marked_within_one(
    account: Account,
) -> None:
    minutes = Counter(
        (play.title.name, to_minute(play.watched_at))
        for play in account.plays
        if not play.is_undated
    )
    assert {2, 8} <= set(minutes.values())


def test_a_play_is_older_than_its_airing(account: Account) -> None:
    assert any(_is_before_airing(play) for play in account.plays)


def _is_before_airing(play: Play) -> bool:
    aired = play.episode.first_aired if play.episode else None
    return aired is not None and not play.is_undated and play.watched_at < aired


def test_plays_were_scrobbled_checked_in_and_marked(account: Account) -> None:
    assert {play.action for play in account.plays} == {"scrobble", "checkin", "watch"}


def test_titles_hold_what_breaks_careless_programs(account: Account) -> None:
    names = " ".join(title.name for title in account.titles)
    for text in ("🎬", "\N{ZERO WIDTH JOINER}", "שטיסל", "جدایی", "<script>", '"', "&"):
        assert text in names


def test_evening_shows_air_on_the_day_before_in_utc(account: Account) -> None:
    nights = [
        episode
        for episode in episodes(account)
        if episode.first_aired
        and episode.air_date
        and episode.first_aired.date() == episode.air_date + timedelta(days=1)
    ]
    assert len(nights) > 100


def test_seasons_come_weekly_and_all_at_once(account: Account) -> None:
    def gaps(name: str) -> set[timedelta]:
        season = account.find(name).season(1)
        assert season is not None
        days = [episode.air_date for episode in season.episodes if episode.air_date]
        return {late - early for early, late in pairwise(days)}

    assert gaps("Breaking Bad") == {timedelta(days=7)}
    assert gaps("Stranger Things") == {timedelta(0)}


def test_resume_points_are_new_old_nearly_done_and_unmatched(account: Account) -> None:
    assert [pause.progress for pause in account.pauses] == [43.5, 62, 91.2, 20, 50]
    assert len(
        {pause.id for pause in account.pauses} | {p.id for p in account.plays}
    ) == (len(account.pauses) + len(account.plays))


def test_the_person_did_things_on_discovr_before(account: Account) -> None:
    own = own_entries(account)
    assert [(entry.key, entry.progress) for entry in own] == [
        (Key("MV_329865"), 100),
        (Key("TV_95396", 1, 3), 40),
        (Key("TV_136315", 4, 6), 30),
        (Key("TV_68595", 1), 100),
        (Key("MV_1091"), 100),
    ]
    kept = account.plays_of(account.find("Severance"), 1, 3)[0].watched_at
    patched = account.plays_of(account.find("The Bear"), 4, 6)[0].watched_at
    assert own[1].at > kept
    assert own[2].at < patched


@pytest.mark.parametrize(("plays", "show_count"), [(0, 0), (1, 0), (300, 7)])
def test_a_synthetic_account_has_exactly_what_was_ordered(
    plays: int, show_count: int
) -> None:
    made = synthetic_account(plays, show_count, seed=3)
    again = synthetic_account(plays, show_count, seed=3)
    assert len(made.plays) == len({play.id for play in made.plays}) == plays
    assert len(shows(made)) == show_count
    assert [p.watched_at for p in made.plays] == [p.watched_at for p in again.plays]
    assert made.play_counts() == again.play_counts()
    numbers = [episode.ids.trakt for episode in episodes(made)]
    assert len(numbers) == len(set(numbers))


def test_another_seed_makes_another_account() -> None:
    first, second = (synthetic_account(200, 5, seed) for seed in (1, 2))
    assert first.play_counts() != second.play_counts()
