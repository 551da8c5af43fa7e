"""An answer that never comes: whoever waits gives it up, and no real time passes."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from connectors.http import transport
from connectors.http.body import read_body
from connectors.http.client import HttpClient
from sync.sandbox.server.faults import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    import aiohttp

    from tests.clocks import FakeClock

#: So long a client waits for an answer.
TIME_LIMIT_S: float = inspect.signature(HttpClient).parameters["timeout_s"].default
_SILENCE = b"nothing comes"


def stall(*, takes_effect: bool) -> Fault:
    """Let no answer come within the time limit."""
    return Fault(FaultKind.STATUS, takes_effect=takes_effect, body=_SILENCE)


@contextmanager
def giving_up(clock: FakeClock) -> Iterator[None]:
    """Let clients give up on silence at once; on that clock their time is over."""

    async def read_in_time(
        answer: aiohttp.ClientResponse, most: int
    ) -> tuple[bytes, bool]:
        body, is_cut = await read_body(answer, most)
        if body == _SILENCE:
            clock.advance(TIME_LIMIT_S)
            raise TimeoutError
        return body, is_cut

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "read_body", read_in_time)
        yield
