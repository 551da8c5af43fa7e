"""A run of a small account, in which there is so much of everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sync.domain.desired import transform
from sync.domain.origin import TRAKT
from sync.domain.plays import Key
from sync.domain.reconcile import reconcile
from sync.domain.rules import Rules
from sync.domain.verify import Verification
from sync.domain.writes import Outcome, Settled
from sync.pipeline.prepared import Prepared, Reading, Stale
from sync.pipeline.recovery import Recovery
from sync.pipeline.result import Move, Report
from sync.pipeline.summary import Estimate
from sync.ports import Extraction, Quarantined, Receipt
from tests.factories import T0, entry, episode, film, play, show


def one_run(number: int) -> Report:
    """Return it: so many films, episodes, specials, odd records, kept, repeated."""
    plays = [
        part
        for n in range(number)
        for part in (
            play(film(n + 1)),
            play(film(n + 101)),
            play(film(n + 101), T0 + timedelta(days=3)),
            play(film(n + 201, tmdb=None)),
            episode(1, n + 1, title=show(n + 1)),
            episode(0, n + 1, title=show(n + 1)),
        )
    ]
    records = tuple(
        Quarantined(f"history.json item {n}", "is odd", is_unsupported=is_unsupported)
        for n in range(number)
        for is_unsupported in (False, True)
    )
    existing = [
        entry(Key(f"MV_{601 + n}"), T0 + timedelta(days=99), progress=10.0)
        for n in range(number)
    ]
    desired = transform(plays, {})
    plan = reconcile(desired, existing, Rules())
    receipt = Receipt("Trakt", len(plays), pages=number, requests=number + 1)
    reading = Reading(Extraction(plays, receipt, records), desired)
    prepared = Prepared(
        "prf_1",
        reading,
        existing,
        Recovery({}),
        Rules(),
        plan,
        whole=reading,
        origin=TRAKT,
        stale=Stale(waiting=tuple(plan.fates)[:number]),
        could_save=number,
    )
    settled = {o.id: Settled(Outcome.APPLIED, "") for o in plan.operations[number:]}
    elsewhere = tuple(plan.fates)[:number]
    report = Report(
        prepared,
        1,
        settled,
        Verification(number, elsewhere=elsewhere),
        outlook=Estimate(number, 5, number),
    )
    return replace(report, move=Move(report.weigh_move(()), T0))
