"""Fills the JSON documents from what a run found."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sync.documents.copy import (
    ChangedEntryDocument,
    LeftEntryDocument,
    RestoreDocument,
)
from sync.documents.left_out import (
    LeftOutDocument,
    QuarantinedDocument,
    SourceDocument,
    TitleDocument,
    UnmatchedDocument,
)
from sync.documents.move import BalanceDocument, MoveDocument
from sync.documents.report import (
    CostDocument,
    EntriesDocument,
    FailedDocument,
    FilterDocument,
    KeyDocument,
    LackedDocument,
    LeftAloneDocument,
    OperationDocument,
    OutlookDocument,
    PlaybackDocument,
    ReceiptDocument,
    ReportDocument,
    ResumePointDocument,
    SeasonDocument,
    TakenBackDocument,
    TitleReport,
    UndoDocument,
    VerificationDocument,
)
from sync.domain.desired import EPISODE_ZERO, LeftOut
from sync.domain.digest import source_state, target_state
from sync.domain.plan import Fate
from sync.domain.restoring import to_entry
from sync.domain.writes import NOT_SENT
from sync.pipeline.copies import copy_document
from sync.pipeline.copy_file import entry_document
from sync.pipeline.summary import count_writes, summarize_titles

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from sync.domain.balance import Balance
    from sync.domain.plan import Operation, SeasonNote
    from sync.domain.plays import Key, Title
    from sync.domain.resume import Resume, ResumePoint
    from sync.pipeline.playback import PlaybackResult
    from sync.pipeline.prepared import Prepared
    from sync.pipeline.restore import Restoration
    from sync.pipeline.result import Move, Report
    from sync.pipeline.undo import Undone
    from sync.ports import Receipt


def report_document(
    report: Report,
    command: str,
    exit_code: int,
    files: Iterable[Path] = (),
    warnings: Iterable[str] = (),
    *,
    is_kept: bool = False,
) -> ReportDocument:
    """Write a whole report down; with ``is_kept`` what the ledger keeps of it."""
    prepared, plan = report.prepared, report.prepared.plan
    total, titles = report.balance()
    left = left_out_document(prepared)
    # The ledger has the writes in rows; what they were planned on has changed since.
    whole = () if is_kept else plan.operations
    return ReportDocument(
        command=command,
        exit_code=exit_code,
        profile=prepared.profile,
        run=report.run,
        receipt=_receipt(prepared.compared.extraction.receipt, total.read),
        balance=_balance(total),
        writes=len(plan.operations),
        saved=plan.saved,
        titles=tuple(_titles(report, titles)),
        unmatched=left.unmatched,
        unsupported=left.unsupported,
        quarantined=left.quarantined,
        left_out=left.left_out,
        filter=FilterDocument.model_validate(prepared.filter),
        failed=tuple(_failed(report)),
        verification=_verification(report),
        files=tuple(str(path.absolute()) for path in files),
        source_state={} if is_kept else source_state(prepared.compared.desired),
        target_state={} if is_kept else target_state(prepared.existing),
        operations=tuple(map(OperationDocument.model_validate, whole)),
        warnings=tuple(warnings),
        playback=_playback(report.playback),
        entries=EntriesDocument.model_validate(count_writes(plan.operations)),
        outlook=report.outlook and OutlookDocument.model_validate(report.outlook),
        cost=report.cost and CostDocument.model_validate(report.cost),
        source=SourceDocument.model_validate(prepared.origin),
        kept_copy=copy_document(report.kept_copy),
        move=_move(report.move),
        carried_out_by=report.carried_out_by,
        is_refused=report.is_refused,
        undone=report.undone and TakenBackDocument(**_taken_back(report.undone)),
        names=prepared.names(_named(report, whole)),
    )


def _named(report: Report, operations: Iterable[Operation]) -> Iterator[str]:
    """Return the id of every title of which an entry is listed."""
    for operation in (*operations, *report.failed):
        yield operation.key.media
    found = report.verification
    for key in found.keys if found else ():
        yield key.media


def left_out_document(prepared: Prepared) -> UnmatchedDocument:
    """Write down all of the source that could not be carried over."""
    if prepared.is_unchanged and prepared.kept:
        return prepared.kept.left_out
    desired = prepared.whole.desired
    early: Counter[Title] = Counter()
    planned = prepared.plan.fates
    known = (h.fates for h in prepared.known.values())
    lost = {
        key
        for fates in (*known, planned)
        for key, fate in fates.items()
        if fate is Fate.UNSUPPORTED and planned.get(key, fate) is fate
    }
    for key, viewing in desired.watched.items() if lost else ():
        if key in lost:
            early[desired.titles[key.media]] += viewing.plays
    zeros = tuple(LeftOut(t, plays, EPISODE_ZERO) for t, plays in early.items())
    return UnmatchedDocument(
        unmatched=_left_out(desired.unmatched),
        unsupported=_left_out((*desired.unsupported, *zeros)),
        left_out=_left_out(desired.skipped),
        quarantined=tuple(
            map(
                QuarantinedDocument.model_validate,
                sorted(
                    prepared.compared.extraction.quarantined,
                    key=lambda q: (q.where, q.reason),
                ),
            )
        ),
        source=SourceDocument.model_validate(prepared.origin),
    )


def undo_document(undone: Undone) -> UndoDocument:
    """Write down what was taken back."""
    return UndoDocument(
        run=undone.run,
        runs=undone.runs or (undone.run,),
        kept_copy=copy_document(undone.kept_copy),
        is_refused=undone.is_refused,
        names=dict(undone.names),
        **_taken_back(undone),
    )


def _taken_back(undone: Undone) -> dict[str, Any]:
    return {
        "removed": len(undone.removed),
        "restored": len(undone.restored),
        "gone": len(undone.gone),
        "left_alone": tuple(
            LeftAloneDocument(key=KeyDocument.model_validate(key), reason=reason)
            for key, reason in undone.left_alone.items()
        ),
    }


def restore_document(
    restoration: Restoration,
    exit_code: int,
    *,
    warnings: Iterable[str] = (),
    next_: str | None = None,
) -> RestoreDocument:
    """Write down what a copy holds and the profile lacks, and what came of it."""
    compared, reasons = restoration.compared, restoration.failed
    operations = restoration.operations
    is_done = restoration.run is not None
    return RestoreDocument(
        exit_code=exit_code,
        file=str(restoration.file.absolute()),
        copied_at=restoration.copy.at,
        profile=restoration.profile,
        run=restoration.run,
        is_refused=restoration.is_refused,
        missing=tuple(entry_document(to_entry(o)) for o in operations),
        restored=len(operations) - len(reasons) if is_done else 0,
        failed=tuple(
            LeftEntryDocument(entry=entry_document(to_entry(o)), reason=reasons[o.id])
            for o in operations
            if o.id in reasons
        ),
        changed=tuple(
            ChangedEntryDocument(copied=entry_document(old), now=entry_document(new))
            for old, new in compared.changed
        ),
        impossible=tuple(
            LeftEntryDocument(entry=entry_document(entry), reason=reason)
            for entry, reason in compared.impossible
        ),
        there=len(compared.there),
        kept_copy=copy_document(restoration.kept_copy),
        cost=CostDocument.model_validate(restoration.cost)
        if restoration.cost
        else None,
        warnings=tuple(warnings),
        next=next_,
        names=dict(restoration.titles),
    )


def _left_out(group: Sequence[LeftOut]) -> tuple[LeftOutDocument, ...]:
    return tuple(
        LeftOutDocument(title=_title(left.title), plays=left.plays, reason=left.reason)
        for left in group
    )


def _title(title: Title) -> TitleDocument:
    return TitleDocument(
        kind=title.kind.value,
        title=title.name,
        year=title.year,
        ids=title.ids.known(),
    )


def _balance(balance: Balance) -> BalanceDocument:
    columns = {fate.value: balance.fates[fate] for fate in Fate}
    return BalanceDocument(
        read=balance.read,
        repeats=balance.repeats,
        gone=balance.gone,
        unsent=balance.unsent,
        **columns,
    )


def _receipt(receipt: Receipt, read: int) -> ReceiptDocument:
    """Write the receipt down; there is one count of plays, that of the balance."""
    document = ReceiptDocument.model_validate(receipt)
    return document.model_copy(update={"plays": read})


def _move(move: Move | None) -> MoveDocument | None:
    if move is None:
        return None
    total = move.balance
    return MoveDocument(
        on_discovr=total.on_discovr, balance=_balance(total), at=move.at
    )


def _titles(report: Report, balances: dict[Title, Balance]) -> Iterable[TitleReport]:
    for part in summarize_titles(report.prepared, balances):
        yield TitleReport(
            title=_title(part.title),
            balance=_balance(part.balance),
            seasons=tuple(map(_season, part.seasons)),
            entries=EntriesDocument.model_validate(part.writes),
            reason=part.reason,
        )


def _season(note: SeasonNote) -> SeasonDocument:
    return SeasonDocument(
        season=note.number,
        watched=note.watched,
        writes=note.writes,
        saved=note.saved,
        reason=note.reason,
        late=note.late,
    )


def _failed(report: Report) -> Iterable[FailedDocument]:
    for operation in report.failed:
        settled = report.settled.get(operation.id)
        yield FailedDocument(
            operation=OperationDocument.model_validate(operation),
            outcome=settled.outcome.value if settled else NOT_SENT,
            detail=settled.detail if settled else "",
        )


def _verification(report: Report) -> VerificationDocument | None:
    found = report.verification
    if found is None:
        return None
    return VerificationDocument(
        is_clean=found.is_clean,
        entries=found.entries,
        missing=_keys(found.missing),
        doubled=_keys(found.doubled),
        unexpected=_keys(found.unexpected),
        foreign=_keys(found.foreign),
        elsewhere=_keys(found.elsewhere),
        lacked=tuple(_lacked(report, {key.media for key in found.unexpected})),
    )


def _lacked(report: Report, wanted: Collection[str]) -> Iterator[LackedDocument]:
    for media, title in report.prepared.stale.titles.items():
        if media in wanted:
            yield LackedDocument(
                media=media, title=title.label, has_other_id=title.has_other_id
            )


def _playback(result: PlaybackResult | None) -> PlaybackDocument | None:
    if result is None:
        return None
    plan, reasons = result.plan, dict(result.failed)
    sent = {*result.written, *reasons}
    return PlaybackDocument(
        written=tuple(map(_resume, result.written)),
        planned=tuple(_resume(r) for r in plan.chosen if r not in sent),
        failed=tuple(_resume(resume, why) for resume, why in reasons.items()),
        left=tuple(_resume_point(left.point, None, left.reason) for left in plan.left),
        quarantined=tuple(map(QuarantinedDocument.model_validate, plan.quarantined)),
        seen=result.seen,
        error=None if result.error is None else str(result.error),
    )


def _resume(resume: Resume, reason: str = "") -> ResumePointDocument:
    return _resume_point(resume.point, resume.key.media, reason)


def _resume_point(
    point: ResumePoint, media: str | None, reason: str
) -> ResumePointDocument:
    return ResumePointDocument(
        title=_title(point.title),
        season=point.season,
        episode=point.episode,
        progress=point.progress,
        paused_at=point.paused_at,
        media=media,
        reason=reason,
    )


def _keys(keys: Sequence[Key]) -> tuple[KeyDocument, ...]:
    return tuple(map(KeyDocument.model_validate, keys))
