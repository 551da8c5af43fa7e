"""Trakt and Discovr for one made-up account, and a config file that leads to them.

python -m bench.both_servers PLAYS FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.children import answer, until_stdin_ends
from bench.page_server import PLAYS_A_SHOW
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sync.sandbox.account.account import Account

_CONFIG = """\
[trakt]
client_id = "{known.trakt_client_id}"
client_secret = "{known.trakt_client_secret}"
access_token = "{known.trakt_access_token}"
api_url = "{trakt}"
auth_url = "{trakt}"

[discovr]
client_id = "{known.discovr_client_id}"
refresh_token = "{known.discovr_refresh_token}"
profile = "Me"
api_url = "{discovr}"
requests_per_second = 1000
"""


@asynccontextmanager
async def serve(account: Account, folder: Path) -> AsyncIterator[Path]:
    """Serve both; yield the config file, which is written into ``folder``."""
    async with (
        TraktStandIn(account, quirks=TraktQuirks(get_limit=10_000)) as trakt,
        DiscovrStandIn(catalogue=account.titles) as discovr,
    ):
        config = folder / "config.toml"
        text = _CONFIG.format(known=Credentials(), trakt=trakt.url, discovr=discovr.url)
        config.write_text(text, encoding="utf-8")
        yield config


async def main(plays: int, folder: Path) -> None:
    """Serve until stdin ends; say where the config is on stdout."""
    account = synthetic_account(plays, max(1, plays // PLAYS_A_SHOW))
    async with serve(account, folder) as config:
        answer(config=str(config))
        await until_stdin_ends()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
