"""Tells one entry that two pages show from two entries, as none has an id of its own.

Whoever adds an entry while a list is read pushes the others down: the last of a page
comes again as the first of the next. What one page shows twice is there twice. What a
later page shows again counts as one, unless a narrower list shows more of it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from connectors.errors import ContractError, RejectedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from datetime import datetime

    from connectors.discovr.models import HistoryItem

    #: What of an entry never changes while it is there.
    Mark: TypeAlias = tuple[
        str, int | None, int | None, datetime | None, datetime | None, str | None
    ]
    #: Reads a narrower list, in which this entry stands if it stands anywhere.
    Look: TypeAlias = Callable[[HistoryItem], Awaitable[list[HistoryItem]]]
    #: Names that list.
    Name: TypeAlias = Callable[[HistoryItem], object]

#: A media id that may be put into a path.
_PLAIN_ID = re.compile(r"\w+", re.ASCII)


@dataclass(slots=True)
class _Again:
    """An entry that came again, and how often it stands there as far as that is known.

    ``told`` is how often it was told of already.
    """

    item: HistoryItem
    told: int
    most: int


async def each_once(
    pages: AsyncIterator[list[HistoryItem]], look: Look, name: Name
) -> AsyncIterator[list[HistoryItem]]:
    """Pass pages on as they come, without what came before.

    Those that do stand there several times follow in the end: ``look`` tells, once for
    each list that ``name`` tells apart.
    """
    # Marks of a whole profile would take much more than their hashes.
    first: dict[int, int] = {}
    again: dict[Mark, _Again] = {}
    async for page in pages:
        marks = [_mark(item) for item in page]
        counts = Counter(marks)
        new = {mark: n for mark, n in counts.items() if hash(mark) not in first}
        for item, mark in zip(page, marks, strict=True):
            if mark not in new:
                told = first[hash(mark)]
                known = again.setdefault(mark, _Again(item, told, told))
                known.most = max(known.most, counts[mark])
        first.update((hash(mark), n) for mark, n in new.items())
        yield [i for i, m in zip(page, marks, strict=True) if m in new]
    if again:
        await _look_up(again, look, name)
        yield [a.item for a in again.values() for _ in range(a.most - a.told)]


async def _look_up(again: dict[Mark, _Again], look: Look, name: Name) -> None:
    lists = {name(a.item): a.item for a in again.values()}
    for item in lists.values():
        seen = Counter(map(_mark, await _read(item, look)))
        for mark in seen.keys() & again.keys():
            again[mark].most = max(again[mark].most, seen[mark])


async def _read(item: HistoryItem, look: Look) -> Iterable[HistoryItem]:
    if not _PLAIN_ID.fullmatch(item.id):
        return ()
    try:
        return await look(item)
    except (RejectedError, ContractError):
        return ()  # one list that cannot be read must not stop the others


def _mark(item: HistoryItem) -> Mark:
    return (
        item.id,
        item.season,
        item.episode,
        item.updated_at,
        item.created_at,
        item.imported,
    )
