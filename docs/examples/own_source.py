"""Carry over what a tool of your own knows, by way of a source of your own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from trakt2discovr import (
    Extraction,
    Ids,
    Kind,
    Play,
    Receipt,
    Title,
    load_settings,
    plan,
)


class Notebook:
    """Two films from a notebook. No class of ours has to be inherited."""

    name = "My notebook"  # in messages and reports
    label = "notebook"  # what Discovr keeps with each entry, as ``imported``

    async def extract(self, on_page: Callable[[int, int], None]) -> Extraction:
        """Return all plays at once, with the receipt that says that these are all."""
        plays = [
            Play(
                id=number,
                title=Title(Kind.FILM, name, year, Ids(tmdb=tmdb)),
                watched_at=datetime(2024, 3, number, 20, 15, tzinfo=UTC),
            )
            for number, (name, year, tmdb) in enumerate(
                [("Stalker", 1979, 1398), ("Paris, Texas", 1984, 655)], start=1
            )
        ]
        on_page(1, 1)
        return Extraction(plays, Receipt("my notebook", len(plays), pages=1))


async def main() -> None:
    """Show what would be written; with ``migrate`` in its place it is written."""
    report = await plan(load_settings(), source=Notebook())
    for operation in report.prepared.plan.operations:
        print(operation.key, operation.watched_at.date())


if __name__ == "__main__":
    asyncio.run(main())
