"""The job on a moved clock: one run at a time, when it should be, and what it says."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import (
    AuthError,
    BlockedError,
    ConfigError,
    ContractError,
    RateLimitedError,
    UnknownOutcomeError,
)
from sync.cli.context import Context
from sync.daemon.turn import Ending, failed_turn
from sync.errors import MovedError, StoppedError
from sync.ledger import BusyError, StateError
from tests.daemon_suite.stages import (
    DOWN,
    SIX_HOURS,
    Stage,
    Step,
    chance,
    said,
    settle,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sync.daemon.job import Job

LOST = AuthError("There is no Trakt login.", remedy="Log in: trakt2discovr login trakt")
TEN_MINUTES = timedelta(minutes=10)
HOURS_6 = SIX_HOURS.total_seconds()
STEPS = st.builds(
    Step,
    error=st.sampled_from([None, DOWN, LOST, BusyError("p", None), ValueError("x")]),
    takes_s=st.floats(0.1, 2_000),
)


async def test_it_runs_at_once_and_then_on_every_interval() -> None:
    stage = Stage([Step()] * 4)
    began_at = stage.clock.now()
    job = await stage.play()
    assert stage.taken[0].began_at == began_at
    assert stage.gaps == [HOURS_6] * 3
    assert job.state.endings == {Ending.DONE: 4}


@given(st.lists(STEPS, min_size=1, max_size=12), st.integers(0, 999))
@settings(max_examples=60)
def test_never_two_at_once_and_each_begins_when_it_was_announced(
    steps: list[Step], seed: int
) -> None:
    async def play() -> Stage:
        stage = Stage(steps, every=TEN_MINUTES, uniform=chance(seed))
        await stage.play()
        return stage

    stage = asyncio.run(play())
    assert len(stage.taken) == len(steps)
    for before, taken in zip(stage.taken, stage.taken[1:], strict=False):
        assert before.ended_at is not None
        assert taken.announced_at is not None
        assert taken.began_at >= before.ended_at
        late_s = (taken.began_at - taken.announced_at).total_seconds()
        assert abs(late_s) < 0.001
        assert (taken.began_at - before.ended_at).total_seconds() <= 660


async def test_a_run_longer_than_the_interval_is_followed_by_one_and_no_pile() -> None:
    stage = Stage([Step(takes_s=5 * HOURS_6), Step(), Step()])
    await stage.play()
    assert stage.gaps == [5 * HOURS_6, HOURS_6]


async def test_a_service_that_is_down_is_asked_soon_again_and_ever_more_rarely() -> (
    None
):
    stage = Stage([*[Step(DOWN, takes_s=1)] * 14, Step(), Step()], uniform=max_of)
    job = await stage.play()
    doubling = [60 * 2**n for n in range(9)]
    longest = HOURS_6 + 600
    waits = [gap - 1 for gap in stage.gaps]
    assert waits[:9] == doubling
    assert waits[9:14] == [min(60 * 2**n, HOURS_6) for n in range(9, 14)]
    assert waits[14] + 1 == longest
    assert job.state.outages == 0


async def test_a_state_database_that_is_down_is_tried_soon_again() -> None:
    down = StateError("The state database cannot be reached.", is_passing=True)
    stage = Stage([Step(down)] * 3 + [Step()], uniform=max_of)
    job = await stage.play()
    assert [gap - 1 for gap in stage.gaps] == [60, 120, 240]
    assert job.state.endings == {Ending.DOWN: 3, Ending.DONE: 1}
    assert job.state.problem(stage.clock.now()) is None
    now = stage.clock.now()
    # A single run has no memory of its own to say since when.
    assert failed_turn(down, now, now).ending is Ending.STATE


async def test_a_remedy_is_a_command_that_can_be_typed_here(
    caplog: pytest.LogCaptureFixture,
) -> None:
    context = Context(
        config=Path("c.toml"),
        is_sandbox=True,
        as_json=False,
        is_verbose=False,
        is_quiet=False,
    )
    stage = Stage([Step(LOST), Step(LOST), Step(LOST)])
    stage.job._complete = context.complete
    job = await stage.play()
    typed = "Log in: trakt2discovr -c c.toml --sandbox login trakt"
    assert job.state.document(stage.clock.now()).remedy == typed
    failed = said(caplog, "run.failed")
    assert {vars(record)["facts"]["remedy"] for record in failed} == {typed}
    assert typed in failed[0].getMessage()
    # Whoever shows it later may complete it once more.
    assert context.complete(typed) == typed


async def test_a_rest_that_a_service_asks_for_is_kept() -> None:
    asked = RateLimitedError("Discovr asks to wait.", retry_after_s=40_000)
    stage = Stage([Step(asked, takes_s=0.5), Step()])
    await stage.play()
    assert stage.gaps == [40_000.5]


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (LOST, Ending.LOGIN),
        (ConfigError("[discovr] profile is not set."), Ending.CONFIG),
        (MovedError("It moved."), Ending.GUARD),
        (StateError("The state database is damaged."), Ending.STATE),
        (BlockedError("Trakt blocks this machine."), Ending.REFUSED),
        (ContractError("Trakt answers otherwise."), Ending.REFUSED),
        (KeyError("a value"), Ending.BUG),
    ],
)
async def test_what_only_a_person_can_mend_is_said_once_and_tried_at_the_interval(
    error: Exception, ending: Ending, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stage = Stage([Step(error)] * 3 + [Step()] * 2)
    seen: list[str | None] = []
    stage.job._watchers = (watch_problems(seen),)
    job = await stage.play()
    assert stage.gaps == [HOURS_6] * 4
    assert job.state.endings == {ending: 3, Ending.DONE: 2}
    loud = [r for r in said(caplog, "run.failed") if r.levelno == logging.ERROR]
    assert len(loud) == 1
    assert len(said(caplog, "run.failed")) == 3
    # Unwell from its first failure on, also while the next turns are under way.
    assert [bool(problem) for problem in seen[:8]] == [0, 1, 1, 1, 1, 1, 1, 0]


async def test_a_bug_says_where_and_never_what(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    job = await Stage([Step(KeyError("hunter2")), Step()]).play()
    assert job.state.endings == {Ending.BUG: 1, Ending.DONE: 1}
    (line,) = said(caplog, "run.failed")
    assert "KeyError" in line.getMessage()
    assert said(caplog, "bug.frame")
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("error", [AuthError("Log in."), ConfigError("No profile.")])
@pytest.mark.parametrize("after_s", [90, 3_000])
async def test_after_a_lost_login_a_new_one_is_noticed_within_a_minute(
    error: Exception, after_s: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stage = Stage([Step(error), Step(), Step()])
    began = stage.clock.now()

    def login() -> str:
        return "new" if (stage.clock.now() - began).total_seconds() > after_s else "old"

    stage.login = login
    await stage.play()
    # Who runs well, or fails of something else, is not hurried by it.
    assert after_s < stage.gaps[0] <= after_s + 62
    assert stage.gaps[1] == HOURS_6
    assert len(said(caplog, "login.found")) == 1


async def test_a_new_login_hurries_nobody_who_lost_none() -> None:
    stage = Stage([Step(ContractError("Trakt answers otherwise.")), Step()])
    stage.login = lambda: str(stage.clock.now())
    await stage.play()
    assert stage.gaps == [HOURS_6]


async def test_a_held_profile_skips_the_turn_and_is_no_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    stage = Stage([Step(BusyError("p1", None)), Step()])
    job = await stage.play()
    assert stage.gaps == [HOURS_6]
    assert job.state.problem(stage.clock.now()) is None
    (skipped,) = said(caplog, "run.skipped")
    assert "Another run holds the profile p1" in skipped.getMessage()


async def test_what_was_said_before_an_outage_is_not_said_again_after_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    await Stage([Step(LOST), Step(DOWN), Step(LOST), Step(), Step(LOST)]).play()
    levels = [record.levelno for record in said(caplog, "run.failed")]
    assert levels == [logging.ERROR, logging.INFO, logging.ERROR]


async def test_an_outage_does_not_hide_what_a_person_has_to_mend() -> None:
    stage = Stage([Step(LOST), Step(DOWN)])
    job = await stage.play()
    assert job.state.problem(stage.clock.now()) == LOST.message


@pytest.mark.parametrize("error", [DOWN, UnknownOutcomeError("No answer.")])
async def test_an_outage_alone_counts_once_runs_are_overdue(error: Exception) -> None:
    seen: list[str | None] = []
    stage = Stage([Step(), *[Step(error)] * 13, Step(), Step()])
    stage.job._watchers = (watch_problems(seen),)
    await stage.play()
    is_bad = [bool(problem) for problem in seen]
    assert not any(is_bad[:16])
    first = is_bad.index(True)
    # Once it counts it counts until a run succeeds, also while one is under way.
    assert all(is_bad[first : 2 * 14 + 1])
    assert not any(is_bad[2 * 14 + 1 :])


async def test_a_run_that_takes_a_day_is_a_problem() -> None:
    stage = Stage([Step()])
    stage.job.state.begin(stage.clock.now())
    stage.clock.advance(86_000)
    assert stage.job.state.problem(stage.clock.now()) is None
    stage.clock.advance(1_000)
    assert "under way since" in (stage.job.state.problem(stage.clock.now()) or "")


async def test_what_is_not_in_place_makes_the_job_unwell_until_it_is() -> None:
    stage = Stage([Step(is_good=False), Step()])
    seen: list[str | None] = []
    stage.job._watchers = (watch_problems(seen),)
    job = await stage.play()
    assert job.state.endings == {Ending.INCOMPLETE: 1, Ending.DONE: 1}
    assert [bool(problem) for problem in seen] == [0, 1, 1, 0, 0]


async def test_a_machine_that_slept_runs_once_soon_after_waking() -> None:
    stage = Stage([Step()] * 4)
    play = asyncio.create_task(stage.play())
    await until(lambda: len(stage.taken) == 2)
    await settle()
    slept_at = stage.clock.now()
    stage.clock.set_forward(3 * 86_400)
    await play
    woke_at = slept_at + timedelta(days=3)
    late_s = (stage.taken[2].began_at - woke_at).total_seconds()
    assert 0 <= late_s <= 62
    assert stage.gaps[2] == HOURS_6


async def test_a_wall_clock_set_back_puts_no_run_off() -> None:
    stage = Stage([Step()] * 3)
    play = asyncio.create_task(stage.play())
    await until(lambda: len(stage.taken) == 1)
    steady_s = stage.clock.monotonic()
    stage.clock.set_forward(-30 * 86_400)
    await until(lambda: len(stage.taken) == 2)
    assert stage.clock.monotonic() - steady_s <= HOURS_6
    await play


async def test_a_signal_while_waiting_ends_it_at_once() -> None:
    stage = Stage([Step()] * 9)
    play = asyncio.create_task(stage.job.stay())
    await until(lambda: stage.job.state.due is not None)
    stage.stop.request()
    play.cancel()
    with pytest.raises(StoppedError, match="between two runs"):
        await play
    assert len(stage.taken) == 1
    assert stage.job.state.stopped_at is not None


async def test_a_signal_in_a_run_that_has_not_written_yet_ends_it_at_once() -> None:
    stage = Stage([Step(takes_s=600)] * 2)
    play = asyncio.create_task(stage.job.stay())
    await until(lambda: len(stage.taken) == 1)
    stage.stop.request()
    play.cancel()
    with pytest.raises(StoppedError, match="in a run"):
        await play
    assert stage.job.state.running_since is None


async def test_a_signal_that_a_run_did_not_meet_still_ends_the_job() -> None:
    stage = Stage([Step(), Step()])
    with pytest.raises(StoppedError, match="after a run"):
        await stage.job.stay()
    assert len(stage.taken) == 2


async def test_a_run_that_stopped_ends_the_job() -> None:
    stage = Stage([Step(StoppedError("Stopped after 3 writes.")), Step()])
    with pytest.raises(StoppedError, match="after 3 writes"):
        await stage.job.stay()
    assert len(stage.taken) == 1


async def test_cancelling_it_is_clean() -> None:
    stage = Stage([Step()] * 9)
    play = asyncio.create_task(stage.job.stay())
    await until(lambda: stage.job.state.due is not None)
    play.cancel()
    with pytest.raises(asyncio.CancelledError):
        await play
    assert stage.job.state.stopped_at is not None


def max_of(_low: float, high: float) -> float:
    return high


def watch_problems(seen: list[str | None]) -> Callable[[Job], Awaitable[None]]:
    async def watch(job: Job) -> None:
        seen.append(job.state.problem(job.clock.now()))

    return watch
