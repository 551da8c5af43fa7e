"""Runs and facts: what each run asks, and all that ``status`` does, in plain SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync.domain.writes import Outcome
from sync.ledger.backend import Mode
from sync.ledger.base import LedgerBase, plainly
from sync.ledger.plain import to_instant, to_json
from sync.ledger.records import Run

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sync.ledger.plain import Plain

_RUNS = """
SELECT id, profile, command, started_at, finished_at, outcome, summary FROM t2d_run
WHERE profile = :profile
"""
_PROFILES = "SELECT profile FROM t2d_run GROUP BY profile ORDER BY max(id) DESC"
_OUTCOMES = """
SELECT outcome, count(*) FROM t2d_operation
WHERE profile = :profile AND restored IS NULL GROUP BY outcome
"""
_UNDONE = """
SELECT count(*) FROM t2d_operation WHERE profile = :profile AND undone_at IS NOT NULL
"""
_TAKEN = """
SELECT run, sum(CASE WHEN outcome = 'applied' AND undone_at IS NULL THEN 1 ELSE 0 END)
FROM t2d_operation WHERE profile = :profile AND progress > 0
GROUP BY run HAVING max(undone_at) > :since ORDER BY max(undone_at), run DESC
"""
_FACT = "SELECT value FROM t2d_fact WHERE profile = :profile AND name = :name"
_FACTS = "SELECT name, value FROM t2d_fact WHERE profile = :profile"
_TIMES = "SELECT name, updated_at FROM t2d_fact WHERE profile = :profile"
_PUT = """
INSERT INTO t2d_fact (profile, name, value, updated_at)
VALUES (:profile, :name, :value, :at) ON CONFLICT (profile, name)
DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
"""
_FORGET = "DELETE FROM t2d_fact WHERE profile = :profile AND name = :name"


class Facts(LedgerBase):
    """What runs did, in numbers, and the facts that they left."""

    @plainly(Mode.READ)
    def runs(
        self,
        sender: Plain,
        profile: str,
        limit: int | None = None,
        *,
        commands: Collection[str] | None = None,
    ) -> list[Run]:
        """Return the runs of a profile, newest first; of these commands, if given.

        All of them without a limit: one is for who shows them, since what is looked for
        among the latest is not found once others have pushed it out.
        """
        wanted, values = _RUNS, {"profile": profile, "limit": limit}
        if commands is not None:
            wanted += f" AND command {_among(commands, values)}"
        wanted += " ORDER BY id DESC"
        return _read_runs(
            sender, wanted + " LIMIT :limit" * (limit is not None), values
        )

    @plainly(Mode.READ)
    def find_run(self, sender: Plain, profile: str, run: int) -> Run | None:
        """Return one run of a profile."""
        found = _read_runs(
            sender, f"{_RUNS} AND id = :run", {"profile": profile, "run": run}
        )
        return found[0] if found else None

    @plainly(Mode.READ)
    def profiles(self, sender: Plain) -> list[str]:
        """Return every profile that was written to, the one of the last run first."""
        return [profile for (profile,) in sender.rows(_PROFILES)]

    @plainly(Mode.READ)
    def count_outcomes(self, sender: Plain, profile: str) -> dict[Outcome, int]:
        """Count the writes of all runs of a profile, by how they ended.

        Without those that a copy asked for: only ``restore`` takes them up.
        """
        rows = sender.rows(_OUTCOMES, {"profile": profile})
        found = {Outcome(outcome): count for outcome, count in rows}
        return {outcome: found.get(outcome, 0) for outcome in Outcome}

    @plainly(Mode.READ)
    def count_undone(
        self,
        sender: Plain,
        profile: str,
        *,
        run: int | None = None,
        since: datetime | None = None,
    ) -> int:
        """Count what was taken back; of one run, or since a moment, if given."""
        counted, values = _UNDONE, {"profile": profile, "run": run, "since": since}
        if run is not None:
            counted += " AND run = :run"
        if since is not None:
            counted += " AND undone_at >= :since"
        ((count,),) = sender.rows(counted, values)
        return int(count)

    @plainly(Mode.READ)
    def taken_back(
        self, sender: Plain, profile: str, since: datetime
    ) -> dict[int, int]:
        """Count what stands of each run of which something was taken back since then.

        In the order in which they were.
        """
        rows = sender.rows(_TAKEN, {"profile": profile, "since": since})
        return {run: int(left) for run, left in rows}

    @plainly(Mode.READ)
    def fact_times(self, sender: Plain, profile: str) -> dict[str, datetime]:
        """Return when each fact of a profile was put."""
        rows = sender.rows(_TIMES, {"profile": profile})
        return {name: to_instant(at) for name, at in rows}

    @plainly(Mode.READ)
    def get_fact(self, sender: Plain, profile: str, name: str) -> Any:
        """Return a fact; None when it is not there."""
        rows = sender.rows(_FACT, {"profile": profile, "name": name})
        return sender.from_json(rows[0][0]) if rows else None

    @plainly(Mode.READ)
    def get_facts(
        self,
        sender: Plain,
        profile: str,
        names: Collection[str] | None = None,
        *,
        prefix: str = "",
    ) -> dict[str, Any]:
        """Return facts of a profile by name: all, those named, or all that begin so."""
        kept, values = _FACTS, {"profile": profile, "prefix": prefix}
        if prefix:
            kept += f" AND substr(name, 1, {len(prefix)}) = :prefix"
        if names is not None:
            kept += f" AND name {_among(names, values)}"
        rows = sender.rows(kept, values)
        return {name: sender.from_json(value) for name, value in rows}

    async def put_fact(self, profile: str, name: str, value: Any, at: datetime) -> None:
        """Keep one fact: anything that JSON can hold."""
        await self.put_facts(profile, {name: value}, at)

    @plainly(Mode.DURABLE)
    def put_facts(
        self, sender: Plain, profile: str, values: Mapping[str, Any], at: datetime
    ) -> None:
        """Keep several facts, all or none."""
        put_facts(sender, profile, values, at)

    @plainly(Mode.DURABLE)
    def delete_fact(self, sender: Plain, profile: str, name: str) -> None:
        """Forget a fact; without effect when it is not there."""
        sender.rows(_FORGET, {"profile": profile, "name": name})


def _among(names: Collection[str], values: dict[str, Any]) -> str:
    """Return the condition that it is one of these; they are put among the values."""
    named = {f"name{number}": name for number, name in enumerate(names)}
    values |= named
    # Of none, none: an empty list is not SQL.
    return f"IN ({', '.join(f':{name}' for name in named) or 'NULL'})"


def put_facts(
    sender: Plain, profile: str, values: Mapping[str, Any], at: datetime
) -> None:
    """Put facts within a transaction."""
    if values:
        facts = [(name, to_json(value)) for name, value in values.items()]
        sender.each(
            _PUT,
            [{"profile": profile, "name": n, "value": v, "at": at} for n, v in facts],
        )


def _read_runs(sender: Plain, statement: str, values: Mapping[str, Any]) -> list[Run]:
    return [
        Run(
            id_,
            profile,
            command,
            to_instant(started_at),
            to_instant(finished_at) if finished_at else None,
            outcome,
            sender.from_json(summary),
        )
        for id_, profile, command, started_at, finished_at, outcome, summary in (
            sender.rows(statement, values)
        )
    ]
