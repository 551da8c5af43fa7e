from __future__ import annotations

import asyncio
import sqlite3
import stat
import sys
import threading
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event, inspect
from sqlalchemy.exc import DBAPIError

from sync.ledger import Ledger, Outcome, StateError, tables
from sync.ledger.backend import Mode
from sync.ledger.migrations import VERSION_TABLE
from tests.ledger_suite.factories import AT, PROFILE, make_operations
from tests.ledger_suite.statements import statements_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.domain.plan import Operation


def read(ledger: Ledger, mode: Mode, statement: str) -> object:
    with ledger._database.transaction(mode) as connection:
        return connection.exec_driver_sql(statement).scalar()


def write(ledger: Ledger, statement: str) -> None:
    with ledger._database.transaction(Mode.DURABLE) as connection:
        connection.exec_driver_sql(statement)


async def test_state_outlives_closing(shared_url: str) -> None:
    async with await Ledger.open(shared_url) as ledger:
        run = await ledger.start_run(PROFILE, "migrate", AT)
        await ledger.intend(run, make_operations(2), AT)
    async with await Ledger.open(shared_url) as ledger:
        rows = await ledger.unsettled(PROFILE)
    assert [row.operation for row in rows] == make_operations(2)


@contextmanager
def migrated_step_by_step(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make new tables as those of an old state come to be what they are."""
    with monkeypatch.context() as patch:
        patch.setattr(tables, "create", lambda _connection: False)
        yield


@pytest.mark.parametrize("is_new", [True, False])
async def test_new_or_migrated_the_tables_are_exactly_those_of_the_program(
    url: str, monkeypatch: pytest.MonkeyPatch, *, is_new: bool
) -> None:
    way = nullcontext() if is_new else migrated_step_by_step(monkeypatch)
    with way:
        ledger = await Ledger.open(url)
    differences = await ledger._in_thread(lambda: _compare(ledger))
    await ledger.close()
    assert differences == []


async def test_new_tables_are_those_that_the_migrations_make(
    shared_url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = await _made(shared_url)
    if shared_url.startswith("sqlite"):
        request.getfixturevalue("tmp_path").joinpath("state.db").unlink()
    else:
        request.getfixturevalue("postgres").empty()
    with migrated_step_by_step(monkeypatch):
        assert new == await _made(shared_url)


async def _made(url: str) -> set[str]:
    """Return all that the database says of its tables, in no order of their columns."""
    async with await Ledger.open(url) as ledger:
        return await ledger._in_thread(lambda: _described(ledger))


def _described(ledger: Ledger) -> set[str]:
    with ledger._database.transaction(Mode.READ) as connection:
        seen = inspect(connection)
        found = set()
        for table in seen.get_table_names():
            found |= {f"{table} {column}" for column in seen.get_columns(table)}
            found |= {f"{table} {index}" for index in seen.get_indexes(table)}
            found |= {f"{table} {key}" for key in seen.get_foreign_keys(table)}
            found |= {f"{table} {once}" for once in seen.get_unique_constraints(table)}
            # Its name may be that of a table which was renamed later.
            key = seen.get_pk_constraint(table)["constrained_columns"]
            found.add(f"{table} is found by {key}")
        if connection.dialect.name == "sqlite":
            made = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master")
            found |= {name for name, sql in made if sql and "WITHOUT ROWID" in sql}
        return found


def _compare(ledger: Ledger) -> list[object]:
    with ledger._database.transaction(Mode.READ) as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, tables.metadata))


async def test_the_tables_of_the_version_before_are_brought_up_to_date(
    shared_url: str,
) -> None:
    older = "UPDATE t2d_version SET version_num = '0001'"
    column = "ALTER TABLE t2d_operation DROP COLUMN before_at"
    async with await Ledger.open(shared_url) as ledger:
        run = await ledger.start_run(PROFILE, "migrate", AT)
        await ledger.intend(run, make_operations(2), AT)
        rows = await ledger.rows(PROFILE)
        epoch = "ALTER TABLE t2d_holder DROP COLUMN epoch"
        for statement in ("DROP TABLE t2d_title", column, epoch, older):
            await ledger._in_thread(partial(write, ledger, statement))
    async with await Ledger.open(shared_url) as ledger:
        assert await ledger.histories(PROFILE) == []
        assert await ledger.rows(PROFILE) == rows


async def test_a_newer_version_is_refused_and_left_alone(shared_url: str) -> None:
    async with await Ledger.open(shared_url) as ledger:
        await ledger.put_fact(PROFILE, "watermark", 1, AT)
        newer = "UPDATE t2d_version SET version_num = '9999'"
        await ledger._in_thread(lambda: write(ledger, newer))
    with pytest.raises(StateError, match="from a newer version") as caught:
        await Ledger.open(shared_url)
    assert "Update trakt2discovr" in caught.value.remedy
    assert "://" not in str(caught.value)


@pytest.mark.parametrize("is_new", [True, False])
async def test_what_fails_half_way_leaves_nothing(
    shared_url: str, monkeypatch: pytest.MonkeyPatch, *, is_new: bool
) -> None:
    stray = Ledger(shared_url)
    await stray._in_thread(lambda: write(stray, "CREATE TABLE t2d_show (id INTEGER)"))
    way = nullcontext() if is_new else migrated_step_by_step(monkeypatch)
    with way, pytest.raises(StateError, match=r"damaged|lost the version") as caught:
        await Ledger.open(shared_url)
    assert isinstance(caught.value.__cause__, DBAPIError)
    await stray._in_thread(lambda: write(stray, "DROP TABLE t2d_show"))
    await stray.close()
    async with await Ledger.open(shared_url) as ledger:
        assert await ledger.runs(PROFILE) == []


async def test_to_open_what_is_up_to_date_takes_one_select(file_url: str) -> None:
    await _open_and_close(file_url)
    ledger = Ledger(file_url)
    statements = await statements_of(ledger)
    await ledger._in_thread(ledger._database.open)
    await ledger.close()
    assert statements[:-1] == ["BEGIN", "SELECT version_num FROM t2d_version"]


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import sync.ledger", {"sqlalchemy", "filelock"}),
        ("asyncio.run(sync.ledger.Ledger.open(sys.argv[1]))", {"alembic", "psycopg"}),
    ],
)
async def test_nothing_heavy_is_imported_before_it_is_needed(
    file_url: str, code: str, heavy: set[str]
) -> None:
    await _open_and_close(file_url)
    verdict = f"sys.exit(bool({heavy!r} & set(sys.modules)))"
    script = f"import asyncio, sys, sync.ledger\n{code}\n{verdict}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, file_url
    )
    assert await process.wait() == 0


async def test_all_but_settlements_and_cached_shows_is_synced_to_the_disk(
    file_url: str,
) -> None:
    async with await Ledger.open(file_url) as ledger:
        run = await ledger.start_run(PROFILE, "migrate", AT)
        (operation,) = make_operations(1)
        statements = await statements_of(ledger)
        synced = {}
        for name, call in {
            "start": ledger.start_run(PROFILE, "sync", AT),
            "intend": ledger.intend(run, [operation], AT),
            "settle": ledger.settle(run, [(operation.id, Outcome.APPLIED, "")], AT),
            "undo": ledger.mark_undone(run, [operation.id], AT),
            "fact": ledger.put_fact(PROFILE, "watermark", 1, AT),
            "forget": ledger.delete_fact(PROFILE, "watermark"),
            "show": ledger.put_show("trakt", 1, [], AT, AT),
            "finish": ledger.finish_run(run, AT, "done", {}),
        }.items():
            statements.clear()
            await call
            assert statements[1] == "BEGIN IMMEDIATE"
            synced[name] = statements[0] == "PRAGMA synchronous = FULL"
        journal = "PRAGMA journal_mode"
        assert (
            await ledger._in_thread(lambda: read(ledger, Mode.READ, journal)) == "wal"
        )
    assert {name for name in synced if not synced[name]} == {"settle", "show"}


async def test_postgresql_waits_for_the_disk_where_the_ledger_promises_it(
    postgres_url: str,
) -> None:
    url = f"{postgres_url}?options=-c%20synchronous_commit%3Doff"
    found = {}
    async with await Ledger.open(url) as ledger:
        for mode in (Mode.RELAXED, Mode.DURABLE, Mode.MIGRATE):
            found[mode] = await ledger._in_thread(
                partial(read, ledger, mode, "SHOW synchronous_commit")
            )
    assert found == {Mode.RELAXED: "off", Mode.DURABLE: "on", Mode.MIGRATE: "on"}


async def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    async with (
        await Ledger.open(f"sqlite:///{folder}/state.db") as ledger,
        ledger.profile_lock(PROFILE, command="migrate", at=AT),
    ):
        modes = _read_modes(folder)
    assert modes.pop(".") == 0o700
    assert {"state.db", "state.db-wal"} < modes.keys()
    assert set(modes.values()) == {0o600}


def _read_modes(folder: Path) -> dict[str, int]:
    paths = [folder, *folder.iterdir()]
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in paths
    }


def test_a_path_may_start_at_home() -> None:
    asyncio.run(_open_and_close("sqlite:///~/state.db"))
    assert Path("~/state.db").expanduser().exists()


async def _open_and_close(url: str) -> None:
    async with await Ledger.open(url):
        pass


async def test_calls_at_once_follow_one_another(ledger: Ledger) -> None:
    run = await ledger.start_run(PROFILE, "migrate", AT)
    operations = make_operations(30)

    async def write_one(operation: Operation) -> None:
        await ledger.intend(run, [operation], AT)
        await ledger.settle(run, [(operation.id, Outcome.APPLIED, "")], AT)

    await asyncio.gather(*map(write_one, operations))
    applied = await ledger.rows(PROFILE, outcome=Outcome.APPLIED)
    assert len(applied) == len(operations)


@contextmanager
def locked_by_another_program(url: str) -> Iterator[None]:
    """Keep every write waiting, so that what is under way is known."""
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


async def test_a_cancelled_call_has_happened_whole_or_not_at_all(file_url: str) -> None:
    under_way, queued = make_operations(20)[:10], make_operations(20)[10:]
    async with await Ledger.open(file_url) as ledger:
        run = await ledger.start_run(PROFILE, "migrate", AT)
        has_begun = threading.Event()
        event.listen(
            ledger._database._engine,
            "before_cursor_execute",
            lambda *_: has_begun.set(),
        )
        with locked_by_another_program(file_url):
            tasks = [
                asyncio.create_task(ledger.intend(run, group, AT))
                for group in (under_way, queued)
            ]
            await asyncio.to_thread(has_begun.wait)
            for task in tasks:
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.gather(*tasks)
        rows = await ledger.rows(PROFILE)
    assert [row.operation for row in rows] == under_way


async def test_closing_waits_for_what_is_under_way(file_url: str) -> None:
    ledger = await Ledger.open(file_url)
    run = await ledger.start_run(PROFILE, "migrate", AT)
    with locked_by_another_program(file_url):
        writing = asyncio.create_task(ledger.intend(run, make_operations(3), AT))
        await asyncio.sleep(0)
        closing_ = asyncio.create_task(ledger.close())
        await asyncio.sleep(0)
        assert not closing_.done()
    await closing_
    await writing
    async with await Ledger.open(file_url) as again:
        assert len(await again.rows(PROFILE)) == 3
