"""The tables, and how rows become values. Their history is in ``migrations``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    inspect,
)

from sync.domain.plan import Action, Operation, Restored
from sync.domain.plays import Key, Kind, title_key
from sync.domain.sources import SourceRecord
from sync.domain.writes import Outcome, Row
from sync.ledger.migrations import HEAD, VERSION_TABLE
from sync.ledger.packed import pack_covers, unpack_covers
from sync.ledger.plain import to_instant, to_utc, whole
from sync.ledger.records import UnreadableRow
from sync.ledger.titles import from_title, to_title
from sync.ports import Quarantined

if TYPE_CHECKING:
    from sqlalchemy import Connection, Dialect, RowMapping


class Instant(TypeDecorator[datetime]):
    """An aware instant to the microsecond, kept and returned in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002  # the signature is SQLAlchemy's
    ) -> datetime | None:
        """Turn it to UTC, since SQLite drops the zone; refuse one without a zone."""
        return None if value is None else to_utc(value)

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002  # the signature is SQLAlchemy's
    ) -> datetime | None:
        """Give the zone back."""
        return None if value is None else to_instant(value)


class Words(TypeDecorator[str]):
    """Text from anywhere: what no database can hold becomes a replacement mark."""

    impl = Text
    cache_ok = True

    def process_bind_param(
        self,
        value: str | None,
        dialect: Dialect,  # noqa: ARG002  # the signature is SQLAlchemy's
    ) -> str | None:
        """Replace NUL, which PostgreSQL refuses, and halves of surrogate pairs."""
        return None if value is None else whole(value)


# SQLite numbers its rows by itself only in a column called INTEGER; it is 64-bit too.
_Serial = BigInteger().with_variant(Integer, "sqlite")

# The prefix lets the tables live in a PostgreSQL database beside others.
metadata = MetaData()

runs = Table(
    "t2d_run",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("profile", Words, nullable=False),
    Column("command", Words, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("outcome", Words),
    Column("summary", JSON, nullable=False),
    Index("t2d_run_by_profile", "profile", "id"),
)

operations = Table(
    "t2d_operation",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("run", BigInteger, ForeignKey("t2d_run.id"), nullable=False),
    Column("profile", Words, nullable=False),
    Column("operation_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("media", Words, nullable=False),
    Column("season", BigInteger),
    Column("episode", BigInteger),
    Column("watched_at", Instant, nullable=False),
    Column("progress", BigInteger, nullable=False),
    Column("covers", JSON, nullable=False),
    Column("reason", Words, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", Words, nullable=False),
    Column("before_progress", Double),
    Column("before_at", Instant),
    Column("intended_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("undone_at", Instant),
    Column("restored", JSON(none_as_null=True)),
    UniqueConstraint("run", "operation_id", name="t2d_operation_once_a_run"),
    Index("t2d_operation_by_outcome", "profile", "outcome"),
    Index("t2d_operation_by_key", "profile", "media", "season", "episode"),
)

facts = Table(
    "t2d_fact",
    metadata,
    Column("profile", Words, primary_key=True),
    Column("name", Words, primary_key=True),
    Column("value", JSON, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

shows = Table(
    "t2d_show",
    metadata,
    Column("source", Words, primary_key=True),
    Column("show_id", Words, primary_key=True),
    Column("payload", JSON, nullable=False),
    Column("fetched_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

sources = Table(
    "t2d_source",
    metadata,
    Column("profile", Words, primary_key=True),
    Column("source", Words, primary_key=True),
    Column("channel", Words, nullable=False),
    Column("owner", JSON, nullable=False),
    Column("read_at", Instant),
    Column("seen_at", Instant, nullable=False),
)

unreadable = Table(
    "t2d_unreadable",
    metadata,
    Column("profile", Words, primary_key=True),
    Column("source", Words, primary_key=True),
    Column("identity", Words, primary_key=True),
    Column("kind", Words),
    Column("title", Words),
    Column("reason", Words, nullable=False),
    Column("raw", Words, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("first_seen", Instant, nullable=False),
    Column("last_seen", Instant, nullable=False),
    Column("reported_at", Instant),
)

# No foreign key leads there: to check it, each profile would lock the rows of all.
titles = Table(
    "t2d_title",
    metadata,
    Column("profile", Words, primary_key=True),
    Column("source", Words, primary_key=True),
    Column("title", Words, primary_key=True),
    Column("shared", LargeBinary, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("sums", JSON(none_as_null=True)),
    Index("t2d_title_by_shared", "shared"),
)

shared_titles = Table(
    "t2d_shared_title",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("payload", Text, nullable=False),
    sqlite_with_rowid=False,
)

holders = Table(
    "t2d_holder",
    metadata,
    Column("profile", Words, primary_key=True),
    Column("host", Words, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("command", Words, nullable=False),
    Column("since", Instant, nullable=False),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
    Column("released_at", Instant),
)

#: As alembic would make it.
_version = Table(
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)


def create(connection: Connection) -> bool:
    """Make all tables where there are none; False where there are.

    They become what the migrations make of them, in a quarter of the time.
    """
    if inspect(connection).has_table(VERSION_TABLE):
        return False
    metadata.create_all(connection, checkfirst=False)
    _version.create(connection)
    connection.execute(_version.insert().values(version_num=HEAD))
    return True


def from_operation(operation: Operation) -> dict[str, Any]:
    """Return the columns that an operation fills."""
    return {
        "operation_id": operation.id,
        "action": operation.action.value,
        "media": operation.key.media,
        "season": operation.key.season,
        "episode": operation.key.episode,
        "watched_at": operation.watched_at,
        "progress": operation.progress,
        "covers": pack_covers(operation.covers),
        "reason": operation.reason,
        "restored": _from_restored(operation.restored),
    }


def to_row(columns: RowMapping) -> Row:
    """Read a row of ``operations`` back into the value that it was made of."""
    return Row(
        run=columns["run"],
        profile=columns["profile"],
        operation=Operation(
            action=Action(columns["action"]),
            key=Key(columns["media"], columns["season"], columns["episode"]),
            watched_at=columns["watched_at"],
            progress=columns["progress"],
            covers=tuple(unpack_covers(columns["covers"])),
            reason=columns["reason"],
            restored=_to_restored(columns["restored"]),
        ),
        outcome=Outcome(columns["outcome"]),
        intended_at=columns["intended_at"],
        settled_at=columns["settled_at"],
        detail=columns["detail"],
        before_progress=columns["before_progress"],
        before_at=columns["before_at"],
        undone_at=columns["undone_at"],
    )


def _from_restored(restored: Restored | None) -> dict[str, Any] | None:
    if restored is None:
        return None
    at = restored.at.astimezone(UTC).isoformat() if restored.at else None
    return {"progress": restored.progress, "label": restored.label, "at": at}


def _to_restored(payload: Any) -> Restored | None:
    if payload is None:
        return None
    at = datetime.fromisoformat(payload["at"]) if payload["at"] else None
    return Restored(payload["progress"], payload["label"], at)


def from_source(source: SourceRecord) -> dict[str, Any]:
    """Return the columns that a source fills; when it was read is not known here."""
    return {
        "source": source.id,
        "channel": source.channel,
        "owner": sorted(source.owner),
        "read_at": source.read_at,
    }


def to_source(columns: RowMapping) -> SourceRecord:
    """Read a row of ``sources`` back into the value that it was made of."""
    return SourceRecord(
        id=columns["source"],
        channel=columns["channel"],
        owner=frozenset(columns["owner"]),
        read_at=columns["read_at"],
    )


def from_unreadable(row: UnreadableRow) -> dict[str, Any]:
    """Return the columns that a record fills which cannot be read."""
    record, title = row.record, row.record.title
    return {
        "identity": row.identity,
        "kind": record.kind.value if record.kind else None,
        "title": title_key(title) if title else None,
        "reason": record.reason,
        "raw": record.raw,
        "payload": {
            "where": record.where,
            "remedy": record.remedy,
            "reader": row.reader,
            "is_unsupported": record.is_unsupported,
            "title": from_title(title) if title else None,
        },
        "first_seen": row.first_seen,
        "last_seen": row.last_seen,
        "reported_at": row.reported_at,
    }


def to_unreadable(columns: RowMapping) -> UnreadableRow:
    """Read a row of ``unreadable`` back into the value that it was made of."""
    payload, kind = columns["payload"], columns["kind"]
    return UnreadableRow(
        source=columns["source"],
        identity=columns["identity"],
        record=Quarantined(
            where=payload["where"],
            reason=columns["reason"],
            raw=columns["raw"],
            kind=Kind(kind) if kind else None,
            title=to_title(payload["title"]) if payload["title"] else None,
            remedy=payload["remedy"],
            key=columns["identity"],
            is_unsupported=payload["is_unsupported"],
        ),
        reader=payload["reader"],
        first_seen=columns["first_seen"],
        last_seen=columns["last_seen"],
        reported_at=columns["reported_at"],
    )
