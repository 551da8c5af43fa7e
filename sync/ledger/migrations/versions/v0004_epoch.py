"""The epoch of who holds a profile, and when it was given back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns that are not there; each later holder counts the epoch on."""
    there = {c["name"] for c in sa.inspect(op.get_bind()).get_columns("t2d_holder")}
    for column in (
        sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("released_at", sa.DateTime(timezone=True)),
    ):
        if column.name not in there:
            op.add_column("t2d_holder", column)
