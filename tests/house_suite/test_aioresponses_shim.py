"""Whether aioresponses still needs the help of tests/conftest.py, and gets it."""

from __future__ import annotations

import aiohttp
import pytest
from aioresponses import aioresponses
from aioresponses.core import RequestMatch
from yarl import URL

ADDRESS = "https://api.trakt.tv/sync/history"


async def test_the_shim_lets_aioresponses_answer() -> None:
    with aioresponses() as wire:
        wire.get(ADDRESS, payload=[{"id": 1}], headers={"X-Pagination-Limit": "250"})
        async with aiohttp.ClientSession() as session, session.get(ADDRESS) as answer:
            assert await answer.json() == [{"id": 1}]
            assert answer.headers["x-pagination-limit"] == "250"


def test_the_shim_is_still_needed() -> None:
    """Fails on the day when ShimmedResponse can go: delete it, and this file."""
    with pytest.raises(TypeError, match="stream_writer"):
        RequestMatch(ADDRESS)._build_response(
            URL(ADDRESS), response_class=aiohttp.ClientResponse
        )
