"""What a past run wrote, as the ledger has it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.plan import Fate
from sync.domain.writes import Outcome
from sync.ledger import Ledger
from sync.ledger.fact_names import recall_profile
from sync.report.watched import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.domain.writes import Row
    from sync.ledger.records import Run
    from sync.web.move import Move

#: So many titles are listed.
_MOST = 500
_WORDS = {
    Outcome.APPLIED: "written",
    Outcome.REJECTED: "refused",
    Outcome.PENDING: "unclear",
    Outcome.UNKNOWN: "unclear",
}
_NOT_SENT = "not sent"


class Line(NamedTuple):
    """One title, and what became of the writes for it."""

    name: str
    outcome: str


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run with its writes by title; ``fates`` is its balance, if it got so far."""

    run: Run
    fates: Counter[Fate]
    writes: int
    lines: Sequence[Line]
    titles: int


async def read_run(move: Move, number: int) -> PastRun | None:
    """Return one run of the profile, None where it has no such run."""
    async with Ledger(move.settings.state.url, is_read_only=True) as ledger:
        profile = await recall_profile(ledger, move.profile)
        run = await ledger.find_run(profile, number) if profile else None
        if profile is None or run is None:
            return None
        rows = await ledger.rows(profile, run=number)
        histories = await ledger.histories(profile)
    names = {h.media: name_of(h.title.name) for h in histories if h.media}
    columns = run.summary.get("columns") or {}
    fates = Counter({Fate(name): plays for name, plays in columns.items()})
    outcomes: dict[str, Counter[str]] = {}
    for row in rows:
        media = row.operation.key.media
        outcomes.setdefault(media, Counter())[_outcome(row)] += 1
    lines = sorted(
        Line(names.get(media, media), ", ".join(f"{n:,} {w}" for w, n in of.items()))
        for media, of in outcomes.items()
    )
    return PastRun(run, fates, len(rows), lines[:_MOST], len(lines))


def _outcome(row: Row) -> str:
    if row.undone_at:
        return "taken back"
    return _NOT_SENT if row.detail == _NOT_SENT else _WORDS[row.outcome]
