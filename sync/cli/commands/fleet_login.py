"""What ``fleet login`` does: a profile's person approves codes, here or far away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.cli.commands.fleet import opening, require_known, run_fleet, tell_done
from sync.cli.commands.login import Terminal
from sync.cli.progress import Reporter
from sync.cli.session import read_settings
from sync.config import data_folder
from sync.documents.fleet import FleetDocument

if TYPE_CHECKING:
    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.documents.login import LoginDocument
    from sync.runtime.stop import Stop
    from sync.wiring.logins import Service


def login(context: Context, name: str, service: Service | None) -> int:
    """Sign a profile in to what it needs; it goes on at once if it waited for that."""

    async def work(output: Output, stop: Stop) -> int:
        opened = opening().open_fleet(read_settings(context))
        from sync.fleet.sign_in import needed, sign_in  # noqa: PLC0415  # an extra

        notes: list[str] = []
        async with opened as fleet:
            (profile,) = await require_known(fleet, [name])
            services = (service,) if service else needed(profile)
            picture = data_folder() / f"fleet-login-{profile.id}.png"
            reporter = Reporter(
                output.notes,
                is_quiet=context.is_quiet,
                has_bars=not context.is_verbose,
                complete=context.complete,
            )
            with Terminal(output.notes, picture) as screen:
                for each in services:
                    signed_in = await sign_in(
                        *(fleet, profile, each, screen, stop),
                        on_event=reporter.on_event,
                    )
                    notes += _words(name, signed_in)
            await fleet.profiles.signed_in(profile.id, fleet.clock.now())
        document = FleetDocument(done="login", count=len(services), notes=tuple(notes))
        return tell_done(output, document)

    return run_fleet(context, work)


def _words(name: str, document: LoginDocument) -> list[str]:
    account = f" as {document.account}" if document.account else ""
    until = f" until {document.expires_at:%Y-%m-%d}" if document.expires_at else ""
    service = document.service.title()
    return [f"{name} is logged in to {service}{account}{until}.", *document.notes]
