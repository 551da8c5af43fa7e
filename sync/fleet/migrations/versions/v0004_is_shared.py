"""Which profiles live by the login that serves all."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

#: Those that ran well without a login of their own go on. One that was removed has lost
#: all of its logins: under its name may come back somebody else. A download needs none.
_RAN_BY_IT = """
UPDATE fleet_profile SET is_shared = true
WHERE last_ok_at IS NOT NULL AND state <> 'gone'
AND ARRAY(SELECT service FROM fleet_login WHERE profile = id) <@ ARRAY['trakt']
AND (source !~ '^trakt(:|$)' OR id IN (SELECT profile FROM fleet_login))
"""


def upgrade() -> None:
    """Let nobody live by it of whom that was not said."""
    op.execute(
        "ALTER TABLE fleet_profile ADD COLUMN is_shared boolean NOT NULL DEFAULT false"
    )
    op.execute(_RAN_BY_IT)
