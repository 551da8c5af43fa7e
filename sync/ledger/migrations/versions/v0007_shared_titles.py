"""What is public of a title once for all profiles, and the rest of it compact."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import op

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

revision = "0007"
down_revision = "0006"

_AT_ONCE = 500
_old = sa.table(
    "t2d_title",
    sa.column("profile", sa.Text),
    sa.column("source", sa.Text),
    sa.column("title", sa.Text),
    sa.column("payload", sa.JSON),
)
_new = sa.table(
    "t2d_title_of_profile",
    *(sa.column(name, sa.Text) for name in ("profile", "source", "title")),
    sa.column("shared", sa.LargeBinary),
    sa.column("payload", sa.JSON),
)
_SHARE = sa.text(
    "INSERT INTO t2d_shared_title (digest, payload) VALUES (:digest, :payload) "
    "ON CONFLICT (digest) DO NOTHING"
)


def upgrade() -> None:
    """Move the titles that are there, some at a time."""
    op.create_table(
        "t2d_shared_title",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("payload", sa.Text, nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    op.create_table(
        "t2d_title_of_profile",
        sa.Column("profile", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("title", sa.Text, primary_key=True),
        sa.Column("shared", sa.LargeBinary, nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":  # SQLite has but one that writes
        # What a program from before put meanwhile would go with the old table.
        op.execute("LOCK TABLE t2d_title IN ACCESS EXCLUSIVE MODE")
    for rows in _batches(connection):
        shared: dict[bytes, str] = {}
        moved = []
        for profile, source, title, payload in rows:
            text = json.dumps(payload["title"], separators=(",", ":"))
            digest = hashlib.sha256(text.encode()).digest()[:16]
            shared[digest] = text
            key = {"profile": profile, "source": source, "title": title}
            moved.append({**key, "shared": digest, "payload": _pack(payload)})
        put = [{"digest": d, "payload": text} for d, text in shared.items()]
        connection.execute(_SHARE, put)
        connection.execute(_new.insert(), moved)
    op.drop_table("t2d_title")
    op.rename_table("t2d_title_of_profile", "t2d_title")
    op.create_index("t2d_title_by_shared", "t2d_title", ["shared"])


def _batches(connection: sa.Connection) -> Iterator[Sequence[Any]]:
    key = (_old.c.profile, _old.c.source, _old.c.title)
    statement = sa.select(_old).order_by(*key).limit(_AT_ONCE)
    rows = connection.execute(statement).all()
    while rows:
        yield rows
        later = statement.where(sa.tuple_(*key) > sa.tuple_(*rows[-1][:3]))
        rows = connection.execute(later).all()


def _pack(payload: Any) -> list[Any]:
    """Return Discovr's id, plays, fates and seasons."""
    seasons = [[*facts, _pack_numbers(e)] for *facts, e in payload["seasons"]]
    plays, fates = _pack_plays(payload["plays"]), _pack_fates(payload["fates"])
    return [payload["media"], plays, fates, seasons]


def _pack_plays(plays: Sequence[Any]) -> list[Any]:
    """Turn rows of minutes, season, episode, id, episode's id and its ids."""
    columns: list[Any] = [
        _to_steps([play[number] for play in plays]) for number in range(5)
    ]
    columns[0] = columns[0] or []
    own = [play[5] if len(play) > 5 else None for play in plays]
    columns.append(own if any(ids is not None for ids in own) else None)
    while columns[-1] is None:
        columns.pop()
    return columns


def _to_steps(values: Sequence[int | None]) -> list[int | None] | None:
    steps: list[int | None] = []
    last = 0
    for value in values:
        steps.append(None if value is None else value - last)
        last = last if value is None else value
    return steps if any(step is not None for step in steps) else None


def _pack_fates(fates: Sequence[Any]) -> list[Any]:
    runs: list[Any] = []
    last: list[Any] = [None] * 4
    for season, episode, fate in fates:
        is_run = None not in (episode, last[1])
        if is_run and (last[0], last[1] + last[2], last[3]) == (season, episode, fate):
            last[2] += 1
        else:
            last = [season, episode, 1, fate]
            runs.append(last)
    return runs


def _pack_numbers(numbers: Sequence[int]) -> list[int]:
    runs: list[int] = []
    for number in numbers:
        if runs and runs[-2] + runs[-1] == number:
            runs[-1] += 1
        else:
            runs += (number, 1)
    return runs
