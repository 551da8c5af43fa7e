"""What a worker tells whoever watches it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import yaml

from sync.daemon.server import answering
from sync.events import Spent
from sync.fleet.answers import answers
from sync.fleet.limit import SharedPacer
from sync.fleet.metrics import registry
from sync.fleet.profiles import NewProfile, Profiles
from sync.fleet.watch import Totals, Watch
from sync.fleet.worker import Worker
from sync.runtime.values import Address
from tests.clocks import FakeClock
from tests.dashboards import check_places, read_panels
from tests.fleet_suite.fakes import MemoryQueue, Script
from tests.fleet_suite.test_limit import Row

if TYPE_CHECKING:
    from sync.fleet.database import FleetDatabase

START = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "many-profiles.md"
ALERTS = ROOT / "deploy" / "prometheus" / "fleet-alerts.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "fleet-dashboard.json"
#: All of PromQL that stands in the rules and the panels.
FUNCTIONS = {"max", "sum", "by", "rate", "absent"}


async def watched(fleet: FleetDatabase, clock: FakeClock) -> Watch:
    profiles = Profiles(fleet)
    names = ("Me", "Kids", "You")
    new = [NewProfile(name, "trakt", timedelta(hours=6)) for name in names]
    await profiles.add(new, START)
    await profiles.change(["You"], "pause", START)
    worker = Worker(profiles, MemoryQueue(), Script(), slots=2, clock=clock)
    pacer = SharedPacer(Row(clock, 5), clock=clock)
    spent = {"Trakt": Spent("Trakt", 7, limited=2), "Discovr": Spent("Discovr", 9)}
    watch = Watch(worker, profiles, fleet, clock, {"Discovr": pacer}, spent)
    clock.advance(90)
    watch.totals = Totals.of(await profiles.count(clock.now()))
    return watch


async def test_the_metrics_are_those_of_the_page_for_operators(
    fleet: FleetDatabase,
) -> None:
    watch = await watched(fleet, FakeClock(START))
    pacer = watch.pacers["Discovr"]
    await pacer.acquire()
    pacer.observe(429, {})
    await pacer.close()
    watch.worker.tally.endings["done"] += 1
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in registry(watch).collect()
        for sample in family.samples
        if sample.name.startswith("trakt2discovr_fleet")
    }
    on_page = re.findall(
        r"^\| `(trakt2discovr_fleet\w+)`", PAGE.read_text(), re.MULTILINE
    )
    assert {name for name, *_ in samples} == {*on_page}
    assert samples["trakt2discovr_fleet_overdue_seconds",] == 90
    assert samples["trakt2discovr_fleet_due_profiles",] == 2
    assert samples["trakt2discovr_fleet_runs_total", "done"] == 1
    assert samples["trakt2discovr_fleet_requests_total", "Discovr"] == 1
    assert samples["trakt2discovr_fleet_requests_total", "Trakt"] == 7
    assert samples["trakt2discovr_fleet_refusals_total", "Trakt"] == 2
    assert samples["trakt2discovr_fleet_refusals_total", "Discovr"] == 1


def panels() -> list[dict[str, Any]]:
    return read_panels(DASHBOARD)


def expressions() -> list[str]:
    rules = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]
    shown = [target["expr"] for panel in panels() for target in panel["targets"]]
    return [rule["expr"] for rule in rules] + shown


async def test_the_rules_and_the_dashboard_name_only_what_is_exported(
    fleet: FleetDatabase,
) -> None:
    watch = await watched(fleet, FakeClock(START))
    labels: dict[str, set[str]] = {}
    for family in registry(watch).collect():
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    for expression in expressions():
        bare = re.sub(r"\[\d+[smhd]\]", "", expression)
        metrics = {*re.findall(r"trakt2discovr_\w+", bare)}
        assert metrics
        assert metrics <= labels.keys()
        words = {*re.findall(r"[a-z_]\w*", bare)} - metrics - FUNCTIONS
        assert all(words <= labels[name] for name in metrics), expression
        # A counter is worth nothing but as a rate, and what is a rate is a counter.
        assert ("rate(" in bare) == any(n.endswith("_total") for n in metrics)
        assert bare.count("(") == bare.count(")")
    shown = {
        name
        for e in expressions()
        for name in re.findall(r"trakt2discovr_fleet_\w+", e)
    }
    mine = {name for name in labels if name.startswith("trakt2discovr_fleet_")}
    assert shown == mine


def test_the_panels_stand_beside_each_other() -> None:
    check_places(panels())
    for panel in panels():
        for target in panel["targets"]:
            assert {*re.findall(r"{{(\w+)}}", target["legendFormat"])} <= {
                *re.findall(r"by \((\w+)\)", target["expr"]),
                "instance",
            }


async def test_a_worker_is_well_while_it_looks_for_what_is_due(
    fleet: FleetDatabase,
) -> None:
    clock = FakeClock(START)
    watch = await watched(fleet, clock)
    assert not watch.is_well()
    watch.worker.tally.looked_at = clock.now()
    async with (
        answering(answers(watch), Address("127.0.0.1", 0)) as used,
        aiohttp.ClientSession() as session,
    ):
        async with session.get(f"{used.url}/healthz") as answer:
            assert answer.status == 200
            assert json.loads(await answer.text())["overdue_s"] == 90
        clock.advance(121)
        async with session.get(f"{used.url}/healthz") as answer:
            assert answer.status == 503
        async with session.get(f"{used.url}/metrics") as answer:
            assert "trakt2discovr_fleet_healthy 0.0" in await answer.text()
