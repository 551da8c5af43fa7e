"""What a title comes to is kept of those alone that nobody has to look at again."""

from __future__ import annotations

from collections import Counter

import pytest

from sync.domain.balance import Balance
from sync.domain.plan import Fate
from sync.domain.plays import Kind
from sync.domain.sums import Rest, Sums

AT_REST = {Fate.WRITTEN, Fate.ALREADY_THERE, Fate.COVERED}


def balance_of(**fates: int) -> Balance:
    return Balance(sum(fates.values()), Counter({Fate(f): n for f, n in fates.items()}))


@pytest.mark.parametrize("fate", Fate)
def test_one_play_that_came_out_otherwise_is_enough(fate: Fate) -> None:
    run = balance_of(already_there=2)
    run.add(fate, 1)
    found = Sums.of("f", "MV_1", 3, run, run)
    assert (found is not None) == (fate in AT_REST)


@pytest.mark.parametrize("name", ["gone", "unsent"])
def test_what_was_removed_or_waits_is_looked_at(name: str) -> None:
    run = balance_of(already_there=2)
    setattr(run, name, 1)
    assert Sums.of("f", "MV_1", 2, run, run) is None


def test_what_is_written_now_is_there_in_the_next_run() -> None:
    run = balance_of(written=2, already_there=3, covered=4)
    run.repeats = 5
    move = balance_of(written=4, already_there=1, covered=4)
    found = Sums.of("f", "TV_1", 7, run, move)
    assert found == Sums("f", "TV_1", there=5, ours=4, covered=4, repeats=5, items=7)
    rest = Rest({"show:1": found, "film:1": Sums("g", "MV_1", 1, 0, 0, 0, 1)})
    assert (rest.plays, rest.items) == (10, 8)
    assert rest.kinds == {*Kind}
    for is_of_move, there, written in ((False, 6, 0), (True, 2, 4)):
        total = Balance()
        rest.add_to(total, is_of_move=is_of_move)
        total.read = rest.plays
        assert total.is_even
        assert total.repeats == 5
        fates = {Fate.ALREADY_THERE: there, Fate.WRITTEN: written, Fate.COVERED: 4}
        assert +total.fates == +Counter(fates)


def test_a_part_is_named_by_its_ids_and_left_out_by_its_keys() -> None:
    of_title = Sums("f", "TV_1", 1, 0, 0, 0, 1)
    rest = Rest({"show:1": of_title, "show:2": of_title._replace(media="TV_2")})
    assert rest.of({"TV_2", None}) == {"show:2"}
    assert rest.but({"show:2", "show:3"}) == Rest({"show:1": of_title})
