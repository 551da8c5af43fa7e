"""What the pipeline asks of a source and of a target.

Bring your own by writing a class with these methods; nothing has to be inherited.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from connectors.errors import ConfigError
from sync.domain.origin import Origin

if TYPE_CHECKING:
    from collections.abc import (
        Awaitable,
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )
    from datetime import datetime

    from sync.domain.entries import Entry
    from sync.domain.files import SourceFile
    from sync.domain.plays import Key, Kind, Play, Title
    from sync.domain.resume import Resume, ResumePoint
    from sync.domain.watermark import Gaps, Stamps

#: Entries on a page of Discovr's list (``list-history``): where more places changed
#: than the list has pages, the list is read.
ENTRIES_A_PAGE = 50
#: So much of a record that cannot be read is kept; records of Trakt are far shorter.
MOST_RAW = 4_000
#: The ``key`` of a record with a legible id begins so, and ends with the id.
HISTORY_ID = "history id"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that is there and cannot be read, set aside.

    ``where`` is its place, the same in every reading of the same source: file and row,
    or the history id. "It" goes before ``reason``. ``raw`` is the record as JSON, cut
    after ``MOST_RAW`` characters; ``title`` and ``kind`` are what it is about, None
    where not even that can be told; ``remedy`` is what its person can do about it.
    ``key`` is the same wherever the record is met again. One that ``is_unsupported``
    was read, and is of a kind that Discovr has no place for.
    """

    where: str
    reason: str
    raw: str = field(default="", repr=False)
    title: Title | None = None
    kind: Kind | None = None
    remedy: str = ""
    key: str = ""
    is_unsupported: bool = False

    @property
    def history_id(self) -> int | None:
        """The id of the play that it stands for, where that is legible."""
        words, _, number = self.key.rpartition(" ")
        return int(number) if words == HISTORY_ID and number.isdecimal() else None

    @property
    def identity(self) -> str:
        """What tells it from other records of its source."""
        if self.key:
            return self.key
        text = self.raw or f"{self.where}: {self.reason}"
        return f"digest {hashlib.sha256(text.encode(errors='replace')).hexdigest()}"


def told_apart(records: Iterable[Quarantined]) -> Iterator[Quarantined]:
    """Give numbers to what is word for word the same: each of them counts."""
    seen: Counter[str] = Counter()
    for record in records:
        key = record.identity.partition(" #")[0]
        seen[key] += 1
        yield replace(record, key=f"{key} #{seen[key]}" if seen[key] > 1 else key)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The proof that an extraction is whole, or the list of what speaks against it.

    ``missing`` names plays that the source counts elsewhere and did not deliver;
    ``doubts`` are sentences. It is proved only when both are empty.
    """

    source: str
    plays: int
    repeats: int = 0
    pages: int = 0
    requests: int = 0
    walks: int = 1
    announced: int | None = None
    missing: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether everything was proved to be there."""
        return not self.missing and not self.doubts


@dataclass(frozen=True, slots=True)
class Extraction:
    """All plays of a source, in any order, each once, with the receipt.

    ``stamps`` are the change stamps of the state that was read, at ``read_at`` by the
    source's clock; None where the source has none. A file is no older than ``read_at``.
    ``gaps`` are the plays that the source counts and that only records which do not
    tell what they are can stand for: hand them back with what was known. ``beside`` are
    so many plays more, of titles that are known to be as they were (``find_even``).
    """

    plays: Sequence[Play] = field(repr=False)
    receipt: Receipt
    quarantined: Sequence[Quarantined] = field(default=(), repr=False)
    stamps: Stamps | None = None
    read_at: datetime | None = None
    gaps: Gaps = field(default_factory=dict, repr=False)
    beside: int = 0

    @property
    def read(self) -> int:
        """How many plays are there, those that cannot be read included."""
        return len(self.plays) + len(self.quarantined) + self.beside


class Source(Protocol):
    """Where plays come from.

    It may have a ``name`` for people to read, which is that of its class otherwise, and
    a ``label`` for the entries that it brings, which is its name in small letters
    otherwise: see ``NamedSource``.
    """

    async def extract(self, on_page: Callable[[int, int], None]) -> Extraction:
        """Read all plays; ``on_page(done, total)`` is called after each page."""


class NamedSource(Source, Protocol):
    """A source that says what it is called; two sources never share a label."""

    @property
    def name(self) -> str:
        """What reports and messages call it."""

    @property
    def label(self) -> str | None:
        """What its entries carry as ``imported``; if None, it is made of the name."""


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """One thing that a source looked at; with a ``remedy`` it is a problem."""

    name: str
    text: str
    remedy: str = ""


@runtime_checkable
class CheckedSource(Source, Protocol):
    """A source that can look at itself: its login, and whether it can be reached."""

    async def check(self) -> Sequence[SourceCheck]:
        """Look, and change nothing. What it raises as a ServiceError is a problem."""


@runtime_checkable
class EagerSource(Source, Protocol):
    """A source that hands plays on while it is still reading."""

    def hand_on(self, take: Callable[[Sequence[Play]], None]) -> None:
        """Give ``take`` the plays of each page of the next ``extract``.

        They are a first glance: some may come twice, or not count in the end.
        """


@runtime_checkable
class IncrementalSource(Source, Protocol):
    """A source that can tell cheaply whether, and what, has changed."""

    async def stamps(self) -> Stamps:
        """Return the change stamps of now: equal ones mean that nothing has changed."""

    async def extract_changes(
        self,
        known: Extraction,
        stamps: Stamps,
        moved: Collection[Kind],
        on_page: Callable[[int, int], None],
    ) -> Extraction:
        """Return all plays as of now, given those of an earlier reading.

        ``stamps`` are those of now, ``moved`` the kinds whose plays may have changed.
        It is proved like a whole reading, and is one where nothing less proves it.
        """


@runtime_checkable
class SelectiveSource(IncrementalSource, Protocol):
    """A source that can tell what has not changed without the plays of before.

    One that a library's caller brings is not asked: it is given all plays, always.
    """

    def fingerprint(self, plays: Sequence[Play]) -> str | None:
        """Return what stands for all plays of one title; None where nothing can.

        It says as much as ``find_even`` can see, and is kept from run to run.
        """

    async def find_even(
        self,
        fingerprints: Mapping[str, str],
        read_at: datetime,
        moved: Collection[Kind],
        on_page: Callable[[int, int], None],
    ) -> Collection[str]:
        """Return those of these titles of which nothing changed, by ``title_key``.

        ``read_at`` is when they were as their fingerprints say. The next
        ``extract_changes`` is given no plays of what is returned, and returns none;
        how many there are it is told as ``beside``, and hands back, unless it reads
        everything.
        """


@runtime_checkable
class OwnedSource(Protocol):
    """A source that can tell whose plays it reads.

    One that cannot, and is no IncrementalSource, is taken for files of anybody: what
    they hold stays, whatever another reading lacks.
    """

    async def owner(self) -> frozenset[str]:
        """Return names of the account; empty where nobody can tell.

        Each begins with what it is: ``uuid:`` or ``name:``. Called after ``extract``.
        """


@runtime_checkable
class SignedInSource(Protocol):
    """A source that reads by a login, which belongs to one account."""

    def login_mark(self) -> str | None:
        """Return what tells that login from any other, and is no secret.

        It outlives a renewal. None where nobody can tell. Called after ``extract``.
        """


@runtime_checkable
class RereadingSource(Protocol):
    """A source that can try again to read what it could not read before."""

    def reread(
        self, records: Sequence[Quarantined]
    ) -> tuple[list[Play], list[Quarantined]]:
        """Read each from its raw form; return the plays, and what stays unreadable."""


@runtime_checkable
class StoredSource(Protocol):
    """A source that lies in files here: later commands read them again unasked."""

    async def files(self) -> Sequence[SourceFile]:
        """Return them as they are now."""


class Target(Protocol):
    """Where entries go: one profile.

    Nobody tells it the label of the source: whoever makes it knows, and hands it over.
    Trakt's, of the API and of downloads, is ``trakt``; that of another source is its
    ``label``. By what it lists as ``imported`` a run knows its own entries again.
    """

    async def open_profile(self) -> str:
        """Sign in if need be; return an id of the profile that never changes."""

    async def read_history(self, on_page: Callable[[int], None]) -> list[Entry]:
        """Read every entry of the profile; ``on_page(entries so far)``."""

    async def read_title(self, media: str, season: int | None) -> list[Entry]:
        """Read every entry of one film, or of one season of a show.

        A RejectedError or ContractError is about this title alone, and stops no other.
        """

    async def add(self, key: Key, watched_at: datetime) -> None:
        """Append a completed entry with the label of the source. Not idempotent."""

    async def set_progress(self, key: Key, progress: int) -> None:
        """Set the progress of one explicit entry, creating it if absent."""

    async def remove(self, key: Key) -> None:
        """Remove the entries of one key. Its granularity is undocumented."""


@runtime_checkable
class RestoringTarget(Target, Protocol):
    """A target that takes an entry back as it was; ``restore`` needs one."""

    async def add_entry(self, entry: Entry) -> None:
        """Append it with its own progress, label and time. Not idempotent.

        Without a time the service dates it. Its ``count`` and ``created_at`` cannot be
        sent.
        """


@runtime_checkable
class NamedTarget(Target, Protocol):
    """A target that says which service it writes to, and what its profile is called.

    Copies of the profile note both. One that does not goes by the name of its class.
    """

    @property
    def address(self) -> str:
        """Where the service is; never a secret."""

    @property
    def profile_name(self) -> str | None:
        """What the profile is called, if that is known without asking."""


@runtime_checkable
class RecallingTarget(Target, Protocol):
    """A target that need not look up a profile that it opened before."""

    def recall_profile(self, profile: str) -> None:
        """Take it that the profile wanted has this id, unless it has gone by then."""


@runtime_checkable
class CheckingTarget(Target, Protocol):
    """A target that waits before it sends, and so asks by itself whether it still may.

    Any other is asked for before each call that writes.
    """

    def check_writes(self, check: Callable[[], Awaitable[None]]) -> None:
        """Await ``check`` before each attempt of a write; send nothing if it raises."""


@runtime_checkable
class PlaybackSource(Protocol):
    """A source that knows resume points too; one that does not skips the step."""

    async def resume_points(self) -> tuple[list[ResumePoint], list[Quarantined]]:
        """Return them in any order, with the records that cannot be read.

        Called after ``extract``.
        """


@runtime_checkable
class PlaybackTarget(Protocol):
    """A target that takes resume points too; one that does not skips the step."""

    async def add_resume_point(self, resume: Resume) -> None:
        """Add a title, without naming an episode. Not idempotent."""

    async def set_resume_point(self, resume: Resume) -> None:
        """Set the point of a title; idempotent. NotFoundError: it is not there."""

    async def read_resume_points(self) -> Mapping[Key, float] | None:
        """Return the progress of what is listed; None where that cannot be read."""


def origin_of(source: Source) -> Origin:
    """Return what a source is called."""
    name = _text(getattr(source, "name", None)) or type(source).__name__
    label = _text(getattr(source, "label", None)) or name.lower()
    return Origin(name, label)


def check_methods(bearer: object | None, protocol: type, what: str) -> None:
    """Raise ConfigError if what the caller brought lacks a method of the Protocol."""
    if bearer is None:
        return
    names = [n for n, value in vars(protocol).items() if callable(value)]
    for name in (n for n in names if not n.startswith("_")):
        if not callable(getattr(bearer, name, None)):
            raise ConfigError(
                f"The {what} given ({type(bearer).__name__}) has no method {name}.",
                remedy=f"Add it: {protocol.__name__} in {protocol.__module__} says "
                "what it does.",
            )


def _text(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""
