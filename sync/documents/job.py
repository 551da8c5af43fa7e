"""The job as a JSON document: what /healthz answers, and what the ledger keeps."""

from __future__ import annotations

from datetime import datetime  # pydantic evaluates it
from typing import Literal

from sync.documents.base import Document


class TurnDocument(Document):
    """A turn that has ended. ``run`` is its number in the ledger, if it wrote."""

    ending: str
    started_at: datetime
    finished_at: datetime
    message: str
    remedy: str | None
    run: int | None
    plays: int
    written: int


class JobDocument(Document):
    """The job that stays: whether it is well, its last turn and its next one.

    ``problem`` says why it is not well. A ``next_run_at`` that has long passed, without
    ``stopped_at``, means that the process was killed or its machine sleeps.
    """

    format: Literal["trakt2discovr/job"] = "trakt2discovr/job"
    version: Literal[1] = 1
    is_healthy: bool
    problem: str | None
    remedy: str | None
    warnings: tuple[str, ...]
    every_s: float
    is_running: bool
    turns: int
    last_turn: TurnDocument | None
    last_success_at: datetime | None
    next_run_at: datetime | None
    started_at: datetime
    stopped_at: datetime | None
    process: int
    host: str
