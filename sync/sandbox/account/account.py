"""A Trakt account: what it holds, and how it changes while nobody, or we, look."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from sync.domain.plays import UNKNOWN_DATE, Kind
from sync.sandbox.server.server import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sync.sandbox.account.titles import CatalogueTitle, Episode

#: History ids are 64-bit: around 12 billion in 2026.
FIRST_PLAY_ID = 12_000_000_011


@dataclass(frozen=True, slots=True)
class Play:
    """One viewing as Trakt keeps it; ``action`` is scrobble, checkin or watch."""

    id: int
    title: CatalogueTitle
    watched_at: datetime
    episode: Episode | None = None
    action: str = "scrobble"

    @property
    def is_undated(self) -> bool:
        """Whether it was marked as watched without a date."""
        return self.watched_at == UNKNOWN_DATE


@dataclass(frozen=True, slots=True)
class Pause:
    """A resume point: ``progress`` in percent."""

    id: int
    title: CatalogueTitle
    progress: float
    paused_at: datetime
    episode: Episode | None = None


@dataclass(frozen=True, slots=True)
class Stamps:
    """Server times of the last change; they never compare with dates of plays."""

    movies_watched_at: datetime
    episodes_watched_at: datetime
    movies_paused_at: datetime
    episodes_paused_at: datetime

    @classmethod
    def all_at(cls, moment: datetime) -> Self:
        """Return the stamps of an account that was last touched at ``moment``."""
        return cls(moment, moment, moment, moment)


class Account:
    """One person's Trakt account. Every change moves the stamp of its group.

    ``version`` counts the changes. ``now`` gives the stamps; two changes never get the
    same one, so that a frozen clock hides none.
    """

    def __init__(
        self,
        titles: Iterable[CatalogueTitle],
        plays: Iterable[Play] = (),
        pauses: Iterable[Pause] = (),
        *,
        user: str = "sandbox",
        timezone: str = "Europe/Berlin",
        changed_at: datetime | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.titles: list[CatalogueTitle] = list(titles)
        self.user = user
        self.timezone = timezone
        self.version = 0
        self._plays = {play.id: play for play in plays}
        self._pauses = {pause.id: pause for pause in pauses}
        self._now = now
        self._last_id = max([FIRST_PLAY_ID, *self._plays, *self._pauses])
        moment = changed_at or max(
            (p.watched_at for p in self._plays.values()),
            default=datetime(2026, 1, 1, tzinfo=UTC),
        )
        self.stamps = Stamps.all_at(moment)

    @property
    def plays(self) -> Sequence[Play]:
        """All plays, in the order in which they were entered."""
        return list(self._plays.values())

    @property
    def pauses(self) -> Sequence[Pause]:
        """All resume points."""
        return list(self._pauses.values())

    def find(self, name: str) -> CatalogueTitle:
        """Return the title of that name. Raises LookupError."""
        found = [t for t in self.titles if t.name == name]
        if len(found) != 1:
            raise LookupError(f"{len(found)} titles are called {name!r}")
        return found[0]

    def plays_of(
        self,
        title: CatalogueTitle,
        season: int | None = None,
        number: int | None = None,
    ) -> list[Play]:
        """Return the plays of a film, show, season or episode."""
        return [
            play
            for play in self._plays.values()
            if play.title is title
            and (season is None or (play.episode and play.episode.season == season))
            and (number is None or (play.episode and play.episode.number == number))
        ]

    def add_play(
        self,
        title: CatalogueTitle,
        watched_at: datetime | None,
        *,
        season: int | None = None,
        number: int | None = None,
        action: str = "scrobble",
    ) -> Play:
        """Enter a play; ``watched_at`` None: date unknown. Raises LookupError."""
        episode = None
        if season is not None and number is not None:
            episode = title.episode(season, number)
        if (episode is None) is (title.kind is Kind.SHOW):
            raise LookupError(f"{title.name} has no such episode")
        moment = UNKNOWN_DATE if watched_at is None else watched_at.astimezone(UTC)
        play = Play(self._next_id(), title, moment, episode, action)
        self._plays[play.id] = play
        self._touch(title.kind, "watched_at")
        return play

    def remove_play(self, play_id: int) -> Play:
        """Take a play out."""
        play = self._plays.pop(play_id)
        self._touch(play.title.kind, "watched_at")
        return play

    def move_play(
        self, play_id: int, watched_at: datetime, *, keeps_id: bool = True
    ) -> Play:
        """Give a play another date. Whether it keeps its id is undocumented."""
        play = self._plays.pop(play_id)
        new_id = play.id if keeps_id else self._next_id()
        moved = replace(play, id=new_id, watched_at=watched_at.astimezone(UTC))
        self._plays[moved.id] = moved
        self._touch(play.title.kind, "watched_at")
        return moved

    def renumber_play(self, play_id: int, number: int) -> Play:
        """Have the episode of a play count for another one: its ids stay."""
        play = self._plays[play_id]
        if play.episode is None:
            raise LookupError("a film has no number")
        episode = replace(play.episode, number=number)
        self._plays[play_id] = replace(play, episode=episode)
        self._touch(play.title.kind, "watched_at")
        return self._plays[play_id]

    def pause(
        self,
        title: CatalogueTitle,
        progress: float,
        paused_at: datetime,
        episode: Episode | None = None,
    ) -> Pause:
        """Set a resume point; one title or episode has one at most."""
        for old in self.pauses:
            if old.title is title and old.episode is episode:
                del self._pauses[old.id]
        pause = Pause(self._next_id(), title, progress, paused_at, episode)
        self._pauses[pause.id] = pause
        self._touch(title.kind, "paused_at")
        return pause

    def play_counts(self) -> Counter[tuple[Kind, int]]:
        """Count the plays per film and per episode, by Trakt id."""
        return Counter(
            (play.title.kind, (play.episode or play.title).ids.trakt or 0)
            for play in self._plays.values()
        )

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _touch(self, kind: Kind, group: str) -> None:
        self.version += 1
        name = f"{'movies' if kind is Kind.FILM else 'episodes'}_{group}"
        before: datetime = getattr(self.stamps, name)
        stamp = max(self._now(), before + timedelta(milliseconds=1))
        self.stamps = replace(self.stamps, **{name: stamp})
