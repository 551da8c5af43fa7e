"""The files that a run read, as they were then."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file or folder by its whole path; ``digest`` tells one content from another.

    ``changed_ns`` is when it was last written to, in nanoseconds since 1970.
    """

    path: str
    size: int
    changed_ns: int
    digest: str
