"""Reads members into plays: what each one is, what it brings, what stays in doubt."""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pydantic_core

from connectors.decoding import decode, weigh
from connectors.errors import InputError
from connectors.trakt.export.archive import DamagedError, Hint, Limits, to_printable
from connectors.trakt.export.columns import find_unknown_times, has_time
from connectors.trakt.export.documents import Kind, recognise, to_utf8
from connectors.trakt.export.facts import (
    add_errors,
    add_fact,
    add_traktexport,
    read_failures,
)
from connectors.trakt.export.history import (
    Page,
    TraktExport,
    read_items,
    read_page,
    read_traktexport,
    to_traktexport,
)
from connectors.trakt.export.proof import Evidence
from connectors.trakt.export.rows import read_header, read_table
from connectors.trakt.export.watched import Aggregates, read_resume_point, read_watched
from connectors.trakt.sense import UnusableError
from connectors.trakt.set_aside import BadRecord, describe_record
from connectors.words import count

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connectors.trakt.export.archive import Member
    from connectors.trakt.models import HistoryItem, PlaybackItem

    Receive = Callable[[list[HistoryItem]], object]

#: Decoded, a history takes some three times its bytes; what takes many times as much
#: is none, save that it is small anyway.
_MOST_DENSITY, _LIGHT = 16, 30_000_000
REMEDY = (
    "Name the zip from the data settings of the Trakt site, the folder it was unpacked "
    "to, or the JSON or CSV files of a backup."
)

_TABLES = frozenset({".csv", ".tsv"})
#: So many plays ahead of the clock, and 5 % of all, are no slips of the pen.
_MANY = 3
#: A date beyond this year is a slip whatever the clock says.
_NO_CLOCK = 2200
_TIMED = re.compile(rb'"(?:watched_?(?:at|on|date)|date_?watched)"', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Content:
    """What a member holds, and how messages call it."""

    data: bytes
    member: Member
    where: str

    @property
    def should_be_read(self) -> bool:
        """Whether its name promises history, or at least data."""
        is_data = self.member.name.suffix in {".json", *_TABLES}
        return self.member.hint is Hint.HISTORY or is_data

    @property
    def is_timed(self) -> bool:
        """Whether it holds times of watching somewhere."""
        return _TIMED.search(self.data) is not None


class Reader:
    """Takes members one after the other; one that is bad stops no other."""

    def __init__(
        self,
        latest: datetime,
        receive: Receive | None = None,
        held_bytes: int = Limits().held_bytes,
    ) -> None:
        self.latest = latest
        self._held_bytes = held_bytes
        self.evidence = Evidence()
        self.plays = Plays(self.evidence, receive)
        self.aggregates = Aggregates()
        self.pages = 0
        self.recognised = 0
        self.set_aside = 0
        self.layouts: set[str] = set()
        self.quarantined: list[tuple[str, BadRecord]] = []
        self.ahead: list[datetime] = []
        self.playback: list[PlaybackItem] = []
        self.failures: list[str] = []
        self.archives: list[str] = []
        self._seen: set[bytes] = set()
        self._playback_ids: set[int] = set()

    @property
    def progress(self) -> tuple[int, int, int]:
        """Return a value that changes with each file that means something here."""
        return (self.recognised, len(self.failures), len(self.archives))

    def take(self, member: Member, prefix: str = "") -> None:
        """Read one member; ``prefix`` tells its container in messages."""
        where = f"{prefix}{member.name.text}"
        if member.is_archive:
            self.archives.append(where)
            return
        try:
            if (data := member.read()) is not None:
                text = to_utf8(data).lstrip()
                self._take_content(_Content(text, member, where))
        except UnicodeError:
            self._fail(member, where, "is not in UTF-8")
        except DamagedError as error:
            self._fail(member, where, str(error))

    def _fail(self, member: Member, where: str, reason: str) -> None:
        """Note what cannot be read; only what surely is no history leaves no doubt."""
        text = f"{where} {reason}."
        if member.hint is Hint.HISTORY:
            self.evidence.add_page(member.container, member.folder, member.name, None)
        if member.hint is Hint.HARMLESS:
            self.failures.append(text)
            self.evidence.notes.append(text)
        else:
            self.disappoint(text)

    def disappoint(self, text: str) -> None:
        """Note what did not bring the history that it may hold."""
        self.failures.append(text)
        self.evidence.doubts.append(text)

    def _take_content(self, content: _Content) -> None:
        if content.data[:1] not in (b"[", b"{"):
            self._take_table(content)
            return
        weight, size = weigh(content.data), len(content.data)
        if weight > self._held_bytes or weight > max(_LIGHT, _MOST_DENSITY * size):
            raise DamagedError("holds more, and smaller, parts than any history")
        self._take_json(content)

    def _take_json(self, content: _Content) -> None:
        if b'"watched_at"' not in content.data or not self._take_clean(content):
            self._take_document(content)

    def _take_clean(self, content: _Content) -> bool:
        """Take history that needs no closer look, as nearly all needs none."""
        if content.data[:1] == b"[":
            if (page := read_page(content.data, self.latest)) is None:
                return False
            self._add_page(page, content)
            return True
        if b'"history"' not in content.data:
            return False
        if (read := read_traktexport(content.data, self.latest)) is None:
            return False
        self._add_traktexport(*read, content)
        return True

    def _take_document(self, content: _Content) -> None:
        document = _parse(content.data)
        member = content.member
        if member.name.series == "_errors":
            self._add_failures(document)
            return
        kind = recognise(document)
        self.recognised += kind not in (Kind.OTHER, Kind.EMPTY)
        if kind is Kind.HISTORY:
            raw = document if isinstance(document, list) else [document]
            self._add_page(read_items(raw, self.latest, member.name.kind), content)
        elif kind is Kind.TRAKTEXPORT:
            page = read_items(document["history"], self.latest)
            self._add_traktexport(to_traktexport(document), page, content)
        elif kind is Kind.WATCHED:
            self._add_watched(document, content)
        elif kind is Kind.PLAYBACK:
            self._add_playback(document, content)
        elif kind is Kind.EMPTY and member.hint is Hint.HISTORY:
            self._add_page(Page(), content)
        elif kind is Kind.OTHER:
            self._name_unknown(content)
        else:
            add_fact(self.evidence, kind, document, member.container)

    def _add_failures(self, document: Any) -> None:
        if (failures := read_failures(document)) is None:
            raise DamagedError("does not hold what its name says")
        self.recognised += bool(failures)
        add_errors(self.evidence, failures)

    def _name_unknown(self, content: _Content) -> None:
        """Name a document that may be a part of the history and is not read."""
        if content.member.hint is Hint.HISTORY:
            raise DamagedError("does not hold what its name says")
        if content.is_timed and not content.member.is_elsewhere:
            self.disappoint(
                f"{content.where} holds times of watching in a form that is not known "
                "here, so its plays are not read."
            )

    def _take_table(self, content: _Content) -> None:
        if not content.data:
            if content.should_be_read:
                raise DamagedError("is empty")
            return
        try:
            text, known = content.data.decode(), content.member.name
            header = read_header(text)
            if has_time(header):
                page = read_items(read_table(text), self.latest, known.kind)
                self._add_page(page, content, "csv")
            elif content.should_be_read and known.suffix not in _TABLES:
                raise DamagedError("is neither JSON nor a table of plays")
            elif content.should_be_read:
                is_of_plays = known.hint is not Hint.HARMLESS
                for name in find_unknown_times(header, is_of_plays=is_of_plays)[:1]:
                    raise DamagedError(
                        f"has no column watched_at; if {to_printable(name)} is that, "
                        "name it so"
                    )
        except UnicodeError:
            if content.should_be_read:
                raise
        except csv.Error:
            raise DamagedError("is no readable table") from None

    def _add_page(self, page: Page, content: _Content, layout: str = "") -> None:
        self.pages += 1
        self.recognised += 1
        member = content.member
        self.layouts.add(layout or ("rows" if page.is_flat else member.name.layout))
        size = None if layout == "traktexport" else page.size
        self.evidence.add_page(member.container, member.folder, member.name, size)
        if member.stamped_at is not None and member.stamped_at <= self.latest:
            self.evidence.add_stamp(member.container, member.stamped_at)
        if self._is_repeat(content.data):
            self.plays.repeats += len(page.items)
            return
        unit = "row" if layout == "csv" else "item"
        self._quarantine(f"{content.where} {unit}", page.unusable)
        self.set_aside += len(page.unusable)
        self.ahead += page.ahead
        self.evidence.add_untimed(page.untimed)
        if page.others:
            others = count(
                page.others,
                "wish or rating, which is no play",
                "wishes, ratings and the like, which are no plays",
            )
            self.evidence.notes.append(f"{content.where} holds {others}.")
        self.plays.add(page.items)

    def _add_traktexport(
        self, export: TraktExport, page: Page, content: _Content
    ) -> None:
        self._add_page(page, content, "traktexport")
        container = content.member.container
        add_traktexport(self.evidence, export, page.size, content.where, container)

    def _add_watched(self, document: list[Any], content: _Content) -> None:
        items, unusable = read_watched(document)
        self.evidence.add_watched(items)
        if not self._is_repeat(content.data):
            self.aggregates.add(items, content.where, self.latest)
            self.aggregates.unusable += [
                (f"{content.where} item {position}", record)
                for position, record in unusable
            ]

    def _add_playback(self, document: list[Any], content: _Content) -> None:
        unusable: list[tuple[int, BadRecord]] = []
        for position, raw in enumerate(document, 1):
            try:
                point = read_resume_point(raw, self.latest)
            except UnusableError as error:
                unusable.append((position, describe_record(raw, str(error))))
                continue
            if point.id is not None:
                if point.id in self._playback_ids:
                    continue
                self._playback_ids.add(point.id)
            self.playback.append(point)
        self._quarantine(f"{content.where} item", unusable)

    def _quarantine(self, where: str, unusable: list[tuple[int, BadRecord]]) -> None:
        self.quarantined += [
            (f"{where} {number}", record) for number, record in unusable
        ]

    def _is_repeat(self, data: bytes) -> bool:
        """Whether the very same content was read before, under whatever name."""
        digest = hashlib.sha256(data).digest()
        if digest in self._seen:
            return True
        self._seen.add(digest)
        return False


def _parse(data: bytes) -> Any:
    try:
        return pydantic_core.from_json(data)
    except ValueError:
        data.decode()  # a fault in the encoding is named as such
    try:
        return decode(data)
    except (ValueError, RecursionError):
        raise DamagedError("is not valid JSON; it may be cut short") from None


@dataclass(frozen=True, slots=True)
class ExportData:
    """What was read.

    ``items`` are in file order, each id once; plays without an id are all kept, save
    those of a file whose very content was read before. Each of ``doubts`` is a sentence
    on why this may not be the whole history; only without any is it whole.
    ``set_aside`` holds what is there and is no play, with its place. ``owner`` are
    names of the account, none where the files do not all tell the same one.
    """

    items: list[HistoryItem]
    plays: int
    repeats: int
    pages: int
    set_aside: list[tuple[str, BadRecord]]
    doubts: list[str]
    notes: list[str]
    playback: list[PlaybackItem]
    layout: str
    made_at: datetime | None
    owner: frozenset[str] = frozenset()

    @property
    def quarantined(self) -> list[tuple[str, str]]:
        """Place and reason of what is set aside; "it" goes before the reason."""
        return [(place, record.reason) for place, record in self.set_aside]


def conclude(reader: Reader, now: datetime) -> ExportData:
    """Weigh what was read; raises InputError when no plays could be looked for."""
    pages = reader.pages
    evidence, plays = reader.evidence, reader.plays
    if not pages:
        pages = _use_aggregates(reader)
    _check_clock(reader, now)
    evidence.conclude(reader.set_aside)
    if not plays.count and not reader.set_aside and evidence.totals != (0, 0):
        evidence.doubts.append("The history in the files is empty.")
    evidence.notes += [
        f"{name} was not opened; unpack it if it holds history."
        for name in reader.archives
    ]
    return ExportData(
        items=plays.items,
        plays=plays.count,
        repeats=plays.repeats,
        pages=pages,
        set_aside=reader.quarantined,
        doubts=evidence.doubts,
        notes=evidence.notes,
        playback=reader.playback,
        layout=" + ".join(sorted(reader.layouts)),
        made_at=evidence.made_at,
        owner=evidence.owner,
    )


def _check_clock(reader: Reader, now: datetime) -> None:
    """Tell a clock that is wrong from a few dates that are."""
    ahead = [at for at in reader.ahead if at.year < _NO_CLOCK]
    total = reader.plays.count + len(ahead)
    made_at = reader.evidence.made_at
    is_made_ahead = made_at is not None and made_at > now + timedelta(days=1)
    is_many = len(ahead) >= min(_MANY, total) > 1 and len(ahead) * 20 >= total
    if ahead and (is_many or is_made_ahead):
        raise InputError(
            f"{len(ahead):,} of {count(total, 'play is', 'plays are')} dated ahead of "
            f"this machine's clock, which says {now:%Y-%m-%d %H:%M} UTC; the newest is "
            f"of {max(ahead):%Y-%m-%d}. The clock is wrong, so nothing was read.",
            remedy="Set the clock of this machine right, and run it again. If it is "
            "right, correct these dates in the files.",
        )


def _use_aggregates(reader: Reader) -> int:
    """Fall back on the lists of what was watched last: all that is known then."""
    aggregates = reader.aggregates
    if not aggregates.pages:
        raise _nothing(reader)
    reader.layouts.add("watched lists")
    reader.quarantined += aggregates.unusable
    reader.ahead += aggregates.ahead
    reader.set_aside += len(aggregates.unusable)
    reader.plays.add(aggregates.plays)
    reader.evidence.doubts.append(
        "The files hold no history, only lists of what was watched last: rewatches are "
        "not in them."
    )
    if aggregates.seasonless:
        one, many = "show is listed without its", "shows are listed without their"
        shows = count(aggregates.seasonless, one, many)
        reader.evidence.doubts.append(
            f"{shows} seasons, so their episodes cannot be carried over."
        )
    return aggregates.pages


def _nothing(reader: Reader) -> InputError:
    if reader.archives:
        return InputError(
            f"{reader.archives[0]} is an archive that is not opened.",
            remedy="Unpack it, and name the zip or the folder that comes out.",
        )
    reasons = [*reader.failures, *reader.evidence.doubts]
    reason = reasons[0] if reasons else "The files hold no watch history."
    return InputError(reason, remedy=REMEDY)


@dataclass(slots=True)
class Plays:
    """The plays so far; with ``receive`` they are handed on page by page instead."""

    evidence: Evidence
    receive: Receive | None = None
    count: int = 0
    repeats: int = 0
    items: list[HistoryItem] = field(default_factory=list)
    _ids: set[int] = field(default_factory=set)

    def add(self, page: list[HistoryItem]) -> None:
        """Add a page. A play without an id is never taken for a repeat."""
        fresh = self._drop_repeats(page)
        self.repeats += len(page) - len(fresh)
        self.count += len(fresh)
        self.evidence.tally.add(fresh)
        if self.receive is None:
            self.items += fresh
        elif fresh:
            self.receive(fresh)

    def _drop_repeats(self, page: list[HistoryItem]) -> list[HistoryItem]:
        fresh: list[HistoryItem] = []
        for item in page:
            if item.id is None:
                fresh.append(item)
            elif item.id not in self._ids:
                self._ids.add(item.id)
                fresh.append(item)
        return fresh
