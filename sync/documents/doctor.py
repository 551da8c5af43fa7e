"""The JSON document of ``doctor``. Change it only by adding."""

from __future__ import annotations

from typing import Literal

from sync.documents.base import Document


class FindingDocument(Document):
    """What one check found.

    ``cause`` says where the remedy of a problem lies: config, login or other.
    """

    check: str
    verdict: Literal["ok", "warning", "problem", "not checked"]
    text: str
    remedy: str | None = None
    cause: Literal["config", "login", "other"] | None = None


class DoctorDocument(Document):
    """All findings in their order, and the requests spent on them by service."""

    format: Literal["trakt2discovr/doctor"] = "trakt2discovr/doctor"
    version: Literal[1] = 1
    exit_code: int
    findings: tuple[FindingDocument, ...]
    requests: dict[str, int]
