"""What a source of the caller's hands over, before anything is made of it.

Sources of ours make plays of records that were read strictly. One that anybody may
write can hand over anything: a record that is no play is set aside with the reason, as
one of Trakt would be, and what is no extraction at all is refused in words.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from connectors.errors import ContractError
from connectors.trakt.times import AHEAD, EARLIEST
from sync.domain.plays import Ids, Kind, Play, Title, is_nameless, to_minute
from sync.domain.resume import ResumePoint
from sync.ports import MOST_RAW, Extraction, Quarantined, Receipt
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sync.domain.watermark import Stamps

#: No catalogue counts further, and no database of ours either.
_MOST_ID, _MOST_NUMBER = 2**63 - 1, 2**31 - 1
_NUMBERS = ("trakt", "tmdb", "tvdb")
_TEXTS = ("slug", "imdb")
_IN_RECEIPT = {
    "plays": int,
    "repeats": int,
    "pages": int,
    "requests": int,
    "walks": int,
}
_LISTS_IN_RECEIPT = ("missing", "doubts", "notes")
_REMEDY = "Correct it in the source: {} in sync.ports says what is to be handed over."


class Handed:
    """Looks at what the source called ``name`` hands over, at ``now``."""

    def __init__(self, name: str, now: datetime) -> None:
        self._name = name
        self._now = now
        #: By identity, as titles are shared: what is wrong with them, "" for nothing.
        self._titles: dict[int, tuple[object, str]] = {}

    async def extraction(self, call: Awaitable[object]) -> Extraction:
        """Await and return it, with what is no play set aside."""
        given = await self._answer(call, "extract")
        if not isinstance(given, Extraction):
            self._refuse(f"extract returned {_kind(given)}, not an Extraction")
        if not isinstance(given.receipt, Receipt):
            self._refuse(f"its receipt is {_kind(given.receipt)}, not a Receipt")
        came = self._list(given.plays, "plays")
        aside = [self._record(r) for r in self._list(given.quarantined, "quarantined")]
        receipt = self._receipt(given.receipt, len(came), len(aside))
        plays, odd = self._part(came, "play")
        self._mapping(given.gaps, "gaps")
        if given.stamps is not None:
            self.stamps(given.stamps)
        read_at = given.read_at
        if read_at is not None and (why := _why_no_time(read_at)):
            self._refuse(f"its read_at {why}")
        aside += odd
        # No play is left out for a source of the caller's.
        return replace(given, plays=plays, receipt=receipt, quarantined=aside, beside=0)

    def plays(self, given: object) -> list[Play]:
        """Return what is a play of a first glance."""
        return self._part(self._list(given, "plays"), "play")[0]

    def stamps(self, given: object) -> Stamps:
        """Return them, if they are stamps."""
        stamps = self._mapping(given, "stamps")
        if not all(
            value is None or isinstance(value, str) for value in stamps.values()
        ):
            self._refuse("not all of its stamps are texts")
        return stamps

    def reread(self, given: object) -> tuple[list[Play], list[Quarantined]]:
        """Return what it read again, and what stays unreadable."""
        came, left = self._pair(given, "reread")
        plays, odd = self._part(came, "play")
        return plays, [*map(self._record, left), *odd]

    async def resume_points(
        self, call: Awaitable[object]
    ) -> tuple[list[ResumePoint], list[Quarantined]]:
        """Await and return them, with what is none set aside."""
        given = await self._answer(call, "resume_points")
        came, left = self._pair(given, "resume_points")
        aside = [self._record(record) for record in left]
        points: list[ResumePoint] = []
        for number, point in enumerate(came, start=1):
            why = self._why_no_point(point)
            if why or not isinstance(point, ResumePoint):
                aside.append(self._set_aside(point, why, f"resume point {number}"))
            else:
                points.append(point)
        return points, aside

    async def _answer(self, call: Awaitable[object], method: str) -> object:
        if not inspect.isawaitable(call):
            self._refuse(f"its method {method} is no coroutine: async is missing")
        return await call

    def _part(
        self, came: Sequence[Any], what: str
    ) -> tuple[list[Play], list[Quarantined]]:
        """Part what is a play from what is none, with the time cut to the minute."""
        plays: list[Play] = []
        odd: list[Quarantined] = []
        for number, play in enumerate(came, start=1):
            if why := self._why_no_play(play):
                odd.append(
                    self._set_aside(play, why, f"{what} {_number(play, number)}")
                )
                continue
            at = to_minute(play.watched_at)
            plays.append(
                play if at is play.watched_at else play._replace(watched_at=at)
            )
        return plays, odd

    def _why_no_play(self, play: Any) -> str:
        if not isinstance(play, Play):
            return f"is {_kind(play)}, not a Play"
        return (
            self._why_no_title(play.title)
            or self._why_not_then(play.watched_at)
            or _why_no_place(play.title.kind, play.season, play.episode)
            or _why_no_number("id", play.id)
            or _why_no_number("episode_id", play.episode_id)
            or ("" if play.episode_ids is None else _why_no_ids(play.episode_ids))
        )

    def _why_no_point(self, point: object) -> str:
        if not isinstance(point, ResumePoint):
            return f"is {_kind(point)}, not a ResumePoint"
        is_number = isinstance(point.progress, int | float)
        if not is_number or isinstance(point.progress, bool):
            return f"has {_kind(point.progress)} as its progress"
        if not 0 <= point.progress <= 100:
            return f"has an absurd progress of {point.progress:g}"
        return (
            self._why_no_title(point.title)
            or self._why_not_then(point.paused_at)
            or _why_no_place(point.title.kind, point.season, point.episode)
        )

    def _why_no_title(self, title: object) -> str:
        # It is kept along, so that no other one can come to have the same identity.
        if id(title) not in self._titles:
            self._titles[id(title)] = title, _why_no_title(title)
        return self._titles[id(title)][1]

    def _why_not_then(self, at: object) -> str:
        if why := _why_no_time(at):
            return why
        assert isinstance(at, datetime)  # noqa: S101  # told just above
        if at < EARLIEST:
            return f"is dated {at.date()}, before there were films"
        if at > self._now + AHEAD:
            return f"is dated {at.date()}, which is still to come"
        return ""

    def _set_aside(self, record: object, why: str, where: str) -> Quarantined:
        title = getattr(record, "title", None)
        is_told = isinstance(title, Title) and not self._why_no_title(title)
        known = title if is_told and isinstance(title, Title) else None
        return Quarantined(
            where,
            why,
            json.dumps(_plain(record), sort_keys=True)[:MOST_RAW],
            known,
            known.kind if known else None,
            f"Correct it in {self._name}, or in the source that reads it.",
        )

    def _record(self, record: Any) -> Quarantined:
        """Return a record that the source itself has set aside."""
        if not isinstance(record, Quarantined):
            self._refuse(f"what it has set aside is {_kind(record)}, not a Quarantined")
        texts = (record.where, record.reason, record.raw, record.remedy, record.key)
        if not all(map(_is_text, texts)):
            self._refuse("a record that it has set aside holds what is no text")
        if record.title is not None and (why := self._why_no_title(record.title)):
            self._refuse(f"{record.where}, which it has set aside, {why}")
        if record.kind is not None and not isinstance(record.kind, Kind):
            self._refuse(f"the kind of {record.where} is no Kind")
        return record

    def _receipt(self, receipt: Receipt, came: int, aside: int) -> Receipt:
        """Return the receipt, with a doubt where it counts what did not come."""
        if not _is_text(receipt.source):
            self._refuse(f"its receipt names {_kind(receipt.source)} as the source")
        for name in _IN_RECEIPT:
            if not _is_number(getattr(receipt, name), 0, _MOST_ID):
                self._refuse(f"{name} of its receipt is no number")
        for name in _LISTS_IN_RECEIPT:
            if not all(map(_is_text, self._list(getattr(receipt, name), name))):
                self._refuse(f"{name} of its receipt are not texts")
        announced = receipt.announced
        if announced is not None and not _is_number(announced, 0, _MOST_ID):
            self._refuse("announced of its receipt is no number")
        doubts = list(receipt.doubts)
        if receipt.plays not in (came, came + aside):
            doubts.append(
                f"The receipt is for {count(receipt.plays, 'play')}; {came:,} came."
            )
        if announced is not None and announced > came + aside + receipt.repeats:
            doubts.append(f"{count(announced, 'play')} announced; {came:,} came.")
        return replace(receipt, doubts=tuple(doubts))

    def _pair(
        self, given: object, method: str
    ) -> tuple[Sequence[object], Sequence[object]]:
        if not isinstance(given, tuple) or len(given) != 2:
            self._refuse(f"{method} returned {_kind(given)}, not a pair of lists")
        return self._list(given[0], method), self._list(given[1], method)

    def _list(self, given: object, what: str) -> Sequence[Any]:
        if not isinstance(given, Sequence) or isinstance(given, str | bytes):
            self._refuse(f"its {what} are {_kind(given)}, not a list")
        return given

    def _mapping(self, given: object, what: str) -> Mapping[str, Any]:
        if not isinstance(given, Mapping) or not all(map(_is_text, given)):
            self._refuse(f"its {what} are {_kind(given)}, not a dict by texts")
        return given

    def _refuse(self, why: str) -> NoReturn:
        raise ContractError(
            f"The source {self._name} cannot be used: {why}. Nothing was written.",
            remedy=_REMEDY.format("Source"),
        )


def _why_no_title(title: object) -> str:
    if not isinstance(title, Title):
        return f"has {_kind(title)} as its title, not a Title"
    if not isinstance(title.kind, Kind):
        return f"has a title whose kind is {_kind(title.kind)}, not a Kind"
    if not _is_text(title.name):
        return "has a title whose name is no text"
    if title.year is not None and not _is_number(title.year, 0, 9999):
        return "has a title whose year is no year"
    why = _why_no_ids(title.ids)
    if not why and not title.ids.known() and is_nameless(title):
        why = "has a title with neither a name nor an id"
    return why


def _why_no_ids(ids: object) -> str:
    if not isinstance(ids, Ids):
        return f"has {_kind(ids)} as its ids, not Ids"
    for name in _TEXTS:
        if (text := getattr(ids, name)) is not None and not _is_text(text):
            return f"has an id {name} that is no text"
    whys = (_why_no_number(f"id {name}", getattr(ids, name)) for name in _NUMBERS)
    return next(filter(None, whys), "")


def _why_no_time(at: object) -> str:
    if not isinstance(at, datetime):
        return f"has {_kind(at)} as its time, not a datetime"
    try:
        if at.utcoffset() is None:
            return "has a time without a time zone: UTC is wanted"
        to_minute(at)
    except (OverflowError, ValueError):
        return "has no date in UTC"
    return ""


def _why_no_place(kind: Kind, season: object, episode: object) -> str:
    if kind is Kind.FILM:
        is_bare = season is None and episode is None
        return "" if is_bare else "is of a film, and has a season or an episode"
    for name, number in (("season", season), ("episode", episode)):
        if number is None:
            return f"is of a show, and has no {name}"
        if not _is_number(number, 0, _MOST_NUMBER):
            return f"has a {name} that is no number"
    return ""


def _why_no_number(name: str, value: object) -> str:
    is_good = value is None or _is_number(value, 1, _MOST_ID)
    return "" if is_good else f"has an {name} that is no id"


def _is_number(value: object, least: int, most: int) -> bool:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return is_number and least <= value <= most  # type: ignore[operator]


def _is_text(value: object) -> bool:
    """Whether it is a text that any file and database can hold."""
    if not isinstance(value, str) or "\0" in value:
        return False
    return not any("\ud800" <= sign <= "\udfff" for sign in value)


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _number(play: object, place: int) -> str:
    """Return what a person finds it by: its id, or else its place in the list."""
    number = getattr(play, "id", None)
    return f"with id {number}" if _is_number(number, 1, _MOST_ID) else str(place)


def _plain(value: object) -> Any:
    """Return it as JSON can hold it, the same in every reading."""
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Play):
        return {name: _plain(getattr(value, name)) for name in value._fields}
    if is_dataclass(value):
        return {
            field.name: _plain(getattr(value, field.name)) for field in fields(value)
        }
    return type(value).__name__
