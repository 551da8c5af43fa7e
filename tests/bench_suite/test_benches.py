"""The benches still run: at sizes that say nothing of what things cost."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING

import aiohttp
import pytest

from bench.__main__ import BENCHES, run
from bench.extraction import MODULES, OURS, race_rows
from bench.measure import Goal, Noise, Row, ratios, summarise
from bench.page_server import Pages, login
from bench.sizes import FULL, QUICK
from bench.table import document
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.trakt.stand_in import TraktStandIn

if TYPE_CHECKING:
    from collections.abc import Sequence


async def measure(name: str) -> Sequence[Row]:
    result = await run(name, QUICK, Noise())
    written = json.loads(document([result]))["benches"][0]
    assert written["name"] == name
    assert [row["value"] for row in written["rows"]] == [r.value for r in result.rows]
    return result.rows


@pytest.mark.long
@pytest.mark.timeout(600)  # some ten processes, on a machine that may be busy
@pytest.mark.parametrize("name", ["plan", "start", "cpu", "pace", "web", "size"])
async def test_a_bench_runs_to_its_end_and_measures_something(name: str) -> None:
    assert name in BENCHES
    assert all(row.value >= 0 for row in await measure(name))


async def test_the_counted_migration_keeps_to_the_bounds_of_the_design() -> None:
    rows = [
        row
        for row in await measure("requests")
        if row.what.startswith(("migrate", "undo"))
    ]
    assert len(rows) == 5
    assert all(row.is_met is not False for row in rows)


@pytest.mark.long
async def test_the_race_counts_what_really_came() -> None:
    (ours,) = await measure("extraction")
    assert ours.what.startswith(OURS)
    assert "NOT WHOLE" not in ours.note


def test_every_rival_has_a_reader() -> None:
    assert {OURS, *FULL.rivals} == set(MODULES)
    for module in MODULES.values():
        assert find_spec(f"bench.rivals.{module}")


def test_who_delivers_less_is_named_and_is_not_the_one_to_beat() -> None:
    server = {"plays": 10, "ids": 55}
    whole = {**server, "cpu_s": 1.0, "peak_mb": 1.0}
    found = {
        OURS: [whole | {"seconds": 2.0}],
        "pytrakt": [whole | {"seconds": 8.0}],
        "dlt": [whole | {"seconds": 1.0, "plays": 9}],
    }
    rows = race_rows(found, 120, server, dict.fromkeys(found, ("", "1.0")))
    assert ["NOT WHOLE" in row.note for row in rows] == [False, True, False, False]
    assert rows[-1].what.startswith("times faster than pytrakt")
    assert rows[-1].value == 4
    assert rows[-1].is_met is False


def test_the_spread_is_half_of_the_range_around_the_median() -> None:
    row = summarise("it", [9.0, 10.0, 12.0], "s", goal=Goal("most", 10))
    assert (row.value, row.spread, row.is_met) == (10.0, 0.15, True)
    assert Row("it", 9.0, "s", goal=Goal("least", 10)).is_met is False
    assert ratios([4.0, 9.0], [2.0, 3.0]) == [2.0, 3.0]


async def test_the_page_server_renders_each_page_once_whatever_the_bounds() -> None:
    async with aiohttp.ClientSession(headers=login()) as session:
        account = synthetic_account(60, 1)
        async with TraktStandIn(account) as trakt:
            pages = Pages(trakt.url, session)
            first = await pages.get("/sync/history?page=1&limit=50&end_at=2026-01-01")
            again = await pages.get("/sync/history?limit=50&end_at=2027-01-01&page=1")
            other = await pages.get("/sync/history?page=2&limit=50")
    assert first == again != other
    assert pages.rendered == 2
