"""The file in which a person gives ids: read with every complaint, written with care.

What was filled in is never lost: a file that is not understood is not written to.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from connectors.errors import InputError
from connectors.files import replace_file
from sync.domain.addresses import search_for
from sync.domain.origin import TRAKT
from sync.domain.overrides import (
    SKIP,
    Override,
    TitleIndex,
    find_conflict,
    read_id,
)
from sync.domain.plays import Ids, Kind, Title
from sync.transform.overrides_formats import FormError, Table, Toml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from sync.documents.left_out import LeftOutDocument, UnmatchedDocument
    from sync.transform.overrides_formats import Fields, Form

YOURS = "goes by your id"
SKIPPED = "left out, as you marked it"
SETTLED = "needs no id any more"

#: So many complaints are named; more only make a message long.
_NAMED = 5
_MOST_LETTERS = 60
#: Others may read it: who runs the program need not be who fills it in.
_MODE = 0o644
_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


class _Ids(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    trakt: int | None = None
    slug: str | None = None
    imdb: str | None = None
    tmdb: int | None = None
    tvdb: int | None = None


class _Entry(BaseModel):
    """A title with its ids, and what was filled in for it."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    kind: Kind
    title: str
    year: int | None = None
    ids: _Ids = _Ids()
    tmdb: str = ""

    @field_validator("year", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return None if value == "" else value

    @field_validator("tmdb", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> str:
        return str(value).strip()

    def about(self) -> Title:
        """Return the title as the domain knows it."""
        return Title(self.kind, self.title, self.year, Ids(**self.ids.model_dump()))


@dataclass(slots=True)
class _Content:
    """What stands in a file; nothing where there is none."""

    text: str | None = None
    entries: list[_Entry] = field(default_factory=list)
    given: list[Override] = field(default_factory=list)


def read_overrides(path: Path) -> list[Override]:
    """Return the ids that were filled in. Raises InputError with every complaint."""
    return _read(path).given


def write_unmatched(
    path: Path,
    document: UnmatchedDocument,
    given: Sequence[Override] = (),
    *,
    names: Iterable[Override] = (),
    new: Override | None = None,
) -> None:
    """Write the list for a person to fill in; what was filled in before stays.

    Of ``given``, ids from elsewhere, those that the file lacks are added; ``names``
    tell what TMDB calls them. A ``new`` one is written over what was there.
    Raises InputError for a file that this program did not write, or in which something
    is wrong, and leaves it as it is.
    """
    content = _read(path) if path.exists() else _Content()
    given = [*(one for one in given if not new or one.title != new.title)]
    given += [new] if new else []
    listed = TitleIndex((_title(left), left) for left in document.unmatched)
    elsewhere = TitleIndex((one.title, one) for one in given)
    known = TitleIndex((one.title, one) for one in names)
    there = TitleIndex((entry.about(), entry) for entry in content.entries)
    changes = [
        _change(
            e, listed.find(e.about()), elsewhere.find(e.about()), known.find(e.about())
        )
        for e in content.entries
    ]
    written = _over(content.entries, changes, new)
    added = [
        _open_entry(left, elsewhere.find(_title(left)))
        for left in document.unmatched
        if there.find(_title(left)) is None
    ]
    added += [
        _override_entry(one)
        for one in given
        if there.find(one.title) is None and listed.find(one.title) is None
    ]
    information = [_about(_title(left), _why(left)) for left in document.unsupported]
    form = _form(path, document.source.name)
    _put(path, content, lambda old: form.write(old, written, added, information))


def _put(path: Path, content: _Content, write: Callable[[str | None], str]) -> None:
    """Write the file anew, with the rights and the mark that it had."""
    mark = _BOM if (content.text or "").startswith(_BOM) else ""
    old = None if content.text is None else content.text.removeprefix(_BOM)
    try:
        text = write(old)
        mode = _MODE if old is None else path.stat().st_mode & 0o777
        replace_file(path, mark + text, mode=mode)
    except FormError as error:
        raise _refusal(path, f"{error}.") from None
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be written ({error.strerror}).",
            remedy="Name a file in a folder that exists and may be written to.",
        ) from None


def _form(path: Path, source: str = TRAKT.name) -> Form:
    return Table() if path.suffix.lower() == ".csv" else Toml(source)


def _read(path: Path) -> _Content:
    try:
        text = path.read_bytes().decode()
        found = _form(path).read(text.removeprefix(_BOM))
    except OSError as error:
        raise _refusal(path, f"cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise _refusal(path, "is not UTF-8 text.") from None
    except FormError as error:
        raise _refusal(path, f"{error}.") from None
    content, complaints = _Content(text), []
    for where, fields in found:
        try:
            entry = _Entry.model_validate(fields)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            complaints.append(f"{where} does not fit at {place}: {first['msg']}")
            continue
        content.entries.append(entry)
        if entry.tmdb:
            given = Override(entry.about(), "", where)
            try:
                said = read_id(entry.tmdb, entry.kind)
                content.given.append(replace(given, said=said))
            except ValueError as error:
                complaints.append(f"{name_place(given)} {error}")
    if conflict := find_conflict(content.given):
        one, other = map(name_place, conflict)
        complaints.append(f"{one} and {other} are one title with two ids")
    if complaints:
        raise complain(path, complaints)
    return content


def complain(path: Path, complaints: Sequence[str]) -> InputError:
    """Say in one message what is wrong with the entries of the file."""
    more = len(complaints) - _NAMED
    text = "; ".join(complaints[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
    return _refusal(path, f"has ids that cannot be used: {text}.")


def name_place(one: Override) -> str:
    """Name an entry of the file, fit for a terminal."""
    label = "".join(c if c.isprintable() else "?" for c in one.title.label)
    return f"{one.where} ({label[:_MOST_LETTERS]})"


def _refusal(path: Path, problem: str) -> InputError:
    return InputError(
        f"{path.name} {problem}",
        remedy=f"Correct {path}, or name another file with unmatched --out; nothing in "
        "it is changed, and nothing was written.",
    )


def _change(
    entry: _Entry,
    left: LeftOutDocument | None,
    elsewhere: Override | None,
    known: Override | None,
) -> Fields:
    """Return what is new about an entry; what the person wrote is never part of it."""
    change: dict[str, Any] = {}
    if not entry.tmdb and elsewhere:
        change["tmdb"], known = elsewhere.said, elsewhere
    is_given = bool(entry.tmdb or elsewhere)
    said = elsewhere.said if elsewhere and not entry.tmdb else entry.tmdb.casefold()
    yours = SKIPPED if said == SKIP else YOURS
    change |= _why(left) if left else {"reason": yours if is_given else SETTLED}
    if is_given and known and known.name:
        change["on_tmdb"] = known.name
    return change


def _over(
    entries: Sequence[_Entry], changes: Sequence[Fields], new: Override | None
) -> Sequence[Fields]:
    """Write what is given now over what was there."""
    if new is None:
        return changes
    fresh = TitleIndex([(new.title, {"tmdb": new.said, "on_tmdb": ""})])
    pairs = zip(entries, changes, strict=True)
    return [{**change, **(fresh.find(e.about()) or {})} for e, change in pairs]


def _open_entry(left: LeftOutDocument, given: Override | None) -> Fields:
    return _entry(_title(left), given, _why(left))


def _override_entry(given: Override) -> Fields:
    return _entry(given.title, given, {"reason": SKIPPED if given.is_skip else YOURS})


def _entry(title: Title, given: Override | None, why: dict[str, Any]) -> Fields:
    return {
        "search": search_for(title.kind, title.name),
        **_about(title, why),
        "tmdb": given.said if given else "",
        "on_tmdb": (given.name or None) if given else None,
    }


def _about(title: Title, why: dict[str, Any]) -> dict[str, Any]:
    known = {"kind": title.kind.value, "title": title.name, "year": title.year}
    return {**known, **why, "ids": title.ids.known()}


def _why(left: LeftOutDocument) -> dict[str, Any]:
    return {"plays": left.plays, "reason": left.reason}


def _title(left: LeftOutDocument) -> Title:
    title = left.title
    ids = Ids(**_Ids.model_validate(title.ids).model_dump())
    return Title(Kind(title.kind), title.title, title.year, ids)
