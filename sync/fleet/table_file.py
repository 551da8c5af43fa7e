"""The CSV that says which profiles there are."""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.errors import InputError
from sync.fleet.profiles import TRAKT, NewProfile
from sync.runtime.values import parse_interval
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EVERY = timedelta(hours=6)
_COLUMNS = ("profile", "source", "every", "note", "login")
#: Whether it lives by the operator's own login; nothing: as before.
_LOGINS = {"": None, "own": False, "shared": True}
_USER = re.compile(r"[\w.-]{1,100}")
_DOWNLOADS = (".zip", ".json", ".csv")
_MOST_COMPLAINTS = 5
_EXAMPLE = (
    "Write a first line with the columns profile,source,every (a Discovr profile, a "
    "Trakt user or a download, an interval such as 6h) and one profile on each line."
)


def read_profiles(path: Path) -> list[NewProfile]:
    """Read the table. Raises InputError that names each line that is wrong."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = [(name or "").strip().lower() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read as CSV: {_reason(error)}.", remedy=_EXAMPLE
        ) from None
    unknown = [name for name in columns if name not in _COLUMNS]
    if "profile" not in columns or unknown:
        found = ", ".join(columns) or "none"
        raise InputError(f"{path} has the columns {found}.", remedy=_EXAMPLE)
    profiles, complaints = [], []
    for line, row in rows:
        try:
            profiles.append(_read(row, path.parent))
        except ValueError as error:
            complaints.append(f"line {line}: {error}")
    names = [profile.profile for profile in profiles]
    complaints += [
        f"the profile {name} stands there more than once"
        for name, times in Counter(names).items()
        if times > 1
    ]
    if complaints or not profiles:
        _refuse(path, complaints)
    return profiles


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or "it cannot be opened"
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    return f"{error}; perhaps a quotation mark is not closed"


def _read(row: Mapping[str, str | None], folder: Path) -> NewProfile:
    values = {n: (row.get(n) or "").strip() for n in _COLUMNS}
    if not values["profile"]:
        raise ValueError("the profile is missing")
    if None in row:
        raise ValueError("there are more values than columns")
    every = parse_interval(values["every"]) if values["every"] else EVERY
    source = _source(values["source"], folder)
    if values["login"] not in _LOGINS:
        raise ValueError(f"the login is own or shared, not {values['login']!r}")
    is_shared = _LOGINS[values["login"]]
    return NewProfile(values["profile"], source, every, values["note"], is_shared)


def _source(text: str, folder: Path) -> str:
    if text in {"", TRAKT}:
        return TRAKT
    head, _, user = text.partition(":")
    if head == TRAKT and _USER.fullmatch(user):
        return text
    file = (folder / text).absolute()
    is_user = _USER.fullmatch(text) and not text.lower().endswith(_DOWNLOADS)
    if is_user and file.exists():
        raise ValueError(
            f"{text} may be a Trakt user or {file}: write {TRAKT}:{text} or ./{text}"
        )
    if is_user:
        return f"{TRAKT}:{text}"
    if file.exists():
        return str(file)
    raise ValueError(f"there is no download {file}")


def _refuse(path: Path, complaints: list[str]) -> None:
    if not complaints:
        raise InputError(f"{path} names no profile.", remedy=_EXAMPLE)
    shown = "; ".join(complaints[:_MOST_COMPLAINTS])
    more = len(complaints) - _MOST_COMPLAINTS
    rest = f"; and {count(more, 'more line')}" if more > 0 else ""
    raise InputError(
        f"{path} is wrong, so nothing was added: {shown}{rest}.",
        remedy="Correct these lines and add the file again: who is known stays.",
    )
