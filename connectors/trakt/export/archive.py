"""Bounded, safe access to what the person named: a zip, a folder or a single file.

Members are read in memory and in pieces; nothing is ever unpacked to disk, and no path
is made from the name of a member.
"""

from __future__ import annotations

import io
import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from connectors.errors import InputError
from connectors.trakt.export.budget import CHUNK
from connectors.trakt.export.names import Hint, parse_name, to_printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from connectors.trakt.export.budget import Budget
    from connectors.trakt.export.names import Name

#: What lies in a folder of these is no history, whatever its name says.
ELSEWHERE = frozenset(
    [
        "list",
        "lists",
        "ratings",
        "watchlist",
        "collection",
        "likes",
        "comments",
        "notes",
        "network",
        "hidden",
        "friends",
        "followers",
        "following",
        "favorites",
    ]
)
#: What zipfile and its decompressors raise on bytes that are not what they claim.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    OverflowError,
)
#: How each member begins in the table of contents.
_ENTRY = b"PK\1\2"
#: The last record of a zip: its mark, and how many members there are (or 0xFFFF).
_END = struct.Struct("<4s6xH10x")


class DamagedError(Exception):
    """One member cannot be read, the others can. The text goes on after its name."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Member:
    """One file. ``container`` tells apart what lies in different places.

    ``read`` works only while the iteration that brought the member stands at it; it
    returns None for what is neither text by its name nor begins like JSON, unless the
    person named that very file. ``stamped_at`` is the local time that an archive gives,
    taken as UTC.
    """

    container: str
    folder: str
    name: Name
    read: Callable[[], bytes | None]
    stamped_at: datetime | None = None

    @property
    def hint(self) -> Hint:
        """What its name says, where the folder fits.

        A list that a person called History is none.
        """
        return Hint.HARMLESS if self.is_elsewhere else self.name.hint

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is a list, or lies among what is no history."""
        place = self.folder.rpartition("/")[2].lower()
        return place in ELSEWHERE or self.name.is_list

    @property
    def is_aside(self) -> bool:
        """Whether it is named as ratings, a list or the like, and not as watched."""
        return self.is_elsewhere or self.name.is_aside


def open_members(path: Path, budget: Budget) -> Iterator[Member]:
    """Yield the members of what ``path`` names, pages in the order of their numbers.

    Raises InputError when it cannot be read at all.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            yield from _walk_folder(path, budget)
        elif not stat.S_ISREG(mode):
            raise InputError(
                f"{label(path)} is neither a file nor a folder.",
                remedy="Save it as a file and name that.",
            )
        elif _is_zip(path):
            yield from _walk_zip(path, budget)
        else:
            yield _to_member(path, str(path.parent), None, budget)
    except OSError as error:
        raise InputError(_explain(path, error), remedy="Check the path.") from None


def label(path: Path) -> str:
    """Return the base name under which messages speak of a path."""
    return to_printable(path.name or path.absolute().name or "The folder")


def _explain(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{label(path)} does not exist."
    if isinstance(error, PermissionError):
        return f"{label(path)} may not be read by this user."
    return f"{label(path)} cannot be read."


def _is_metadata(folders: list[str], base: str) -> bool:
    return "__MACOSX" in folders or base.startswith("._") or base == ".DS_Store"


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        is_packed = file.read(2) == b"PK"  # a spreadsheet is packed as well
        name = parse_name(path.name)
        return (is_packed and not name.is_sheet) or name.suffix == ".zip"


# Single files and folders


def _to_member(
    path: Path, container: str, folder: str | None, budget: Budget
) -> Member:
    """Take one file of a folder, or without ``folder`` one that the person named."""
    name = parse_name(path.name)

    def read() -> bytes | None:
        try:
            with path.open("rb") as file:
                return budget.read(file, name, is_named=folder is None)
        except OSError as error:
            reason = "may not" if isinstance(error, PermissionError) else "cannot"
            raise DamagedError(f"{reason} be read") from None

    return Member(container, folder or "", name, read)


def _walk_folder(root: Path, budget: Budget) -> Iterator[Member]:
    members: list[Member] = []
    packed: dict[Path, Member] = {}
    unreadable: list[OSError] = []
    for here, folders, files in os.walk(root, onerror=unreadable.append):
        folders[:] = [f for f in folders if not f.startswith(".")]
        folder = Path(here).relative_to(root).as_posix()
        for base in files:
            if not _is_metadata(folder.split("/"), base):
                path = Path(here, base)
                member = _to_member(path, str(root), folder, budget)
                members.append(_guard_link(member, path, root))
                if member.name.is_archive and not path.is_symlink():
                    packed[path] = members[-1]
        budget.check_members(len(members), label(root))
    if unreadable:
        raise unreadable[0]
    if not any(member.hint is Hint.HISTORY for member in members):
        # Who saved the download there names the folder, and means what is in it.
        downloads = sorted(path for path in packed if _is_download(path, budget))
        for path in downloads:
            members.remove(packed[path])
            yield from _walk_zip(path, budget)
    yield from sorted(members, key=lambda m: (m.folder, m.name.order))


def _guard_link(member: Member, path: Path, root: Path) -> Member:
    """Keep a member from being read where a link leads out of the folder."""
    if not path.is_symlink() and path.is_file():
        return member
    target = Path(os.path.realpath(path))
    if target.is_file() and target.is_relative_to(os.path.realpath(root)):
        return member

    def refuse() -> bytes | None:
        raise DamagedError("leads out of the folder and was not followed")

    return Member(member.container, member.folder, member.name, refuse)


# Zip archives


def _is_download(path: Path, budget: Budget) -> bool:
    """Whether it is a zip whose table of contents names a history."""
    try:
        with (
            _BoundedFile(path, budget.longest_table) as file,
            zipfile.ZipFile(file) as archive,
        ):
            names = [PurePosixPath(name) for name in archive.namelist()]
    except _DAMAGE:
        return False
    return any(
        parse_name(name.name).hint is Hint.HISTORY
        and name.parent.name.lower() not in ELSEWHERE
        for name in names
    )


class _LongTableError(zipfile.BadZipFile):
    """The table of contents is longer than any that is read; ``members`` are in it."""

    def __init__(self, members: int) -> None:
        super().__init__("table of contents too long")
        self.members = members


class _BoundedFile(io.BufferedReader):
    """A file that refuses large single reads.

    zipfile reads the whole table of contents at once, however long it says it is.
    """

    def __init__(self, path: Path, most: int) -> None:
        super().__init__(io.FileIO(path))
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._most:
            if not self.peek().startswith(_ENTRY):
                raise zipfile.BadZipFile("no table of contents")
            raise _LongTableError(self._count(size))
        return super().read(size)

    def _count(self, size: int) -> int:
        """Count the members of the table that begins here, without holding it."""
        found, end = 0, b""
        while piece := super().read(min(size, CHUNK)):
            size -= len(piece)
            end = end[1 - len(_ENTRY) :] + piece
            found += end.count(_ENTRY)
        return found


def _walk_zip(path: Path, budget: Budget) -> Iterator[Member]:
    with _BoundedFile(path, budget.longest_table) as file:
        try:
            archive = zipfile.ZipFile(file)
        except _LongTableError as error:
            budget.check_members(error.members, label(path))
            raise InputError(
                f"{label(path)} takes too much room to list its files, as no download "
                "from Trakt does.",
                remedy="Make the download again, or unpack it and name the folder.",
            ) from None
        except _DAMAGE:
            raise _damaged(path) from None
        with archive:
            infos = archive.infolist()
            budget.check_members(len(infos), label(path))
            _check_count(archive, file, path)
            members = [_to_zip_member(archive, i, path, budget) for i in infos]
            present = [m for m in members if m is not None]
            yield from sorted(present, key=lambda m: (m.folder, m.name.order))


def _check_count(archive: zipfile.ZipFile, file: IO[bytes], path: Path) -> None:
    """Refuse an archive that announces another number of members than it lists.

    zipfile does not compare, and one wrong byte in the list can hide all that follow.
    """
    file.seek(-_END.size - len(archive.comment), os.SEEK_END)
    mark, announced = _END.unpack(file.read(_END.size))
    if mark == b"PK\5\6" and announced not in (len(archive.infolist()), 0xFFFF):
        raise _damaged(path)


def _damaged(path: Path) -> InputError:
    return InputError(
        f"{label(path)} is damaged, or is no zip archive.",
        remedy="Make the download again and let it finish.",
    )


def _to_zip_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, budget: Budget
) -> Member | None:
    *folders, base = re.split(r"[/\\]+", info.filename)
    is_folder = not base and not info.file_size
    if is_folder or _is_metadata(folders, base):
        return None
    if info.flag_bits & 0x1:
        raise InputError(
            f"{label(path)} is locked with a password.",
            remedy="Unpack it with its password and name the folder.",
        )
    name = parse_name(base)

    def read() -> bytes | None:
        try:
            with archive.open(info) as stream:
                return budget.read(stream, name, packed=info.compress_size)
        except _DAMAGE:
            raise DamagedError("is damaged inside the archive") from None

    folder = to_printable("/".join(folders))
    return Member(str(path), folder, name, read, _stamp(info))


def _stamp(info: zipfile.ZipInfo) -> datetime | None:
    """Return the time of a member; archives without one say 1980."""
    try:
        stamp = datetime(*info.date_time, tzinfo=UTC)
    except ValueError:
        return None
    return stamp if stamp.year >= 2010 else None
