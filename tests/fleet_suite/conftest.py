from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sync.fleet.database import FleetDatabase, open_database
from sync.fleet.engine import PgQueue
from sync.fleet.migrate import migrate
from tests.postgres import postgres, postgres_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.postgres import PostgresServer

__all__ = ["postgres", "postgres_url"]


@pytest.fixture
async def fleet(postgres: PostgresServer) -> AsyncIterator[FleetDatabase]:
    """An empty fleet; its tables are made once a process."""
    async with open_database(postgres.url(), most=12) as database:
        known = await database.rows("SELECT to_regclass('fleet_profile') AS found")
        if known[0]["found"] is None:
            migrate(postgres.url())
            await PgQueue(database).install()
        await database.rows(
            "TRUNCATE fleet_profile, fleet_limit, fleet_login, "
            "fleet_queue.pgqueuer, fleet_queue.pgqueuer_log CASCADE"
        )
        yield database
