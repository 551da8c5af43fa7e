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
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from connectors.errors import InputError
from connectors.words import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What a browser appends to the second download of one name.
_COPY = re.compile(r" ?\(\d+\)$")
_NUMBERED = re.compile(r"^(?P<series>.*?)[-_ ]?(?<!\d)(?P<page>\d{1,5})$")
#: Backups are often named after the day; that is no page number.
_DATED = re.compile(r"(?:19|20)\d\d[-_.]?\d\d[-_.]?\d\d")
_HISTORY = re.compile(r"(?:^|[^a-z])history(?:$|[^a-z])")
_SCRIPT = re.compile(r"(?:^|[^a-z])history_(?:movies|shows|episodes)$")
_HARMLESS = re.compile(
    r"(?:^|[^a-z])(?:ratings|watchlist|collection|likes|comments|notes|network|hidden"
    r"|playback|user|settings|profile|stats|followers|following|friends|favorites"
    r"|recommendations|recommended|watched[-_](?:movies|shows))(?:$|[^a-z])"
)
#: Named as one of these, and not as what was watched.
_ASIDE = re.compile(
    r"^(?!.*(?:watched|seen|viewed|history|plays|scrobbl))"
    r".*(?<![a-z])(?:ratings?|watchlist|collection|likes|comments|notes|hidden"
    r"|favou?rites|recommendations|recommended)(?![a-z])"
)
#: A list's name is the person's own, and may well say "history".
_LIST = re.compile(r"^(?:lists?)[-_ ]")
#: What lies in a folder of these is no history, whatever its name says.
_ELSEWHERE = frozenset(
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
#: What export tools write into the name: ``export_shows_history``, ``history_movies``.
_SAID = {
    "movie": re.compile(
        r"(?:^|[^a-z])(?:movies|films)(?:$|[^a-z])"
        r"|(?:history|watched|export)[-_ ](?:movie|film)(?:$|[^a-z])"
        r"|(?:^|[^a-z])(?:movie|film)[-_ ](?:history|watched|export)"
    ),
    "episode": re.compile(
        r"(?:^|[^a-z])(?:shows|episodes|series|tv)(?:$|[^a-z])"
        r"|(?:history|watched|export)[-_ ](?:show|episode)(?:$|[^a-z])"
        r"|(?:^|[^a-z])(?:show|episode)[-_ ](?:history|watched|export)"
    ),
}

CHUNK = 1 << 18
#: Below this size no ratio is suspicious: a short page of equal plays packs very well.
_RATIO_FROM = 10_000_000
_TEXT = frozenset({".json", ".txt", ".csv", ".tsv"})
_SMALLER = "Name the download itself, or only the files that hold the history."

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
#: The last record of a zip: its mark, and how many members there are (or 0xFFFF).
_END = struct.Struct("<4s6xH10x")
_SHEETS = frozenset({".xlsx", ".xls", ".ods", ".numbers"})
#: What was packed from history alone, to judge by its name; a zip may be any download.
_PACKED = frozenset({".gz", ".tgz", ".tar", ".7z", ".rar", ".xz", ".bz2"})
_ARCHIVES = frozenset({".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".xz", ".bz2"})


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
        return place in _ELSEWHERE or _LIST.search(self.name.series) is not None

    @property
    def is_aside(self) -> bool:
        """Whether it is named as ratings, a list or the like, and not as watched."""
        return self.is_elsewhere or _ASIDE.search(self.name.series) is not None

    @property
    def is_packed(self) -> bool:
        """Whether it is history that was packed by itself."""
        return self.name.hint is Hint.HISTORY and self.name.suffix in _PACKED

    @property
    def is_sheet(self) -> bool:
        """Whether it is a spreadsheet as a program saves it for itself."""
        return self.name.suffix in _SHEETS

    @property
    def is_archive(self) -> bool:
        """Whether its name says that others are packed inside."""
        return self.name.suffix in _ARCHIVES


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
        suffix = path.suffix.lower()
        return (is_packed and suffix not in _SHEETS) or suffix == ".zip"


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
                if member.is_archive and not path.is_symlink():
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
        and name.parent.name.lower() not in _ELSEWHERE
        for name in names
    )


class _BoundedFile(io.BufferedReader):
    """A file that refuses large single reads.

    zipfile reads the whole table of contents at once, however long it says it is.
    """

    def __init__(self, path: Path, most: int) -> None:
        super().__init__(io.FileIO(path))
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._most:
            raise zipfile.BadZipFile("table of contents too long")
        return super().read(size)


def _walk_zip(path: Path, budget: Budget) -> Iterator[Member]:
    with _BoundedFile(path, budget.longest_table) as file:
        try:
            archive = zipfile.ZipFile(file)
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


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read at most: files, bytes once unpacked, and how well they pack.

    ``held_bytes`` bounds what one file becomes in memory, which no size of it tells.
    """

    members: int = 5_000
    member_bytes: int = 200_000_000
    total_bytes: int = 2_000_000_000
    ratio: int = 200
    held_bytes: int = 1_000_000_000


class Budget:
    """Counts what is read against the limits; one for all paths of a call."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._left = limits.total_bytes

    @property
    def longest_table(self) -> int:
        """How long the table of contents of an archive may be, in bytes."""
        return max(self.limits.members << 10, 4 * CHUNK)

    def check_members(self, members: int, container: str) -> None:
        """Refuse a container of too many files."""
        if members > self.limits.members:
            raise InputError(
                f"{container} holds more than {count(self.limits.members, 'file')}.",
                remedy=_SMALLER,
            )

    def read(
        self,
        stream: IO[bytes],
        name: Name,
        *,
        packed: int | None = None,
        is_named: bool = False,
    ) -> bytes | None:
        """Read a member to its end; ``packed`` is its size inside an archive."""
        pieces: list[bytes] = []
        size = 0
        while piece := stream.read(CHUNK):
            if not (pieces or is_named or _is_promising(name, piece)):
                return None
            pieces.append(piece)
            size += len(piece)
            self._left -= len(piece)
            self._check(size, name, packed)
        return b"".join(pieces)

    def _check(self, size: int, name: Name, packed: int | None) -> None:
        limits = self.limits
        if size > limits.member_bytes:
            raise InputError(
                f"{name.text} is larger than {count(limits.member_bytes, 'byte')}.",
                remedy=_SMALLER,
            )
        if self._left < 0:
            raise InputError(
                f"There is more than {count(limits.total_bytes, 'byte')} to read.",
                remedy=_SMALLER,
            )
        if packed is not None and size > max(_RATIO_FROM, limits.ratio * packed):
            raise InputError(
                f"{name.text} unpacks to over {count(limits.ratio, 'time')} its size, "
                "as no download from Trakt does.",
                remedy="Make the download again.",
            )


def _is_promising(name: Name, start: bytes) -> bool:
    if name.suffix in _TEXT:
        return True
    return start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{")


class Hint(Enum):
    """What a member holds, to judge by its name alone."""

    HISTORY = "history"
    HARMLESS = "nothing that was watched"
    NONE = "anything"


@dataclass(frozen=True, slots=True)
class Name:
    """The base name of a member, taken apart; ``page`` is None without a number."""

    text: str
    suffix: str
    series: str
    page: int | None
    hint: Hint

    @property
    def order(self) -> tuple[str, int, str]:
        """Sorts the pages of one series by their number, not as text."""
        return (self.series, 1 if self.page is None else self.page, self.text)

    @property
    def kind(self) -> str | None:
        """Return what the name says that the plays are of: movie, episode, or None."""
        said = [kind for kind, form in _SAID.items() if form.search(self.series)]
        return said[0] if len(said) == 1 else None

    @property
    def layout(self) -> str:
        """Return the layout in which history goes by this name."""
        if self.series == "watched-history":
            return "flat"
        if self.series == "history" and self.page is not None:
            return "nested"
        return "backup script" if _SCRIPT.search(self.series) else "json"


def parse_name(base: str) -> Name:
    """Take a base name apart."""
    path = PurePosixPath(base)
    stem = _COPY.sub("", path.stem.strip()).lower()
    match = None if _DATED.search(stem) else _NUMBERED.match(stem)
    if match and not _is_numbered(stem, match["series"]):
        match = None
    series, page = (match["series"], int(match["page"])) if match else (stem, None)
    text, suffix = to_printable(base), path.suffix.lower()
    return Name(text, suffix, to_printable(series), page, _hint(stem))


def _is_numbered(stem: str, series: str) -> bool:
    """Whether the number is that of a page: a name stands before it, set apart."""
    is_apart = stem[len(series) : len(series) + 1] in {"-", "_", " "}
    return bool(series) and (is_apart or _HISTORY.search(series) is not None)


def to_printable(text: str) -> str:
    """Return a short form without control characters, fit for a terminal."""
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return shown if len(shown) <= 80 else f"{shown[:79]}…"


def _hint(stem: str) -> Hint:
    if _LIST.search(stem):
        return Hint.HARMLESS
    if _HISTORY.search(stem):
        return Hint.HISTORY
    return Hint.HARMLESS if _HARMLESS.search(stem) else Hint.NONE
