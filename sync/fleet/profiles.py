"""The profiles of the fleet, in the database."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync.fleet.calendar import Kind, Standing, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sync.fleet.database import FleetDatabase

#: What a profile says that reads from Trakt's API, perhaps with ``:USER`` behind it;
#: anything else is a download.
TRAKT = "trakt"
#: A job that the queue lost is put into it again after this.
LEASE = timedelta(minutes=2)
#: So soon a job is offered to the queue again that it refused, of a run that is over.
OFFER_AGAIN = timedelta(seconds=2)
#: More than this no fleet has in its queue.
_MOST_WAITING = 2_000
#: A column of the table for each: what ``Profile`` is made of.
_COLUMNS = (
    "id, profile, source, kind, state, every, due_at, priority, last_ok_at, failures, "
    "last_error, note, queued_at, running_since, worker, is_shared"
)

#: One table after the other is taken in: two would wait for each other's rows.
_ADD_ALONE = "SELECT pg_advisory_xact_lock(7214402958412050)"
#: Under a name that was removed comes somebody new: with a number of its own, which no
#: old invitation is for. Logins first, as whoever stores one locks them so.
_CLEAR = (
    """
DELETE FROM fleet_login WHERE profile IN
(SELECT id FROM fleet_profile WHERE profile = ANY($1) AND state = 'gone')
""",
    "DELETE FROM fleet_profile WHERE profile = ANY($1) AND state = 'gone'",
)
#: Whoever stores a login does so before these are held, or sees what they change.
_DIFFERS = """
JOIN unnest($1::text[], $2::text[]) AS wanted (profile, source)
ON known.profile = wanted.profile
AND (state = 'gone' OR lower(known.source) <> lower(wanted.source))
"""
_HOLD = (
    f"""
SELECT FROM fleet_login JOIN fleet_profile AS known ON fleet_login.profile = known.id
{_DIFFERS} ORDER BY known.id, service FOR UPDATE OF fleet_login
""",  # names of ours
    f"""
SELECT FROM fleet_profile AS known {_DIFFERS} ORDER BY known.id FOR UPDATE OF known
""",  # the same
)
#: Whether the source ``now`` may be read by a login to Trakt that was ``made`` for
#: another: where nobody is named any more it stays that of the one who was. Where
#: nobody was named before, or a download was, nobody knows whose it is.
IS_READ_BY = """
(lower({now}) = lower({made}) OR {now} = 'trakt' AND {made} ~ '^trakt(:|$)')
"""
_PART = f"""
DELETE FROM fleet_login USING fleet_profile AS known,
unnest($1::text[], $2::text[]) AS wanted (profile, source)
WHERE fleet_login.profile = known.id AND service = 'trakt'
AND known.profile = wanted.profile
AND NOT {IS_READ_BY.format(now="wanted.source", made="known.source")}
RETURNING known.profile
"""  # noqa: S608  # names of ours
_ADD = """
INSERT INTO fleet_profile (profile, source, every, due_at, note, is_shared)
VALUES ($1, $2, $3, $4, $5, coalesce($6, false))
ON CONFLICT (profile) DO UPDATE SET source = excluded.source, every = excluded.every,
note = excluded.note, is_shared = coalesce($6, fleet_profile.is_shared),
kind = CASE WHEN fleet_profile.source = excluded.source
    THEN fleet_profile.kind ELSE 'first' END,
due_at = CASE WHEN fleet_profile.source = excluded.source
    THEN fleet_profile.due_at ELSE excluded.due_at END,
state = CASE
    WHEN fleet_profile.state = 'needs_login' AND ($6 AND NOT fleet_profile.is_shared
        OR fleet_profile.source <> excluded.source)
    THEN 'active' ELSE fleet_profile.state END
"""
#: The rows are found again by where they are, which costs no second look at an index.
_PICK = """
UPDATE fleet_profile SET queued_at = $2 WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM fleet_profile
    WHERE state = 'active' AND kind = $1 AND due_at <= $2
    AND (queued_at IS NULL OR queued_at < $3) {urgent}
    ORDER BY due_at LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED
))
RETURNING id, priority
"""
_PICK_ANY = _PICK.format(urgent="")
_PICK_URGENT = _PICK.format(urgent="AND priority > 0")
_REFUSED = """
UPDATE fleet_profile SET queued_at = $2 WHERE id = ANY($1) AND running_since IS NULL
"""
_WAITING = """
SELECT count(*) AS n FROM (
    SELECT queued_at, running_since FROM fleet_profile
    WHERE state = 'active' AND kind = $1 AND due_at <= $2
    ORDER BY due_at LIMIT $4
) AS longest WHERE queued_at >= $3 AND running_since IS NULL
"""
#: Whoever wants it run from here on wants another run than this one. Who was frozen
#: since it read the time takes no run away that another worker has begun.
_BEGIN = f"""
UPDATE fleet_profile SET running_since = $2, queued_at = $2, worker = $3, priority = 0
WHERE id = $1 AND state = 'active' AND due_at <= $2
AND (running_since IS NULL OR running_since < $2)
RETURNING {_COLUMNS}
"""  # noqa: S608  # names of ours
#: Who is wanted once more runs once more: somebody may have signed in meanwhile.
_END = """
UPDATE fleet_profile SET kind = $3, last_ok_at = $6, failures = $7, last_error = $8,
due_at = CASE WHEN priority > 0 THEN due_at ELSE $5 END,
state = CASE WHEN state = 'active' AND NOT ($4 = 'needs_login' AND priority > 0)
    THEN $4 ELSE state END,
queued_at = NULL, running_since = NULL, worker = NULL
WHERE id = $1 AND running_since = $2 AND source = $9 AND is_shared = $10
RETURNING id
"""
#: It has another source or account by now, of which the run says nothing.
_LEAVE = """
UPDATE fleet_profile SET queued_at = NULL, running_since = NULL, worker = NULL
WHERE id = $1 AND running_since = $2
"""
_FIND = f"""
SELECT {_COLUMNS} FROM fleet_profile WHERE profile = ANY($1) ORDER BY profile
"""  # noqa: S608  # names of ours
_GET = f"""
SELECT {_COLUMNS} FROM fleet_profile WHERE id = $1 AND state <> 'gone'
"""  # noqa: S608  # names of ours
_LIST = f"""
SELECT {_COLUMNS} FROM fleet_profile
WHERE ($1::text IS NULL OR state = $1) AND ($1 IS NOT NULL OR state <> 'gone')
ORDER BY profile LIMIT $2
"""  # noqa: S608  # names of ours
_COUNT = """
SELECT state, kind, count(*) AS n, count(running_since) AS running,
count(*) FILTER (WHERE last_ok_at IS NOT NULL AND failures = 0) AS well,
count(*) FILTER (WHERE failures > 0) AS failing,
count(*) FILTER (WHERE due_at <= $1) AS due, min(due_at) AS oldest
FROM fleet_profile GROUP BY state, kind
"""
_SOURCES = """
SELECT id, source, is_shared FROM fleet_profile WHERE id = ANY($1) AND state = 'active'
"""
_LIVES_BY_IT = """
is_shared AND NOT EXISTS
(SELECT FROM fleet_login WHERE profile = fleet_profile.id AND service = $1)
"""
#: A run that is under way may be by the login before, and refused.
_SIGNED_IN = """
UPDATE fleet_profile SET state = 'active', due_at = least($2, clock_timestamp()),
failures = 0, last_error = NULL,
priority = CASE WHEN running_since IS NULL THEN priority ELSE 1 END
WHERE (state = 'needs_login' OR state = 'active' AND running_since IS NOT NULL)
"""
_SERVED = f"{_SIGNED_IN} AND {_LIVES_BY_IT}"
_WITHOUT = f"""
SELECT count(*) AS n FROM fleet_profile WHERE state <> 'gone' AND {_LIVES_BY_IT}
"""  # noqa: S608  # the same
_CHANGES = {
    # By a clock that is ahead it would not be due yet for the workers.
    "due": "due_at = least($2, clock_timestamp()), priority = 1",
    "pause": "state = 'paused'",
    "resume": (
        "due_at = coalesce(due_at, $2), "
        "state = CASE WHEN state IN ('paused', 'needs_login') THEN 'active' "
        "ELSE state END"
    ),
    # Who comes under its name next may be somebody else.
    "remove": "state = 'gone', due_at = NULL, queued_at = NULL, is_shared = false",
}


@dataclass(frozen=True, slots=True)
class NewProfile:
    """A profile to take in. ``is_shared`` None: as it is known, else it is not."""

    profile: str
    source: str
    every: timedelta
    note: str = ""
    is_shared: bool | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A row of ``fleet_profile``.

    ``is_shared``: it was said that it lives by the operator's login to Discovr where it
    has none. A name alone says nothing: that account may have a profile of the name.
    """

    id: int
    profile: str
    source: str
    kind: Kind
    state: State
    every: timedelta
    due_at: datetime | None
    priority: int
    last_ok_at: datetime | None
    failures: int
    last_error: str | None
    note: str
    queued_at: datetime | None
    running_since: datetime | None
    worker: str | None
    is_shared: bool = False

    @property
    def file(self) -> Path | None:
        """The download that is read; None where it is Trakt's API."""
        return None if _is_account(self.source) else Path(self.source)

    @property
    def user(self) -> str | None:
        """Who it is on Trakt, where the table says so."""
        head, _, name = self.source.partition(":")
        return name or None if head == TRAKT else None

    def is_read_by(self, source: str) -> bool:
        """Whether a login to Trakt that was made for that source may read it.

        Where the table names nobody it is that of whoever was named before.
        """
        if self.source == TRAKT:
            return _is_account(source)
        return self.source.lower() == source.lower()

    @property
    def standing(self) -> Standing:
        """What the calendar goes by."""
        return Standing(
            kind=self.kind,
            every=self.every,
            due_at=self.due_at,
            state=self.state,
            failures=self.failures,
            last_ok_at=self.last_ok_at,
            repeats=self.file is None,
        )


@dataclass(frozen=True, slots=True)
class Count:
    """How many profiles of one state and kind there are, and how they are."""

    state: State
    kind: Kind
    profiles: int
    running: int
    well: int
    failing: int
    due: int
    oldest_due_at: datetime | None


class Profiles:
    """Reads and changes the calendar. Every time is handed in."""

    def __init__(self, database: FleetDatabase) -> None:
        self._database = database

    async def add(self, profiles: Iterable[NewProfile], now: datetime) -> list[str]:
        """Take profiles in, due at once. One that is known gets what differs.

        With another source it begins anew. One that was removed is a new one. Returns
        those whose login to Trakt was forgotten, as it was made for another source.
        """
        rows = [
            (p.profile, p.source, p.every, now, p.note, p.is_shared) for p in profiles
        ]
        async with self._database.transaction() as connection:
            await connection.execute(_ADD_ALONE)
            names, sources = [row[0] for row in rows], [row[1] for row in rows]
            for statement in _HOLD:
                await connection.execute(statement, names, sources)
            for statement in _CLEAR:
                await connection.execute(statement, names)
            parted = await connection.fetch(_PART, names, sources)
            await connection.executemany(_ADD, rows)
        return sorted(row["profile"] for row in parted)

    async def pick(self, kind: Kind, most: int, now: datetime) -> list[tuple[int, int]]:
        """Mark what is due as queued, the longest due first: id and priority.

        What a person wants now comes before the rest. Two workers never pick the same.
        """
        picked: list[tuple[int, int]] = []
        # A mark that a crash takes away costs no more than an offer that is refused.
        async with self._database.transaction(is_relaxed=True) as connection:
            for statement in (_PICK_URGENT, _PICK_ANY):
                left = most - len(picked)
                if left > 0:
                    terms = (kind.value, now, now - LEASE, left)
                    rows = await connection.fetch(statement, *terms)
                    picked += [(row["id"], row["priority"]) for row in rows]
        return picked

    async def refused(self, numbers: Sequence[int], now: datetime) -> None:
        """Note which jobs the queue refused: it has them still, or they run."""
        if numbers:
            at = now - LEASE + OFFER_AGAIN
            await self._database.rows(_REFUSED, list(numbers), at)

    async def waiting(self, kind: Kind, now: datetime) -> int:
        """Count what is in the queue and not begun: it is among the longest due."""
        (row,) = await self._database.rows(
            _WAITING, kind.value, now, now - LEASE, _MOST_WAITING
        )
        found: int = row["n"]
        return found

    async def begin(self, number: int, now: datetime) -> Profile | None:
        """Note that a run begins; None if the profile is not due any more."""
        rows = await self._database.rows(_BEGIN, number, now, here())
        return _profile(rows[0]) if rows else None

    async def end(
        self, profile: Profile, standing: Standing, error: str | None
    ) -> None:
        """Write down what stands after a run.

        Without effect where another worker has begun the same profile since: this one
        was frozen, or cut off.
        """
        run = (profile.id, profile.running_since)
        ended = await self._database.rows(
            _END,
            *run,
            standing.kind.value,
            standing.state.value,
            standing.due_at,
            standing.last_ok_at,
            standing.failures,
            error,
            profile.source,
            profile.is_shared,
        )
        if not ended:
            await self._database.rows(_LEAVE, *run)

    async def sources(self, numbers: Sequence[int]) -> dict[int, tuple[str, bool]]:
        """Return the source of the active among these, and whether it is shared."""
        rows = await self._database.rows(_SOURCES, list(numbers))
        return {row["id"]: (row["source"], row["is_shared"]) for row in rows}

    async def find(self, names: Sequence[str]) -> list[Profile]:
        """Return the profiles of these names that there are."""
        return [*map(_profile, await self._database.rows(_FIND, list(names)))]

    async def get(self, number: int) -> Profile | None:
        """Return one profile, unless it was removed."""
        rows = await self._database.rows(_GET, number)
        return _profile(rows[0]) if rows else None

    async def all(
        self, state: State | None = None, most: int | None = None
    ) -> list[Profile]:
        """Return the profiles, by name; without a ``state`` all but the removed."""
        wanted = state.value if state else None
        return [*map(_profile, await self._database.rows(_LIST, wanted, most))]

    async def count(self, now: datetime) -> list[Count]:
        """Count the profiles."""
        return [
            Count(
                state=State(row["state"]),
                kind=Kind(row["kind"]),
                profiles=row["n"],
                running=row["running"],
                well=row["well"],
                failing=row["failing"],
                due=row["due"] if row["state"] == State.ACTIVE else 0,
                oldest_due_at=row["oldest"] if row["state"] == State.ACTIVE else None,
            )
            for row in await self._database.rows(_COUNT, now)
        ]

    async def change(self, names: Sequence[str], how: str, now: datetime) -> None:
        """Make profiles due, pause, resume or remove them."""
        statement = (
            f"UPDATE fleet_profile SET {_CHANGES[how]} "  # noqa: S608  # see above
            "WHERE profile = ANY($1) AND $2::timestamptz IS NOT NULL"
        )
        if how != "remove":
            statement += " AND state <> 'gone'"
        await self._database.rows(statement, list(names), now)

    async def signed_in(self, number: int, now: datetime) -> None:
        """Let a profile go on that waited for a login. One that runs does so again."""
        await self._database.rows(f"{_SIGNED_IN} AND id = $1", number, now)

    async def signed_in_for_all(self, service: str, now: datetime) -> None:
        """Let those go on that wait for a login and live by the one that serves all."""
        await self._database.rows(_SERVED, service, now)

    async def without(self, service: str) -> int:
        """Count those that live by the login that serves all and have none."""
        (row,) = await self._database.rows(_WITHOUT, service)
        found: int = row["n"]
        return found


def here() -> str:
    """Name this worker: its machine and its process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _profile(row: Any) -> Profile:
    values = dict(row)
    values["kind"], values["state"] = Kind(values["kind"]), State(values["state"])
    return Profile(**values)


def _is_account(source: str) -> bool:
    return source.partition(":")[0] == TRAKT
