"""The page about the library: every name of its face, by its docstring."""

from __future__ import annotations

import dataclasses
import enum
import inspect
from typing import TYPE_CHECKING, Any

import trakt2discovr
from scripts.reference.markdown import assemble, code, paragraphs, prose, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_INTRO = """\
All of this is in the package `trakt2discovr`, and the same names are in `sync`. What a
name needs is imported with the first look at it. [Use it as a
library](../how-to/library.md) shows it at work; this page has every name."""
_EVENTS = """\
[Events](events.md) has them with their fields: `{names}`. An `Event` is one of them."""
_ERRORS = """\
[Exit codes and errors](exit-codes.md#errors-by-name) says what each means, and what to
do: `{names}`. All of them are a `ServiceError`."""

_SECTIONS = {
    "Calls": "migrate sync plan apply verify undo restore unmatched read_report "
    "render_html examine load_settings rehearsal",
    "What they take": "Settings Stop",
    "What they give back": (
        "Report ReportData Undone UndoOutline Restoration KeptCopy Verification "
        "Balance Plan Operation Diagnosis Finding"
    ),
    "Titles, plays and entries": "Title Ids Play Key Entry",
    "Words": "Kind Fate Action Stage",
    "A source of your own": (
        "Source NamedSource Extraction Receipt Quarantined IncrementalSource "
        "PlaybackSource CheckedSource SourceCheck"
    ),
    "A target of your own": (
        "Target RestoringTarget NamedTarget RecallingTarget PlaybackTarget"
    ),
}


def page() -> str:
    """Return the page."""
    parts = []
    for title, names in _SECTIONS.items():
        parts.append(f"## {title}")
        parts += [_entry(name) for name in names.split()]
    events = _names(lambda thing: getattr(thing, "__module__", "") == "sync.events")
    errors = _names(
        lambda thing: isinstance(thing, type) and issubclass(thing, Exception)
    )
    shown = [name for names in _SECTIONS.values() for name in names.split()]
    listed = [name for name in events if name not in shown]
    return assemble(
        "The library",
        _INTRO,
        *parts,
        "## Events",
        _EVENTS.format(names="`, `".join(listed)),
        "## Errors",
        _ERRORS.format(names="`, `".join(errors)),
        _rest({*shown, *listed, *errors, "Event"}),
    )


def _rest(told: set[str]) -> str:
    """Name what no section holds, so that a new name is never left out."""
    rest = sorted(set(trakt2discovr.__all__) - told)
    rows = [(code(name), f"`{getattr(trakt2discovr, name)!r}`") for name in rest]
    return f"## Constants\n\n{table(('name', 'value'), rows)}" if rows else ""


def _names(is_wanted: Any) -> list[str]:
    return [n for n in trakt2discovr.__all__ if is_wanted(getattr(trakt2discovr, n))]


def _entry(name: str) -> str:
    thing = getattr(trakt2discovr, name)
    return "\n\n".join([f"### {name}", *filter(None, _parts(name, thing))])


def _parts(name: str, thing: Any) -> Iterator[str]:
    if inspect.isfunction(thing):
        yield f"```text\n{_call(name, thing)}\n```"
        yield paragraphs(thing)
        return
    yield paragraphs(thing)
    if issubclass(thing, enum.Enum):
        yield "Values: " + ", ".join(code(member.value) for member in thing) + "."
    elif fields := list(_fields(thing)):
        yield table(("field", "type"), fields)
    if members := list(_members(thing)):
        yield table(("member", "what it does"), members)


def _fields(thing: type) -> Iterable[tuple[str, str]]:
    if dataclasses.is_dataclass(thing):
        found = {field.name: field.type for field in dataclasses.fields(thing)}
    else:
        found = {n: thing.__annotations__[n] for n in getattr(thing, "_fields", ())}
    for name, kind in found.items():
        if not name.startswith("_"):
            yield code(name), code(getattr(kind, "__forward_arg__", kind))


def _members(thing: type) -> Iterator[tuple[str, str]]:
    if issubclass(thing, enum.Enum) or thing.__name__ == "Settings":
        return
    for name, member in vars(thing).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield code(name), prose(inspect.getdoc(member) or "")
        elif inspect.isfunction(member):
            yield code(_call(name, member)), prose(member)


def _call(name: str, function: Any) -> str:
    signature = inspect.signature(function)
    own = [p for p in signature.parameters.values() if p.name != "self"]
    shown = str(signature.replace(parameters=own)).replace("'", "")
    prefix = "await " if inspect.iscoroutinefunction(function) else ""
    line = f"{prefix}{name}{shown}"
    if len(line) <= 88 or "\n" in shown:
        return line
    words = [str(p).replace("'", "") for p in own]
    first = [p.kind is p.KEYWORD_ONLY for p in own]
    if True in first:
        words.insert(first.index(True), "*")
    inner = ",\n    ".join(words)
    result = str(signature.return_annotation).replace("'", "")
    return f"{prefix}{name}(\n    {inner},\n) -> {result}"
