"""The time of what a write found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; of earlier writes nobody knows it."""
    op.add_column("t2d_operation", sa.Column("before_at", sa.DateTime(timezone=True)))
