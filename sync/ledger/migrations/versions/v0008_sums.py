"""What each title comes to: enough for a run in which nothing of it changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column; the next runs that settle anything fill it."""
    there = {c["name"] for c in sa.inspect(op.get_bind()).get_columns("t2d_title")}
    if "sums" not in there:
        op.add_column("t2d_title", sa.Column("sums", sa.JSON))
