"""One film or season of which writes are taken back.

Where nothing stands but what we wrote, all of it is removed at once, between two
readings; only the first removal of each kind is watched by itself. Where anything of
the person's stands too, each removal is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from connectors.errors import NotFoundError, ServiceError, UnknownOutcomeError
from sync.domain.evidence import is_removal
from sync.domain.seasons import current_entry
from sync.errors import GuardError
from sync.events import Waiting
from sync.load.breaker import Breaker, is_refusal
from sync.load.loader import LOOK_UP_WAITS_S
from sync.pipeline.title_lists import UnlistedError, read_title
from sync.pipeline.undo_intents import UndoIntents, mark_undone
from sync.pipeline.undo_standing import HELD_OUT, Standing, Undone
from sync.runtime.concurrency import task_group

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sync.domain.entries import Entry
    from sync.domain.plays import Key, Place
    from sync.domain.writes import Row
    from sync.pipeline.services import Services

#: Where a removal has no clear answer it is looked up; so often it is tried in all.
MOST_TRIES = 3
_NOT_REMOVED = "Discovr did not remove it"


class RemovedTooMuchError(GuardError):
    """A removal took entries that were not asked for."""

    default_remedy = "Add them again on Discovr; undo goes no further."


class _Kind(NamedTuple):
    """What a removal names, which may decide how much it takes."""

    has_season: bool
    has_episode: bool

    @classmethod
    def of(cls, key: Key) -> _Kind:
        return cls(key.season is not None, key.episode is not None)


_SEASON = _Kind(has_season=True, has_episode=False)


@dataclass(slots=True)
class Undoing:
    """What the places of one undo share.

    ``slots`` bounds how many requests are under way. ``watched`` are the kinds of which
    a removal was watched by itself. ``takes_one``: of the repeats of a key a removal
    was seen to take one. ``refuses_seasons``: it was refused for a season default. The
    ``breaker`` tells what is refused of one title from what is refused of all.
    """

    services: Services
    labels: Collection[str]
    result: Undone
    intents: UndoIntents
    slots: asyncio.Semaphore
    watched: set[_Kind] = field(default_factory=set)
    takes_one: bool = False
    refuses_seasons: bool = False
    breaker: Breaker = field(default_factory=Breaker)

    @classmethod
    def of(
        cls,
        services: Services,
        labels: Collection[str],
        result: Undone,
        intents: UndoIntents,
    ) -> Undoing:
        """Begin, with as many requests at once as writing has."""
        limit = services.settings.discovr.concurrency
        return cls(services, labels, result, intents, asyncio.Semaphore(limit))


class PlaceUndo(Standing):
    """Takes the rows of one film or season back, by what was ``read`` there last."""

    def __init__(
        self, undoing: Undoing, place: Place, rows: Sequence[Row], others: Sequence[Row]
    ) -> None:
        super().__init__(rows, others, undoing.labels, undoing.result)
        self._undoing = undoing
        self._services = undoing.services
        self._place = place
        #: As it was listed last; ``_entries`` may be ahead of it by a clear answer.
        self._listed: Sequence[Entry] = ()
        self._is_fresh = False
        self._sent: Counter[Key] = Counter()
        self._unclear: dict[Key, ServiceError] = {}
        self._looks = 0
        #: What Discovr said not to have; the next reading tells.
        self._absent: set[Key] = set()
        #: Why nothing more is tried.
        self._end: ServiceError | None = None
        self._is_refused = False
        #: Whether its list can be read; else nothing more is tried.
        self.is_listed = True

    @property
    def is_telling(self) -> bool:
        """Whether it may show something of removals that nobody knows yet."""
        kinds = {_Kind.of(r.operation.key) for r in self.rows if is_removal(r)}
        is_open = self._result.takes_season is None and len(kinds) > 1
        is_season_open = is_open and not self._undoing.refuses_seasons
        return is_season_open or not kinds <= self._undoing.watched

    async def read(self) -> None:
        """Read what stands there now; leave all alone where that cannot be read."""
        if self.is_listed:
            try:
                await self._read()
            except UnlistedError as error:
                self._leave_alone(self._mine, error)

    def _leave_alone(self, keys: Iterable[Key], error: UnlistedError) -> None:
        self.is_listed = False
        for key in keys:
            self._fail(key, str(error))

    async def _read(self) -> None:
        """Read it: what had no clear answer may be on its way."""
        for error in [*self._unclear.values()][:1]:
            wait_s = LOOK_UP_WAITS_S[self._looks > 0]
            self._looks += 1
            why = f"{error.message} It is looked up before it is tried again."
            self._services.on_event(Waiting("Discovr", wait_s, why))
            await self._services.clock.sleep(wait_s)
        async with self._undoing.slots:
            entries = await read_title(self._services, self._place)
        stood, self._entries, self._listed = self._entries, entries, entries
        self._is_fresh = True
        self._absent.clear()
        self._count_unclear(stood)

    def _count_unclear(self, stood: Sequence[Entry]) -> None:
        """Note what came of requests without a clear answer, against what ``stood``."""
        unclear, self._unclear = self._unclear, {}
        for key, error in unclear.items():
            if self._of(key) != [entry for entry in stood if entry.key == key]:
                self._undoing.breaker.arrived()
            else:
                operation = self._mine[key][0].operation
                end = self._undoing.breaker.unclear(operation, error)
                self._end = self._end or end

    async def take_back(self) -> None:
        """Take back every row, and note those that are. It has to be read by then."""
        if not self.is_listed:
            return
        before = self._listed
        # What a removal takes too much of is not the person's doing either.
        noted = [*self.rows, *self._seen(before)]
        await self._undoing.intents.note(noted)
        taken: list[Row] = []
        try:
            if self.is_free:
                await self._take_back_at_once(taken)
            else:
                await self._take_back_one_by_one(taken)
        except UnlistedError as error:
            done = {row.operation.key for row in taken}
            self._leave_alone(self._mine.keys() - done, error)
            noted = []  # nobody knows what came of it
        finally:
            gone = self._gone_between(before, self._listed)
            await mark_undone(self._services, taken + gone)
        self._undoing.intents.settle(noted)

    # All at once.

    async def _take_back_at_once(self, taken: list[Row]) -> None:
        before = self._listed
        chosen: list[Key] = []
        for is_season in (True, False):
            keys = [k for k in self._mine if (_Kind.of(k) == _SEASON) is is_season]
            wanted = [key for key in keys if self._is_to_go(key, before, taken)]
            await self._send(wanted, before)
            chosen += wanted
        left = await self._look(chosen, before)
        while left:
            await self._send(left, before)
            left = await self._look(left, before)
        gone = [row for key in chosen if not self._of(key) for row in self._mine[key]]
        for row in await self._hold_out_again(gone):
            taken.append(row)
            self._result.removed.append(row.operation.key)

    def _is_to_go(self, key: Key, before: Sequence[Entry], taken: list[Row]) -> bool:
        """Judge a key; where nothing stands any more of it, no request is needed."""
        if self._of(key):
            if reason := self._verdict(key).reason:
                self._result.left_alone[key] = reason
            return not reason
        went_along = any(entry.key == key for entry in before)
        taken += self._note_gone(key, is_ours=went_along)
        return False

    async def _send(self, keys: Sequence[Key], before: Sequence[Entry]) -> None:
        """Remove what stands under these: all defaults, or none."""
        if keys and _Kind.of(keys[0]) not in self._undoing.watched:
            # The one with the most repeats tells most.
            first = max(keys, key=lambda key: len(self._of(key)))
            await self._delete(first)
            self._undoing.watched.add(_Kind.of(first))
            if first not in self._result.failed:
                await self._read_after({first}, before)
            keys = [k for k in keys if self._of(k) and k not in self._result.failed]
        async with task_group() as tasks:
            for key in keys:
                tasks.create_task(self._delete(key))
        if keys and _Kind.of(keys[0]) == _SEASON:
            await self._after_defaults({*keys} - self._result.failed, before)

    async def _after_defaults(
        self, keys: Collection[Key], before: Sequence[Entry]
    ) -> None:
        """Know what a removal of defaults left, before a zero that limits one goes.

        That it takes the default alone was seen before: then a clear answer is enough,
        and what is read in the end shows whether it was true.
        """
        is_clear = not (self._unclear.keys() | self._absent) & {*keys}
        if is_clear and self._result.takes_season is False:
            self._entries = [e for e in self._entries if e.key not in keys]
        elif keys:
            await self._read_after(keys, before)

    async def _delete(self, key: Key) -> None:
        """Send what removes a key; the next reading tells what came of it."""
        times = len(self._of(key)) if self._undoing.takes_one else 1
        self._is_fresh = False
        for _ in range(times):
            self._sent[key] += 1
            try:
                async with self._undoing.slots:
                    await self._services.target.remove(key)
            except NotFoundError:
                self._absent.add(key)
                return
            except UnknownOutcomeError as error:
                self._unclear[key] = error
                return
            except ServiceError as error:
                self._refused(key, error)
                self._undoing.refuses_seasons |= _Kind.of(key) == _SEASON
                return
            self._undoing.breaker.arrived()

    async def _look(self, keys: Sequence[Key], before: Sequence[Entry]) -> list[Key]:
        """Return those of which something is still there and may be tried again."""
        if keys and not self._is_fresh:
            await self._read_after(keys, before)
        open_keys = [k for k in keys if self._of(k) and k not in self._result.failed]
        for key in open_keys:
            if self._sent[key] >= MOST_TRIES + len(self._mine[key]):
                self._fail(key, _NOT_REMOVED)
        return [key for key in open_keys if key not in self._result.failed]

    async def _read_after(self, keys: Collection[Key], before: Sequence[Entry]) -> None:
        """Read after removals of these keys, and learn from what is gone."""
        await self._read()
        self._check(keys, before)
        self._give_up_if_down()
        for key in keys:
            stood = sum(entry.key == key for entry in before)
            if self._sent[key] == 1 and 0 < len(self._of(key)) < stood:
                self._undoing.takes_one = True

    async def _hold_out_again(self, rows: Sequence[Row]) -> list[Row]:
        """Put zeros back where the default that they limit is still there after all."""
        if not any(e.is_default and e.is_completed for e in self._entries):
            return [*rows]
        for key in {r.operation.key for r in rows if not r.operation.progress}:
            with suppress(UnknownOutcomeError):
                await self._services.target.set_progress(key, 0)
            self._fail(key, HELD_OUT)
        return [row for row in rows if row.operation.progress]

    # One by one.

    async def _take_back_one_by_one(self, taken: list[Row]) -> None:
        for key in self._mine:
            taken += await self._take_back(key)
            if not self._is_fresh:
                await self._read()

    async def _take_back(self, key: Key) -> list[Row]:
        if not self._of(key):
            return self._note_gone(key, is_ours=key in self._result.removed)
        rows, progress, reason = self._verdict(key)
        if reason:
            self._result.left_alone[key] = reason
        if not rows:
            return []
        if progress is None:
            is_done = await self._remove(key)
        else:
            is_done = await self._restore(key, progress)
        return rows if is_done else []

    def _note_gone(self, key: Key, *, is_ours: bool) -> list[Row]:
        """Note what no longer stands, and whether a removal of ours took it along."""
        rows = self._mine[key]
        gone = self._result.removed if is_ours else self._result.gone
        gone += [key] * len(rows)
        return rows

    async def _remove(self, key: Key) -> bool:
        before = self._entries
        rows = self._mine[key]
        # Repeats of a key may go one at a time.
        for _ in range(MOST_TRIES + len(rows)):
            try:
                await self._services.target.remove(key)
            except NotFoundError:
                pass  # the reading tells
            except UnknownOutcomeError as error:
                self._unclear[key] = error
            except ServiceError as error:
                return self._refused(key, error)
            else:
                self._undoing.breaker.arrived()
            self._undoing.watched.add(_Kind.of(key))
            await self._read_after({key}, before)
            if not self._of(key):
                self._result.removed += [key] * len(rows)
                return True
        return self._fail(key, _NOT_REMOVED)

    async def _restore(self, key: Key, progress: int) -> bool:
        for _ in range(MOST_TRIES):
            try:
                await self._services.target.set_progress(key, progress)
            except UnknownOutcomeError as error:
                self._unclear[key] = error
                await self._read()
                self._give_up_if_down()
                current = current_entry(self._of(key))
                if current is None or current.progress != progress:
                    continue
            except ServiceError as error:
                return self._refused(key, error)
            else:
                self._undoing.breaker.arrived()
            self._result.restored.append(key)
            self._is_fresh = False
            return True
        return self._fail(key, "Discovr gave no clear answer")

    def _give_up_if_down(self) -> None:
        if self._end:
            raise self._end

    def _refused(self, key: Key, error: ServiceError) -> bool:
        """Leave alone what is refused for good; raise what would meet all others."""
        if not is_refusal(error):
            raise error
        self._fail(key, error.message)
        if not self._is_refused:  # all of one title tell no more than one of it
            self._is_refused = True
            if end := self._undoing.breaker.refused(self.rows[0].operation, error):
                raise end
        return False

    def _fail(self, key: Key, reason: str) -> bool:
        self._result.left_alone[key] = reason
        self._result.failed.add(key)
        return False

    def _check(self, keys: Collection[Key], before: Sequence[Entry]) -> None:
        """Learn what the removals of these keys took; raise where that was too much."""
        asked = {*keys, *self._sent}
        beside = [entry for entry in before if entry.key not in asked]
        left = {(e.key, e.updated_at) for e in self._entries}
        lost = [e for e in beside if (e.key, e.updated_at) not in left]
        is_gone = any(
            e.key in keys and (e.key, e.updated_at) not in left for e in before
        )
        # Only an entry beside it can tell.
        if is_gone and beside and {*map(_Kind.of, asked)} == {_SEASON}:
            self._result.takes_season = bool(lost)
        if strangers := self._strangers(lost):
            named = ", ".join(sorted(map(str, strangers)))
            what = ", ".join(sorted(map(str, keys)))
            raise RemovedTooMuchError(f"To remove {what} Discovr also removed {named}.")
