"""Carries resume points over, once the history is in place.

What Discovr does with a second POST of a title is undocumented, and so is reading the
list back. So every intent is durable in the ledger before it is sent, and the ledger
decides: what may be there already is PATCHed, which cannot double it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from connectors.errors import (
    NotFoundError,
    RejectedError,
    ServiceError,
    UnknownOutcomeError,
)
from sync.domain.plays import Play
from sync.domain.resume import (
    LEFT_OUT,
    Carried,
    History,
    LeftPoint,
    choose,
    media_of,
)
from sync.errors import StoppedError
from sync.events import Finished, Stage
from sync.pipeline.leaving_out import sieve_of
from sync.pipeline.rest import watched_of
from sync.pipeline.title_lists import read_titles
from sync.ports import PlaybackSource, PlaybackTarget
from sync.runtime.stop import Stop
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from connectors.clock import Clock
    from sync.domain.plays import Place, Title
    from sync.domain.resume import Resume, ResumePoint
    from sync.ledger import Ledger
    from sync.pipeline.prepared import Prepared
    from sync.pipeline.services import Services
    from sync.ports import Quarantined

#: What the ledger keeps of a title: this, and the media id.
FACT = "playback/"
#: A write of unclear outcome may still be on its way for so long.
SETTLE_S = 5.0
#: When it is looked for what may be there: at once, or once it can have arrived.
_AT_ONCE, _ON_ITS_WAY = (0.0, SETTLE_S), (SETTLE_S, SETTLE_S)
#: After so many tries a write of unclear outcome is given up, and reported.
MOST_SENDS = 5


@dataclass(frozen=True, slots=True)
class PlaybackPlan:
    """What is to be written, oldest pause first, what is not and why.

    ``known`` are the media ids that may be in Continue Watching through us. ``error``
    is why the resume points could not be read, which never holds the history up.
    ``unlisted`` are not written, as nobody can tell what was watched of the title.
    """

    chosen: tuple[Resume, ...] = ()
    left: tuple[LeftPoint, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    known: frozenset[str] = frozenset()
    error: ServiceError | None = None
    unlisted: tuple[tuple[Resume, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PlaybackResult:
    """What arrived and what did not, with the reason.

    ``seen`` counts what could be read back as it was sent; None: nothing can be read.
    ``error`` is what ended the step early: whatever is left goes with the next run.
    """

    plan: PlaybackPlan
    written: tuple[Resume, ...] = ()
    failed: tuple[tuple[Resume, str], ...] = ()
    seen: int | None = None
    error: ServiceError | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every point that was to be written is there."""
        return not self.failed and self.error is None


async def plan_playback(
    services: Services, prepared: Prepared, *, is_dry: bool = False
) -> PlaybackPlan:
    """Read the resume points and choose. Writes nothing; with ``is_dry`` no cache."""
    source, target = services.source, services.target
    is_wanted = services.settings.history.playback
    if not (
        is_wanted
        and isinstance(source, PlaybackSource)
        and isinstance(target, PlaybackTarget)
    ):
        return PlaybackPlan()
    since, stamps = prepared.since, prepared.whole.extraction.stamps
    if since and stamps and not since.has_new_pauses(stamps):
        return PlaybackPlan()
    try:
        call, handed = source.resume_points(), services.handed
        read = await (handed.resume_points(call) if handed else call)
    except ServiceError as error:
        return PlaybackPlan(error=error)
    points, quarantined = read
    points, aside = await _sift(services, points, is_kept=not is_dry)
    # The resolver asks about the titles of plays.
    paused = [Play(point.title, point.paused_at) for point in points]
    found = (await services.resolver.find(paused, is_kept=not is_dry)).ids
    points, more_aside = await _sift(services, points, found, is_kept=not is_dry)
    carried = await _recall(services.ledger, prepared.profile)
    about = {media_of(point, found) for point in points}
    watched = await watched_of(services.ledger, prepared, about)
    existing = prepared.existing
    chosen, left = choose(points, found, History.of(watched, existing), carried)
    why: Mapping[Place, str] = {}
    if prepared.since:
        # Not all of the profile was read: what these titles hold decides.
        unread = {r.key.place for r in chosen} - {e.key.place for e in existing}
        there = [*existing]
        why = await read_titles(services, unread, lambda _, more: there.extend(more))
        chosen, left = choose(points, found, History.of(watched, there), carried)
    return PlaybackPlan(
        tuple(resume for resume in chosen if resume.key.place not in why),
        (*left, *aside, *more_aside),
        tuple(quarantined),
        frozenset(carried),
        unlisted=tuple((r, why[p]) for r in chosen if (p := r.key.place) in why),
    )


async def _sift(
    services: Services,
    points: Sequence[ResumePoint],
    found: Mapping[Title, int | None] | None = None,
    *,
    is_kept: bool,
) -> tuple[list[ResumePoint], list[LeftPoint]]:
    """Part the points that are wanted from those that are left out on request."""
    titles = [point.title for point in points]
    sieve = await sieve_of(services, titles, found, is_kept=is_kept)
    wanted, aside = [], []
    for point in points:
        if sieve.why_title(point.title) or sieve.why_then(point.paused_at):
            aside.append(LeftPoint(point, LEFT_OUT))
        else:
            wanted.append(point)
    return wanted, aside


async def carry_playback(
    services: Services,
    prepared: Prepared,
    plan: PlaybackPlan | None = None,
    *,
    stop: Stop | None = None,
) -> PlaybackResult:
    """Write what was planned. Idempotent: called again it sends nothing twice.

    Hold the profile's lock. Raises StoppedError when asked to stop before the end.
    """
    plan = plan or await plan_playback(services, prepared)
    target, stop = services.target, stop or Stop()
    if not plan.chosen or not isinstance(target, PlaybackTarget):
        return PlaybackResult(plan, failed=plan.unlisted, error=plan.error)
    carrier = _Carrier(target, services.ledger, prepared.profile, services.clock)
    with stop.heeded(lambda: 1):
        error = await carrier.carry(plan.chosen, plan.known, stop)
    done = len(carrier.written) + len(carrier.failed)
    if error is None and done < len(plan.chosen):
        points = count(len(plan.chosen), "resume point")
        raise StoppedError(
            f"Stopped after {done:,} of {points}; the history is in its place."
        )
    summary = f"{count(len(carrier.written), 'resume point')} carried over"
    services.on_event(Finished(Stage.LOAD, summary))
    seen = await _count_seen(target, carrier.written)
    failed = (*carrier.failed, *plan.unlisted)
    return PlaybackResult(plan, tuple(carrier.written), failed, seen, error)


class _Carrier:
    """Writes the points of one run, one after the other."""

    def __init__(
        self, target: PlaybackTarget, ledger: Ledger, profile: str, clock: Clock
    ) -> None:
        self._target = target
        self._ledger = ledger
        self._profile = profile
        self._clock = clock
        self.written: list[Resume] = []
        self.failed: list[tuple[Resume, str]] = []

    async def carry(
        self, chosen: Iterable[Resume], known: frozenset[str], stop: Stop
    ) -> ServiceError | None:
        """Write them all; return the error that would meet every other one too."""
        for resume in chosen:
            if stop.is_requested:
                break
            await self._note(resume, is_settled=False)
            try:
                await self._write(resume, is_known=resume.key.media in known)
            except (RejectedError, UnknownOutcomeError) as error:
                self.failed.append((resume, error.message))
            except ServiceError as error:
                return error
            else:
                await self._note(resume, is_settled=True)
                self.written.append(resume)
        return None

    async def _write(self, resume: Resume, *, is_known: bool) -> None:
        """POST what is new, PATCH what may be there; either answer can turn it round.

        An episode is named by PATCH alone, so a show takes both.
        """
        looks_s, is_there = (_AT_ONCE if is_known else ()), False
        for _ in range(MOST_SENDS):
            if looks_s:
                refusal = await self._set(resume, looks_s)
                if refusal is None:
                    return
                if is_there:
                    raise refusal
            try:
                await self._target.add_resume_point(resume)
            except UnknownOutcomeError:
                looks_s = _ON_ITS_WAY
            except RejectedError as error:
                if error.status != 409:
                    raise
                looks_s, is_there = _AT_ONCE, True
            else:
                looks_s, is_there = _AT_ONCE, True
                if resume.key.episode is None:
                    return
        raise UnknownOutcomeError(f"No clear answer to {count(MOST_SENDS, 'write')}.")

    async def _set(
        self, resume: Resume, looks_s: Sequence[float]
    ) -> NotFoundError | None:
        """PATCH it after each wait until it is found; one answer alone never tells."""
        refusal: NotFoundError | None = None
        for wait_s in looks_s:
            await self._clock.sleep(wait_s)
            try:
                await self._target.set_resume_point(resume)
            except NotFoundError as error:
                refusal = error
            else:
                return None
        return refusal

    async def _note(self, resume: Resume, *, is_settled: bool) -> None:
        value = {
            "paused_at": resume.point.paused_at.isoformat(),
            "season": resume.key.season,
            "episode": resume.key.episode,
            "progress": resume.point.progress,
            "is_settled": is_settled,
        }
        name = FACT + resume.key.media
        await self._ledger.put_fact(self._profile, name, value, self._clock.now())


async def _recall(ledger: Ledger, profile: str) -> dict[str, Carried]:
    facts: dict[str, Any] = await ledger.get_facts(profile, prefix=FACT)
    return {
        name.removeprefix(FACT): Carried(
            datetime.fromisoformat(fact["paused_at"]), fact["is_settled"]
        )
        for name, fact in facts.items()
    }


async def _count_seen(target: PlaybackTarget, written: Iterable[Resume]) -> int | None:
    """Count what is listed as it was sent. Nothing depends on it, so no fault does."""
    try:
        listed = await target.read_resume_points()
    except ServiceError:
        return None
    if listed is None:
        return None
    return sum(listed.get(r.key) == r.point.progress for r in written)
