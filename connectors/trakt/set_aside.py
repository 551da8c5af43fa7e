"""Records that are there and are no plays, with what can be told of them anyhow."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.trakt.models import HistoryItem, TitleModel
from connectors.trakt.sense import UnsupportedError, has_name
from connectors.trakt.times import UNKNOWN_DATE

if TYPE_CHECKING:
    from connectors.trakt.sense import HistoryRecord, UnusableError


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record of which no play can be made; "it" goes before ``reason``.

    ``identity`` is the same wherever the record is met again: the history id where that
    is legible, else a digest. ``trakt_id`` is that of
    the film or episode; None where not even that can be read. ``title`` is the film or
    show, and ``raw`` the record as JSON. One that ``is_unsupported`` was read, and is
    of a kind that is no play.
    """

    identity: str
    reason: str
    kind: str | None = None
    trakt_id: int | None = None
    history_id: int | None = None
    title: TitleModel | None = None
    raw: str = field(default="", repr=False)
    remedy: str = ""
    is_unsupported: bool = False


def describe_record(
    record: object, reason: str, *, remedy: str = "", about: object = None
) -> BadRecord:
    """Say of a record what can be told.

    ``about`` is the same in the form of the API, where the record has another one.
    """
    raw = json.dumps(record, sort_keys=True, default=str)
    identity = f"digest {hashlib.sha256(raw.encode()).hexdigest()}"
    about = record if about is None else about
    if not isinstance(about, dict):
        return BadRecord(identity, reason, raw=raw, remedy=remedy)
    known = HistoryItem.model_validate({**about, "watched_at": UNKNOWN_DATE})
    named, kind, number = known.movie, None, None
    if known.type == "episode" or known.episode is not None or known.show is not None:
        kind, named = "episode", known.show
        number = known.episode.ids.trakt if known.episode is not None else None
    elif known.type == "movie" or named is not None:
        kind, number = "movie", named.ids.trakt if named is not None else None
    if known.id is not None:
        identity = f"history id {known.id}"
    title = named if named is not None and has_name(named) else None
    return BadRecord(identity, reason, kind, number, known.id, title, raw, remedy)


def describe_error(
    record: object, error: UnusableError, *, about: object = None
) -> BadRecord:
    """Say the same with what was found wrong."""
    bad = describe_record(record, str(error), remedy=error.remedy, about=about)
    return replace(bad, is_unsupported=isinstance(error, UnsupportedError))


def describe_item(item: HistoryRecord, reason: str) -> BadRecord:
    """Say the same of a record that could be read and is no play all the same."""
    if isinstance(item, HistoryItem):
        return describe_record(item.model_dump(mode="json", exclude_none=True), reason)
    return describe_record(_plain(msgspec.to_builtins(item)), reason)


def _plain(value: Any) -> Any:
    """Leave out what a struct writes for a field that is not there."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    return value
