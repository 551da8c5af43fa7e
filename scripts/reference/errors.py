"""The page about exit codes and errors: the table of the README, and the error tree."""

from __future__ import annotations

import importlib
import pkgutil
import re
from typing import TYPE_CHECKING

import connectors
import sync
from connectors.errors import ServiceError
from scripts.reference.markdown import assemble, code, prose, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_INTRO = """\
Scripts may depend on these codes: new ones may come, the meaning of one never
changes."""
_ERRORS = """\
Every error is a sentence on what happened and one on what to do next. With `--json`
both are in a document of the format [`trakt2discovr/error`](json.md), whose `error`
is one of the names below. In Python each can be imported from `trakt2discovr`; all of
them are a `ServiceError`, with the two sentences in `message` and `remedy`, and the
code of the table above in `exit_code`, for a program that wants to end as the command
would. The remedy below is the usual one; where the program knows better, it says so."""
_STOPPED = "130, 143"
#: They run when they are imported.
_ALONE = ("__main__", "migrations.env")


def page(readme: Path) -> str:
    """Return the page; what the codes mean is said once, in the README."""
    _import_all()
    text = readme.read_text(encoding="utf-8")
    (meanings,) = re.findall(r"^\| exit \| means \|\n(?:\|.*\n)+", text, re.MULTILINE)
    rows = (
        (
            code(kind.__name__),
            code(kind.__mro__[1].__name__),
            _code(kind),
            _first(kind),
            kind.default_remedy,
        )
        for kind in sorted(set(_tree(ServiceError)), key=lambda kind: kind.__name__)
    )
    header = ("error", "is a", "exit", "what it means", "what to do")
    return assemble(
        "Exit codes and errors",
        _INTRO,
        meanings.strip(),
        "## Errors by name",
        _ERRORS,
        table(header, rows),
    )


def _import_all() -> None:
    """Import every module: an error is in the tree once its own is there."""
    for package in (connectors, sync):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(_ALONE):
                importlib.import_module(module.name)


def _tree(kind: type[ServiceError]) -> Iterator[type[ServiceError]]:
    for child in kind.__subclasses__():
        if child.__module__.partition(".")[0] in {"sync", "connectors"}:
            yield child
        yield from _tree(child)


def _first(kind: type[ServiceError]) -> str:
    return prose((kind.__doc__ or "").partition("\n")[0])


def _code(kind: type[ServiceError]) -> str:
    if kind.__name__ == "StoppedError":
        return _STOPPED
    return str(kind.exit_code)
