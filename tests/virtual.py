"""A network without sockets: stand-ins that answer in virtual time.

Nothing here waits for the machine, so that what a run takes is exactly what its
requests take, in their order and side by side.
"""

from __future__ import annotations

import json as jsons
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import aiohttp
from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDictProxy

from sync.events import Waiting
from sync.ledger.base import LedgerBase
from sync.pipeline import run as pipeline
from sync.pipeline.prepare import prepare
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.tmdb import TmdbStandIn
from sync.sandbox.trakt.stand_in import TraktStandIn
from sync.wiring.bootstrap import build
from tests.clocks import FakeClock
from tests.standins import NOON
from tests.worlds import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    import pytest
    from yarl import URL

    from sync.events import Event
    from sync.pipeline.prepared import Prepared
    from sync.pipeline.result import Report
    from sync.sandbox.account.account import Account
    from sync.sandbox.discovr.quirks import DiscovrQuirks
    from sync.sandbox.server.server import StandIn
    from sync.sandbox.trakt.quirks import TraktQuirks


#: What an answer takes, there and back.
LATENCY_S = 0.12


class VirtualNet:
    """Stands in for an aiohttp.ClientSession; each answer takes ``latency_s``."""

    def __init__(self, clock: FakeClock, latency_s: float, *services: StandIn) -> None:
        self._clock = clock
        self._latency_s = latency_s
        self._apps: dict[str, web.Application] = {}
        self.in_flight: dict[str, int] = {}
        #: The most requests that were under way at once, by host.
        self.most: dict[str, int] = {}
        for number, service in enumerate(services, 1):
            service.url = f"http://127.0.0.1:{number}"
            app = web.Application(middlewares=[service._serve])
            app.add_routes(list(service.routes()))
            app.freeze()
            self._apps[service.url] = app

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: URL,
        *,
        params: dict[str, Any],
        json: Any,
        headers: Any,
        data: aiohttp.Payload | None = None,
        **_: Any,
    ) -> AsyncIterator[Any]:
        host = str(url.origin())
        self.in_flight[host] = self.in_flight.get(host, 0) + 1
        self.most[host] = max(self.most.get(host, 0), self.in_flight[host])
        try:
            await self._clock.sleep(self._latency_s)
            target = str(url.update_query(params).relative())
            request = make_mocked_request(
                method,
                target,
                headers=headers,
                payload=_stream(await _body(json, data)),
                transport=Mock(is_closing=lambda: False),
            )
            response = await self._apps[host]._handle(request)
        finally:
            self.in_flight[host] -= 1
        yield _Answer(response)


async def _body(json: Any, data: aiohttp.Payload | None) -> bytes:
    if data is None:
        return b"" if json is None else jsons.dumps(json).encode()
    written: list[bytes] = []

    async def write(chunk: bytes) -> None:
        written.append(chunk)

    await data.write_with_length(Mock(write=write), None)
    return b"".join(written)


class _Answer:
    def __init__(self, response: web.StreamResponse) -> None:
        assert isinstance(response, web.Response)
        body = response.body
        data = body if isinstance(body, bytes) else b""
        self.status = response.status
        self.headers = CIMultiDictProxy(response.headers)
        self.content = _stream(data)
        self._data = data

    async def read(self) -> bytes:
        return self._data

    def close(self) -> None: ...


def _stream(data: bytes) -> StreamReader:
    stream = StreamReader(Mock(spec=BaseProtocol), 2**16, loop=Mock())
    stream.feed_data(data)
    stream.feed_eof()
    return stream


def calm_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the ledger work at once: its thread would take real time, not virtual."""

    async def work_at_once(_self: LedgerBase, work: Callable[[], Any]) -> Any:
        return work()

    monkeypatch.setattr(LedgerBase, "_in_thread", work_at_once)
    monkeypatch.setattr(LedgerBase, "_to_the_end", work_at_once)


@dataclass
class VirtualWorld(World):
    """A world on such a network."""

    net: VirtualNet = field(kw_only=True)
    clock: FakeClock = field(kw_only=True)

    async def prepare(
        self,
        *,
        files: Sequence[Path] = (),
        on_event: Callable[[Event], None] = lambda _: None,
    ) -> tuple[Prepared, float]:
        """Read both sides and plan; return the plan and the seconds until it stood."""
        began_at = self.clock.monotonic()
        async with build(
            self.settings,
            clock=self.clock,
            session=self.session,
            files=files,
            on_event=on_event,
            is_dry=True,
        ) as services:
            prepared = await prepare(services, is_dry=True)
        return prepared, self.clock.monotonic() - began_at

    async def carry(self, **options: Any) -> Report:
        """Migrate."""
        async with build(
            self.settings, clock=self.clock, session=self.session
        ) as services:
            return await pipeline.migrate(services, confirm=_agree, **options)

    @property
    def session(self) -> aiohttp.ClientSession:
        return self.net  # type: ignore[return-value]  # as much of it as is called


def open_world(
    account: Account,
    folder: Path,
    *,
    quirks: TraktQuirks | None = None,
    discovr_quirks: DiscovrQuirks | None = None,
    concurrency: int = 8,
    **options: Any,
) -> VirtualWorld:
    clock = FakeClock(NOON)
    trakt = TraktStandIn(account, quirks=quirks, now=clock.now)
    discovr = DiscovrStandIn(
        catalogue=account.titles, quirks=discovr_quirks, now=clock.now
    )
    tmdb = TmdbStandIn(account.titles, now=clock.now)
    net = VirtualNet(clock, LATENCY_S, trakt, discovr, tmdb)
    return VirtualWorld(
        account,
        trakt,
        discovr,
        tmdb,
        folder,
        net=net,
        clock=clock,
        concurrency=concurrency,
        **options,
    )


def refused(place: VirtualWorld) -> Counter[int | None]:
    """Count the answers that were no answer, of all three."""
    seen = [*place.trakt.seen, *place.discovr.seen, *place.tmdb.seen]
    return Counter(request.status for request in seen if request.status != 200)


def waits_into(waits: list[float]) -> Callable[[Event], None]:
    def on_event(event: Event) -> None:
        if isinstance(event, Waiting):
            waits.append(event.seconds)

    return on_event


async def _agree(_report: Report) -> bool:
    return True
