"""The calendar, the limits that all workers share, and the logins."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

_TABLES = """
CREATE TABLE fleet_profile (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    profile text NOT NULL UNIQUE,
    source text NOT NULL,
    kind text NOT NULL DEFAULT 'first' CHECK (kind IN ('first', 'keep')),
    state text NOT NULL DEFAULT 'active'
        CHECK (state IN ('active', 'paused', 'needs_login', 'gone')),
    every interval NOT NULL,
    due_at timestamptz,
    priority integer NOT NULL DEFAULT 0,
    last_ok_at timestamptz,
    failures integer NOT NULL DEFAULT 0,
    last_error text,
    note text NOT NULL DEFAULT '',
    queued_at timestamptz,
    running_since timestamptz,
    worker text
-- To mark a row as queued touches no index, if its page has room.
) WITH (fillfactor = 85);
CREATE INDEX fleet_profile_due ON fleet_profile (kind, due_at)
    WHERE state = 'active';
CREATE INDEX fleet_profile_urgent ON fleet_profile (kind, due_at)
    WHERE state = 'active' AND priority > 0;

CREATE TABLE fleet_limit (
    name text PRIMARY KEY,
    per_second double precision NOT NULL CHECK (per_second > 0),
    burst_s double precision NOT NULL DEFAULT 0,
    rate double precision NOT NULL,
    refused double precision NOT NULL,
    margin double precision NOT NULL,
    epoch bigint NOT NULL DEFAULT 0,
    next_free timestamptz NOT NULL DEFAULT '-infinity',
    paused_until timestamptz NOT NULL DEFAULT '-infinity'
);

CREATE TABLE fleet_login (
    profile bigint NOT NULL REFERENCES fleet_profile (id) ON DELETE CASCADE,
    service text NOT NULL,
    key_id text NOT NULL,
    secret bytea NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (profile, service)
);
CREATE INDEX fleet_login_by_key ON fleet_login (key_id);
"""


def upgrade() -> None:
    """Make the three tables."""
    op.execute(_TABLES)
