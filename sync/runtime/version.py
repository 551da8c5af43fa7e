"""Which program this is."""

from __future__ import annotations


def program_version() -> str:
    """Return the version that is installed; empty where none is."""
    from importlib import metadata  # noqa: PLC0415  # few runs need it

    try:
        return metadata.version("trakt2discovr")
    except metadata.PackageNotFoundError:
        return ""
