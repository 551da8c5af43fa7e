"""A month on a moved clock: Discovr is asked once a day, and a lost login shows.

Nothing is new in most runs, so that nothing but the look would notice it.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from connectors.auth.tokens import StoredToken, TokenStore
from connectors.errors import AuthError, ConfigError
from sync import api
from sync.checkup.status import read_status
from sync.config import NotifySettings, Settings
from sync.daemon.job import Job, Terms
from sync.daemon.look import look_at_login
from sync.daemon.metrics import registry
from sync.daemon.teller import Teller
from sync.daemon.turn import Ending, Result
from sync.errors import StoppedError
from sync.pipeline.result import Report
from sync.runtime.stop import Stop
from sync.sandbox.server.faults import Fault
from tests.daemon_suite.stages import said
from tests.daemon_suite.told import listener
from tests.long import choose
from tests.safety.accounts import mixed_account
from tests.virtual import VirtualWorld, calm_ledger, open_world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sync.events import Event

SIX_HOURS = timedelta(hours=6)


@dataclass(frozen=True)
class Nothing:
    """As much of a run in which nothing was new as is asked for."""

    profile: str


@dataclass
class Month:
    """A job over the stand-ins; ``at`` says what happens before which run.

    ``report`` is that of a run in which nothing was new.
    """

    place: VirtualWorld
    report: Report
    at: dict[int, Callable[[], object]] = field(default_factory=dict)
    urls: tuple[str, ...] = ()
    asked: Counter[date] = field(default_factory=Counter)
    #: Of each run: when it began, what Discovr was asked, how the job was after it.
    runs: list[tuple[datetime, int, bool]] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """Return those of the world, with the login in the token store."""
        settings = self.place.settings
        discovr = settings.discovr.model_copy(update={"refresh_token": None})
        notify = NotifySettings.model_validate({"urls": self.urls})
        return settings.model_copy(update={"discovr": discovr, "notify": notify})

    def sign_in(self) -> None:
        token, _ = self.place.discovr._auth.sign_in()
        kept = StoredToken(
            refresh_token=token,
            obtained_at=self.place.clock.now(),
            expires_at=self.place.clock.now() + timedelta(days=90),
        )
        TokenStore(self.settings.state.tokens).save("discovr", kept)

    def revoke(self) -> None:
        kept = TokenStore(self.settings.state.tokens).load("discovr")
        assert kept
        headers = {"Authorization": f"Bearer {kept.refresh_token}"}
        self.place.discovr._auth.sign_out(headers)

    async def live(self, days: int) -> Job:
        """Let the job run so long, every six hours."""
        terms, stop, number = Terms(self.settings, SIX_HOURS), Stop(), 0
        last = int(timedelta(days=days) / SIX_HOURS)
        clock, session = self.place.clock, self.place.session
        began_at, before = clock.now(), 0

        async def run(terms: Terms, on_event: Callable[[Event], None]) -> Result:
            nonlocal number, began_at, before
            began_at, before = clock.now(), len(self.place.discovr.seen)
            self.at.get(number, lambda: None)()
            number += 1
            if number == last:
                stop.request()
            report = await api.sync(
                terms.settings, clock=clock, session=session, on_event=on_event
            )
            await look_at_login(
                terms.settings,
                report,
                clock=clock,
                session=session,
                on_event=on_event,
            )
            return Result.of(report, is_good=report.is_complete)

        async def watch(job: Job) -> None:
            if job.state.due is None or job.state.stopped_at:
                return
            is_well = job.state.problem(clock.now()) is None
            asked = len(self.place.discovr.seen) - before
            self.runs.append((began_at, asked, is_well))
            shown = registry(job).get_sample_value("trakt2discovr_healthy")
            assert shown == float(is_well)

        job = Job(
            terms,
            read=lambda: terms,
            run=run,
            stop=stop,
            clock=clock,
            watchers=(watch, Teller()),
            uniform=lambda low, high: (low + high) / 2,
        )
        with suppress(StoppedError):
            await job.stay()
        return job

    async def run(self) -> Report:
        clock, session = self.place.clock, self.place.session
        return await api.sync(self.settings, clock=clock, session=session)

    async def look(self, days: int, *, every: timedelta = SIX_HOURS) -> Counter[date]:
        """Look after each of the runs of so many days; count requests by day."""
        clock, end = self.place.clock, self.place.clock.now() + timedelta(days=days)
        while clock.now() < end:
            clock.advance(every.total_seconds())
            before = len(self.place.discovr.seen)
            try:
                await look_at_login(
                    self.settings,
                    self.report,
                    clock=clock,
                    session=self.place.session,
                )
            finally:
                asked = len(self.place.discovr.seen) - before
                self.asked[clock.now().date()] += asked
        return self.asked

    def asked_by_day(self) -> dict[date, list[int]]:
        """Return what the runs of each day asked of Discovr, where they asked."""
        days: dict[date, list[int]] = {}
        for began_at, asked, _ in self.runs:
            days.setdefault(began_at.date(), []).extend([asked] if asked else [])
        return days


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Month:
    calm_ledger(monkeypatch)
    place = open_world(mixed_account(1)[0], tmp_path)
    nothing: Any = Nothing(place.discovr.profiles[0].id)
    lived = Month(place, Report(nothing))
    lived.sign_in()
    return lived


async def test_discovr_is_asked_once_a_day_and_never_more(month: Month) -> None:
    asked = await month.look(30, every=timedelta(hours=12))
    assert set(asked.values()) == {1}
    assert len(asked) == 30


@pytest.mark.parametrize("every", [timedelta(minutes=100), timedelta(hours=25)])
async def test_that_is_so_however_often_the_job_runs(
    month: Month, every: timedelta
) -> None:
    asked = await month.look(3, every=every)
    assert set(asked.values()) == {1}


async def test_a_run_that_asks_by_itself_is_a_look(month: Month) -> None:
    month.report = await month.run()
    asked = await month.look(3)
    assert not any(asked.values())


async def test_the_day_of_the_first_migration_needs_no_look(month: Month) -> None:
    report = await month.place.carry()
    month.report = replace(report, cost=None)
    asked = await month.look(2)
    assert sorted(asked.values()) == [0, 1, 1]


@pytest.mark.parametrize("run", choose([6], [5, 7, 8], [5, 7, 8]))
async def test_a_login_that_was_withdrawn_is_noticed_within_a_day(
    month: Month, run: int
) -> None:
    month.at = {run: month.revoke, run + 5: month.sign_in}
    async with listener() as person:
        month.urls = (person.url,)
        job = await month.live(4 if run > 6 else 3)
        assert person.titles == ["a login is lost", "all is well again"]
        assert "login discovr" in person.heard[0]["message"]
    unwell = [number for number, (*_, is_well) in enumerate(month.runs) if not is_well]
    first = unwell[0]
    assert run <= first < run + 4
    # It never looks healthy again before somebody has signed in.
    assert unwell == list(range(first, run + 5))
    assert job.state.endings[Ending.LOGIN] == len(unwell)
    assert all(day.count(1) <= 1 for day in month.asked_by_day().values())


@pytest.mark.long
async def test_a_month_of_real_runs_asks_no_more_either(month: Month) -> None:
    job = await month.live(30)
    assert job.state.endings == {Ending.DONE: 120}
    days = list(month.asked_by_day().values())
    # A whole reading, once a week, is a look as well; more than one look is none.
    assert all(days)
    assert all(day.count(1) <= 1 for day in days)
    whole = [day for day in days if max(day) > 1]
    assert len(whole) == 5
    assert all(1 not in day[day.index(max(day)) :] for day in whole)


async def test_status_says_that_the_login_was_refused_until_there_is_a_new_one(
    month: Month,
) -> None:
    month.report = await month.run()
    month.report = replace(month.report, cost=None)
    month.revoke()
    with pytest.raises(AuthError):
        await month.look(1)
    status = await read_status(month.settings, clock=month.place.clock)
    _, discovr = status.logins
    assert discovr.problem == "Discovr does not accept the login."
    assert discovr.remedy
    month.sign_in()
    status = await read_status(month.settings, clock=month.place.clock)
    assert status.logins[1].problem is None


async def test_a_login_that_is_gone_from_here_is_noticed_without_a_request(
    month: Month,
) -> None:
    TokenStore(month.settings.state.tokens).delete("discovr")
    with pytest.raises(AuthError, match="no Discovr login"):
        await month.look(1)
    assert not any(month.asked.values())


async def test_an_outage_does_not_make_a_refused_login_good(month: Month) -> None:
    month.revoke()
    with pytest.raises(AuthError):
        await month.look(1)
    month.place.discovr.faults = lambda _request, _number: Fault.answer(503)
    for _ in range(8):
        with pytest.raises(AuthError):
            await month.look(1)
    assert set(month.asked.values()) == {1}
    month.place.discovr.faults = None
    month.sign_in()
    await month.look(2)
    assert set(month.asked.values()) == {1}


async def test_a_profile_that_has_gone_does_not_look_healthy(month: Month) -> None:
    month.report = replace(
        month.report, prepared=replace(month.report.prepared, profile="gone")
    )
    for _ in range(2):
        with pytest.raises(ConfigError, match="no profile 'gone'"):
            await month.look(1, every=timedelta(hours=1))
    assert sum(month.asked.values()) == 1


async def test_an_outage_at_the_look_is_no_failure_and_is_not_asked_again_that_day(
    month: Month, caplog: pytest.LogCaptureFixture
) -> None:
    month.place.discovr.faults = lambda _request, _number: Fault.answer(503)
    asked = await month.look(5)
    assert set(asked.values()) == {1}
    assert len(said(caplog, "login.unseen")) == len(asked)
