"""Sends to one address of Apprise, in a process of its own.

What stands behind an address is a stranger's code, and may read an answer without end,
hang, or end its process: this one is bounded, and nobody else is in it. The address
comes over stdin, since it holds a secret; of each message goes out what is wrong.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sync.runtime.version import APP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Of an answer nobody needs more than its beginning.
MOST_OF_AN_ANSWER = 8_000_000
#: Apprise and what it sends with takes some 60 MB.
MOST_MEMORY = 256_000_000
UNKNOWN = "Apprise knows no address like that"
REFUSED = "the service did not take it"
#: Apprise and what it sends with; each of them logs addresses.
_LOUD = ("apprise", "urllib3", "requests", "oauthlib", "requests_oauthlib")
_SILENT = logging.CRITICAL + 1


def plugin_of(url: str) -> Any:
    """Return what sends to an address; None where Apprise knows none like it."""
    for name in _LOUD:
        logging.getLogger(name).setLevel(_SILENT)
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415  # an extra

    asset = AppriseAsset(app_id=APP, app_desc=APP, app_url="", async_mode=False)
    return Apprise.instantiate(url, asset=asset)


def send_each(url: str, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Send in this order; yield of each what is wrong, empty if nothing is."""
    try:
        plugin = plugin_of(url)
        if plugin is None:
            yield from [UNKNOWN] * len(messages)
            return
        from apprise import Apprise  # noqa: PLC0415  # an extra

        service = Apprise()
        service.add(plugin)
        for message in messages:
            is_taken = service.notify(**message, body_format="text")
            yield "" if is_taken else REFUSED
    except (Exception, SystemExit) as fault:  # noqa: BLE001  # it is a stranger's code
        yield f"{REFUSED} ({type(fault).__name__})"


def main() -> None:
    """Send what stdin says, and nothing to stdout but what came of it."""
    order = json.load(sys.stdin)
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    # Whoever waits for it ends it; this is for when nobody does.
    faulthandler.dump_traceback_later(order["longest_s"], exit=True, file=nowhere)
    _bound_answers()
    _bound_memory()
    for problem in send_each(order["url"], order["messages"]):
        told.write(f"{problem}\n")
        told.flush()


def _bound_answers() -> None:
    """Let requests read no more of an answer; nearly all services are sent to by it."""
    from requests import Response  # noqa: PLC0415  # it comes with Apprise
    from requests.exceptions import RequestException  # noqa: PLC0415

    read_all = Response.iter_content

    def read(self: Response, *args: Any, **options: Any) -> Iterator[Any]:
        left = MOST_OF_AN_ANSWER
        for piece in read_all(self, *args, **options):
            left -= len(piece)
            if left < 0:
                raise RequestException  # of others it catches some, and reads on
            yield piece

    Response.iter_content = read  # type: ignore[method-assign]


def _bound_memory() -> None:
    """Bound it for all else too, where the system does that for a program."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415  # there is none on Windows

        with suppress(OSError, ValueError):
            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            most = MOST_MEMORY if hard < 0 else min(MOST_MEMORY, hard)
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


if __name__ == "__main__":
    main()
