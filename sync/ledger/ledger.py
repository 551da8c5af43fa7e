"""The ledger as the pipeline uses it: what runs wrote, facts, titles and shows."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from sync.domain.plan import Action
from sync.domain.plays import Key
from sync.domain.writes import Before, Outcome, Row
from sync.ledger.backend import Mode
from sync.ledger.base import plainly, transaction
from sync.ledger.holdings import Holdings
from sync.ledger.plain import cut
from sync.ledger.records import CachedShow
from sync.runtime.late import Late, late

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Container,
        Iterable,
        Mapping,
        Sequence,
    )
    from datetime import datetime

    from sqlalchemy import Connection, Select, Update

    from sync.domain.entries import Entry
    from sync.domain.plan import Operation
    from sync.ledger.plain import Plain

if TYPE_CHECKING:
    import sqlalchemy as sql

    from sync.ledger import tables
    from sync.ledger.kinds import accounts_for, is_of_kind, let_go, standing
else:
    # Runs that find nothing new need neither.
    sql, tables = Late("sqlalchemy"), Late("sync.ledger.tables")
    accounts_for, is_of_kind, let_go, standing = late(
        "sync.ledger.kinds", "accounts_for", "is_of_kind", "let_go", "standing"
    )

ShowId = TypeVar("ShowId", int, str)

#: The outcomes of writes that have to be looked up before they are sent again.
_OPEN = (Outcome.PENDING.value, Outcome.UNKNOWN.value)
_ANY_OPEN = """
SELECT 1 FROM t2d_operation
WHERE profile = :profile AND outcome IN (:first, :second) LIMIT 1
"""


class Ledger(Holdings):
    """Runs, with rows of what they meant to write and how it ended.

    Beside them, by profile: facts by name, and what the last settled run knew of each
    title. And what the catalogues said of shows, which is for all profiles.

    Times are aware; they come back in UTC, to the microsecond.
    """

    @transaction(Mode.DURABLE)
    def start_run(
        self,
        connection: Connection,
        profile: str,
        command: str,
        at: datetime,
        summary: Mapping[str, Any] | None = None,
    ) -> int:
        """Open a run and return its number; what is known of it before its end."""
        row = {"profile": profile, "command": command, "started_at": at}
        row["summary"] = dict(summary or {})
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
        statement = sql.update(tables.runs).where(
            tables.runs.c.id == sql.bindparam("number")
        )
        row = {"finished_at": at, "outcome": outcome, "summary": dict(summary)}
        _change_each(connection, statement, [{"number": run, **row}])

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
        nothing, except that a rejected row is pending again. An entry is either ours or
        restored: where it is restored, what we had written of it is gone.
        """
        profile = connection.scalar(
            sql.select(tables.runs.c.profile).where(tables.runs.c.id == run)
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
            if any(operation.restored for operation in operations):
                let_go(connection, profile, operations, at)
            insert = self._database.backend.insert(tables.operations)
            intend = insert.on_conflict_do_update(
                index_elements=["run", "operation_id"],
                set_=pending,
                where=tables.operations.c.outcome == Outcome.REJECTED.value,
            )
            connection.execute(intend, rows)

    @transaction(Mode.DURABLE)
    def let_go(
        self,
        connection: Connection,
        profile: str,
        operations: Sequence[Operation],
        at: datetime,
    ) -> None:
        """Note as gone what the other kind wrote of the entries that are added now."""
        let_go(connection, profile, operations, at)

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

    async def unsettled(self, profile: str, *, is_restored: bool = False) -> list[Row]:
        """Return what is pending or unknown, of any run, oldest first.

        Of what a copy brings back with ``is_restored``, else of what is ours.
        """
        # Nearly always there is nothing, which is soon said.
        if not await self._is_open(profile):
            return []
        return await self._unsettled(profile, is_restored=is_restored)

    @plainly(Mode.READ)
    def _is_open(self, sender: Plain, profile: str) -> bool:
        values = {"profile": profile, "first": _OPEN[0], "second": _OPEN[1]}
        return bool(sender.rows(_ANY_OPEN, values))

    @transaction(Mode.READ)
    def _unsettled(
        self, connection: Connection, profile: str, *, is_restored: bool
    ) -> list[Row]:
        is_open = tables.operations.c.outcome.in_(_OPEN)
        statement = _of(profile).where(is_open, is_of_kind(is_restored=is_restored))
        return _read_rows(connection, [statement])

    @transaction(Mode.READ)
    def rows(
        self,
        connection: Connection,
        profile: str,
        *,
        run: int | None = None,
        outcome: Outcome | None = None,
        media: Collection[str] | None = None,
        is_restored: bool | None = False,
    ) -> list[Row]:
        """Return rows of a profile, oldest first; of these titles only, if given.

        Of a ``run`` all that it wrote; else what is ours, or with ``is_restored`` what
        copies brought back, which never is. With None it is both.
        """
        statement = _of(profile)
        if run is not None:
            statement = statement.where(tables.operations.c.run == run)
        elif is_restored is not None:
            statement = statement.where(is_of_kind(is_restored=is_restored))
        if outcome is not None:
            statement = statement.where(tables.operations.c.outcome == outcome.value)
        return _read_rows(connection, _of_titles(statement, media))

    @transaction(Mode.READ)
    def applied_beside(
        self, connection: Connection, profile: str, there: Container[Key]
    ) -> list[Row]:
        """Return what is applied and not taken back, of keys that are not ``there``.

        What a copy brought back is among it.
        """
        columns = tables.operations.c
        # First the keys alone: nearly all of them are there.
        keys = sql.select(columns.id, columns.media, columns.season, columns.episode)
        lacking = [
            number
            for number, *key in connection.execute(standing(keys, profile))
            if Key(*key) not in there
        ]
        chunks = cut(lacking)
        return _read_rows(
            connection, (_of(profile).where(columns.id.in_(c)) for c in chunks)
        )

    @transaction(Mode.READ)
    def keys_applied(
        self,
        connection: Connection,
        profile: str,
        among: Container[Key],
        media: Collection[str] | None = None,
    ) -> set[Key]:
        """Return the keys ``among`` these of which an entry was written and stands.

        ``media`` are their titles, if they are few.
        """
        columns = tables.operations.c
        keys = sql.select(columns.media, columns.season, columns.episode)
        statement = _ours(keys, profile).where(columns.progress > 0)
        parts = map(connection.execute, _of_titles(statement, media))
        make = tuple.__new__  # what Key(...) does, in less time
        return {k for rows in parts for row in rows if (k := make(Key, row)) in among}

    @transaction(Mode.READ)
    def added(
        self, connection: Connection, profile: str, weigh: Callable[[Row], int]
    ) -> Row | None:
        """Return of what may have been added, and is not taken back, what weighs most.

        Of the same weight the newest. No more than some hundred are held at a time.
        """
        columns = tables.operations.c
        statement = _of(profile).where(
            columns.action == Action.ADD.value,
            columns.outcome != Outcome.REJECTED.value,
            columns.undone_at.is_(None),
        )
        newest_first = statement.order_by(columns.intended_at.desc(), columns.id.desc())
        rows = connection.execute(newest_first, execution_options={"yield_per": 500})
        return max(map(tables.to_row, rows.mappings()), key=weigh, default=None)

    @transaction(Mode.READ)
    def set_back_rows(self, connection: Connection, profile: str) -> list[Row]:
        """Return what set an entry that was there, and was taken back since."""
        columns = tables.operations.c
        statement = _of(profile).where(
            columns.action == Action.SET.value,
            columns.before_progress.is_not(None),
            columns.undone_at.is_not(None),
        )
        return _read_rows(connection, [statement])

    @transaction(Mode.READ)
    def count_applied(self, connection: Connection, profile: str) -> dict[int, int]:
        """Count what is applied and not taken back, by run; zeros do not count.

        What a copy brought back does.
        """
        columns = tables.operations.c
        counts = standing(sql.select(columns.run, sql.func.count()), profile)
        rows = connection.execute(
            counts.where(columns.progress > 0).group_by(columns.run)
        )
        return dict(map(tuple, rows))

    @transaction(Mode.READ)
    def last_standing_run(self, connection: Connection, profile: str) -> int | None:
        """Return the last run of which anything is applied and not taken back."""
        newest = sql.func.max(tables.operations.c.run)
        run: int | None = connection.scalar(standing(sql.select(newest), profile))
        return run

    @transaction(Mode.READ)
    def is_all_ours(
        self, connection: Connection, profile: str, entries: Iterable[Entry]
    ) -> bool:
        """Whether what is applied accounts for every viewing that is listed here."""
        columns = tables.operations.c
        rows = sql.select(
            columns.media,
            columns.season,
            columns.episode,
            columns.watched_at,
            columns.action,
            columns.before_progress,
        )
        return accounts_for(connection.execute(_ours(rows, profile)), entries)

    @transaction(Mode.READ)
    def season_rows(
        self,
        connection: Connection,
        profile: str,
        media: Collection[str] | None = None,
    ) -> list[Row]:
        """Return the defaults and zeros that stand: what entries alone do not tell.

        With ``media`` those of these titles alone.
        """
        columns = tables.operations.c
        statement = _of(profile).where(
            columns.outcome == Outcome.APPLIED.value,
            columns.undone_at.is_(None),
            columns.restored.is_(None),
            columns.season.is_not(None),
            sql.or_(columns.episode.is_(None), columns.progress == 0),
        )
        return _read_rows(connection, _of_titles(statement, media))

    @transaction(Mode.READ)
    def get_shows(
        self, connection: Connection, source: str, ids: Sequence[ShowId]
    ) -> dict[ShowId, CachedShow]:
        """Return what ``source`` said of these shows, however old it is."""
        by_text = {str(show_id): show_id for show_id in ids}
        found = {}
        for chunk in cut(list(by_text)):
            statement = sql.select(tables.shows).where(
                tables.shows.c.source == source, tables.shows.c.show_id.in_(chunk)
            )
            for row in connection.execute(statement):
                show = CachedShow(row.payload, row.fetched_at, row.expires_at)
                found[by_text[row.show_id]] = show
        return found

    @transaction(Mode.READ)
    def all_shows(self, connection: Connection, source: str) -> dict[str, CachedShow]:
        """Return what ``source`` said of any show, however old it is."""
        kept = sql.select(tables.shows).where(tables.shows.c.source == source)
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
    return sql.select(tables.operations).where(tables.operations.c.profile == profile)


def _of_titles(
    statement: Select[Any], media: Collection[str] | None
) -> Iterable[Select[Any]]:
    if media is None:
        return [statement]
    column = tables.operations.c.media
    return (statement.where(column.in_(c)) for c in cut(sorted(set(media))))


def _ours(statement: Select[Any], profile: str) -> Select[Any]:
    """Return what is applied and not taken back, without what a copy brought back."""
    return standing(statement, profile).where(is_of_kind(is_restored=False))


def _read_rows(connection: Connection, statements: Iterable[Select[Any]]) -> list[Row]:
    found = [row for s in statements for row in connection.execute(s).mappings()]
    found.sort(key=itemgetter("intended_at", "id"))
    return [tables.to_row(row) for row in found]


def _update_operation(run: int) -> Update:
    return sql.update(tables.operations).where(
        tables.operations.c.run == run,
        tables.operations.c.operation_id == sql.bindparam("id_"),
    )


def _change_each(
    connection: Connection, statement: Update, changes: Sequence[Mapping[str, Any]]
) -> None:
    """Change one row for each; all or nothing."""
    if not changes:
        return
    if connection.execute(statement, changes).rowcount != len(changes):
        raise LookupError("What is to be changed was never noted.")
