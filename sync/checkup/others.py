"""TMDB and Pharen Hub, which are optional: one request each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.errors import NotFoundError
from sync.checkup import shapes
from sync.checkup.findings import Finding, Verdict, attempt, ok, unchecked, warning
from sync.checkup.reach import reach
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.tmdb.client import TmdbClient
    from sync.checkup.heard import Heard
    from sync.config import Settings
    from sync.wiring.clients import Clients

TMDB, PHAREN = "TMDB show and season", "Pharen Hub answers"
_NEWER = "Look for a newer version of this program: the service may have changed."
#: A show that has been there for long, where none is known from the person's history.
_KNOWN_SEASON = (1396, 1)


async def reach_tmdb(settings: Settings) -> list[Finding]:
    """Connect to TMDB, if there is a key for it."""
    if settings.tmdb.api_key is None:
        why = "[tmdb] api_key is not set, so ids that Trakt lacks are not looked up"
        return [unchecked("TMDB", why)]
    url = settings.tmdb.api_url
    return [await attempt("TMDB reachable", reach("TMDB", url, "[tmdb] api_url"))]


async def check_tmdb(
    clients: Clients,
    heard: Heard,
    before: Sequence[Finding],
    seasons: Sequence[tuple[int, int]],
) -> list[Finding]:
    """Ask for a show and one season of it, if TMDB can be reached."""
    client = clients.tmdb()
    if client is None:
        return []
    if any(finding.verdict is Verdict.PROBLEM for finding in before):
        return [unchecked(TMDB, "it depends on TMDB reachable")]
    show, number = next(iter(seasons), _KNOWN_SEASON)
    return [await attempt(TMDB, _look_up(client, heard, show, number))]


async def _look_up(client: TmdbClient, heard: Heard, show: int, number: int) -> Finding:
    try:
        _, seasons = await client.show(show, [number])
    except NotFoundError:
        return unchecked(TMDB, "the key is accepted; no show is known to ask for")
    label = f"GET /tv/{show}"
    odd = [shapes.differences(shapes.TMDB_SHOW, heard.records(label))]
    part = heard.records(label, f"season/{number}")
    if seasons:
        odd.append(shapes.differences(shapes.TMDB_SEASON, part))
    if named := "; ".join(filter(None, odd)):
        remedy = f"Without air dates no season is collapsed. {_NEWER}"
        return warning(TMDB, named, remedy)
    dates = [episode.air_date for season in seasons for episode in season.episodes]
    dated = sum(date is not None for date in dates)
    episodes = count(len(dates), "episode has a date", "episodes have dates")
    return ok(TMDB, f"the key is accepted; {dated} of {episodes}")


async def check_pharen(clients: Clients) -> list[Finding]:
    """Look at the first page of the workspace, if there is a key for it."""
    settings = clients.settings.pharen
    if settings.api_key is None:
        return []
    url, setting = settings.api_url, "[pharen] api_url"
    name = "Pharen Hub reachable"
    reached = await attempt(name, reach("Pharen Hub", url, setting))
    if reached.verdict is Verdict.PROBLEM:
        return [reached, unchecked(PHAREN, f"it depends on {name}")]
    return [reached, await attempt(PHAREN, _first_page(clients))]


async def _first_page(clients: Clients) -> Finding:
    await anext(clients.pharen().pages(), None)
    return ok(PHAREN, "the key is accepted")
