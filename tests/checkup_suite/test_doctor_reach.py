"""How far a connection comes: name, connection and TLS are told apart."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trustme

from connectors.errors import ConfigError
from sync.checkup.findings import Cause, Verdict
from sync.checkup.reach import reach

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SETTING = "[trakt] api_url"


@asynccontextmanager
async def server(context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Accept connections and say nothing; yields the port."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(hold, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


def certificate(authority: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_a_service_with_a_trusted_certificate_is_reached(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = trustme.CA()
    place = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(place)
    monkeypatch.setenv("SSL_CERT_FILE", str(place))
    async with server(certificate(authority)) as port:
        finding = await reach("Trakt", f"https://localhost:{port}", SETTING)
    assert finding.verdict is Verdict.OK
    assert "TLSv1" in finding.text


@pytest.mark.parametrize("name", ["localhost", "elsewhere.example.org"])
async def test_a_certificate_that_nobody_trusts_is_named(name: str) -> None:
    async with server(certificate(trustme.CA(), name)) as port:
        finding = await reach("Trakt", f"https://localhost:{port}", SETTING)
    assert "certificate that cannot be trusted" in finding.text
    assert "(TLS)" in finding.text
    assert finding.cause is Cause.CONFIG
    assert SETTING in (finding.remedy or "")


async def test_a_host_that_speaks_no_tls_is_named() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        finding = await reach("Trakt", f"https://localhost:{port}", SETTING)
    assert "does not speak TLS" in finding.text
    assert finding.cause is Cause.OTHER


async def test_a_port_that_nobody_listens_on_is_named() -> None:
    async with server() as port:
        pass
    finding = await reach("Trakt", f"http://127.0.0.1:{port}", SETTING)
    assert f"does not accept a connection on port {port} (TCP)" in finding.text


async def test_a_name_that_nobody_knows_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    finding = await reach("Trakt", "https://nowhere.example.org", SETTING)
    assert "nowhere.example.org is a name that cannot be looked up (DNS)" in (
        finding.text
    )
    assert SETTING in (finding.remedy or "")


async def test_through_a_proxy_the_proxy_is_what_is_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with server() as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:s3cret@127.0.0.1:{port}")
        found = await reach("Trakt", "https://api.example.org", SETTING)
    gone = await reach("Trakt", "https://api.example.org", SETTING)
    assert "through the proxy 127.0.0.1" in found.text
    assert found.verdict is Verdict.OK
    assert "the proxy 127.0.0.1 does not accept a connection" in gone.text
    assert "HTTPS_PROXY" in (gone.remedy or "")
    assert "s3cret" not in f"{found}{gone}"


async def test_a_proxy_of_another_kind_is_a_matter_of_the_config(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(ConfigError, match="socks5"):
        await reach("Trakt", "https://api.example.org", SETTING)
