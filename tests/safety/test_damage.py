"""Whatever happens to the state: a clear sentence, exit 2, and nothing doubled."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest

from sync.sandbox.server.server import utc_now
from tests.clocks import FakeClock
from tests.safety.accounts import mixed_account
from tests.safety.arena import Arena, Phase, arena
from tests.safety.program import Ending, Reaper, end, run, start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


@asynccontextmanager
async def half_done(folder: Path, **history: str) -> AsyncIterator[Arena]:
    """Open an arena in which a run was killed in the middle of its writes."""
    account, own = mixed_account(2)
    async with arena(
        account,
        folder,
        own=own,
        history=history,
        clock=FakeClock(utc_now()),
    ) as place:
        reaper = Reaper(7, Phase.DONE, methods=("POST", "PATCH"))
        place.tell(reaper)
        reaper.process = await start(place)
        await end(reaper.process)
        place.tell(None)
        yield place


def state(place: Arena) -> Path:
    return place.folder / "state.sqlite3"


def refused(ending: Ending, *words: str) -> None:
    assert ending.code == 2, ending.stderr
    for word in (*words, "Error: "):
        assert word in ending.stderr.replace("\n", " ")
    assert "Traceback" not in ending.stderr


async def start_anew(place: Arena) -> None:
    """Move the state away, as every remedy says, and run again."""
    for path in place.folder.glob("state.sqlite3*"):
        path.unlink()
    assert (await place.migrate()).is_complete
    assert place.discovr.doubled() == {}
    assert await place.operations() == ()


def overwrite(path: Path) -> None:
    path.write_bytes(b"this is no database " * 400)


def scratch(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for at in range(4096, len(content), 4096):
        content[at : at + 64] = b"\xff" * 64
    path.write_bytes(content)


def make_newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE t2d_version SET version_num = '9999'")


def fold_log_in(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (overwrite, "is not a database, or is damaged"),
        pytest.param(scratch, "is damaged", marks=pytest.mark.long),
        pytest.param(make_newer, "is from a newer version", marks=pytest.mark.long),
    ],
)
async def test_a_state_that_cannot_be_used_is_refused_and_can_be_done_without(
    tmp_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    async with half_done(tmp_path) as place:
        # A log that a killed program left would put everything right again.
        fold_log_in(state(place))
        damage(state(place))
        writes = place.writes()
        refused(await run(place), str(state(place)), words)
        assert place.writes() == writes
        await start_anew(place)


@pytest.mark.parametrize(
    ("collapse", "plays"),
    [
        ("clean", "latest"),
        pytest.param("fewest", "all", marks=pytest.mark.long),
        pytest.param("off", "all", marks=pytest.mark.long),
    ],
)
async def test_a_state_that_is_missing_doubles_nothing(
    tmp_path: Path, collapse: str, plays: str
) -> None:
    async with half_done(tmp_path, collapse=collapse, plays=plays) as place:
        await start_anew(place)
        writes = place.writes()
        await start_anew(place)
        assert place.writes() == writes


@pytest.mark.long
async def test_a_state_locked_by_another_program_is_named(tmp_path: Path) -> None:
    async with half_done(tmp_path) as place:
        url = f"sqlite:///{state(place)}?timeout=0.1"
        with closing(sqlite3.connect(state(place))) as viewer:
            viewer.execute("BEGIN IMMEDIATE")
            writes = place.writes()
            ending = await run(place, TRAKT2DISCOVR_STATE__URL=url)
            refused(ending, "is locked by another program", "Close the program")
            assert place.writes() == writes
        assert (await run(place)).code == 0
        assert place.discovr.doubled() == {}


@pytest.mark.parametrize("blocks", [1, pytest.param(120, marks=pytest.mark.long)])
async def test_a_disk_that_is_full_is_named_and_nothing_is_lost(
    tmp_path: Path, blocks: int
) -> None:
    """A file that may not grow meets the program as a full disk does: at a write."""
    account, own = mixed_account(9)
    async with arena(account, tmp_path, own=own, clock=FakeClock(utc_now())) as place:
        ending = await run(place, most_bytes=blocks * 512)
        refused(ending, "state database", "space")
        await place.migrate()
        assert place.discovr.doubled() == {}
        assert await place.operations() == ()


def garble(path: Path) -> None:
    path.write_text("{", encoding="utf-8")
    path.chmod(0o600)


def open_to_all(path: Path) -> None:
    path.write_text("{}", encoding="utf-8")
    path.chmod(0o644)


def make_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(garble, "is not what this program wrote", marks=pytest.mark.long),
        pytest.param(
            open_to_all,
            "Others on this machine can read the token store",
            marks=pytest.mark.long,
        ),
        pytest.param(make_folder, "cannot be used", marks=pytest.mark.long),
    ],
)
async def test_a_token_store_that_cannot_be_read_is_named(
    tmp_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    async with half_done(tmp_path) as place:
        store = tmp_path / "tokens.json"
        damage(store)
        writes = place.writes()
        stored = {"TRAKT2DISCOVR_DISCOVR__REFRESH_TOKEN": ""}
        refused(await run(place, **stored), str(store), words)
        assert place.writes() == writes
        store.rename(tmp_path / "moved-away")
        assert (await run(place)).code == 0
        assert place.discovr.doubled() == {}
