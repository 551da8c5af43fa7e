"""What went wrong, in words for a page: a button in the place of a command."""

from __future__ import annotations

import re
from typing import NamedTuple

from connectors.errors import (
    AuthError,
    BlockedError,
    ConfigError,
    InputError,
    ServiceError,
)
from sync.errors import (
    BugError,
    EmptyHistoryError,
    GuardError,
    IncompleteReadError,
    MissingEntriesError,
    StoppedError,
    UnsafePlanError,
    UnwritableError,
)
from sync.ledger import BusyError

#: A remedy that names one of these is meant for a terminal.
_TERMINAL = ("trakt2discovr ", " --", "[")
_COMMANDS = ("trakt2discovr ", " --")
_SENTENCES = re.compile(r"(?<=[.!?])\s+")
_AGAIN = "Try again"
_LATER = "Nothing is done twice: try again in a while."


class Problem(NamedTuple):
    """What happened, what helps, and the button that does it.

    ``action`` is where the button leads: "again", "force", "accept", or a service to
    sign in to.
    """

    message: str
    remedy: str
    action: str = "again"
    button: str = _AGAIN
    is_calm: bool = False


def for_page(message: str) -> str:
    """Return a message without the sentences that name a command: it has buttons."""
    sentences = _SENTENCES.split(message)
    kept = [one for one in sentences if not any(word in one for word in _COMMANDS)]
    return " ".join(kept) or message


def describe(error: ServiceError) -> Problem:
    """Say what a person can do about it from the page."""
    message = error.message
    if isinstance(error, StoppedError):
        again = "It goes on where it stopped; nothing is sent twice."
        return Problem(message, again, button="Go on", is_calm=True)
    if isinstance(error, AuthError):
        service = "Trakt" if "Trakt" in (error.service or message) else "Discovr"
        return Problem(
            message,
            f"Sign in to {service} again; then it goes on where it stopped.",
            service.lower(),
            f"Sign in to {service}",
        )
    if isinstance(error, BusyError):
        return Problem(message, "Wait until it has ended: nothing is done twice.")
    for kind, problem in _GUARDS.items():
        if isinstance(error, kind):
            return problem._replace(message=message)
    return Problem(message, _remedy(error))


_GUARDS: dict[type[ServiceError], Problem] = {
    IncompleteReadError: Problem(
        "",
        "Read it again, or make the download again. You can also go on with what was "
        "read: that only ever adds.",
        "accept",
        "Go on with what was read",
    ),
    MissingEntriesError: Problem(
        "",
        "Look at the profile on Discovr, and try again once the entries show. If they "
        "really were removed, you can go on: what was removed stays removed.",
        "force",
        "Go on all the same",
    ),
    UnsafePlanError: Problem(
        "",
        "Look at your profile on Discovr first. If that change is what you want, you "
        "can go on.",
        "force",
        "Go on all the same",
    ),
    EmptyHistoryError: Problem(
        "", "If it really is, take back what was written: that is the last step."
    ),
    GuardError: Problem("", "Look at both sides, and try again."),
}


def _remedy(error: ServiceError) -> str:
    """Return the error's own remedy, where that is no command."""
    remedy = error.remedy
    if not any(word in remedy for word in _TERMINAL):
        return remedy
    return next((r for kind, r in _REMEDIES if isinstance(error, kind)), _LATER)


#: In the place of remedies that name commands or options.
_REMEDIES: tuple[tuple[type[ServiceError], str], ...] = (
    (BugError, "Report it, please: with this sentence, and with what you did."),
    (UnwritableError, "Make room on this computer, then try again: it goes on."),
    (BlockedError, "Wait an hour before you try again, or use another network."),
    (ConfigError, "Correct it in the settings file of the program, then try again."),
    (InputError, "Choose another file, or make the download again."),
)
