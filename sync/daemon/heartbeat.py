"""Pings a watching service after each turn, by the convention of healthchecks.io.

A GET of the address says that all is well, a POST to the address with ``/fail`` that
somebody should look; its body says why, in plain text. No ping that fails fails
anything.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from yarl import URL

from connectors.errors import RejectedError, ServiceError
from connectors.http.client import HttpClient, RetryPolicy
from sync.daemon.messages import reason
from sync.daemon.trouble import LONG
from sync.daemon.turn import PASSING, Ending, Turn
from sync.runtime import logs

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.clock import Clock
    from sync.config import Settings
    from sync.daemon.job import Job

_SERVICE = "The heartbeat service"
_TIMEOUT_S = 10.0
_RETRY = RetryPolicy(attempts=3, total_s=30.0, longest_pause_s=10.0)
#: All of it takes no longer than this, whatever the service asks for.
_LONGEST_S = 45.0
#: Such services keep some kilobytes of a body.
_MOST_WORDS = 4_000


class Heartbeat:
    """Pings once for each turn of the job, as far as it told anything."""

    def __init__(self) -> None:
        self._pinged: Turn | None = None
        self._down_since: datetime | None = None

    async def __call__(self, job: Job) -> None:
        """Ping, if a turn has ended since. A short outage is left to the next turns.

        The watching service notices by itself when no ping comes for too long.
        """
        turn = job.state.last
        if turn is None or turn is self._pinged or job.state.stopped_at:
            return
        self._pinged = turn
        settings = job.terms.settings
        if turn.ending in PASSING:
            self._down_since = self._down_since or turn.finished_at
            if turn.finished_at - self._down_since < LONG:
                return
        else:
            self._down_since = None
        is_good = turn.ending is Ending.DONE
        await ping(settings, job.clock, is_good=is_good, words=reason(turn))


async def ping(
    settings: Settings, clock: Clock, *, is_good: bool, words: str = ""
) -> None:
    """Ping the address of ``[sync] heartbeat``, if there is one.

    ``words`` say what is not good; of what is, no more is told than that.
    """
    if settings.sync.heartbeat is None:
        return
    url = URL(settings.sync.heartbeat.get_secret_value())
    path = url.path.rstrip("/") + ("" if is_good else "/fail")
    try:
        async with (
            asyncio.timeout(_LONGEST_S),
            HttpClient(
                _SERVICE,
                str(url.origin()),
                clock=clock,
                timeout_s=_TIMEOUT_S,
                retry=_RETRY,
                setting="[sync] heartbeat",
            ) as client,
        ):
            await _ping(client, path, "" if is_good else words[:_MOST_WORDS])
    except ServiceError as error:
        logs.tell("heartbeat.failed", error.message, level=logging.WARNING)
    except TimeoutError:
        late = f"{_SERVICE} did not answer the ping in time."
        logs.tell("heartbeat.failed", late, level=logging.WARNING)


async def _ping(client: HttpClient, path: str, words: str) -> None:
    # Nothing of the answer is needed but its status, so none of it is read.
    if words:
        try:
            await client.request(
                "POST",
                path,
                text=words,
                label="the ping",
                repeatable=True,
                expect_json=False,
                most_bytes=0,
            )
        except RejectedError as error:
            if error.status != 405:
                raise
        else:
            return
    # A service that takes no POST hears at least that something failed.
    await client.request("GET", path, label="the ping", expect_json=False, most_bytes=0)
