"""What ``fleet login`` does: a profile's person approves codes, here or far away."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from connectors.errors import ConfigError
from connectors.urls import check_base_url
from sync.cli.commands.fleet import opening, require_known, run_fleet, tell_done
from sync.cli.commands.login import Terminal
from sync.cli.progress import Reporter
from sync.cli.runner import Exit
from sync.cli.session import read_settings
from sync.cli.view.fleet import show_invitations
from sync.config import data_folder
from sync.documents.fleet import (
    FleetDocument,
    FleetInvitationsDocument,
    InvitationDocument,
)
from sync.errors import StoppedError
from sync.runtime import logs
from sync.setup.qr import read_qr

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from contextlib import AbstractContextManager

    from connectors.discovr.models import Profile as DiscovrProfile
    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.documents.login import LoginDocument
    from sync.fleet.open import Fleet
    from sync.fleet.profiles import Profile
    from sync.fleet.sign_in import Logins
    from sync.runtime.stop import Stop
    from sync.runtime.values import Address
    from sync.wiring.logins import Service


_POLL_S = 0.1


def login(
    context: Context, name: str | None, service: Service | None, *, shared: bool
) -> int:
    """Sign a profile in to what it needs; it goes on at once if it waited for that."""
    if shared == bool(name) or (shared and service == "trakt"):
        raise click.UsageError(
            "Name a PROFILE, or say --shared for the login to Discovr that serves all."
        )

    async def work(output: Output, stop: Stop) -> int:
        opened = opening().open_fleet(read_settings(context))
        from sync.fleet import sign_in as signing  # noqa: PLC0415  # the same
        from sync.fleet.logins import SHARED, standing_of  # noqa: PLC0415  # an extra

        notes: list[str] = []
        async with opened as fleet:
            profile: Profile | None = None
            services: tuple[Service, ...] = ("discovr",)
            if name:
                (profile,) = await require_known(fleet, [name])
                logins = await standing_of(fleet.database, [profile])
                ending = await signing.soon_ending(fleet)
                services = _services(profile, service, logins, ending)
            number = profile.id if profile else SHARED
            picture = data_folder() / f"fleet-login-{number}.png"
            reporter = Reporter(
                output.notes,
                is_quiet=context.is_quiet,
                has_bars=not context.is_verbose,
                complete=context.complete,
            )
            kind = Terminal if profile else _ForAll
            with kind(output.notes, picture) as screen:
                for each in services:
                    signed_in = await signing.sign_in(
                        *(fleet, profile, each, screen, stop),
                        on_event=reporter.on_event,
                    )
                    notes += _words(name, signed_in)
            now = fleet.clock.now()
            if profile:
                await fleet.profiles.signed_in(profile.id, now)
            else:
                await fleet.profiles.signed_in_for_all("discovr", now)
        document = FleetDocument(done="login", count=len(services), notes=tuple(notes))
        return tell_done(output, document)

    return run_fleet(context, work)


def logout(context: Context, *, shared: bool) -> int:
    """Revoke the login that serves all, and forget it."""
    if not shared:
        raise click.UsageError(
            "Say --shared. trakt2discovr fleet remove forgets the logins of a profile."
        )

    async def work(output: Output, _stop: Stop) -> int:
        opened = opening().open_fleet(read_settings(context))
        from sync.fleet.sign_in import sign_out_for_all  # noqa: PLC0415  # an extra

        async with opened as fleet:
            document = await sign_out_for_all(fleet)
        was_there = int(document.was_logged_in)
        words = "is forgotten" if was_there else "was not there"
        notes = (f"The login to Discovr that serves all {words}.", *document.notes)
        done = FleetDocument(done="logout", count=was_there, notes=notes)
        return tell_done(output, done)

    return run_fleet(context, work)


def invite(
    context: Context, names: Sequence[str], listen: Address, url: str | None
) -> int:
    """Print a link for each profile, and serve their page until a signal."""

    async def work(output: Output, stop: Stop) -> int:
        opened = opening().open_fleet(read_settings(context), most=20)
        from sync.daemon.server import answering  # noqa: PLC0415  # not for others
        from sync.fleet.invite import Invitations  # noqa: PLC0415  # an extra

        base = _checked(url) if url else listen.url
        hosts = [host] if (host := urlsplit(base).hostname) else []
        async with opened as fleet:
            invitations = Invitations(fleet, read_qr)
            document = FleetInvitationsDocument(
                invitations=tuple(
                    InvitationDocument(
                        profile=profile.profile,
                        link=invitations.link(profile, base),
                        source=profile.source,
                        note=profile.note,
                    )
                    for profile in await _invited(fleet, names)
                ),
                is_for_this_machine=not url and _leads_here(listen),
            )
            if context.as_json:
                output.emit(document, lambda _: None)
                return Exit.DONE
            async with answering(invitations.answers(), listen, hosts):
                output.emit(document, lambda c: show_invitations(c, document))
                sys.stdout.flush()
                with stop.heeded(), _shown(context):
                    while not stop.is_requested:  # noqa: ASYNC110  # it has no event
                        await asyncio.sleep(_POLL_S)
                await invitations.close()
        raise StoppedError(
            "Stopped; the links are good again when it runs again.",
            remedy="Start it again: trakt2discovr fleet invite",
        )

    return run_fleet(context, work)


def _leads_here(listen: Address) -> bool:
    """Whether a link with this address can be opened on this machine alone."""
    return listen.is_private or ipaddress.ip_address(listen.host).is_unspecified


def _shown(context: Context) -> AbstractContextManager[None]:
    """Say who has signed in, and who could not."""
    if context.is_quiet or context.is_verbose:  # it is shown in any case, or not at all
        return nullcontext()
    return logs.shown("text", level=logging.INFO)


async def _invited(fleet: Fleet, names: Sequence[str]) -> list[Profile]:
    """Return those who are named, else all whose login is lacking or ends soon.

    Raises ConfigError.
    """
    from sync.fleet import sign_in as signing  # noqa: PLC0415  # the same
    from sync.fleet.calendar import State  # noqa: PLC0415  # an extra
    from sync.fleet.logins import standing_of  # noqa: PLC0415  # the same

    if names:
        return await require_known(fleet, [*dict.fromkeys(names)])
    found = await fleet.profiles.all()
    logins = await standing_of(fleet.database, found)
    waiting = {p.id for p in found if signing.waits_for_shared(p, logins)}
    ending = await signing.soon_ending(fleet)
    invited = [
        p
        for p in found
        if signing.lacking(p, logins)
        or p.id in ending
        or (p.state is State.NEEDS_LOGIN and p.id not in waiting)
    ]
    if waiting and not invited:
        raise _for_all()
    if not invited:
        raise ConfigError(
            "Every profile of the fleet has its logins.",
            remedy="Name a profile to invite it all the same.",
        )
    return invited


def _services(
    profile: Profile,
    service: Service | None,
    logins: Logins,
    ending: Container[int],
) -> tuple[Service, ...]:
    from sync.fleet import sign_in as signing  # noqa: PLC0415  # an extra

    if service == "trakt" and profile.file:
        raise ConfigError(
            f"{profile.profile} is read from a download: it needs no login to Trakt.",
            remedy="To read the account from now on, name it in the table, and run: "
            "trakt2discovr fleet add FILE",
        )
    if not service and signing.waits_for_shared(profile, logins):
        raise _for_all()
    return (service,) if service else signing.asked(profile, logins, ending)


def _for_all() -> ConfigError:
    return ConfigError(
        "The login to Discovr that serves all is refused or missing; nobody else's is "
        "asked for.",
        remedy="Log in again: trakt2discovr fleet login --shared",
    )


def _checked(url: str) -> str:
    check_base_url(url, "--url")
    return url


class _ForAll(Terminal):
    """Signs in for every profile, so there is none to choose."""

    async def choose(self, profiles: Sequence[DiscovrProfile]) -> None:
        del profiles


def _words(name: str | None, document: LoginDocument) -> list[str]:
    account = f" as {document.account}" if document.account else ""
    until = f" until {document.expires_at:%Y-%m-%d}" if document.expires_at else ""
    service = document.service.title()
    if name is None:
        has = ", ".join(p.name for p in document.profiles) or "none yet"
        words = (
            f"You are logged in to {service}{until}, for every profile whose login is "
            f"shared (a column of the table for fleet add). The account has: {has}."
        )
        return [words]
    return [f"{name} is logged in to {service}{account}{until}.", *document.notes]
