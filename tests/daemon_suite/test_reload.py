"""Reading the config anew: what it changes, when, and what it leaves alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.errors import (
    ConfigError,
)
from sync.config import Settings
from sync.daemon.job import Terms
from tests.daemon_suite.stages import (
    SIX_HOURS,
    Stage,
    Step,
    said,
    settle,
    until,
)

if TYPE_CHECKING:
    import pytest

HOURS_6 = SIX_HOURS.total_seconds()


async def test_reloading_counts_from_the_next_run_and_starts_none() -> None:
    fresh = Terms(Settings(), timedelta(hours=1), prune=True)
    stage = Stage([Step()] * 3, read=lambda: fresh)
    play = asyncio.create_task(stage.play())
    await until(lambda: stage.job.state.due is not None)
    await settle()
    reloaded_at = stage.clock.now()
    stage.job.reload()
    await play
    assert (stage.taken[1].began_at - reloaded_at).total_seconds() == 3_600
    assert [taken.terms.prune for taken in stage.taken] == [False, True, True]
    assert stage.gaps[1] == 3_600


async def test_a_longer_interval_does_not_put_the_next_run_off() -> None:
    stage = Stage([Step()] * 3, read=lambda: Terms(Settings(), timedelta(days=1)))
    play = asyncio.create_task(stage.play())
    await until(lambda: stage.job.state.due is not None)
    stage.job.reload()
    await play
    assert stage.gaps == [HOURS_6, 86_400]


async def test_reloading_during_a_run_leaves_that_run_alone() -> None:
    fresh = Terms(Settings(), timedelta(hours=1))
    stage = Stage([], read=lambda: fresh)
    stage.steps = [Step(meanwhile=stage.job.reload), Step()]
    await stage.play()
    assert [taken.terms.every for taken in stage.taken] == [SIX_HOURS, fresh.every]
    assert stage.gaps == [3_600]


async def test_a_wrong_config_leaves_the_old_one_in_force_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    is_wrong = [True, False]

    def read() -> Terms:
        if is_wrong.pop(0):
            raise ConfigError("[trakt] client is unknown.")
        return Terms(Settings(), SIX_HOURS)

    stage = Stage([], read=read)
    reload = stage.job.reload
    stage.steps = [Step(meanwhile=reload), Step(meanwhile=reload), Step()]
    warnings: list[tuple[str, ...]] = []

    async def watch(_job: object) -> None:
        document = stage.job.state.document(stage.clock.now())
        warnings.append(document.warnings)
        assert document.is_healthy

    stage.job._watchers = (watch,)
    await stage.play()
    (line,) = said(caplog, "config.refused")
    assert "[trakt] client is unknown" in line.getMessage()
    assert [len(w) for w in warnings] == [0, 1, 1, 0, 0, 0, 0]
    assert stage.gaps == [HOURS_6, HOURS_6]
