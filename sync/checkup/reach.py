"""Whether a service can be reached: name, connection and TLS, each told apart.

Not one request is spent on it; what HTTP has to say, the first probe finds out.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from urllib.parse import urlsplit

from yarl import URL

from connectors.http.transport import proxy_for
from sync.checkup.findings import Cause, Finding, ok, problem

_TIMEOUT_S = 10.0


async def reach(service: str, url: str, setting: str) -> Finding:
    """Connect to the host of ``url``, or to the proxy in front of it, and say how far.

    Raises ConfigError for a proxy that cannot be used.
    """
    check = f"{service} reachable"
    proxy = proxy_for(URL(url))
    parts = urlsplit(proxy or url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    who = f"the proxy {host}" if proxy else host
    place = _Place(host, port, is_tls=parts.scheme == "https")
    try:
        how = await place.connect()
    except _UnreachableError as error:
        setting = "HTTPS_PROXY" if proxy else setting
        remedy = error.remedy.format(setting=setting)
        return problem(check, f"{who} {error}.", remedy, error.cause)
    if proxy:
        return ok(check, f"through {who}, port {port}, which is as far as this looks")
    return ok(check, f"{who}, port {port}: {how}")


class _UnreachableError(Exception):
    """How far it came, in words that go on from the name of the host."""

    def __init__(self, what: str, remedy: str, cause: Cause = Cause.OTHER) -> None:
        super().__init__(what)
        self.remedy = remedy
        self.cause = cause


class _Place:
    def __init__(self, host: str, port: int, *, is_tls: bool) -> None:
        self._host = host
        self._port = port
        self._is_tls = is_tls

    async def connect(self) -> str:
        """Go as far as it goes; raise at the first step that fails."""
        await self._look_up()
        writer = await self._open()
        try:
            return await self._secure(writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _look_up(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await loop.getaddrinfo(self._host, self._port)
        except (OSError, UnicodeError):  # a timeout is an OSError too
            raise _UnreachableError(
                "is a name that cannot be looked up (DNS)",
                "Check the network of this machine, its DNS, and {setting}.",
            ) from None

    async def _open(self) -> asyncio.StreamWriter:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                _, writer = await asyncio.open_connection(self._host, self._port)
        except OSError as error:
            silent = isinstance(error, TimeoutError)
            how = "does not answer" if silent else "does not accept a connection"
            raise _UnreachableError(
                f"{how} on port {self._port} (TCP)",
                "The service is down, or a firewall or {setting} is in the way: try "
                "again later, and from another network.",
            ) from None
        return writer

    async def _secure(self, writer: asyncio.StreamWriter) -> str:
        if not self._is_tls:
            return "connected, without TLS"
        context = ssl.create_default_context()
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await writer.start_tls(context, server_hostname=self._host)
        except ssl.SSLCertVerificationError as error:
            raise _UnreachableError(
                f"has a certificate that cannot be trusted: {error.verify_message} "
                "(TLS)",
                "Check {setting}, the clock of this machine, and any proxy.",
                Cause.CONFIG,
            ) from None
        except OSError:
            raise _UnreachableError(
                "does not speak TLS there (TLS)",
                "Check {setting}, and any proxy or firewall in between.",
            ) from None
        connection = writer.get_extra_info("ssl_object")
        return f"connected with {connection.version()}"
