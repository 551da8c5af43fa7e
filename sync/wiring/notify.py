"""Sends messages to a person through Apprise, which is an extra.

What stands behind an address is a stranger's code, and the address holds a secret. So
each gets a process of its own (``sender.py``) that is ended after a moment, nothing
that it raises or logs is passed on, and of an address no more is said than its number.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from typing import TYPE_CHECKING

from connectors.errors import ConfigError
from sync.wiring import sender
from sync.wiring.sender import REFUSED
from sync.wiring.sender import plugin_of as _plugin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.config import Settings

#: Nobody waits longer than this, whatever a service does.
LONGEST_S = 20.0
#: What was ended has ended by then.
_GOING_S = 1.0
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
    try:
        async with asyncio.timeout(LONGEST_S):
            await _send(url, messages, problems)
    except TimeoutError:
        pass
    except OSError as fault:
        problems[:] = [f"{REFUSED} ({type(fault).__name__})"] * len(messages)
    return problems


def service_of(url: str) -> str | None:
    """Return the name of the service behind an address; None where there is none."""
    plugin = _plugin(url)
    return None if plugin is None else str(plugin.service_name)


async def _send(url: str, messages: Sequence[Message], problems: list[str]) -> None:
    """Send, and note of each what came of it as soon as that is known."""
    path = os.pathsep.join(filter(None, sys.path))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", sender.__name__),
        env=os.environ | {"PYTHONPATH": path},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin and process.stdout  # noqa: S101,PT018  # both are pipes
    try:
        process.stdin.write(_order(url, messages))
        process.stdin.close()
        said = REFUSED
        for number in range(len(problems)):
            line = await process.stdout.readline()
            # Where it ended early, whatever ended it ended the rest.
            said = line.decode().strip() if line else said or REFUSED
            problems[number] = said
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _GOING_S)


def _order(url: str, messages: Sequence[Message]) -> bytes:
    sent = [
        {"title": one.title, "body": one.body, "notify_type": one.tone.value}
        for one in messages
    ]
    order = {"url": url, "messages": sent, "longest_s": LONGEST_S}
    return json.dumps(order).encode()
