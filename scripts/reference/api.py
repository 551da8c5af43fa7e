"""The page about the library: every name of its face, by its docstring."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

import trakt2discovr
from scripts.reference.markdown import assemble, code, paragraphs, prose, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_INTRO = """\
All of this is in the package `trakt2discovr`, and the same names are in `sync`. What a
name needs is imported with the first look at it. [Use it as a
library](../how-to/library.md) shows it at work; this page has every name."""
_INSIDE = """\
What stands in the fields of the above, with the module that has it. A field that only a
run itself needs is not listed."""
_ALIASES = """\
Written with each type is what it stands for."""
_EVENTS = """\
[Events](events.md) has them with their fields: `{names}`. An `Event` is one of them."""
_ERRORS = """\
[Exit codes and errors](exit-codes.md#errors-by-name) says what each means, and what to
do: `{names}`. All of them are a `ServiceError`, with a `message`, a `remedy` and the
`exit_code` with which a command would end.

Their words are those that a command prints. A command that they name is the call of
that name, and an option is a keyword:"""
_KEYWORDS = {
    "--accept-incomplete": "accept_incomplete=True",
    "--all": "all_runs=True",
    "--force": "is_forced=True",
    "--prune": "prune=True",
    "--no-prune": "prune=False",
    "--from-file FILE": "files=[Path(...)]",
    "--out FILE": "out=Path(...)",
    "--other-profile": "accepts_other=True",
    "--profile NAME": "settings.discovr.profile",
}

_SECTIONS = {
    "Calls": "migrate sync plan apply verify undo restore unmatched read_report "
    "render_html examine load_settings rehearsal",
    "What they take": (
        "Settings Options ClientOptions Stop Ledger TokenStore StoredToken Pacer Clock"
    ),
    "What they give back": (
        "Report ReportData Undone UndoOutline Restoration KeptCopy Verification "
        "Balance Plan Operation Settled UnmatchedDocument Diagnosis Finding"
    ),
    "Titles, plays and entries": "Title Ids Play Key Entry ResumePoint Resume",
    "Words": "Kind Fate Action Outcome Stage Verdict Cause",
    "A source of your own": (
        "Source NamedSource Extraction Receipt Quarantined IncrementalSource "
        "PlaybackSource CheckedSource SourceCheck"
    ),
    "A target of your own": (
        "Target RestoringTarget NamedTarget RecallingTarget PlaybackTarget"
    ),
}
#: What only stands in fields of these, or is taken by its name.
_PARTS = {
    "Options": "sync.wiring.options",
    "ClientOptions": "sync.wiring.options",
    "Prepared": "sync.pipeline.prepared",
    "Reading": "sync.pipeline.prepared",
    "Desired": "sync.domain.desired",
    "Watched": "sync.domain.watched",
    "Viewing": "sync.domain.watched",
    "LeftOut": "sync.domain.desired",
    "Origin": "sync.domain.origin",
    "SeasonNote": "sync.domain.plan",
    "Cover": "sync.domain.plan",
    "Restored": "sync.domain.plan",
    "Place": "sync.domain.plays",
    "PlaybackResult": "sync.pipeline.playback",
    "PlaybackPlan": "sync.pipeline.playback",
    "LeftPoint": "sync.domain.resume",
    "Estimate": "sync.pipeline.summary",
    "Cost": "sync.runtime.meter",
    "Move": "sync.pipeline.result",
    "ReportDocument": "sync.documents.report",
    "TitleHistory": "sync.domain.histories",
    "Run": "sync.ledger.records",
    "Copy": "sync.pipeline.copy_file",
    "Comparison": "sync.domain.restoring",
    "Changed": "sync.domain.restoring",
    "Impossible": "sync.domain.restoring",
}
#: Names of types that are no classes.
_NAMED_TYPES = {"Stamps": "sync.domain.watermark", "Gaps": "sync.domain.watermark"}
#: The members that are for callers, where a class has others.
_MEMBERS = {"Settings": (), "Ledger": ("open", "close")}
_STRANGERS = frozenset(
    {
        *("Any", "AwareDatetime", "Awaitable", "Callable", "ClientSession"),
        *("Collection", "Counter", "False", "Mapping", "None", "Path", "Self"),
        *("Sequence", "True"),
    }
)
_DOCUMENT = """\
One of the [JSON documents](json.md#{anchor}): its fields are those of that."""
_SETTINGS = "[Settings](config.md) has every key."


def page() -> str:
    """Return the page."""
    parts = []
    for title, names in _SECTIONS.items():
        parts.append(f"## {title}")
        parts += [_entry(name, _found(name)) for name in names.split()]
    told = {name for names in _SECTIONS.values() for name in names.split()}
    inside = [name for name in _PARTS if name not in told]
    parts += ["## Inside of them", _INSIDE]
    parts += [_entry(name, _found(name)) for name in inside]
    parts += ["## Names for types", _ALIASES, _aliases()]
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
        table(
            ("option", "in a call"), ((code(o), code(k)) for o, k in _KEYWORDS.items())
        ),
        _rest({*shown, *listed, *errors, "Event"}),
    )


def _rest(told: set[str]) -> str:
    """Name what no section holds, so that a new name is never left out."""
    rest = sorted(set(trakt2discovr.__all__) - told)
    rows = [(code(name), f"`{getattr(trakt2discovr, name)!r}`") for name in rest]
    return f"## Constants\n\n{table(('name', 'value'), rows)}" if rows else ""


def _names(is_wanted: Any) -> list[str]:
    return [n for n in trakt2discovr.__all__ if is_wanted(getattr(trakt2discovr, n))]


def _found(name: str) -> Any:
    if name in _PARTS:
        return getattr(import_module(_PARTS[name]), name)
    return getattr(trakt2discovr, name)


def _aliases() -> str:
    found = {n: getattr(import_module(m), n) for n, m in _NAMED_TYPES.items()}
    return table(("name", "type"), ((code(n), code(t)) for n, t in found.items()))


def known_types() -> frozenset[str]:
    """Return the names of all types that the page explains, or needs not to."""
    shown = {n for names in _SECTIONS.values() for n in names.split()}
    named = {*shown, *_PARTS, *_NAMED_TYPES, *_STRANGERS, *trakt2discovr.__all__}
    return frozenset(named)


def _is_told(words: str) -> bool:
    return known_types().issuperset(re.findall(r"\b[A-Z]\w*[a-z]\w*", words))


def _entry(name: str, thing: Any) -> str:
    place = [f"In `{_PARTS[name]}`."] if name in _PARTS else []
    return "\n\n".join([f"### {name}", *place, *filter(None, _parts(name, thing))])


def _parts(name: str, thing: Any) -> Iterator[str]:
    if inspect.isfunction(thing):
        yield f"```text\n{_call(name, thing)}\n```"
        yield paragraphs(thing)
        return
    yield paragraphs(thing)
    if name == "Settings":
        yield _SETTINGS
        return
    if name.endswith("Document"):
        form = thing.model_fields["format"].default
        yield _DOCUMENT.format(anchor=form.replace("/", ""))
        return
    if issubclass(thing, enum.Enum):
        yield "Values: " + ", ".join(code(member.value) for member in thing) + "."
    elif fields := list(_fields(thing)):
        yield table(("field", "type"), fields)
    if members := list(_members(thing)):
        yield table(("member", "what it does"), members)


def _fields(thing: type) -> Iterable[tuple[str, str]]:
    found: Mapping[str, Any]
    if dataclasses.is_dataclass(thing):
        found = {field.name: field.type for field in dataclasses.fields(thing)}
    elif issubclass(thing, BaseModel) or thing.__name__.endswith("Options"):
        found = inspect.get_annotations(thing)
    else:
        found = {n: thing.__annotations__[n] for n in getattr(thing, "_fields", ())}
    for name, annotation in found.items():
        kind = str(getattr(annotation, "__forward_arg__", annotation))
        is_inner = thing.__name__ in _PARTS and not _is_told(kind)
        if not name.startswith("_") and name != "model_config" and not is_inner:
            yield code(name), code(kind)


def _members(thing: type) -> Iterator[tuple[str, str]]:
    if issubclass(thing, enum.Enum | BaseModel):
        return
    cls = thing.__name__
    for name in _MEMBERS.get(cls, vars(thing)):
        member = inspect.getattr_static(thing, name)
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield code(name), prose(inspect.getdoc(member) or "")
            continue
        is_class_method = isinstance(member, classmethod) and cls in _MEMBERS
        if is_class_method:
            call = _call(f"{cls}.{name}", getattr(thing, name))
        elif inspect.isfunction(member):
            call = _call(name, member)
        else:
            continue
        if cls not in _PARTS or _is_told(call):
            yield code(call), prose(inspect.getdoc(member) or "")


def _call(name: str, function: Any) -> str:
    signature = _signature(function)
    own = [p for p in signature.parameters.values() if p.name != "self"]
    shown = str(signature.replace(parameters=own)).replace("'", "")
    prefix = _prefix(function)
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


def _prefix(function: Any) -> str:
    """Say how it is called; one that yields once stands in a ``with``."""
    inner = inspect.unwrap(function)
    if inner is not function and inspect.isasyncgenfunction(inner):
        return "async with "
    if inner is not function and inspect.isgeneratorfunction(inner):
        return "with "
    return "await " if inspect.iscoroutinefunction(function) else ""


def _signature(function: Any) -> inspect.Signature:
    signature = inspect.signature(function)
    if not _prefix(function).endswith("with "):
        return signature
    yielded = re.sub(r"^\w+\[(.*)\]$", r"\1", signature.return_annotation)
    return signature.replace(return_annotation=yielded)
