"""What became of an episode or a film: one square each, in words, letters and colours.

The code names the class in ``style.css``, which gives each state a shape of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from sync.domain.origin import TRAKT
from sync.domain.plan import Fate


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
    Fate.FAILED: Square(
        "f", "failed", "Its write did not arrive, or was not sent yet: run it again."
    ),
}
