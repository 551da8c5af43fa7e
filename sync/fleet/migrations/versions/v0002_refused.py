"""Which logins their services have refused."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add when a login was refused; a new one is not."""
    op.execute("ALTER TABLE fleet_login ADD COLUMN refused_at timestamptz")
