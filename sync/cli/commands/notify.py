"""``notify``: a message to every address of ``[notify]``, to try them."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from connectors.errors import ConfigError
from sync.cli.runner import Exit, run
from sync.cli.session import read_settings
from sync.cli.view.lines import say
from sync.documents.notify import NotifyDocument, ToldDocument
from sync.wiring.notify import Message, addresses, send

if TYPE_CHECKING:
    from rich.console import Console

    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.runtime.stop import Stop


def notify(context: Context, text: str | None) -> int:
    """Send it; the exit code says whether every address took it."""

    async def work(output: Output, _stop: Stop) -> int:
        if context.is_sandbox:
            raise ConfigError(
                "A rehearsal tells nobody.", remedy="Leave --sandbox out."
            )
        urls = addresses(read_settings(context))
        if not urls:
            raise ConfigError(
                "[notify] urls is not set, so there is nobody to tell.",
                remedy="Name at least one address of Apprise there.",
            )
        message = Message("trakt2discovr", text or _test())
        told = await asyncio.gather(*(send(url, [message]) for url in urls))
        document = NotifyDocument(
            addresses=tuple(
                ToldDocument(address=number, problem=problem or None)
                for number, (problem,) in enumerate(told, 1)
            )
        )
        output.emit(document, lambda console: _show(console, document))
        is_told = all(each.problem is None for each in document.addresses)
        return Exit.DONE if is_told else Exit.INCOMPLETE

    return run(context, work)


def _test() -> str:
    return (
        f"A test from {socket.gethostname()}: this is where you are told when a job "
        "needs you."
    )


def _show(console: Console, document: NotifyDocument) -> None:
    for each in document.addresses:
        ending = f"not told: {each.problem}" if each.problem else "told"
        say(console, f"Address {each.address} of [notify] urls: {ending}.")
