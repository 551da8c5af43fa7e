"""The fences around every test hold."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import aiohttp
import pytest


async def test_no_test_looks_up_a_name() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(pytest.fail.Exception, match="tried to reach"):
            await session.get("https://api.trakt.tv")


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("::ffff:192.0.2.1", 80)])
def test_no_test_connects_to_another_machine(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with (
        socket.socket(family) as one,
        pytest.raises(pytest.fail.Exception, match="tried to reach"),
    ):
        one.connect(address)


def test_no_setting_of_the_person_is_seen(tmp_path: Path) -> None:
    assert not [name for name in os.environ if name.startswith("TRAKT2DISCOVR_")]
    assert Path.home().parent == tmp_path.parent
