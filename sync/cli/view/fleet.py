"""The fleet, for people."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

from sync.cli.view.lines import say
from sync.documents.words import say_time
from sync.runtime.shell import quote_last
from sync.runtime.values import describe_interval
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from sync.documents.fleet import (
        FleetDocument,
        FleetInvitationsDocument,
        FleetLimitsDocument,
        FleetListDocument,
        FleetProfileDocument,
        FleetStatusDocument,
    )

    #: Puts what stood before the command into those that are named.
    Complete = Callable[[str], str]

#: Waiting for longer is worth a word of its own.
_LONG = timedelta(minutes=10)
_LOGIN = "trakt2discovr fleet login"
#: A state, in words that may stand behind "is".
_STATES = {"needs_login": "waiting for a login"}


def show_done(console: Console, document: FleetDocument) -> None:
    """Say what was done."""
    for note in document.notes:
        say(console, note)


def show_profiles(
    console: Console,
    document: FleetListDocument,
    state: str | None,
    complete: Complete,
) -> None:
    """List the profiles, of one ``state`` or all; two lines for who needs a person."""
    if not document.profiles and state:
        say(console, f"No profile of the fleet is {_STATES.get(state, state)}.")
    elif not document.profiles:
        none = "The fleet has no profile: trakt2discovr fleet add FILE.csv"
        say(console, complete(none))
    for profile in document.profiles:
        say(console, _line(profile), hang=4)
        if profile.last_error:
            say(console, complete(profile.last_error), indent=4)
        if profile.state == "needs_login" and _LOGIN not in (profile.last_error or ""):
            next_step = f"Next: {_LOGIN} {quote_last(profile.profile)}"
            say(console, complete(next_step), indent=4)


def _line(profile: FleetProfileDocument) -> str:
    what = "to bring over" if profile.kind == "first" else "kept in step"
    parts = [what, profile.state.replace("_", " ")]
    if profile.is_running:
        parts.append(f"running on {profile.worker}")
    elif profile.state == "active":
        due = say_time(profile.due_at) if profile.due_at else None
        parts.append(f"due {due}" if due else "nothing planned")
    if profile.last_ok_at:
        parts.append(f"last good run {say_time(profile.last_ok_at)}")
    if profile.is_shared and "discovr" not in profile.logins:
        parts.append("by your own login to Discovr")
    for service in profile.lacks:
        login = f"login to {service.title()}"
        parts.append(f"{login} refused" if service in profile.logins else f"no {login}")
    if profile.login_ends_at:
        parts.append(f"login to Discovr good until {say_time(profile.login_ends_at)}")
    if profile.failures:
        parts.append(count(profile.failures, "failure"))
    every = describe_interval(timedelta(seconds=profile.every_s))
    name = _named(profile.profile, profile.note)
    return f"{name}: {', '.join(parts)} (from {profile.source}, every {every})"


def _named(profile: str, note: str) -> str:
    """Return a profile with what the operator calls it."""
    return f"{profile} ({note})" if note else profile


def show_status(
    console: Console, document: FleetStatusDocument, complete: Complete
) -> None:
    """Show the numbers that matter, and what to do about those that are bad."""
    say(console, f"{count(document.profiles, 'profile')} in {document.database}")
    for number, words in (
        (document.in_step, "in step"),
        (document.to_bring_over, "to bring over"),
        (document.running, "running"),
        (document.due, "due"),
        (document.failing, "failing"),
        (document.paused, "paused"),
        (document.needs_login, "waiting for a login"),
    ):
        if number:
            say(console, f"{number:>9,}  {words}")
    for line in _to_do(document):
        say(console, complete(line))


def _to_do(document: FleetStatusDocument) -> Iterator[str]:
    waited = timedelta(seconds=round(document.overdue_s))
    if waited > _LONG:
        yield (
            f"The longest due one has waited for {waited}: start another worker, or "
            "see trakt2discovr fleet limits"
        )
    if document.without_discovr and document.shared_login == "refused":
        yield f"The login that serves all was refused: {_LOGIN} --shared"
    elif document.without_discovr and document.shared_login == "none":
        served = count(document.without_discovr, "profile")
        yield (
            f"{served} by your own login to Discovr, which is not in the database: "
            f"each worker takes that of its machine, or sign in for all: {_LOGIN} "
            "--shared"
        )
    if ends_at := document.shared_login_ends_at:
        until = say_time(ends_at)
        yield f"The login that serves all is good until {until}: {_LOGIN} --shared"
    if document.ending_logins:
        logins = count(document.ending_logins, "login")
        verb = "ends" if document.ending_logins == 1 else "end"
        yield f"{logins} to Discovr {verb} within two weeks: trakt2discovr fleet invite"
    if document.needs_login:
        yield "See trakt2discovr fleet list --state needs_login"


def show_limits(console: Console, document: FleetLimitsDocument) -> None:
    """Show each limit on a line."""
    if not document.limits:
        say(console, "No worker has run yet: trakt2discovr fleet work")
    for limit in document.limits:
        now = f", for now {limit.rate:.2f}" if limit.rate < limit.per_second else ""
        paused = f", paused for {ceil(limit.paused_s)} s" if limit.paused_s else ""
        say(console, f"{limit.name}: {limit.per_second:g} a second{now}{paused}")


def show_invitations(console: Console, document: FleetInvitationsDocument) -> None:
    """Show each link below its profile, to be sent to its person."""
    for invitation in document.invitations:
        name = _named(invitation.profile, invitation.note)
        say(console, f"{name}, from {invitation.source}:")
        say(console, invitation.link, indent=2)
    say(console, "The page is served while this runs. Ctrl-C ends it.")
    if document.is_for_this_machine:
        say(
            console,
            "These links lead to this machine. For people elsewhere say how they reach "
            "it: --url https://...",
        )
