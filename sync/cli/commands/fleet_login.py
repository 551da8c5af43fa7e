"""What ``fleet login`` does: a profile's person approves codes, here or far away."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from sync import login as use_case
from sync.cli.commands.fleet import opening, require_known, run_fleet, tell_done
from sync.cli.commands.login import Terminal
from sync.cli.progress import Reporter
from sync.cli.session import read_settings
from sync.config import data_folder
from sync.documents.fleet import FleetDocument
from sync.wiring.clients import Clients

if TYPE_CHECKING:
    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.documents.login import LoginDocument
    from sync.fleet.open import Fleet
    from sync.fleet.profiles import Profile
    from sync.runtime.stop import Stop


def login(context: Context, name: str, service: str | None) -> int:
    """Sign a profile in to what it needs; it goes on at once if it waited for that."""

    async def work(output: Output, stop: Stop) -> int:
        async with opening().open_fleet(read_settings(context)) as fleet:
            (profile,) = await require_known(fleet, [name])
            needed = ["discovr"] if profile.file else ["trakt", "discovr"]
            services = [service] if service else needed
            notes: list[str] = []
            for each in services:
                signed_in = await _sign_in(context, output, stop, fleet, profile, each)
                notes += _words(name, signed_in)
            await fleet.profiles.signed_in(profile.id, fleet.clock.now())
        document = FleetDocument(done="login", count=len(services), notes=tuple(notes))
        return tell_done(output, document)

    return run_fleet(context, work)


async def _sign_in(  # what a command has, and what is to be done
    context: Context,
    output: Output,
    stop: Stop,
    fleet: Fleet,
    profile: Profile,
    service: str,
) -> LoginDocument:
    from sync.fleet.logins import open_store  # noqa: PLC0415  # an extra
    from sync.fleet.runner import settings_of  # noqa: PLC0415  # the same

    settings = settings_of(fleet.settings, profile)
    store = await open_store(
        fleet.database, fleet.vault(), profile.id, folder=data_folder()
    )
    async with AsyncExitStack() as stack:
        reporter = Reporter(
            output.notes,
            is_quiet=context.is_quiet,
            has_bars=not context.is_verbose,
            complete=context.complete,
        )
        clients = Clients(settings, stack, on_event=reporter.on_event, store=store)
        picture = data_folder() / f"fleet-login-{profile.id}.png"
        screen = stack.enter_context(Terminal(output.notes, picture))
        if service == "trakt":
            return await use_case.login_trakt(clients, screen, stop)
        return await use_case.login_discovr(clients, screen, stop)


def _words(name: str, document: LoginDocument) -> list[str]:
    account = f" as {document.account}" if document.account else ""
    until = f" until {document.expires_at:%Y-%m-%d}" if document.expires_at else ""
    service = document.service.title()
    return [f"{name} is logged in to {service}{account}{until}.", *document.notes]
