"""Where the state of a case is kept: in a file, or on a server of either version."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest

from tests.long import Length, asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.postgres import PostgresServer

FILE = "sqlite"
#: Fixtures of tests/postgres.py.
SERVERS = ("postgres", "postgres18")
#: In this turn. Seven share no factor with the values that cases go through, so that
#: each value meets each database.
_TURN = (FILE, FILE, SERVERS[0], FILE, FILE, SERVERS[1], FILE)


def spread(cases: Iterable[Any], name: Callable[[Any], str] = str) -> list[Any]:
    """Add to each case, as ``choose`` returns it, the database that it has.

    Of the few of the README's command only the last of several is on a server. The name
    of a case says which it has: what failed there fails there again.
    """
    found = [*cases]
    few = [FILE] * len(found[1:]) + [SERVERS[0] if found[1:] else FILE]
    turn = few if asked is Length.FEW else _TURN
    return [
        pytest.param(
            *case.values,
            database,
            marks=case.marks,
            id="-".join((*map(name, case.values), database)),
        )
        for case, database in zip(found, cycle(turn), strict=False)
    ]


def find_server(database: str, request: pytest.FixtureRequest) -> PostgresServer | None:
    """Return the server of a case, empty; None where a file is meant."""
    if database == FILE:
        return None
    server: PostgresServer = request.getfixturevalue(database)
    server.empty()
    return server
