"""Every play that was read ends in one fate, of its title and of all."""

from __future__ import annotations

from dataclasses import replace

from sync.domain.balance import Balance, balance
from sync.domain.desired import Desired, transform
from sync.domain.plan import Fate, Plan
from sync.domain.plays import Key
from tests.factories import at, episode, film, play, show

FILM, FIRST, SECOND = Key("MV_501"), Key("TV_501", 1, 1), Key("TV_501", 1, 2)
FATES = {FILM: Fate.WRITTEN, FIRST: Fate.KEPT, SECOND: Fate.COVERED}
PLAN = Plan((), FATES, gone=frozenset({FIRST}))


def history() -> Desired:
    plays = [
        *(play(film(1), at(day)) for day in (1, 2, 2)),
        episode(1, 1, at(1)),
        episode(1, 2, at(5)),
        episode(0, 1),
        play(film(2, tmdb=None), at(3)),
    ]
    return transform(plays, {})


def test_the_plays_of_a_key_share_the_fate_of_the_latest() -> None:
    total, titles = balance(9, history(), PLAN, quarantined=2)
    assert total.fates == {
        Fate.WRITTEN: 3,
        Fate.KEPT: 1,
        Fate.COVERED: 1,
        Fate.UNSUPPORTED: 1,
        Fate.UNMATCHED: 1,
        Fate.UNREADABLE: 2,
    }
    assert (total.is_even, total.repeats, total.gone) == (True, 2, 1)
    assert total.on_discovr == 4
    assert not balance(8, history(), PLAN, quarantined=2)[0].is_even
    of_film, of_show = titles[film(1)], titles[show(1)]
    assert (of_film.read, of_film.repeats, of_film.gone) == (3, 2, 0)
    assert (of_show.read, of_show.repeats, of_show.gone) == (3, 0, 1)


def test_each_viewing_has_a_fate_of_its_own_where_the_plan_says_so() -> None:
    plan = replace(PLAN, older={FILM: {at(1): Fate.ALREADY_THERE}})
    total, _ = balance(7, history(), plan)
    assert total.fates[Fate.ALREADY_THERE] == 1
    assert (total.fates[Fate.WRITTEN], total.repeats) == (2, 1)
    assert total.is_even
    kept = replace(
        plan, older={FILM: {at(1): Fate.KEPT}}, gone=frozenset({FILM, SECOND})
    )
    assert balance(7, history(), kept)[0].gone == 1


def test_what_did_not_arrive_failed_with_its_repeats_or_was_not_sent() -> None:
    failed = {(FILM, at(2)), (SECOND, at(5))}
    total, titles = balance(7, history(), PLAN, failed=failed, unsent={(FILM, at(2))})
    assert total.fates[Fate.FAILED] == 4
    assert total.fates[Fate.KEPT] == 1
    assert (total.unsent, titles[film(1)].unsent, titles[show(1)].unsent) == (3, 3, 0)
    # What was not sent is of what failed alone.
    assert balance(7, history(), PLAN, unsent=failed)[0].unsent == 0
    assert (
        balance(7, history(), PLAN, failed={(FILM, at(1))})[0].fates[Fate.FAILED] == 0
    )


def test_what_is_counted_together_came_of_one_decision() -> None:
    found = Balance(3)
    found.add(Fate.WRITTEN, 2, 1)
    found.add(Fate.WRITTEN, 1)
    assert found == Balance(3, found.fates, repeats=1)
    assert found.fates[Fate.WRITTEN] == found.on_discovr == 3
