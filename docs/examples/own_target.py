"""Carry a history over to a place of your own, by way of a target of your own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from trakt2discovr import Entry, Key, load_settings, migrate


class Diary:
    """A profile that is a list in memory. No class of ours has to be inherited."""

    def __init__(self, label: str) -> None:
        self.label = label  # of the source: by it a run knows its own entries again
        self.entries: list[Entry] = []

    async def open_profile(self) -> str:
        """Return an id that never changes: the ledger keeps what was written by it."""
        return "my-diary"

    async def read_history(self, on_page: Callable[[int], None]) -> list[Entry]:
        """Return every entry."""
        on_page(len(self.entries))
        return list(self.entries)

    async def read_title(self, media: str, season: int | None) -> list[Entry]:
        """Return every entry of one film, or of one season of a show."""
        place = (media, season)
        return [e for e in self.entries if (e.key.media, e.key.season) == place]

    async def add(self, key: Key, watched_at: datetime) -> None:
        """Append a completed entry; a second call appends a second one."""
        self.entries.append(Entry(key, watched_at, 100.0, self.label))

    async def set_progress(self, key: Key, progress: int) -> None:
        """Set the progress of an entry, or create it; a second call changes nothing."""
        for place, entry in enumerate(self.entries):
            if entry.key == key:
                at = entry.updated_at
                self.entries[place] = Entry(key, at, float(progress), entry.imported)
                return
        self.entries.append(Entry(key, datetime.now(UTC), float(progress)))

    async def remove(self, key: Key) -> None:
        """Remove the entries of one key."""
        self.entries = [entry for entry in self.entries if entry.key != key]


async def main() -> None:
    """Read Trakt, and write to the diary what Discovr would have got."""
    diary = Diary(label="trakt")
    report = await migrate(load_settings(), target=diary)
    print(f"{len(diary.entries)} entries, complete: {report.is_complete}")


asyncio.run(main())
