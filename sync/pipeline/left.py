"""What is left of the whole move on Discovr once something of it was taken back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sync.domain.balance import ON_DISCOVR
from sync.domain.entries import COMPLETED_FROM
from sync.domain.plan import Action
from sync.domain.plays import Key
from sync.domain.rules import WhichPlays
from sync.domain.writes import Outcome
from sync.ledger.fact_names import LEFT, MOVE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.domain.writes import Row
    from sync.pipeline.services import Services


async def note_left(services: Services, profile: str) -> None:
    """Count the plays that are there now, where all that is known tells it.

    That it does where the titles that are kept add up to what the move counted.
    """
    ledger = services.ledger
    move = await ledger.get_fact(profile, MOVE)
    if not move or "at" not in move:
        return
    gone = await _gone(services, profile, datetime.fromisoformat(move["at"]))
    if gone is None:
        return
    there = lost = 0
    for history in await ledger.histories(profile):
        for play in history.plays:
            key = Key(history.media or "", play.season, play.episode)
            if history.fate_of(key, play.watched_at) in ON_DISCOVR:
                there += 1
                lost += key in gone
    if there == sum(move["fates"].get(fate.value, 0) for fate in ON_DISCOVR):
        fact = {"move_at": move["at"], "on_discovr": there - lost}
        await ledger.put_fact(profile, LEFT, fact, services.clock.now())


async def _gone(services: Services, profile: str, since: datetime) -> set[Key] | None:
    """Return what was taken back since then and nothing else of ours stands for.

    None where that cannot be told: of a key with several entries some are gone, or a
    copy brought back what may stand for it. No default stands for what an entry of its
    own holds out: a zero of ours, or what the person had said before. Nor is there any
    more what a later run has added anew: the person had removed it by then.
    """
    taken: set[Key] = set()
    standing: set[Key] = set()
    own: dict[Key, float] = {}
    is_each = services.settings.history.plays is not WhichPlays.LATEST
    rows = await services.ledger.rows(
        profile, outcome=Outcome.APPLIED, is_restored=None
    )
    for row in rows if is_each else _without_replaced(rows):
        operation = row.operation
        if operation.restored and row.undone_at is None:
            return None
        if operation.restored:
            continue
        if row.undone_at is None:
            own[operation.key] = operation.progress
        elif operation.action is Action.SET and row.before_progress is not None:
            own[operation.key] = row.before_progress
        if not operation.progress:
            continue
        keys = {key for key, _ in operation.viewings}
        if row.undone_at is None:
            standing |= keys
        elif row.undone_at > since:
            taken |= keys
    standing -= {key for key, progress in own.items() if progress < COMPLETED_FROM}
    return None if is_each and taken & standing else taken - standing


def _without_replaced(rows: Sequence[Row]) -> list[Row]:
    """Leave out what a later run found gone, and added anew."""
    added: dict[Key, int] = {}
    for row in rows:
        if row.operation.action is Action.ADD:
            key = row.operation.key
            added[key] = max(row.run, added.get(key, 0))
    return [row for row in rows if row.run >= added.get(row.operation.key, 0)]
