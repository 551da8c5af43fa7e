"""The Discovr stand-in: an account with profiles, as documented or as quirks say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from sync.sandbox.account.titles import by_media_id
from sync.sandbox.discovr.auth import DiscovrAuth
from sync.sandbox.discovr.history import HistoryBook, StoredEntry
from sync.sandbox.discovr.history_api import HistoryApi
from sync.sandbox.discovr.identity import DiscovrIdentity
from sync.sandbox.discovr.lists import PageBook, PlaybackBook, ProfileBook
from sync.sandbox.discovr.lists_api import PagesApi, PlaybackApi
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.wire import DiscovrWire
from sync.sandbox.discovr.writes import Writes
from sync.sandbox.server.faults import GATEWAY_PAGE
from sync.sandbox.server.journal import Journal
from sync.sandbox.server.limits import Window
from sync.sandbox.server.server import RefusedError, StandIn, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from pathlib import Path
    from typing import Any

    from sync.domain.plays import Key
    from sync.sandbox.account.titles import CatalogueTitle
    from sync.sandbox.discovr.lists import Profile, ResumePoint
    from sync.sandbox.discovr.visibility import Visibility
    from sync.sandbox.server.devices import DeviceCodes

_AVATAR = "https://images.discovr.media/avatars/sandbox.png"


class DiscovrStandIn(StandIn):
    """Plays Discovr for one account.

    ``catalogue`` gives titles and pictures, and says what is unknown. With
    ``store_path`` everything that was written is there again in the next process.
    Methods without a ``profile`` mean the first one, which is called "Me" by default;
    what the ``person_...`` ones do, the person did in another app.
    """

    def __init__(
        self,
        *,
        quirks: DiscovrQuirks | None = None,
        catalogue: Iterable[CatalogueTitle] = (),
        store_path: Path | None = None,
        now: Callable[[], datetime] = utc_now,
        profiles: Sequence[str] = ("Me", "Kids"),
    ) -> None:
        super().__init__(now=now)
        self.quirks = quirks or DiscovrQuirks()
        self._catalogue = by_media_id(catalogue)
        journal = Journal(store_path)
        self._wire = DiscovrWire(self.quirks, self._catalogue)
        self._auth = DiscovrAuth(journal, self.quirks, now)
        self._profiles = ProfileBook(journal, now)
        self._book = HistoryBook(journal, self.quirks, now)
        self._playback = PlaybackBook(journal, self.quirks)
        self._pages = PageBook(journal, now)
        self._identity = DiscovrIdentity(
            self._auth, self._profiles, self._wire, self.quirks, now, lambda: self.url
        )
        self._writes = Writes(self.quirks, now)
        self._window: Window | None = None
        if (rate := self.quirks.requests_per_second) is not None:
            limit = max(1, int(rate))
            self._window = Window(limit, limit / rate)
        #: Whether nothing was there before: no store, or an empty one.
        self.is_new = not self._profiles.newest_first()
        if self.is_new:
            for name in profiles:
                self._profiles.add(name, _AVATAR)

    @property
    def devices(self) -> DeviceCodes:
        """The device codes under way, and the person who answers them."""
        return self._identity.devices

    @property
    def visibility(self) -> Visibility:
        """What the lists show; may be changed at any time."""
        return self._book.visibility

    @property
    def profiles(self) -> list[Profile]:
        """All profiles, the oldest first."""
        return self._profiles.newest_first()[::-1]

    def entries(self, profile: str | None = None) -> list[StoredEntry]:
        """Return what stands in the history, in the order of its creation."""
        self._writes.catch_up()
        return self._book.entries(self._profile(profile))

    def playback(self, profile: str | None = None) -> list[ResumePoint]:
        """Return what stands in Continue Watching."""
        self._writes.catch_up()
        return self._playback.points(self._profile(profile))

    def person_adds(
        self,
        key: Key,
        *,
        progress: float = 100,
        at: datetime | None = None,
        imported: str | None = None,
        profile: str | None = None,
    ) -> StoredEntry:
        """Add an entry: the person watched something, by default now."""
        now = self._now()
        entry = StoredEntry(
            number=self._book.next_number(),
            profile=self._profile(profile),
            key=key,
            updated_at=at or now,
            created_at=now,
            progress=progress,
            imported=imported,
        )
        self._book.append(entry)
        return entry

    def person_sets(
        self,
        key: Key,
        progress: float,
        *,
        at: datetime | None = None,
        profile: str | None = None,
    ) -> StoredEntry:
        """Set the progress of a key: one new entry in place of all that it had."""
        self.person_removes(key, profile=profile)
        return self.person_adds(key, progress=progress, at=at, profile=profile)

    def person_removes(self, key: Key, *, profile: str | None = None) -> None:
        """Remove every entry of exactly this key."""
        self._book.drop(self._book.of_key(self._profile(profile), key))

    def person_replaces_profile(self, name: str) -> None:
        """Remove the profile of that name, and add an empty one that is called so."""
        (old,) = (profile for profile in self.profiles if profile.name == name)
        self._profiles.add(name, _AVATAR)
        self._profiles.remove(old.id)

    def routes(self) -> list[web.RouteDef]:
        """Return what the service answers to."""
        auth, wire, writes = self._auth, self._wire, self._writes
        history = HistoryApi(
            self._book, self._playback, auth, wire, writes, self.quirks
        )
        playback = PlaybackApi(self._playback, auth, wire, writes, self._now)
        pages = PagesApi(self._pages, auth, wire, self._catalogue)
        return [
            *self._identity.routes(),
            *history.routes(),
            *playback.routes(),
            *pages.routes(),
        ]

    def admit(self, request: web.Request) -> None:
        """Hold the rate limit, if there is one."""
        self._writes.catch_up()
        if self._window is None or request.path == "/activate":
            return
        if not self._window.take(self._now()):
            headers = self._window.retry_after(self._now(), self.quirks.retry_after)
            raise RefusedError(429, "RATE_LIMITED", "Too many requests.", headers)

    def refuse(self, refusal: RefusedError) -> web.Response:
        """Word a refusal in the form of the quirks."""
        status, headers = refusal.status, refusal.headers
        code = refusal.code or f"HTTP_{status}"
        error = {"code": code, "message": refusal.message, **refusal.extra}
        match self.quirks.error_body:
            case "empty":
                return web.Response(status=status, headers=headers)
            case "html":
                page = GATEWAY_PAGE.format(status=status)
                return web.Response(
                    status=status, text=page, content_type="text/html", headers=headers
                )
            case "text":
                body: dict[str, Any] = {"error": refusal.message or code}
            case "wrapped":
                body = {"error": error}
            case _:
                body = error
        return web.json_response(body, status=status, headers=headers)

    def _profile(self, profile: str | None) -> str:
        return profile or self.profiles[0].id
