"""A real Chromium for the tests of the page.

Where it is not installed, the tests that ask for it are skipped; in CI they fail.
"""

from __future__ import annotations

import os
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from sync.report.page import render_html
from tests.report_suite.opened import Opened
from tests.secrecy import of_others, open_descriptors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

    from sync.report.data import ReportData
    from tests.report_suite.opened import Opener

_INSTALL = "apt-get update && apt-get install -y --no-install-recommends chromium"
_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        reason = f"Chromium is not installed here; {_INSTALL}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    before = open_descriptors()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_FLAGS)
        talk = open_descriptors() - before
        of_others.update(talk)
        yield browser
        of_others.difference_update(talk)
        await browser.close()


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Opener:
    """Open the page of some data, watched from before its first byte."""

    @asynccontextmanager
    async def opened(data: ReportData, **context: Any) -> AsyncIterator[Opened]:
        file = tmp_path / "report.html"
        file.write_bytes(render_html(data).encode(errors="replace"))
        async with await chromium.new_context(**context) as browsing:
            yield await Opened.at(file.as_uri(), browsing)

    return opened
