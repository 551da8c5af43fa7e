"""Reads members into plays: what each one is, what it brings, what stays in doubt."""

from __future__ import annotations

import csv
import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pydantic_core

from connectors.decoding import decode, weigh
from connectors.trakt.export.archive import DamagedError
from connectors.trakt.export.beside import may_tell_more, tells_more
from connectors.trakt.export.budget import Limits
from connectors.trakt.export.columns import find_unknown_times, has_time, has_times
from connectors.trakt.export.documents import (
    Kind,
    flatten,
    read_lines,
    recognise,
    to_utf8,
)
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
from connectors.trakt.export.names import Hint, to_printable
from connectors.trakt.export.proof import Evidence
from connectors.trakt.export.tables import Table
from connectors.trakt.export.watched import Aggregates, read_resume_point, read_watched
from connectors.trakt.sense import UnusableError
from connectors.trakt.set_aside import BadRecord, describe_error
from connectors.words import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from connectors.trakt.export.archive import Member
    from connectors.trakt.models import HistoryItem, PlaybackItem

    Receive = Callable[[list[HistoryItem]], object]

#: Decoded, a history takes some three times its bytes; what takes many times as much
#: is none, save that it is small anyway.
_MOST_DENSITY, _LIGHT = 16, 30_000_000
#: What a row of a table takes, read or not, in bytes.
_ROW = 2_000
#: Trakt's own plays have no such count.
_COUNTS = (b'"plays"', b'"play_count"', b'"playCount"')
_GZIP = b"\x1f\x8b"
_UNPACK = "Unpack it, and name what comes out."
_MAKE_AGAIN = "Make the download again and let it finish."
_SAVE_AS_UTF8 = 'Save it as UTF-8 (a spreadsheet calls it "CSV UTF-8").'
_SAVE_AS_CSV = "Save it as CSV in UTF-8, or as JSON, and name that; or take it away."
_NAME_THE_FORM = (
    "Bring them into rows with the columns type, title, year, tmdb_id, season, episode "
    "and watched_at; or take the file away."
)
_NAME_THE_COLUMN = "Name the column with the time of watching watched_at."

_TABLES = frozenset({".csv", ".tsv"})
#: A date beyond this year is a slip whatever the clock says.
NO_CLOCK = 2200
#: A time where the names of columns should stand.
_STAMPED = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:")


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


@dataclass(frozen=True, slots=True)
class Aside:
    """A page of plays, and where it stood."""

    where: str
    page: Page
    content: _Content
    table: Table | None


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
        self.is_packed_ahead = False
        self.playback: list[PlaybackItem] = []
        #: Why a member brought nothing, and what its person can do about it.
        self.failures: list[tuple[str, str]] = []
        self.archives: list[str] = []
        self.asides: list[Aside] = []
        self._seen: set[bytes] = set()
        self._playback_ids: set[int] = set()

    @property
    def progress(self) -> tuple[int, int, int]:
        """Return a value that changes with each file that means something here."""
        return (self.recognised, len(self.failures), len(self.archives))

    def take(self, member: Member, prefix: str = "") -> None:
        """Read one member; ``prefix`` tells its container in messages."""
        where = f"{prefix}{member.name.text}"
        if member.name.is_packed:
            self._fail(member, where, "is packed, and not opened here", _UNPACK)
            return
        if member.name.is_archive:
            self.archives.append(where)
            return
        try:
            data = None if member.name.is_sheet else member.read()
            if data is not None and data.startswith(_GZIP):
                self._fail(member, where, "is packed, and not opened here", _UNPACK)
            elif data is not None:
                text = to_utf8(data).lstrip()
                self._take_content(_Content(text, member, where))
            elif member.hint is Hint.HISTORY or member.name.is_sheet:
                self._fail(member, where, "is not read here", _SAVE_AS_CSV)
        except UnicodeError:
            self._fail(member, where, "is not in UTF-8", _SAVE_AS_UTF8)
        except DamagedError as error:
            self._fail(member, where, str(error), error.remedy)

    def _fail(self, member: Member, where: str, reason: str, remedy: str) -> None:
        """Note what cannot be read; only what surely is no history leaves no doubt."""
        text = f"{where} {reason}."
        if member.hint is Hint.HISTORY:
            self.evidence.add_page(member.container, member.folder, member.name, None)
        if member.hint is Hint.HARMLESS:
            self.failures.append((text, remedy))
            self.evidence.notes.append(text)
        else:
            self.disappoint(text, remedy)

    def disappoint(self, text: str, remedy: str = "") -> None:
        """Note what did not bring the history that it may hold."""
        self.failures.append((text, remedy))
        is_plain = remedy in ("", _MAKE_AGAIN)
        self.evidence.doubts.append(text if is_plain else f"{text} {remedy}")

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
            if any(name in content.data for name in _COUNTS):
                return False
            page = read_page(content.data, self.latest)
            if page is None or may_tell_more(content.data, page.size):
                return False
            self._add_page(page, content)
            return True
        if b'"history"' not in content.data:
            return False
        read = read_traktexport(content.data, self.latest)
        if read is None or may_tell_more(content.data, read[1].size):
            return False
        self._add_traktexport(*read, content)
        return True

    def _take_document(self, content: _Content) -> None:
        document = flatten(_parse(content.data))
        member = content.member
        if member.name.series == "_errors":
            self._add_failures(document)
            return
        kind = recognise(document)
        self.recognised += kind not in (Kind.OTHER, Kind.EMPTY)
        self._name_unread(kind, document, content)
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
        elif kind is not Kind.OTHER:
            add_fact(self.evidence, kind, document, member.container)

    def _add_failures(self, document: Any) -> None:
        if (failures := read_failures(document)) is None:
            raise DamagedError("does not hold what its name says")
        self.recognised += bool(failures)
        add_errors(self.evidence, failures)

    def _name_unread(self, kind: Kind, document: Any, content: _Content) -> None:
        """Name what may be a part of the history and is not read."""
        is_unknown = kind is Kind.OTHER
        if is_unknown and content.member.hint is Hint.HISTORY:
            raise DamagedError("does not hold what its name says")
        has_more = has_times(document) if is_unknown else tells_more(kind, document)
        if has_more and not content.member.is_elsewhere:
            holds = "holds" if is_unknown else "also holds"
            unread = "times of watching in a form that is not known here"
            its = "so its plays are not read" if is_unknown else "so those are not read"
            self.disappoint(f"{content.where} {holds} {unread}, {its}.", _NAME_THE_FORM)

    def _take_table(self, content: _Content) -> None:
        if not content.data:
            if content.should_be_read:
                raise DamagedError("is empty")
            return
        try:
            table, known = Table(content.data.decode()), content.member.name
            header = table.header
            if has_time(header):
                self._weigh_rows(content.data)
                page = read_items(table.rows(), self.latest, known.kind)
                self._add_page(page, content, table)
            elif content.should_be_read and known.suffix not in _TABLES:
                raise DamagedError("is neither JSON nor a table of plays", _SAVE_AS_CSV)
            elif content.should_be_read:
                _check_times(content.member, table)
        except UnicodeError:
            if content.should_be_read:
                raise
        except csv.Error:
            raise DamagedError("is no readable table") from None

    def _weigh_rows(self, data: bytes) -> None:
        rows = max(data.count(b"\n"), data.count(b"\r"))
        if rows * _ROW > self._held_bytes:
            raise DamagedError("holds more rows than any history")

    def _add_page(
        self, page: Page, content: _Content, table: Table | None = None
    ) -> None:
        self.recognised += 1
        aside = Aside(content.where, page, content, table)
        # What carries Trakt's own ids of plays is history, whatever it is called.
        if content.member.is_aside and not all(item.id for item in page.items):
            self.asides.append(aside)
        else:
            self.take_aside(aside)

    def take_aside(self, aside: Aside) -> None:
        """Take the plays of a page: at once, or as nothing better was found."""
        page, content, table = aside.page, aside.content, aside.table
        self.pages += 1
        member = content.member
        flat = "csv" if table is not None else "rows" if page.is_flat else ""
        layout = "traktexport" if page.is_traktexport else flat
        self.layouts.add(layout or member.name.layout)
        size = None if page.is_traktexport else page.size
        self.evidence.add_page(member.container, member.folder, member.name, size)
        if member.stamped_at is not None:
            self._add_stamp(member.container, member.stamped_at)
        if self._is_repeat(content.data):
            self.plays.repeats += len(page.items)
            return
        self._quarantine(content.where, page.unusable, table)
        if table is not None:
            self.evidence.doubts += _doubts_of(table, content.where)
        self.set_aside += len(page.unusable)
        self.ahead += page.ahead
        self.evidence.add_untimed(page.untimed)
        self.evidence.add_lasts(page.lasts)
        if page.others:
            others = count(
                page.others,
                "wish or rating, which is no play",
                "wishes, ratings and the like, which are no plays",
            )
            self.evidence.notes.append(f"{content.where} holds {others}.")
        self.plays.add(page.items)

    def _add_stamp(self, container: str, at: datetime) -> None:
        """Take when a member was packed: ahead of the clock, one of them is wrong."""
        if at <= self.latest:
            self.evidence.add_stamp(container, at)
        elif at.year < NO_CLOCK:
            self.is_packed_ahead = True

    def _add_traktexport(
        self, export: TraktExport, page: Page, content: _Content
    ) -> None:
        page.is_traktexport = True
        self._add_page(page, content)
        container = content.member.container
        add_traktexport(self.evidence, export, page.size, content.where, container)

    def _add_watched(self, document: list[Any], content: _Content) -> None:
        items, unusable = read_watched(document, content.member.name.kind)
        self.evidence.add_watched(items, len(unusable))
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
                unusable.append((position, describe_error(raw, error)))
                continue
            if point.id is not None:
                if point.id in self._playback_ids:
                    continue
                self._playback_ids.add(point.id)
            self.playback.append(point)
        self._quarantine(content.where, unusable)

    def _quarantine(
        self,
        where: str,
        unusable: list[tuple[int, BadRecord]],
        table: Table | None = None,
    ) -> None:
        for number, record in unusable:
            place = f"item {number}" if table is None else table.place(number)
            self.quarantined.append((f"{where} {place}", record))

    def _is_repeat(self, data: bytes) -> bool:
        """Whether the very same content was read before, under whatever name."""
        digest = hashlib.sha256(data).digest()
        if digest in self._seen:
            return True
        self._seen.add(digest)
        return False


def _doubts_of(table: Table, where: str) -> Iterator[str]:
    if table.open_quote is not None:
        yield (
            f"{where} opens a quotation mark in line {table.open_quote} and does not "
            "close it there, so rows below it are not read."
        )
    if table.is_cut:
        yield f"{where} may be cut short: its last row is incomplete."


def _check_times(member: Member, table: Table) -> None:
    """Name a table of plays whose times are not found. Raises DamagedError."""
    hint, header = member.hint, table.header
    is_of_plays = hint is not Hint.HARMLESS
    first = table.first_row()
    for name in find_unknown_times(header, first, is_of_plays=is_of_plays)[:1]:
        raise DamagedError(
            f"has no column watched_at; if {to_printable(name)} is that, name it so"
        )
    if hint is Hint.HISTORY or (is_of_plays and any(map(_STAMPED.match, header))):
        raise DamagedError("has no column watched_at", _NAME_THE_COLUMN)


def _parse(data: bytes) -> Any:
    try:
        return pydantic_core.from_json(data)
    except ValueError:
        data.decode()  # a fault in the encoding is named as such
    with suppress(ValueError, RecursionError):
        return decode(data)
    if (records := read_lines(data)) is not None:
        return records
    raise DamagedError("is not valid JSON; it may be cut short", _MAKE_AGAIN)


@dataclass(slots=True)
class Plays:
    """The plays so far; with ``receive`` they are handed on page by page instead."""

    evidence: Evidence
    receive: Receive | None = None
    count: int = 0
    repeats: int = 0
    items: list[HistoryItem] = field(default_factory=list)
    #: By its id, when a play was and of what: some tools give the title's id instead.
    _ids: dict[int, tuple[datetime, int | None]] = field(default_factory=dict)
    _others: set[tuple[int, datetime, int | None]] = field(default_factory=set)

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
                continue
            title = item.movie or item.show
            number = title.ids.trakt if title is not None else None
            told = (item.watched_at, number)
            if (known := self._ids.get(item.id)) is None:
                self._ids[item.id] = told
                fresh.append(item)
            elif known != told and (item.id, *told) not in self._others:
                self._others.add((item.id, *told))
                fresh.append(item.model_copy(update={"id": None}))
        return fresh
