"""Answers /healthz and /metrics while the job stays.

Who asks is a scraper or a health check: a short question, a short answer, and the
connection ends. Whoever stays longer is sent away, since the job needs its descriptors
for itself. The name that was asked for has to be one of ours.
"""

from __future__ import annotations

import logging
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from connectors.errors import ConfigError
from sync.runtime import logs
from sync.runtime.hosts import are_ours
from sync.runtime.values import Address
from sync.runtime.visits import Connections

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from aiohttp.typedefs import Handler, Middleware

    from sync.daemon.state import Watched

#: Whoever still reads an answer when the job ends gets no longer than this.
_LAST_ANSWERS_S = 1.0


@asynccontextmanager
async def served(
    job: Watched, address: Address, hosts: Collection[str] = ()
) -> AsyncIterator[Address]:
    """Listen meanwhile; yields the address with the port in use.

    ``hosts`` are names under which others may ask for it. Without the library for
    metrics, /metrics says so. Raises ConfigError where nobody can listen.
    """
    async with answering(_answers(job), address, hosts) as used:
        yield used


@asynccontextmanager
async def answering(
    answers: Mapping[str, Handler], address: Address, hosts: Collection[str] = ()
) -> AsyncIterator[Address]:
    """Answer whoever asks for one of these paths meanwhile, as ``served`` does."""
    app = web.Application(middlewares=[_only_for(address, hosts)])
    for path, answer in answers.items():
        app.router.add_get(path, answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_LAST_ANSWERS_S)
    await runner.setup()
    connections = Connections(runner)
    try:
        port = await _listen(connections, address)
        used = Address(address.host, port)
        logs.tell("listen.started", f"Listens on {used.url}.", url=used.url)
        if not used.is_private:
            logs.tell(
                "listen.open",
                f"{used.host} can be reached from other machines, and what is said "
                "there is meant for you: use 127.0.0.1 unless something guards it.",
                level=logging.WARNING,
            )
        yield used
    finally:
        connections.close()
        await runner.cleanup()


def add_health(app: web.Application, job: Watched) -> None:
    """Answer /healthz and /metrics."""
    for path, answer in _answers(job).items():
        app.router.add_get(path, answer)


def _answers(job: Watched) -> dict[str, Handler]:
    return {"/healthz": _health(job), "/metrics": _metrics(job)}


async def _listen(connections: Connections, address: Address) -> int:
    try:
        return await connections.open(address)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
    raise ConfigError(
        f"Nobody can listen on {address.url}: {reason}.",
        remedy="Stop what uses that port, or choose another one with --listen.",
    )


def _only_for(address: Address, hosts: Collection[str]) -> Middleware:
    """Refuse whoever asks for another host than this one."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        # No browser leaves it out, and older health checks do.
        if are_ours(request.headers.getall("Host", ()), address, hosts):
            return await handler(request)
        return web.Response(status=421, text="This is not the host asked for.\n")

    return check


def _health(job: Watched) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        document = job.state.document(job.clock.now())
        return web.Response(
            status=200 if document.is_healthy else 503,
            text=document.model_dump_json(indent=2) + "\n",
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    return answer


def _metrics(job: Watched) -> Handler:
    try:
        from prometheus_client.aiohttp import (  # noqa: PLC0415  # an extra
            make_aiohttp_handler,
        )

        from sync.daemon.metrics import registry  # noqa: PLC0415  # the same
    except ModuleNotFoundError:
        return without_metrics
    return make_aiohttp_handler(registry(job))


async def without_metrics(_request: web.Request) -> web.Response:
    """Say what is missing."""
    return web.Response(
        status=501,
        text="/metrics needs a part that is not installed. Run: pip install "
        "'trakt2discovr[metrics]'\n",
    )
