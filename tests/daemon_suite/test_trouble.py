"""The laws of telling: once for each trouble, its end once, a summary once a week."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from connectors.errors import AuthError, ConfigError
from sync.daemon.messages import word
from sync.daemon.trouble import LONG, WEEK, Heard, Memory, Notice, due
from sync.daemon.turn import Ending, Turn, failed_turn
from tests.daemon_suite.told import AT_ONCE, PASSING, START, turn

HOURS = LONG / timedelta(hours=1)
TURNS = st.lists(
    st.tuples(
        st.sampled_from(list(Ending)),
        st.floats(0.1, 30),
        st.integers(0, 2),
        st.booleans(),  # whether what is sent arrives
        st.booleans(),  # whether the process begins anew
    ),
    max_size=15,
)
MEMORY = TypeAdapter(Memory)


def take(memory: Memory, turn: Turn, *, weekly: bool = False) -> list[str]:
    """Take in a turn at one address that takes everything; return what it hears."""
    memory.meet(["one"])
    memory.note(turn, weekly=weekly)
    return deliver(memory, turn)


def deliver(memory: Memory, turn: Turn) -> list[str]:
    heard, now = memory.heard["one"], turn.finished_at
    notices = list(due(memory, heard, now, None))
    for notice in notices:
        notice.mark(heard)
        assert word(notice, memory, turn, None).body
    if memory.is_week_over(now):
        memory.begin_week(now)
    return [notice.kind for notice in notices]


@pytest.mark.parametrize("ending", AT_ONCE)
def test_what_only_a_person_can_mend_is_told_at_once_and_once(ending: Ending) -> None:
    memory = Memory()
    told = [take(memory, turn(ending, hours)) for hours in range(0, 200, 6)]
    assert told[0] == ["trouble"]
    assert not any(told[1:])
    assert take(memory, turn(Ending.DONE, 201)) == ["recovery"]
    assert take(memory, turn(Ending.DONE, 207)) == []
    assert take(memory, turn(ending, 213)) == ["trouble"]


@pytest.mark.parametrize("ending", PASSING)
def test_what_may_pass_is_told_once_it_has_lasted_a_day(ending: Ending) -> None:
    memory = Memory()
    told = {h: take(memory, turn(ending, h)) for h in range(0, 100, 6)}
    assert [hours for hours, kinds in told.items() if kinds] == [HOURS]
    assert take(memory, turn(Ending.DONE, 101)) == ["recovery"]


@pytest.mark.parametrize("ending", PASSING)
def test_what_passes_within_a_day_is_never_told(ending: Ending) -> None:
    memory = Memory()
    for day in range(5):
        for hours in range(0, 23, 6):
            assert take(memory, turn(ending, 24 * day + hours)) == []
        assert take(memory, turn(Ending.DONE, 24 * day + 23)) == []


def test_an_outage_in_between_neither_ends_a_trouble_nor_tells_it_again() -> None:
    memory = Memory()
    script = [Ending.LOGIN, Ending.DOWN, Ending.BUSY, Ending.LOGIN, Ending.DONE]
    told = [take(memory, turn(e, 6 * n)) for n, e in enumerate(script)]
    assert told == [["trouble"], [], [], [], ["recovery"]]


def test_each_trouble_has_its_own_message_whatever_order_they_come_in() -> None:
    memory = Memory()
    script = [Ending.LOGIN, Ending.CONFIG, Ending.LOGIN, Ending.GUARD, Ending.CONFIG]
    told = [take(memory, turn(e, 6 * n)) for n, e in enumerate(script)]
    assert told == [["trouble"], ["trouble"], [], ["trouble"], []]
    assert take(memory, turn(Ending.DONE, 40)) == ["recovery"]


@pytest.mark.parametrize(
    ("first", "second", "is_new"),
    [
        (AuthError("Trakt refuses."), AuthError("Discovr refuses."), True),
        (ConfigError("[a] b is wrong."), ConfigError("[c] d is wrong."), True),
        (ConfigError("3 of 10 are wrong."), ConfigError("4 of 12 are wrong."), False),
    ],
)
def test_numbers_make_no_new_trouble_and_another_setting_does(
    first: AuthError, second: AuthError, *, is_new: bool
) -> None:
    memory = Memory()
    assert take(memory, failed_turn(first, START, START)) == ["trouble"]
    assert bool(take(memory, failed_turn(second, START, START))) == is_new


def test_a_login_that_is_back_while_not_all_is_in_its_place_is_no_recovery() -> None:
    memory = Memory()
    assert take(memory, turn(Ending.LOGIN, 0)) == ["trouble"]
    assert take(memory, turn(Ending.INCOMPLETE, 6)) == []
    assert take(memory, turn(Ending.DONE, 12)) == ["recovery"]


def test_records_that_cannot_be_read_are_told_when_there_are_new_ones() -> None:
    memory = Memory()
    new = {"unreadable": 3, "unreported": 3}
    assert take(memory, turn(Ending.INCOMPLETE, 0, **new)) == ["unreadable"]
    assert take(memory, turn(Ending.DONE, 6, unreadable=3)) == []
    more = {"unreadable": 4, "unreported": 1}
    assert take(memory, turn(Ending.INCOMPLETE, 12, **more)) == ["unreadable"]
    assert take(memory, turn(Ending.DONE, 18, unreadable=1)) == []


def test_a_new_address_hears_of_the_trouble_that_stands_and_of_nothing_older() -> None:
    memory = Memory()
    take(memory, turn(Ending.INCOMPLETE, 0, unreported=3))
    take(memory, turn(Ending.LOGIN, 6))
    memory.meet(["one", "two"])
    memory.note(turn(Ending.LOGIN, 12))
    kinds = [n.kind for n in due(memory, memory.heard["two"], START, None)]
    assert kinds == ["trouble"]
    assert not list(due(memory, memory.heard["one"], START, None))


def test_a_login_that_ends_soon_is_told_once() -> None:
    memory, heard = Memory(), Heard()
    ends_at = START + timedelta(days=3)
    (notice,) = due(memory, heard, START, ends_at)
    notice.mark(heard)
    assert not list(due(memory, heard, START, ends_at))
    assert list(due(memory, heard, START, ends_at + timedelta(days=90)))


@pytest.mark.parametrize("every", [1, 6, 24, 50, 24 * 10])
def test_a_summary_comes_once_a_week_and_counts_that_week(every: int) -> None:
    memory, summaries = Memory(), []
    hours = range(0, 24 * 31, every)
    for hour in hours:
        memory.meet(["one"])
        memory.note(turn(Ending.DONE, hour, written=1), weekly=True)
        week = memory.week
        assert week is not None
        counted = (week.runs, week.well, week.written)
        if deliver(memory, turn(Ending.DONE, hour)):
            summaries.append(hour)
            assert len(set(counted)) == 1
            assert counted[0] >= 1
    apart = [b - a for a, b in pairwise(summaries)]
    assert all(gap > 24 * 7 - every for gap in apart)
    assert len(summaries) == (4 if every <= 50 else 3)


def test_no_summary_comes_unasked() -> None:
    memory = Memory()
    assert not any(take(memory, turn(Ending.DONE, h)) for h in range(0, 2_000, 24))


@given(TURNS)
@settings(max_examples=40)
def test_nothing_is_told_twice_and_nothing_is_lost(
    script: list[tuple[Ending, float, int, bool, bool]],
) -> None:
    memory, hours = Memory(), 0.0
    told: Counter[str] = Counter()
    unheard = 0
    for ending, gap, new, arrives, restarts in script:
        hours += gap
        if restarts:
            memory = MEMORY.validate_json(MEMORY.dump_json(memory))
        count = new if ending in (Ending.DONE, Ending.INCOMPLETE) else 0
        this = turn(ending, hours, **({"unreported": count} if count else {}))
        memory.meet(["one"])
        memory.note(this)
        unheard += count
        heard = memory.heard["one"]
        notices = list(due(memory, heard, this.finished_at, None))
        kinds = {notice.kind for notice in notices}
        assert ("unreadable" in kinds) == bool(unheard)
        assert ("recovery" in kinds) == (ending is Ending.DONE and bool(+told))
        if ending in AT_ONCE:
            assert memory.trouble
            assert ("trouble" in kinds) == (memory.trouble.key not in told)
        if not arrives:
            continue  # and so it is due again
        for notice in notices:
            notice.mark(heard)
            told = count_it(told, notice, memory)
        unheard = 0


def count_it(told: Counter[str], notice: Notice, memory: Memory) -> Counter[str]:
    """Count what was told since all was well; fail at the second time."""
    if notice.kind == "recovery":
        assert told, "nobody had been told that anything was wrong"
        return Counter()
    if notice.kind == "trouble":
        assert memory.trouble
        told[memory.trouble.key] += 1
        assert told[memory.trouble.key] == 1
    return told


def test_a_week_that_passed_while_the_job_was_off_makes_one_summary() -> None:
    memory = Memory()
    take(memory, turn(Ending.DONE, 0), weekly=True)
    assert take(memory, turn(Ending.DONE, 24 * 40), weekly=True) == ["week"]
    assert take(memory, turn(Ending.DONE, 24 * 40 + 6), weekly=True) == []
    assert memory.week
    assert memory.week.until - START > WEEK
