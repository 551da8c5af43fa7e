"""The JSON Schema of every document that ``--json`` prints; docs/schema.json."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from sync.documents.base import ErrorDocument, ProfilesDocument
from sync.documents.copy import CopyDocument, RestoreDocument
from sync.documents.doctor import DoctorDocument
from sync.documents.extras import PageFileDocument, PagesDocument, PublishedDocument
from sync.documents.fleet import (
    FleetDocument,
    FleetInvitationsDocument,
    FleetLimitsDocument,
    FleetListDocument,
    FleetStatusDocument,
)
from sync.documents.job import JobDocument
from sync.documents.left_out import UnmatchedDocument
from sync.documents.login import LoginDocument, LogoutDocument
from sync.documents.notify import NotifyDocument
from sync.documents.report import ReportDocument, UndoDocument
from sync.documents.setup import KeepDocument, SetupDocument
from sync.documents.status import StatusDocument


def schema() -> dict[str, Any]:
    """Return one schema of which every document is a case."""
    documents = (
        ReportDocument
        | UndoDocument
        | RestoreDocument
        | CopyDocument
        | ProfilesDocument
        | UnmatchedDocument
        | LoginDocument
        | LogoutDocument
        | SetupDocument
        | KeepDocument
        | PagesDocument
        | PublishedDocument
        | PageFileDocument
        | StatusDocument
        | DoctorDocument
        | JobDocument
        | NotifyDocument
        | FleetDocument
        | FleetListDocument
        | FleetStatusDocument
        | FleetLimitsDocument
        | FleetInvitationsDocument
        | ErrorDocument
    )
    return TypeAdapter[Any](documents).json_schema(mode="serialization")
