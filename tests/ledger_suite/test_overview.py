"""Looking at a state database: what it is and who holds it, without a change to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sync.ledger import BusyError, Holder, Ledger, Outcome, StateError, migrations
from sync.ledger.migrations import HEAD
from tests.ledger_suite.factories import AT, PROFILE, later, make_operations

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.postgres import PostgresServer


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def run_sql(url: str, statement: str) -> None:
    with closing(sqlite3.connect(path_of(url))) as connection, connection:
        connection.execute(statement)


def _server_of(url: str) -> str:
    server = url.partition("@")[2].partition("/")[0]
    return f"postgres on {server}"


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.iterdir()}


async def make_state(url: str, writes: int = 5) -> int:
    async with await Ledger.open(url) as ledger:
        run = await ledger.start_run(PROFILE, "migrate", AT)
        await ledger.intend(run, make_operations(writes), AT)
        return run


async def test_a_look_says_what_the_database_is(shared_url: str) -> None:
    await make_state(shared_url)
    async with Ledger(shared_url, is_read_only=True) as ledger:
        facts = await ledger.describe()
        await ledger.check()
    assert facts.is_current
    assert facts.version == HEAD
    assert ledger.kind in (facts.software or "")
    assert facts.size_bytes is not None
    assert facts.size_bytes > 1000
    assert ledger.place in (str(path_of(shared_url)), _server_of(shared_url))


async def test_a_look_creates_nothing(file_url: str, tmp_path: Path) -> None:
    for url in (file_url, f"sqlite:///{tmp_path}/deep/down/state.db", "sqlite://"):
        async with Ledger(url, is_read_only=True) as ledger:
            facts = await ledger.describe()
            if url != "sqlite://":
                with pytest.raises(StateError, match="cannot be opened"):
                    await ledger.profiles()
        assert facts.software is None
        assert not facts.is_current
    assert files_in(tmp_path) == {}


async def test_a_look_at_an_empty_database_leaves_it_empty(shared_url: str) -> None:
    if shared_url.startswith("sqlite"):
        path_of(shared_url).touch()
    for _ in range(2):
        async with Ledger(shared_url, is_read_only=True) as ledger:
            facts = await ledger.describe()
        assert facts.software is not None
        assert (facts.version, facts.is_current) == (None, False)


@pytest.mark.parametrize(
    "change",
    [
        lambda ledger: ledger.put_fact(PROFILE, "name", 1, AT),
        lambda ledger: ledger.start_run(PROFILE, "migrate", AT),
    ],
)
async def test_a_look_cannot_write(
    shared_url: str, change: Callable[[Ledger], Any]
) -> None:
    await make_state(shared_url)
    async with Ledger(shared_url, is_read_only=True) as ledger:
        with pytest.raises(StateError, match="cannot be written to"):
            await change(ledger)


async def test_a_look_leaves_the_file_as_it_was(file_url: str, tmp_path: Path) -> None:
    await make_state(file_url)
    before = files_in(tmp_path)
    async with Ledger(file_url, is_read_only=True) as ledger:
        await ledger.describe()
        await ledger.check()
        await ledger.check_free(PROFILE)
    assert files_in(tmp_path) == before


async def test_a_look_does_not_migrate_and_does_not_fail_on_older_tables(
    file_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_state(file_url)
    # To a program of tomorrow these tables are the older ones.
    monkeypatch.setattr("sync.ledger.database.HEAD", "9999")
    async with Ledger(file_url, is_read_only=True) as ledger:
        facts = await ledger.describe()
    assert (facts.version, facts.is_current) == (HEAD, False)


async def test_a_look_refuses_the_tables_of_a_newer_program(file_url: str) -> None:
    await make_state(file_url)
    run_sql(file_url, "UPDATE t2d_version SET version_num = '9999'")
    async with Ledger(file_url, is_read_only=True) as ledger:
        with pytest.raises(StateError, match="from a newer version"):
            await ledger.describe()


async def test_damage_deep_in_the_file_is_found(file_url: str) -> None:
    await make_state(file_url, writes=200)
    content = bytearray(path_of(file_url).read_bytes())
    content[-4096:-2048] = b"\xff" * 2048
    path_of(file_url).write_bytes(content)
    async with Ledger(file_url, is_read_only=True) as ledger:
        assert (await ledger.describe()).is_current
        with pytest.raises(StateError, match="is damaged"):
            await ledger.check()


async def test_who_holds_a_profile_is_seen_and_keeps_it(shared_url: str) -> None:
    await make_state(shared_url)
    async with (
        await Ledger.open(shared_url) as runner,
        Ledger(shared_url, is_read_only=True) as looker,
    ):
        await looker.check_free(PROFILE)
        async with runner.profile_lock(PROFILE, command="migrate", at=AT):
            for _ in range(2):
                with pytest.raises(BusyError) as caught:
                    await looker.check_free(PROFILE)
                assert caught.value.holder == Holder.here("migrate", AT)
            await looker.check_free("p-2")
        await looker.check_free(PROFILE)
        async with runner.profile_lock(PROFILE, command="undo", at=AT):
            pass


async def test_in_memory_who_holds_a_profile_is_seen_too() -> None:
    async with await Ledger.open("sqlite://") as ledger:
        async with ledger.profile_lock(PROFILE, command="migrate", at=AT):
            with pytest.raises(BusyError):
                await ledger.check_free(PROFILE)
        await ledger.check_free(PROFILE)


async def test_what_a_killed_run_left_holds_nothing(
    file_url: str, tmp_path: Path
) -> None:
    async with await Ledger.open(file_url) as ledger:
        async with ledger.profile_lock(PROFILE, command="migrate", at=AT):
            (holder,) = (f for f in files_in(tmp_path) if f.suffix == ".holder")
            left = holder.read_bytes()
        holder.write_bytes(left)
        await ledger.check_free(PROFILE)
        async with ledger.profile_lock(PROFILE, command="migrate", at=AT):
            pass


async def test_the_version_of_a_server_that_is_down_is_not_known(
    postgres: PostgresServer, postgres_url: str
) -> None:
    gone = postgres_url.replace(f":{postgres.port}/", ":1/")
    async with Ledger(gone, is_read_only=True) as ledger:
        with pytest.raises(StateError, match="cannot be reached"):
            await ledger.describe()


async def test_profiles_outcomes_and_times_are_counted(ledger: Ledger) -> None:
    assert await ledger.profiles() == []
    first = await ledger.start_run(PROFILE, "migrate", AT)
    operations = make_operations(4)
    await ledger.intend(first, operations, AT)
    outcomes = [
        (operations[0].id, Outcome.APPLIED, ""),
        (operations[1].id, Outcome.UNKNOWN, "timeout"),
    ]
    await ledger.settle(first, outcomes, AT)
    await ledger.start_run("p-2", "migrate", later(1))
    await ledger.put_fact(PROFILE, "probed", True, later(2))  # noqa: FBT003  # a value
    assert await ledger.profiles() == ["p-2", PROFILE]
    assert await ledger.count_outcomes(PROFILE) == {
        Outcome.PENDING: 2,
        Outcome.APPLIED: 1,
        Outcome.REJECTED: 0,
        Outcome.UNKNOWN: 1,
    }
    assert await ledger.fact_times(PROFILE) == {"probed": later(2)}


async def test_what_was_taken_back_since_is_known_by_run_and_in_order(
    ledger: Ledger,
) -> None:
    operations = make_operations(4)
    runs = []
    for number in range(3):
        runs.append(await ledger.start_run(PROFILE, "migrate", later(number)))
        await ledger.intend(runs[-1], operations, later(number))
        outcomes = [(one.id, Outcome.APPLIED, "") for one in operations[:3]]
        await ledger.settle(runs[-1], outcomes, later(number))
    first, second, third = runs
    ids = {one.id for one in operations[:3]}
    assert await ledger.taken_back(PROFILE, AT) == {}
    await ledger.mark_undone(first, ids, later(10))
    await ledger.mark_undone(third, {operations[0].id}, later(20))
    await ledger.mark_undone(second, ids, later(30))
    taken = await ledger.taken_back(PROFILE, AT)
    assert [*taken.items()] == [(first, 0), (third, 2), (second, 0)]
    since = await ledger.taken_back(PROFILE, later(10))
    assert [*since] == [third, second]
    assert await ledger.taken_back("p-2", AT) == {}


def test_the_version_that_counts_as_current_is_the_newest_migration() -> None:
    # Otherwise each opening would load the migrations, to find nothing to do.
    folder = Path(migrations.__file__).parent / "versions"
    versions = [path.name for path in folder.glob("v*.py")]
    assert max(versions).startswith(f"v{HEAD}_")
