"""``--sandbox``: the same settings, pointed at stand-ins on loopback."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from connectors.errors import ConfigError, ServiceError
from sync.config import Settings, data_folder
from sync.ledger import Ledger
from sync.sandbox.account.account import Account
from sync.sandbox.account.sample import sample_account
from sync.sandbox.running import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: Loopback has no limit to keep.
RATE = 500.0
_STATE = "state.sqlite3"
#: Where each of the two rehearsals is kept: of the sample, and of the user's own files.
_SAMPLE, _OWN = "sandbox", "rehearsal"
#: Whose answers are in the ledger, by the names that ``listings`` gives them.
LISTINGS = ("tmdb", "trakt")

#: What of ``[sync]`` does not count in a rehearsal.
NOBODY_IS_TOLD = {"heartbeat": None, "after_migrate": False}


def was_own_rehearsed_last() -> bool:
    """Whether the last thing done was done in the rehearsal of the user's own files."""
    return _changed_at(data_folder() / _OWN) > _changed_at(data_folder() / _SAMPLE)


def was_own_rehearsed() -> bool:
    """Whether the user's own files were ever rehearsed: there are two accounts then."""
    return _changed_at(data_folder() / _OWN) > 0


@asynccontextmanager
async def open_sandbox(
    settings: Settings, *, is_rehearsal: bool | None
) -> AsyncIterator[Settings]:
    """Start the stand-ins and yield settings that lead to them.

    What is written stays in a folder of its own, so that a second run finds it; a
    rehearsal of the user's own files has another one, and an empty profile to begin
    with. None stands for the one of the two in which something was done last. What is
    set for ``[history]`` counts here too; logins and the real state are not touched. A
    rehearsal of the user's own files knows the air dates that real runs have asked for.
    Nobody is told of a rehearsal, and it waits for no migration.
    """
    if is_rehearsal is None:
        is_rehearsal = was_own_rehearsed_last()
    folder = data_folder() / (_OWN if is_rehearsal else _SAMPLE)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The folder {folder} cannot be made ({error.strerror}).",
            remedy="Set XDG_DATA_HOME or HOME to a folder that may be written to.",
        ) from None
    account = Account(sample_account().titles) if is_rehearsal else None
    url = f"sqlite:///{folder / _STATE}"
    async with Sandbox(account, store_dir=folder) as sandbox:
        sections: dict[str, dict[str, Any]] = {**sandbox.config()}
        if is_rehearsal:
            await _take_along(settings.state.url, url)
            sandbox.tmdb.is_partial = True
        sections["discovr"] |= {"requests_per_second": RATE}
        sections["history"] = settings.history.model_dump()
        sections["sync"] = settings.sync.model_dump() | NOBODY_IS_TOLD
        sections["state"] = {
            "url": url,
            "tokens": folder / "tokens.json",
        }
        yield Settings.model_validate(sections)


@asynccontextmanager
async def rehearsal() -> AsyncIterator[Settings]:
    """Start stand-ins of Trakt, Discovr and TMDB on loopback; yield Settings for them.

    They hold a sample account and a profile with a few entries, and need no login. All
    of it, the state included, is gone at the end: no file of yours is read or written.
    """
    with TemporaryDirectory(prefix="trakt2discovr-") as name:
        folder = Path(name)
        async with Sandbox() as sandbox:
            sections: dict[str, dict[str, Any]] = {**sandbox.config()}
            sections["discovr"] |= {"requests_per_second": RATE}
            sections["state"] = {
                "url": f"sqlite:///{folder / _STATE}",
                "tokens": folder / "tokens.json",
                "copies": folder / "copies",
            }
            yield Settings.model_validate(sections)


def nobody_signed_in(settings: Settings) -> Settings:
    """Return the settings of a rehearsal in which signing in is rehearsed as well."""
    return settings.model_copy(
        update={
            "trakt": settings.trakt.model_copy(
                update={"access_token": None, "refresh_token": None}
            ),
            "discovr": settings.discovr.model_copy(
                update={"refresh_token": None, "profile": None}
            ),
        }
    )


async def _take_along(real: str, rehearsal: str) -> None:
    """Copy the air dates that are known of real shows: the stand-ins know none."""
    try:
        async with await Ledger.open(real, is_read_only=True) as ledger:
            known = {name: await ledger.all_shows(name) for name in LISTINGS}
    except ServiceError:
        return  # of another version, or not to be reached: then without
    async with await Ledger.open(rehearsal) as ledger:
        for name, shows in known.items():
            await ledger.put_shows(name, shows)


def _changed_at(folder: Path) -> int:
    """Return when a run last changed the state there; 0 for never."""
    # A run that was killed leaves its last changes in the log beside the database.
    states = (folder / _STATE, folder / f"{_STATE}-wal")
    return max((s.stat().st_mtime_ns for s in states if s.exists()), default=0)
