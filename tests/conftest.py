"""What holds for every test: clean environment, no network, a working aioresponses."""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
from itertools import count
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest
from hypothesis import settings

from sync.cli import GC_THRESHOLDS
from tests import long
from tests.clocks import FakeClock
from tests.long import Length
from tests.secrecy import SECRET, Printed, files_with_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path


# A shared machine is slow at times; a slow example is not a broken law.
# CI judges a change by the same examples each time; elsewhere they are new ones.
settings.register_profile(
    "house", deadline=None, derandomize=os.environ.get("CI") == "true"
)
settings.load_profile("house")

_FOLDERS = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class ShimmedResponse(aiohttp.ClientResponse):
    """Supplies what aiohttp 3.14 asks of a response and aioresponses 0.7.9 leaves out.

    Goes as soon as https://github.com/pnuckowski/aioresponses/issues/289 is released;
    tests/house_suite/test_aioresponses_shim.py says when.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, stream_writer=Mock(output_size=0), **kwargs)


# The name is only imported there, but that is where it is looked up.
aioresponses.core.ClientResponse = ShimmedResponse  # type: ignore[attr-defined]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long",
        choices=[Length.PART.value, Length.WHOLE.value],
        help="run the long suites alone: the part that CI runs, or all of them",
    )


def pytest_configure(config: pytest.Config) -> None:
    long.asked = Length(config.getoption("--long") or Length.FEW)
    gc.disable()  # until all is collected, which only ever grows


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave out what is marked ``long``, or all the rest.

    ``-k postgres`` finds whatever needs that server, also where its name does not say.
    """
    for item in items:
        if "postgres" in getattr(item, "fixturenames", ()):
            item.extra_keyword_matches.add("postgres")
    is_long = long.asked is not Length.FEW
    left_out = [item for item in items if any(item.iter_markers("long")) != is_long]
    items[:] = [item for item in items if any(item.iter_markers("long")) == is_long]
    config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish() -> None:
    """Spare the tests the collector's walks through what is there for good.

    Modules and tests are hundreds of thousands of objects. The thresholds are the
    program's own.
    """
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


@pytest.fixture
def clock() -> FakeClock:
    """A clock on which sleeping takes no time."""
    return FakeClock()


@pytest.fixture(autouse=True)
def _clean_environment(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    _unread_folders: list[Path],
) -> None:
    """No setting, login or proxy of the person who runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith(("TRAKT2DISCOVR_", "XDG_")) or name.upper() in _PROXIES:
            monkeypatch.delenv(name)
    home = str(tmp_path_factory.mktemp("home"))
    for name in _FOLDERS:
        monkeypatch.setenv(name, home)


@pytest.fixture(scope="session")
def _unread_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """Folders that were given to a test, and that nobody has looked into since.

    To list thousands of them before and after each test would take a tenth of the time.
    """
    folders: list[Path] = []
    make, number = tmp_path_factory.mktemp, count()

    def make_and_note(name: str, *, numbered: bool = True) -> Path:
        # Pytest's way to number them lists all that are there, each time.
        own = f"{name}-{next(number)}" if numbered else name
        folders.append(make(own, numbered=False))
        return folders[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tmp_path_factory, "mktemp", make_and_note)
        yield folders


@pytest.fixture(autouse=True)
def _no_secret_gets_out(
    monkeypatch: pytest.MonkeyPatch, _unread_folders: list[Path]
) -> Iterator[None]:
    """Fail a test whose program prints a secret, or leaves one in a file."""
    printed = Printed(monkeypatch)
    yield
    assert not SECRET.search(printed.text()), "a secret was printed"
    new = _unread_folders.copy()
    _unread_folders.clear()
    assert list(files_with_secrets(new)) == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[
    None, pytest.TestReport, pytest.TestReport
]:
    """Fail a test that printed a secret in this very process."""
    report = yield
    if any(SECRET.search(text.encode()) for _, text in report.sections):
        report.outcome = "failed"
        report.longrepr = "a secret was printed"
        report.sections.clear()
    return report


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that looks up a name or connects anywhere but to this machine."""
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, _guarded(name))
    look_up = socket.getaddrinfo

    def guarded(host: Any, *args: Any, **kwargs: Any) -> Any:
        _refuse_foreign(host)
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", guarded)


def _guarded(name: str) -> Callable[[socket.socket, Any], Any]:
    original = getattr(socket.socket, name)

    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            _refuse_foreign(address[0])
        return original(self, address)

    return guarded


def _refuse_foreign(host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return
    try:
        is_here = ipaddress.ip_address(str(name)).is_loopback
    except ValueError:
        is_here = False
    if not is_here:
        # Not an OSError: nothing that retries network faults may swallow it.
        pytest.fail(f"a test tried to reach {name}")
