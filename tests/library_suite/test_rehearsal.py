"""The rehearsal of the library, and the errors that its documentation names."""

from __future__ import annotations

import re
from pathlib import Path

import trakt2discovr
from trakt2discovr import ServiceError, migrate, rehearsal

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "exit-codes.md"


async def test_a_rehearsal_needs_nothing_and_leaves_nothing() -> None:
    async with rehearsal() as settings:
        for url in (settings.trakt.api_url, settings.discovr.api_url):
            assert "127.0.0.1" in str(url)
        assert (await migrate(settings)).is_complete
        folder = Path(settings.state.url.removeprefix("sqlite:///")).parent
        assert folder.exists()
    assert not folder.exists()


def test_every_error_of_the_table_can_be_imported() -> None:
    rows = re.findall(
        r"^\| `(\w+Error)` \| `(\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) >= 29
    for name, parent in rows:
        kind = getattr(trakt2discovr, name)
        assert issubclass(kind, ServiceError)
        assert kind.__base__ is getattr(trakt2discovr, parent)
