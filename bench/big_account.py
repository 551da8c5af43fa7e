"""What a whole migration of a big account takes, and a sync of one play after it."""

from __future__ import annotations

import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bench.both_servers import serve
from bench.children import measure_child
from bench.measure import Goal, Result, Row
from bench.page_server import PLAYS_A_SHOW
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.server.server import utc_now

if TYPE_CHECKING:
    from typing import Any

    from bench.measure import Noise
    from bench.sizes import Sizes
    from sync.sandbox.account.account import Account

#: The account that has goals: plays and shows.
_GOALS_AT, _SHOWS = 300_000, 5_000
_MIGRATE_MB, _SYNC_MB, _SYNC_S = 600.0, 250.0, 4.0


async def run(sizes: Sizes, noise: Noise) -> Result:
    """Migrate, watch one more episode, and sync: each in a process of its own."""
    plays = sizes.big_account
    is_goal = plays == _GOALS_AT
    shows = _SHOWS if is_goal else max(1, plays // PLAYS_A_SHOW)
    account = synthetic_account(plays, shows)
    with tempfile.TemporaryDirectory() as folder:
        async with serve(account, Path(folder)) as config:
            environment = {"HOME": folder, "TRAKT2DISCOVR_CONFIG": str(config)}
            noise.sample()
            first = await _command("migrate", environment)
            _watch_one_more(account)
            second = await _command("sync", environment)

    def row(what: str, value: float, unit: str, most: float | None = None) -> Row:
        goal = Goal("most", most) if most and is_goal else None
        return Row(f"{plays:,} plays: {what}", value, unit, goal=goal)

    return Result(
        "account",
        f"whole commands, an account of {shows:,} shows",
        [
            row("migrate, peak memory", first["peak_mb"], "MB", _MIGRATE_MB),
            row("migrate, CPU", first["cpu_s"], "s"),
            row("sync of one play, peak memory", second["peak_mb"], "MB", _SYNC_MB),
            row("sync of one play", second["seconds"], "s", _SYNC_S),
            row("sync of one play, CPU", second["cpu_s"], "s"),
        ],
    )


async def _command(name: str, environment: dict[str, str]) -> dict[str, Any]:
    command = (sys.executable, "-m", "bench.command", "-q", name, "--yes")
    return await measure_child(command, environment)


def _watch_one_more(account: Account) -> None:
    film = next(play.title for play in account.plays if play.episode is None)
    account.add_play(film, utc_now() - timedelta(minutes=5))
