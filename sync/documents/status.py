"""The JSON document of ``status``. Change it only by adding."""

from __future__ import annotations

from datetime import datetime  # pydantic needs it at run time
from typing import Literal

from sync.documents.base import Document, Rehearsed
from sync.documents.move import MoveDocument  # as above
from sync.domain.origin import TRAKT


class DatabaseDocument(Document):
    """The state database; ``problem`` says why nothing can be read of it.

    ``software`` is null where there is no database yet. A ``schema_version`` that is
    not current is brought up to date by the next run.
    """

    kind: str
    place: str
    software: str | None = None
    schema_version: str | None = None
    is_current: bool = False
    size_bytes: int | None = None
    problem: str | None = None
    remedy: str | None = None


class RunDocument(Document):
    """A run that wrote. ``outcome``: finished, stopped, under way or broken off.

    ``plays`` were read, ``writes`` planned; both null until the run has ended. Of the
    writes so many ``arrived``, ``failed`` (``unclear`` ones among them) and were
    ``unsent``; ``undone`` have been taken back since.
    """

    number: int
    command: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    plays: int | None
    writes: int | None
    failed: int | None
    arrived: int | None = None
    unclear: int | None = None
    unsent: int | None = None
    undone: int = 0


class LastUndoDocument(Document):
    """What the last ``undo`` took back of a run, and left alone.

    ``runs`` are all that it was about, the latest first.
    """

    run: int
    writes: int
    left_alone: int
    at: datetime
    runs: tuple[int, ...] = ()


class HolderDocument(Document):
    """Who holds a profile; all null in the moment before that is noted."""

    host: str | None = None
    pid: int | None = None
    command: str | None = None
    since: datetime | None = None


class CountDocument(Document):
    """So many titles, with so many plays."""

    titles: int
    plays: int


class FileDocument(Document):
    """A file that the last run read, as it is now: there, gone or changed."""

    path: str
    state: Literal["there", "gone", "changed"]


class LastCopyDocument(Document):
    """The last copy of a profile as it was before a run wrote to it.

    One that ``is_part`` holds the films and seasons that the run touched.
    """

    path: str
    at: datetime
    entries: int
    is_part: bool = False
    is_there: bool = True


class ProfileStateDocument(Document):
    """What is known of one Discovr profile; null is what nobody noted yet.

    ``names`` are those by which the settings called it. ``pending`` and ``unclear``
    count writes that the next run looks up. Both sides were last read whole at
    ``reconciled_at``; of ``removed`` titles Discovr holds what the ``source`` of the
    last run no longer has. ``left_out`` was left out on request. ``files`` are those
    that it read; none: it read the API.
    ``last_copy`` is of the profile as it was before a run wrote to it.
    ``move`` counts all plays that are known by what became of them.
    """

    id: str
    names: tuple[str, ...] = ()
    is_chosen: bool = False
    holder: HolderDocument | None = None
    last_run: RunDocument | None = None
    last_undo: LastUndoDocument | None = None
    last_checked_at: datetime | None = None
    next_run_at: datetime | None = None
    every_s: float | None = None
    watermark_at: datetime | None = None
    reconciled_at: datetime | None = None
    pending: int = 0
    unclear: int = 0
    unmatched: CountDocument | None = None
    unsupported: CountDocument | None = None
    unreadable: int | None = None
    left_out: CountDocument | None = None
    removed: int | None = None
    source: str = TRAKT.name
    files: tuple[FileDocument, ...] = ()
    last_copy: LastCopyDocument | None = None
    move: MoveDocument | None = None


class LoginStateDocument(Document):
    """A login, never its tokens; no age is known of one that stands in the config.

    ``ends_at`` is when it ends or, where it ``renews_itself``, when it is renewed.
    ``missing`` are the settings without which nobody can sign in.
    """

    service: Literal["trakt", "discovr"]
    place: Literal["token store", "config"] | None = None
    obtained_at: datetime | None = None
    ends_at: datetime | None = None
    renews_itself: bool = False
    missing: tuple[str, ...] = ()
    problem: str | None = None
    remedy: str | None = None


class TroubleDocument(Document):
    """What the job last met that a person has to mend, and since when."""

    message: str
    remedy: str | None
    since: datetime


class StatusDocument(Document):
    """What this machine knows without asking anybody, as of ``at``.

    ``wanted`` is the profile that the settings or the login name, ``profile`` its id;
    the latter is null until a run has written for it. ``files`` wait for the next run,
    as ``setup`` was given them before anybody signed in. ``has_api`` says whether
    Trakt's API can be asked at all. ``trouble`` stands since the last run of the job.
    ``rehearses`` says whose account a rehearsal is about; null: it is none.
    """

    format: Literal["trakt2discovr/status"] = "trakt2discovr/status"
    version: Literal[1] = 1
    at: datetime
    wanted: str | None
    profile: str | None
    profiles: tuple[ProfileStateDocument, ...]
    logins: tuple[LoginStateDocument, ...]
    database: DatabaseDocument
    files: tuple[FileDocument, ...] = ()
    has_api: bool = True
    trouble: TroubleDocument | None = None
    warnings: tuple[str, ...] = ()
    rehearses: Rehearsed | None = None
