"""The tables, and how rows become values. Their history is in ``migrations``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
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
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from sync.domain.histories import Fates, SeasonFacts, TitleHistory
from sync.domain.plan import Action, Cover, Fate, Operation
from sync.domain.plays import Ids, Key, Kind, Play, Title, title_key
from sync.domain.sources import SourceRecord
from sync.domain.writes import Outcome, Row
from sync.ledger.plain import to_instant, to_utc, whole
from sync.ledger.records import UnreadableRow
from sync.ports import Quarantined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Dialect, RowMapping

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


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

titles = Table(
    "t2d_title",
    metadata,
    Column("profile", Words, primary_key=True),
    Column("source", Words, primary_key=True),
    Column("title", Words, primary_key=True),
    Column("payload", JSON, nullable=False),
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
        "covers": [
            [cover.episode, cover.watched_at.astimezone(UTC).isoformat()]
            for cover in operation.covers
        ],
        "reason": operation.reason,
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
            covers=tuple(_to_covers(columns["covers"])),
            reason=columns["reason"],
        ),
        outcome=Outcome(columns["outcome"]),
        intended_at=columns["intended_at"],
        settled_at=columns["settled_at"],
        detail=columns["detail"],
        before_progress=columns["before_progress"],
        before_at=columns["before_at"],
        undone_at=columns["undone_at"],
    )


def _to_covers(pairs: Iterable[tuple[int, str]]) -> Iterable[Cover]:
    for episode, watched_at in pairs:
        yield Cover(episode, datetime.fromisoformat(watched_at))


def from_history(history: TitleHistory) -> dict[str, Any]:
    """Return the compact payload of a title: plays by their minute since 1970."""
    return {
        "title": _from_title(history.title),
        "media": history.media,
        "plays": [
            [_minutes(p.watched_at), p.season, p.episode, p.id, p.episode_id]
            + ([p.episode_ids.known()] if p.episode_ids is not None else [])
            for p in history.plays
        ],
        "fates": [[k.season, k.episode, f.value] for k, f in history.fates.items()],
        "seasons": [
            [s.number, s.reason, s.saved, sorted(s.episodes)] for s in history.seasons
        ],
    }


def to_history(payload: Any) -> TitleHistory:
    """Read a payload of ``titles`` back into the value that it was made of."""
    title, media = _to_title(payload["title"]), payload["media"]
    return TitleHistory(
        title,
        media,
        tuple(_to_plays(title, payload["plays"])),
        Fates(media, ((s, e, Fate(fate)) for s, e, fate in payload["fates"]))
        if media
        else {},
        tuple(
            SeasonFacts(number, reason, saved, _to_episodes(tuple(episodes)))
            for number, reason, saved, episodes in payload["seasons"]
        ),
    )


def _to_plays(title: Title, rows: Iterable[Any]) -> Iterator[Play]:
    make = tuple.__new__  # what Play(...) does, in less time
    for minutes, season, episode, id_, episode_id, *own in rows:
        watched_at = _EPOCH + minutes * _MINUTE
        ids = Ids(**own[0]) if own else None
        yield make(Play, (title, watched_at, season, episode, id_, episode_id, ids))


@lru_cache
def _to_episodes(numbers: tuple[int, ...]) -> frozenset[int]:
    """Return one set for all seasons that are alike: it takes more than ten plays."""
    return frozenset(numbers)


def _minutes(instant: datetime) -> int:
    # Plays are cut to the minute, so that this is exact.
    return (instant - _EPOCH) // _MINUTE


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
            "title": _from_title(title) if title else None,
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
            title=_to_title(payload["title"]) if payload["title"] else None,
            remedy=payload["remedy"],
            key=columns["identity"],
            is_unsupported=payload["is_unsupported"],
        ),
        reader=payload["reader"],
        first_seen=columns["first_seen"],
        last_seen=columns["last_seen"],
        reported_at=columns["reported_at"],
    )


def _from_title(title: Title) -> list[Any]:
    return [title.kind.value, title.name, title.year, title.ids.known()]


def _to_title(parts: Any) -> Title:
    kind, name, year, ids = parts
    return Title(Kind(kind), name, year, Ids(**ids))
