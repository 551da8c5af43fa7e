"""The address of a database, taken apart: ``[state] url``, and that of a fleet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote

from connectors.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import URL

_FILE = re.compile(r"sqlite://(?:/(?P<path>[^?]*)(?:\?(?P<options>.*))?)?")
#: What SQLAlchemy takes for scheme and login.
LOGIN = re.compile(r"[\w+]+://(?:[^:/]*(?::[^@]*)?@)?")


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


def check_address(url: str, setting: str) -> FileAddress | URL:
    """Return where the database is. Raises ConfigError, which never repeats it.

    It may hold a password.
    """
    try:
        address = read_address(url)
    except ValueError:  # which may quote the rest of a password
        raise bad_address(setting, "cannot be read as an address") from None
    options = _options(url)
    typed = dict(parse_qsl(options or "", keep_blank_values=True))
    # Else it is dropped in silence, and the rest of a path with it.
    if options is not None and not (typed and typed.keys() == address.query.keys()):
        raise ConfigError(
            f"The setting {setting} has a ? with no option=value after it.",
            remedy="Name a path without a ?, write one of a password as %3F, and give "
            "each option a value.",
        )
    return address


def _options(url: str) -> str | None:
    """Return what stands behind the first ? after the login, or else in the login."""
    login = LOGIN.match(url)
    for text in (url[login.end() :], url) if login else ():
        _, mark, options = text.partition("?")
        if mark:
            return options
    return None


def bad_address(setting: str, what: str) -> ConfigError:
    """Say that it is no address of a database that can be used there."""
    file = "sqlite:///PATH or " if setting == "[state] url" else ""
    return ConfigError(
        f"The setting {setting} {what}.",
        remedy=f"Write it as {file}postgresql://USER@HOST/DATABASE.",
    )
