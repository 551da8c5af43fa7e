"""Bring the tables up to date; imported only when they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from sync.ledger.migrations import VERSION_TABLE

if TYPE_CHECKING:
    from sqlalchemy import Connection


def migrate(connection: Connection) -> bool:
    """Upgrade within the transaction; False when it holds a version unknown here."""
    config = Config()
    config.set_main_option("script_location", "sync.ledger:migrations")
    config.attributes["connection"] = connection
    known = {s.revision for s in ScriptDirectory.from_config(config).walk_revisions()}
    context = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    )
    if not known.issuperset(context.get_current_heads()):
        return False
    command.upgrade(config, "head")
    return True
