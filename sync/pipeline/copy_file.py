"""A copy of a profile as a file: written before a run writes, read back by restore."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from connectors.errors import InputError
from connectors.files import replace_file
from sync.documents.copy import (
    CopiedEntryDocument,
    CopiedPlaceDocument,
    CopiedProfileDocument,
    CopyDocument,
)
from sync.domain.entries import Entry
from sync.domain.plays import Key, Place
from sync.errors import UnkeptCopyError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

_FORMAT, _VERSION = "trakt2discovr/copy", 1
#: So many copies of a profile are kept, of all of it and of parts of it.
MOST_KEPT = 5
_NAME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)(-part)?(?:\.(\d+))?\.json")
_REMEDY = "trakt2discovr status names the last copy that was made."


@dataclass(frozen=True, slots=True)
class Copy:
    """A profile as it was; with ``places`` only these films and seasons of it."""

    at: datetime
    service: str
    profile: str
    name: str | None
    command: str
    entries: Sequence[Entry] = field(repr=False)
    places: Collection[Place] | None = None

    @property
    def digest(self) -> str:
        """What tells whether two copies hold the same."""
        digest = hashlib.sha256()
        for line in _lines(self.entries):
            digest.update(line.encode())
        return digest.hexdigest()[:32]

    @property
    def called(self) -> str:
        """The profile, as a person would call it."""
        return f"{self.name} ({self.profile})" if self.name else self.profile


def read_copy(path: Path) -> Copy:
    """Read a copy back. Raises InputError for anything else."""
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        why = f"cannot be read ({error.strerror})"
        raise InputError(f"{path.name} {why}.", remedy=_REMEDY) from None
    except (ValueError, RecursionError):
        raise InputError(
            f"{path.name} is no copy of a profile, or only a part of one.",
            remedy=_REMEDY,
        ) from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise InputError(f"{path.name} is no copy of a profile.", remedy=_REMEDY)
    newer = InputError(
        f"{path.name} was written by a newer version of trakt2discovr.",
        remedy="Update trakt2discovr, and run it again.",
    )
    if content.get("version") != _VERSION:
        raise newer
    try:
        return _read(CopyDocument.model_validate(content))
    except OverflowError:  # a time before all years, or after them
        raise InputError(f"{path.name} is damaged.", remedy=_REMEDY) from None
    except ValidationError as error:
        kinds = {e["type"] for e in error.errors(include_input=False)}
        if kinds == {"extra_forbidden"}:
            raise newer from None
        raise InputError(f"{path.name} is damaged.", remedy=_REMEDY) from None


def _read(document: CopyDocument) -> Copy:
    return Copy(
        at=document.at.astimezone(UTC),
        service=document.service,
        profile=document.profile.id,
        name=document.profile.name,
        command=document.command,
        entries=[_entry(e) for e in document.entries],
        places=None
        if document.places is None
        else tuple(Place(p.media, p.season) for p in document.places),
    )


def write_copy(folder: Path, copy: Copy, *, spare: Path | None = None) -> Path:
    """Write a copy beside the others of its profile, of which the last ones stay.

    ``spare`` is never taken away. Raises UnkeptCopyError.
    """
    mine = folder / _folder_of(copy)
    try:
        mine.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = _new_name(mine, copy)
        replace_file(path, "".join(_text(copy)))
    except OSError as error:
        raise UnkeptCopyError(mine, error) from None
    with suppress(OSError):  # one copy too many does no harm
        _clear(mine, path, is_part=copy.places is not None, spare=spare)
    return path


def check_writable(folder: Path) -> None:
    """Raise UnkeptCopyError where nothing can be written to the folder."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        raise UnkeptCopyError(folder, error) from None


def entry_document(entry: Entry) -> CopiedEntryDocument:
    """Write one entry down."""
    return CopiedEntryDocument.model_validate(_fields(entry))


def _entry(document: CopiedEntryDocument) -> Entry:
    def instant(at: datetime | None) -> datetime | None:
        return at.astimezone(UTC) if at else None

    return Entry(
        Key(document.media, document.season, document.episode),
        updated_at=instant(document.updated_at),
        progress=document.progress,
        imported=document.label,
        count=document.count,
        created_at=instant(document.created_at),
    )


def _fields(entry: Entry) -> dict[str, Any]:
    media, season, episode = entry.key
    return {
        "media": media,
        "season": season,
        "episode": episode,
        "progress": entry.progress,
        "updated_at": _moment(entry.updated_at),
        "label": entry.imported,
        "count": entry.count,
        "created_at": _moment(entry.created_at),
    }


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def _lines(entries: Iterable[Entry]) -> list[str]:
    """Return one line an entry, the same for every order in which they come."""
    lines = [
        (entry.key.order, json.dumps(fields))
        for entry in entries
        for fields in [{k: v for k, v in _fields(entry).items() if v is not None}]
    ]
    return [line for _, line in sorted(lines)]


def _text(copy: Copy) -> Iterator[str]:
    """Write the document by hand: a profile may have a hundred thousand entries."""
    profile = CopiedProfileDocument(id=copy.profile, name=copy.name)
    places = None
    if copy.places is not None:
        in_order = sorted(copy.places, key=lambda place: place.order)
        places = [
            CopiedPlaceDocument(media=p.media, season=p.season).model_dump()
            for p in in_order
        ]
    head = {
        "format": _FORMAT,
        "version": _VERSION,
        "at": _moment(copy.at),
        "service": copy.service,
        "profile": profile.model_dump(),
        "command": copy.command,
        "places": places,
    }
    yield json.dumps(head, indent=1)[:-2] + ',\n "entries": [\n'
    yield ",\n".join(_lines(copy.entries))
    yield "\n ]\n}\n"


def _folder_of(copy: Copy) -> str:
    """Name the folder of a profile, whatever its id is made of."""
    digest = hashlib.sha256(f"{copy.service}|{copy.profile}".encode(errors="replace"))
    words = re.sub(r"[^A-Za-z0-9_-]", "", copy.profile)[:40]
    return f"{words}-{digest.hexdigest()[:8]}".lstrip("-")


def _new_name(folder: Path, copy: Copy) -> Path:
    stamp = f"{copy.at.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}"
    stamp += "" if copy.places is None else "-part"
    path, number = folder / f"{stamp}.json", 1
    while path.exists():
        number += 1
        path = folder / f"{stamp}.{number}.json"
    return path


def _clear(folder: Path, new: Path, *, is_part: bool, spare: Path | None) -> None:
    """Keep the last copies of this kind; the new one stays whatever the clock says."""
    others = []
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if match and bool(match[2]) is is_part and path != new:
            others.append((match[1], int(match[3] or 1), path))
    spared = spare.resolve() if spare else None
    for _, _, path in sorted(others, reverse=True)[MOST_KEPT - 1 :]:
        if path.resolve() != spared:
            path.unlink(missing_ok=True)
