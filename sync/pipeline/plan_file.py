"""Plan files: what ``plan`` found, written down and read back for ``apply``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.errors import InputError
from connectors.files import replace_file
from sync.documents.base import to_json
from sync.documents.report import FilterDocument, OperationDocument, ReportDocument
from sync.domain.digest import moved, source_state, target_state
from sync.domain.evidence import before_these, merged_titles
from sync.domain.filters import Filter, Only
from sync.domain.plan import Action, Cover, Fate, Operation
from sync.domain.plays import Key
from sync.domain.writes import Outcome
from sync.errors import MovedError
from sync.pipeline.prepared import PLAN
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sync.config import Settings
    from sync.domain.writes import Row
    from sync.ledger import Ledger
    from sync.ledger.records import Run
    from sync.pipeline.prepared import Prepared

_FORMAT, _VERSION = "trakt2discovr/report", 1
#: So many titles are named; more only make a message long.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """The writes of a plan file, and the state of both sides that they belong to.

    ``filter`` is what was left out; None in a plan of an earlier version. By its
    ``digest`` each run that carries it out is known: another plan may have the very
    same writes, as where the person has removed since what this one wrote.
    """

    profile: str
    digest: str
    operations: tuple[Operation, ...]
    files: tuple[Path, ...]
    is_incomplete: bool
    filter: Filter | None
    source: Mapping[str, str]
    target: Mapping[str, str]

    def settings_of(self, settings: Settings) -> Settings:
        """Return the settings with what the plan left out, whatever is set now."""
        if self.filter is None:
            return settings
        wanted = asdict(self.filter)
        history = settings.history.model_copy(update=wanted)
        return settings.model_copy(update={"history": history})

    def fates(self) -> dict[Key, Fate]:
        """Say what becomes of every key that a write of the plan is about."""
        fates = {o.key: Fate.WRITTEN for o in self.operations if o.progress}
        for operation in self.operations:
            for episode, _ in operation.covers:
                fates[operation.key._replace(episode=episode)] = Fate.COVERED
        return fates

    def check(self, prepared: Prepared, written: Sequence[Row] = ()) -> None:
        """Refuse unless both sides are what they were, to the last entry.

        ``written`` are the writes of this very plan that an earlier run has begun.
        """
        existing = before_these(prepared.existing, written, prepared.rules.labels)
        merged = merged_titles(prepared.existing, written)
        if prepared.profile != self.profile:
            raise MovedError("The plan was made for another profile.")
        sides = {
            prepared.origin.name: moved(
                self.source, source_state(prepared.compared.desired)
            ),
            "Discovr": [
                title
                for title in moved(self.target, target_state(existing))
                if title not in merged
            ],
        }
        complaints = [
            f"{side} has moved: {_name(titles, prepared)}."
            for side, titles in sides.items()
            if titles
        ]
        if complaints:
            raise MovedError(" ".join((*complaints, "Nothing was written.")))

    async def begun(self, ledger: Ledger) -> list[Row]:
        """Return what earlier runs wrote of it, however many and however they ended."""
        return [
            row
            for row in await self._written(ledger)
            if row.outcome is not Outcome.REJECTED and row.undone_at is None
        ]

    async def carried_out(self, ledger: Ledger) -> int | None:
        """Return the run that ended it, if all of it arrived and still counts.

        None where the last one was broken off: it has its end before it.
        """
        last = {row.operation.id: row for row in await self._written(ledger)}
        if not last or (await self._runs(ledger))[-1].outcome != "loaded":
            return None
        arrived = [
            row.run
            for row in last.values()
            if row.outcome is Outcome.APPLIED and row.undone_at is None
        ]
        return max(arrived) if len(arrived) == len(self.operations) else None

    async def _written(self, ledger: Ledger) -> list[Row]:
        runs = await self._runs(ledger)
        of_each = [await ledger.rows(self.profile, run=run.id) for run in runs]
        return [row for rows in of_each for row in rows]

    async def _runs(self, ledger: Ledger) -> list[Run]:
        """Return the runs that began to carry it out, oldest first."""
        runs = await ledger.runs(self.profile, commands=["apply"])
        return [run for run in runs[::-1] if run.summary.get(PLAN) == self.digest]

    def without(self, rows: Iterable[Row]) -> SavedPlan:
        """Return the plan that is left once these writes have arrived."""
        done = {row.operation.id for row in rows}
        left = tuple(o for o in self.operations if o.id not in done)
        return replace(self, operations=left)


def write_plan(path: Path, document: ReportDocument) -> None:
    """Write a plan file, which only its owner can read. Raises InputError."""
    try:
        # It names what a person watched, as the report does.
        replace_file(path, to_json(document) + "\n")
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be written ({error.strerror}).",
            remedy="Name a file in a folder that exists and may be written to.",
        ) from None


def read_plan(path: Path) -> SavedPlan:
    """Read a plan file. Raises InputError for anything else."""
    remedy = "Make one with trakt2discovr plan --out FILE"
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        why = f"cannot be read ({error.strerror})"
        raise InputError(f"{path.name} {why}.", remedy=remedy) from None
    except (ValueError, RecursionError):
        raise InputError(f"{path.name} is not a plan file.", remedy=remedy) from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise InputError(f"{path.name} is not a plan file.", remedy=remedy)
    if content.get("version") != _VERSION:
        raise InputError(
            f"{path.name} was written by another version of trakt2discovr.",
            remedy=remedy,
        )
    try:
        document = ReportDocument.model_validate(content)
        operations = tuple(map(_operation, document.operations))
        ids = [operation.id for operation in operations]
    except (ValueError, OverflowError):  # as of a time before all years
        raise InputError(f"{path.name} is damaged.", remedy=remedy) from None
    if document.command != "plan":
        raise InputError(f"{path.name} is a report, not a plan.", remedy=remedy)
    if ids != [d.id for d in document.operations]:
        raise InputError(f"{path.name} was changed by hand.", remedy=remedy)
    return SavedPlan(
        profile=document.profile,
        digest=_digest(content),
        operations=operations,
        files=tuple(map(Path, document.files)),
        is_incomplete=not document.receipt.is_whole,
        filter=_filter(document.filter),
        source=document.source_state,
        target=document.target_state,
    )


def _digest(content: object) -> str:
    """Tell plans apart by what the file says, whichever version reads it."""
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _filter(document: FilterDocument | None) -> Filter | None:
    if document is None:
        return None
    only = Only(document.only) if document.only else None
    return Filter(document.since, only, document.skip)


def _operation(document: OperationDocument) -> Operation:
    key = document.key
    return Operation(
        action=Action(document.action),
        key=Key(key.media, key.season, key.episode),
        watched_at=document.watched_at,
        progress=document.progress,
        covers=tuple(Cover(c.episode, c.watched_at) for c in document.covers),
        reason=document.reason,
    )


def _name(titles: list[str], prepared: Prepared) -> str:
    known = prepared.compared.desired.titles
    labels = [known[m].label if m in known else m for m in titles[:_NAMED]]
    more = len(titles) - len(labels)
    return ", ".join(labels) + (f" and {count(more, 'more title')}" if more else "")
