"""Tells a person of what only a person can mend, once, and when it is over.

What was told is a fact in the ledger, so that a restart and a line of cron know it too.
A message that did not arrive is sent again after the next run, to that address alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from connectors.auth.tokens import fingerprint
from connectors.errors import ServiceError
from sync.daemon.heartbeat import ping
from sync.daemon.messages import reason, word
from sync.daemon.trouble import Memory, due
from sync.daemon.turn import PASSING, Ending
from sync.ledger import Ledger
from sync.ledger.fact_names import TOLD, wanted
from sync.runtime import logs
from sync.wiring.logins import WARN_BEFORE, discovr_login, token_store
from sync.wiring.notify import addresses, send

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from connectors.clock import Clock
    from sync.config import Settings
    from sync.daemon.job import Job
    from sync.daemon.trouble import Heard, Notice
    from sync.daemon.turn import Turn
    from sync.wiring.notify import Message

_MEMORY = TypeAdapter(Memory)


class Teller:
    """Tells after each turn of a job, as far as there is anything to tell.

    Where the ledger cannot be used, it remembers by itself what it told.
    """

    def __init__(self, complete: Callable[[str], str] = str) -> None:
        self._complete = complete
        self._seen: Turn | None = None
        self._memory = Memory()

    async def __call__(self, job: Job) -> None:
        """Tell of a turn that has ended since."""
        turn = job.state.last
        if turn is None or turn is self._seen or job.state.stopped_at:
            return
        self._seen = turn
        settings = job.terms.settings
        if settings.notify.urls:
            self._memory = await _remember(settings, self._memory)
            await _tell(settings, turn, self._memory, self._complete)


async def tell_of_run(
    settings: Settings,
    turn: Turn,
    clock: Clock,
    complete: Callable[[str], str] = str,
) -> None:
    """Tell of a single run: the addresses of ``[notify]``, and the heartbeat service.

    An outage is told to neither before it has lasted too long. ``complete`` puts
    commands as they have to be typed here.
    """
    if not settings.notify.urls and settings.sync.heartbeat is None:
        return
    turn = turn.with_remedy(complete)
    memory = await _remember(settings, Memory())
    await _tell(settings, turn, memory, complete)
    if turn.ending not in PASSING or memory.is_late(turn.finished_at):
        is_good = turn.ending is Ending.DONE
        await ping(settings, clock, is_good=is_good, words=reason(turn))


async def _remember(settings: Settings, otherwise: Memory) -> Memory:
    """Return what was told so far; ``otherwise`` where the ledger cannot be used."""
    try:
        async with await Ledger.open(settings.state.url) as ledger:
            fact = await ledger.get_fact(TOLD, wanted(settings.discovr.profile))
    except ServiceError:
        return otherwise
    if not fact:
        return Memory()
    try:
        return _MEMORY.validate_json(json.dumps(fact))
    except ValidationError:  # of another version
        return Memory()


async def _tell(
    settings: Settings, turn: Turn, memory: Memory, complete: Callable[[str], str]
) -> None:
    try:
        urls = addresses(settings)
    except ServiceError as error:
        logs.tell("notify.failed", str(error), level=logging.WARNING)
        urls = []
    before = _MEMORY.dump_json(memory)
    numbers = {fingerprint(url): number for number, url in enumerate(urls, 1)}
    memory.meet(numbers)
    memory.note(turn, weekly=settings.notify.weekly)
    now, ends_at = turn.finished_at, _ending_login(settings, turn.finished_at)
    notices = {
        digest: list(due(memory, memory.heard[digest], now, ends_at))
        for digest in numbers
    }
    profile = settings.discovr.profile

    def words(notice: Notice) -> Message:
        message = word(notice, memory, turn, profile)
        return replace(message, body=complete(message.body))

    sending = (
        _send(url, number, notices[digest], words, memory.heard[digest])
        for url, (digest, number) in zip(urls, numbers.items(), strict=True)
        if notices[digest]
    )
    arrived = [notice for part in await asyncio.gather(*sending) for notice in part]
    if any(notice.kind == "week" for notice in arrived):
        memory.begin_week(now)
    if _MEMORY.dump_json(memory) != before:
        await _keep(settings, memory, now)


async def _send(
    url: str,
    number: int,
    notices: Sequence[Notice],
    words: Callable[[Notice], Message],
    heard: Heard,
) -> list[Notice]:
    """Send these to one address; note what it has heard, and return what arrived."""
    arrived = []
    problems = await send(url, [*map(words, notices)])
    for notice, problem in zip(notices, problems, strict=True):
        if problem:
            said = f"Address {number} of [notify] urls could not be told: {problem}."
            logs.tell("notify.failed", said, level=logging.WARNING, address=number)
        else:
            notice.mark(heard)
            arrived.append(notice)
            logs.tell("notify.sent", f"Address {number} was told.", address=number)
    return arrived


async def _keep(settings: Settings, memory: Memory, now: datetime) -> None:
    fact: Mapping[str, Any] = _MEMORY.dump_python(memory, mode="json")
    # What is wrong with the ledger is said by the run, and by who notes the job.
    with suppress(ServiceError):
        async with await Ledger.open(settings.state.url) as ledger:
            name = wanted(settings.discovr.profile)
            await ledger.put_fact(TOLD, name, fact, now)


def _ending_login(settings: Settings, now: datetime) -> datetime | None:
    """Return when the Discovr login ends, if that is soon."""
    try:
        login = discovr_login(settings, token_store(settings))
    except ServiceError:
        return None  # the run that needs it says so
    ends_at = login.ends_at if login else None
    if ends_at is None or not now < ends_at <= now + WARN_BEFORE:
        return None
    return ends_at
