"""Flat rows, of JSON or of a table, as the plays that the API would have sent."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from connectors.trakt.export.columns import (
    ELSEWHERE,
    EPISODE,
    EPISODES,
    FILM,
    ID_NAMES,
    PLAYS,
    SEASONS,
    SHOW,
    TIMES,
    WATCHED_FLAGS,
    Columns,
    Row,
    get,
    has_prefix,
    id_columns,
    squash,
    to_columns,
)
from connectors.trakt.export.kinds import find_kind, read_kind
from connectors.trakt.lenient import (
    is_nothing,
    to_id,
    to_imdb,
    to_text,
    to_whole,
    to_year,
)
from connectors.trakt.sense import UnusableError
from connectors.trakt.times import to_instant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

#: What other tools say of an item that nobody watched; any other word is no reason.
_OTHER_ACTIONS = frozenset(
    {
        "watchlist",
        "watchlisted",
        "rate",
        "rated",
        "rating",
        "ratings",
        "collect",
        "collected",
        "collection",
        "list",
        "listed",
        "comment",
        "commented",
        "comments",
        "drop",
        "dropped",
        "hide",
        "hidden",
        "favorite",
        "favorited",
        "favorites",
        "favourite",
        "favourited",
        "like",
        "liked",
        "likes",
        "follow",
        "followed",
        "recommend",
        "recommended",
        "remove",
        "removed",
        "unwatch",
        "unwatched",
        "wish",
        "wishlist",
        "plantowatch",
    }
)
_LETTER = re.compile(r"[^\W\d_]")
_YES_OR_NO = frozenset({"yes", "no", "true", "false", "y", "n"})
_NO = frozenset({"false", "False", "FALSE", "0", "no", "No"})
NO_NUMBERS = (
    "names {} without season and number, so nobody can tell which episode was watched: "
    "{} missing, empty or no number"
)
_NAME_THE_NUMBERS = "Add the columns season and episode, or export the episodes."
UNWATCHED = "says when it was watched, and that it was not"
_SAY_WHICH = "Correct the one or the other, or take the row out."
TWO_TIMES = "gives two times of watching"
TWO_IDS = "gives two ids of"
TWO_NUMBERS = "gives two numbers of a season or an episode"
_KEEP_ONE = "Keep the one that is right, and take the other out."
_A_DAY = timedelta(days=1)
NO_NAME = "names no title and no id"
_IDS_HELP = "Add the title, or the columns tmdb_id or imdb_id."


def find_time(row: Row) -> object:
    """Return what the row says about when it was watched, or None."""
    return get(row, *TIMES)


def read_time(row: Columns) -> datetime:
    """Read when it was watched. Raises UnusableError.

    A day beside the time of that day says no more; two other times are none.
    """
    found: list[datetime] = []
    for value in row.every(*TIMES):
        with suppress(UnusableError):
            found.append(to_instant(value))
    if not found:
        return to_instant(find_time(row))
    if max(found) - min(found) > _A_DAY:
        columns = [row.spell(column) for column in TIMES if column in row]
        raise UnusableError(f"{TWO_TIMES} in {' and '.join(columns)}", _KEEP_ONE)
    return found[0]


def find_last(row: Row, at: datetime) -> datetime | None:
    """Return when the row says that its title was watched last, if not ``at`` itself.

    What cannot be read, or is the day of ``at``, says no more.
    """
    if "lastwatchedat" in row:
        with suppress(UnusableError):
            last = to_instant(row["lastwatchedat"])
            return last if abs(last - at) > _A_DAY else None
    return None


def is_play(row: Row) -> bool:
    """Whether a row is about a play, and not a rating or a wish.

    Without a time, and with nothing else to be about, it is a play that lacks its time.
    """
    if squash(str(row.get("action") or "")) in _OTHER_ACTIONS:
        return False
    if find_time(row) is not None:
        return True
    is_unwatched = str(get(row, *WATCHED_FLAGS)) in _NO
    is_unwatched |= to_whole(get(row, *PLAYS)) == 0
    return not is_unwatched and not any(row.get(k) for k in ELSEWHERE)


def count_plays(row: Row) -> int:
    """Return how many plays the row says to stand for; it has one time only."""
    return max(to_whole(get(row, *PLAYS)) or 1, 1)


@dataclass(slots=True)
class FlatRow:
    """A row in the form of the API.

    ``open_ids`` are those of which the row does not say whether they are the show's or
    the episode's own; ``has_show_name`` tells that its name surely is the show's.
    """

    item: Row
    open_ids: Row
    has_show_name: bool = False


def read_row(row: Columns, named_kind: str | None) -> FlatRow:
    """Read the columns of a row; ``named_kind`` is what its file's name says.

    Raises UnusableError.
    """
    item = _read_item(row, named_kind)
    item.item["watched_at"] = read_time(row)
    if str(get(row, *WATCHED_FLAGS)) in _NO:
        raise UnusableError(UNWATCHED, _SAY_WHICH)
    return item


def outline_row(row: Columns, named_kind: str | None) -> Row:
    """Return what can be told of a row that is no play, in the form of the API."""
    try:
        kind = find_kind(row, named_kind)
        if kind == "movie":
            return {"type": "movie", "movie": _to_title(row, FILM, _film_ids(row))}
        show_ids = _read_ids(row, *SHOW)
        if kind != "episode":
            show_ids |= _read_ids(row, "")
    except UnusableError:
        return {}
    return {"type": "episode", "show": _to_title(row, SHOW, show_ids)}


def _read_item(row: Columns, named_kind: str | None) -> FlatRow:
    kind = find_kind(row, named_kind)
    base: Row = {"action": row.get("action"), "id": _history_id(row)}
    if kind == "movie":
        title = _to_title(row, FILM, _film_ids(row))
        if not title["ids"] and not title["title"]:
            raise UnusableError(NO_NAME, _IDS_HELP)
        return FlatRow(base | {"type": "movie", "movie": title}, {})
    season, number = (_read_number(row, names) for names in (SEASONS, EPISODES))
    if season is None or number is None:
        lacking = "the columns season and episode are"
        if season is not None or number is not None:
            lacking = f"the column {'season' if season is None else 'episode'} is"
        thing = "an episode" if kind == "episode" else f"a whole {kind}"
        reason = NO_NUMBERS.format(thing, lacking)
        raise UnusableError(reason, _NAME_THE_NUMBERS)
    root, show_ids = _read_ids(row, ""), _read_ids(row, *SHOW)
    own_ids = _read_ids(row, *EPISODE)
    open_ids: Row = {}
    if kind == "show" or own_ids:
        show_ids = root | show_ids
    elif show_ids:
        own_ids = root
    else:
        own_ids = open_ids = root
    show = _to_title(row, SHOW, show_ids)
    episode = {
        "season": season,
        "number": number,
        "title": row.get("episodetitle"),
        "ids": own_ids,
    }
    item = base | {"type": "episode", "show": show, "episode": episode}
    is_named = has_prefix(row, SHOW) or _read_name(row, SHOW) is not None
    return FlatRow(item, open_ids, is_named)


def _read_number(row: Columns, names: tuple[str, ...]) -> int | None:
    """Read the number from the first column that holds one: some hold a name."""
    for name in names:
        found = {to_whole(value) for value in row.every(name)} - {None}
        if len(found) > 1:
            raise UnusableError(TWO_NUMBERS, _KEEP_ONE)
        if found:
            return found.pop()
    return None


def _history_id(row: Row) -> int | None:
    """Return Trakt's id of the play; elsewhere ``id`` may be about anything."""
    is_api = any(has_prefix(row, names) for names in (FILM, SHOW, EPISODE))
    return to_id(row.get("historyid") or (row.get("id") if is_api else None))


def _film_ids(row: Columns) -> Row:
    return _read_ids(row, "") | _read_ids(row, *FILM)


def _to_title(row: Row, prefixes: tuple[str, ...], ids: Row) -> Row:
    years = [f"{p}year" for p in prefixes]
    named = _read_name(row, prefixes)
    return {
        "title": to_text(named or get(row, "title", "name")),
        "year": to_year(get(row, *years, "year")),
        "ids": ids,
    }


def _read_name(row: Row, prefixes: tuple[str, ...]) -> Any:
    """Read the name of a film or a show; a show's may stand in a column called show."""
    names = [f"{p}{n}" for p in prefixes for n in ("title", "name")]
    if (said := get(row, *names)) is not None:
        return said
    bare = get(row, *SHOW) if prefixes == SHOW else None
    is_name = isinstance(bare, str) and _LETTER.search(bare) and not read_kind(bare)
    return bare if is_name and squash(bare) not in _YES_OR_NO else None


def _read_ids(row: Columns, *prefixes: str) -> Row:
    ids: Row = {}
    for name in ID_NAMES:
        columns = [c for prefix in prefixes for c in id_columns(prefix, name)]
        read = to_imdb if name == "imdb" else to_id
        found = [v for value in row.every(*columns) if (v := read(value))]
        if len({*found}) > 1:
            raise UnusableError(f"{TWO_IDS} {name.upper()}", _KEEP_ONE)
        ids[name] = found[0] if found else None
    if ids["imdb"] is None:
        ids["imdb"] = to_imdb(get(row, *(f"{prefix}id" for prefix in prefixes)))
    return {name: value for name, value in ids.items() if value is not None}


# Objects of their own


def is_nested(item: Mapping[str, Any]) -> bool:
    """Whether the title stands in an object of its own, as the API writes it."""
    return any(isinstance(item.get(k), dict) for k in ("movie", "show", "episode"))


def gather(item: Row) -> Row:
    """Bring an item with objects of its own into the form of the API.

    A show may stand within its episode, and ids and numbers beside where they belong.
    """
    item = _lift(item)
    for name in ("movie", "show"):
        own = item.get(name)
        if isinstance(own, dict):
            item = {**item, name: _with_ids(own)}
    return _gather_numbers(item)


def _lift(item: Row) -> Row:
    """Take the show, or the season, out of the object in which it stands."""
    for outer in ("episode", "season"):
        holder = item.get(outer)
        for name in ("show", "season"):
            inner = holder.get(name) if isinstance(holder, dict) else None
            if isinstance(inner, dict) and is_nothing(item.get(name)):
                item = {**item, name: inner}
    return item


def _with_ids(own: Row) -> Row:
    """Put the ids of a film or a show where they belong, unless some stand there."""
    ids = own.get("ids")
    if isinstance(ids, dict) and not ids.keys().isdisjoint(ID_NAMES):
        return own
    columns = to_columns(own)
    found = {"title": get(columns, "title", "name"), "ids": _read_ids(columns, "")}
    return {**own, **found}


def _gather_numbers(item: Row) -> Row:
    """Put season and number into the episode where they stand beside it."""
    beside: Row = to_columns({k: item.get(k) for k in ("season", "episode")})
    beside |= to_columns({k: v for k, v in item.items() if not isinstance(v, dict)})
    own = item.get("episode")
    episode = dict(own) if isinstance(own, dict) else {}
    if own is None and not {*SEASONS, *EPISODES} & beside.keys():
        return item
    columns = to_columns(episode) | beside
    if to_whole(episode.get("season")) is None:
        episode["season"] = get(columns, *SEASONS)
    if to_whole(episode.get("number")) is None:
        episode["number"] = get(columns, *EPISODES)
    return {**item, "episode": episode}
