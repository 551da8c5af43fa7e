"""Trakt, as far as a run depends on it: six requests, and none of them writes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from connectors.errors import ContractError, ServiceError
from connectors.trakt.client import PAGE_LIMIT
from connectors.trakt.device import read_account
from sync.checkup import shapes
from sync.checkup.findings import (
    Finding,
    Verdict,
    attempt,
    from_error,
    ok,
    problem,
    unchecked,
    warning,
)
from sync.checkup.logins import TRAKT, check_trakt_login
from sync.checkup.reach import reach
from sync.extract.records import PlayMapper, UnusableRecordError
from sync.runtime.concurrency import run_all
from sync.runtime.words import count

if TYPE_CHECKING:
    from connectors.trakt.client import HistoryPage, TraktClient
    from connectors.trakt.sense import HistoryRecord
    from sync.checkup.heard import Heard
    from sync.wiring.clients import Clients

ANSWERS, STAMPS, LIMITS = "Trakt answers", "Trakt change stamps", "Trakt limits"
ACCOUNT, HISTORY = "Trakt account", "Trakt history"
FILMS, SHOWS, SEASONS = "Trakt minimal films", "Trakt minimal shows", "Trakt seasons"
#: Looked at together, once it is known that Trakt answers.
_PROBES = (ACCOUNT, HISTORY, FILMS, SHOWS, SEASONS)
_AFTER = (ANSWERS, STAMPS, LIMITS, *_PROBES)
_NEWER = "Look for a newer version of this program: the service may have changed."
_PAGING = ("Limit", "Page-Count", "Item-Count")


class TraktCheckup:
    """Looks at Trakt.

    ``seasons`` then names some that were watched: the show on TMDB, and the number.
    """

    def __init__(self, clients: Clients, heard: Heard) -> None:
        self._settings = clients.settings.trakt
        self._clients = clients
        self._heard = heard
        self.seasons: list[tuple[int, int]] = []

    async def run(self) -> list[Finding]:
        """Return what was found, in order. What depends on a failure is not checked."""
        if self._settings.client_id is None:
            why = "[trakt] client_id is not set, so only downloads can be read"
            return [unchecked("Trakt", f"{why} (--from-file)")]
        findings = await self._reach()
        findings.append(await attempt(TRAKT, self._login()))
        for finding in findings:
            if finding.verdict is Verdict.PROBLEM:
                why = f"it depends on {finding.check}"
                return [*findings, *(unchecked(name, why) for name in _AFTER)]
        return [*findings, *await self._ask(self._clients.trakt())]

    async def _reach(self) -> list[Finding]:
        settings = self._settings
        hosts = {settings.api_url: ("Trakt", "[trakt] api_url")}
        hosts.setdefault(settings.auth_url, ("Trakt sign-in", "[trakt] auth_url"))
        return list(
            await run_all(
                *(
                    attempt(f"{name} reachable", reach(name, url, setting))
                    for url, (name, setting) in hosts.items()
                )
            )
        )

    async def _login(self) -> Finding:
        now = self._heard.clock.now()
        return check_trakt_login(self._clients.settings, self._clients.store, now)

    async def _ask(self, client: TraktClient) -> list[Finding]:
        try:
            await client.last_activities()
        except ContractError as error:
            findings = [self._accepted(), from_error(STAMPS, error)]
        except ServiceError as error:
            why = f"it depends on {ANSWERS}"
            rest = [unchecked(name, why) for name in (STAMPS, LIMITS, *_PROBES)]
            return [from_error(ANSWERS, error), *rest]
        else:
            findings = [self._accepted(), self._stamps()]
        limits, is_near_its_end = self._limits()
        findings.append(limits)
        if is_near_its_end:
            why = "too few requests are left, and runs need them more"
            return [*findings, *(unchecked(name, why) for name in _PROBES)]
        return [*findings, *await self._probe(client)]

    def _accepted(self) -> Finding:
        renewed = "; it had run out and was renewed" if self._heard.has_renewed else ""
        return ok(ANSWERS, f"the login is accepted{renewed}")

    def _stamps(self) -> Finding:
        records = self._heard.records("GET /sync/last_activities")
        if odd := shapes.differences(shapes.ACTIVITIES, records):
            remedy = f"Changes may go unnoticed until the next full read. {_NEWER}"
            return warning(STAMPS, odd, remedy)
        return ok(STAMPS, "as documented")

    def _limits(self) -> tuple[Finding, bool]:
        quota = self._heard.quota
        if quota is None or quota.remaining is None:
            text = "X-Ratelimit: missing; runs then keep to the documented limit"
            return warning(LIMITS, text, _NEWER), False
        used = quota.limit - quota.remaining
        requests = count(quota.limit, "request")
        spell = count(round(quota.period / 60), "minute")
        text = f"{used:,} of {requests} in {spell} are used"
        until = f" until {quota.until:%H:%M:%S} UTC" if quota.until else ""
        if quota.remaining < len(_PROBES):
            remedy = "Wait until then; another program may be using the same login."
            return warning(LIMITS, f"{text}{until}", remedy), True
        if quota.remaining < quota.limit / 10:
            remedy = "Runs will wait; another program may be using the same login."
            return warning(LIMITS, f"{text}{until}", remedy), False
        return ok(LIMITS, text), False

    async def _probe(self, client: TraktClient) -> list[Finding]:
        (account, films, shows), (history, seasons) = await run_all(
            run_all(
                attempt(ACCOUNT, self._account(client)),
                attempt(FILMS, self._films(client)),
                attempt(SHOWS, self._shows(client)),
            ),
            self._history(client),
        )
        return [account, history, films, shows, seasons]

    async def _account(self, client: TraktClient) -> Finding:
        account = await read_account(client.http)
        if account.vip is None:
            return warning(ACCOUNT, "user.vip: missing", _NEWER)
        if account.vip:
            return ok(ACCOUNT, "a VIP account")
        return ok(ACCOUNT, "a free account: it can have one community app connected")

    async def _history(self, client: TraktClient) -> tuple[Finding, Finding]:
        """Look at one page, and at the seasons of a show on it."""
        try:
            page = await client.history_page(1)
        except ServiceError as error:
            why = f"it depends on {HISTORY}"
            return from_error(HISTORY, error), unchecked(SEASONS, why)
        shows = [item for item in page.items if item.show and item.episode]
        self.seasons = list(_tmdb_seasons(shows))
        show = next((i.show.ids.trakt for i in shows if i.show), None)
        if show is None:
            why = "there is no show on the first page of the history"
            return self._judge(page), unchecked(SEASONS, why)
        return self._judge(page), await attempt(SEASONS, self._seasons(client, show))

    def _judge(self, page: HistoryPage) -> Finding:
        if not page.size:
            return unchecked(HISTORY, "it is empty, so no play can be seen")
        label = "GET /sync/history"
        odd = shapes.differences(shapes.PLAY, self._heard.records(label))
        if not self._count_plays(page):
            return problem(HISTORY, f"no record can be read: {odd}", _NEWER)
        headers = self._heard.answers[label].headers
        names = [f"X-Pagination-{name}" for name in _PAGING]
        gone = [f"{name}: missing" for name in names if name not in headers]
        if page.limit is not None and page.limit < PAGE_LIMIT:
            gone.append(f"X-Pagination-Limit: less than the {PAGE_LIMIT} asked for")
        if named := "; ".join(filter(None, [odd, *gone])):
            remedy = f"What cannot be read is set aside and reported. {_NEWER}"
            return warning(HISTORY, named, remedy)
        return ok(HISTORY, f"{count(page.size, 'play')} on a page, as documented")

    def _count_plays(self, page: HistoryPage) -> int:
        mapper, plays = PlayMapper(self._heard.now_at("Trakt")), 0
        for item in page.items:
            with suppress(UnusableRecordError):
                mapper.play(item)
                plays += 1
        return plays

    async def _films(self, client: TraktClient) -> Finding:
        films = await client.minimal_films()
        return ok(FILMS, f"{count(len(films), 'film')}, as documented")

    async def _shows(self, client: TraktClient) -> Finding:
        shows = await client.minimal_shows()
        return ok(SHOWS, f"{count(len(shows), 'show')}, as documented")

    async def _seasons(self, client: TraktClient, show: int) -> Finding:
        seasons = await client.seasons(show)
        label = f"GET /shows/{show}/seasons"
        odd = shapes.differences(shapes.SEASON, self._heard.records(label))
        if odd:
            remedy = f"Without air dates no season is collapsed. {_NEWER}"
            return warning(SEASONS, odd, remedy)
        dates = [e.first_aired for s in seasons for e in s.episodes or ()]
        dated = sum(date is not None for date in dates)
        episodes = count(len(dates), "episode has", "episodes have")
        return ok(SEASONS, f"{dated} of {episodes} an air date")


def _tmdb_seasons(items: list[HistoryRecord]) -> dict[tuple[int, int], None]:
    return {
        (item.show.ids.tmdb, item.episode.season): None
        for item in items
        if item.show and item.show.ids.tmdb and item.episode and item.episode.season
    }
