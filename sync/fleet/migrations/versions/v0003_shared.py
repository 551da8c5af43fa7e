"""A login that serves all: it is that of no profile, so its number is 0."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Let a login be of no profile."""
    op.execute("ALTER TABLE fleet_login DROP CONSTRAINT fleet_login_profile_fkey")
