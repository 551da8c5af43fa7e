"""The move behind the page: what is known, and the one job that goes on.

Whatever matters is on disk already (the config, the logins, the download, the state
database): a new process finds it there and goes on. Nothing here decides what is
written; each job is a call of the library.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from connectors.clock import SystemClock
from connectors.discovr.auth import list_profiles, stored_profile
from connectors.discovr.models import Profile
from connectors.errors import AuthError, ConfigError, InputError, ServiceError
from sync import api
from sync.daemon.state import JobState
from sync.daemon.turn import Result, failed_turn, finished_turn
from sync.documents.base import ProfileDocument
from sync.errors import StoppedError
from sync.events import Advanced, Stage
from sync.ledger import Ledger
from sync.ledger.fact_names import PROFILES, recall_profile, recall_undoing
from sync.login import login_discovr, login_trakt
from sync.pipeline.result import exit_code
from sync.setup.config_file import write_config
from sync.setup.questions import ACCOUNT, QUESTIONS
from sync.setup.setup import Setup
from sync.transform.overrides import OverrideBook
from sync.web.choice import NOTHING, Choice, keep_choice, recall_choice
from sync.web.job import Bell, Job, Kind
from sync.web.planned import Planned
from sync.web.proof import Proof, proof_of, recall_proof
from sync.web.reading import Reading
from sync.wiring.clients import Clients
from sync.wiring.logins import missing_keys, secret, token_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from connectors.clock import Clock
    from sync.config import Settings
    from sync.domain.plays import Title
    from sync.ledger.records import Run
    from sync.pipeline.result import Report
    from sync.pipeline.undo import Undone
    from sync.wiring.logins import Service

#: So many of the latest runs are listed.
_RUNS = 20
_BUSY = "Something is going on already"
_CARRYING = ("migrate", "sync", "apply")


class Move:
    """One person's move. ``load`` reads the settings, also after they were changed.

    ``place`` is the config that is written, ``folder`` a private one for uploads.
    ``environment`` belongs to a config that is new. A rehearsal has a ``sample``, which
    writes a download to that path.
    """

    def __init__(
        self,
        load: Callable[[], Settings],
        place: Path,
        folder: Path,
        *,
        environment: Mapping[str, Mapping[str, str]] | None = None,
        sample: Callable[[Path], object] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = load()
        self.place = place
        self.folder = folder
        self.sample = sample
        self.bell = Bell()
        self.job: Job | None = None
        self.choice: Choice = NOTHING
        self.reading: Reading | None = None
        self.profiles: tuple[ProfileDocument, ...] = ()
        self.profile_name = ""
        self.proof: Proof | None = None
        self.undone: Undone | None = None
        #: What went wrong outside of a job, until something is done next.
        self.problem: ServiceError | None = None
        #: What is said once, on the next page.
        self.notice = ""
        #: The services that have refused a login that is kept here.
        self.refused: set[str] = set()
        #: A run, or an undo, that an earlier process did not bring to its end.
        self.is_broken_off = self.is_undo_broken_off = False
        self.clock = clock or SystemClock()
        #: For /healthz and /metrics: nothing here is ever overdue.
        self.state = JobState(timedelta(0), self.clock.now())
        self._load = load
        self._environment = environment or {}
        self._jobs = 0
        self._then = ""
        self._work: Callable[[Job], Any] = self._read

    async def open(self) -> None:
        """Find out where it stands."""
        try:
            self.choice = await recall_choice(
                self.folder, self.settings, has_account=self.is_signed_in("trakt")
            )
            await self._find_out()
        except ServiceError as error:
            self.problem = error

    async def end(self) -> None:
        """Stop what is going on, and return once it is settled."""
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

    @property
    def is_rehearsal(self) -> bool:
        """Whether all of it happens on stand-ins."""
        return self.sample is not None

    def stop(self) -> None:
        """Stop what goes on, in good order, and do not wait for it."""
        if self.job:
            self.job.stop()

    def missing_keys(self, service: Service) -> list[str]:
        """Return the settings that a sign-in needs, and that are not there."""
        return missing_keys(self.settings, service)

    def is_signed_in(self, service: Service) -> bool:
        """Whether there is a login that nobody has refused."""
        if service in self.refused:
            return False
        try:
            return service not in self._setup(ACCOUNT).logins_needed()
        except ConfigError as error:
            self.problem = error
            return False

    @property
    def has_source(self) -> bool:
        """Whether it is known what is read, and it can be."""
        if self.choice.source == ACCOUNT:
            return self.is_signed_in("trakt")
        return bool(self.choice.files)

    @property
    def has_target(self) -> bool:
        """Whether it is known where it goes, and it can."""
        return bool(self.profile) and self.is_signed_in("discovr")

    @property
    def profile(self) -> str | None:
        """What was chosen to receive the history: an id or a name."""
        chosen = self.settings.discovr.profile
        configured = secret(self.settings.discovr.refresh_token)
        return chosen or stored_profile(token_store(self.settings), configured)

    async def answer(self, answers: Mapping[str, str]) -> list[str]:
        """Take keys: try each, and write them into the config; say what was found.

        Raises ConfigError or InputError for one that is wrong, and takes none then.
        """
        setup, found = Setup(self.settings, self.place, clock=self.clock), []
        for question in QUESTIONS:
            text = answers.get(question.key, "").strip()
            if not text:
                continue
            try:
                found.append(await setup.answer(question, text))
            except (ConfigError, InputError):
                raise
            except ServiceError as error:
                # A service that is down is no reason to have typed it in vain.
                found.append(f"it cannot be tried now: {error.message}")
                setup.keep(question, text)
        setup.write({} if self.place.exists() else self._environment)
        self.settings = self._load()
        return found

    async def choose_source(self, choice: Choice) -> None:
        """Take what is read, in the place of what was read before."""
        self._refuse_while_busy()
        keep_choice(self.folder, choice.source)
        self.choice, self.problem, self.job = choice, None, None
        await self._forget_reading()
        self.bell.ring()

    async def choose_profile(self, profile_id: str) -> None:
        """Take the profile that receives the history, for later commands too."""
        found = [one for one in self.profiles if one.id == profile_id]
        if not found:
            raise InputError("There is no such profile.", remedy="Choose one of these.")
        await self._keep_profile(found[0])

    async def leave_out(self, skip: str, *, is_left_out: bool) -> None:
        """Leave a title out from now on, or take it in again; then plan anew."""
        await self._put_the_plan_away()
        skips = [one for one in self.settings.history.skip if one != skip]
        write_config(
            self.place,
            {"history": {"skip": [*skips, skip] if is_left_out else skips}},
        )
        self.settings = self._load()
        if (skip in self.settings.history.skip) is not is_left_out:
            self.problem = ConfigError(
                "The environment says which titles are left out, and goes before this.",
                remedy="Change TRAKT2DISCOVR_HISTORY__SKIP where it is set.",
            )
        self.carry()

    async def give_id(self, title: Title, said: str) -> None:
        """Take the id that a person gives for a title, then plan anew."""
        await self._put_the_plan_away()
        document = await api.unmatched(self.settings)
        async with await Ledger.open(self.settings.state.url) as ledger:
            book = OverrideBook(ledger, self.clock)
            await book.give(self.folder / "ids.toml", document, title, said)
        self.carry()

    async def take_key(self, question: str, text: str) -> list[str]:
        """Take a key that changes the plan, then plan anew."""
        found = await self.answer({question: text})
        await self._put_the_plan_away()
        self.carry()
        return found

    def sign_in(self, service: Service, *, then: str = "") -> None:
        """Sign in; ``then`` "read" or "carry" follows by itself."""
        self._begin(Kind(service), self._sign_in)
        self._then = then

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

    async def runs(self) -> tuple[Sequence[Run], frozenset[int]]:
        """Return the latest runs, newest first, and those of which anything stands."""
        async with Ledger(self.settings.state.url, is_read_only=True) as ledger:
            if not (await ledger.describe()).is_current:
                return (), frozenset()
            profile = await recall_profile(ledger, self.profile)
            if profile is None:
                return (), frozenset()
            runs = await ledger.runs(profile, limit=_RUNS)
            return runs, frozenset(await ledger.count_applied(profile))

    def _setup(self, source: str) -> Setup:
        setup = Setup(self.settings, self.place, clock=self.clock)
        setup.source = source
        return setup

    def _refuse_while_busy(self) -> None:
        if self.job and not self.job.is_over:
            raise ConfigError(
                f"{_BUSY}.", remedy="Wait until it has ended, or stop it first."
            )

    def _begin(self, kind: Kind, work: Callable[[Job], Any]) -> None:
        self._refuse_while_busy()
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
        if isinstance(job.error, AuthError):
            is_trakt = "Trakt" in (job.error.service or job.error.message)
            self.refused.add("trakt" if is_trakt else "discovr")
        if job.kind is Kind.CARRY:
            self._count(job)
        then, self._then = self._then, ""
        if job.error is None and self.has_source:
            if then == "read":
                self.read()
            elif then == "carry" and self.has_target:
                self.carry()

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

    async def _put_the_plan_away(self) -> None:
        """End the run that waits for an answer; nothing of it was written."""
        if self.job and self.job.asks and self.job.kind is Kind.CARRY:
            self.job.answer(is_yes=False)
            await self.job.wait()
        self._refuse_while_busy()

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
            return await job.ask(await asyncio.to_thread(Planned.of, report))

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
            self.proof = proof_of(report, self.profile_name, self.clock.now())
            await self._forget_reading()

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
            await self._keep_profile(login.profile)

    async def _list_profiles(self, job: Job) -> None:
        async with AsyncExitStack() as stack:
            clients = Clients(
                self.settings, stack, on_event=job.on_event, clock=self.clock
            )
            found = await list_profiles(clients.identity())
        self.profiles = tuple(ProfileDocument(id=p.id, name=p.name) for p in found)
        if len(self.profiles) == 1:
            await self._keep_profile(self.profiles[0])

    async def _keep_profile(self, profile: ProfileDocument) -> None:
        setup = self._setup(self.choice.source)
        setup.files = self.choice.files
        setup.choose(Profile(id=profile.id, name=profile.name))
        setup.write({} if self.place.exists() else self._environment)
        await setup.remember()
        self.settings = self._load()
        self.profile_name = profile.name
        self.proof = None

    async def _find_out(self) -> None:
        """Recall what the profile is called, and what the last run proved."""
        wanted = self.profile
        async with Ledger(self.settings.state.url, is_read_only=True) as ledger:
            if not (await ledger.describe()).is_current:
                return
            profile = await recall_profile(ledger, wanted)
            names: dict[str, str] = await ledger.get_facts(PROFILES)
            latest = await ledger.runs(profile, limit=1) if profile else []
            undoing = await recall_undoing(ledger, profile) if profile else ()
        self.is_undo_broken_off = bool(undoing)
        self.is_broken_off = any(
            run.command in _CARRYING and run.outcome != "loaded" for run in latest
        )
        called = (n for n, found in names.items() if found == profile and n != found)
        self.profile_name = next(filter(None, called), wanted or "")
        self.proof = await recall_proof(self.settings)


def _advance(job: Job, done: int, total: int) -> None:
    job.on_event(Advanced(Stage.EXTRACT, done, total))
