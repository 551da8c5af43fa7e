"""Discovr's smaller collections: profiles, resume points and pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from sync.sandbox.server.credentials import made_up
from sync.sandbox.server.journal import Table, moment
from sync.sandbox.server.server import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sync.sandbox.discovr.auth import Session
    from sync.sandbox.discovr.quirks import DiscovrQuirks
    from sync.sandbox.server.journal import Journal


@dataclass(frozen=True, slots=True)
class Profile:
    """A viewer on the account."""

    id: str
    name: str
    avatar_url: str
    created_at: datetime

    @classmethod
    def load(cls, row: dict[str, Any]) -> Profile:
        """Read a row of the journal."""
        return cls(**{**row, "created_at": moment(row["created_at"])})


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """One item of Continue Watching."""

    number: int
    profile: str
    media: str
    progress: float | None
    updated_at: datetime
    season: int | None = None
    episode: int | None = None

    @classmethod
    def load(cls, row: dict[str, Any]) -> ResumePoint:
        """Read a row of the journal."""
        return cls(**{**row, "updated_at": moment(row["updated_at"])})


@dataclass(frozen=True, slots=True)
class Page:
    """A page of recommendations; it belongs to the session that made it."""

    id: str
    session: str
    filters: dict[str, Any]
    created_at: datetime
    name: str | None = None

    @classmethod
    def load(cls, row: dict[str, Any]) -> Page:
        """Read a row of the journal."""
        return cls(**{**row, "created_at": moment(row["created_at"])})


class ProfileBook:
    """The profiles of the account."""

    def __init__(self, journal: Journal, now: Callable[[], datetime]) -> None:
        self._table = Table(journal, "profiles", Profile.load)
        self._now = now

    def add(self, name: str, avatar_url: str) -> Profile:
        """Create a profile."""
        ids = ("prf_" + made_up(f"profile {number}", 12) for number in count(1))
        profile_id = next(i for i in ids if i not in self._table.rows)
        return self._put(Profile(profile_id, name, avatar_url, self._now()))

    def remove(self, profile_id: str) -> None:
        """Remove a profile."""
        self._table.drop(profile_id)

    def change(
        self, profile_id: str, *, name: str | None = None, avatar_url: str | None = None
    ) -> Profile:
        """Change name, avatar or both."""
        old = self.find(profile_id)
        return self._put(
            replace(old, name=name or old.name, avatar_url=avatar_url or old.avatar_url)
        )

    def find(self, profile_id: str) -> Profile:
        """Return a profile, or refuse."""
        profile = self._table.rows.get(profile_id)
        if profile is None:
            raise RefusedError(404, "PROFILE_NOT_FOUND", "No such profile.")
        return profile

    def newest_first(self) -> list[Profile]:
        """Return all profiles."""
        return list(reversed(self._table.rows.values()))

    def _put(self, profile: Profile) -> Profile:
        self._table.put(profile.id, profile)
        return profile


class PlaybackBook:
    """Continue Watching of all profiles, under one set of quirks."""

    def __init__(self, journal: Journal, quirks: DiscovrQuirks) -> None:
        self._table = Table(journal, "playback", ResumePoint.load)
        self._quirks = quirks

    def points(self, profile: str, media: str | None = None) -> list[ResumePoint]:
        """Return the resume points of a profile, or of one title in it."""
        return [
            point
            for point in self._table.rows.values()
            if point.profile == profile and media in (None, point.media)
        ]

    def next_number(self) -> int:
        """Return the number of the next resume point."""
        return max((p.number for p in self._table.rows.values()), default=0) + 1

    def add(self, point: ResumePoint) -> None:
        """Add a resume point, as POST does with one of a known title."""
        known = self.points(point.profile, point.media)
        if known and self._quirks.playback_known == "conflict":
            raise RefusedError(409, "ALREADY_EXISTS", "The title is there already.")
        if known and self._quirks.playback_known == "replaces":
            point = replace(point, number=known[0].number)
        self._table.put(str(point.number), point)

    def change(self, point: ResumePoint) -> None:
        """Change the newest resume point of a title, as PATCH does."""
        known = self.points(point.profile, point.media)
        if not known and self._quirks.playback_absent == "missing":
            raise RefusedError(404, "NOT_FOUND", "The title is not there.")
        old = known[-1] if known else point
        progress = old.progress if point.progress is None else point.progress
        point = replace(point, number=old.number, progress=progress)
        self._table.put(str(point.number), point)

    def clear(self, profile: str, media: str) -> None:
        """Forget a title."""
        for point in self.points(profile, media):
            self._table.drop(str(point.number))


class PageBook:
    """The pages of all sessions."""

    def __init__(self, journal: Journal, now: Callable[[], datetime]) -> None:
        self._table = Table(journal, "pages", Page.load)
        self._now = now

    def make(self, session: Session, filters: dict[str, Any], name: str | None) -> Page:
        """Return the page of these filters in this session, made if need be."""
        for page in self._table.rows.values():
            if page.session == session.id and page.filters == filters:
                return page
        page_id = "pg_" + made_up(f"page {len(self._table.rows)}", 12)
        page = Page(page_id, session.id, filters, self._now(), name)
        self._table.put(page.id, page)
        return page

    def find(self, page_id: str, session: Session) -> Page:
        """Return a page of this session, or refuse."""
        page = self._table.rows.get(page_id)
        if page is None:
            raise RefusedError(404, "NOT_FOUND", "No such page.")
        if page.session != session.id:
            extra = {"pageLevelFilters": page.filters}
            message = "The page belongs to an older session."
            raise RefusedError(401, "SESSION_EXPIRED", message, extra=extra)
        return page
