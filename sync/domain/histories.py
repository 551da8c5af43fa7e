"""What is kept of each title from one run to the next."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sync.domain.plan import Fate
from sync.domain.plays import Key, Place, title_key
from sync.domain.watched import ByPlace

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
    from datetime import datetime

    from sync.domain.plays import Play, Title


@dataclass(frozen=True, slots=True)
class SeasonFacts:
    """What was decided for one season when it was last planned.

    ``episodes`` are all that the catalogue knows; empty where nobody asked it.
    """

    number: int
    reason: str
    saved: int
    episodes: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class TitleHistory:
    """All plays of one title, and what became of them.

    ``media`` is Discovr's id, None where none was found. ``fates`` has every key of the
    title that Discovr can express: what became of its latest viewing, and of all others
    of which ``older`` does not say, by their times, that it is something else.
    """

    title: Title
    media: str | None
    plays: tuple[Play, ...]
    fates: Mapping[Key, Fate] = field(default_factory=dict)
    seasons: tuple[SeasonFacts, ...] = ()
    older: Mapping[Key, Mapping[datetime, Fate]] = field(default_factory=dict)

    def fate_of(self, key: Key, watched_at: datetime) -> Fate | None:
        """Return what became of one viewing."""
        fate = self.fates.get(key)
        return self.older.get(key, {}).get(watched_at, fate)


class Fates(ByPlace[Fate]):
    """The fates of one title, read back from the ledger."""

    __slots__ = ()

    def __init__(
        self, media: str, seasons: Mapping[int | None, Mapping[int | None, Fate]]
    ) -> None:
        super().__init__({Place(media, n): fates for n, fates in seasons.items()})


def fates_by(
    planned: Mapping[Key, Fate], known: Iterable[TitleHistory]
) -> Callable[[Key], Fate]:
    """Return what tells what became of a key that was watched, looked at or not.

    It was ``planned``, else it is as an earlier run left it, which by now has written
    what it was to write. Asked one by one, since a long history has too many to copy.
    """
    before: defaultdict[str, list[Mapping[Key, Fate]]] = defaultdict(list)
    for history in known:
        if history.media:
            before[history.media].insert(0, history.fates)

    def fate_of(key: Key) -> Fate:
        fate = planned.get(key)
        if fate is not None:
            return fate
        for fates in before.get(key.media, ()):
            fate = fates.get(key)
            if fate is not None and fate is not Fate.WRITTEN:
                return fate
        return Fate.ALREADY_THERE

    return fate_of


def keys_of(histories: Iterable[TitleHistory]) -> frozenset[Key]:
    """Return the key of every play that has one."""
    return frozenset(iter_keys(histories))


def iter_keys(histories: Iterable[TitleHistory]) -> Iterator[Key]:
    """Yield the key of every play that has one, as often as it was played."""
    make = tuple.__new__  # what Key(...) does, in less time
    return (
        make(Key, (history.media, play.season, play.episode))
        for history in histories
        if history.media
        for play in history.plays
        if play.season != 0
    )


def merge_histories(old: TitleHistory, new: TitleHistory) -> TitleHistory:
    """Return one title with all plays of both; the newer says what became of them."""
    plays = {play_identity(p): p for p in (*old.plays, *new.plays)}
    if old.media != new.media and new.media:
        old = replace(old, fates={}, seasons=(), older={})
    seasons = {facts.number: facts for facts in (*old.seasons, *new.seasons)}
    return TitleHistory(
        new.title,
        new.media or old.media,
        tuple(sorted(plays.values(), key=lambda p: (p.watched_at, p.id or 0))),
        {**old.fates, **new.fates},
        tuple(seasons[number] for number in sorted(seasons)),
        {k: old.older[k] for k in old.older.keys() - new.fates.keys()} | {**new.older},
    )


def without_plays(
    histories: Iterable[TitleHistory], plays: Iterable[Play]
) -> tuple[TitleHistory, ...]:
    """Return the titles that hold any other play, with these alone."""
    histories = tuple(histories)
    if not histories:
        return ()
    there: set[Hashable] = set()
    for play in plays:
        there |= {play.id or _facts(play), _facts(play)}
    found = []
    for history in histories:
        rest = tuple(
            p for p in history.plays if not {play_identity(p), _facts(p)} & there
        )
        if rest:
            found.append(replace(history, plays=rest))
    return tuple(found)


def play_identity(play: Play) -> Hashable:
    """Return what a play is known by: its id, else what was watched and when."""
    return play.id or _facts(play)


def _facts(play: Play) -> Hashable:
    return (title_key(play.title), play.season, play.episode, play.watched_at)
