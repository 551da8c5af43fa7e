"""Records of Trakt that are there and cannot be read: what can be told of them."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.trakt.client import BadRecord, is_id, read_record
from connectors.trakt.strict import StrictItem
from sync.domain.plays import Ids, Kind, Title, title_key, to_minute
from sync.extract.records import (
    AHEAD,
    EARLIEST,
    PlayMapper,
    UnsupportedRecordError,
    UnusableRecordError,
)
from sync.ports import MOST_RAW, Quarantined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from connectors.trakt.client import HistoryRecord
    from sync.domain.plays import Play

    #: A film or episode, as the minimal lists count them: kind and Trakt id.
    Item = tuple[str, int]

REMEDY = (
    "nothing; Trakt sent it so. It counts as watched there, is tried again by a newer "
    "version of this program, and read anew once a week"
)
_NOT_POSSIBLE = "is of a kind that Discovr has no place for: {}"
_SPECIAL = "is a special (season 0), which cannot be expressed on Discovr"
_KINDS = {"movie": Kind.FILM, "episode": Kind.SHOW}
_TEXT_IDS, _NUMBER_IDS = ("slug", "imdb"), ("trakt", "tmdb", "tvdb")


def from_bad(bad: BadRecord) -> Quarantined:
    """Describe a record that does not fit the model."""
    raw = _parse(bad.raw)
    kind, title = _told(raw)
    unsupported = _why_unsupported(raw)
    return Quarantined(
        where=_where(bad.identity, bad.kind, bad.trakt_id),
        reason=unsupported or bad.reason,
        raw=bad.raw[:MOST_RAW],
        kind=kind,
        title=title,
        remedy="" if unsupported else REMEDY,
        key=bad.identity,
        is_unsupported=bool(unsupported),
    )


def from_item(item: HistoryRecord, error: UnusableRecordError) -> Quarantined:
    """Describe a record that fits the model and is no play."""
    text = _write(item)
    kind, title = _told(_parse(text))
    is_unsupported = isinstance(error, UnsupportedRecordError)
    return Quarantined(
        where=f"history id {item.id}" if item.id else "a record of the history",
        reason=str(error),
        raw=text[:MOST_RAW],
        kind=kind,
        title=title,
        remedy="" if is_unsupported else REMEDY,
        key=f"history id {item.id}" if item.id else "",
        is_unsupported=is_unsupported,
    )


def classify(record: Quarantined) -> Quarantined:
    """Tell from its raw form what Discovr has no place for, however well it is read."""
    why = "" if record.is_unsupported else _why_unsupported(_parse(record.raw))
    if not why:
        return record
    return replace(record, reason=why, remedy="", is_unsupported=True)


def reread(
    records: Sequence[Quarantined], mapper: PlayMapper
) -> tuple[list[Play], list[Quarantined]]:
    """Read each again from its raw form: by now the program may know how."""
    plays: list[Play] = []
    still: list[Quarantined] = []
    for record in records:
        if not record.raw:
            still.append(record)
            continue
        read = read_record(record.raw)
        if isinstance(read, BadRecord):
            still.append(from_bad(read))
            continue
        try:
            plays.append(mapper.play(read))
        except UnusableRecordError as error:
            still.append(from_item(read, error))
    return plays, still


@dataclass(slots=True)
class Shelf:
    """Unreadable records as the minimal lists count them.

    ``times`` by film or episode, None where the time is not legible or cannot be;
    ``nameless`` are the times of those of which not even the film or episode is.
    """

    times: dict[Item, list[datetime | None]] = field(default_factory=dict)
    nameless: list[datetime | None] = field(default_factory=list)

    @classmethod
    def of(cls, records: Iterable[Quarantined], read_at: datetime) -> Shelf:
        """Sort records that were read then."""
        times: defaultdict[Item, list[datetime | None]] = defaultdict(list)
        nameless = []
        for record in records:
            raw = _parse(record.raw)
            at = _moment(raw)
            if at and not EARLIEST <= at <= read_at + AHEAD:
                at = None
            if item := _item(raw):
                times[item].append(at)
            else:
                nameless.append(at)
        return cls(dict(times), nameless)


def item_of(record: Quarantined) -> Item | None:
    """Return the film or episode that a record is about, if that is legible."""
    return _item(_parse(record.raw))


def is_about(record: Quarantined, title: str, items: Iterable[Item]) -> bool:
    """Whether it belongs to a title by its key, or by one of the title's items."""
    if record.title is not None and title_key(record.title) == title:
        return True
    return item_of(record) in set(items)


def _where(identity: str, kind: str | None, trakt_id: int | None) -> str:
    if identity.startswith("history id "):
        return identity
    if kind and trakt_id:
        return f"{kind} with Trakt id {trakt_id}"
    return "a record of the history"


def _write(item: HistoryRecord) -> str:
    if isinstance(item, StrictItem):
        return msgspec.json.encode(item).decode()
    return item.model_dump_json()


def _parse(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _told(raw: Any) -> tuple[Kind | None, Title | None]:
    """Tell kind and title as far as they are legible."""
    if not isinstance(raw, dict):
        return None, None
    kind = _kind(raw)
    if kind is None:
        return None, None
    part = raw.get("movie" if kind is Kind.FILM else "show")
    return kind, _title(kind, part) if isinstance(part, dict) else None


def _kind(raw: dict[str, Any]) -> Kind | None:
    named = raw.get("type")
    if isinstance(named, str) and named in _KINDS:
        return _KINDS[named]
    found = {Kind.FILM: "movie" in raw, Kind.SHOW: "episode" in raw or "show" in raw}
    kinds = [kind for kind, is_there in found.items() if is_there]
    return kinds[0] if len(kinds) == 1 else None


def _title(kind: Kind, part: dict[str, Any]) -> Title | None:
    ids = part.get("ids")
    if not isinstance(ids, dict):
        return None
    known: dict[str, Any] = {n: ids[n] for n in _NUMBER_IDS if is_id(ids.get(n))}
    known |= {n: v for n in _TEXT_IDS if isinstance(v := ids.get(n), str) and v}
    if not known:
        return None  # a name alone is no proof of which title it is
    name, year = part.get("title"), part.get("year")
    return Title(
        kind,
        name if isinstance(name, str) and name else "(untitled)",
        year if is_id(year) else None,
        Ids(**known),
    )


def _item(raw: Any) -> Item | None:
    if isinstance(raw, dict):
        for kind in ("movie", "episode"):
            part = raw.get(kind)
            ids = part.get("ids") if isinstance(part, dict) else None
            if isinstance(ids, dict) and is_id(ids.get("trakt")):
                return kind, ids["trakt"]
    return None


def _moment(raw: Any) -> datetime | None:
    text = raw.get("watched_at") if isinstance(raw, dict) else None
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        return to_minute(at) if at is not None and at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _why_unsupported(raw: Any) -> str:
    """Say why Discovr could not take it, however well it were read."""
    if not isinstance(raw, dict):
        return ""
    named, episode = raw.get("type"), raw.get("episode")
    if isinstance(named, str) and named and named not in _KINDS:
        return _NOT_POSSIBLE.format(named[:40])
    if isinstance(episode, dict) and episode.get("season") == 0 and named != "movie":
        is_number = not isinstance(episode["season"], bool)
        return _SPECIAL if is_number and isinstance(episode["season"], int) else ""
    return ""
