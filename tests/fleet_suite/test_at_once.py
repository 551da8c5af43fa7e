"""Commands of operators that run at once."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from sync.fleet import vault as keys
from sync.fleet.database import open_database

if TYPE_CHECKING:
    from pathlib import Path


async def at_once(url: str, folder: Path, *words: str) -> list[tuple[int | None, str]]:
    """Run the same command three times; return how each ended, and what it said."""
    env = {
        **os.environ,
        "TRAKT2DISCOVR_FLEET__URL": url,
        "TRAKT2DISCOVR_FLEET__KEY_FILE": str(folder / "fleet.key"),
        "XDG_DATA_HOME": str(folder),
    }
    started = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sync", "fleet", *words),
            env=env,
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]
    said = await asyncio.gather(*(process.communicate() for process in started))
    texts = (stderr.decode() for _, stderr in said)
    return [*zip((p.returncode for p in started), texts, strict=True)]


async def test_all_of_them_make_the_tables_and_no_key_is_lost(
    postgres_url: str, tmp_path: Path
) -> None:
    assert await at_once(postgres_url, tmp_path, "init") == [(0, "")] * 3
    place = tmp_path / "fleet.key"
    vault = keys.open_vault(place)
    async with open_database(postgres_url) as database:
        for number in range(40):
            await database.rows(
                "INSERT INTO fleet_login (profile, service, key_id, secret) "
                "VALUES ($1, 'trakt', $2, $3)",
                number,
                vault.key_id,
                vault.seal(f"login {number}"),
            )
        ended = await at_once(postgres_url, tmp_path, "keys", "rotate")
        assert ended == [(0, "")] * 3
        rows = await database.rows("SELECT profile, secret FROM fleet_login")
    vault = keys.open_vault(place)
    opened = {row["profile"]: vault.open(row["secret"]) for row in rows}
    assert opened == {number: f"login {number}" for number in range(40)}
