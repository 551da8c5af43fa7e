"""What became of an episode or a film: one square each, in words, letters and colours.

The code names the class in ``style.css``, which gives each state a shape of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from sync.domain.balance import Column


@dataclass(frozen=True, slots=True)
class State:
    """``name`` stands beside every square, ``meaning`` in the legend."""

    code: str
    name: str
    meaning: str


UNWATCHED = State("n", "not watched", "The catalogue knows it, and Trakt has no play.")

#: In the order of the balance.
STATES = {
    Column.WRITTEN: State("o", "written", "An entry of its own, written by the run."),
    Column.ALREADY_THERE: State(
        "t", "already there", "An entry of its own, on Discovr before the run."
    ),
    Column.COVERED: State(
        "d", "covered by a season default", "One entry for its season stands for it."
    ),
    Column.KEPT: State(
        "k", "kept as you set it", "What you set on Discovr is newer than the play."
    ),
    Column.UNSUPPORTED: State(
        "x", "not possible on Discovr", "Discovr cannot express it: a special."
    ),
    Column.UNMATCHED: State(
        "u", "unmatched", "No known id leads to TMDB, by which Discovr names titles."
    ),
    Column.UNREADABLE: State(
        "r", "unreadable", "A record that could not be read as a play."
    ),
    Column.FAILED: State("f", "failed", "Its write did not arrive: run it again."),
}
