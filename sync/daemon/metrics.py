"""The counts of the job for Prometheus. The names are stable; each carries its unit."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from sync.daemon.turn import Ending

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sync.daemon.state import Watched

_DAY_S = 86_400


def registry(job: Watched) -> CollectorRegistry:
    """Return a registry that reads the job whenever it is asked."""
    kept = CollectorRegistry()
    kept.register(_JobCollector(job))
    ProcessCollector(registry=kept)
    return kept


class _JobCollector(Collector):
    def __init__(self, job: Watched) -> None:
        self._job = job

    def collect(self) -> Iterator[Metric]:
        """Return what is known; a value that nobody knows yet is left out."""
        yield InfoMetricFamily(
            "trakt2discovr_build",
            "The version of the program.",
            {"version": version("trakt2discovr")},
        )
        yield from self._counters()
        for name, help_text, value in self._gauges():
            if value is not None:
                yield GaugeMetricFamily(f"trakt2discovr_{name}", help_text, value)

    def _counters(self) -> Iterator[Metric]:
        state = self._job.state
        runs = CounterMetricFamily(
            "trakt2discovr_runs", "Runs that have ended, by how.", labels=["ending"]
        )
        for ending in Ending:
            runs.add_metric([ending.value], state.endings[ending])
        yield runs
        for name, help_text, count in (
            ("plays_read", "Plays read from Trakt.", state.plays),
            ("entries_written", "Entries written to Discovr.", state.written),
        ):
            yield CounterMetricFamily(f"trakt2discovr_{name}", help_text, count)
        requests = _by_service("requests", "Requests sent, retries included.")
        retries = _by_service("request_retries", "Requests that were sent again.")
        waits = _by_service(
            "request_waits_seconds", "Waiting for a service, of all callers together."
        )
        for service, spent in state.spent.items():
            requests.add_metric([service], spent.requests)
            retries.add_metric([service], spent.retries)
            waits.add_metric([service], spent.waits_s)
        yield from (requests, retries, waits)

    def _gauges(self) -> Iterator[tuple[str, str, float | None]]:
        state, now = self._job.state, self._job.clock.now()
        last, due, ends_at = state.last, state.due, state.login_ends_at
        yield "healthy", "Whether /healthz says 200.", float(not state.problem(now))
        yield "running", "Whether a run is under way.", float(bool(state.running_since))
        every_s = state.every.total_seconds()
        yield "interval_seconds", "From run to run.", every_s or None
        yield (
            "last_run_timestamp_seconds",
            "When the last run ended.",
            _stamp(last.finished_at if last else None),
        )
        yield (
            "last_run_duration_seconds",
            "How long the last run took.",
            (last.finished_at - last.started_at).total_seconds() if last else None,
        )
        yield (
            "last_success_timestamp_seconds",
            "When the last run ended with everything in its place.",
            _stamp(state.last_success_at),
        )
        yield (
            "next_run_timestamp_seconds",
            "When the next run begins.",
            _stamp(due.at if due else None),
        )
        yield "unmatched_titles", "Titles that found no match.", state.unmatched
        yield (
            "discovr_login_remaining_days",
            "Days until the Discovr login ends.",
            (ends_at - now).total_seconds() / _DAY_S if ends_at else None,
        )


def _by_service(name: str, help_text: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"trakt2discovr_{name}", help_text, labels=["service"])


def _stamp(at: datetime | None) -> float | None:
    return at.timestamp() if at else None
