"""What a copy of the profile brought back: entries of the person's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column if it is not there; what was written before is all ours."""
    there = sa.inspect(op.get_bind()).get_columns("t2d_operation")
    if not any(column["name"] == "restored" for column in there):
        op.add_column("t2d_operation", sa.Column("restored", sa.JSON))
