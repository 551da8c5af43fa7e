"""With ``after_migrate`` nothing is carried over before a person has done so once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connectors.errors import ServiceError
from sync import api
from sync.daemon.begun import require_begun
from sync.daemon.turn import Ending
from sync.errors import UnbegunError
from sync.ledger import Ledger
from tests.daemon_suite.stages import Stage, Step
from tests.safety.accounts import mixed_account
from tests.virtual import calm_ledger, open_world

if TYPE_CHECKING:
    from pathlib import Path

    from sync.config import Settings
    from sync.pipeline.result import Report


def waiting(settings: Settings) -> Settings:
    sync = settings.sync.model_copy(update={"after_migrate": True})
    return settings.model_copy(update={"sync": sync})


async def no(_report: Report) -> bool:
    return False


async def test_nothing_counts_as_begun_but_what_was_carried_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm_ledger(monkeypatch)
    place = open_world(mixed_account(1)[0], tmp_path)
    settings = waiting(place.settings)
    options = {"clock": place.clock, "session": place.session}
    await require_begun(place.settings)  # not asked for
    with pytest.raises(UnbegunError, match="after_migrate") as caught:
        await require_begun(settings)
    assert "trakt2discovr migrate" in caught.value.remedy
    assert not (tmp_path / "state.sqlite3").exists()
    # A look at the plan is no beginning, nor is what the job itself has noted.
    await api.migrate(settings, confirm=no, **options)  # type: ignore[arg-type]
    with pytest.raises(UnbegunError):
        await require_begun(settings)
    # A copy that was brought back is none; a migration that was broken off is one.
    async with await Ledger.open(settings.state.url) as ledger:
        profile = place.discovr.profiles[0].id
        await ledger.start_run(profile, "restore", place.clock.now())
        with pytest.raises(UnbegunError):
            await require_begun(settings)
        await ledger.start_run(profile, "migrate", place.clock.now())
        # However many copies are brought back after it.
        for _ in range(21):
            await ledger.start_run(profile, "restore", place.clock.now())
    await require_begun(settings)


async def test_a_migration_that_found_everything_in_its_place_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm_ledger(monkeypatch)
    place = open_world(mixed_account(1)[0], tmp_path)
    await place.carry()
    (tmp_path / "state.sqlite3").unlink()
    report = await place.carry()
    assert report.run is None
    await require_begun(waiting(place.settings))


async def test_a_job_that_waits_looks_again_soon_and_asks_nobody() -> None:
    stage = Stage([Step(UnbegunError())] * 3 + [Step()])
    job = await stage.play()
    assert stage.gaps == [61.0] * 3
    assert job.state.endings == {Ending.UNBEGUN: 3, Ending.DONE: 1}
    assert timedelta(seconds=stage.gaps[0]) < stage.every
    assert issubclass(UnbegunError, ServiceError)
