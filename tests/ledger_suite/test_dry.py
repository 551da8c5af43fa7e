"""A state that is opened dry is read, and stays as it is to the last byte."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Inspector, Text, column, inspect, table, update

from sync.ledger import Ledger, StateError
from sync.ledger.backend import Mode
from sync.ledger.migrations import VERSION_TABLE
from tests.ledger_suite.factories import AT, PROFILE, make_operations

if TYPE_CHECKING:
    from sqlalchemy import Connection


def make_another_version(ledger: Ledger, version: str) -> None:
    known = table(VERSION_TABLE, column("version_num", Text))
    with ledger._database.transaction(Mode.DURABLE) as connection:
        connection.exec_driver_sql("DROP TABLE t2d_title")
        connection.execute(update(known).values(version_num=version))


async def tables(url: str) -> set[str]:
    """Return the tables that are there, without opening the state as a ledger does."""

    def read() -> set[str]:
        with ledger._database._connection() as connection:
            return set(_inspector(connection).get_table_names())

    ledger = Ledger(url, is_read_only=True)
    try:
        return await ledger._in_thread(read)
    finally:
        await ledger.close()


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def _inspector(connection: Connection) -> Inspector:
    found: Inspector = inspect(connection)
    return found


async def test_what_is_there_can_be_read_and_not_changed(shared_url: str) -> None:
    async with await Ledger.open(shared_url) as ledger:
        run = await ledger.start_run(PROFILE, "migrate", AT)
        await ledger.intend(run, make_operations(2), AT)
    async with await Ledger.open(shared_url, is_read_only=True) as ledger:
        assert len(await ledger.unsettled(PROFILE)) == 2
        with pytest.raises(StateError):
            await ledger.put_fact(PROFILE, "name", 1, AT)
    async with await Ledger.open(shared_url) as ledger:
        assert await ledger.get_fact(PROFILE, "name") is None


async def test_what_is_not_there_is_made_in_memory(shared_url: str) -> None:
    async with await Ledger.open(shared_url, is_read_only=True) as ledger:
        await ledger.put_fact(PROFILE, "name", 1, AT)
        assert await ledger.get_fact(PROFILE, "name") == 1
    if shared_url.startswith("sqlite"):
        path = Path(shared_url.removeprefix("sqlite:///"))
        assert _files(path.parent) == []
    else:
        assert await tables(shared_url) == set()


@pytest.mark.parametrize("version", ["0001", "9999"])
async def test_the_tables_of_another_version_stay_as_they_are(
    shared_url: str, version: str
) -> None:
    async with await Ledger.open(shared_url) as ledger:
        await ledger._in_thread(lambda: make_another_version(ledger, version))
    before = await tables(shared_url)
    for _ in range(2):
        with pytest.raises(StateError) as caught:
            await Ledger.open(shared_url, is_read_only=True)
        assert "another version" in caught.value.message
        assert "migrate" in caught.value.remedy
    assert await tables(shared_url) == before


async def test_a_file_is_left_to_the_last_byte(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    url = f"sqlite:///{path}"
    async with await Ledger.open(url) as ledger:
        await ledger.put_fact(PROFILE, "name", 1, AT)
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    async with await Ledger.open(url, is_read_only=True) as ledger:
        assert await ledger.get_fact(PROFILE, "name") == 1
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [file.name for file in _files(tmp_path)] == ["state.db"]


async def test_an_empty_file_is_no_state_yet(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch()
    async with await Ledger.open(
        f"sqlite:///{path}?timeout=3", is_read_only=True
    ) as ledger:
        assert await ledger.runs(PROFILE) == []
    assert path.read_bytes() == b""
