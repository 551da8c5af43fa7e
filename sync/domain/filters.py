"""What a person wants left out of a history: by time, by kind, by title.

What is left out is neither lost nor gone: it is read, counted, and left alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003  # callers ask for the fields' types
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.plays import UNKNOWN_DATE, Kind, title_key, to_minute
from sync.domain.skips import TitleShelf, read_skip

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sync.domain.plays import Play, Title
    from sync.domain.skips import Skip

BY_NAME = "named in [history] skip"
BY_LIST = "marked skip in your list of unmatched titles"
_ONLY = "only {} are wanted"
_SINCE = "watched before {:%Y-%m-%d %H:%M} UTC, or at no known date"


class Only(StrEnum):
    """The one kind of title that is wanted."""

    FILMS = "films"
    SHOWS = "shows"

    @property
    def kind(self) -> Kind:
        """The kind that it stands for."""
        return Kind.FILM if self is Only.FILMS else Kind.SHOW


class Stray(NamedTuple):
    """A skip that names nothing in the history, and the title it is nearest to."""

    skip: Skip
    nearest: Title | None


@dataclass(frozen=True, slots=True)
class Filter:
    """What is wanted, and what is not. Without anything set, all of it is.

    A play at ``since`` itself is wanted; times compare by the minute. One of unknown
    date is not: nobody can say that it was since then. ``skip`` holds titles as the
    person wrote them, see ``read_skip``.
    """

    since: datetime | None = None
    only: Only | None = None
    skip: tuple[str, ...] = ()

    @property
    def is_set(self) -> bool:
        """Whether anything may be left out."""
        return bool(self.since or self.only or self.skip)

    @property
    def digest(self) -> str:
        """What tells it from another filter; empty where nothing is set."""
        if not self.is_set:
            return ""
        since = to_minute(self.since).isoformat() if self.since else ""
        parts = (since, self.only or "", *sorted(self.skip))
        return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]

    def over(
        self,
        titles: Iterable[Title],
        found: Mapping[Title, int | None] | None = None,
        listed: Iterable[Title] = (),
    ) -> Sieve:
        """Apply it to all titles of a history.

        ``found`` holds TMDB ids beside their own; ``listed`` are titles that the person
        marked in the list of unmatched ones.
        """
        reasons = {title_key(title): BY_LIST for title in listed}
        strays: list[Stray] = []
        several: list[tuple[Skip, tuple[Title, ...]]] = []
        if self.skip:
            shelf = TitleShelf(titles, found)
            for skip in map(read_skip, dict.fromkeys(self.skip)):
                meant = shelf.find(skip)
                reasons |= {title_key(title): BY_NAME for title in meant}
                if not meant:
                    strays.append(Stray(skip, shelf.nearest(skip)))
                elif len(meant) > 1:
                    several.append((skip, tuple(meant)))
        since = to_minute(self.since) if self.since else None
        return Sieve(since, self.only, reasons, tuple(strays), tuple(several))


@dataclass(frozen=True, slots=True)
class Sieve:
    """A filter, applied to the titles of a history: tells which plays are left out.

    ``several`` are skips that mean more than one title.
    """

    since: datetime | None = None
    only: Only | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    strays: tuple[Stray, ...] = ()
    several: tuple[tuple[Skip, tuple[Title, ...]], ...] = ()
    #: By identity, as titles are shared; each is kept so that none takes its place.
    _known: dict[int, tuple[Title, str | None]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def is_idle(self) -> bool:
        """Whether everything stays in."""
        return not (self.since or self.only or self.reasons)

    def why(self, play: Play) -> str | None:
        """Say why a play is left out; None where it is not."""
        reason = self.why_title(play.title)
        return self.why_then(play.watched_at) if reason is None else reason

    def why_title(self, title: Title) -> str | None:
        """Say why all of a title is left out; None where that is not so."""
        known = self._known.get(id(title))
        if known is None:
            reason = self.reasons.get(title_key(title))
            if reason is None and self.only and title.kind is not self.only.kind:
                reason = _ONLY.format(self.only)
            known = self._known[id(title)] = (title, reason)
        return known[1]

    def why_then(self, moment: datetime) -> str | None:
        """Say why what happened then is left out; None where it is not."""
        if self.since is None:
            return None
        is_wanted = moment != UNKNOWN_DATE and to_minute(moment) >= self.since
        return None if is_wanted else _SINCE.format(self.since)
