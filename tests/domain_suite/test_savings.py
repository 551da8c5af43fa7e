"""What air dates would save, guessed from the history: close to what they do save."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sync.domain.desired import Desired, transform
from sync.domain.plays import Place, Play, Title
from sync.domain.reconcile import reconcile
from sync.domain.rules import Mode, Rules
from sync.domain.savings import _LENGTHS, _is_whole, estimate_savings
from sync.domain.seasons import Airing, Airings
from sync.sandbox.account.sample import sample_account
from sync.sandbox.account.synthetic import synthetic_account
from tests.factories import T0, show

if TYPE_CHECKING:
    from sync.sandbox.account.account import Account

MODES = [Mode.CLEAN, Mode.FEWEST]


def whole(account: Account) -> tuple[Desired, dict[Place, Airings]]:
    titles = {id(p.title): p.title for p in account.plays}
    of = {i: Title(t.kind, t.name, t.year, t.ids) for i, t in titles.items()}
    plays = [
        Play(
            of[id(p.title)],
            p.watched_at,
            p.episode.season if p.episode else None,
            p.episode.number if p.episode else None,
            p.id,
        )
        for p in account.plays
    ]
    airings: dict[Place, Airings] = {
        Place(f"TV_{title.ids.tmdb}", season.number): {
            e.number: Airing.from_date(e.air_date) if e.air_date else None
            for e in season.episodes
        }
        for title in account.titles
        for season in title.seasons
        if season.number
    }
    return transform(plays, {}), airings


def drawn(seed: int) -> tuple[Desired, dict[Place, Airings]]:
    """Return shows of many lengths; some are left in the middle, some have gaps."""
    draw = random.Random(seed)  # noqa: S311  # repeatable on purpose
    plays: list[Play] = []
    airings: dict[Place, Airings] = {}
    for number in range(1, 61):
        title, at = show(number), T0 + timedelta(days=number)
        length = draw.choice([6, 8, 8, 10, 10, 10, 13, 22, 24])
        count = draw.randint(1, 6)
        for season in range(1, count + 1):
            last = season == count and draw.random() < 0.4
            seen = draw.randint(1, length - 1) if last else length
            gaps = {draw.randint(1, seen)} if draw.random() < 0.1 else set()
            airings[Place(f"TV_{title.ids.tmdb}", season)] = {
                n: Airing.from_date((T0 - timedelta(days=2_000)).date())
                for n in range(1, length + 1)
            }
            for episode in sorted({*range(1, seen + 1)} - gaps):
                at += timedelta(hours=draw.randint(1, 40))
                plays.append(Play(title, at, season, episode, 10**10 + len(plays)))
    return transform(plays, {}), airings


def savings(
    desired: Desired, airings: dict[Place, Airings], mode: Mode
) -> tuple[int, int]:
    """Return what was guessed, and what is saved."""
    bare = reconcile(desired, (), Rules(mode=mode)).operations
    best = reconcile(desired, (), Rules(mode=mode, airings=airings)).operations
    return estimate_savings(desired, (), bare, mode), len(bare) - len(best)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("plays", "shows"), [(300, 3), (1_000, 50), (3_000, 40)])
def test_it_is_close_on_made_up_accounts(
    plays: int, shows: int, seed: int, mode: Mode
) -> None:
    guessed, saved = savings(*whole(synthetic_account(plays, shows, seed)), mode)
    assert guessed == pytest.approx(saved, rel=0.15)


@pytest.mark.parametrize("seed", range(12))
def test_it_is_close_where_shows_are_left_in_the_middle(seed: int) -> None:
    guessed, saved = savings(*drawn(seed), Mode.CLEAN)
    assert guessed == pytest.approx(saved, rel=0.15)


def test_it_is_close_on_the_sample() -> None:
    guessed, saved = savings(*whole(sample_account()), Mode.CLEAN)
    assert guessed == pytest.approx(saved, rel=0.15)


def test_nothing_is_promised_where_nothing_can_be_saved() -> None:
    desired, airings = drawn(1)
    assert savings(desired, airings, Mode.OFF) == (0, 0)
    films = whole(synthetic_account(40, 0))
    assert savings(*films, Mode.CLEAN) == (0, 0)


def test_a_season_is_at_its_end_where_others_ended_there() -> None:
    odd = next(n for n in range(2, max(_LENGTHS)) if n not in _LENGTHS)
    nobody: Counter[int] = Counter()
    assert _is_whole(odd, nobody, nobody) == 0
    for length in _LENGTHS:
        here, later = Counter([length]), Counter([max(_LENGTHS) + 1])
        usual = _is_whole(length, nobody, nobody)
        assert 0 < usual <= 1
        # The same show tells more than the others that somebody watched.
        of_all, of_show = (
            _is_whole(length, here, nobody),
            _is_whole(length, here, here),
        )
        assert usual <= of_all <= of_show <= 1
        assert _is_whole(length, later, nobody) < 1
    assert _is_whole(8, Counter([8]), nobody) < _is_whole(8, Counter([8]), Counter([8]))


def test_the_usual_lengths_are_shares_and_a_longer_season_than_all_is_at_its_end() -> (
    None
):
    assert sum(_LENGTHS.values()) == pytest.approx(1)
    nobody: Counter[int] = Counter()
    assert _is_whole(max(_LENGTHS) + 1, nobody, nobody) == 1


def test_a_season_that_saves_nothing_takes_nothing_from_the_others() -> None:
    """Three are saved of the first; the gaps of the second would cost more than it."""
    seen = {1: [1, 2, 3, 4, 5], 2: [1, 10], 3: [1], 4: [1]}
    plays = [
        Play(show(1), T0 + timedelta(days=season, hours=n), season, n, 10 * season + n)
        for season, numbers in seen.items()
        for n in numbers
    ]
    desired = transform(plays, {})
    bare = reconcile(desired, (), Rules(mode=Mode.OFF)).operations
    assert len(bare) == len(plays)
    assert estimate_savings(desired, (), bare, Mode.FEWEST) == 4
    assert estimate_savings(desired, (), bare, Mode.CLEAN) == 4
