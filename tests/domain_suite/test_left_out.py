"""Law 15: what is left out on request is there, counted, and no part of W."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.balance import balance
from sync.domain.collapse import SeasonChoice, plan_season
from sync.domain.desired import Desired, transform
from sync.domain.entries import Entry
from sync.domain.filters import Filter, Only
from sync.domain.plan import Fate
from sync.domain.plays import UNKNOWN_DATE, Key, Kind, Play, title_key
from sync.domain.reconcile import reconcile
from sync.domain.rules import Mode, Rules, SeasonRecord
from sync.domain.seasons import Airing
from sync.domain.verify import Provenance, compare
from tests.domain_suite.brute_force import (
    PLACE,
    Season,
    applied,
    as_plan,
    best_plan,
    broken_laws,
    grid_seasons,
    random_season,
    shown_in,
)
from tests.domain_suite.test_reconcile_laws import histories, profiles, rules
from tests.factories import T0, episode, film, show

if TYPE_CHECKING:
    from collections.abc import Collection

SKIPS = st.sampled_from(
    ["Film 1", "film 2 (2000)", "MV_503", "TV_501", "show:trakt:2", "film:tmdb:502"]
)
filters = st.builds(
    Filter,
    since=st.one_of(
        st.none(), st.integers(0, 60).map(lambda days: T0 + timedelta(days=days))
    ),
    only=st.sampled_from([None, *Only]),
    skip=st.lists(SKIPS, max_size=2).map(tuple),
)
#: What each of them means, told apart from how it is read.
_MEANT = {
    "Film 1": film(1),
    "film 2 (2000)": film(2),
    "MV_503": film(3),
    "TV_501": show(1),
    "show:trakt:2": show(2),
    "film:tmdb:502": film(2),
}


def is_wanted(play: Play, chosen: Filter) -> bool:
    """Say anew what DESIGN says: a play exactly at ``since`` is in, one undated not."""
    kinds: dict[Only | None, Collection[Kind]]
    kinds = {None: [*Kind], Only.FILMS: [Kind.FILM], Only.SHOWS: [Kind.SHOW]}
    if chosen.since:
        at = play.watched_at
        if at == UNKNOWN_DATE or at < chosen.since:
            return False
    title, skipped = play.title, {title_key(_MEANT[text]) for text in chosen.skip}
    return title.kind in kinds[chosen.only] and title_key(title) not in skipped


def sifted(history: list[Play], chosen: Filter) -> Desired:
    return transform(history, {}, sieve=chosen.over([play.title for play in history]))


@settings(max_examples=25)
@given(histories, profiles, rules, filters)
def test_the_plan_is_that_of_an_account_without_what_is_left_out(
    history: list[Play], profile: list[Entry], chosen: Rules, leaving: Filter
) -> None:
    rest = [play for play in history if is_wanted(play, leaving)]
    with_all, without = sifted(history, leaving), transform(rest, {})
    assert with_all.watched == without.watched
    assert with_all.unmatched == without.unmatched
    assert with_all.unsupported == without.unsupported
    assert (with_all.titles, with_all.sharing) == (without.titles, without.sharing)
    # That a catalogue lacks an episode which is left out tells against it, no more.
    aside = with_all.keys_aside()
    fitting = {
        place: airings
        for place, airings in chosen.airings.items()
        if all(key.episode in airings for key in aside if key.place == place)
    }
    chosen = replace(chosen, airings=fitting)
    ours = [e for e in profile if not (e.is_default and e.imported)]
    made, wanted = (reconcile(d, ours, chosen) for d in (with_all, without))
    assert [o.id for o in made.operations] == [o.id for o in wanted.operations]
    assert made.fates == wanted.fates


@settings(max_examples=25)
@given(histories, profiles, rules, filters)
def test_every_play_is_in_one_line_of_the_balance(
    history: list[Play], profile: list[Entry], chosen: Rules, leaving: Filter
) -> None:
    desired = sifted(history, leaving)
    total, titles = balance(len(history), desired, reconcile(desired, profile, chosen))
    assert total.is_even
    left = [play for play in history if not is_wanted(play, leaving)]
    assert total.fates[Fate.LEFT_OUT] == len(left)
    assert all(part.is_even for part in titles.values())
    by_title = {title_key(t): part.fates[Fate.LEFT_OUT] for t, part in titles.items()}
    for title in {play.title for play in history}:
        count = sum(play.title == title for play in left)
        assert by_title.get(title_key(title), 0) == count


@settings(max_examples=25)
@given(histories, profiles, rules, filters)
def test_verify_finds_no_difference_in_what_is_left_out(
    history: list[Play], profile: list[Entry], chosen: Rules, leaving: Filter
) -> None:
    """Everything stands there, all of it ours; then a filter is added."""
    entries = [
        Entry(key, viewing.latest, 100.0, "trakt")
        for key, viewing in transform(history, {}).watched.items()
        if key.episode != 0
    ]
    desired = sifted(history, leaving)
    plan = reconcile(desired, entries, replace(chosen, has_every_viewing=False))
    written = {e.key for e in entries}
    known = Provenance(gone=written, written=written, left_out=desired.keys_aside())
    found = compare(desired, plan, entries, "trakt", known)
    assert found == replace(found, missing=(), unexpected=(), foreign=(), elsewhere=())


def planned(season: Season, left_out: set[int]) -> SeasonChoice:
    return plan_season(
        PLACE,
        season.watched,
        season.existing,
        season.airings,
        mode=season.mode,
        conflict=season.conflict,
        record=SeasonRecord(left_out=left_out),
    )


def without_some(season: Season, draw: int) -> tuple[Season, set[int]]:
    """Leave some of the watched episodes out: W is what remains."""
    pick = Random(draw)  # noqa: S311  # no secret
    left_out = {n for n in season.watched if pick.random() < 0.4}
    rest = {n: at for n, at in season.watched.items() if n not in left_out}
    return replace(season, watched=rest), left_out


@settings(max_examples=150)
@given(grid_seasons(), st.integers(0, 2**32))
def test_laws_1_and_2_hold_for_what_remains(season: Season, draw: int) -> None:
    """No default covers an episode that is left out; one that does already stays."""
    rest, left_out = without_some(season, draw)
    after = replace(
        rest, existing=applied(rest.existing, planned(rest, left_out).operations)
    )
    late = {*(rest.airings or ())} if rest.mode is Mode.FEWEST else set()
    unwatched = {f"2: {n} is un-watched" for n in late - left_out}
    assert set(broken_laws(rest, after)) <= unwatched
    for number in left_out:
        assert shown_in(after, number) == shown_in(rest, number) or (
            not any(shown_in(rest, number))
        )
        assert not any(
            now and not was
            for was, now in zip(
                shown_in(rest, number), shown_in(after, number), strict=True
            )
        )


def test_law_7_no_lawful_plan_of_what_remains_is_cheaper() -> None:
    for seed in range(400):
        rest, left_out = without_some(random_season(seed), seed)
        if rest.defaults or not left_out or not left_out <= {*(rest.airings or ())}:
            continue
        choice, best = planned(rest, left_out), best_plan(rest)
        assert as_plan(choice).writes == best.writes, seed
        assert as_plan(choice).default_at == best.default_at, seed


def test_a_default_of_ours_stays_as_it_is_even_in_the_mode_with_zeros() -> None:
    there = [Entry(Key(*PLACE), T0, 100.0, "trakt")]
    season = Season({2: T0}, random_season(1).airings, tuple(there), Mode.FEWEST)
    season = replace(season, airings=dict(zip((1, 2), _early(), strict=True)))
    assert planned(season, {1}).operations == ()
    assert planned(season, {1}).late == ()
    assert planned(season, set()).late == (1,)


def _early() -> list[Airing]:
    return [Airing.from_instant(T0 - timedelta(days=90))] * 2


def test_the_reason_tells_what_was_not_watched_from_what_is_left_out() -> None:
    plays = [episode(1, n, T0 + timedelta(days=n)) for n in (1, 2, 3, 4)]
    leaving = Filter(since=T0 + timedelta(days=2))
    desired = sifted(plays, leaving)
    airings = {PLACE._replace(media="TV_501"): dict.fromkeys(range(1, 6), _early()[0])}
    note = reconcile(desired, (), Rules(airings=airings)).seasons[0]
    assert note.reason == ("S01E05 was never watched; S01E01 was left out on request")
