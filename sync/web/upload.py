"""A download of the person's, taken from the browser and kept for later commands.

It lies in a folder of the program's own under a name of the program's own: of what the
browser calls it, only what it says of the content is looked at; messages call it as the
person does. There is one at a time.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aiohttp import BodyPartReader

from connectors.errors import InputError
from connectors.files import PRIVATE
from connectors.trakt.export import DEFAULT_LIMITS
from connectors.trakt.export.names import Hint, parse_name, to_printable
from connectors.words import count
from sync.config import KEYRING, data_folder
from sync.errors import UnwritableError
from sync.extract.files import FileSource
from sync.extract.remembered import note_files, recall_files
from sync.ledger import Ledger
from sync.ledger.fact_names import EVERYONE, recall_profile
from sync.web.guard import BROKEN

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from aiohttp import MultipartReader

    from connectors.clock import Clock
    from sync.config import Settings
    from sync.ports import Extraction

T = TypeVar("T")

#: The field of the form that holds the file.
FIELD = "file"
_CHUNK = 1 << 18
#: So many fields may stand before it; ours has the token alone.
_MOST_FIELDS = 8
#: A browser that sends nothing for so long has gone, or wants to hold us up.
_LONGEST_PAUSE_S = 60.0
_NEW, _KEPT = "new-", "download-"
_ZIP = b"PK"
#: What a name may end with here; what a file is, its content tells.
_SUFFIXES = frozenset({".json", ".csv", ".tsv", ".txt"})
_SAID = {"movie": "history-movies", "episode": "history-shows"}
_AGAIN = "Choose the file once more, and leave the page open until it is there."
_WHAT = (
    "Choose the file that Trakt's settings export under Data, named like "
    "trakt-export-me.zip, as it is; or a JSON or CSV file of a history."
)
#: What is no text: a picture, a film, a program.
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_OTHER_TEXT = (b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b")
#: Where a page has a file chosen, a command has it named.
_ACTS = (
    (re.compile(r"\bname (?=that\b|what comes out\b)"), "choose "),
    (re.compile(r"; or take (?:it|the file) away(?=\.)"), ""),
    (re.compile(r"\brun it again\b"), "try again"),
)
_OTHER_ACT = re.compile(r"\bname (?!the column\b)|\bpath\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Upload:
    """A download that is kept, and what was found in it."""

    path: Path
    extraction: Extraction


def uploads_folder(settings: Settings) -> Path:
    """Return where uploads are kept: beside the logins, where these are a file."""
    tokens = settings.state.tokens
    folder = data_folder() if tokens == KEYRING else tokens.parent
    return folder / "uploads"


def kept(folder: Path) -> Path | None:
    """Return the download that is kept there, if any."""
    return next(iter(sorted(folder.glob(f"{_KEPT}*/*"))), None)


async def receive(parts: MultipartReader, folder: Path, clock: Clock) -> Upload:
    """Take the file of a form whose token was read, in the place of the one before.

    Raises InputError for what is no download, and keeps nothing of it.
    """
    part = await _find(parts)
    try:
        place = await asyncio.to_thread(_make_place, folder)
        try:
            path = await _store(part, place)
            try:
                extraction = await FileSource((path,), clock).extract(_nobody)
            except InputError as error:
                raise _as_chosen(error, path.name, part.filename or "") from None
            return Upload(
                await asyncio.to_thread(_replace, folder, path, place), extraction
            )
        finally:
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
    except OSError as error:
        raise UnwritableError(error) from None


async def remove(settings: Settings, clock: Clock) -> None:
    """Remove the download that is kept, and forget that it was the source."""
    folder = uploads_folder(settings)
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    url, name = settings.state.url, settings.discovr.profile
    remembered = await recall_files(url, name)
    if remembered and any(path.is_relative_to(folder) for path in remembered.paths):
        async with await Ledger.open(url) as ledger:
            profile = await recall_profile(ledger, name)
            await note_files(ledger, profile or EVERYONE, (), clock.now())


def _make_place(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=_NEW, dir=folder))


async def _find(parts: MultipartReader) -> BodyPartReader:
    """Return the field with the file. Raises InputError where there is none."""
    for _ in range(_MOST_FIELDS):
        part = await _in_time(parts.next())
        if not isinstance(part, BodyPartReader):
            break
        if part.name == FIELD and part.filename:
            return part
    raise InputError("No file was chosen.", remedy=_WHAT)


async def _store(part: BodyPartReader, place: Path) -> Path:
    """Write what comes to a private file. Raises InputError for too much."""
    start = await _read(part)
    if not start:
        raise InputError("The file is empty.", remedy=_WHAT)
    if _NO_TEXT.search(start) and not start.startswith((_ZIP, *_OTHER_TEXT)):
        raise InputError(
            f"{_shown(part.filename or '')} is no download from Trakt.",
            remedy="That is a zip named like trakt-export-me.zip.",
        )
    most = DEFAULT_LIMITS.total_bytes
    if not start.startswith(_ZIP):
        most = DEFAULT_LIMITS.member_bytes
    path = place / _name(part.filename or "", is_zip=start.startswith(_ZIP))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(handle, "wb") as file:
        size, piece = 0, start
        while piece:
            size += len(piece)
            if size > most:
                raise InputError(
                    f"The file is larger than {count(most, 'byte')}, as no download "
                    "from Trakt is.",
                    remedy=_WHAT,
                )
            await asyncio.to_thread(file.write, piece)
            piece = await _read(part)
    return path


async def _read(part: BodyPartReader) -> bytes:
    return await _in_time(part.read_chunk(_CHUNK))


async def _in_time(piece: Awaitable[T]) -> T:
    """Return the next piece of an upload. Raises InputError where there comes none."""
    try:
        async with asyncio.timeout(_LONGEST_PAUSE_S):
            return await piece
    except TimeoutError:
        problem = "The upload stood still for too long"
    except (*BROKEN, ConnectionError):
        problem = "The upload was broken off"
    raise InputError(f"{problem}; nothing of it is kept.", remedy=_AGAIN)


def _name(given: str, *, is_zip: bool) -> str:
    """Choose one of few names, by what the given one says of the content."""
    if is_zip:
        return "download.zip"
    said = parse_name(given)
    stem = _SAID.get(said.kind or "", "history")
    if said.kind is None and said.hint is not Hint.HISTORY:
        stem = "download"
    return f"{stem}{said.suffix if said.suffix in _SUFFIXES else '.json'}"


def _shown(given: str) -> str:
    """Return the name that the person knows, without the folders before it."""
    base = re.split(r"[/\\]", given)[-1].strip()
    return to_printable(base) if any(c.isalnum() for c in base) else "This file"


def _as_chosen(error: InputError, name: str, given: str) -> InputError:
    """Say what is wrong with a file as its person knows it, on a page."""
    message, remedy = error.message.replace(name, _shown(given)), error.remedy
    for act, instead in _ACTS:
        message, remedy = act.sub(instead, message), act.sub(instead, remedy)
    return InputError(message, remedy=_WHAT if _OTHER_ACT.search(remedy) else remedy)


def _replace(folder: Path, path: Path, place: Path) -> Path:
    """Keep the new one, and nothing else."""
    target = folder / f"{_KEPT}{place.name.removeprefix(_NEW)}"
    place.rename(target)
    for other in folder.iterdir():
        if other != target:
            with suppress(OSError):
                shutil.rmtree(other)
    return target / path.name


def _nobody(_done: int, _total: int) -> None:
    """Listen to no progress: a file is read in a moment."""
