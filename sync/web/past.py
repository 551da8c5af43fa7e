"""What a past run wrote, as the ledger has it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.plan import Fate
from sync.ledger import Ledger
from sync.ledger.fact_names import recall_profile
from sync.report.watched import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.domain.writes import Row
    from sync.ledger.records import Run
    from sync.web.move import Move

#: So many writes are listed.
_MOST = 500


class Line(NamedTuple):
    """One write, by the name of its title."""

    name: str
    outcome: str


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run with its writes; ``fates`` is its balance, if it got so far."""

    run: Run
    fates: Counter[Fate]
    lines: Sequence[Line]
    total: int


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
    return PastRun(run, fates, [_line(r, names) for r in rows[:_MOST]], len(rows))


def _line(row: Row, names: dict[str, str]) -> Line:
    key = row.operation.key
    place = str(key).removeprefix(key.media)
    outcome = "taken back" if row.undone_at else row.outcome.value
    detail = f": {row.detail}" if row.detail else ""
    return Line(f"{names.get(key.media, key.media)}{place}", f"{outcome}{detail}")
