"""The ledger as the pipeline uses it: runs, and the rows of what they wrote."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, or_, select, update

from sync.domain.writes import Before, Outcome, Row
from sync.ledger import tables
from sync.ledger.backend import Mode
from sync.ledger.base import transaction
from sync.ledger.facts import cut
from sync.ledger.histories import Histories
from sync.ledger.overview import Overview
from sync.ledger.records import Run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Select, Update

    from sync.domain.plan import Operation


class Ledger(Histories, Overview):
    """Rows of write intents and outcomes; beside them runs, facts and histories.

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


def _of(profile: str) -> Select[Any]:
    return select(tables.operations).where(tables.operations.c.profile == profile)


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
