"""What each source of a profile holds: its titles, and what could not be read of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync.domain.sources import LEGACY
from sync.domain.sums import Sums
from sync.ledger.backend import Mode
from sync.ledger.base import transaction
from sync.ledger.facts import Facts, put_facts
from sync.ledger.plain import cut
from sync.runtime.late import Late

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Table

    from sync.domain.histories import TitleHistory
    from sync.domain.sources import SourceRecord
    from sync.ledger.records import UnreadableRow

if TYPE_CHECKING:
    import sqlalchemy as sql

    from sync.ledger import shared, tables
else:
    # Runs that find nothing new need none of them.
    sql, tables = Late("sqlalchemy"), Late("sync.ledger.tables")
    shared = Late("sync.ledger.shared")


class Holdings(Facts):
    """The sources of each profile, each with what it held when it was last read."""

    @transaction(Mode.READ)
    def histories(
        self, connection: Connection, profile: str, source: str | None = None
    ) -> list[TitleHistory]:
        """Return all titles of one source, by default of the one read last."""
        if source is None:
            latest = (
                sql.select(tables.sources.c.source)
                .where(tables.sources.c.profile == profile)
                .order_by(tables.sources.c.seen_at.desc())
                .limit(1)
            )
            source = connection.scalar(latest) or LEGACY
        of_source = tables.titles.c.source == source
        return [h for _, h in self._read_titles(connection, profile, of_source)]

    @transaction(Mode.READ)
    def sums(
        self, connection: Connection, profile: str
    ) -> dict[str, dict[str, Sums | None]]:
        """Return by source what each title comes to; None where that is not kept."""
        columns = tables.titles.c
        kept = sql.select(columns.source, columns.title, columns.sums)
        found: dict[str, dict[str, Sums | None]] = {}
        for source, title, sums in connection.execute(
            kept.where(columns.profile == profile)
        ):
            of_source = found.setdefault(source, {})
            of_source[title] = None if sums is None else Sums(*sums)
        return found

    @transaction(Mode.READ)
    def holdings(
        self,
        connection: Connection,
        profile: str,
        titles: Collection[str] | None = None,
    ) -> tuple[list[SourceRecord], dict[str, list[TitleHistory]]]:
        """Return the sources of a profile, the last read first, and their titles.

        Of ``titles``, if they are given, these alone, by their keys.
        """
        records = sql.select(tables.sources).where(tables.sources.c.profile == profile)
        rows = connection.execute(records.order_by(tables.sources.c.seen_at.desc()))
        known = [tables.to_source(row) for row in rows.mappings()]
        found: dict[str, list[TitleHistory]] = {}
        column = tables.titles.c.title
        parts = (
            [()] if titles is None else [(column.in_(c),) for c in cut(sorted(titles))]
        )
        for part in parts:
            for source, history in self._read_titles(connection, profile, *part):
                found.setdefault(source, []).append(history)
        return known, found

    @transaction(Mode.DURABLE)
    def put_histories(  # noqa: PLR0913  # what is true together is kept together
        self,
        connection: Connection,
        profile: str,
        histories: Sequence[TitleHistory],
        facts: Mapping[str, Any],
        at: datetime,
        *,
        gone: Collection[str] | None = None,
        source: SourceRecord | None = None,
        parts: Collection[str] = (),
        unplaced: Sequence[TitleHistory] = (),
        unplaced_source: str = LEGACY,
        sums: Mapping[str, Sums] | None = None,
    ) -> None:
        """Keep titles, and the facts that are true with them: all or nothing.

        ``gone`` names titles to forget by their keys; None: all but those that are put.
        ``source`` is whose they are; what the ``parts`` hold becomes its own.
        ``unplaced`` are put beside what ``unplaced_source`` holds. ``sums`` are what
        titles come to, by their keys.
        """
        name = source.id if source else LEGACY
        others = sorted({*parts} - {name})
        put = [(name, histories, sums or {}), (unplaced_source, unplaced, {})]
        forms = shared.Forms((place, titles) for place, titles, _ in put)
        lost = {**dict.fromkeys(others), name: gone}
        given_up = shared.find_given_up(connection, profile, forms, lost)
        sender = self._database.backend.within(connection)
        self._database.backend.share_titles(sender, is_tidying=bool(given_up))
        forms.put(sender)
        for part in others:
            self._forget(connection, profile, part)
        of_source = sql.delete(tables.titles).where(
            tables.titles.c.profile == profile, tables.titles.c.source == name
        )
        if gone is None:
            connection.execute(of_source)
        for chunk in cut(sorted(gone or ())):
            connection.execute(of_source.where(tables.titles.c.title.in_(chunk)))
        for place, titles, of_titles in put:
            # In parts: all payloads at once take as much as all that they are made of.
            for some in cut(titles):
                rows = forms.rows(profile, place, some, of_titles)
                self._replace(connection, tables.titles, rows)
        shared.forget_unheld(connection, given_up)
        if source is not None:
            row = {"profile": profile, "seen_at": at, **tables.from_source(source)}
            self._replace(connection, tables.sources, [row])
        put_facts(sender, profile, facts, at)

    @transaction(Mode.READ)
    def unreadable(self, connection: Connection, profile: str) -> list[UnreadableRow]:
        """Return every record of any source that is there and cannot be read."""
        kept = sql.select(tables.unreadable).where(
            tables.unreadable.c.profile == profile
        )
        rows = connection.execute(
            kept.order_by(tables.unreadable.c.first_seen, tables.unreadable.c.identity)
        )
        return [tables.to_unreadable(row) for row in rows.mappings()]

    @transaction(Mode.DURABLE)
    def put_unreadable(
        self,
        connection: Connection,
        profile: str,
        source: str,
        rows: Sequence[UnreadableRow],
        *,
        parts: Collection[str] = (),
    ) -> None:
        """Keep what cannot be read of a source, in place of all that was kept of it."""
        for part in sorted({*parts, source}):
            connection.execute(
                sql.delete(tables.unreadable).where(
                    tables.unreadable.c.profile == profile,
                    tables.unreadable.c.source == part,
                )
            )
        self._replace(
            connection,
            tables.unreadable,
            [
                {"profile": profile, "source": source, **tables.from_unreadable(row)}
                for row in rows
            ],
        )

    @transaction(Mode.DURABLE)
    def mark_reported(
        self,
        connection: Connection,
        profile: str,
        source: str,
        identities: Sequence[str],
        at: datetime,
    ) -> None:
        """Note that a person was told of these records."""
        if not identities:
            return
        statement = sql.update(tables.unreadable).where(
            tables.unreadable.c.profile == profile,
            tables.unreadable.c.source == source,
            tables.unreadable.c.identity == sql.bindparam("id_"),
        )
        changes = [{"id_": identity, "reported_at": at} for identity in identities]
        connection.execute(statement, changes)

    def _forget(self, connection: Connection, profile: str, source: str) -> None:
        for table in (tables.titles, tables.sources):
            connection.execute(
                sql.delete(table).where(
                    table.c.profile == profile, table.c.source == source
                )
            )

    def _read_titles(
        self, connection: Connection, profile: str, *where: ColumnElement[bool]
    ) -> Iterator[tuple[str, TitleHistory]]:
        of_profile = tables.titles.c.profile == profile
        backend = self._database.backend
        return shared.read_titles(connection, backend, of_profile, *where)

    def _replace(
        self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """Insert rows, or overwrite those with the same primary key."""
        if not rows:
            return
        insert = self._database.backend.insert(table)
        keys = [column.name for column in table.primary_key]
        values = {
            column.name: insert.excluded[column.name]
            for column in table.columns
            if not column.primary_key
        }
        connection.execute(
            insert.on_conflict_do_update(index_elements=keys, set_=values), rows
        )
