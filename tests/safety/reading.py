"""What a client shows as completed: told from the stand-in's own entries and dates.

Written anew from the reference, so that it shares no mistake with the program.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.plays import Key, Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sync.sandbox.account.account import Account
    from sync.sandbox.discovr.history import StoredEntry

#: A client may be anywhere on Earth, and read an air date there.
ZONES = (timedelta(hours=-12), timedelta(0), timedelta(hours=12))


class Shown(NamedTuple):
    """Keys that every client shows as completed, and those that some client may."""

    surely: frozenset[Key]
    maybe: frozenset[Key]


def media_of(account: Account) -> dict[str, str]:
    """Return Discovr's id of each title that it can have, by name."""
    prefix = {Kind.FILM: "MV", Kind.SHOW: "TV"}
    return {
        t.name: f"{prefix[t.kind]}_{t.ids.tmdb}" for t in account.titles if t.ids.tmdb
    }


def watched(account: Account, but: Collection[int] = ()) -> dict[Key, list[datetime]]:
    """Return the times of everything watched that Discovr can express.

    The plays with the ids of ``but`` are left out.
    """
    media = media_of(account)
    times: defaultdict[Key, list[datetime]] = defaultdict(list)
    for play in account.plays:
        name, episode = play.title.name, play.episode
        if play.id in but:
            continue
        if name not in media or (episode and not episode.season):
            continue
        numbers = (episode.season, episode.number) if episode else (None, None)
        times[Key(media[name], *numbers)].append(play.watched_at)
    return dict(times)


def shown(account: Account, entries: Iterable[StoredEntry]) -> Shown:
    """Read a profile in every zone."""
    own: dict[Key, StoredEntry] = {}
    defaults: defaultdict[Key, list[StoredEntry]] = defaultdict(list)
    for entry in entries:
        key = entry.key
        if key.season is not None and key.episode is None:
            defaults[key].append(entry)
        elif key not in own or _rank(entry) >= _rank(own[key]):
            own[key] = entry
    completed = {key for key, entry in own.items() if (entry.progress or 0) >= 80}
    surely, maybe = set(completed), set(completed)
    for key, aired in _episodes(account):
        if key in own:
            continue
        marks = defaults[key._replace(episode=None)]
        readings = [_is_covered(aired + zone, marks) for zone in ZONES]
        surely |= {key} if all(readings) else set()
        maybe |= {key} if any(readings) else set()
    return Shown(frozenset(surely), frozenset(maybe))


def own_entry(key: Key, entries: Iterable[StoredEntry]) -> StoredEntry | None:
    """Return the entry of a key that counts: the newest."""
    return max((e for e in entries if e.key == key), key=_rank, default=None)


def _is_covered(aired: datetime, marks: Sequence[StoredEntry]) -> bool:
    return any(aired < mark.updated_at for mark in marks)


def _episodes(account: Account) -> Iterable[tuple[Key, datetime]]:
    media = media_of(account)
    for title in account.titles:
        for season in title.seasons if title.name in media else ():
            for episode in season.episodes:
                if episode.air_date:
                    aired = datetime.combine(episode.air_date, time(), UTC)
                    yield Key(media[title.name], season.number, episode.number), aired


def _rank(entry: StoredEntry) -> tuple[datetime, float]:
    return (entry.updated_at, entry.progress or 0)
