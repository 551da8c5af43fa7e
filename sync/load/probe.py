"""Whether the service keeps what it is sent: told by an entry that is read back."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from connectors.errors import ContractError
from sync.domain.entries import count_viewings, minutes_of
from sync.domain.evidence import CLOCKS_APART, is_in_place, stood_before
from sync.domain.plays import to_minute
from sync.domain.writes import Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from connectors.clock import Clock
    from sync.domain.entries import Entry
    from sync.domain.evidence import Count
    from sync.domain.plan import Operation
    from sync.domain.writes import Row
    from sync.ports import Target


class Finding(Enum):
    """What reading an entry back shows. The values are what a person is told."""

    KEPT = "kept all of it"
    #: It is there, and hidden behind another of its key, or was sent without a time.
    HIDDEN = "shows only a part of it"
    NOT_LISTED = "does not list it"
    TIME_LOST = "did not keep its time"
    LABEL_LOST = "did not keep its label"
    PROGRESS_LOST = "did not keep its progress"

    @property
    def is_proof(self) -> bool:
        """Whether the service was seen to keep everything."""
        return self is Finding.KEPT

    @property
    def is_fault(self) -> bool:
        """Whether the service behaves otherwise."""
        return self not in (Finding.KEPT, Finding.HIDDEN)


class Unproved(NamedTuple):
    """Nobody has seen yet that the profile keeps what it is sent.

    ``standing`` was added by an earlier run and reads otherwise, or is not listed: it
    is looked at again before anything else is added. ``is_listed``: the list of all
    shows it. ``note`` is called once an entry was seen to be as it was sent.
    """

    standing: Row | None = None
    is_listed: bool = False
    note: Callable[[], Awaitable[None]] | None = None


async def read_back(
    target: Target,
    clock: Clock,
    operation: Operation,
    before: Count,
    labels: Collection[str],
    waits_s: Sequence[float],
) -> Finding:
    """Read what an entry has become, again after each wait while it is not listed.

    ``before`` is what stood under its key when it was sent.
    """
    key, finding = operation.key, Finding.NOT_LISTED
    for wait_s in (0.0, *waits_s):  # its list may lag
        await clock.sleep(wait_s)
        entries = await target.read_title(key.media, key.season)
        mine = [entry for entry in entries if entry.key == key]
        finding = judge(operation, mine, before, labels)
        if finding is not Finding.NOT_LISTED:
            break
    return finding


def judge(
    operation: Operation,
    mine: Sequence[Entry],
    before: Count,
    labels: Collection[str],
) -> Finding:
    """Hold an entry that was added against what is listed of its key."""
    restored = operation.restored
    known = (restored.label,) if restored else labels
    is_dated = restored is None or restored.at is not None
    is_alone = not before.viewings
    if not mine:
        return Finding.NOT_LISTED
    ours = [
        entry
        for entry in mine
        if entry.updated_at and to_minute(entry.updated_at) == operation.minute
    ]
    if not is_dated:
        ours = [*mine] if is_alone else []
    if not ours:
        # Repeats may be merged into one that tells the time of the newest.
        if not is_dated or is_in_place(operation, mine, before):
            return Finding.HIDDEN
        is_new = before.minutes is not None and minutes_of(mine) - before.minutes
        return Finding.TIME_LOST if is_alone or is_new else Finding.NOT_LISTED
    is_merged = count_viewings(mine) > len(mine) and not is_alone
    if not any(entry.imported in known for entry in ours):
        return Finding.HIDDEN if is_merged else Finding.LABEL_LOST
    if restored and all(abs(e.progress - restored.progress) >= 1 for e in ours):
        return Finding.HIDDEN if is_merged else Finding.PROGRESS_LOST
    return Finding.KEPT if is_dated else Finding.HIDDEN


def judge_row(
    row: Row, mine: Sequence[Entry], labels: Collection[str]
) -> Finding | None:
    """Hold what an earlier run added against what is listed of its key now.

    None where it may never have been sent and nothing of it is seen. What stands there
    at another time is then the person's, unless its label or its time speak for ours;
    without our label it may be theirs at the very minute. Nor is it the service that
    changed what was watched again since.
    """
    finding = judge(row.operation, mine, stood_before(row), labels)
    if row.outcome is Outcome.APPLIED and not row.detail:
        is_newer = finding is Finding.TIME_LOST and _is_since(row, mine)
        return Finding.HIDDEN if is_newer else finding
    if finding in (Finding.LABEL_LOST, Finding.PROGRESS_LOST):
        return Finding.HIDDEN
    if finding not in (Finding.NOT_LISTED, Finding.TIME_LOST):
        return finding
    is_seen = any(
        entry.imported in labels
        or (
            entry.updated_at and abs(entry.updated_at - row.intended_at) <= CLOCKS_APART
        )
        for entry in mine
    )
    return finding if is_seen else None


def _is_since(row: Row, mine: Sequence[Entry]) -> bool:
    """Whether all that stands there was watched after the write had been answered."""
    answered = row.settled_at
    return answered is not None and all(
        entry.updated_at is not None and entry.updated_at > answered + CLOCKS_APART
        for entry in mine
    )


def behaves_otherwise(
    operation: Operation,
    finding: Finding,
    names: Mapping[str, str],
    row: Row | None = None,
) -> ContractError:
    """Say what the service made of the first entry, and how to go on.

    ``row`` is that of an earlier run; None: this one has just written it.
    """
    undo = "remove it on Discovr, and then: trakt2discovr undo"
    if row:
        undo = f"remove it on Discovr, and then: trakt2discovr undo {row.run}"
    if row and row.outcome is not Outcome.APPLIED:
        undo = "remove it on Discovr, and run it again"
    return ContractError(
        f"Discovr took the first entry ({operation.key.said(names)}, "
        f"{operation.minute:%Y-%m-%d %H:%M} UTC) but {finding.value}, so nothing more "
        "was written.",
        remedy="Report this: the service has changed. Each run looks at that entry "
        "again and goes on once Discovr shows it as it was sent. To begin anew: "
        f"{undo}",
        service="Discovr",
    )
