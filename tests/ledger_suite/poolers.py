"""What may stand between the program and PostgreSQL: pgbouncer, or a fake of one."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import struct
import subprocess
import tempfile
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import psycopg

from tests import postgres
from tests.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    Link: TypeAlias = tuple[
        psycopg.Connection, asyncio.StreamReader, asyncio.StreamWriter
    ]

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_SETTINGS = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = {mode}
{more}
"""


@contextmanager
def pgbouncer(server: PostgresServer, mode: str, more: str = "") -> Iterator[str]:
    """Start the real one in front of a server; return the address to use."""
    assert PROGRAM is not None
    folder, port = Path(tempfile.mkdtemp(prefix="pgbouncer-")), postgres._find_port()
    settings, users = folder / "settings.ini", folder / "users.txt"
    users.write_text(f'"tester" "{server.password}"\n', "utf-8")
    words = {"server": server.port, "port": port, "folder": folder}
    settings.write_text(_SETTINGS.format(mode=mode, more=more, **words), "utf-8")
    user = postgres._ordinary_user()
    for path in (folder, users, settings):
        if user:
            os.chown(path, user.pw_uid, user.pw_gid)
    process = subprocess.Popen(  # noqa: S603  # the system's own
        [PROGRAM, "-q", str(settings)],
        user=user.pw_uid if user else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = PostgresServer(server.binaries, folder, port, server.password).url()
    try:
        _await_port(port, process)
        yield url
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
    raise RuntimeError("pgbouncer did not start")


@asynccontextmanager
async def fake_pooler(server: PostgresServer, *, sessions: int) -> AsyncIterator[str]:
    """Give each client ``sessions`` sessions, one transaction in turn to each.

    It shows the number of the first one, as no pooler that is known does.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await _Pooled(server, reader, writer).run(sessions)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server.url().replace(f":{server.port}/", f":{port}/")


class _Pooled:
    """One client: its password is not asked for."""

    def __init__(
        self,
        server: PostgresServer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._server = server
        self._reader, self._writer = reader, writer

    async def run(self, sessions: int) -> None:
        await self._greet()
        turn = 0
        with ExitStack() as stack:
            links = [await self._link(stack) for _ in range(sessions)]
            self._welcome(links[0][0])
            try:
                while True:
                    kind, message = await _read(self._reader)
                    if kind == b"X":
                        return
                    _, reader, writer = links[turn % sessions]
                    writer.write(message)
                    # Any other is a part of something that Sync ends.
                    if kind in {b"S", b"Q"} and await self._pass_on(reader) == b"I":
                        turn += 1
            finally:
                for _, _, writer in links:
                    writer.close()

    async def _greet(self) -> None:
        while True:
            (length,) = struct.unpack("!i", await self._reader.readexactly(4))
            body = await self._reader.readexactly(length - 4)
            if struct.unpack("!i", body[:4])[0] >> 16 == 3:
                return
            self._writer.write(b"N")  # neither TLS nor GSS

    async def _link(self, stack: ExitStack) -> Link:
        """Open a session, whose line is then ours."""
        opening = asyncio.to_thread(lambda: psycopg.connect(self._server.url()))
        session: psycopg.Connection = stack.enter_context(await opening)
        line = socket.socket(fileno=os.dup(session.fileno()))
        return session, *await asyncio.open_connection(sock=line)

    def _welcome(self, session: psycopg.Connection) -> None:
        self._writer.write(_message(b"R", struct.pack("!i", 0)))
        for name in (
            "server_version",
            "client_encoding",
            "standard_conforming_strings",
        ):
            value = session.info.parameter_status(name)
            self._writer.write(_message(b"S", f"{name}\0{value}\0".encode()))
        key = struct.pack("!ii", session.info.backend_pid, 0)
        self._writer.write(_message(b"K", key) + _message(b"Z", b"I"))

    async def _pass_on(self, reader: asyncio.StreamReader) -> bytes:
        """Pass an answer on; return whether a transaction is under way."""
        while True:
            kind, message = await _read(reader)
            self._writer.write(message)
            if kind == b"Z":
                return message[-1:]


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    kind, length = struct.unpack("!ci", head)
    return kind, head + await reader.readexactly(length - 4)


def _message(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("!i", len(content) + 4) + content
