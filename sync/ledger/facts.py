"""A few facts per profile, and what the catalogues said of shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import delete, select

from sync.ledger import tables
from sync.ledger.backend import Mode
from sync.ledger.base import LedgerBase, transaction
from sync.ledger.records import CachedShow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Table

ShowId = TypeVar("ShowId", int, str)

#: Both databases limit the parameters of one statement; this is well below.
_CHUNK = 1000


class Facts(LedgerBase):
    """What is kept by name rather than by run."""

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

    def _put_facts(
        self,
        connection: Connection,
        profile: str,
        values: Mapping[str, Any],
        at: datetime,
    ) -> None:
        rows = [
            {"profile": profile, "name": name, "value": value, "updated_at": at}
            for name, value in values.items()
        ]
        self._replace(connection, tables.facts, rows)

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


def cut(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut it into pieces that fit into one statement."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
