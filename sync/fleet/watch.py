"""What is known of a worker and of its fleet.

Counts of the whole fleet are read from the database now and then: whoever asks does not
wait for it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.errors import ServiceError
from sync.fleet.calendar import Kind, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from connectors.clock import Clock
    from sync.events import Spent
    from sync.fleet.database import FleetDatabase
    from sync.fleet.limit import SharedPacer
    from sync.fleet.profiles import Count, Profiles
    from sync.fleet.worker import Worker

#: So often the fleet is counted, ...
_EVERY_S = 15.0
#: ... and a worker that has not looked for so long is not well.
_UNWELL_AFTER = timedelta(minutes=2)
_SIZE = """
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint AS n FROM pg_class
WHERE relkind = 'r' AND starts_with(relname, 't2d_') AND pg_table_is_visible(oid)
"""


@dataclass(frozen=True, slots=True)
class Totals:
    """The fleet in numbers."""

    profiles: int = 0
    in_step: int = 0
    to_bring_over: int = 0
    brought_over: int = 0
    running: int = 0
    due: int = 0
    failing: int = 0
    paused: int = 0
    needs_login: int = 0
    oldest_due_at: datetime | None = None

    @classmethod
    def of(cls, counts: list[Count]) -> Totals:
        """Add up the counts of all states and kinds."""
        there = [c for c in counts if c.state is not State.GONE]
        active = [c for c in there if c.state is State.ACTIVE]
        oldest = [c.oldest_due_at for c in active if c.oldest_due_at]

        def of_state(state: State) -> int:
            return sum(c.profiles for c in there if c.state is state)

        return cls(
            profiles=sum(c.profiles for c in there),
            in_step=sum(c.well for c in active if c.kind is Kind.KEEP),
            to_bring_over=sum(c.profiles for c in active if c.kind is Kind.FIRST),
            brought_over=sum(c.profiles for c in there if c.kind is Kind.KEEP),
            running=sum(c.running for c in there),
            due=sum(c.due for c in active),
            failing=sum(c.failing for c in active),
            paused=of_state(State.PAUSED),
            needs_login=of_state(State.NEEDS_LOGIN),
            oldest_due_at=min(oldest, default=None),
        )


@dataclass(slots=True)
class Watch:
    """What is known of the worker and of the fleet."""

    worker: Worker
    profiles: Profiles
    database: FleetDatabase
    clock: Clock
    pacers: Mapping[str, SharedPacer]
    spent: Mapping[str, Spent] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
    size_bytes: int = 0

    async def stay(self) -> None:
        """Count the fleet, again and again; a count that fails is left out."""
        while True:
            with suppress(ServiceError):
                counts = await self.profiles.count(self.clock.now())
                (row,) = await self.database.rows(_SIZE)
                self.totals, self.size_bytes = Totals.of(counts), row["n"]
            await self.clock.sleep(_EVERY_S)

    def sent(self) -> Iterator[tuple[str, int, int]]:
        """Count requests, and refusals among them, by service.

        Of a service whose limit is each person's own those of a run count at its end.
        """
        for service, pacer in self.pacers.items():
            yield service, pacer.requests, pacer.refusals
        for service, spent in self.spent.items():
            if service not in self.pacers:
                yield service, spent.requests, spent.limited

    def is_well(self) -> bool:
        """Whether the worker has looked for due profiles a moment ago."""
        looked_at = self.worker.tally.looked_at
        if looked_at is None:
            return False
        return self.clock.now() - looked_at < _UNWELL_AFTER
