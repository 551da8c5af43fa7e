"""Folders, the token store and the state database: what the program keeps here."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.errors import ServiceError
from sync.checkup.findings import (
    Cause,
    Finding,
    attempt,
    from_error,
    ok,
    problem,
    warning,
)
from sync.config import KEYRING
from sync.extract.remembered import recall_files
from sync.ledger import Ledger
from sync.ledger.sqlite import IN_MEMORY
from sync.wiring.logins import token_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.config import Settings

FOLDER, DATABASE, TOKENS = "state folder", "state database", "token store"
FILES = "download"
_MIB = 2**20
#: The state of 100,000 plays fits many times.
_FEW_BYTES = 200 * _MIB
_TOO_FEW_BYTES = 20 * _MIB
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


async def check_database(settings: Settings) -> list[Finding]:
    """Look at the folder, and at the database itself from end to end."""
    try:
        ledger = Ledger(settings.state.url, is_read_only=True)
    except ServiceError as error:
        return [from_error(DATABASE, error)]
    async with ledger:
        found = await attempt(DATABASE, _look(ledger))
        if ledger.kind != "SQLite" or ledger.place == IN_MEMORY:
            return [found]
        return [*_check_folder(_folder_of(ledger)), found]


async def _look(ledger: Ledger) -> Finding:
    if ledger.place == IN_MEMORY:
        return warning(
            DATABASE,
            "it is in memory, so each run forgets what the one before has written",
            "Name a file in [state] url: sqlite:///PATH",
        )
    facts = await ledger.describe()
    if facts.software is None:
        return ok(DATABASE, f"none yet; the first run makes it at {ledger.place}")
    size = f"{(facts.size_bytes or 0) / _MIB:,.1f} MiB"
    text = f"{facts.software}, {ledger.place}, {size}"
    await ledger.check()
    if facts.version is None:
        return ok(DATABASE, f"{text}, empty: the first run fills it")
    if not facts.is_current:
        return ok(
            DATABASE,
            f"{text}, schema {facts.version}: the next run brings it up to date",
        )
    return ok(DATABASE, f"{text}, schema {facts.version}, undamaged")


async def check_files(settings: Settings) -> list[Finding]:
    """Look whether the files that the last run read are there, and still the same."""
    try:
        remembered = await recall_files(settings.state.url, settings.discovr.profile)
    except ServiceError:
        return []  # the database itself has been looked at
    if remembered is None:
        return []
    named = ", ".join(map(str, remembered.paths))
    read = f"read on {remembered.at:%Y-%m-%d}"
    if gone := remembered.gone():
        return [
            warning(
                FILES,
                f"{', '.join(map(str, gone))}, {read}, is not there any more",
                "Name it where it is now, or name a new download: trakt2discovr "
                "migrate FILE",
            )
        ]
    if remembered.changed():
        remedy = "Carry over what is new in it: trakt2discovr migrate"
        return [warning(FILES, f"{named} has changed since it was {read}", remedy)]
    return [ok(FILES, f"{named}, {read}")]


def _folder_of(ledger: Ledger) -> Path:
    return Path(ledger.place).absolute().parent


def _check_folder(folder: Path) -> Iterator[Finding]:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield problem(
            FOLDER,
            f"{there} cannot be written to",
            "Allow writing to it, or change [state] url.",
            Cause.CONFIG,
        )
        return
    free_bytes = shutil.disk_usage(there).free
    room = f"{free_bytes / _MIB:,.0f} MiB free"
    if free_bytes < _FEW_BYTES:
        find = problem if free_bytes < _TOO_FEW_BYTES else warning
        yield find(FOLDER, f"{there} has only {room}", "Free some space there.")
    elif not _takes_a_log(there):
        yield problem(
            FOLDER,
            f"{there} takes no write-ahead log, as network drives often do not",
            "Name a folder of a local disk in [state] url, or use PostgreSQL.",
            Cause.CONFIG,
        )
    else:
        later = "" if there == folder else f"; the first run makes {folder}"
        yield ok(FOLDER, f"{there} can be written to, {room}{later}")


def _takes_a_log(folder: Path) -> bool:
    """Try it in a database of its own, which is gone again at once."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".doctor-") as place:
        try:
            with closing(sqlite3.connect(Path(place) / "try")) as connection:
                mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()
                connection.execute("CREATE TABLE t (c)")
                connection.commit()
        except sqlite3.Error:
            return False
    return bool(mode == ("wal",))


def check_token_store(settings: Settings) -> list[Finding]:
    """Look at the file with the logins, and at who else can get at it."""
    try:
        store = token_store(settings)
        held = [name for name in ("trakt", "discovr") if store.load(name)]
    except ServiceError as error:
        return [from_error(TOKENS, error)]
    logins = f"logins: {', '.join(held) or 'none'}"
    if settings.state.tokens == KEYRING:
        return [ok(TOKENS, f"{store.place}, {logins}")]
    return list(_check_token_file(store.path, logins))


def _check_token_file(path: Path, logins: str) -> Iterator[Finding]:
    if not path.exists():
        yield ok(TOKENS, f"none yet; the first login makes it at {path}")
        return
    if os.name != "posix":
        yield ok(TOKENS, f"{path}, {logins}")
        return
    folder = path.resolve().parent
    mode = folder.stat().st_mode
    if mode & _WRITABLE_BY_OTHERS and not mode & stat.S_ISVTX:
        yield warning(
            TOKENS,
            f"others on this machine can replace the file in {folder}",
            f"Run: chmod go-w {folder}",
        )
    elif path.stat().st_uid != os.geteuid():
        yield warning(
            TOKENS,
            f"{path} belongs to another user",
            "Run the program as the user who has logged in.",
        )
    elif not os.access(folder, os.W_OK):
        yield warning(
            TOKENS,
            f"{folder} cannot be written to, so a renewed login would be lost",
            "Allow writing to it, or change [state] tokens.",
        )
    else:
        yield ok(TOKENS, f"{path}, only you can read it, {logins}")
