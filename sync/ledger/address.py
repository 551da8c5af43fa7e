"""``[state] url``, taken apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import URL

_FILE = re.compile(r"sqlite://(?:/(?P<path>[^?]*)(?:\?(?P<options>.*))?)?")


class FileAddress(NamedTuple):
    """Where a database file is, and its options; no path, or none: in memory."""

    database: str | None
    query: Mapping[str, str | tuple[str, ...]]


def read_address(url: str) -> FileAddress | URL:
    """Return where the database is, of a file without SQLAlchemy. Raises ValueError."""
    if file := _FILE.fullmatch(url):
        options: dict[str, tuple[str, ...]] = {}
        for name, value in parse_qsl(file["options"] or ""):
            options[name] = (*options.get(name, ()), value)
        path = file["path"]
        return FileAddress(
            None if path is None else unquote(path),
            {name: v if len(v) > 1 else v[0] for name, v in options.items()},
        )
    # Heavy, and few databases stand on a server.
    from sqlalchemy.engine import make_url  # noqa: PLC0415
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        return make_url(url)
    except ArgumentError as error:
        raise ValueError("not an address") from error
