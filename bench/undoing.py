"""How long it takes to write a migration, and to take it back again."""

from __future__ import annotations

import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.measure import Goal, Result, Row
from bench.page_server import PLAYS_A_SHOW
from bench.settings import settings_for
from sync import api
from sync.events import Advanced, Stage
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.trakt.stand_in import TraktStandIn

if TYPE_CHECKING:
    from bench.measure import Noise
    from bench.sizes import Sizes
    from sync.events import Event

#: What an answer of Discovr takes.
LATENCY_S = 0.12
#: Undo may need so much longer for a request than writing does.
_SLOWER = 1.1


async def run(sizes: Sizes, noise: Noise) -> Result:
    """Migrate and undo, once at each pace that Discovr may be asked for."""
    rows: list[Row] = []
    for rate in sizes.undo_rates:
        noise.sample()
        rows += await _measure(sizes.undone, rate)
    about = f"writing against undoing, {LATENCY_S * 1000:.0f} ms a request"
    return Result("undo", about, rows)


class _Watch:
    """Notes when a stage was first told of, and when last."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._times: list[float] = []

    def on_event(self, event: Event) -> None:
        if isinstance(event, Advanced) and event.stage is self._stage:
            self._times.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        return self._times[-1] - self._times[0]


async def _measure(plays: int, rate: float) -> list[Row]:
    account = synthetic_account(plays, max(1, plays // PLAYS_A_SHOW))
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        trakt = await stack.enter_async_context(TraktStandIn(account))
        discovr = await stack.enter_async_context(
            DiscovrStandIn(catalogue=account.titles)
        )
        discovr.latency_s = LATENCY_S
        settings = settings_for(
            trakt_url=trakt.url,
            discovr_url=discovr.url,
            folder=Path(folder),
            requests_per_second=rate,
        )
        written, undone = _Watch(Stage.LOAD), _Watch(Stage.UNDO)
        report = await api.migrate(settings, on_event=written.on_event)
        discovr.seen.clear()
        await api.undo(settings, on_event=undone.on_event)
        if discovr.entries():
            raise RuntimeError("the undo that was measured left something")
    operations = report.prepared.plan.operations
    places = len({operation.key.place for operation in operations})
    return _rows(rate, len(operations), places, len(discovr.seen), written, undone)


def _rows(
    rate: float, writes: int, places: int, requests: int, *watches: Any
) -> list[Row]:
    written, undone = (watch.seconds for watch in watches)
    what = f"{writes:,} writes in {places:,} films and seasons, {rate:g} a second"
    most = writes + 2 * places + 5
    slower = (undone / requests) / (written / writes)
    return [
        Row(f"{what}: migrate", written, "s", note="the writing alone"),
        Row(f"{what}: undo", undone, "s"),
        Row(f"{what}: undo", requests, "requests", goal=Goal("most", most)),
        Row(
            f"{what}: a request of undo, against a write",
            slower,
            "x",
            goal=Goal("most", _SLOWER),
        ),
    ]
