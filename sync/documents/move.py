"""The balance, and the whole move: what became of all plays, whichever run did it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sync.documents.base import Document
from sync.domain.balance import ON_DISCOVR
from sync.domain.plan import Fate
from sync.ledger.fact_names import BALANCE, MOVE, UNDONE

if TYPE_CHECKING:
    from collections.abc import Mapping


class BalanceDocument(Document):
    """Plays by what became of them; ``read`` is the sum of the others but repeats.

    What is ``left_out`` was left out on request: it is there, and nothing is done.
    ``repeats`` says how many of them repeat a key and so need no entry of their own;
    ``gone`` how many of those kept had been written and were removed on Discovr;
    ``unsent`` how many of those failed have not: the turn of their write never came.
    """

    read: int
    written: int = 0
    already_there: int = 0
    covered: int = 0
    kept: int = 0
    unsupported: int = 0
    unmatched: int = 0
    unreadable: int = 0
    left_out: int = 0
    failed: int = 0
    repeats: int = 0
    gone: int = 0
    unsent: int = 0


class MoveDocument(Document):
    """The whole move: all plays that are known, whichever run has written what.

    ``on_discovr`` of them are on Discovr as watched. It was noted ``at`` that time;
    ``undone`` is a run that was taken back since then, so that it holds no longer.
    """

    on_discovr: int
    balance: BalanceDocument
    at: datetime | None = None
    undone: int | None = None


def to_move(
    facts: Mapping[str, Any], times: Mapping[str, datetime]
) -> MoveDocument | None:
    """Return the whole move as it was last noted; None where nobody noted it."""
    # An earlier version noted no more than this, once all was settled.
    fact = facts.get(MOVE) or facts.get(BALANCE)
    if fact is None:
        return None
    fates = fact["fates"]
    balance = BalanceDocument(
        read=fact["read"],
        repeats=fact["repeats"],
        gone=fact.get("gone", 0),
        unsent=fact.get("unsent", 0),
        **{fate.value: fates.get(fate.value, 0) for fate in Fate},
    )
    at = datetime.fromisoformat(fact["at"]) if "at" in fact else times.get(BALANCE)
    undone: Mapping[str, Any] = facts.get(UNDONE) or {}
    is_undone = undone.get("writes") and at and at < times[UNDONE]
    return MoveDocument(
        on_discovr=sum(fates.get(fate.value, 0) for fate in ON_DISCOVR),
        balance=balance,
        at=at,
        undone=undone["run"] if is_undone else None,
    )
