"""Resume points, as the download lists them beside the history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from connectors.trakt.export.values import (
    UnusableError,
    check_instant,
    clean,
    to_instant,
)
from connectors.trakt.models import PlaybackItem

if TYPE_CHECKING:
    from datetime import datetime


def read_resume_point(raw: object, latest: datetime) -> PlaybackItem:
    """Read one resume point; raises UnusableError."""
    item = clean(raw)
    if not isinstance(item, dict):
        raise UnusableError("is no object")
    paused_at = to_instant(item.get("paused_at"))
    check_instant(paused_at, latest)
    try:
        point = PlaybackItem.model_validate({**item, "paused_at": paused_at})
    except ValidationError:
        raise UnusableError("does not fit the form of a resume point") from None
    if not 0 <= point.progress <= 100:
        raise UnusableError("has a progress out of range")
    return point
