"""What should stand in the profile: the plays of a person, by the keys of Discovr."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.domain.plays import Key, Kind, is_nameless, title_key
from sync.domain.watched import (
    Gathering,
    Viewing,  # noqa: F401  # who uses the library has it from here
    Watched,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sync.domain.filters import Sieve
    from sync.domain.histories import TitleHistory
    from sync.domain.plays import Play, Title

NO_ID = "none of its ids leads to TMDB"
NO_KEY = "it has no TMDB id, and without [tmdb] api_key none is looked up"
OPEN_IDS = "its ids may be the show's or the episode's, and TMDB does not settle which"
NO_ANSWER = "TMDB gave no answer for it: run it again"
EPISODE_ZERO = "an episode 0 cannot be expressed on Discovr by itself"
SPECIAL = "specials (season 0) cannot be expressed on Discovr"
#: The reasons that no id can do away with.
NOT_POSSIBLE = (EPISODE_ZERO, SPECIAL)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A title of which plays are not carried over, and why."""

    title: Title
    plays: int
    reason: str


@dataclass(frozen=True, slots=True)
class Desired:
    """What was watched (W of the laws), the titles behind it, and what is left out.

    ``titles`` by Discovr's id, one of each; where several go under one, ``sharing`` has
    all of them. ``media`` has that id, or None, by ``title_key``. ``skipped`` was left
    out on request; ``aside`` are the seasons and episodes of those plays, by
    ``title_key``: they are there, and not part of W.
    """

    watched: Watched = field(default_factory=Watched)
    titles: Mapping[str, Title] = field(default_factory=dict)
    media: Mapping[str, str | None] = field(default_factory=dict)
    unmatched: tuple[LeftOut, ...] = ()
    unsupported: tuple[LeftOut, ...] = ()
    sharing: Mapping[str, tuple[Title, ...]] = field(default_factory=dict)
    skipped: tuple[LeftOut, ...] = ()
    aside: Mapping[str, frozenset[tuple[int | None, int | None]]] = field(
        default_factory=dict
    )

    def keys_aside(
        self, known: Mapping[str, TitleHistory] | None = None
    ) -> frozenset[Key]:
        """Return the keys of what was left out, by the ids of now and those ``known``.

        A title that is left out is not looked up, so that an earlier run may know more.
        """
        before = known or {}
        return frozenset(
            Key(media, season, episode)
            for title, places in self.aside.items()
            for media in {
                self.media.get(title),
                before[title].media if title in before else None,
            }
            if media
            for season, episode in places
            if season != 0
        )

    @property
    def plays(self) -> int:
        """Plays that have a key."""
        return sum(viewing.plays for viewing in self.watched.values())


def media_id(kind: Kind, tmdb: int) -> str:
    """Return Discovr's id; films and shows never share one."""
    return f"{'MV' if kind is Kind.FILM else 'TV'}_{tmdb}"


def label_by_media(titles: Mapping[str, Title]) -> dict[str, str]:
    """Return what Discovr's ids stand for; without those that nobody could read."""
    return {m: title.label for m, title in titles.items() if title.name.strip()}


def tmdb_id(media: str) -> int:
    """Return the number in Discovr's id, which is TMDB's."""
    return int(media.partition("_")[2])


def transform(
    plays: Iterable[Play],
    found: Mapping[Title, int | None],
    unasked: Collection[Title] = (),
    *,
    no_id: str = NO_ID,
    sieve: Sieve | None = None,
) -> Desired:
    """Gather plays by key. Order, repeats of pages and shuffling make no difference.

    ``found`` holds TMDB ids that count more than a title's own, None where nobody knows
    yet; ``no_id`` says why there is none, but of those in ``unasked``, where that is
    open. What the ``sieve`` leaves out is put aside before all else.
    """
    watched = Gathering()
    unmatched: Counter[Title] = Counter()
    unsupported: Counter[Title] = Counter()
    aside = _Aside(sieve)
    # By identity: titles are shared, and to hash one takes longer than all the rest.
    media_of: dict[int, str | None] = {}
    titles, reasons = _Titles(found), dict.fromkeys(unasked, NO_ANSWER)
    for play in aside.part(plays):
        title = play.title
        if id(title) not in media_of:
            media_of[id(title)] = titles.meet(title)
        if play.season == 0:
            unsupported[title] += 1
        elif (media := media_of[id(title)]) is None:
            unmatched[title] += 1
            if play.episode_ids is not None and no_id == NO_ID:
                reasons.setdefault(title, OPEN_IDS)
        else:
            watched.add(media, play)
    return Desired(
        watched=watched.watched(),
        titles=titles.known,
        media=aside.media(found) | titles.media,
        unmatched=_left_out(unmatched, no_id, reasons),
        unsupported=_left_out(unsupported, SPECIAL),
        sharing=_shared(titles.sharing),
        skipped=aside.skipped(),
        aside=aside.places(),
    )


class _Titles:
    """The titles that were met, by their ids on Discovr."""

    def __init__(self, found: Mapping[Title, int | None]) -> None:
        self._found = found
        self.known: dict[str, Title] = {}
        self.media: dict[str, str | None] = {}
        #: Where more than one was met, all that were.
        self.sharing: dict[str, dict[str, Title]] = {}

    def meet(self, title: Title) -> str | None:
        """Note a title, and return its id."""
        media, key = _media_of(title, self._found), title_key(title)
        self.media[key] = media
        if media:
            known = self.known.setdefault(media, title)
            if known is not title:
                self.known[media] = min(known, title, key=_title_order)
                others = self.sharing.setdefault(media, {title_key(known): known})
                others[key] = title
        return media


def _media_of(title: Title, found: Mapping[Title, int | None]) -> str | None:
    tmdb = found.get(title, title.ids.tmdb)
    return media_id(title.kind, tmdb) if tmdb else None


class _Aside:
    """Puts plays aside that are left out on request."""

    def __init__(self, sieve: Sieve | None) -> None:
        self._sieve = None if sieve is None or sieve.is_idle else sieve
        self._titles: dict[int, Title] = {}
        self._plays: defaultdict[tuple[int, str], int] = defaultdict(int)
        self._places: defaultdict[int, set[tuple[int | None, int | None]]]
        self._places = defaultdict(set)

    def part(self, plays: Iterable[Play]) -> Iterable[Play]:
        """Return the plays that are wanted; the others are counted here."""
        sieve = self._sieve
        if sieve is None:
            return plays
        return [play for play in plays if not self._takes(play, sieve.why(play))]

    def _takes(self, play: Play, reason: str | None) -> bool:
        if reason is None:
            return False
        number = id(play.title)
        self._titles[number] = play.title
        self._plays[number, reason] += 1
        self._places[number].add((play.season, play.episode))
        return True

    def media(self, found: Mapping[Title, int | None]) -> dict[str, str | None]:
        """Return the media ids of titles of which something is left out."""
        return {title_key(t): _media_of(t, found) for t in self._titles.values()}

    def skipped(self) -> tuple[LeftOut, ...]:
        """Return the titles with their plays, each with the reason."""
        by_reason: defaultdict[str, defaultdict[Title, int]]
        by_reason = defaultdict(lambda: defaultdict(int))
        for (number, reason), plays in self._plays.items():
            by_reason[reason][self._titles[number]] += plays
        return tuple(
            left
            for reason in sorted(by_reason)
            for left in _left_out(by_reason[reason], reason)
        )

    def places(self) -> dict[str, frozenset[tuple[int | None, int | None]]]:
        """Return the seasons and episodes by ``title_key``."""
        found: defaultdict[str, set[tuple[int | None, int | None]]] = defaultdict(set)
        for number, places in self._places.items():
            found[title_key(self._titles[number])] |= places
        return {title: frozenset(places) for title, places in found.items()}


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
