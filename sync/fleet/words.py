"""What is said of a run to whoever looks after a fleet.

Errors are written for somebody who runs one command for one profile. In a fleet the
calendar runs everything again by itself, and the logins are in the database.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sync.daemon.turn import PASSING, Ending
from sync.runtime.shell import quote_last

if TYPE_CHECKING:
    from sync.daemon.turn import Turn

_PROGRAM = "trakt2discovr"
_LOGIN = re.compile(rf"{_PROGRAM} login \w+(?:, or {_PROGRAM} login \w+)*")
#: Another command that is about one profile, or options of one.
_ALONE = re.compile(
    r"trakt2discovr (?!fleet |doctor|setup)"
    r"|(?<!\w)(?<!fleet login )(?<!fleet init )--\w|\bTRAKT2DISCOVR_"
)
#: Between the parts of a remedy: one may help where the next does not.
_PARTS = re.compile(r"\. |; ")
_CONFIG = re.compile(r"\[(?:trakt|discovr|tmdb|fleet|state)\] |\bin the config\b")
_THAT = "Correct that in the config"
_RESTART = "Workers read the config when they start: restart them then"
_AGAIN = re.compile(r"\b([Rr]un it again)\b")
#: What helps where the words of one command cannot.
_INSTEAD = {
    Ending.INCOMPLETE: "The rest is tried again soon, by itself",
    Ending.BUG: "Report it, with the log of the worker",
}
#: What helps where such a command would have.
_OTHERWISE = {
    Ending.CONFIG: (
        "Correct its line in the table and add that again: trakt2discovr fleet add "
        "FILE.csv"
    ),
    Ending.LOGIN: "Log in: trakt2discovr fleet login {}",
}
_LOOK = (
    "Look at it on both services; it is tried again at its next time, unless you let "
    "it rest: trakt2discovr fleet pause {}"
)


def words_of(turn: Turn, profile: str) -> str:
    """Return what happened to this profile, and what helps.

    Nothing has to be done about what passes by itself.
    """
    if turn.ending in PASSING or turn.remedy is None:
        return turn.message
    name = quote_last(profile)
    remedy = _INSTEAD.get(turn.ending) or turn.remedy
    helps = _fitting(remedy)
    if helps:
        said = in_a_fleet(helps, name)
    elif turn.ending is Ending.CONFIG and _CONFIG.search(turn.message):
        said = helps = f"{_THAT}."
    else:
        said = _OTHERWISE.get(turn.ending, _LOOK).format(name)
    if _CONFIG.search(helps):
        said = f"{said.rstrip('.')}. {_RESTART}"
    return f"{turn.message} {said.rstrip('.')}."


def _fitting(remedy: str) -> str:
    """Return what it says before it comes to what is for one command alone."""
    ends = [match.start() for match in _PARTS.finditer(remedy)]
    for end in reversed([*ends, len(remedy)]):
        # The name itself might look like an option.
        if not _ALONE.search(in_a_fleet(remedy[:end], "NAME")):
            return remedy[:end]
    return ""


def in_a_fleet(remedy: str, name: str) -> str:
    """Put the commands of a fleet in place of those that it has."""
    remedy = remedy.replace("[state] url", "[fleet] url")
    remedy = _LOGIN.sub(lambda _: f"trakt2discovr fleet login {name}", remedy)
    return _AGAIN.sub(lambda m: f"{m[1]} (trakt2discovr fleet due {name})", remedy)
