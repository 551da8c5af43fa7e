"""The library's face: what other tools call, give and get back.

Importing this package is cheap: each name comes in with the first look at it. The
package ``trakt2discovr`` hands on the same names.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.auth.device import (
        CodeExpiredError,
        CodeRefusedError,
    )
    from connectors.auth.tokens import (
        StoredToken,
        TokenStore,
    )
    from connectors.clock import (
        Clock,
    )
    from connectors.errors import (
        AuthError,
        BlockedError,
        ConfigError,
        ContractError,
        InputError,
        LoginRefusedError,
        NotFoundError,
        RateLimitedError,
        RejectedError,
        ServiceError,
        TransientError,
        UnknownOutcomeError,
        WrongTokenKindError,
    )
    from connectors.http.pacing import (
        Pacer,
    )
    from sync.api import (
        apply,
        migrate,
        plan,
        restore,
        sync,
        undo,
        unmatched,
        verify,
    )
    from sync.checkup.doctor import (
        Diagnosis,
        examine,
    )
    from sync.checkup.findings import (
        Cause,
        Finding,
        Verdict,
    )
    from sync.config import (
        Settings,
        load_settings,
    )
    from sync.documents.left_out import (
        UnmatchedDocument,
    )
    from sync.domain.balance import (
        Balance,
    )
    from sync.domain.entries import (
        Entry,
    )
    from sync.domain.plan import (
        Action,
        Fate,
        Operation,
        Plan,
    )
    from sync.domain.plays import (
        UNKNOWN_DATE,
        Ids,
        Key,
        Kind,
        Play,
        Title,
    )
    from sync.domain.resume import (
        Resume,
        ResumePoint,
    )
    from sync.domain.verify import (
        Verification,
    )
    from sync.domain.writes import (
        Outcome,
        Settled,
    )
    from sync.errors import (
        BugError,
        EmptyHistoryError,
        GuardError,
        HiddenEntriesError,
        IncompleteReadError,
        MissingEntriesError,
        MovedError,
        OtherProfileError,
        StoppedError,
        UnbegunError,
        UnkeptCopyError,
        UnsafePlanError,
        UnsafeRemovalError,
        UnwritableError,
    )
    from sync.events import (
        Advanced,
        Event,
        Finished,
        Spent,
        Stage,
        Waiting,
        Warned,
    )
    from sync.ledger.errors import (
        BusyError,
        StateError,
    )
    from sync.ledger.ledger import (
        Ledger,
    )
    from sync.load.breaker import (
        RefusingServiceError,
    )
    from sync.pipeline.copies import (
        KeptCopy,
    )
    from sync.pipeline.restore import (
        Restoration,
    )
    from sync.pipeline.result import (
        Report,
    )
    from sync.pipeline.undo import (
        Undone,
        UndoOutline,
    )
    from sync.pipeline.undo_place import (
        RemovedTooMuchError,
    )
    from sync.ports import (
        CheckedSource,
        Extraction,
        IncrementalSource,
        NamedSource,
        NamedTarget,
        PlaybackSource,
        PlaybackTarget,
        Quarantined,
        RecallingTarget,
        Receipt,
        RestoringTarget,
        Source,
        SourceCheck,
        Target,
    )
    from sync.report.data import (
        ReportData,
    )
    from sync.report.page import (
        render_html,
    )
    from sync.report.reading import (
        read_report,
    )
    from sync.runtime.stop import (
        Stop,
    )
    from sync.sandbox.rehearsal import (
        rehearsal,
    )

#: Who asks whether this is ours: other packages are called ``sync`` too.
PROJECT = "trakt2discovr"

__all__ = [
    "UNKNOWN_DATE",
    "Action",
    "Advanced",
    "AuthError",
    "Balance",
    "BlockedError",
    "BugError",
    "BusyError",
    "Cause",
    "CheckedSource",
    "Clock",
    "CodeExpiredError",
    "CodeRefusedError",
    "ConfigError",
    "ContractError",
    "Diagnosis",
    "EmptyHistoryError",
    "Entry",
    "Event",
    "Extraction",
    "Fate",
    "Finding",
    "Finished",
    "GuardError",
    "HiddenEntriesError",
    "Ids",
    "IncompleteReadError",
    "IncrementalSource",
    "InputError",
    "KeptCopy",
    "Key",
    "Kind",
    "Ledger",
    "LoginRefusedError",
    "MissingEntriesError",
    "MovedError",
    "NamedSource",
    "NamedTarget",
    "NotFoundError",
    "Operation",
    "OtherProfileError",
    "Outcome",
    "Pacer",
    "Plan",
    "Play",
    "PlaybackSource",
    "PlaybackTarget",
    "Quarantined",
    "RateLimitedError",
    "RecallingTarget",
    "Receipt",
    "RefusingServiceError",
    "RejectedError",
    "RemovedTooMuchError",
    "Report",
    "ReportData",
    "Restoration",
    "RestoringTarget",
    "Resume",
    "ResumePoint",
    "ServiceError",
    "Settings",
    "Settled",
    "Source",
    "SourceCheck",
    "Spent",
    "Stage",
    "StateError",
    "Stop",
    "StoppedError",
    "StoredToken",
    "Target",
    "Title",
    "TokenStore",
    "TransientError",
    "UnbegunError",
    "UndoOutline",
    "Undone",
    "UnkeptCopyError",
    "UnknownOutcomeError",
    "UnmatchedDocument",
    "UnsafePlanError",
    "UnsafeRemovalError",
    "UnwritableError",
    "Verdict",
    "Verification",
    "Waiting",
    "Warned",
    "WrongTokenKindError",
    "apply",
    "examine",
    "load_settings",
    "migrate",
    "plan",
    "read_report",
    "rehearsal",
    "render_html",
    "restore",
    "sync",
    "undo",
    "unmatched",
    "verify",
]

#: Where each name is defined.
_HOMES = {
    "CodeExpiredError": "connectors.auth.device",
    "CodeRefusedError": "connectors.auth.device",
    "StoredToken": "connectors.auth.tokens",
    "TokenStore": "connectors.auth.tokens",
    "Clock": "connectors.clock",
    "AuthError": "connectors.errors",
    "BlockedError": "connectors.errors",
    "ConfigError": "connectors.errors",
    "ContractError": "connectors.errors",
    "InputError": "connectors.errors",
    "LoginRefusedError": "connectors.errors",
    "NotFoundError": "connectors.errors",
    "RateLimitedError": "connectors.errors",
    "RejectedError": "connectors.errors",
    "ServiceError": "connectors.errors",
    "TransientError": "connectors.errors",
    "UnknownOutcomeError": "connectors.errors",
    "WrongTokenKindError": "connectors.errors",
    "Pacer": "connectors.http.pacing",
    "apply": "sync.api",
    "migrate": "sync.api",
    "plan": "sync.api",
    "restore": "sync.api",
    "sync": "sync.api",
    "undo": "sync.api",
    "unmatched": "sync.api",
    "verify": "sync.api",
    "Diagnosis": "sync.checkup.doctor",
    "examine": "sync.checkup.doctor",
    "Cause": "sync.checkup.findings",
    "Finding": "sync.checkup.findings",
    "Verdict": "sync.checkup.findings",
    "Settings": "sync.config",
    "load_settings": "sync.config",
    "UnmatchedDocument": "sync.documents.left_out",
    "Balance": "sync.domain.balance",
    "Entry": "sync.domain.entries",
    "Action": "sync.domain.plan",
    "Fate": "sync.domain.plan",
    "Operation": "sync.domain.plan",
    "Plan": "sync.domain.plan",
    "UNKNOWN_DATE": "sync.domain.plays",
    "Ids": "sync.domain.plays",
    "Key": "sync.domain.plays",
    "Kind": "sync.domain.plays",
    "Play": "sync.domain.plays",
    "Title": "sync.domain.plays",
    "Resume": "sync.domain.resume",
    "ResumePoint": "sync.domain.resume",
    "Verification": "sync.domain.verify",
    "Outcome": "sync.domain.writes",
    "Settled": "sync.domain.writes",
    "BugError": "sync.errors",
    "EmptyHistoryError": "sync.errors",
    "GuardError": "sync.errors",
    "HiddenEntriesError": "sync.errors",
    "IncompleteReadError": "sync.errors",
    "MissingEntriesError": "sync.errors",
    "MovedError": "sync.errors",
    "OtherProfileError": "sync.errors",
    "StoppedError": "sync.errors",
    "UnbegunError": "sync.errors",
    "UnkeptCopyError": "sync.errors",
    "UnsafePlanError": "sync.errors",
    "UnsafeRemovalError": "sync.errors",
    "UnwritableError": "sync.errors",
    "Advanced": "sync.events",
    "Event": "sync.events",
    "Finished": "sync.events",
    "Spent": "sync.events",
    "Stage": "sync.events",
    "Waiting": "sync.events",
    "Warned": "sync.events",
    "BusyError": "sync.ledger.errors",
    "StateError": "sync.ledger.errors",
    "Ledger": "sync.ledger.ledger",
    "RefusingServiceError": "sync.load.breaker",
    "KeptCopy": "sync.pipeline.copies",
    "Restoration": "sync.pipeline.restore",
    "Report": "sync.pipeline.result",
    "UndoOutline": "sync.pipeline.undo",
    "Undone": "sync.pipeline.undo",
    "RemovedTooMuchError": "sync.pipeline.undo_place",
    "CheckedSource": "sync.ports",
    "Extraction": "sync.ports",
    "IncrementalSource": "sync.ports",
    "NamedSource": "sync.ports",
    "NamedTarget": "sync.ports",
    "PlaybackSource": "sync.ports",
    "PlaybackTarget": "sync.ports",
    "Quarantined": "sync.ports",
    "RecallingTarget": "sync.ports",
    "Receipt": "sync.ports",
    "RestoringTarget": "sync.ports",
    "Source": "sync.ports",
    "SourceCheck": "sync.ports",
    "Target": "sync.ports",
    "ReportData": "sync.report.data",
    "render_html": "sync.report.page",
    "read_report": "sync.report.reading",
    "Stop": "sync.runtime.stop",
    "rehearsal": "sync.sandbox.rehearsal",
}


if not TYPE_CHECKING:  # to a type checker it would mean that there is every name

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
