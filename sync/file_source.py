"""The Source that reads account downloads and backups instead of the API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from connectors.errors import InputError
from connectors.trakt.export import read_export
from sync.ports import Extraction, Quarantined, Receipt
from sync.records import PlayMapper, UnusableRecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from connectors.trakt.export import ExportData
    from sync.domain.plays import Play


class FileSource:
    """Files have no end to pin and no stamps; what they lack they show themselves."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        for path in self._paths:
            if not path.exists():
                raise InputError(
                    f"There is no file {path}.",
                    remedy="Check the path given with --from-file.",
                )

    async def extract(self, on_page: Callable[[int, int], None]) -> Extraction:
        """Read all files as one history; raises InputError for what is no download."""
        data = await asyncio.to_thread(read_export, self._paths)
        on_page(data.pages, data.pages)
        return _extraction(data)


def _extraction(data: ExportData) -> Extraction:
    mapper = PlayMapper()
    plays: list[Play] = []
    quarantined = [Quarantined(where, reason) for where, reason in data.quarantined]
    for item in data.items:
        try:
            plays.append(mapper.play(item))
        except UnusableRecordError as error:
            quarantined.append(Quarantined(f"history id {item.id}", str(error)))
    receipt = Receipt(
        source="the download",
        plays=len(plays),
        repeats=data.repeats,
        pages=data.pages,
        doubts=tuple(data.doubts),
        notes=tuple(data.notes),
    )
    return Extraction(plays, receipt, quarantined)
