"""Puts a job together: what it runs, who watches it, and what it answers meanwhile."""

from __future__ import annotations

import signal
import sys
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from connectors.auth.tokens import fingerprint
from connectors.discovr import auth as discovr
from connectors.errors import ServiceError
from connectors.trakt import auth as trakt
from sync import api
from sync.daemon.begun import require_begun
from sync.daemon.heartbeat import Heartbeat
from sync.daemon.job import Job
from sync.daemon.look import look_at_login
from sync.daemon.recorder import Recorder
from sync.daemon.systemd import Notifier
from sync.daemon.teller import Teller
from sync.daemon.turn import Result
from sync.pipeline.result import is_in_place
from sync.runtime.signals import heeding
from sync.wiring.logins import token_store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator

    from connectors.clock import Clock
    from sync.config import Settings
    from sync.daemon.job import Run, Terms
    from sync.events import Event
    from sync.runtime.stop import Stop
    from sync.runtime.values import Address


async def stay(  # noqa: PLR0913  # what a job is made of, all by name
    terms: Terms,
    *,
    read: Callable[[], Terms],
    run: Run,
    stop: Stop,
    clock: Clock,
    check: Callable[[], Awaitable[None]],
    address: Address | None = None,
    hosts: Collection[str] = (),
    complete: Callable[[str], str] = str,
) -> NoReturn:
    """Run by the terms until somebody stops it; SIGHUP has them read anew.

    ``check`` refuses what can never run, once everything else is there. With an
    ``address`` it answers /healthz and /metrics. ``complete`` puts the commands that a
    person is told as they have to be typed here.
    """
    notifier = Notifier()
    job = Job(
        terms,
        read=read,
        run=run,
        stop=stop,
        clock=clock,
        watchers=(notifier, Recorder(), Heartbeat(), Teller(complete)),
        login=digest_logins,
        complete=complete,
    )
    async with AsyncExitStack() as stack:
        if address:
            from sync.daemon.server import served  # noqa: PLC0415  # only where used

            await stack.enter_async_context(served(job, address, hosts))
        await stack.enter_async_context(notifier.watched(clock))
        stack.enter_context(_heeding_hangups(partial(notifier.reload, job)))
        await check()
        await job.stay()


async def take_turn(
    terms: Terms,
    *,
    stop: Stop,
    clock: Clock,
    on_event: Callable[[Event], None],
    accept_incomplete: bool = False,
    is_strict: bool = False,
) -> Result:
    """Run once as a job does: only after a migration, if that is wanted."""
    await require_begun(terms.settings)
    report = await api.sync(
        terms.settings,
        prune=terms.prune,
        accept_incomplete=accept_incomplete,
        stop=stop,
        on_event=on_event,
    )
    await look_at_login(terms.settings, report, clock=clock, on_event=on_event)
    return Result.of(report, is_good=is_in_place(report, is_strict=is_strict))


def digest_logins(settings: Settings) -> str:
    """Return a digest of the logins that are kept; "" where they cannot be read."""
    try:
        store = token_store(settings)
        kept = [store.load(service) for service in (trakt.SERVICE, discovr.SERVICE)]
    except ServiceError:
        return ""
    return fingerprint(repr([token and token.model_dump_json() for token in kept]))


@contextmanager
def _heeding_hangups(reload: Callable[[], None]) -> Iterator[None]:
    """Read the config anew on SIGHUP, unless it says that the terminal has gone."""
    had_terminal = sys.stdin.isatty()

    def heed() -> None:
        if had_terminal and not sys.stdin.isatty():
            signal.raise_signal(signal.SIGTERM)
        else:
            reload()

    with heeding("SIGHUP", heed):
        yield
