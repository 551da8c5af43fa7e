"""What should stand in the profile: the plays of a person, by the keys of Discovr."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sync.domain.plays import Key, Kind, is_nameless, title_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from sync.domain.plays import Play, Title

NO_ID = "none of its ids leads to TMDB"
NO_KEY = "it has no TMDB id, and without [tmdb] api_key none is looked up"
OPEN_IDS = "its ids may be the show's or the episode's, and TMDB does not settle which"
NO_ANSWER = "TMDB gave no answer for it: run it again"
EPISODE_ZERO = "an episode 0 cannot be expressed on Discovr by itself"
SPECIAL = "specials (season 0) cannot be expressed on Discovr"
#: The reasons that no id can do away with.
NOT_POSSIBLE = (EPISODE_ZERO, SPECIAL)


class Viewing(NamedTuple):
    """All plays of one key: the distinct minutes, oldest first, and their number.

    Several plays in one minute are one time and several plays. An unknown date sorts
    first, as it is written 1970.
    """

    times: tuple[datetime, ...]
    plays: int

    @property
    def latest(self) -> datetime:
        """The newest minute; the unknown date only where there is no other."""
        return self.times[-1]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A title of which plays cannot be carried over, and why."""

    title: Title
    plays: int
    reason: str


@dataclass(frozen=True, slots=True)
class Desired:
    """W of the laws, with the titles behind it and what had to be left out.

    ``titles`` by Discovr's id, one of each; where several go under one, ``sharing`` has
    all of them. ``media`` has that id, or None, by ``title_key``.
    """

    watched: Mapping[Key, Viewing] = field(default_factory=dict)
    titles: Mapping[str, Title] = field(default_factory=dict)
    media: Mapping[str, str | None] = field(default_factory=dict)
    unmatched: tuple[LeftOut, ...] = ()
    unsupported: tuple[LeftOut, ...] = ()
    sharing: Mapping[str, tuple[Title, ...]] = field(default_factory=dict)

    @property
    def plays(self) -> int:
        """Plays that have a key."""
        return sum(viewing.plays for viewing in self.watched.values())


def media_id(kind: Kind, tmdb: int) -> str:
    """Return Discovr's id; films and shows never share one."""
    return f"{'MV' if kind is Kind.FILM else 'TV'}_{tmdb}"


def tmdb_id(media: str) -> int:
    """Return the number in Discovr's id, which is TMDB's."""
    return int(media.partition("_")[2])


def transform(
    plays: Iterable[Play],
    found: Mapping[Title, int | None],
    unasked: Collection[Title] = (),
    *,
    no_id: str = NO_ID,
) -> Desired:
    """Gather plays by key. Order, repeats of pages and shuffling make no difference.

    ``found`` holds TMDB ids that count more than a title's own, None where nobody knows
    yet; for the titles in ``unasked`` the question is open. ``no_id`` says why the
    others have none.
    """
    times: dict[Key, Any] = {}
    unmatched: defaultdict[Title, int] = defaultdict(int)
    unsupported: defaultdict[Title, int] = defaultdict(int)
    # By identity: titles are shared, and to hash one takes longer than all the rest.
    media_of: dict[int, str | None] = {}
    known: dict[str, Title] = {}
    reasons: dict[Title, str] = {}
    media_by_key: dict[str, str | None] = {}
    sharing: defaultdict[str, dict[str, Title]] = defaultdict(dict)
    for play in plays:
        title = play.title
        if id(title) not in media_of:
            tmdb = found.get(title, title.ids.tmdb)
            media_of[id(title)] = media = media_id(title.kind, tmdb) if tmdb else None
            media_by_key[title_key(title)] = media
            if media:
                known[media] = min(known.get(media, title), title, key=_title_order)
                sharing[media][title_key(title)] = title
        media = media_of[id(title)]
        if play.season == 0:
            unsupported[title] += 1
        elif media is None:
            unmatched[title] += 1
            if play.episode_ids is not None and no_id == NO_ID:
                reasons[title] = OPEN_IDS
        else:
            _note(times, media, play)
    reasons |= dict.fromkeys(unasked, NO_ANSWER)
    return Desired(
        watched=_viewings(times),
        titles=known,
        media=media_by_key,
        unmatched=_left_out(unmatched, no_id, reasons),
        unsupported=_left_out(unsupported, SPECIAL),
        sharing=_shared(sharing),
    )


def _note(times: dict[Key, Any], media: str, play: Play) -> None:
    # What Key(...) does, in less time: it is asked of every play.
    key = tuple.__new__(Key, (media, play.season, play.episode))
    before = times.get(key)
    if before is None:
        times[key] = (play.watched_at,)  # most are seen once, and this is kept
    elif isinstance(before, list):
        before.append(play.watched_at)
    else:
        times[key] = [*before, play.watched_at]


def _viewings(times: dict[Key, Any]) -> dict[Key, Viewing]:
    """Turn the times of each key into a viewing, in place: there are many."""
    for key, at in times.items():
        minutes = at if len(at) == 1 else tuple(sorted(set(at)))
        times[key] = Viewing(minutes, len(at))
    return times


def _shared(titles: Mapping[str, Mapping[str, Title]]) -> dict[str, tuple[Title, ...]]:
    """Return the media ids under which several titles go, with those titles."""
    return {
        media: tuple(sorted(of_media.values(), key=_title_order))
        for media, of_media in titles.items()
        if len(of_media) > 1
    }


def _left_out(
    plays: Mapping[Title, int], reason: str, others: Mapping[Title, str] | None = None
) -> tuple[LeftOut, ...]:
    reasons = others or {}
    return tuple(
        LeftOut(title, count, reasons.get(title, reason))
        for title in sorted(plays, key=_title_order)
        for count in _one_by_one(title, plays[title])
    )


def _one_by_one(title: Title, plays: int) -> list[int]:
    """Count the plays of what may be one title; each lacks the same, no more."""
    is_one = title.ids.known() or not is_nameless(title)
    return [plays] if is_one else [1] * plays


def _title_order(title: Title) -> tuple[str, str, int, int]:
    return (title.kind, title.name, title.year or 0, title.ids.trakt or 0)
