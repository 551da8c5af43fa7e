"""Reads members into plays: what each one is, what it brings, what stays in doubt."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pydantic_core

from connectors.errors import InputError
from connectors.trakt.export.archive import DamagedError, Hint
from connectors.trakt.export.documents import Kind, recognise, to_utf8
from connectors.trakt.export.history import (
    Page,
    TraktExport,
    read_items,
    read_page,
    read_traktexport,
    to_traktexport,
)
from connectors.trakt.export.proof import Evidence, add_fact, add_traktexport
from connectors.trakt.export.rows import TIMES, read_header, read_table
from connectors.trakt.export.values import UnusableError
from connectors.trakt.export.watched import Aggregates, read_resume_point, read_watched

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connectors.trakt.export.archive import Member
    from connectors.trakt.models import HistoryItem, PlaybackItem

    Receive = Callable[[list[HistoryItem]], object]

REMEDY = (
    "Name the zip from the data settings of the Trakt site, the folder it was unpacked "
    "to, or the JSON or CSV files of a backup."
)

_TABLES = frozenset({".csv", ".tsv"})
_MOST_DIGITS = 100


@dataclass(frozen=True, slots=True)
class _Content:
    """What a member holds, and how messages call it."""

    data: bytes
    member: Member
    where: str

    @property
    def should_be_read(self) -> bool:
        """Whether its name promises history, or at least data."""
        name = self.member.name
        return name.hint is Hint.HISTORY or name.suffix in {".json", *_TABLES}


class Reader:
    """Takes members one after the other; one that is bad stops no other."""

    def __init__(self, latest: datetime, receive: Receive | None = None) -> None:
        self.latest = latest
        self.evidence = Evidence()
        self.plays = Plays(self.evidence, receive)
        self.aggregates = Aggregates()
        self.pages = 0
        self.recognised = 0
        self.set_aside = 0
        self.layouts: set[str] = set()
        self.quarantined: list[tuple[str, str]] = []
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
        if member.name.hint is Hint.HISTORY:
            self.evidence.add_page(member.container, member.folder, member.name, None)
        if member.name.hint is Hint.HARMLESS:
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
        elif b'"watched_at"' not in content.data or not self._take_clean(content):
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
        kind = recognise(document)
        name = content.member.name
        is_history_by_name = name.hint is Hint.HISTORY
        self.recognised += kind not in (Kind.OTHER, Kind.EMPTY)
        if kind is Kind.HISTORY:
            raw = document if isinstance(document, list) else [document]
            self._add_page(read_items(raw, self.latest), content)
        elif kind is Kind.TRAKTEXPORT:
            page = read_items(document["history"], self.latest)
            self._add_traktexport(to_traktexport(document), page, content)
        elif kind is Kind.WATCHED:
            self._add_watched(document, content)
        elif kind is Kind.PLAYBACK:
            self._add_playback(document, content)
        elif kind is Kind.EMPTY and is_history_by_name:
            self._add_page(Page(), content)
        elif kind is Kind.OTHER and (is_history_by_name or name.series == "_errors"):
            raise DamagedError("does not hold what its name says")
        else:
            add_fact(self.evidence, kind, document, content.member.container)

    def _take_table(self, content: _Content) -> None:
        if not content.data:
            if content.should_be_read:
                raise DamagedError("is empty")
            return
        try:
            text = content.data.decode()
            if not set(TIMES).isdisjoint(read_header(text)):
                page = read_items(read_table(text), self.latest)
                self._add_page(page, content, "csv")
            elif content.should_be_read and content.member.name.suffix not in _TABLES:
                raise DamagedError("is neither JSON nor a table of plays")
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
                (f"{content.where} item {position}", reason)
                for position, reason in unusable
            ]

    def _add_playback(self, document: list[Any], content: _Content) -> None:
        unusable: list[tuple[int, str]] = []
        for position, raw in enumerate(document, 1):
            try:
                point = read_resume_point(raw, self.latest)
            except UnusableError as error:
                unusable.append((position, str(error)))
                continue
            if point.id is not None:
                if point.id in self._playback_ids:
                    continue
                self._playback_ids.add(point.id)
            self.playback.append(point)
        self._quarantine(f"{content.where} item", unusable)

    def _quarantine(self, where: str, unusable: list[tuple[int, str]]) -> None:
        self.quarantined += [(f"{where} {number}", why) for number, why in unusable]

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
        # The standard library is lenient where a single title is to blame.
        return json.loads(data, parse_int=_to_number)
    except (ValueError, RecursionError):
        raise DamagedError("is not valid JSON; it may be cut short") from None


def _to_number(digits: str) -> int | float:
    """Read a number of any length; what no number of Trakt can be is infinite.

    Python refuses to read thousands of digits, and the whole file with them.
    """
    return int(digits) if len(digits) <= _MOST_DIGITS else float(f"{digits}e999")


@dataclass(frozen=True, slots=True)
class ExportData:
    """What was read.

    ``items`` are in file order, each id once; plays without an id are all kept, save
    those of a file whose very content was read before. Each of ``doubts`` is a sentence
    on why this may not be the whole history; only without any is it whole.
    ``quarantined`` holds place and reason, and "it" goes before the reason. ``owner``
    are names of the account, none where the files do not all tell the same one.
    """

    items: list[HistoryItem]
    plays: int
    repeats: int
    pages: int
    quarantined: list[tuple[str, str]]
    doubts: list[str]
    notes: list[str]
    playback: list[PlaybackItem]
    layout: str
    made_at: datetime | None
    owner: frozenset[str] = frozenset()


def conclude(reader: Reader) -> ExportData:
    """Weigh what was read; raises InputError when no plays could be looked for."""
    pages = reader.pages
    evidence, plays = reader.evidence, reader.plays
    if not pages:
        pages = _use_aggregates(reader)
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
        quarantined=reader.quarantined,
        doubts=evidence.doubts,
        notes=evidence.notes,
        playback=reader.playback,
        layout=" + ".join(sorted(reader.layouts)),
        made_at=evidence.made_at,
        owner=evidence.owner,
    )


def _use_aggregates(reader: Reader) -> int:
    """Fall back on the lists of what was watched last: all that is known then."""
    aggregates = reader.aggregates
    if not aggregates.pages:
        raise _nothing(reader)
    reader.layouts.add("watched lists")
    reader.quarantined += aggregates.unusable
    reader.set_aside += len(aggregates.unusable)
    reader.plays.add(aggregates.plays)
    reader.evidence.doubts.append(
        "The files hold no history, only lists of what was watched last: rewatches are "
        "not in them."
    )
    if aggregates.seasonless:
        reader.evidence.doubts.append(
            f"{aggregates.seasonless:,} shows are listed without their seasons, so "
            "their episodes cannot be carried over."
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
        self.evidence.add_plays(fresh)
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
