"""Tells whether an address leads to one PostgreSQL session, or to one of a pool.

A pooler such as pgbouncer with ``pool_mode = transaction`` gives each transaction to
any session that is free. A lock of the session then holds nothing, and what is set in
it is set for others.
"""

from __future__ import annotations

import os
import socket
from contextlib import closing, contextmanager, suppress
from threading import Timer
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: A pooler that hands sessions out in turn comes round within so many.
_LOOKS = 25
#: One that has no second session to give keeps its client waiting for minutes.
_PATIENCE_S = 5.0


def keeps_session(
    connection: psycopg.Connection, connect: Callable[[], psycopg.Connection]
) -> bool:
    """Tell whether each connection has a session of its own, at every transaction.

    ``connect`` opens another one by the same address. It is used only where something
    stands between: the number of the session that came with the login is another one.
    """
    with _each_alone(connection):
        mine = _session_of(connection)
        if _session_of(connection) != mine:
            return False
        if connection.info.backend_pid == mine:
            return True
        with (
            closing(connect()) as other,
            _each_alone(other),
            _hurried(other),
            suppress(psycopg.OperationalError),  # there is none for it: ours is ours
        ):
            for _ in range(_LOOKS):
                if _session_of(other) == mine or _session_of(connection) != mine:
                    return False
    return True


def _session_of(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0


@contextmanager
def _each_alone(connection: psycopg.Connection) -> Iterator[None]:
    """Make each statement a transaction."""
    connection.autocommit = True
    try:
        yield
    finally:
        with suppress(psycopg.OperationalError):
            connection.autocommit = False


@contextmanager
def _hurried(connection: psycopg.Connection) -> Iterator[None]:
    """Cut the connection off when its time is over: psycopg itself has no limit."""
    line = socket.socket(fileno=os.dup(connection.fileno()))
    timer = Timer(_PATIENCE_S, _cut, [line])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        line.close()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
