"""The move behind the page: what is known, and the one job that goes on.

Whatever matters is on disk already (the config, the logins, the download, the state
database): a new process finds it there and goes on. Nothing here decides what is
written; each job is a call of the library.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Unpack

from connectors.discovr.auth import list_profiles
from connectors.errors import AuthError, ConfigError
from sync import api
from sync.daemon.state import JobState
from sync.daemon.turn import Result, failed_turn, finished_turn
from sync.documents.base import ProfileDocument
from sync.errors import StoppedError
from sync.events import Advanced, Stage
from sync.ledger import Ledger
from sync.login import login_discovr, login_trakt
from sync.pipeline.result import exit_code
from sync.transform.overrides import OverrideBook
from sync.web.choice import Choice, keep_choice
from sync.web.job import Bell, Job, Kind
from sync.web.known import Known, KnownOptions
from sync.web.planned import Planned
from sync.web.proof import proof_of, recall_proof
from sync.web.reading import Reading
from sync.wiring.clients import Clients

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sync.config import Settings
    from sync.domain.overrides import Override
    from sync.domain.plays import Title
    from sync.pipeline.result import Report
    from sync.pipeline.undo import Undone
    from sync.wiring.logins import Service

#: So many of the latest runs are listed.
_RUNS = 20
_BUSY = "Something is going on already"
_DOING = {
    Kind.TRAKT: "the sign-in to Trakt, at the step From",
    Kind.DISCOVR: "the sign-in to Discovr, at the step To",
    Kind.PROFILES: "the profiles are asked for, at the step To",
    Kind.READ: "your history is read, at the step Read",
    Kind.CARRY: "your history is carried over, at the step Plan or Carry over",
    Kind.UNDO: "a run is taken back, at the step After",
}


class Move(Known):
    """One person's move, as the page shows it; any number of tabs may look at it."""

    def __init__(
        self,
        load: Callable[[], Settings],
        place: Path,
        folder: Path,
        **options: Unpack[KnownOptions],
    ) -> None:
        super().__init__(load, place, folder, **options)
        self.bell = Bell()
        self.job: Job | None = None
        self.reading: Reading | None = None
        self.undone: Undone | None = None
        #: For /healthz and /metrics: nothing here is ever overdue.
        self.state = JobState(timedelta(0), self.clock.now())
        #: The program ends: no page is led on to another that nobody will serve.
        self.is_ending = False
        self._jobs = 0
        self._work: Callable[[Job], Any] = self._read
        #: What goes on by itself after a sign-in.
        self._then: Kind | None = None
        self._then_work: Callable[[Job], Any] = self._read

    async def end(self) -> None:
        """Stop what is going on, and return once it is settled."""
        self.is_ending = True
        self.bell.ring()
        if self.job:
            self.job.stop()
            await self.job.wait()
        await self._forget_reading()

    @property
    def is_busy(self) -> bool:
        """Whether a job does something now, rather than to wait for the person."""
        return self.job is not None and self.job.is_working

    @property
    def under_way(self) -> int:
        """How many writes are being finished."""
        return self.job.stop_request.under_way if self.job else 0

    def stop(self) -> None:
        """Stop what goes on, in good order, and do not wait for it."""
        if self.job:
            self.job.stop()

    async def choose_source(self, choice: Choice) -> None:
        """Take what is read, in the place of what was read before."""
        await self.make_room()
        keep_choice(self.folder, choice.source)
        self.choice, self.problem, self.job = choice, None, None
        await self._forget_reading()
        self.bell.ring()

    async def make_room(self) -> None:
        """End what waits for the person: nothing of it was written.

        Raises ConfigError where something else is going on.
        """
        if self.job and (self.job.asks or self.job.code):
            self.job.stop()
            await self.job.wait()
        self.refuse_while_busy()

    async def leave_out(self, skip: str, *, is_left_out: bool) -> None:
        """Leave a title out from now on, or take it in again; then plan anew."""
        await self.make_room()
        try:
            self.skip(skip, is_left_out=is_left_out)
        finally:
            self.carry()

    async def give_id(self, title: Title, said: str) -> None:
        """Take the id that a person gives for a title, then plan anew.

        An empty ``said`` takes an earlier one back.
        """
        await self.make_room()
        document = await api.unmatched(self.settings)
        async with await Ledger.open(self.settings.state.url) as ledger:
            book = OverrideBook(ledger, self.clock)
            await book.give(self.folder / "ids.toml", document, title, said)
        self.carry()

    async def take_key(self, question: str, text: str) -> list[str]:
        """Take a key that changes the plan, then plan anew."""
        found = await self.answer({question: text})
        await self.make_room()
        self.carry()
        return found

    def sign_in(
        self, service: Service, *, then: Literal["read", "again"] | None = None
    ) -> None:
        """Sign in; ``then`` it reads by itself, or does what was done last again."""
        work: Callable[[Job], Any] = self._read
        following = Kind.READ
        if then == "again" and self.job:
            following, work = self.job.kind, self._work
        self._begin(Kind(service), self._sign_in)
        self._then, self._then_work = following if then else None, work

    def list_profiles(self) -> None:
        """Ask which profiles there are."""
        self._begin(Kind.PROFILES, self._list_profiles)

    def repeat(self) -> None:
        """Do the last thing once more."""
        if self.job and self.job.is_over:
            self._begin(self.job.kind, self._work)

    def read(self) -> None:
        """Read the history, from its beginning."""
        self._begin(Kind.READ, self._read)

    def carry(self, *, is_forced: bool = False) -> None:
        """Plan, and carry it out once it is agreed to."""

        async def work(job: Job) -> None:
            await self._carry(job, is_forced=is_forced)

        self._begin(Kind.CARRY, work)

    def undo(self, run: int | None) -> None:
        """Take back what a run wrote, once it is agreed to."""

        async def work(job: Job) -> None:
            self.undone = await api.undo(
                self.settings,
                run,
                ask=job.ask,
                stop=job.stop_request,
                on_event=job.on_event,
                clock=self.clock,
            )
            self.is_undo_broken_off = False
            self.proof = await recall_proof(self.settings)

        self.undone = None
        self._begin(Kind.UNDO, work)

    def refuse_while_busy(self) -> None:
        """Raise ConfigError while something goes on, or waits for an answer."""
        if self.job and not self.job.is_over:
            raise ConfigError(
                f"{_BUSY}: {_DOING[self.job.kind]}.",
                remedy="Wait until it has ended, or stop it first.",
            )

    def _begin(self, kind: Kind, work: Callable[[Job], Any]) -> None:
        self.refuse_while_busy()
        self._jobs += 1
        self.problem = None
        is_download = self.choice.is_download
        self.job, self._work = (
            Job(kind, self._jobs, self.bell, is_download=is_download),
            work,
        )
        self.job.start(work(self.job), self._ended)
        self.bell.ring()

    def _ended(self, job: Job) -> None:
        """Note what it means for the next step; go on where that was promised."""
        is_sign_in = job.kind in (Kind.TRAKT, Kind.DISCOVR)
        if isinstance(job.error, AuthError) and not is_sign_in:
            is_trakt = "Trakt" in (job.error.service or job.error.message)
            self.refused.add("trakt" if is_trakt else "discovr")
        if job.kind is Kind.CARRY:
            self._count(job)
        if job.kind is Kind.UNDO and job.was_agreed and job.error:
            self.is_undo_broken_off = True
        if is_sign_in:
            then, self._then = self._then, None
            is_able = self.has_target or then is Kind.READ
            if then and job.error is None and is_able:
                self._begin(then, self._then_work)

    def _count(self, job: Job) -> None:
        """Note how it ended for /healthz and /metrics."""
        now, began = self.clock.now(), self.state.running_since
        self.state.running_since = None
        if began is None or isinstance(job.error, StoppedError):
            return
        if job.error:
            self.state.end(failed_turn(job.error, began, now))
        elif job.result:
            self.state.end(finished_turn(job.result, began, now))

    async def _forget_reading(self) -> None:
        reading, self.reading = self.reading, None
        if reading:
            await reading.close()

    def _tell(self, event: Any) -> None:
        if self.job:
            self.job.on_event(event)

    async def _open_reading(self) -> Reading:
        await self._forget_reading()
        self.reading = Reading.open(self.settings, self.choice, self._tell, self.clock)
        return self.reading

    async def _read(self, job: Job) -> None:
        reading = await self._open_reading()
        await reading.source.extract(lambda done, total: _advance(job, done, total))

    async def _carry(self, job: Job, *, is_forced: bool) -> None:
        async def show(report: Report) -> bool:
            # It takes a while for a long history, and others want to be answered.
            given = await self._given()
            return await job.ask(await asyncio.to_thread(Planned.of, report, given))

        reading = self.reading
        if reading is None or not reading.is_fresh(self.clock.monotonic()):
            accepts = bool(reading and reading.accepts)
            reading = await self._open_reading()
            reading.accepts = accepts
        self.state.begin(self.clock.now())
        report = await api.migrate(
            self.settings,
            confirm=show,
            accept_incomplete=reading.accepts,
            is_forced=is_forced,
            stop=job.stop_request,
            source=reading.source,
            on_event=job.on_event,
            clock=self.clock,
        )
        if job.was_agreed or not job.was_asked:
            self.undone, self.is_broken_off = None, False
            is_good = exit_code(report, is_strict=False) == 0
            job.result = Result.of(report, is_good=is_good)
            warnings, now = job.progress.warnings, self.clock.now()
            self.proof = proof_of(report, self.profile_name, now, warnings)
            await self._forget_reading()

    async def _given(self) -> list[Override]:
        async with Ledger(self.settings.state.url, is_read_only=True) as ledger:
            return await OverrideBook(ledger, self.clock).given()

    async def _sign_in(self, job: Job) -> None:
        service: Service = "trakt" if job.kind is Kind.TRAKT else "discovr"
        stop = job.stop_request
        async with AsyncExitStack() as stack:
            clients = Clients(
                self.settings, stack, on_event=job.on_event, clock=self.clock
            )
            if service == "trakt":
                await login_trakt(clients, job, stop)
                self.refused.discard(service)
                return
            login = await login_discovr(clients, job, stop)
        self.refused.discard(service)
        self.profiles = login.profiles
        if login.profile:
            await self.keep_profile(login.profile)

    async def _list_profiles(self, job: Job) -> None:
        async with AsyncExitStack() as stack:
            clients = Clients(
                self.settings, stack, on_event=job.on_event, clock=self.clock
            )
            found = await list_profiles(clients.identity())
        self.profiles = tuple(ProfileDocument(id=p.id, name=p.name) for p in found)
        if len(self.profiles) == 1:
            await self.keep_profile(self.profiles[0])


def _advance(job: Job, done: int, total: int) -> None:
    job.on_event(Advanced(Stage.EXTRACT, done, total))
