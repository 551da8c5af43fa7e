"""No exception of a layer below leaves the funnel: every one of them is tried."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any, Self, cast

import aiohttp
import pytest

from connectors.errors import (
    ConfigError,
    ServiceError,
    TransientError,
    UnknownOutcomeError,
)
from connectors.http.client import HttpClient, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import TracebackType

#: Parts of aiohttp that no request of ours passes: servers, websockets, forms.
ELSEWHERE = (
    "aiohttp.web",
    "aiohttp._websocket",
    "aiohttp.multipart",
    "aiohttp.payload",
    "aiohttp.test_utils",
    "aiohttp.pytest_plugin",
    "aiohttp.worker",
)
#: Raised for a websocket, or inside a reader that turns it into another.
NEVER_SEEN = {"WSMessageTypeError", "EofStream", "TooManyMembersError"}
CONFIG = {
    "ClientConnectorCertificateError",
    "InvalidURL",
    "InvalidUrlClientError",
    "InvalidUrlRedirectClientError",
    "NonHttpUrlClientError",
    "NonHttpUrlRedirectClientError",
    "ServerFingerprintMismatch",
}
NEVER_SENT = {
    "ClientConnectorDNSError",
    "ClientConnectorError",
    "ClientConnectorSSLError",
    "ClientHttpProxyError",
    "ClientProxyConnectionError",
    "ClientSSLError",
    "ConnectionTimeoutError",
    "UnixClientConnectorError",
}


def exceptions_of_aiohttp() -> Iterator[type[Exception]]:
    found: set[type[Exception]] = set()
    for module in pkgutil.walk_packages(aiohttp.__path__, "aiohttp."):
        if module.name.startswith(ELSEWHERE):
            continue
        for thing in vars(importlib.import_module(module.name)).values():
            if isinstance(thing, type) and issubclass(thing, Exception):
                found.add(thing)
    for kind in sorted(found, key=lambda kind: kind.__name__):
        is_theirs = kind.__module__.startswith("aiohttp.")
        if is_theirs and not kind.__module__.startswith(ELSEWHERE):
            yield kind


def exceptions_of_the_system() -> Iterator[type[Exception]]:
    waiting: list[type[Exception]] = [OSError]
    while waiting:
        kind = waiting.pop()
        waiting += [one for one in kind.__subclasses__() if one not in waiting]
        if kind.__module__ in {"builtins", "ssl", "socket"}:
            yield kind


FAULTS = [
    *(kind for kind in exceptions_of_aiohttp() if kind.__name__ not in NEVER_SEEN),
    *exceptions_of_the_system(),
]


def made(kind: type[Exception]) -> Exception:
    """Make one without its constructor, which may ask for half a connection."""
    fault = kind.__new__(kind)
    fault.args = ("s3cret",)
    return fault


class Broken:
    """A session that fails, either when asked or in the middle of the body."""

    def __init__(self, fault: Exception, *, in_body: bool) -> None:
        self._faults = (None, fault) if in_body else (fault, None)
        self.asked = 0
        self.status = 200
        self.headers: dict[str, str] = {}

    def request(self, method: str, url: object, **options: Any) -> Self:
        self.asked += 1
        return self

    async def __aenter__(self) -> Self:
        if self._faults[0] is not None:
            raise self._faults[0]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to release."""

    @property
    def content(self) -> Self:
        return self

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield b"{"
        assert self._faults[1] is not None
        raise self._faults[1]


def expected(kind: type[Exception], method: str) -> type[ServiceError]:
    if kind.__name__ in CONFIG:
        return ConfigError
    if method == "GET" or kind.__name__ in NEVER_SENT:
        return TransientError
    return UnknownOutcomeError


@pytest.mark.parametrize("in_body", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.__name__)
async def test_every_fault_comes_out_in_our_words(
    kind: type[Exception], method: str, *, in_body: bool
) -> None:
    session = Broken(made(kind), in_body=in_body)
    client = HttpClient(
        "Trakt",
        "https://api.trakt.tv",
        session=cast("aiohttp.ClientSession", session),
        retry=RetryPolicy(attempts=1),
    )
    with pytest.raises(ServiceError) as caught:
        await client.request(method, "/x")
    assert type(caught.value) is expected(kind, method)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "s3cret" not in repr(caught.value) + str(caught.value)


def test_the_list_is_not_empty_by_mistake() -> None:
    names = {kind.__name__ for kind in FAULTS}
    assert names >= CONFIG | NEVER_SENT
    assert names >= {"ClientPayloadError", "LineTooLong", "TimeoutError", "SSLError"}
