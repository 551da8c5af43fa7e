"""The reasons of many seasons, told in few lines: each once, with all it is about."""

from __future__ import annotations

import re

_PLACE = r"S\d+E\d+(?: and \d+ more)?"
#: What reasons say of their own episodes, and what they have in common.
_KINDS = (
    (rf"{_PLACE} w(?:as|ere) never watched", "some episodes were never watched"),
    (
        r"(?:all \d+|\d+ of \d+) watched; .*on its own: .*",
        "one entry for the season, and some episodes on their own",
    ),
    (
        r"(?:all \d+|\d+ of \d+) watched; .*held back by a zero: .*",
        "one entry for the season, and zeros for what was not watched",
    ),
    (r"(no air dates|watched on unknown dates): nothing is collapsed", r"\1"),
    (r"TMDB and Trakt disagree on its episodes.*", "TMDB and Trakt disagree on them"),
    (rf"(.*); it may cover {_PLACE}, never watched", r"\1; it may cover too much"),
)


def kind_of(reason: str) -> str:
    """Say a reason without the episodes that it names."""
    words = reason.removeprefix("kept apart: ")
    for pattern, general in _KINDS:
        if match := re.fullmatch(pattern, words):
            return match.expand(general)
    return re.sub(_PLACE, "an episode", words)
