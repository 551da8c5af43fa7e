"""Whose titles they are, and the records that cannot be read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Note of the titles from before that nobody knows their source.

    What was taken to be gone by then may have come from another file, so the next run
    reads both sides anew.
    """
    _key_titles_by_source()
    op.create_table(
        "t2d_source",
        sa.Column("profile", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("owner", sa.JSON, nullable=False),
        sa.Column("read_at", _instant),
        sa.Column("seen_at", _instant, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "t2d_unreadable",
        sa.Column("profile", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text),
        sa.Column("title", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("raw", sa.Text, nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("first_seen", _instant, nullable=False),
        sa.Column("last_seen", _instant, nullable=False),
        sa.Column("reported_at", _instant),
        if_not_exists=True,
    )
    op.execute("DELETE FROM t2d_fact WHERE name IN ('watermark', 'stale')")


def _key_titles_by_source() -> None:
    op.create_table(
        "t2d_title_of_source",
        sa.Column("profile", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("title", sa.Text, primary_key=True),
        sa.Column("payload", sa.JSON, nullable=False),
    )
    op.execute(
        "INSERT INTO t2d_title_of_source (profile, source, title, payload) "
        "SELECT profile, '', title, payload FROM t2d_title"
    )
    op.drop_table("t2d_title")
    op.rename_table("t2d_title_of_source", "t2d_title")
