"""What is kept of each title from one run to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.domain.plan import Fate
    from sync.domain.plays import Key, Play, Title


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
    title that Discovr can express.
    """

    title: Title
    media: str | None
    plays: tuple[Play, ...]
    fates: Mapping[Key, Fate] = field(default_factory=dict)
    seasons: tuple[SeasonFacts, ...] = ()
