"""The ledger as the pipeline uses it: what runs wrote, facts, titles and shows."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import bindparam, delete, func, or_, select, update

from sync.domain.plays import Key
from sync.domain.writes import Before, Outcome, Row
from sync.ledger import tables
from sync.ledger.backend import Mode
from sync.ledger.base import transaction
from sync.ledger.holdings import Holdings, cut
from sync.ledger.records import CachedShow, Run

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Select, Update

    from sync.domain.plan import Operation

ShowId = TypeVar("ShowId", int, str)


class Ledger(Holdings):
    """Runs, with rows of what they meant to write and how it ended.

    Beside them, by profile: facts by name, and what the last settled run knew of each
    title. And what the catalogues said of shows, which is for all profiles.

    Times are aware; they come back in UTC, to the microsecond.
    """

    @transaction(Mode.DURABLE)
    def start_run(
        self, connection: Connection, profile: str, command: str, at: datetime
    ) -> int:
        """Open a run and return its number."""
        row = {"profile": profile, "command": command, "started_at": at, "summary": {}}
        insert = tables.runs.insert().values(row).returning(tables.runs.c.id)
        run: int = connection.execute(insert).scalar_one()
        return run

    @transaction(Mode.DURABLE)
    def finish_run(
        self,
        connection: Connection,
        run: int,
        at: datetime,
        outcome: str,
        summary: Mapping[str, Any],
    ) -> None:
        """Close a run with what came of it."""
        statement = update(tables.runs).where(tables.runs.c.id == bindparam("number"))
        row = {"finished_at": at, "outcome": outcome, "summary": dict(summary)}
        _change_each(connection, statement, [{"number": run, **row}])

    @transaction(Mode.READ)
    def runs(self, connection: Connection, profile: str, limit: int = 20) -> list[Run]:
        """Return the latest runs of a profile, newest first."""
        latest = (
            select(tables.runs)
            .where(tables.runs.c.profile == profile)
            .order_by(tables.runs.c.id.desc())
            .limit(limit)
        )
        return [Run(**row) for row in connection.execute(latest).mappings()]

    @transaction(Mode.READ)
    def find_run(self, connection: Connection, profile: str, run: int) -> Run | None:
        """Return one run of a profile."""
        statement = select(tables.runs).where(
            tables.runs.c.profile == profile, tables.runs.c.id == run
        )
        row = connection.execute(statement).mappings().first()
        return Run(**row) if row else None

    @transaction(Mode.DURABLE)
    def intend(
        self,
        connection: Connection,
        run: int,
        operations: Sequence[Operation],
        at: datetime,
        before: Mapping[str, Before] | None = None,
    ) -> None:
        """Note what is about to be sent; return before the first byte of it leaves.

        ``before`` holds what stands there now, by operation id. To repeat it changes
        nothing, except that a rejected row is pending again.
        """
        profile = connection.scalar(
            select(tables.runs.c.profile).where(tables.runs.c.id == run)
        )
        if profile is None:
            raise LookupError(f"There is no run {run} to intend anything in.")
        pending = {
            "outcome": Outcome.PENDING.value,
            "detail": "",
            "intended_at": at,
            "settled_at": None,
        }
        found = before or {}
        rows = []
        for columns in map(tables.from_operation, operations):
            stood = found.get(columns["operation_id"], Before())
            row = {"before_progress": stood.progress, "before_at": stood.at}
            rows.append({"run": run, "profile": profile, **row, **columns, **pending})
        if rows:
            insert = self._database.backend.insert(tables.operations)
            intend = insert.on_conflict_do_update(
                index_elements=["run", "operation_id"],
                set_=pending,
                where=tables.operations.c.outcome == Outcome.REJECTED.value,
            )
            connection.execute(intend, rows)

    @transaction(Mode.RELAXED)
    def settle(
        self,
        connection: Connection,
        run: int,
        outcomes: Sequence[tuple[str, Outcome, str]],
        at: datetime,
    ) -> None:
        """Note how operations of a run ended: (operation id, outcome, detail).

        Power loss may take it back: the rows are pending then, and are looked up. The
        next intent makes it durable too.
        """
        changes = [
            {"id_": id_, "outcome": outcome.value, "detail": detail, "settled_at": at}
            for id_, outcome, detail in outcomes
        ]
        _change_each(connection, _update_operation(run), changes)

    @transaction(Mode.DURABLE)
    def mark_undone(
        self,
        connection: Connection,
        run: int,
        operation_ids: Collection[str],
        at: datetime,
    ) -> None:
        """Note that operations of a run were taken back on the service."""
        changes = [{"id_": id_, "undone_at": at} for id_ in operation_ids]
        _change_each(connection, _update_operation(run), changes)

    @transaction(Mode.READ)
    def unsettled(self, connection: Connection, profile: str) -> list[Row]:
        """Return what is pending or unknown, of any run, oldest first."""
        is_open = tables.operations.c.outcome.in_(
            [Outcome.PENDING.value, Outcome.UNKNOWN.value]
        )
        return _read_rows(connection, [_of(profile).where(is_open)])

    @transaction(Mode.READ)
    def rows(
        self,
        connection: Connection,
        profile: str,
        *,
        run: int | None = None,
        outcome: Outcome | None = None,
        media: Collection[str] | None = None,
    ) -> list[Row]:
        """Return rows of a profile, oldest first; of these titles only, if given."""
        statement = _of(profile)
        if run is not None:
            statement = statement.where(tables.operations.c.run == run)
        if outcome is not None:
            statement = statement.where(tables.operations.c.outcome == outcome.value)
        if media is None:
            return _read_rows(connection, [statement])
        column = tables.operations.c.media
        chunks = cut(sorted(set(media)))
        return _read_rows(connection, (statement.where(column.in_(c)) for c in chunks))

    @transaction(Mode.READ)
    def applied_beside(
        self, connection: Connection, profile: str, there: Container[Key]
    ) -> list[Row]:
        """Return what is applied and not taken back, of keys that are not ``there``."""
        columns = tables.operations.c
        # First the keys alone: nearly all of them are there.
        keys = select(columns.id, columns.media, columns.season, columns.episode)
        lacking = [
            number
            for number, *key in connection.execute(_standing(keys, profile))
            if Key(*key) not in there
        ]
        chunks = cut(lacking)
        return _read_rows(
            connection, (_of(profile).where(columns.id.in_(c)) for c in chunks)
        )

    @transaction(Mode.READ)
    def keys_applied(
        self, connection: Connection, profile: str, among: Container[Key]
    ) -> set[Key]:
        """Return the keys ``among`` these of which an entry was written and stands."""
        columns = tables.operations.c
        keys = select(columns.media, columns.season, columns.episode)
        rows = connection.execute(_standing(keys, profile).where(columns.progress > 0))
        return {key for row in rows if (key := Key(*row)) in among}

    @transaction(Mode.READ)
    def count_applied(self, connection: Connection, profile: str) -> dict[int, int]:
        """Count what is applied and not taken back, by run; zeros do not count."""
        columns = tables.operations.c
        counts = _standing(select(columns.run, func.count()), profile)
        rows = connection.execute(
            counts.where(columns.progress > 0).group_by(columns.run)
        )
        return dict(map(tuple, rows))

    @transaction(Mode.READ)
    def count_undone(
        self,
        connection: Connection,
        profile: str,
        *,
        run: int | None = None,
        since: datetime | None = None,
    ) -> int:
        """Count what was taken back; of one run, or since a moment, if given."""
        columns = tables.operations.c
        counted = select(func.count()).where(
            columns.profile == profile, columns.undone_at.is_not(None)
        )
        if run is not None:
            counted = counted.where(columns.run == run)
        if since is not None:
            counted = counted.where(columns.undone_at >= since)
        return connection.scalar(counted) or 0

    @transaction(Mode.READ)
    def season_rows(self, connection: Connection, profile: str) -> list[Row]:
        """Return the defaults and zeros that stand: what entries alone do not tell."""
        columns = tables.operations.c
        statement = _of(profile).where(
            columns.outcome == Outcome.APPLIED.value,
            columns.undone_at.is_(None),
            columns.season.is_not(None),
            or_(columns.episode.is_(None), columns.progress == 0),
        )
        return _read_rows(connection, [statement])

    @transaction(Mode.READ)
    def profiles(self, connection: Connection) -> list[str]:
        """Return every profile that was written to, the one of the last run first."""
        profile = tables.runs.c.profile
        newest = func.max(tables.runs.c.id).desc()
        statement = select(profile).group_by(profile).order_by(newest)
        return list(connection.scalars(statement))

    @transaction(Mode.READ)
    def count_outcomes(
        self, connection: Connection, profile: str
    ) -> dict[Outcome, int]:
        """Count the writes of all runs of a profile, by how they ended."""
        columns = tables.operations.c
        statement = (
            select(columns.outcome, func.count())
            .where(columns.profile == profile)
            .group_by(columns.outcome)
        )
        rows = connection.execute(statement)
        found = {Outcome(outcome): count for outcome, count in rows}
        return {outcome: found.get(outcome, 0) for outcome in Outcome}

    @transaction(Mode.READ)
    def fact_times(self, connection: Connection, profile: str) -> dict[str, datetime]:
        """Return when each fact of a profile was put."""
        columns = tables.facts.c
        statement = select(columns.name, columns.updated_at)
        rows = connection.execute(statement.where(columns.profile == profile))
        return {row.name: row.updated_at for row in rows}

    @transaction(Mode.READ)
    def get_fact(self, connection: Connection, profile: str, name: str) -> Any:
        """Return a fact; None when it is not there."""
        return connection.scalar(
            select(tables.facts.c.value).where(
                tables.facts.c.profile == profile, tables.facts.c.name == name
            )
        )

    @transaction(Mode.READ)
    def get_facts(self, connection: Connection, profile: str) -> dict[str, Any]:
        """Return all facts of a profile by name."""
        kept = select(tables.facts.c.name, tables.facts.c.value)
        rows = connection.execute(kept.where(tables.facts.c.profile == profile))
        return {row.name: row.value for row in rows}

    async def put_fact(self, profile: str, name: str, value: Any, at: datetime) -> None:
        """Keep one fact: anything that JSON can hold."""
        await self.put_facts(profile, {name: value}, at)

    @transaction(Mode.DURABLE)
    def put_facts(
        self,
        connection: Connection,
        profile: str,
        values: Mapping[str, Any],
        at: datetime,
    ) -> None:
        """Keep several facts, all or none."""
        self._put_facts(connection, profile, values, at)

    @transaction(Mode.DURABLE)
    def delete_fact(self, connection: Connection, profile: str, name: str) -> None:
        """Forget a fact; without effect when it is not there."""
        connection.execute(
            delete(tables.facts).where(
                tables.facts.c.profile == profile, tables.facts.c.name == name
            )
        )

    @transaction(Mode.READ)
    def get_shows(
        self, connection: Connection, source: str, ids: Sequence[ShowId]
    ) -> dict[ShowId, CachedShow]:
        """Return what ``source`` said of these shows, however old it is."""
        by_text = {str(show_id): show_id for show_id in ids}
        found = {}
        for chunk in cut(list(by_text)):
            statement = select(tables.shows).where(
                tables.shows.c.source == source, tables.shows.c.show_id.in_(chunk)
            )
            for row in connection.execute(statement):
                show = CachedShow(row.payload, row.fetched_at, row.expires_at)
                found[by_text[row.show_id]] = show
        return found

    @transaction(Mode.READ)
    def all_shows(self, connection: Connection, source: str) -> dict[str, CachedShow]:
        """Return what ``source`` said of any show, however old it is."""
        kept = select(tables.shows).where(tables.shows.c.source == source)
        return {
            row.show_id: CachedShow(row.payload, row.fetched_at, row.expires_at)
            for row in connection.execute(kept)
        }

    async def put_show(
        self,
        source: str,
        show_id: int | str,
        payload: Any,
        fetched_at: datetime,
        expires_at: datetime,
    ) -> None:
        """Keep what a catalogue said of a show: anything that JSON can hold."""
        show = CachedShow(payload, fetched_at, expires_at)
        await self.put_shows(source, {str(show_id): show})

    @transaction(Mode.RELAXED)
    def put_shows(
        self,
        connection: Connection,
        source: str,
        cached: Mapping[ShowId, CachedShow],
    ) -> None:
        """Keep what a catalogue said of several shows."""
        rows = [
            {
                "source": source,
                "show_id": str(show_id),
                "payload": show.payload,
                "fetched_at": show.fetched_at,
                "expires_at": show.expires_at,
            }
            for show_id, show in cached.items()
        ]
        self._replace(connection, tables.shows, rows)


def _of(profile: str) -> Select[Any]:
    return select(tables.operations).where(tables.operations.c.profile == profile)


def _standing(statement: Select[Any], profile: str) -> Select[Any]:
    columns = tables.operations.c
    return statement.where(
        columns.profile == profile,
        columns.outcome == Outcome.APPLIED.value,
        columns.undone_at.is_(None),
    )


def _read_rows(connection: Connection, statements: Iterable[Select[Any]]) -> list[Row]:
    found = [row for s in statements for row in connection.execute(s).mappings()]
    found.sort(key=itemgetter("intended_at", "id"))
    return [tables.to_row(row) for row in found]


def _update_operation(run: int) -> Update:
    return update(tables.operations).where(
        tables.operations.c.run == run,
        tables.operations.c.operation_id == bindparam("id_"),
    )


def _change_each(
    connection: Connection, statement: Update, changes: Sequence[Mapping[str, Any]]
) -> None:
    """Change one row for each; all or nothing."""
    if not changes:
        return
    if connection.execute(statement, changes).rowcount != len(changes):
        raise LookupError("What is to be changed was never noted.")
