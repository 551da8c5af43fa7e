"""What a worker answers to whoever watches it: /healthz and /metrics."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from sync.daemon.server import without_metrics
from sync.fleet.worker import overdue

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from sync.fleet.watch import Watch


def answers(watch: Watch) -> dict[str, Handler]:
    """Return what is answered, by path."""
    return {"/healthz": partial(_health, watch), "/metrics": _metrics(watch)}


async def _health(watch: Watch, _: web.Request) -> web.Response:
    waited = overdue(watch.totals.oldest_due_at, watch.clock.now())
    known = {
        "is_healthy": watch.is_well(),
        "running": watch.worker.running,
        "overdue_s": waited.total_seconds(),
    }
    return web.Response(
        status=200 if watch.is_well() else 503,
        text=json.dumps(known, indent=2) + "\n",
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _metrics(watch: Watch) -> Handler:
    try:
        from prometheus_client.aiohttp import (  # noqa: PLC0415  # an extra
            make_aiohttp_handler,
        )

        from sync.fleet.metrics import registry  # noqa: PLC0415  # the same
    except ModuleNotFoundError:
        return without_metrics
    return make_aiohttp_handler(registry(watch))
