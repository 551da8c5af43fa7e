"""Times of watching that stand beside what is read of a document.

What a document is, a part of it tells; the rest of it may hold plays in a form that
nobody here knows. They are not read, and not passed over in silence either.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connectors.trakt.export.archive import ELSEWHERE
from connectors.trakt.export.columns import TIMES, has_times, squash, tell_times
from connectors.trakt.export.documents import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The end of a name that may be that of a time of watching, in whatever spelling; no
#: name is so long, and a text that looks like one for ever is not read again and again.
_NAME = re.compile(rb'(?:atched|[Ss]een|iewed|layed)[A-Za-z_ -]{0,60}+"\s*:')
#: Those that are read, or are no times.
_KNOWN = (b'"watched_at"', b'"last_watched_at"', b'"watched"')
_READ = frozenset({"history", "watched"})


def may_tell_more(data: bytes, plays: int) -> bool:
    """Whether JSON that holds so many plays may tell other times of watching.

    A look at the bytes, which takes a fraction of the time of decoding them.
    """
    known, lasts, flags = map(data.count, _KNOWN)
    found = sum(1 for _ in _NAME.finditer(data))
    return known != plays or lasts > 0 or found != known + flags


def tells_more(kind: Kind, document: Any) -> bool:
    """Whether a document of that kind tells times of watching that nobody reads."""
    if kind is Kind.TRAKTEXPORT:
        passed_over = _READ | ELSEWHERE
        rest = {n: v for n, v in document.items() if n not in passed_over}
        parts = [document[name] for name in _READ if name in document]
        return any(_in_lists(rest)) or any(map(_tell_more, parts))
    if kind is Kind.EMPTY:
        return False
    if kind in (Kind.OWNER, Kind.TOTALS):
        return has_times(document)
    return _tell_more(document)


def _tell_more(document: Any) -> bool:
    items = document if isinstance(document, list) else [document]
    return any(_tells_more(item) for item in items if isinstance(item, dict))


def _tells_more(item: dict[str, Any]) -> bool:
    """Whether lists in an item tell other times than the item itself."""
    times = {name for name in item if squash(name) in (*TIMES, "lastwatchedat")}
    own = {str(item[name]) for name in times}
    rest = {n: v for n, v in _without_seasons(item).items() if n not in times}
    return any(time not in own for time in _in_lists(rest))


def _without_seasons(item: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is read of the seasons of a watched list, and keep the rest."""
    if "last_watched_at" not in item or not isinstance(item.get("seasons"), list):
        return item
    seasons = [season for season in item["seasons"] if isinstance(season, dict)]
    episodes = [season.get("episodes") for season in seasons]
    rest = [
        {name: value for name, value in episode.items() if isinstance(value, list)}
        for listed in episodes
        if isinstance(listed, list)
        for episode in listed
        if isinstance(episode, dict)
    ]
    return {**item, "seasons": rest}


def _in_lists(value: Any) -> Iterator[str]:
    """Yield the times of watching that stand in lists, however deep."""
    if isinstance(value, list):
        yield from tell_times(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, list):
                yield from tell_times({name: inner})
            else:
                yield from _in_lists(inner)
