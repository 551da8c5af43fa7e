"""What an operator does next for some profiles. Import it where a fleet is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.fleet.calendar import State
from sync.fleet.logins import SHARED
from sync.fleet.sign_in import lacking, waits_for_shared
from sync.runtime.shell import quote_last
from sync.runtime.words import count, some

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.fleet.profiles import Profile
    from sync.fleet.sign_in import Logins

_FLEET = "trakt2discovr fleet"
#: With their logins good the workers do the rest.
THEN_WORK = f"{_FLEET} work, unless workers run already"


def next_steps(profiles: Sequence[Profile], logins: Logins) -> list[str]:
    """Say how profiles of a table get on that were just added."""
    lack = [p.profile for p in profiles if lacking(p, logins)]
    served = sum(p.is_shared and "discovr" not in logins[p.id] for p in profiles)
    steps = []
    if len(lack) == 1:
        steps.append(f"sign {lack[0]} in: {_FLEET} login {quote_last(lack[0])}")
    elif lack:
        of = count(len(lack), "profile")
        steps.append(
            f"sign in for {of}, each by {_FLEET} login PROFILE, or let people do so "
            f"themselves: {_FLEET} invite"
        )
    if served and not (is_good := logins[SHARED].get("discovr")):
        # That of a machine takes the place of none, not of one that was refused.
        but = ", unless every worker's machine has your login"
        steps.append(
            f"sign in to Discovr for {count(served, 'profile')} of yours"
            f"{but if is_good is None else ''}: {_FLEET} login --shared"
        )
    steps.append(THEN_WORK)
    words = ("Next", *("Then" for _ in steps[1:]))
    return [f"{word}: {step}" for word, step in zip(words, steps, strict=True)]


def why_not(profiles: Sequence[Profile], logins: Logins) -> list[str]:
    """Say which of the profiles do not run though they are due, and what helps."""
    paused = [p.profile for p in profiles if p.state is State.PAUSED]
    waiting = [p for p in profiles if p.state is State.NEEDS_LOGIN]
    served = [p.profile for p in waiting if waits_for_shared(p, logins)]
    lost = [p.profile for p in waiting if lacking(p, logins)]
    # Signed in since, and a crash kept anybody from noting it.
    ready = [p.profile for p in waiting if p.profile not in (*served, *lost)]
    found = []
    for names, why in ((paused, "paused"), (ready, "signed in, but not on")):
        if names:
            found.append(_line(names, why, _command("resume", names)))
    if lost:
        then = _command("login", lost) if len(lost) == 1 else f"{_FLEET} invite"
        found.append(_line(lost, "waiting for a login", then))
    if served:
        why = "waiting for the login that serves all"
        found.append(_line(served, why, f"{_FLEET} login --shared"))
    return found


def _line(names: Sequence[str], why: str, then: str) -> str:
    verb = "is" if len(names) == 1 else "are"
    return f"{some(names)} {verb} {why}. To go on: {then}"


def _command(what: str, names: Sequence[str]) -> str:
    return (
        f"{_FLEET} {what} {quote_last(names[0]) if len(names) == 1 else 'PROFILE...'}"
    )
