"""Bring the fleet's tables up to date; imported only where that is asked for."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from sync.fleet.migrations import VERSION_TABLE
from sync.ledger.errors import StateError
from sync.ledger.server_address import DRIVER

#: Two programs that make the tables at once must not both do so.
_LOCK = text("SELECT pg_advisory_xact_lock(7214402958412048)")
#: Whoever waits to change a table makes all wait who come after.
PATIENCE = "5s"


def migrate(url: str) -> None:
    """Make or upgrade the tables.

    Raises StateError for those of a later program, and where they cannot be made.
    """
    engine = create_engine(make_url(url).set(drivername=DRIVER))
    config = Config()
    config.set_main_option("script_location", "sync.fleet:migrations")
    known = {s.revision for s in ScriptDirectory.from_config(config).walk_revisions()}
    try:
        with engine.begin() as connection:
            connection.execute(_LOCK)
            connection.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
            config.attributes["connection"] = connection
            context = MigrationContext.configure(
                connection, opts={"version_table": VERSION_TABLE}
            )
            if not known.issuperset(context.get_current_heads()):
                raise StateError(
                    "The fleet's tables are from a newer version of trakt2discovr.",
                    remedy="Update it here too, or name another database in "
                    "[fleet] url.",
                )
            command.upgrade(config, "head")
    except DBAPIError as error:
        reason = type(error.orig).__name__
    else:
        return
    finally:
        engine.dispose()
    if reason == "LockNotAvailable":
        raise StateError(
            "The fleet's tables are in use, so they were not upgraded.",
            remedy="Run it again once that is over, such as a backup: trakt2discovr "
            "fleet init",
        )
    raise StateError(
        f"The fleet's tables cannot be made ({reason}).",
        remedy="Give the user of [fleet] url the right to create tables and schemas.",
    )
