"""What changed between two readings of the same history."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.plays import title_key

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from sync.domain.plays import Play


class Edit(NamedTuple):
    """One play that got another date, or counts for another episode or title."""

    before: Play
    after: Play


@dataclass(frozen=True, slots=True)
class Delta:
    """Plays that came, went, or were changed."""

    added: tuple[Play, ...] = ()
    removed: tuple[Play, ...] = ()
    edited: tuple[Edit, ...] = ()

    @property
    def current(self) -> Iterator[Play]:
        """Every play that is new in any way, as it is now."""
        yield from self.added
        yield from (edit.after for edit in self.edited)


def diff(before: Iterable[Play], after: Iterable[Play]) -> Delta:
    """Compare two readings, each whole, in any order.

    A play is known by its id, without one by what was watched and when. Of a play that
    comes back under another id, edited on Trakt, one that went and one that came of the
    same film or episode are taken to be the same.
    """
    before, after = list(before), list(after)
    old, new = _beside(after, before), _beside(before, after)
    edited = [
        Edit(old[i], play)
        for i, play in new.items()
        if i in old and _facts(old[i]) != _facts(play)
    ]
    went: defaultdict[Hashable, list[Play]] = defaultdict(list)
    for identity, play in old.items():
        if identity not in new:
            went[_what(play)].append(play)
    added = []
    for identity, play in new.items():
        if identity in old:
            continue
        if same := went[_what(play)]:
            edited.append(Edit(same.pop(), play))
        else:
            added.append(play)
    removed = [play for plays in went.values() for play in plays]
    return Delta(tuple(added), tuple(removed), tuple(edited))


def _beside(known: Iterable[Play], plays: Iterable[Play]) -> dict[Hashable, Play]:
    """Return those that are not known, by identity."""
    # Most are the very same objects, and need no look.
    same = {id(p) for p in known}
    return {p.id or _facts(p): p for p in plays if id(p) not in same}


def _facts(play: Play) -> Hashable:
    return (*_what(play), play.watched_at)


def _what(play: Play) -> tuple[str, int | None, int | None]:
    return (title_key(play.title), play.season, play.episode)
