"""Whatever is wrong with the state database: one sentence, one remedy, no secret."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import traceback
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from connectors.errors import ConfigError
from sync.ledger import Ledger, StateError
from sync.ledger.database import choose_backend
from tests.ledger_suite.factories import AT, PROFILE, later, make_operations
from tests.long import at_every_length, pick

if TYPE_CHECKING:
    from tests.postgres import PostgresServer

START_AGAIN = "enough to start again without doubling anything"


async def fail_to_open(url: str) -> StateError:
    with pytest.raises(StateError) as caught:
        await Ledger.open(url)
    return caught.value


async def make_state(url: str) -> None:
    async with await Ledger.open(url) as ledger:
        run = await ledger.start_run(PROFILE, "migrate", AT)
        await ledger.intend(run, make_operations(200), AT)


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def run_sql(url: str, statement: str) -> None:
    with closing(sqlite3.connect(path_of(url))) as connection, connection:
        connection.execute(statement)


async def test_a_folder_that_cannot_be_made_says_so() -> None:
    error = await fail_to_open("sqlite:////dev/null/deep/state.db")
    assert error.message.startswith(
        "The state database /dev/null/deep/state.db cannot be created: "
    )
    assert "[state] url" in error.remedy


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/tmp", "cannot be opened"),  # noqa: S108  # a folder that is there
        ("/proc/version", "cannot be "),  # opened; or written to, by a user
        ("/dev/full", "has no room left on its disk"),
        ("/dev/null", "its disk reports an error"),
    ],
)
async def test_a_path_that_can_hold_no_database_says_so(path: str, words: str) -> None:
    error = await fail_to_open(f"sqlite:///{path}")
    assert error.message.startswith(f"The state database {path} ")
    assert words in error.message


@pytest.mark.parametrize("size", [100, 4096 * 3])
async def test_a_file_that_is_no_database_says_how_to_start_again(
    file_url: str, size: int
) -> None:
    path_of(file_url).write_bytes(b"nonsense" * size)
    error = await fail_to_open(file_url)
    assert error.message.endswith("state.db is not a database, or is damaged.")
    assert "Move the file away" in error.remedy
    assert START_AGAIN in error.remedy


async def test_a_damaged_page_says_how_to_start_again(file_url: str) -> None:
    await make_state(file_url)
    content = bytearray(path_of(file_url).read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 64] = b"\xff" * 64
    path_of(file_url).write_bytes(content)
    error = await fail_to_open(file_url)
    assert error.message.endswith("state.db is damaged.")
    assert START_AGAIN in error.remedy


@at_every_length
@pytest.mark.parametrize("start", range(0, 200, 20))
@pytest.mark.parametrize("is_read_only", [False, True])
async def test_one_wrong_byte_at_the_head_is_damage_or_does_not_matter(
    file_url: str, tmp_path: Path, start: int, *, is_read_only: bool
) -> None:
    await make_state(file_url)
    whole = path_of(file_url).read_bytes()
    for place in range(start, start + 20, pick(7, 2, 1)):
        for value in {0, 3, 0x80, 0xFF, whole[place] ^ 1} - {whole[place]}:
            wrong = tmp_path / f"{place}-{value}.db"
            wrong.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            error = await _use(f"sqlite:///{wrong}", is_read_only=is_read_only)
            assert error is None or error.message.endswith("damaged.")
            assert error is None or START_AGAIN in error.remedy


async def _use(url: str, *, is_read_only: bool) -> StateError | None:
    try:
        async with await Ledger.open(url, is_read_only=is_read_only) as ledger:
            await ledger.rows(PROFILE)
            await ledger.check()
            if not is_read_only:
                async with ledger.profile_lock(PROFILE, command="sync", at=AT):
                    await ledger.put_fact(PROFILE, "watermark", 1, AT)
    except StateError as error:
        return error
    return None


async def test_words_of_the_database_that_are_no_text_are_damage(file_url: str) -> None:
    await make_state(file_url)
    whole = path_of(file_url).read_bytes()
    odd = whole.replace(b"CREATE TABLE t2d_show", b"CREATE TABL\xff t2d_show")
    path_of(file_url).write_bytes(odd)
    error = await fail_to_open(file_url)
    assert error.message.endswith("state.db is damaged.")


async def test_a_lost_table_counts_as_damage(url: str) -> None:
    async with await Ledger.open(url) as ledger:
        await ledger._in_thread(lambda: _drop_facts(ledger))
        with pytest.raises(StateError, match=START_AGAIN):
            await ledger.get_facts(PROFILE)


def _drop_facts(ledger: Ledger) -> None:
    with ledger._database._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE t2d_fact")


async def test_a_full_disk_says_so_and_keeps_what_was_written(file_url: str) -> None:
    await make_state(file_url)
    async with await Ledger.open(file_url) as ledger:
        run = await ledger.start_run(PROFILE, "migrate", later(1))
        await ledger._in_thread(lambda: _fill_disk(ledger))
        with pytest.raises(StateError, match="has no room left on its disk"):
            await ledger.intend(run, make_operations(5000), AT)
    async with await Ledger.open(file_url) as ledger:
        assert len(await ledger.rows(PROFILE)) == 200


def _fill_disk(ledger: Ledger) -> None:
    with ledger._database._engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 40")


async def test_a_database_locked_by_another_program_says_so(file_url: str) -> None:
    await make_state(file_url)
    with closing(sqlite3.connect(path_of(file_url))) as viewer:
        viewer.execute("BEGIN IMMEDIATE")
        async with await Ledger.open(f"{file_url}?timeout=0.01") as ledger:
            assert len(await ledger.rows(PROFILE)) == 200
            with pytest.raises(StateError, match="is locked by another") as caught:
                await ledger.start_run(PROFILE, "migrate", AT)
    assert caught.value.is_passing


async def test_a_new_file_in_use_for_a_moment_is_waited_for(file_url: str) -> None:
    with closing(sqlite3.connect(path_of(file_url))) as other:
        other.execute("BEGIN IMMEDIATE")
        opening = asyncio.create_task(Ledger.open(file_url))
        await asyncio.wait([opening], timeout=0.1)
        assert not opening.done()
    await (await opening).close()


async def test_a_new_file_locked_by_another_program_says_so(file_url: str) -> None:
    with closing(sqlite3.connect(path_of(file_url))) as viewer:
        viewer.execute("BEGIN IMMEDIATE")
        error = await fail_to_open(f"{file_url}?timeout=0.01")
    assert "is locked by another program" in error.message


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense s3cret", "cannot be read"),
        ("mysql://me:s3cret@localhost/state", "not supported"),
        ("postgresql://me:s3cret@localhost:port/state", "cannot be read"),
        ("sqlite:///state.db?mode=s3cret", "options"),
        ("sqlite:///state.db?timeout=s3cret", "options"),
        ("sqlite:///state.db?timeout=1&timeout=s3cret", "options"),
        ("sqlite:///state.db?timeout=-1", "options"),
        ("sqlite:///state.db?timeout=nan", "options"),
        ("sqlite:///state.db?timeout=1e9", "options"),
        ("sqlite://tmp/s3cret.db", "a host before its path"),
        ("sqlite://~/s3cret.db", "a host before its path"),
        ("sqlite://me:s3cret@/state.db", "a host before its path"),
        ("sqlite+pysqlite://here:80/s3cret.db", "a host before its path"),
        ("sqlite:///what\0s3cret.db", "a character of code 0"),
        ("sqlite:////tmp/what%00s3cret.db", "a character of code 0"),
        ("sqlite:///what?s3cret.db", r"a \? with no option"),
        ("sqlite:////tmp/what?/s3cret/state.db", r"a \? with no option"),
        ("sqlite:///me@here/what?s3cret.db", r"a \? with no option"),
        ("sqlite:///state.db?", r"a \? with no option"),
        ("sqlite:///state.db?timeout", r"a \? with no option"),
        ("sqlite:///state.db?timeout=1&s3cret", r"a \? with no option"),
        ("postgresql://me:s3cret@localhost/state?sslmode", r"a \? with no option"),
        ("postgresql://me:s3cret@localhost/state?sslmode=", r"a \? with no option"),
        ("postgresql://me:s3cret@localhost/state?sslmod=require", "take: sslmod"),
        ("postgresql://me:a@b?s3cret=x@localhost/state", "does not take"),
        ("postgresql://localhost/state?autocommit=s3cret", "take: autocommit"),
        ("postgresql://localhost/state?prepare_threshold=0", "does not take"),
        ("postgresql://localhost/state?row_factory=x", "does not take"),
        ("postgresql://localhost/state?replication=true", "does not take"),
        ("postgresql://localhost/state?service=a&service=b", "service twice"),
    ],
)
async def test_a_bad_url_is_a_fault_of_the_settings(url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        await Ledger.open(url)
    assert "s3cret" not in str(caught.value)


async def test_an_option_that_is_not_known_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        await Ledger.open("postgresql://localhost/state?conect_timeout=3")
    assert caught.value.remedy == "Did you mean connect_timeout?"


@pytest.mark.parametrize("path", ["a b.db", "a#b;c&d=e.db", "\u2603@x.db"])
async def test_a_path_is_taken_as_it_stands(tmp_path: Path, path: str) -> None:
    async with await Ledger.open(f"sqlite:///{tmp_path}/{path}"):
        pass
    assert (tmp_path / path).exists()


@pytest.mark.parametrize(
    "option",
    [
        "sslmode=s3cret",
        "connect_timeout=s3cret",
        "target_session_attrs=s3cret",
        "keepalives=s3cret",
        "channel_binding=s3cret",
        "service=s3cret",
        "client_encoding=s3cret",
        "options=-c%20s3cret%3D1",
    ],
)
async def test_an_option_with_a_wrong_value_is_named(
    postgres: PostgresServer, option: str
) -> None:
    name = option.partition("=")[0]
    error = await fail_to_open(f"{postgres.url()}?{option}")
    assert f"with the option {name} as it is" in error.message
    assert error.remedy == f"Correct {name} in [state] url, or leave it out."
    assert "s3cret" not in str(error)


@pytest.mark.parametrize(
    "options", ["connect_timeout=5&keepalives=1", "sslmode=prefer", "port=1"]
)
async def test_options_that_are_fine_are_not_blamed(
    postgres: PostgresServer, options: str
) -> None:
    if options == "port=1":
        assert "reached." in (await fail_to_open(f"{postgres.url()}?port=1")).message
        return
    async with await Ledger.open(f"{postgres.url()}?{options}"):
        pass


async def test_without_the_driver_the_remedy_is_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"pip install 'trakt2discovr\[postgres\]'"):
        await Ledger.open("postgresql://me@localhost/state")


def assert_no_secret(error: StateError, *secrets: str) -> None:
    shown = "".join(traceback.format_exception(error)) + repr(error)
    assert not [secret for secret in secrets if secret in shown]


async def test_a_server_that_is_down_says_so() -> None:
    error = await fail_to_open("postgres://me:s3cret@127.0.0.1:1/state")
    assert error.message == (
        "The state database state on 127.0.0.1:1 cannot be reached."
    )
    assert "Start it" in error.remedy
    assert error.is_passing
    assert_no_secret(error, "s3cret")


@pytest.mark.parametrize("credentials", ["tester:s3cret", "tester", "nobody:s3cret"])
async def test_a_refused_login_says_so_without_the_password(
    postgres: PostgresServer, credentials: str
) -> None:
    url = postgres.url().replace(f"tester:{postgres.password}", credentials)
    error = await fail_to_open(url)
    assert error.message.endswith(f"127.0.0.1:{postgres.port} refused the login.")
    assert not error.is_passing
    assert "password" in error.remedy
    assert_no_secret(error, "s3cret", postgres.password)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("57P03", "the database system is starting up"),
        ("57P03", "the database system is shutting down"),
        ("57P03", "the database system is in recovery mode"),
        ("57P03", "the database system is not yet accepting connections"),
        ("53300", "sorry, too many clients already"),
        ("53300", 'too many connections for role "me"'),
        ("55000", 'database "state" is not currently accepting connections'),
        ("53300", "remaining connection slots are reserved for roles with SUPERUSER"),
    ],
)
async def test_a_server_that_lets_nobody_in_for_now_refuses_no_login(
    code: str, words: str
) -> None:
    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(asyncio.IncompleteReadError):
            await reader.readexactly(8)
            fields = (b"SFATAL", b"VFATAL", b"C" + code.encode(), b"M" + words.encode())
            said = b"".join(field + b"\0" for field in fields) + b"\0"
            writer.write(b"E" + (len(said) + 4).to_bytes(4, "big") + said)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        error = await fail_to_open(
            f"postgres://me:s3cret@127.0.0.1:{port}/state?sslmode=disable"
        )
    assert error.is_passing
    assert "refused the login" not in error.message
    assert "password" not in error.remedy
    assert_no_secret(error, "s3cret")


async def test_a_database_that_does_not_exist_says_so(postgres: PostgresServer) -> None:
    error = await fail_to_open(postgres.url("nowhere"))
    assert "nowhere on 127.0.0.1" in error.message
    assert "database name" in error.remedy
    assert_no_secret(error, postgres.password)


async def test_a_read_only_server_says_so(postgres_url: str) -> None:
    options = "options=-c%20default_transaction_read_only%3Don"
    error = await fail_to_open(f"{postgres_url}?{options}")
    assert "it is read-only" in error.message


@pytest.mark.parametrize("rights", ["", "GRANT USAGE ON SCHEMA public TO pg_monitor"])
async def test_a_user_without_rights_is_told_which(
    postgres: PostgresServer, postgres_url: str, rights: str
) -> None:
    postgres.execute(rights)
    error = await fail_to_open(f"{postgres_url}?options=-c%20role%3Dpg_monitor")
    assert error.remedy == "Give its user the right to create and change tables there."


async def test_a_server_that_stops_meanwhile_says_so(postgres: PostgresServer) -> None:
    async with await Ledger.open(postgres.url()) as ledger:
        postgres.stop()
        try:
            with pytest.raises(StateError, match="cannot be reached"):
                await ledger.start_run(PROFILE, "migrate", AT)
        finally:
            postgres.start()
        await ledger.start_run(PROFILE, "migrate", AT)


@pytest.mark.parametrize(
    ("sqlstate", "is_passing"),
    [
        ("08006", True),  # no connection
        ("57P03", True),  # it is starting
        ("57P01", True),  # it was shut down
        ("53300", True),  # all of its connections are in use
        ("53100", False),  # a disk that is full
        ("28P01", False),
        ("3D000", False),
        ("42501", False),
        ("25006", False),
        ("42P01", False),
        ("XX001", False),
    ],
)
def test_what_a_server_says_passes_or_needs_a_person(
    sqlstate: str, *, is_passing: bool
) -> None:
    backend = choose_backend("postgresql://tester@127.0.0.1/state")
    driver = psycopg.OperationalError()
    driver.sqlstate = sqlstate
    error = backend.explain(OperationalError(None, None, driver))
    assert error is not None
    assert error.is_passing is is_passing


async def test_a_fault_of_the_program_is_not_called_damage(ledger: Ledger) -> None:
    with pytest.raises(Exception, match="constraint") as caught:
        await ledger.start_run(None, "migrate", AT)  # type: ignore[arg-type]  # a bug
    assert not isinstance(caught.value, StateError)
