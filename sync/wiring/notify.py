"""Sends messages to a person through Apprise, which is an extra.

What stands behind an address is a stranger's code, and the address holds a secret. So
each gets a thread of its own that nobody waits for longer than a moment, nothing that
it raises or logs is passed on, and of an address no more is said than its number.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from connectors.errors import ConfigError
from sync.config import APP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.config import Settings

#: Nobody waits longer than this, whatever a service does.
LONGEST_S = 20.0
_THREAD = "notify"
#: Apprise and what it sends with; each of them logs addresses.
_LOUD = ("apprise", "urllib3", "requests", "oauthlib", "requests_oauthlib")
_SILENT = logging.CRITICAL + 1
UNKNOWN = "Apprise knows no address like that"
_REFUSED = "the service did not take it"
_LATE = "the service did not answer in time"


class Tone(Enum):
    """How a message looks where it arrives, in the words of Apprise."""

    INFO = "info"
    GOOD = "success"
    BAD = "failure"


@dataclass(frozen=True, slots=True)
class Message:
    """What a person gets to read."""

    title: str
    body: str
    tone: Tone = Tone.INFO


def addresses(settings: Settings) -> list[str]:
    """Return whom to tell. Raises ConfigError where the extra is missing."""
    urls = [url.get_secret_value() for url in settings.notify.urls or ()]
    if urls and find_spec("apprise") is None:
        raise ConfigError(
            "[notify] urls needs a part that is not installed.",
            remedy="Run: pip install 'trakt2discovr[notify]'",
        )
    return urls


async def send(url: str, messages: Sequence[Message]) -> list[str]:
    """Send to one address, in this order; return of each what is wrong, if anything.

    What failed or was late is worded so that it can be shown.
    """
    problems = [_LATE] * len(messages)
    done: Future[None] = Future()
    done.set_running_or_notify_cancel()  # from here on nobody can cancel it

    def work() -> None:
        try:
            _send(url, messages, problems)
        except (Exception, SystemExit) as fault:  # noqa: BLE001  # it is a stranger's code
            where = problems.index(_LATE)
            problems[where:] = [f"{_REFUSED} ({type(fault).__name__})"] * (
                len(problems) - where
            )
        done.set_result(None)

    threading.Thread(target=work, name=_THREAD, daemon=True).start()
    await asyncio.wait({asyncio.wrap_future(done)}, timeout=LONGEST_S)
    return [*problems]


def service_of(url: str) -> str | None:
    """Return the name of the service behind an address; None where there is none."""
    plugin = _plugin(url)
    return None if plugin is None else str(plugin.service_name)


def _send(url: str, messages: Sequence[Message], problems: list[str]) -> None:
    plugin = _plugin(url)
    if plugin is None:
        problems[:] = [UNKNOWN] * len(messages)
        return
    from apprise import Apprise  # noqa: PLC0415  # an extra

    service = Apprise()
    service.add(plugin)
    for number, message in enumerate(messages):
        is_taken = service.notify(
            title=message.title,
            body=message.body,
            notify_type=message.tone.value,
            body_format="text",
        )
        problems[number] = "" if is_taken else _REFUSED


def _plugin(url: str) -> Any:
    """Return what sends to an address; None where Apprise knows none like it."""
    for name in _LOUD:
        logging.getLogger(name).setLevel(_SILENT)
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415  # an extra

    asset = AppriseAsset(app_id=APP, app_desc=APP, app_url="", async_mode=False)
    return Apprise.instantiate(url, asset=asset)
