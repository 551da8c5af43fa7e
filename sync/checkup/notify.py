"""Who is told when a job needs a person: whether they could be. Sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.errors import ConfigError
from sync.checkup.findings import Cause, Finding, from_error, ok, problem
from sync.wiring.notify import addresses, service_of
from sync.wiring.sender import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.config import Settings

CHECK = "notify"


def check_notify(settings: Settings) -> Iterator[Finding]:
    """Look whether Apprise is there and knows every address, if there are any."""
    try:
        urls = addresses(settings)
    except ConfigError as error:
        yield from_error(CHECK, error)
        return
    for number, url in enumerate(urls, 1):
        service = service_of(url)
        if service is None:
            yield problem(
                CHECK,
                f"address {number} of [notify] urls: {UNKNOWN}",
                "Write it as Apprise's page of that service shows it.",
                Cause.CONFIG,
            )
        else:
            text = f"address {number} of [notify] urls is one of {service}"
            yield ok(CHECK, f"{text}; to try it: trakt2discovr notify")
