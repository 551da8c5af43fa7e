"""The counts of a worker and of its fleet for Prometheus. The names are stable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sync.daemon.turn import Ending
from sync.fleet.calendar import Verdict
from sync.fleet.worker import overdue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.fleet.watch import Watch

_PREFIX = "trakt2discovr_fleet"


def registry(watch: Watch) -> CollectorRegistry:
    """Return a registry that reads what is known whenever it is asked."""
    kept = CollectorRegistry()
    kept.register(_FleetCollector(watch))
    ProcessCollector(registry=kept)
    return kept


class _FleetCollector(Collector):
    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def collect(self) -> Iterator[Metric]:
        """Return what this worker did, and how the whole fleet is."""
        tally = self._watch.worker.tally
        runs = CounterMetricFamily(
            f"{_PREFIX}_runs", "Runs of this worker, by ending.", labels=["ending"]
        )
        for ending in (*(e.value for e in Ending), Verdict.GAVE_WAY.value):
            runs.add_metric([ending], tally.endings[ending])
        yield runs
        yield CounterMetricFamily(
            f"{_PREFIX}_entries_written", "Entries written by it.", tally.written
        )
        sent = _by_service("requests", "Requests of this worker.")
        refused = _by_service(
            "refusals", "Requests that a service refused as too many."
        )
        for service, requests, refusals in self._watch.sent():
            sent.add_metric([service], requests)
            refused.add_metric([service], refusals)
        yield from (sent, refused)
        for name, help_text, value in self._gauges():
            yield GaugeMetricFamily(f"{_PREFIX}_{name}", help_text, value)

    def _gauges(self) -> Iterator[tuple[str, str, float]]:
        watch, totals = self._watch, self._watch.totals
        waited = overdue(totals.oldest_due_at, watch.clock.now())
        yield "healthy", "Whether /healthz says 200.", float(watch.is_well())
        yield "running", "Runs under way in this worker.", watch.worker.running
        yield (
            "overdue_seconds",
            "For how long the longest due profile has waited: the one alarm.",
            waited.total_seconds(),
        )
        yield "profiles", "Profiles of the fleet.", totals.profiles
        yield "in_step_profiles", "Profiles whose last run was good.", totals.in_step
        yield "first_profiles", "Profiles to bring over.", totals.to_bring_over
        yield "due_profiles", "Profiles that are due.", totals.due
        yield "failing_profiles", "Profiles whose last run failed.", totals.failing
        yield "needs_login_profiles", "Profiles that need a login.", totals.needs_login
        yield "ledger_size_bytes", "Size of the ledger.", watch.size_bytes


def _by_service(name: str, help_text: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"{_PREFIX}_{name}", help_text, labels=["service"])
