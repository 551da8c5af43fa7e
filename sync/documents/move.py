"""The balance, and the whole move: what became of all plays, whichever run did it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sync.documents.base import Document
from sync.domain.balance import ON_DISCOVR
from sync.domain.plan import Fate
from sync.ledger.fact_names import BALANCE, LEFT, MOVE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.ledger import Ledger

#: The facts that ``recall_move`` takes.
MOVE_FACTS = (MOVE, BALANCE, LEFT)


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

    ``on_discovr`` of them are on Discovr as watched. It was noted ``at`` that time.
    ``undone`` is a run that was taken back since then, so that it holds no longer, and
    ``undone_runs`` are all of them as they went, one maybe ``in_part``. So many are
    still ``left`` there; null where that is not known.
    """

    on_discovr: int
    balance: BalanceDocument
    at: datetime | None = None
    undone: int | None = None
    undone_runs: tuple[int, ...] = ()
    in_part: bool = False
    left: int | None = None


async def recall_move(
    ledger: Ledger, profile: str, facts: Mapping[str, Any]
) -> MoveDocument | None:
    """Return the whole move as it was last noted; None where nobody noted it."""
    # An earlier version noted no more than this, once all was settled.
    fact = facts.get(MOVE) or facts.get(BALANCE)
    if fact is None:
        return None
    times = await ledger.fact_times(profile)
    fates = fact["fates"]
    balance = BalanceDocument(
        read=fact["read"],
        repeats=fact["repeats"],
        gone=fact.get("gone", 0),
        unsent=fact.get("unsent", 0),
        **{fate.value: fates.get(fate.value, 0) for fate in Fate},
    )
    at = datetime.fromisoformat(fact["at"]) if "at" in fact else times.get(BALANCE)
    taken = await ledger.taken_back(profile, at) if at else {}
    left = facts.get(LEFT) or {}
    is_known = taken and left and left["move_at"] == fact.get("at")
    return MoveDocument(
        on_discovr=sum(fates.get(fate.value, 0) for fate in ON_DISCOVR),
        balance=balance,
        at=at,
        undone=[*taken][-1] if taken else None,
        undone_runs=tuple(taken),
        in_part=any(taken.values()),
        left=left["on_discovr"] if is_known else None,
    )
