"""Answers /healthz and /metrics while the job stays."""

from __future__ import annotations

import logging
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from connectors.errors import ConfigError
from sync.runtime import logs
from sync.runtime.values import Address

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.typedefs import Handler

    from sync.daemon.job import Job

#: Whoever still reads an answer when the job ends gets no longer than this.
_LAST_ANSWERS_S = 1.0


@asynccontextmanager
async def served(job: Job, address: Address) -> AsyncIterator[Address]:
    """Listen meanwhile; yields the address with the port in use.

    Raises ConfigError where nobody can listen, or without the library for metrics.
    """
    app = web.Application()
    app.router.add_get("/healthz", _health(job))
    app.router.add_get("/metrics", _metrics(job))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_LAST_ANSWERS_S)
    await runner.setup()
    try:
        port = await _listen(runner, address)
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
        await runner.cleanup()


async def _listen(runner: web.AppRunner, address: Address) -> int:
    try:
        await web.TCPSite(runner, *address).start()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
    else:
        port: int = runner.addresses[0][1]
        return port
    raise ConfigError(
        f"Nobody can listen on {address.url}: {reason}.",
        remedy="Stop what uses that port, or choose another one with --listen.",
    )


def _health(job: Job) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        document = job.state.document(job.clock.now())
        return web.Response(
            status=200 if document.is_healthy else 503,
            text=document.model_dump_json(indent=2) + "\n",
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    return answer


def _metrics(job: Job) -> Handler:
    try:
        from prometheus_client.aiohttp import (  # noqa: PLC0415  # an extra
            make_aiohttp_handler,
        )

        from sync.daemon.metrics import registry  # noqa: PLC0415  # the same
    except ModuleNotFoundError:
        raise ConfigError(
            "--listen needs a part that is not installed.",
            remedy="Run: pip install 'trakt2discovr[metrics]'",
        ) from None
    return make_aiohttp_handler(registry(job))
