"""A job over real runs against the stand-ins: what ends, and what mends by itself."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from connectors.auth.tokens import StoredToken, TokenStore
from sync import api
from sync.checkup.status import read_status
from sync.daemon.job import Job, Terms
from sync.daemon.recorder import Recorder
from sync.daemon.turn import Ending, Result
from sync.errors import StoppedError
from sync.runtime.stop import Stop
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.server.faults import Fault
from sync.sandbox.server.server import utc_now
from tests.daemon_suite.stages import SIX_HOURS, JumpingClock
from tests.safety.accounts import mixed_account
from tests.worlds import world

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from sync.config import Settings
    from sync.events import Event

Watcher: TypeAlias = "Callable[[Job], Awaitable[None]]"


async def play(
    settings: Settings, before: Sequence[Callable[[], object]], *watchers: Watcher
) -> Job:
    """Run a job; before each of its runs something happens, after the last it ends."""
    waiting, stop, terms = list(before), Stop(), Terms(settings, SIX_HOURS)

    async def run(terms: Terms, on_event: Callable[[Event], None]) -> Result:
        waiting.pop(0)()
        if not waiting:
            stop.request()
        report = await api.sync(terms.settings, on_event=on_event)
        return Result.of(report, is_good=report.is_complete)

    clock = JumpingClock(utc_now())
    job = Job(
        terms,
        read=lambda: terms,
        run=run,
        stop=stop,
        clock=clock,
        watchers=watchers,
    )
    with suppress(StoppedError):
        await job.stay()
    return job


def nothing() -> None:
    """Leave everything as it is."""


async def test_after_a_login_in_another_process_the_next_run_goes_on(
    tmp_path: Path,
) -> None:
    async with world(mixed_account()[0], tmp_path) as place:
        trakt = place.settings.trakt.model_copy(update={"access_token": None})
        settings = place.settings.model_copy(update={"trakt": trakt})

        def log_in() -> None:
            token = StoredToken(
                access_token=Credentials().trakt_access_token, obtained_at=utc_now()
            )
            TokenStore(settings.state.tokens).save("trakt", token)

        job = await play(settings, [nothing, nothing, log_in, nothing])
        assert job.state.endings == {Ending.LOGIN: 2, Ending.DONE: 2}
        assert job.state.problem(job.clock.now()) is None
        assert job.state.written == place.writes() > 10
        assert job.state.spent["Trakt"].requests == len(place.trakt.requests())


async def test_a_turn_in_which_nothing_is_new_costs_one_request(tmp_path: Path) -> None:
    async with world(mixed_account()[0], tmp_path) as place:
        before: list[int] = []

        def count() -> None:
            before.append(len(place.trakt.requests()))
            before.append(len(place.discovr.requests()))

        job = await play(place.settings, [nothing, count])
        trakt, discovr = before
        assert len(place.trakt.requests()) - trakt == 1
        assert len(place.discovr.requests()) == discovr
        assert job.state.endings == {Ending.DONE: 2}


async def test_every_turn_warns_while_the_discovr_login_is_about_to_end(
    tmp_path: Path,
) -> None:
    async with world(mixed_account()[0], tmp_path) as place:
        discovr = place.settings.discovr
        unset = discovr.model_copy(update={"refresh_token": None})
        settings = place.settings.model_copy(update={"discovr": unset})
        token = StoredToken(
            refresh_token=Credentials().discovr_refresh_token,
            obtained_at=utc_now(),
            expires_at=utc_now() + timedelta(days=3),
        )
        TokenStore(settings.state.tokens).save("discovr", token)
        job = await play(settings, [nothing, nothing])
        (warning,) = job.state.document(job.clock.now()).warnings
        assert "trakt2discovr login discovr" in warning
        assert job.state.problem(job.clock.now()) is None


async def test_status_knows_when_the_next_turn_is(tmp_path: Path) -> None:
    async with world(mixed_account()[0], tmp_path) as place:
        seen: list[datetime | None] = []

        async def look(job: Job) -> None:
            if job.state.due and not job.state.stopped_at:
                (profile,) = (await read_status(place.settings)).profiles
                seen.append(profile.next_run_at)
                assert profile.every_s == SIX_HOURS.total_seconds()

        await play(place.settings, [nothing, nothing], Recorder(), look)
        assert len(seen) == 2
        assert all(seen)


async def test_after_an_outage_the_next_run_goes_on(tmp_path: Path) -> None:
    async with world(mixed_account()[0], tmp_path) as place:

        def fall() -> None:
            place.trakt.faults = lambda _request, _number: Fault.answer(
                503, retry_after=3_600
            )

        def rise() -> None:
            place.trakt.faults = None

        job = await play(place.settings, [fall, rise])
        assert job.state.endings == {Ending.DOWN: 1, Ending.DONE: 1}
        assert job.state.written == place.writes()
        # An hour was asked for, and an hour it was.
        assert sum(job.clock.slept) >= 3_600  # type: ignore[attr-defined]  # it is ours
