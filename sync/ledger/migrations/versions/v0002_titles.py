"""The titles of a profile: their plays as of the last settled run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "t2d_title",
        sa.Column("profile", sa.Text, primary_key=True),
        sa.Column("title", sa.Text, primary_key=True),
        sa.Column("payload", sa.JSON, nullable=False),
    )
