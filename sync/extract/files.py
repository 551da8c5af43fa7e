"""The Source that reads account downloads and backups instead of the API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from connectors.trakt.export import read_export
from connectors.trakt.set_aside import describe_item
from sync.domain.origin import TRAKT
from sync.extract.records import PlayMapper, UnusableRecordError, resume_points
from sync.extract.remembered import require_files, stamp
from sync.ports import Extraction, Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from connectors.clock import Clock
    from connectors.trakt.models import HistoryItem
    from sync.domain.files import SourceFile
    from sync.domain.plays import Play
    from sync.domain.resume import ResumePoint
    from sync.ports import Quarantined

#: What a person can do about a record of a file, where nothing better is known.
CORRECT_IT = "Correct it in the file, or make the download again, and run it again."


class FileSource:
    """Files have no end to pin and no stamps; what they lack they show themselves."""

    name, label = TRAKT.name, TRAKT.label

    def __init__(self, paths: Sequence[Path], clock: Clock) -> None:
        self._paths = tuple(paths)
        self._clock = clock
        self._points: tuple[list[ResumePoint], list[Quarantined]] = ([], [])
        self._owner: frozenset[str] = frozenset()
        require_files(self._paths)

    async def extract(self, on_page: Callable[[int, int], None]) -> Extraction:
        """Read all files as one history; raises InputError for what is no download."""
        extraction = await asyncio.to_thread(self._extract)
        on_page(extraction.receipt.pages, extraction.receipt.pages)
        return extraction

    async def owner(self) -> frozenset[str]:
        """Return whose account ``extract`` found the files to be of."""
        return self._owner

    async def files(self) -> tuple[SourceFile, ...]:
        """Return the files as they are now, so that they are found again."""
        return await stamp(self._paths)

    async def resume_points(self) -> tuple[list[ResumePoint], list[Quarantined]]:
        """Return the resume points that ``extract`` came across."""
        return self._points

    def _extract(self) -> Extraction:
        now = self._clock.now()
        mapper = PlayMapper(now, is_by_trakt=False)
        plays: list[Play] = []
        quarantined: list[Quarantined] = []

        def receive(items: Iterable[HistoryItem]) -> None:
            for item in items:
                try:
                    plays.append(mapper.play(item))
                except UnusableRecordError as error:
                    record = describe_item(item, str(error))
                    quarantined.append(mapper.set_aside(record))

        data = read_export(self._paths, receive=receive, clock=self._clock)
        self._points = resume_points(data.playback, now, is_by_trakt=False)
        quarantined += [
            mapper.set_aside(record, where, CORRECT_IT)
            for where, record in data.set_aside
        ]
        receipt = Receipt(
            source="the download",
            plays=len(plays),
            repeats=data.repeats,
            pages=data.pages,
            doubts=tuple(data.doubts),
            notes=tuple(data.notes),
        )
        self._owner = data.owner
        # A file is at least as new as its newest play; one dated ahead says nothing.
        newest = max((p.watched_at for p in plays if p.watched_at <= now), default=None)
        made_at = min(data.made_at, now) if data.made_at else newest
        return Extraction(plays, receipt, quarantined, read_at=made_at)
