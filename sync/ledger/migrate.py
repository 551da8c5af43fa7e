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
    config = _config()
    config.attributes["connection"] = connection
    context = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    )
    if not all(map(is_known, context.get_current_heads())):
        return False
    command.upgrade(config, "head")
    return True


def is_known(version: str) -> bool:
    """Tell whether this program can upgrade tables of that version."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return version in {script.revision for script in scripts}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "sync.ledger:migrations")
    return config
