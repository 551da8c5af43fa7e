"""Weighs what was read: whether it is whole, and whether the clock is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.errors import InputError
from connectors.trakt.export.names import to_printable
from connectors.trakt.export.reader import NO_CLOCK
from connectors.words import count

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.trakt.export.reader import Reader
    from connectors.trakt.models import HistoryItem, PlaybackItem
    from connectors.trakt.set_aside import BadRecord

REMEDY = (
    "Name the zip from the data settings of the Trakt site, the folder it was unpacked "
    "to, or the JSON or CSV files of a backup."
)
#: So many plays ahead of the clock, and 5 % of all, are no slips of the pen.
_MANY = 3


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
    evidence, plays = reader.evidence, reader.plays
    if not reader.pages and not reader.aggregates.pages and reader.asides:
        _use_asides(reader)
    else:
        _weigh_asides(reader)
    pages = reader.pages or _use_aggregates(reader)
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
    ahead = [at for at in reader.ahead if at.year < NO_CLOCK]
    total = reader.plays.count + len(ahead)
    made_at = reader.evidence.made_at
    is_made_ahead = reader.is_packed_ahead or (
        made_at is not None and made_at > reader.latest
    )
    is_many = len(ahead) >= min(_MANY, total) > 1 and len(ahead) * 20 >= total
    if ahead and (is_many or is_made_ahead):
        plays = count(total, "play is", "plays are")
        raise InputError(
            f"{len(ahead):,} of {plays} dated ahead of this machine's "
            f"clock, which says {now:%Y-%m-%d %H:%M} UTC; the newest is of "
            f"{max(ahead):%Y-%m-%d}. The clock is wrong, so nothing was read.",
            remedy="Set the clock of this machine right, and run it again. If it is "
            "right, correct these dates in the files.",
        )


def _use_asides(reader: Reader) -> None:
    """Fall back on ratings, lists and the like that tell times of watching."""
    for aside in reader.asides:
        reader.take_aside(aside)
        reader.evidence.doubts.append(
            f"{aside.where} is named as something else than a history, so it may lack "
            "plays. If it has them all, name it history."
        )


def _weigh_asides(reader: Reader) -> None:
    """Say of each whether it tells of titles that the history lacks."""
    tally = reader.evidence.tally
    for aside in reader.asides:
        lacking: set[str] = set()
        for item in aside.page.items:
            kind, title = ("movie", item.movie) if item.movie else ("show", item.show)
            if title is not None and not tally.find(kind, title):
                lacking.add(to_printable(title.title or f"a {kind} without a name"))
        said = f"{aside.where} is named as something else than a history"
        if lacking:
            names = sorted(lacking)
            shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            reader.evidence.doubts.append(
                f"{said}, and tells times of watching of "
                f"{count(len(names), 'title')} that the history lacks: {shown}. If it "
                "is one, name it history."
            )
        elif rows := len(aside.page.items) + len(aside.page.unusable):
            times = count(rows, "time of watching was", "times of watching were")
            reader.evidence.notes.append(f"{said}, so {times} left out.")


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
        reader.evidence.doubts.append(
            f"{count(aggregates.seasonless, one, many)} seasons, so "
            "their episodes cannot be carried over."
        )
    return aggregates.pages


def _nothing(reader: Reader) -> InputError:
    if reader.archives:
        return InputError(
            f"{reader.archives[0]} is an archive that is not opened.",
            remedy="Unpack it, and name the zip or the folder that comes out.",
        )
    if reader.failures:
        text, remedy = reader.failures[0]
        return InputError(text, remedy=remedy or REMEDY)
    reasons = reader.evidence.doubts
    reason = reasons[0] if reasons else "The files hold no watch history."
    return InputError(reason, remedy=REMEDY)
