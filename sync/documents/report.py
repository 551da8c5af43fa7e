"""The JSON documents of ``--json`` and of plan files. Change them only by adding.

``docs/schema.json`` is generated from these models and held equal by a test.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from sync.documents.base import Document, Rehearsed
from sync.documents.left_out import (
    LeftOutDocument,
    QuarantinedDocument,
    SourceDocument,
    TitleDocument,
)
from sync.documents.move import BalanceDocument, MoveDocument
from sync.domain.writes import NOT_SENT


class KeyDocument(Document):
    """What an entry is about; without an episode, a whole season."""

    media: str
    season: int | None = None
    episode: int | None = None


class CoverDocument(Document):
    """An episode that a season default stands for, and when it was watched."""

    episode: int
    watched_at: datetime


class OperationDocument(Document):
    """One write: ``add`` appends an entry, ``set`` changes the progress of one."""

    id: str
    action: Literal["add", "set"]
    key: KeyDocument
    watched_at: datetime
    progress: int
    covers: tuple[CoverDocument, ...] = ()
    reason: str


class SeasonDocument(Document):
    """What was decided for a season: ``saved`` counts writes a default saves.

    ``late`` names episodes that its default may cover by now and that nobody watched.
    """

    season: int
    watched: int
    writes: int
    saved: int
    reason: str
    late: tuple[int, ...] = ()


class EntriesDocument(Document):
    """Writes by what they are about.

    ``changes`` mark entries as watched that stand there under 80 %; ``zeros`` hold an
    episode that nobody watched out of a season default.
    """

    seasons: int = 0
    episodes: int = 0
    films: int = 0
    changes: int = 0
    zeros: int = 0


class TitleReport(Document):
    """The balance of one title, and what is written for it.

    ``reason`` says why nothing is, where nothing is.
    """

    title: TitleDocument
    balance: BalanceDocument
    seasons: tuple[SeasonDocument, ...] = ()
    entries: EntriesDocument = EntriesDocument()
    reason: str = ""


class FilterDocument(Document):
    """What was left out on request: the settings that a run went by."""

    since: datetime | None = None
    only: Literal["films", "shows"] | None = None
    skip: tuple[str, ...] = ()


class ReceiptDocument(Document):
    """What proves the extraction whole, or what speaks against it."""

    source: str
    is_whole: bool
    plays: int
    repeats: int
    pages: int
    requests: int
    walks: int
    announced: int | None
    missing: tuple[str, ...]
    doubts: tuple[str, ...]
    notes: tuple[str, ...]


class LackedDocument(Document):
    """What entries of ours were written for that stand for no play any more.

    ``media`` is their id on Discovr; with ``has_other_id`` the title is there all the
    same, and goes under another one now.
    """

    media: str
    title: str
    has_other_id: bool


class VerificationDocument(Document):
    """Differences between what was watched and what stands in the profile.

    ``unexpected`` went from where it came from, and ``lacked`` says which titles that
    is about, as far as it was noted. ``foreign`` is labelled like what this
    program writes, and was not written from here. What is ``elsewhere`` is no
    difference: another source brought it, or nobody noted which.
    """

    is_clean: bool
    entries: int
    missing: tuple[KeyDocument, ...]
    doubled: tuple[KeyDocument, ...]
    unexpected: tuple[KeyDocument, ...]
    foreign: tuple[KeyDocument, ...] = ()
    elsewhere: tuple[KeyDocument, ...] = ()
    lacked: tuple[LackedDocument, ...] = ()


class FailedDocument(Document):
    """A write that did not arrive."""

    operation: OperationDocument
    outcome: str
    detail: str

    @property
    def is_unsent(self) -> bool:
        """Whether its turn never came, so that nothing went wrong with it."""
        return NOT_SENT in (self.outcome, self.detail)


class OutlookDocument(Document):
    """What carrying out the plan takes: requests to Discovr, and their time.

    ``could_save`` is about how many of them air dates would save, where there are none.
    """

    requests: int
    per_second: float
    seconds: float
    could_save: int = 0


class SpendingDocument(Document):
    """What one service saw; ``limited`` counts how often it asked for fewer requests.

    ``waits_s`` adds up the waiting of all callers, so it can exceed the time passed.
    """

    service: str
    requests: int
    retries: int
    limited: int
    waits_s: float


class CostDocument(Document):
    """What the run has cost."""

    took_s: float
    services: tuple[SpendingDocument, ...]


class ResumePointDocument(Document):
    """Where somebody stopped: ``progress`` in percent.

    ``media`` is Discovr's id where it goes there, ``reason`` why it does not.
    """

    title: TitleDocument
    season: int | None
    episode: int | None
    progress: float
    paused_at: datetime
    media: str | None = None
    reason: str = ""


class PlaybackDocument(Document):
    """The resume points by what became of them; ``planned`` have not been sent.

    ``seen`` counts what was read back as it was written, None where nothing can be.
    ``error`` says why the step came to an end early, or was not possible at all.
    """

    written: tuple[ResumePointDocument, ...]
    planned: tuple[ResumePointDocument, ...]
    failed: tuple[ResumePointDocument, ...]
    left: tuple[ResumePointDocument, ...]
    quarantined: tuple[QuarantinedDocument, ...]
    seen: int | None
    error: str | None


class KeptCopyDocument(Document):
    """A file that holds the profile as it was; ``entries`` stand in it.

    One that ``is_part`` holds the films and seasons that the run touched.
    """

    path: str
    at: datetime
    entries: int
    is_part: bool = False

    @property
    def name(self) -> str:
        """What it is called: a report may be published, and names no folder."""
        return self.path.replace("\\", "/").rpartition("/")[2]


class LeftAloneDocument(Document):
    """An entry that ``undo`` did not touch, and why."""

    key: KeyDocument
    reason: str


class TakenBackDocument(Document):
    """What ``sync --prune`` took back: how many entries, and what it did not touch.

    ``restored`` were set back to what they said before; ``gone`` stood there no longer.
    """

    removed: int
    restored: int
    gone: int
    left_alone: tuple[LeftAloneDocument, ...] = ()


class ReportDocument(Document):
    """What a command found, planned and did; with ``command`` "plan" a plan file.

    ``files`` names the downloads that were read, none for the API. The two states are
    digests per title of what both sides held: ``apply`` refuses if one has moved.
    ``warnings`` say what somebody has to do soon, such as to log in again.
    ``playback`` is None where nobody looked at the resume points.
    ``next`` is the command that goes on from here. ``left_out`` was left out on
    request, by the ``filter`` or the person's list; ``apply`` goes by that of its plan.
    ``kept_copy`` is the profile as it was before; null where nothing of the person's
    stood there, or nothing was written. ``balance`` is that of the run,
    ``move`` that of all runs; a plan has none. ``carried_out_by`` is the earlier run
    that carried out the plan that was to be applied: nothing was sent again.
    ``is_refused``: the plan was refused, and nothing was written. ``rehearses`` says
    whose account a rehearsal is about; null: it was none. ``names`` has what the ids in
    ``media`` stand for, of all that it lists entry by entry and any run has met.
    ``undone`` is what ``sync --prune`` took back; null where there was nothing.
    """

    format: Literal["trakt2discovr/report"] = "trakt2discovr/report"
    version: Literal[1] = 1
    command: str
    exit_code: int
    profile: str
    run: int | None
    receipt: ReceiptDocument
    balance: BalanceDocument
    writes: int
    saved: int
    titles: tuple[TitleReport, ...]
    unmatched: tuple[LeftOutDocument, ...]
    unsupported: tuple[LeftOutDocument, ...]
    quarantined: tuple[QuarantinedDocument, ...]
    failed: tuple[FailedDocument, ...]
    verification: VerificationDocument | None
    files: tuple[str, ...]
    source_state: dict[str, str]
    target_state: dict[str, str]
    operations: tuple[OperationDocument, ...]
    warnings: tuple[str, ...] = ()
    playback: PlaybackDocument | None = None
    entries: EntriesDocument = EntriesDocument()
    outlook: OutlookDocument | None = None
    cost: CostDocument | None = None
    next: str | None = None
    source: SourceDocument = SourceDocument()
    left_out: tuple[LeftOutDocument, ...] = ()
    filter: FilterDocument | None = None
    kept_copy: KeptCopyDocument | None = None
    move: MoveDocument | None = None
    carried_out_by: int | None = None
    is_refused: bool = False
    rehearses: Rehearsed | None = None
    undone: TakenBackDocument | None = None
    names: dict[str, str] = Field(default_factory=dict)


class UndoDocument(Document):
    """What ``undo`` took back of one run, or of several.

    ``runs`` are all of them, the latest first; ``run`` is the first of these.
    With ``is_refused`` somebody said no, and nothing was taken back. ``names`` has what
    the ids of those that were left alone stand for.
    """

    format: Literal["trakt2discovr/undo"] = "trakt2discovr/undo"
    version: Literal[1] = 1
    run: int
    removed: int
    restored: int
    gone: int
    left_alone: tuple[LeftAloneDocument, ...]
    runs: tuple[int, ...] = ()
    kept_copy: KeptCopyDocument | None = None
    is_refused: bool = False
    rehearses: Rehearsed | None = None
    names: dict[str, str] = Field(default_factory=dict)
