"""What a past run wrote, as the ledger has it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sync.domain.plan import Fate
from sync.domain.writes import NOT_SENT, Outcome
from sync.ledger import Ledger
from sync.ledger.fact_names import recall_profile
from sync.pipeline.names import recall_names
from sync.report.squares import Lacking, lines_of
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sync.domain.writes import Row
    from sync.ledger.records import Run
    from sync.report.account import RunRow
    from sync.report.squares import Square
    from sync.web.move import Move

#: So many titles are listed.
_MOST = 500
_WORDS = {
    Outcome.APPLIED: "written",
    Outcome.REJECTED: "refused",
    Outcome.PENDING: "unclear",
    Outcome.UNKNOWN: "unclear",
}


#: What a command did, and how a run ended, for who never typed one.
_DID = {
    "migrate": "carried over",
    "sync": "carried over what was new",
    "apply": "carried out a plan",
    "restore": "brought back from a copy",
}
_ENDED = {"loaded": "finished"}


class Line(NamedTuple):
    """One title, and what became of the writes for it."""

    name: str
    outcome: str


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run with its writes by title; ``found`` is its balance, if it got so far.

    ``said`` is what was planned, and how it ended. Of ``waiting`` nothing was noted, as
    their turn never came.
    """

    run: Run
    found: Mapping[Square, int]
    said: str
    waiting: int
    lines: Sequence[Line]
    titles: int


def plainly(row: RunRow) -> RunRow:
    """Return a run in words that need no terminal."""
    did = _DID.get(row.command, row.command)
    return row._replace(command=did, outcome=_ENDED.get(row.outcome, row.outcome))


def say_writes(run: Run, undone: int) -> str:
    """Say how many writes a run planned, and how they ended; nothing if none is known.

    It is the same count wherever the run is named.
    """
    found = run.summary
    planned = found.get("operations")
    if planned is None:
        return count(undone, "write") + " taken back" if undone else ""
    failed = found.get("failed", 0)
    unclear = found.get("unclear", 0)
    counts = {
        # An earlier version counted what was not sent among what failed.
        "arrived": found.get("arrived", planned - failed),
        "of them taken back since": undone,
        "failed": failed - unclear,
        "unclear": unclear,
        NOT_SENT: found.get("unsent", 0),
    }
    ends = [f"{n:,} {words}" for words, n in counts.items() if n]
    if not planned:
        ends = []
    return ": ".join(filter(None, (count(planned, "write"), ", ".join(ends))))


async def count_undone(move: Move, runs: Iterable[Run]) -> Mapping[int, int]:
    """Return how many writes of each run were taken back."""
    async with Ledger(move.settings.state.url, is_read_only=True) as ledger:
        return {
            run.id: await ledger.count_undone(run.profile, run=run.id) for run in runs
        }


async def read_run(move: Move, number: int) -> PastRun | None:
    """Return one run of the profile, None where it has no such run."""
    async with Ledger(move.settings.state.url, is_read_only=True) as ledger:
        profile = await recall_profile(ledger, move.profile)
        run = await ledger.find_run(profile, number) if profile else None
        if profile is None or run is None:
            return None
        rows = await ledger.rows(profile, run=number)
        undone = await ledger.count_undone(profile, run=number)
        about = {row.operation.key.media for row in rows}
        names = await recall_names(ledger, profile, about)
    outcomes: dict[str, Counter[str]] = {}
    for row in rows:
        media = row.operation.key.media
        outcomes.setdefault(media, Counter())[_outcome(row)] += 1
    lines = sorted(
        Line(names.get(media, media), ", ".join(f"{n:,} {w}" for w, n in of.items()))
        for media, of in outcomes.items()
    )
    return PastRun(
        run=run,
        found=_found(run.summary),
        said=say_writes(run, undone),
        waiting=max(0, run.summary.get("operations", 0) - len(rows)),
        lines=lines[:_MOST],
        titles=len(lines),
    )


def _found(summary: Mapping[str, Any]) -> Mapping[Square, int]:
    columns = summary.get("columns") or {}
    fates = Counter({Fate(name): plays for name, plays in columns.items()})
    lacking = Lacking(summary.get("failed", 0), summary.get("unsent", 0))
    return lines_of(fates, summary.get("unsent_plays", 0), lacking)


def _outcome(row: Row) -> str:
    if row.undone_at:
        return "taken back"
    return NOT_SENT if row.detail == NOT_SENT else _WORDS[row.outcome]
