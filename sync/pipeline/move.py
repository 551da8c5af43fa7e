"""The whole move: what all runs together have made of every play that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.ledger.fact_names import MOVE
from sync.pipeline.result import Move, move_fact

if TYPE_CHECKING:
    from collections.abc import Collection

    from sync.domain.plays import Key
    from sync.pipeline.result import Report
    from sync.pipeline.services import Services


async def weigh_move(services: Services, report: Report) -> Move:
    """Count it, with what earlier runs wrote. Changes nothing."""
    prepared, now = report.prepared, services.clock.now()
    watched = prepared.whole.desired.watched
    ours: Collection[Key] = ()
    if watched:  # a run that finds nothing new reads no more than it has to
        is_part = bool(prepared.rest.titles)
        media = {place.media for place in watched.places} if is_part else None
        ours = await services.ledger.keys_applied(prepared.profile, watched, media)
    balance, titles = report.weigh_move_by_title(ours)
    return Move(balance, now, titles)


async def note_move(services: Services, report: Report) -> Move:
    """Count it, and keep it for those who ask later."""
    move = await weigh_move(services, report)
    if not report.prepared.is_unchanged:
        fact = {"at": move.at.isoformat(), **move_fact(move.balance)}
        await services.ledger.put_fact(report.prepared.profile, MOVE, fact, move.at)
    return move
