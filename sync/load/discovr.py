"""The Target that writes to one Discovr profile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connectors.discovr.extras import PlaybackClient
from sync.domain.entries import Entry
from sync.domain.origin import TRAKT
from sync.domain.plays import Key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from connectors.discovr.auth import SessionAuth
    from connectors.discovr.client import DiscovrClient
    from connectors.discovr.models import HistoryItem
    from sync.domain.resume import Resume

#: Older samples of the service show these forms beside ``TV_1396``.
_MEDIA_ID = re.compile(r"(?:(MV|TV)_)?(?:TMDBID)?(\d+)")


class DiscovrTarget:
    """Maps entries to and from the wire; the client below paces and retries.

    What it adds carries ``label``.
    """

    def __init__(
        self, client: DiscovrClient, session: SessionAuth, label: str = TRAKT.label
    ) -> None:
        self._client = client
        self._session = session
        self._label = label
        self._continue_watching = ContinueWatching(PlaybackClient(client.http))

    @property
    def address(self) -> str:
        """Where the service is."""
        return self._client.http.address

    @property
    def profile_name(self) -> str | None:
        """What the profile is called, if its list was read."""
        return self._session.profile_name

    def check_writes(self, check: Callable[[], Awaitable[None]]) -> None:
        """Await ``check`` before each attempt of a write, after every wait."""
        self._client.http.check_writes(check)

    def recall_profile(self, profile: str) -> None:
        """Spare the look-up of the profile's id: a sign-in is then one request."""
        self._session.recall(profile)

    async def open_profile(self) -> str:
        """Mint a session unless there is one; return the profile's id."""
        await self._session.headers()
        return self._session.profile_id or ""

    async def read_history(self, on_page: Callable[[int], None]) -> list[Entry]:
        """Read every entry of the profile, in the order of the service."""
        entries: list[Entry] = []
        async for items in self._client.entries():
            entries += map(entry_from_api, items)
            on_page(len(entries))
        return entries

    async def read_title(self, media: str, season: int | None) -> list[Entry]:
        """Read every entry of one film, or of one season of a show."""
        items = await self._client.title_history(media, season=season)
        return [entry_from_api(item) for item in items]

    async def add(self, key: Key, watched_at: datetime) -> None:
        """Append a completed entry. Not idempotent."""
        await self._client.add_history(
            key.media,
            season=key.season,
            episode=key.episode,
            updated_at=watched_at,
            imported=self._label,
        )

    async def add_entry(self, entry: Entry) -> None:
        """Append an entry as it was. Not idempotent."""
        key = entry.key
        await self._client.add_history(
            key.media,
            season=key.season,
            episode=key.episode,
            progress=entry.progress,
            updated_at=entry.updated_at,
            imported=entry.imported,
        )

    async def set_progress(self, key: Key, progress: int) -> None:
        """Set the progress of one explicit entry, creating it if absent."""
        await self._client.set_progress(
            key.media, progress, season=key.season, episode=key.episode
        )

    async def remove(self, key: Key) -> None:
        """Remove the entries of one key; read back what went."""
        await self._client.remove(key.media, season=key.season, episode=key.episode)

    async def add_resume_point(self, resume: Resume) -> None:
        """Add a title to Continue Watching. Not idempotent."""
        await self._continue_watching.add(resume)

    async def set_resume_point(self, resume: Resume) -> None:
        """Set the point of a title; idempotent."""
        await self._continue_watching.set(resume)

    async def read_resume_points(self) -> Mapping[Key, float] | None:
        """Return what Continue Watching lists; None where that cannot be read."""
        return await self._continue_watching.read()


def entry_from_api(item: HistoryItem) -> Entry:
    """Map a listed entry. Where the progress is absent, ``completed`` decides."""
    progress = item.progress
    if progress is None:
        progress = 100.0 if item.completed else 0.0
    return Entry(
        key=_key(item),
        updated_at=item.updated_at,
        created_at=item.created_at,
        progress=progress,
        imported=item.imported,
        count=max(item.watched_count or 1, 1),
    )


def _key(item: HistoryItem) -> Key:
    match = _MEDIA_ID.fullmatch(item.id)
    if match is None:
        return Key(item.id, item.season, item.episode)
    is_show = match[1] == "TV" or (match[1] is None and item.media_type == "tv")
    if is_show:
        return Key(f"TV_{match[2]}", item.season, item.episode)
    return Key(f"MV_{match[2]}")


class ContinueWatching:
    """Continue Watching of one profile."""

    def __init__(self, client: PlaybackClient) -> None:
        self._client = client

    async def add(self, resume: Resume) -> None:
        """Add a title, without naming an episode. Not idempotent."""
        point = resume.point
        await self._client.add(resume.key.media, point.progress, point.paused_at)

    async def set(self, resume: Resume) -> None:
        """Set the point of a title; idempotent."""
        point, key = resume.point, resume.key
        await self._client.change(
            key.media,
            point.progress,
            point.paused_at,
            season=key.season,
            episode=key.episode,
        )

    async def read(self) -> Mapping[Key, float] | None:
        """Return the progress of what is listed; None where that cannot be read."""
        listed = await self._client.listed()
        if listed is None:
            return None
        return {
            Key(item.id, item.season, item.episode): item.progress
            for item in listed
            if item.progress is not None
        }
