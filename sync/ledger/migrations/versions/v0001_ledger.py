"""The first tables: runs, operations, facts, shows, holders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create them."""
    _create_runs()
    _create_operations()
    op.create_table(
        "t2d_fact",
        sa.Column("profile", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
        sa.Column("updated_at", _instant, nullable=False),
    )
    op.create_table(
        "t2d_show",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("show_id", sa.Text, primary_key=True),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("fetched_at", _instant, nullable=False),
        sa.Column("expires_at", _instant, nullable=False),
    )
    op.create_table(
        "t2d_holder",
        sa.Column("profile", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("since", _instant, nullable=False),
    )


def _create_runs() -> None:
    op.create_table(
        "t2d_run",
        sa.Column("id", _serial, primary_key=True),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("started_at", _instant, nullable=False),
        sa.Column("finished_at", _instant),
        sa.Column("outcome", sa.Text),
        sa.Column("summary", sa.JSON, nullable=False),
    )
    op.create_index("t2d_run_by_profile", "t2d_run", ["profile", "id"])


def _create_operations() -> None:
    op.create_table(
        "t2d_operation",
        sa.Column("id", _serial, primary_key=True),
        sa.Column("run", sa.BigInteger, sa.ForeignKey("t2d_run.id"), nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("operation_id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("media", sa.Text, nullable=False),
        sa.Column("season", sa.BigInteger),
        sa.Column("episode", sa.BigInteger),
        sa.Column("watched_at", _instant, nullable=False),
        sa.Column("progress", sa.BigInteger, nullable=False),
        sa.Column("covers", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("before_progress", sa.Double),
        sa.Column("intended_at", _instant, nullable=False),
        sa.Column("settled_at", _instant),
        sa.Column("undone_at", _instant),
        sa.UniqueConstraint("run", "operation_id", name="t2d_operation_once_a_run"),
    )
    op.create_index("t2d_operation_by_outcome", "t2d_operation", ["profile", "outcome"])
    op.create_index(
        "t2d_operation_by_key",
        "t2d_operation",
        ["profile", "media", "season", "episode"],
    )
