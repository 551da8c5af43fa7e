"""What ``login`` and ``logout`` do: the person's side of a sign-in, on stderr."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Self

import click
import zxingcpp
from rich.text import Text

from connectors.errors import ConfigError
from sync import login as use_case
from sync.cli.progress import Reporter
from sync.cli.runner import Exit, run
from sync.cli.session import ask, can_ask, open_settings
from sync.cli.view.lines import say
from sync.errors import StoppedError
from sync.runtime.words import count
from sync.setup.qr import read_qr
from sync.wiring.clients import Clients
from sync.wiring.logins import missing_keys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from connectors.auth.device import DeviceCode
    from connectors.discovr.models import Profile
    from connectors.errors import ServiceError
    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.documents.login import LoginDocument, LogoutDocument
    from sync.runtime.stop import Stop

PICTURE = "discovr-sign-in.png"
_ONE_APP = (
    "Note: a free Trakt account can have one community app connected. Connecting this "
    "one may disconnect the other, or be refused; VIP accounts are not limited."
)
#: A cell shows two modules, the upper and the lower one: a block or not.
_CELLS = {
    (False, False): " ",
    (True, False): "\u2580",
    (False, True): "\u2584",
    (True, True): "\u2588",
}


def login(context: Context, service: str, profile: str | None) -> int:
    """Sign in and store the login."""
    if profile and service != "discovr":
        raise click.UsageError("--profile goes with login discovr only.")

    async def work(output: Output, stop: Stop) -> int:
        async with AsyncExitStack() as stack:
            clients = await _clients(context, output, stack)
            picture = clients.store.path.with_name(PICTURE)
            screen = stack.enter_context(Terminal(output.notes, picture))
            if service == "trakt":
                if not missing_keys(clients.settings, "trakt"):
                    say(output.notes, _ONE_APP)
                document = await use_case.login_trakt(clients, screen, stop)
            else:
                document = await use_case.login_discovr(
                    clients, screen, stop, profile=profile
                )
        output.emit(document, lambda console: _show_login(console, document))
        return Exit.DONE

    return run(context, work)


def logout(context: Context, service: str) -> int:
    """Sign out; 4 when the service could not be told."""

    async def work(output: Output, _stop: Stop) -> int:
        async with AsyncExitStack() as stack:
            clients = await _clients(context, output, stack)
            log_out = {
                "trakt": use_case.logout_trakt,
                "discovr": use_case.logout_discovr,
            }[service]
            document = await log_out(clients)
        output.emit(document, lambda console: _show_logout(console, document))
        is_done = document.is_revoked or not document.was_logged_in
        return Exit.DONE if is_done else Exit.INCOMPLETE

    return run(context, work)


class Terminal:
    """The person, as far as a terminal or a log shows her.

    Where a QR code cannot be drawn it is saved, until the sign-in is over.
    """

    def __init__(self, console: Console, picture: Path) -> None:
        self._console = console
        self._picture = picture
        self._told = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Where it cannot be removed it could not be saved, and that was said.
        with suppress(OSError):
            self._picture.unlink(missing_ok=True)

    def invite(self, code: DeviceCode) -> None:
        """Show where to go and which code to enter."""
        address = code.address or read_qr(code.picture)
        if code.picture and not (address and self._draw(address)):
            self._save(code.picture)
            self._say(f"QR code: {self._picture}")
        if address:
            self._say(f"Address: {address}")
        self._say(f"Code: {code.user_code}")
        where = "at that address" if address else "where the QR code leads"
        minutes = count(round(code.lifetime_s / 60), "minute")
        self._say(f"Approve it {where} within {minutes}. Waiting for that ...")

    def tell(self, problem: ServiceError) -> None:
        """Say what went wrong, once as long as it stays the same."""
        if problem.message != self._told:
            self._say(problem.message)
        self._told = problem.message

    async def choose(self, profiles: Sequence[Profile]) -> Profile | None:
        """Ask for a profile by its number; None without a terminal."""
        if not can_ask():
            return None
        for number, profile in enumerate(profiles, 1):
            self._say(f"{number}  {profile.name}  ({profile.id})")
        numbers = [str(number) for number in range(1, len(profiles) + 1)]
        question = f"Which profile receives the history? [{'/'.join(numbers)}]"
        try:
            while (answer := await ask(question)) is not None:
                if answer.strip() in numbers:
                    return profiles[int(answer) - 1]
        except asyncio.CancelledError:
            raise StoppedError(
                "Stopped before a profile was chosen; the login is stored.",
                remedy="Put the profile into [discovr] profile, or log in again.",
            ) from None
        return None

    def _draw(self, address: str) -> bool:
        console = self._console
        has_colours = console.color_system is not None
        # Without colours the blocks are light, as text on most terminals is.
        lines = draw_qr(address, is_inverted=not has_colours)
        fits = console.width >= len(lines[0]) and not console.options.ascii_only
        if not (console.is_terminal and fits):
            return False
        style = "black on bright_white" if has_colours else ""
        console.print(Text("\n".join(lines), style=style))
        return True

    def _save(self, picture: bytes) -> None:
        try:
            self._picture.touch(mode=0o600)
            self._picture.write_bytes(picture)
        except OSError as error:
            reason = error.strerror
        else:
            return
        raise ConfigError(
            f"The QR code cannot be saved as {self._picture} ({reason}).",
            remedy="Correct [state] tokens, or the rights on that folder.",
        )

    def _say(self, line: str) -> None:
        say(self._console, line)


async def _clients(context: Context, output: Output, stack: AsyncExitStack) -> Clients:
    settings = await open_settings(context, stack)
    reporter = Reporter(
        output.notes,
        is_quiet=context.is_quiet,
        has_bars=not context.is_verbose,
        complete=context.complete,
    )
    return Clients(settings, stack, on_event=reporter.on_event)


def _show_login(console: Console, document: LoginDocument) -> None:
    name = f" as {document.account}" if document.account else ""
    until = f" until {document.expires_at:%Y-%m-%d}" if document.expires_at else ""
    _print(console, f"Logged in to {document.service.title()}{name}{until}.")
    chosen = document.profile
    for profile in document.profiles:
        mark = "*" if profile == chosen else " "
        _print(console, f"{mark} {profile.id}  {profile.name}")
    for note in document.notes:
        _print(console, note)


def _show_logout(console: Console, document: LogoutDocument) -> None:
    service = document.service.title()
    words = f"Logged out of {service}."
    if not document.was_logged_in:
        words = f"There was no {service} login."
    for line in (words, *document.notes):
        _print(console, line)


def _print(console: Console, line: str) -> None:
    say(console, line)


def draw_qr(text: str, *, is_inverted: bool = False) -> list[str]:
    """Return a QR code as lines of half blocks, its quiet zone included.

    The blocks are the dark modules, or with ``is_inverted`` the light ones.
    """
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="L")
    image = code.to_image(scale=1)
    light, width = 255, image.shape[1]
    # It is a buffer; its annotations do not say so. The height is odd.
    levels = bytes(image) + bytes([light]) * width  # type: ignore[call-overload]
    cells = [(level == light) is is_inverted for level in levels]
    rows = [cells[i : i + width] for i in range(0, len(cells), width)]
    return [
        "".join(_CELLS[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    ]
