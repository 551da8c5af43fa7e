"""Discovr, as far as a run depends on it: at most four requests, none of them writes.

Opening a session is a POST that changes nothing of the person's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.discovr.auth import (
    choose_profile,
    list_profiles,
    name_profiles,
    stored_profile,
)
from connectors.discovr.client import DiscovrClient
from connectors.errors import ServiceError
from sync.checkup import shapes
from sync.checkup.findings import (
    Cause,
    Finding,
    Verdict,
    attempt,
    from_error,
    ok,
    problem,
    unchecked,
    warning,
)
from sync.checkup.logins import DISCOVR, check_discovr_login
from sync.checkup.reach import reach
from sync.load.discovr import entry_from_api
from sync.runtime import words
from sync.runtime.words import count
from sync.wiring.logins import secret

if TYPE_CHECKING:
    from connectors.discovr.auth import SessionAuth
    from connectors.discovr.models import HistoryItem, Profile
    from sync.checkup.heard import Heard
    from sync.wiring.clients import Clients

REACHABLE, ANSWERS = "Discovr reachable", "Discovr answers"
PROFILE, SESSION = "Discovr profile", "Discovr session"
HISTORY, PAGING = "Discovr history", "Discovr paging"
_AFTER = (ANSWERS, PROFILE, SESSION, HISTORY, PAGING)
_NEWER = "Look for a newer version of this program: the service may have changed."
#: One for the shape, another to see that the cursor leads on.
_PAGES = 2
_LIST = "GET /profile/history"


class DiscovrCheckup:
    """Looks at Discovr.

    ``seasons`` then names some that are listed: the show on TMDB, and the number.
    """

    def __init__(self, clients: Clients, heard: Heard) -> None:
        self._settings = clients.settings
        self._clients = clients
        self._heard = heard
        self.seasons: list[tuple[int, int]] = []

    async def run(self) -> list[Finding]:
        """Return what was found, in order. What depends on a failure is not checked."""
        url = self._settings.discovr.api_url
        findings = [
            await attempt(REACHABLE, reach("Discovr", url, "[discovr] api_url")),
            await attempt(DISCOVR, self._login()),
        ]
        steps = (self._profiles, self._session, self._history)
        for step in steps:
            if not _failed(findings):
                findings += await step()
        failed = _failed(findings)
        why = f"it depends on {failed.check}" if failed else "one page holds it all"
        return [*findings, *_rest(findings, why)]

    async def _login(self) -> Finding:
        now = self._heard.clock.now()
        return check_discovr_login(self._settings, self._clients.store, now)

    async def _profiles(self) -> list[Finding]:
        try:
            profiles = await list_profiles(self._clients.identity())
        except ServiceError as error:
            return [from_error(ANSWERS, error)]
        accepted = ok(ANSWERS, "the login is accepted")
        return [accepted, await attempt(PROFILE, self._choose(profiles))]

    async def _choose(self, profiles: list[Profile]) -> Finding:
        settings = self._settings.discovr
        configured = secret(settings.refresh_token)
        wanted = settings.profile or stored_profile(self._clients.store, configured)
        if not wanted:
            return problem(
                PROFILE,
                f"none of the {len(profiles)} is chosen",
                f"Put one of these into [discovr] profile: {name_profiles(profiles)}.",
                Cause.CONFIG,
            )
        self._profile = choose_profile(profiles, wanted)
        many = f"one of {len(profiles)}"
        return ok(PROFILE, f"{self._profile.name} ({self._profile.id}), {many}")

    async def _session(self) -> list[Finding]:
        http, session = self._clients.profile()
        session.profile_id = self._profile.id  # which saves another list of profiles
        self._client = DiscovrClient(http)
        self._auth = session
        return [await attempt(SESSION, self._open(session))]

    async def _open(self, session: SessionAuth) -> Finding:
        headers = await session.headers()
        ends_at = session.ends_at
        minutes = 0
        if ends_at is not None:
            minutes = round((ends_at - self._heard.clock.now()).total_seconds() / 60)
        if minutes < 1:
            return problem(
                SESSION,
                "a new session is over at once",
                "Set the clock of this machine; if it is right, the service is not.",
            )
        if headers["Authorization"].count(".") != 2:
            return warning(SESSION, "sessionToken: not a JWT as documented", _NEWER)
        return ok(SESSION, f"opened, lasts {count(minutes, 'minute')}")

    async def _history(self) -> list[Finding]:
        pages: list[list[HistoryItem]] = []
        found: list[Finding] = []
        try:
            async for items in self._client.history():
                pages.append(items)
                if len(pages) == 1:
                    found.append(self._judge(items))
                if len(pages) == _PAGES:
                    break
        except ServiceError as error:
            return [*found, from_error(PAGING if pages else HISTORY, error)]
        return [*found, *_judge_pages(pages)]

    def _judge(self, items: list[HistoryItem]) -> Finding:
        if self._auth.uses_identity:
            return warning(
                HISTORY,
                "Discovr wants the identity token for the history, where its reference "
                "names the session token",
                "Runs manage as long as the account has one profile alone.",
            )
        entries = [entry_from_api(item) for item in items]
        for entry in entries:
            name, _, number = entry.key.media.partition("_")
            if name == "TV" and entry.key.season:
                self.seasons.append((int(number), entry.key.season))
        records = self._heard.records(_LIST, "items")
        odd = shapes.differences(shapes.ENTRY, records)
        if entries and all(entry.updated_at is None for entry in entries):
            return problem(HISTORY, f"no entry can be read: {odd}", _NEWER)
        if odd:
            return warning(HISTORY, odd, _NEWER)
        if not entries:
            return unchecked(HISTORY, "the profile is empty, so no entry can be seen")
        labelled = sum(entry.imported is not None for entry in entries)
        defaults = sum(entry.is_default for entry in entries)
        return ok(
            HISTORY,
            f"{words.entries(len(entries))} as documented, {labelled} with an imported "
            f"label, {defaults} for a whole season",
        )


def _judge_pages(pages: list[list[HistoryItem]]) -> list[Finding]:
    if len(pages) < _PAGES:
        return []
    first, second = pages
    if not second or first == second:
        return [
            warning(
                PAGING,
                "nextPageToken: leads to a page that is empty or the same again",
                _NEWER,
            )
        ]
    return [ok(PAGING, "the cursor leads on to a second page")]


def _failed(findings: list[Finding]) -> Finding | None:
    return next((f for f in findings if f.verdict is Verdict.PROBLEM), None)


def _rest(findings: list[Finding], why: str) -> list[Finding]:
    """Name what was not looked at, and why."""
    seen = {finding.check for finding in findings}
    return [unchecked(name, why) for name in _AFTER if name not in seen]
