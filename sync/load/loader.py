"""Applies operations to a target: paced, oldest first, and never one twice.

The intent of every write is durable before it leaves. A write whose outcome is lost is
looked up before it is sent again: in this run, and in a later one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from connectors.errors import (
    ContractError,
    RateLimitedError,
    RejectedError,
    ServiceError,
    TransientError,
    UnknownOutcomeError,
)
from sync.domain.entries import COMPLETED_FROM, Entry
from sync.domain.evidence import Count, is_in_place, stood_before
from sync.domain.origin import TRAKT
from sync.domain.plan import Action
from sync.domain.writes import Outcome, Settled, Tally
from sync.events import Advanced, Stage, Waiting
from sync.load.breaker import Breaker, is_block, is_refusal
from sync.load.probe import Finding, behaves_otherwise, read_back
from sync.ports import RestoringTarget
from sync.runtime.concurrency import task_group
from sync.runtime.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Mapping, Sequence

    from connectors.clock import Clock
    from sync.domain.plan import Operation, Restored
    from sync.domain.plays import Key, Place
    from sync.domain.writes import Before, Row
    from sync.events import Event
    from sync.ledger import Ledger
    from sync.load.probe import Unproved
    from sync.ports import Target

#: Intents made durable in one commit. A crash leaves at most two groups to look up.
GROUP = 25
#: Before each look at a write of unclear outcome: it may still be on its way.
LOOK_UP_WAITS_S = (1.0, 4.0)
#: After so many writes in a row that could not even be looked up, the service is down.
MOST_LOST = 5
#: A write that keeps vanishing is given up after so many, and reported.
MOST_SENDS = 5


class _LookUpError(Exception):
    """A title could not be read back; ``cause`` says why."""

    def __init__(self, cause: ServiceError) -> None:
        super().__init__(cause.message)
        self.cause = cause


class Loader:
    """Applies the operations of one run. Use it once.

    The target puts one of the ``labels`` on what it adds.
    """

    def __init__(
        self,
        target: Target,
        ledger: Ledger,
        run: int,
        *,
        clock: Clock,
        concurrency: int,
        on_event: Callable[[Event], None],
        stop: Stop | None = None,
        labels: Collection[str] = (TRAKT.label,),
    ) -> None:
        self._target = target
        self._ledger = ledger
        self._run = run
        self._clock = clock
        self._slots = asyncio.Semaphore(concurrency)
        self._on_event = on_event
        self._stop = stop or Stop()
        self._labels = labels
        self._names: Mapping[str, str] = {}
        self._unproved: Unproved | None = None
        self._in_flight: dict[asyncio.Task[None], Operation] = {}
        self._unflushed: list[tuple[str, Outcome, str]] = []
        self._fatal: ServiceError | None = None
        self._unclear: frozenset[Key] = frozenset()
        self._before: Mapping[str, Before] = {}
        self._viewings: dict[Key, Count] | None = None
        self._breaker = Breaker()
        self._intended: set[str] = set()
        self._begun: set[str] = set()
        self._lost = 0
        self._total = 0
        self._unlimited: set[Place] = set()
        self._blocked: dict[str, Settled] = {}
        self._refused_before: Container[str] = ()
        self.settled: dict[str, Settled] = {}
        self.is_probed = False

    async def load(
        self,
        operations: Sequence[Operation],
        *,
        unclear: Collection[Key] = (),
        before: Mapping[str, Before] | None = None,
        viewings: Mapping[Key, Count] | None = None,
        refused: Container[str] = (),
        unproved: Unproved | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Apply in order; ``settled`` holds the outcome of each, even after an error.

        ``unclear`` names keys that an earlier run may have written. ``before`` is what
        stood there, by operation id, for the ledger; ``viewings`` how many stand there
        by key, where every one counts; ``refused`` are the ids of what an earlier run
        tried in vain. Where the profile is ``unproved`` the first added entry is read
        back before anything else is added, and before that the one that is standing;
        ``is_probed`` tells that one of them was as it was sent. ``names`` are what the
        ids of titles stand for, for words. An error that would meet every write stops
        the run: what is under way is settled, then it is raised.
        """
        self._unclear, self._before = frozenset(unclear), before or {}
        self._names, self._unproved = names or {}, unproved
        self._refused_before = refused
        self._viewings = None if viewings is None else dict(viewings)
        self._total, self._breaker = len(operations), Breaker(refused)
        with self._stop.heeded(self._in_flight.__len__):
            try:
                if unproved:
                    if unproved.standing:
                        await self._look_again(unproved, unproved.standing)
                    operations = await self._probe_first(operations)
                await self._apply(operations)
            finally:
                self._give_back()
                await asyncio.shield(self._flush())
        self._trip(self._breaker.verdict())
        if self._fatal:
            raise self._fatal

    @property
    def is_stopping(self) -> bool:
        """Whether no further write is started."""
        return self._stop.is_requested or self._fatal is not None

    @property
    def tally(self) -> Tally:
        """How the writes ended, or did not even begin."""
        count = Counter(settled.outcome for settled in self.settled.values())
        arrived, refused = count[Outcome.APPLIED], count[Outcome.REJECTED]
        begun = len(self._begun)
        return Tally(arrived, refused, begun - arrived - refused, self._total - begun)

    @property
    def outcomes(self) -> Mapping[str, Settled]:
        """What became of each write that was begun, by its id."""
        return {**dict.fromkeys(self._begun, Settled.left_open()), **self.settled}

    @property
    def newly_blocked(self) -> frozenset[str]:
        """The ids of blocked writes that no earlier run has tried in vain."""
        blocks = {*self._blocked.values()}
        blocked = {id_ for id_, settled in self.settled.items() if settled in blocks}
        return frozenset(id_ for id_ in blocked if id_ not in self._refused_before)

    def _trip(self, error: ServiceError | None) -> None:
        self._fatal = self._fatal or error

    def _give_back(self) -> None:
        """Settle the intents whose turn never came: nobody has to look for them."""
        for id_ in self._intended - self._begun:
            self._unflushed.append((id_, *Settled.not_sent()))

    async def _probe_first(
        self, operations: Sequence[Operation]
    ) -> Sequence[Operation]:
        """Apply up to an entry that shows what the service keeps; return the others.

        The first is read back in any case. Where it cannot show all, as one that is
        listed merged with others of its key, so is the next that can.
        """
        is_any_read = False
        for number, operation in enumerate(operations, 1):
            if self.is_probed:
                return operations[number - 1 :]
            before = (self._viewings or {}).get(operation.key, Count())
            is_dated = operation.restored is None or operation.restored.at is not None
            is_telling = is_dated and not before.viewings
            await self._apply([operation])
            settled = self.settled.get(operation.id)
            if settled is None:
                break
            is_added = operation.action is Action.ADD
            has_arrived = settled.outcome is Outcome.APPLIED
            if is_added and has_arrived and (is_telling or not is_any_read):
                is_any_read = True
                await self._probe(operation, before)
        return ()

    async def _apply(self, operations: Sequence[Operation]) -> None:
        groups = [operations[i : i + GROUP] for i in range(0, len(operations), GROUP)]
        async with task_group() as tasks:
            intents = [tasks.create_task(self._intend(group)) for group in groups[:1]]
            for number, group in enumerate(groups):
                await intents[number]
                intents += [
                    tasks.create_task(self._intend(later))
                    for later in groups[number + 1 : number + 2]
                ]
                for operation in group:
                    is_last = operation is operations[-1]
                    await self._predecessors(operation, is_last=is_last)
                    await self._slots.acquire()
                    if self.is_stopping:
                        return
                    self._begun.add(operation.id)
                    task = tasks.create_task(self._settle(operation))
                    self._in_flight[task] = operation
                    task.add_done_callback(self._landed)

    async def _intend(self, group: Sequence[Operation]) -> None:
        try:
            await self._ledger.intend(self._run, group, self._clock.now(), self._before)
            self._intended.update(operation.id for operation in group)
        except ServiceError as error:
            self._trip(error)

    def _landed(self, task: asyncio.Task[None]) -> None:
        del self._in_flight[task]
        self._slots.release()

    async def _predecessors(self, operation: Operation, *, is_last: bool) -> None:
        """Wait for the writes that must be in place before this one is sent.

        The newest must end on top of the profile, and a zero must stand before the
        default that it limits.
        """
        earlier = [
            task
            for task, other in self._in_flight.items()
            if is_last
            or other.key == operation.key
            or (operation.is_default and other.key.place == operation.key.place)
        ]
        if earlier:
            await asyncio.wait(earlier)

    async def _settle(self, operation: Operation) -> None:
        try:
            self._note(operation, await self._write(operation))
            if len(self._unflushed) >= GROUP:
                await self._flush()
        except ServiceError as error:
            # What is not settled stays pending: the next run takes it up again.
            self._trip(error)

    def _note(self, operation: Operation, settled: Settled) -> None:
        id_ = operation.id
        self.settled[id_] = settled
        self._unflushed.append((id_, *settled))
        if settled.outcome is not Outcome.APPLIED:
            if operation.progress < COMPLETED_FROM:
                self._unlimited.add(operation.key.place)
        elif self._viewings is not None:
            key = operation.key
            self._viewings[key] = self._viewings.get(key, Count()).after(operation)
        self._on_event(Advanced(Stage.LOAD, len(self.settled), self._total))

    async def _flush(self) -> None:
        outcomes, self._unflushed = self._unflushed, []
        if outcomes:
            await self._ledger.settle(self._run, outcomes, self._clock.now())

    async def _write(self, operation: Operation) -> Settled:
        if operation.is_default and operation.key.place in self._unlimited:
            return Settled.covers_too_much()
        if blocked := self._blocked.get(operation.key.media):
            return blocked
        try:
            settled = await self._write_or_find(operation)
        except _LookUpError as failed:
            self._lost += 1
            if self._lost >= MOST_LOST:
                raise failed.cause from None
            return Settled(Outcome.UNKNOWN, failed.cause.message)
        self._lost = 0
        return settled

    async def _write_or_find(self, operation: Operation) -> Settled:
        if operation.key in self._unclear and await self._is_in_place(operation):
            return Settled.found_in_place()
        for sends in range(1, MOST_SENDS + 1):
            try:
                await self._send(operation)
            except UnknownOutcomeError as error:
                if await self._arrived_after_all(operation, error):
                    self._breaker.arrived()
                    return Settled.found_in_place()
                self._trip(self._breaker.unclear(operation, error))
                if self.is_stopping:
                    return Settled.unclear(sends)
            except ServiceError as error:
                if not is_refusal(error):
                    raise
                return self._refused(operation, error)
            else:
                self._breaker.arrived()
                return Settled(Outcome.APPLIED)
        return Settled.unclear(MOST_SENDS)

    def _refused(self, operation: Operation, error: ServiceError) -> Settled:
        self._trip(self._breaker.refused(operation, error))
        refused = Settled(Outcome.REJECTED, error.message)
        # It did not get through: no look-up is due, which may be blocked as well.
        if is_block(error):
            self._blocked.setdefault(operation.key.media, refused)
        return refused

    async def _send(self, operation: Operation) -> None:
        if operation.restored:
            await self._send_back(operation.key, operation.restored)
        elif operation.action is Action.ADD:
            await self._target.add(operation.key, operation.watched_at)
        else:
            await self._target.set_progress(operation.key, operation.progress)

    async def _send_back(self, key: Key, restored: Restored) -> None:
        if not isinstance(self._target, RestoringTarget):
            raise RejectedError("The target takes no entry back.")
        progress, label, at = restored
        await self._target.add_entry(Entry(key, at, progress, imported=label))

    async def _arrived_after_all(
        self, operation: Operation, error: ServiceError
    ) -> bool:
        for wait_s in LOOK_UP_WAITS_S:
            why = f"{error.message} It is looked for before it is sent again."
            self._on_event(Waiting(error.service or "Discovr", wait_s, why))
            await self._clock.sleep(wait_s)
            if await self._is_in_place(operation):
                return True
        return False

    async def _is_in_place(self, operation: Operation) -> bool:
        key = operation.key
        try:
            entries = await self._target.read_title(key.media, key.season)
        except RateLimitedError:
            raise
        except (RejectedError, ContractError, TransientError) as error:
            # One title that cannot be read must not stop the others.
            raise _LookUpError(error) from None
        before = None if self._viewings is None else self._viewings.get(key, Count())
        return is_in_place(operation, entries, before)

    async def _look_again(self, unproved: Unproved, row: Row) -> None:
        """Look at what an earlier run added, where that title can be read."""
        operation, before = row.operation, stood_before(row)
        try:
            finding = await self._read_back(operation, before)
        except RateLimitedError:
            raise
        except (RejectedError, ContractError, TransientError):
            return  # one title that cannot be read must not stop the others
        if finding is Finding.NOT_LISTED and unproved.is_listed:
            return  # nor one whose list is not there
        if finding.is_fault:
            raise behaves_otherwise(operation, finding, self._names, row)
        await self._take_for_proof(finding)

    async def _probe(self, operation: Operation, before: Count) -> None:
        """Read an entry back; stop unless it is as it was sent, or may be."""
        finding = await self._read_back(operation, before)
        if finding.is_fault:
            raise behaves_otherwise(operation, finding, self._names)
        await self._take_for_proof(finding)

    async def _read_back(self, operation: Operation, before: Count) -> Finding:
        return await read_back(
            self._target, self._clock, operation, before, self._labels, LOOK_UP_WAITS_S
        )

    async def _take_for_proof(self, finding: Finding) -> None:
        # A list that lacks it from now on is known to show too little.
        await self._flush()
        self.is_probed = finding.is_proof
        if self.is_probed and self._unproved and self._unproved.note:
            await self._unproved.note()
