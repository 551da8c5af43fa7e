"""How much of a database a profile takes: alone, and beside others of the same titles.

Each is the sandbox's own account, brought over by a migration.
"""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import Result, Row
from sync import api
from sync.config import Settings
from sync.fleet.database import open_database
from sync.fleet.server import database_url
from sync.ledger import Ledger
from sync.sandbox.account.sample import sample_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.tmdb import TmdbStandIn
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from typing import Any

    from bench.measure import Noise
    from bench.sizes import Sizes

#: More than all of them ask for.
_PLENTY = 1_000_000


async def run(sizes: Sizes, noise: Noise) -> Result:
    """Bring profiles over into a file and into a private PostgreSQL; look at both."""
    names = [f"Profile {number}" for number in range(sizes.fleet_sized)]
    account = sample_account()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        async with (
            _services(names, folder) as sections,
            database_url(None, folder) as url,
        ):
            in_file = f"sqlite:///{folder / 'state.db'}"
            alone = await _grow(in_file, sections, names[:1])
            noise.sample()
            first = await _grow(url, sections, names[:1])
            both = await _grow(url, sections, names[1:])
            noise.sample()
            async with open_database(url) as database:
                await database.pool.execute("VACUUM FULL", timeout=600)
            packed = await _grow(url, sections, ())
    more = len(names) - 1
    each = f"each of {more} more with the same titles, in PostgreSQL"
    plays, titles = len(account.plays), len(account.titles)
    rows = [
        _row("one profile alone, in a file of SQLite", alone),
        _row("one profile alone, in PostgreSQL", first, "its empty tables included"),
        _row(each, (both - first) / more, "as the runs left it"),
        _row(each, packed / len(names), "packed by VACUUM FULL, all tables included"),
    ]
    about = f"what the ledger takes of a profile with {plays} plays of {titles} titles"
    return Result("size", about, rows)


def _row(what: str, size_bytes: float, note: str = "") -> Row:
    return Row(what, size_bytes / 1000, "KB", note=note)


async def _grow(url: str, sections: dict[str, Any], names: Sequence[str]) -> int:
    """Bring profiles over, one after the other; return the size of the database."""
    for name in names:
        settings = Settings.model_validate(
            {
                **sections,
                "discovr": {**sections["discovr"], "profile": name},
                "state": {**sections["state"], "url": url},
            }
        )
        await api.migrate(settings)
    async with await Ledger.open(url) as ledger:
        return (await ledger.describe()).size_bytes or 0


@asynccontextmanager
async def _services(
    names: Sequence[str], folder: Path
) -> AsyncIterator[dict[str, Any]]:
    """Serve the account; yield the sections of a config that lead to it."""
    account, known = sample_account(), Credentials()
    trakt = TraktStandIn(account, quirks=TraktQuirks(get_limit=_PLENTY))
    discovr = DiscovrStandIn(
        catalogue=account.titles,
        profiles=names,
        quirks=DiscovrQuirks(requests_per_second=_PLENTY),
    )
    tmdb = TmdbStandIn(account.titles)
    async with AsyncExitStack() as stack:
        for service in (trakt, discovr, tmdb):
            await stack.enter_async_context(service)
        yield {
            "trakt": {
                "client_id": known.trakt_client_id,
                "client_secret": known.trakt_client_secret,
                "access_token": known.trakt_access_token,
                "api_url": trakt.url,
                "auth_url": trakt.url,
            },
            "discovr": {
                "client_id": known.discovr_client_id,
                "refresh_token": known.discovr_refresh_token,
                "api_url": discovr.url,
                "requests_per_second": 1_000,
            },
            "tmdb": {"api_key": known.tmdb_api_key, "api_url": tmdb.api_url},
            "state": {"tokens": str(folder / "tokens.json")},
        }
