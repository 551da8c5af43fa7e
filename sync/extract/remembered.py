"""The files that a profile was last filled from: noted by a run, found again later.

What ``setup`` was given before anybody signed in waits for the first run.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.errors import InputError
from sync.domain.files import SourceFile
from sync.ledger import Ledger
from sync.ledger.fact_names import EVERYONE, FILES, recall_profile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sync.ports import Source

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the last run of a profile read, or the next one will; never empty."""

    files: tuple[SourceFile, ...]
    at: datetime

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where they are, or were."""
        return tuple(Path(file.path) for file in self.files)

    def gone(self) -> list[Path]:
        """Return those that are not there any more."""
        return [path for path in self.paths if not is_there(path)]

    def changed(self) -> list[Path]:
        """Return those that are there and hold something else now."""
        return [Path(f.path) for f in self.files if _is_another(f)]


def is_there(path: Path) -> bool:
    """Whether there is a file or folder of that name that can be looked at."""
    try:
        return path.exists()
    except OSError:  # a path too long, or a folder that may not be entered
        return False


def require_files(paths: Sequence[Path]) -> None:
    """Refuse what is not there. Raises InputError."""
    for path in paths:
        if not is_there(path):
            raise InputError(
                f"There is no file {path}.",
                remedy="Check where the download was saved, and name it there.",
            )


async def stamp(paths: Sequence[Path]) -> tuple[SourceFile, ...]:
    """Say what files and folders are now; what cannot be looked at is left out."""

    def work() -> Iterator[SourceFile]:
        for path in paths:
            with suppress(OSError):
                yield _stamp(path.absolute())

    return await asyncio.to_thread(lambda: tuple(work()))


async def note_files(
    ledger: Ledger, profile: str, files: Sequence[SourceFile], at: datetime
) -> None:
    """Remember them in the place of what was read before; none: it was no file.

    What waited for a profile has found it, or was passed over.
    """
    if profile != EVERYONE and await ledger.get_fact(EVERYONE, FILES) is not None:
        await ledger.delete_fact(EVERYONE, FILES)
    if not files:
        if await ledger.get_fact(profile, FILES) is not None:
            await ledger.delete_fact(profile, FILES)
        return
    fact = {"at": at.isoformat(), "files": [asdict(file) for file in files]}
    await ledger.put_fact(profile, FILES, fact, at)


async def keep_waiting(
    ledger: Ledger, files: Sequence[SourceFile], at: datetime
) -> None:
    """Remember them until a profile is known; none: nothing waits any more."""
    await note_files(ledger, EVERYONE, files, at)


async def note_source(
    ledger: Ledger, profile: str, source: Source, at: datetime
) -> None:
    """Remember what a run reads: later commands need not be told again."""
    from sync.ports import StoredSource  # noqa: PLC0415  # a look at them needs none

    files: Sequence[SourceFile] = ()
    if isinstance(source, StoredSource):
        files = await source.files()
    await note_files(ledger, profile, files, at)


async def recall_files(url: str, name: str | None) -> Remembered | None:
    """Return what the next run of the profile of that name reads, if files.

    That is what waits for one, else what its last run read.

    Changes nothing. Raises ConfigError for the address of the database, StateError
    where it cannot be read.
    """
    async with Ledger(url, is_read_only=True) as ledger:
        if not (await ledger.describe()).is_current:
            return None
        if waiting := read_fact(await ledger.get_fact(EVERYONE, FILES)):
            return waiting
        profile = await recall_profile(ledger, name)
        return read_fact(await ledger.get_fact(profile, FILES)) if profile else None


def read_fact(fact: Any) -> Remembered | None:
    """Read what ``note_files`` has noted; None is nothing."""
    if not fact:
        return None
    files = tuple(SourceFile(**file) for file in fact["files"])
    return Remembered(files, datetime.fromisoformat(fact["at"]))


def _is_another(file: SourceFile) -> bool:
    path = Path(file.path)
    try:
        status = path.stat()
        if not path.is_dir() and (file.size, file.changed_ns) == (
            status.st_size,
            status.st_mtime_ns,
        ):
            return False
        return _stamp(path).digest != file.digest
    except OSError:  # it is gone, or may not be looked at
        return False


def _stamp(path: Path) -> SourceFile:
    status = path.stat()
    digest = hashlib.sha256()
    for piece in _pieces(path):
        digest.update(piece)
    return SourceFile(
        str(path), status.st_size, status.st_mtime_ns, digest.hexdigest()[:32]
    )


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield what a file holds; of a folder, the names, sizes and times inside."""
    if path.is_dir():
        for inner in sorted(path.rglob("*")):
            if inner.is_file():
                status = inner.stat()
                words = (inner.relative_to(path), status.st_size, status.st_mtime_ns)
                yield repr(tuple(map(str, words))).encode(errors="replace")
        return
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece
