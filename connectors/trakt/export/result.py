"""The outcome of a read: the plays, and how far they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.errors import InputError

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.trakt.export.reader import Reader
    from connectors.trakt.models import HistoryItem, PlaybackItem

REMEDY = (
    "Name the zip from the data settings of the Trakt site, the folder it was unpacked "
    "to, or the JSON or CSV files of a backup."
)


@dataclass(frozen=True, slots=True)
class ExportData:
    """What was read.

    ``items`` are in file order, each id once; plays without an id are all kept, save
    those of a file whose very content was read before. Each of ``doubts`` is a sentence
    on why this may not be the whole history; only without any is it whole.
    ``quarantined`` holds place and reason, and "it" goes before the reason.
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
