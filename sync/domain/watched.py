"""What is known of each key, kept small: a history has hundreds of thousands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import ItemsView, Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from sync.domain.plays import Key, Place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from sync.domain.plays import Play

V = TypeVar("V")
_NOTHING: Mapping[int | None, Any] = {}


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


class ByPlace(Mapping[Key, V], Generic[V]):
    """A mapping by key that has no keys: they are made when they are asked for.

    It holds what is known of the episodes of each season, and of each film. With a key
    of its own each would take three times as much.
    """

    __slots__ = ("_places",)

    def __init__(
        self, places: Mapping[Place, Mapping[int | None, Any]] | None = None
    ) -> None:
        self._places = places or {}

    def __getitem__(self, key: Key) -> V:
        return self._value(self._places[key.place][key.episode])

    def __contains__(self, key: object) -> bool:
        # What key.place and key.episode are, in less time.
        return isinstance(key, Key) and key[2] in self._places.get(key[:2], ())  # type: ignore[call-overload]

    def get(self, key: Key, default: Any = None) -> Any:
        """Return what is known of a key: asked of each, it has to be quick."""
        kept = self._places.get(key[:2], _NOTHING).get(key[2])  # type: ignore[call-overload]
        return default if kept is None else self._value(kept)

    def __iter__(self) -> Iterator[Key]:
        make = tuple.__new__  # what Key(...) does, in less time
        for place, episodes in self._places.items():
            for episode in episodes:
                yield make(Key, (*place, episode))

    def __len__(self) -> int:
        return sum(map(len, self._places.values()))

    def items(self) -> ItemsView[Key, V]:
        """Return them with their keys, without looking each of them up."""
        return _Items(self)

    def each(self) -> Iterator[tuple[Key, V]]:
        """Yield what ``items`` returns."""
        make, value = tuple.__new__, self._value
        for place, episodes in self._places.items():
            for episode, kept in episodes.items():
                yield make(Key, (*place, episode)), value(kept)

    @property
    def places(self) -> Collection[Place]:
        """The films and seasons of which anything is known."""
        return self._places.keys()

    @staticmethod
    def _value(kept: Any) -> V:
        """Return what is meant by what is held."""
        found: V = kept
        return found


class _Items(ItemsView[Key, V]):
    _mapping: ByPlace[V]

    def __iter__(self) -> Iterator[tuple[Key, V]]:
        return self._mapping.each()


class Watched(ByPlace[Viewing]):
    """Viewings by key; of what was seen once the time alone is held."""

    __slots__ = ()

    def within(self, places: Iterable[Place]) -> Watched:
        """Return the part of it that is about these films and seasons."""
        held = self._places
        return Watched({place: held[place] for place in places if place in held})

    @staticmethod
    def _value(kept: datetime | Viewing) -> Viewing:
        return kept if isinstance(kept, Viewing) else Viewing((kept,), 1)


class Gathering:
    """Puts plays together by key, in any order and with repeats."""

    def __init__(self) -> None:
        self._places: defaultdict[Place, dict[int | None, Any]] = defaultdict(dict)
        #: The times of what was seen again, where they are to stand.
        self._again: list[tuple[dict[int | None, Any], int | None]] = []

    def add(self, media: str, play: Play) -> None:
        """Note a play of what goes under that id."""
        # What Place(...) does, in less time: it is asked of every play.
        episodes = self._places[tuple.__new__(Place, (media, play.season))]
        episode = play.episode
        before = episodes.get(episode)
        if before is None:
            episodes[episode] = play.watched_at
        elif isinstance(before, list):
            before.append(play.watched_at)
        else:
            episodes[episode] = [before, play.watched_at]
            self._again.append((episodes, episode))

    def watched(self) -> Watched:
        """Return what was noted; call it once."""
        for episodes, episode in self._again:
            at = episodes[episode]
            episodes[episode] = Viewing(tuple(sorted(set(at))), len(at))
        return Watched(dict(self._places))
