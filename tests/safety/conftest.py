from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.postgres import postgres, postgres18, postgres_url
from tests.safety.databases import find_server

if TYPE_CHECKING:
    from tests.postgres import PostgresServer

__all__ = ["postgres", "postgres18", "postgres_url"]


@pytest.fixture
def server(request: pytest.FixtureRequest, database: str) -> PostgresServer | None:
    """What keeps the state of a case that ``spread`` gave its database."""
    return find_server(database, request)
