"""A story: commands that follow each other, and all that each of them did, as text.

What a person and the services see of a run is told line by line: what was asked and
written, and when; what was said; what the report holds; what changed in the ledger and
in the profile. The tests beside the code say why it is so. These notice any change: a
step left out, a bound moved, a condition that forgot one of its parts.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connectors.errors import ServiceError
from sync.domain.plays import Key
from sync.events import Advanced, Spent
from sync.pipeline import run as pipeline
from sync.pipeline.copy_file import read_copy
from sync.pipeline.documents import report_document
from sync.pipeline.plan_file import read_plan, write_plan
from sync.pipeline.prepare import prepare
from sync.pipeline.result import Report
from sync.sandbox.account.account import Account, Stamps
from sync.sandbox.discovr.visibility import Lie
from sync.wiring.bootstrap import build
from tests.safety.accounts import mixed_account, watched_on
from tests.stories_suite.telling import (
    as_json,
    changes,
    difference,
    entry_line,
    outcome_of,
    request_line,
    rows_of,
    said,
)
from tests.virtual import open_world

if TYPE_CHECKING:
    from collections.abc import (
        Awaitable,
        Callable,
        Iterable,
        Iterator,
        Sequence,
    )
    from pathlib import Path

    from sync.events import Event
    from sync.pipeline.services import Services
    from sync.sandbox.server.faults import FaultPlan
    from sync.sandbox.server.server import SeenRequest, StandIn
    from tests.virtual import VirtualWorld

    Script = Callable[["Story"], Awaitable[None]]


class Story:
    """One account, the services around it, and what was told so far."""

    def __init__(self, account: Account, folder: Path, **options: Any) -> None:
        self.place: VirtualWorld = open_world(account, folder, **options)
        account._now = self.place.clock.now
        account.stamps = Stamps.all_at(datetime(2026, 1, 1, tzinfo=UTC))
        self.account = account
        self.told: list[str] = []
        self._seen: dict[str, int] = {}
        self._before: dict[str, list[str]] = {}
        self._steps: Counter[object] = Counter()
        #: What a script of this story does that a usual one does not.
        self.later: FaultPlan | None = None
        self.lies = Lie(), Lie()
        self.writes = 1_000

    def all_is_well(self) -> None:
        """Have no service fail any more."""
        for service in (self.place.trakt, self.place.discovr, self.place.tmdb):
            service.faults = None
        self.say("the services are well")

    def lie(self) -> None:
        """Have Discovr's lists lie from now on, if they do in this story."""
        seen = self.place.discovr.visibility
        seen.big, seen.title = self.lies
        self.say("lists may lie")

    @property
    def text(self) -> str:
        """All of it, with no path of this machine."""
        return "\n".join([*self.told, ""]).replace(str(self.place.folder), "FOLDER")

    async def migrate(self, **options: Any) -> None:
        await self._run("migrate", _confirmed(pipeline.migrate), **options)

    async def sync(self, **options: Any) -> None:
        await self._run("sync", _confirmed(pipeline.sync), **options)

    async def verify(self, **options: Any) -> None:
        await self._run("verify", pipeline.verify, is_dry=True, **options)

    async def undo(self, run: int | None = None, **options: Any) -> None:
        await self._run("undo", pipeline.undo, run=run, **options)

    async def plan(self, file: Path | None = None, **options: Any) -> None:
        """Plan, and write the plan to a file if there is one."""

        async def plan(services: Services, **asked: Any) -> Report:
            report = Report(await prepare(services, is_dry=True, **asked))
            if file:
                write_plan(file, report_document(report, "plan", 0))
            return report

        await self._run("plan", plan, is_dry=True, **options)

    async def apply(self, file: Path, **options: Any) -> None:
        apply = _confirmed(pipeline.apply)
        await self._run("apply", apply, plan=read_plan(file), **options)

    async def restore(self, copy: Path, **options: Any) -> None:
        await self._run(
            "restore",
            _confirmed(pipeline.restore),
            file=copy,
            copy=read_copy(copy),
            needs_source=False,
            **options,
        )

    def adds(self, media: str, *numbers: int, progress: float, days: float) -> None:
        """Have the person mark something on Discovr, so many days after 1 May 2022."""
        key, at = Key(media, *numbers), watched_on(days)
        self.say(f"the person has {media} {numbers or ''} at {progress} % on Discovr")
        self.place.discovr.person_adds(key, progress=progress, at=at)

    def removes(self, media: str, *numbers: int) -> None:
        """Have the person remove it on Discovr."""
        self.say(f"the person removes {media} {numbers or ''} on Discovr")
        self.place.discovr.person_removes(Key(media, *numbers))

    def watches(
        self, name: str, season: int | None = None, number: int | None = None
    ) -> None:
        """Have the person watch something now, and Trakt know of it."""
        self.say(f"{name} {(season, number) if season else ''} is watched")
        title = self.account.find(name)
        now = self.place.clock.now()
        self.account.add_play(title, now, season=season, number=number)

    def forgets(
        self, name: str, season: int | None = None, number: int | None = None
    ) -> None:
        """Have the person remove all plays of it from Trakt."""
        self.say(f"{name} {(season, number) if season else ''} is removed from Trakt")
        for play in self.account.plays_of(self.account.find(name), season, number):
            self.account.remove_play(play.id)

    def wait(self, **time: float) -> None:
        """Let time pass."""
        self.told.append(f"\n# {', '.join(f'{n} {u}' for u, n in time.items())} later")
        self.place.clock.advance(_seconds(**time))

    def say(self, what: str) -> None:
        """Say what happens between two commands."""
        self.told.append(f"\n# {what}")

    async def _run(  # one command, whatever it is
        self,
        command: str,
        carry: Callable[..., Awaitable[Any]],
        *,
        files: Sequence[Path] = (),
        is_dry: bool = False,
        needs_source: bool = True,
        **options: Any,
    ) -> None:
        random.seed(1)  # a pause before a retry is drawn
        place, events = self.place, list[str]()
        began, self._steps = place.clock.monotonic(), Counter()

        def on_event(event: Event) -> None:
            self._hear(event, place.clock.monotonic() - began, events)

        try:
            async with build(
                place.settings,
                clock=place.clock,
                session=place.session,
                files=files,
                on_event=on_event,
                is_dry=is_dry,
                needs_source=needs_source,
            ) as services:
                outcome = await carry(services, **options)
            lines = list(outcome_of(outcome, command))
        except ServiceError as error:
            lines = [f"{type(error).__name__}  {error}"]
        took = place.clock.monotonic() - began
        asked = ", ".join(f"{k}={v}" for k, v in options.items() if k in _TELLING)
        self.told += [f"\n== {command} {asked}".rstrip() + f", {took:.2f} s"]
        self._tell("services", self._requests())
        self._tell("said", events)
        self._tell_changes("outcome", lines)
        self._tell_changes("ledger", rows_of(place.folder / "state.sqlite3"))
        self._tell_changes("profile", self._profile())

    def _tell(self, what: str, lines: Iterable[str]) -> None:
        found = [f"  {line}" for line in lines]
        self.told += [f"{what}:", *found] if found else []

    def _tell_changes(self, what: str, lines: Iterable[str]) -> None:
        now = list(lines)
        self._tell(what, changes(self._before.get(what, []), now))
        self._before[what] = now

    def _hear(self, event: Event, at: float, events: list[str]) -> None:
        if isinstance(event, Advanced):
            self._steps[event.stage] += 1
            if event.done == event.total:
                steps = self._steps[event.stage]
                events.append(f"{event.stage}: {event.total} in {steps} steps")
        elif isinstance(event, Spent):
            events.append(
                f"{event.service}: {event.requests} requests, {event.retries} retries, "
                f"{event.limited} limited, waits of {event.waits_s:.2f} s"
            )
        else:
            events.append(f"{at:.2f} s {said(event)}")

    def _requests(self) -> Iterator[str]:
        """Yield the writes one by one, and the readings with how often they came."""
        place = self.place
        for name, service in (
            ("trakt", place.trakt),
            ("discovr", place.discovr),
            ("tmdb", place.tmdb),
        ):
            seen = self._new(name, service)
            reads = Counter(request_line(r) for r in seen if r.method == "GET")
            yield from (f"{name} {n} x {line}" for line, n in sorted(reads.items()))
            for request in seen:
                if request.method != "GET":
                    yield f"{name} {request_line(request)} {as_json(request.body)}"

    def _new(self, name: str, service: StandIn) -> list[SeenRequest]:
        before = self._seen.get(name, 0)
        self._seen[name] = len(service.seen)
        return service.seen[before:]

    def _profile(self) -> Iterator[str]:
        yield from map(entry_line, self.place.discovr.entries())
        yield from map(str, self.place.discovr.playback())


#: The options of a command that its line names.
_TELLING = {"run", "prune", "accept_incomplete", "is_forced", "is_each"}


def _confirmed(run: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def agree(_: object) -> bool:
        return True

    async def confirmed(services: Services, **options: Any) -> Any:
        return await run(services, **{"confirm": agree, **options})

    return confirmed


def _seconds(*, days: float = 0, hours: float = 0, minutes: float = 0) -> float:
    return (days * 24 + hours) * 3600 + minutes * 60


#: What each script tells as usual, by what is set; once for each process.
_usual: dict[tuple[str, str], str] = {}


def mixed(folder: Path, copies: int = 1, **options: Any) -> Story:
    """Open the story of the mixed account."""
    folder.mkdir(exist_ok=True)
    account, own = mixed_account(copies)
    story = Story(account, folder, **options)
    for key, progress, at in own:
        story.place.discovr.person_adds(key, progress=progress, at=at)
    return story


async def told(script: Script, story: Story) -> str:
    """Return what a script tells."""
    await script(story)
    return story.text


async def differing(script: Script, story: Story, usual: Story) -> str:
    """Return the lines in which a story is not the usual one of that script."""
    name = script.__qualname__, str(usual.place.history)
    if name not in _usual:
        _usual[name] = await told(script, usual)
    return difference(_usual[name], await told(script, story))
