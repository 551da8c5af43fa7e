"""What a ledger sends to its database, by whatever way."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import event

from sync.ledger.sqlite import SqliteBackend

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.ledger import Ledger


async def watch(ledger: Ledger, note: Callable[[str], None]) -> None:
    """Tell of each statement from now on, at the moment at which it is sent."""
    await ledger._in_thread(partial(_watch, ledger, note))


def _watch(ledger: Ledger, note: Callable[[str], None]) -> None:
    database = ledger._database
    if isinstance(database.backend, SqliteBackend):
        database.backend.connection.set_trace_callback(note)
        return

    def tell(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        note(statement)

    event.listen(database._engine, "before_cursor_execute", tell)


async def statements_of(ledger: Ledger) -> list[str]:
    """Return a list that each statement is put into from now on."""
    sent: list[str] = []
    await watch(ledger, sent.append)
    return sent
