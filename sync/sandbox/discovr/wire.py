"""What Discovr writes and what it takes: entries as JSON, and checked bodies."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from sync.domain.plays import Key
from sync.sandbox.discovr.history import COMPLETED_FROM, Viewing
from sync.sandbox.server.server import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.sandbox.account.titles import CatalogueTitle
    from sync.sandbox.discovr.history import StoredEntry
    from sync.sandbox.discovr.quirks import DiscovrQuirks

    Json = dict[str, Any]

_MEDIA_ID = re.compile(r"(MV|TV)_\d+")
_OFFSET = timezone(timedelta(hours=2))
_IMAGES = "https://images.discovr.media"
_HISTORY_FIELDS = {
    "mediaId",
    "updatedAt",
    "progress",
    "season",
    "episode",
    "imported",
}
_FILTER_TYPES: dict[str, tuple[type, ...]] = {
    "genres": (int,),
    "keywords": (int,),
    "region": (str,),
    "with_watch_providers": (str,),
}
_SINGLE_FILTER_TYPES: dict[str, tuple[type, ...]] = {
    "media_type": (str,),
    "with_runtime_gte": (int, float),
    "with_runtime_lte": (int, float),
    "with_release_date_gte": (str,),
    "with_release_date_lte": (str,),
}


class DiscovrWire:
    """Writes and reads bodies, under one set of quirks and with one catalogue."""

    def __init__(
        self, quirks: DiscovrQuirks, catalogue: Mapping[str, CatalogueTitle]
    ) -> None:
        self._quirks = quirks
        self._catalogue = catalogue

    def entry(self, entry: StoredEntry, watched_count: int) -> Json:
        """Write an entry as the lists show it."""
        key, progress = entry.key, entry.progress
        title = self._catalogue.get(key.media)
        completed = self._quirks.completed_without_progress
        if progress is not None:
            completed = progress >= COMPLETED_FROM
        as_text = self._quirks.progress_as_text and progress is not None
        image = f"{_IMAGES}/{key.media}" if title else None
        written: Json = {
            "id": key.media,
            "mediaType": "movie" if key.media.startswith("MV_") else "tv",
            "title": title.name if title else None,
            "poster_path": f"{image}/poster.jpg" if image else None,
            "backdrop_path": f"{image}/backdrop.jpg" if image else None,
            "updatedAt": self.time(entry.updated_at),
            "createdAt": self.time(entry.created_at),
            "progress": f"{progress:g}" if as_text else progress,
            "completed": completed,
            "watched_count": watched_count,
            "season": key.season,
            "episode": key.episode,
            "imported": entry.imported,
        }
        if self._quirks.optional == "null":
            return written
        return {name: value for name, value in written.items() if value is not None}

    def time(self, moment: datetime) -> str:
        """Write an instant in the zone of the quirks."""
        if self._quirks.zone == "offset":
            return moment.astimezone(_OFFSET).isoformat(timespec="milliseconds")
        text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        text = f"{text}.{moment.microsecond // 1000:03d}"
        return text if self._quirks.zone == "none" else f"{text}Z"

    def viewing(self, body: Json) -> Viewing:
        """Read the body of a POST on the history, or refuse."""
        self.check_fields(body, _HISTORY_FIELDS)
        media = self.media(body.get("mediaId"))
        season = self.positive(body, "season")
        episode = self.positive(body, "episode")
        progress = None
        if body.get("progress") is not None:
            progress = self.progress(body)
        imported = body.get("imported")
        labels = self._quirks.labels
        if imported is not None and (
            not isinstance(imported, str) or (labels and imported not in labels)
        ):
            raise self.invalid("imported is not a known label.")
        key = self.key(media, season, episode)
        return Viewing(key, self.instant(body), progress, imported)

    def media(self, value: object) -> str:
        """Read a media id, or refuse."""
        if not isinstance(value, str) or not _MEDIA_ID.fullmatch(value):
            raise self.invalid("mediaId has to look like MV_550 or TV_1396.")
        return value

    def key(self, media: str, season: int | None, episode: int | None) -> Key:
        """Build the key that numbers name; films have none. Refuse what is unknown."""
        if media.startswith("MV_"):
            key = Key(media)
        elif season is None:
            raise self.invalid("season is required for a show.")
        else:
            key = Key(media, season, episode)
        if self._quirks.unknown_status is not None and not self._is_known(key):
            raise RefusedError(
                self._quirks.unknown_status, "MEDIA_NOT_FOUND", "No such title."
            )
        return key

    def query_key(self, media: object, query: Mapping[str, str]) -> Key:
        """Build the key that a path and a query name, or refuse."""
        numbers: Json = {}
        for name in ("season", "episode"):
            text = query.get(name)
            if text is not None:
                numbers[name] = int(text) if text.isdecimal() else text
        season, episode = (self.positive(numbers, n) for n in ("season", "episode"))
        return self.key(self.media(media), season, episode)

    def progress(self, body: Json) -> float:
        """Read the progress, or refuse."""
        value = body.get("progress")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= float(value or 0) <= 100:
            raise self.invalid("progress has to be a number from 0 to 100.")
        return float(value or 0)

    def instant(self, body: Json) -> datetime | None:
        """Read ``updatedAt``, or refuse."""
        value = body.get("updatedAt")
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise self.invalid("updatedAt has to be an ISO 8601 date-time.") from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        earliest = self._quirks.earliest
        if earliest is not None and moment < earliest:
            raise self.invalid("updatedAt is too long ago.")
        return moment

    def check_fields(self, body: Json, known: set[str]) -> None:
        """Refuse unknown fields, where the quirks say so."""
        unknown = body.keys() - known
        if self._quirks.rejects_extra_fields and unknown:
            raise self.invalid(f"Unknown fields: {', '.join(sorted(unknown))}.")

    def limit(self, query: Mapping[str, str]) -> int:
        """Read the page size, or refuse."""
        text = query.get("limit", "10")
        if not text.isdecimal() or not 1 <= int(text) <= 50:
            raise self.invalid("limit has to be a number from 1 to 50.")
        return int(text)

    def filters(self, body: Json) -> Json:
        """Read the filters of a page, or refuse."""
        filters = body.get("pageFilters", {})
        name = body.get("name")
        if name is not None and (not isinstance(name, str) or not name):
            raise self.invalid("name has to have at least one character.")
        if "profileId" in body:
            raise self.invalid("The profile comes from the session.")
        if not isinstance(filters, dict):
            raise self.invalid("pageFilters has to be an object.")
        self.check_fields(filters, _FILTER_TYPES.keys() | _SINGLE_FILTER_TYPES.keys())
        for field, value in filters.items():
            if not _fits(field, value):
                raise self.invalid(f"pageFilters.{field} has the wrong form.")
        return filters

    def invalid(self, message: str) -> RefusedError:
        """Return the refusal of a malformed request."""
        return RefusedError(self._quirks.invalid_status, "VALIDATION_ERROR", message)

    def positive(self, numbers: Json, name: str) -> int | None:
        """Read a number from 1 on, or refuse."""
        value = numbers.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.invalid(f"{name} has to be a whole number from 1.")
        return value

    def _is_known(self, key: Key) -> bool:
        title = self._catalogue.get(key.media)
        if title is None or key.season is None:
            return title is not None
        if key.episode is None:
            return title.season(key.season) is not None
        return title.episode(key.season, key.episode) is not None


def _fits(field: str, value: object) -> bool:
    if field in _FILTER_TYPES:
        return isinstance(value, list) and all(
            isinstance(item, _FILTER_TYPES[field]) for item in value
        )
    if field == "media_type" and value not in ("movie", "tv"):
        return False
    return isinstance(value, _SINGLE_FILTER_TYPES.get(field, object))
