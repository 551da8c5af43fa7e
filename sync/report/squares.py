"""What became of an episode or a film: one square each, in words, letters and colours.

The code names the class in ``style.css``, which gives each state a shape of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.origin import TRAKT
from sync.domain.plan import Fate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sync.documents.report import FailedDocument


@dataclass(frozen=True, slots=True)
class Square:
    """``name`` stands beside every square, ``meaning`` in the legend."""

    code: str
    name: str
    meaning: str


def unwatched(source: str) -> Square:
    """Return that of an episode of which the source has no play."""
    meaning = f"The catalogue knows it, and {source} has no play."
    return Square("n", "not watched", meaning)


UNWATCHED = unwatched(TRAKT.name)

#: In the order of the balance.
SQUARES = {
    Fate.WRITTEN: Square(
        "o", "written", "An entry of its own, written by this program."
    ),
    Fate.ALREADY_THERE: Square(
        "t", "already there", "An entry of its own, on Discovr before."
    ),
    Fate.COVERED: Square(
        "d", "covered by a season default", "One entry for its season stands for it."
    ),
    Fate.KEPT: Square(
        "k",
        "kept as you set it",
        "What you set on Discovr is newer than the play, or you removed it there.",
    ),
    Fate.UNSUPPORTED: Square(
        "x",
        "not possible on Discovr",
        "Discovr has no place for it: a special.",
    ),
    Fate.UNMATCHED: Square(
        "u", "unmatched", "No known id leads to TMDB, by which Discovr names titles."
    ),
    Fate.UNREADABLE: Square(
        "r", "unreadable", "A record that could not be read as a play."
    ),
    Fate.LEFT_OUT: Square(
        "l", "left out on request", "You asked to leave it out: nothing was done."
    ),
    Fate.FAILED: Square("f", "failed", "Its write did not arrive: run it again."),
}

#: What waits has not failed.
UNSENT = Square("w", "not sent yet", "Its turn has not come yet: run it again.")
_UNWRITTEN = Square("w", "not written yet", "Not sent yet, or it did not arrive.")


class Lacking(NamedTuple):
    """The writes that are not there: what ``failed``, and whose turn never came."""

    failed: int = 0
    unsent: int = 0

    @classmethod
    def of(cls, failed: Iterable[FailedDocument]) -> Lacking:
        """Count those of a report."""
        waiting = [one.is_unsent for one in failed]
        return cls(waiting.count(False), waiting.count(True))


def lines_of(
    counts: Mapping[Fate, int], unsent: int = 0, lacking: Lacking | None = None
) -> dict[Square, int]:
    """Return the lines of a balance that have plays.

    Of the plays that failed so many are ``unsent``. An earlier version noted that of
    the writes alone that are ``lacking``.
    """
    lines = {SQUARES[fate]: counts[fate] for fate in Fate if counts[fate]}
    failed = lines.pop(SQUARES[Fate.FAILED], 0)
    if unsent or lacking is None or not lacking.unsent:
        lines |= {SQUARES[Fate.FAILED]: failed - unsent, UNSENT: unsent}
    else:
        lines[_UNWRITTEN if lacking.failed else UNSENT] = failed
    return {square: plays for square, plays in lines.items() if plays}
