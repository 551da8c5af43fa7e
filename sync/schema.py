"""The JSON Schema of every document that ``--json`` prints; docs/schema.json."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from sync.daemon.documents import JobDocument
from sync.doctor.documents import DoctorDocument
from sync.documents import (
    ErrorDocument,
    ProfilesDocument,
    ReportDocument,
    UndoDocument,
    UnmatchedDocument,
)
from sync.extras_documents import PageFileDocument, PagesDocument, PublishedDocument
from sync.login_documents import LoginDocument, LogoutDocument
from sync.status_documents import StatusDocument


def schema() -> dict[str, Any]:
    """Return one schema of which every document is a case."""
    documents = (
        ReportDocument
        | UndoDocument
        | ProfilesDocument
        | UnmatchedDocument
        | LoginDocument
        | LogoutDocument
        | PagesDocument
        | PublishedDocument
        | PageFileDocument
        | StatusDocument
        | DoctorDocument
        | JobDocument
        | ErrorDocument
    )
    return TypeAdapter[Any](documents).json_schema(mode="serialization")
