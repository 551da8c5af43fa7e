"""Which program this is."""

from __future__ import annotations

APP = "trakt2discovr"


def program_version() -> str:
    """Return the version that is installed; empty where none is."""
    from importlib import metadata  # noqa: PLC0415  # few runs need it

    try:
        return metadata.version(APP)
    except metadata.PackageNotFoundError:
        return ""
