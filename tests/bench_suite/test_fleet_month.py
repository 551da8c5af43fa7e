"""The simulated fleet keeps to the plan, and an outage leaves no herd behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.fleet_month import EVERY, Simulation, Terms

DAY_S = 86_400.0
#: So many slots that nobody waits for one but after an outage.
FLEET = Terms(1_000, 4, 1, 2, 3)


def test_in_a_quiet_fleet_everybody_runs_as_often_as_planned() -> None:
    month = Simulation(FLEET).run()
    planned = month.seconds / EVERY.total_seconds()
    assert planned - 3 <= min(month.good) <= max(month.good) <= planned + 3
    assert month.latest(0, 3) < 60
    # A run is a request to Trakt; a look a day, and five for what is new, to Discovr.
    runs, watched = sum(month.good), 1_000 * 3 * FLEET.news_a_day
    assert 0.9 * watched <= month.trakt - runs <= 1.1 * watched + 1_000
    assert month.discovr == pytest.approx(5 * watched + 1_000 * 3, rel=0.15)


def test_an_outage_is_met_with_few_tries_and_leaves_no_herd() -> None:
    terms = replace(FLEET, days=4, news_a_day=0.0, down=(DAY_S, 2 * DAY_S))
    month = Simulation(terms).run()
    tried = sum(
        n for minute, n in month.began.items() if DAY_S <= minute * 60 < 2 * DAY_S
    )
    assert tried <= 24 * 120 + 10
    assert len(month.back) == terms.profiles
    assert month.late_at < 2.5 * DAY_S
    assert month.crowd(month.late_at + 60, month.seconds) < 1.4


def test_a_part_of_a_fleet_has_the_same_part_of_everything() -> None:
    part = FLEET.part(0.5)
    assert (part.profiles, part.slots, part.processors) == (500, 2, 0.5)
    assert (part.per_second, part.days, part.usual) == (1, 3, FLEET.usual / 2)
