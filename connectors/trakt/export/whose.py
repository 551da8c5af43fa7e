"""Whose ids an episode row carries: some tools write the show's, others its own.

One id that stands at several episodes is the show's; ids that change from one episode
of a show to the next are the episodes' own. A tool writes one or the other, so what
some rows of a file tell goes for those that tell nothing by themselves.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from connectors.trakt.sense import UnusableError, has_lookup

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from connectors.trakt.export.rows import FlatRow
    from connectors.trakt.models import HistoryItem

    Row = dict[str, Any]

OPEN_IDS = "does not say whether its ids are those of the show or of the episode"
NAME_THE_SHOW = (
    "Name the columns with the show's ids show_tmdb_id, show_imdb_id and the like, or "
    "add a column show_title."
)


def settle_ids(rows: Sequence[FlatRow]) -> None:
    """Give open ids to the show where the rows of the file tell that they are its."""
    rows = [row for row in rows if row.open_ids]
    shared = {key for key, places in _places(rows, _ids_of) if len(places) > 1}
    changing = {
        name
        for name, places in _places(rows, _name_of)
        if len(places) > 1 and name is not None
    } - {_name_of(row) for row in rows if _ids_of(row) in shared}
    for row in rows:
        is_by_file = bool(shared) and not changing
        if _ids_of(row) in shared or is_by_file:
            row.item["show"]["ids"] = row.open_ids
            row.item["episode"]["ids"] = {}
        elif _name_of(row) in changing:
            row.has_show_name = True
    _part_namesakes(rows)


def check_open(row: FlatRow, item: HistoryItem) -> None:
    """Refuse a row of which neither the file nor TMDB can tell the show."""
    show, episode = item.show, item.episode
    if not row.open_ids or row.has_show_name or show is None or episode is None:
        return
    if not show.ids.model_dump(exclude_none=True) and not has_lookup(episode):
        raise UnusableError(OPEN_IDS, NAME_THE_SHOW)


def _part_namesakes(rows: Iterable[FlatRow]) -> None:
    """Take the name off rows of one name and number whose ids differ.

    It is the episodes' name then: there is a "Pilot" of many shows.
    """
    ids: defaultdict[object, set[object]] = defaultdict(set)
    for row in rows:
        ids[_name_of(row), _place_of(row)].add(_ids_of(row))
    for row in rows:
        if len(ids[_name_of(row), _place_of(row)]) > 1 and not row.has_show_name:
            row.item["show"]["title"] = None


def _places(rows: Iterable[FlatRow], key: Any) -> Iterable[tuple[object, set[object]]]:
    places: defaultdict[object, set[object]] = defaultdict(set)
    for row in rows:
        places[key(row)].add(_place_of(row))
    return places.items()


def _ids_of(row: FlatRow) -> object:
    return tuple(sorted(row.open_ids.items()))


def _name_of(row: FlatRow) -> object:
    show = row.item["show"]
    return (show["title"], show["year"]) if show["title"] else None


def _place_of(row: FlatRow) -> object:
    episode = row.item["episode"]
    return (episode["season"], episode["number"])
