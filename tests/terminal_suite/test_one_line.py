"""What somebody else wrote stays on the line that shows it, whoever shows it."""

from __future__ import annotations

import ast
import io
import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel
from rich.console import Console

from connectors.auth.device import DeviceCode
from connectors.discovr.models import Profile
from connectors.errors import ServiceError
from sync.cli import session
from sync.cli.commands import doctor, login, notify, setup
from sync.cli.commands.status import StatusView
from sync.cli.runner import Output
from sync.cli.view import fleet, lists
from sync.cli.view.left_out import show_titles
from sync.cli.view.lines import say, show_next
from sync.cli.view.texts import clean, title
from sync.config import Settings
from sync.documents.base import ProfilesDocument, to_json
from sync.documents.doctor import DoctorDocument
from sync.documents.fleet import (
    FleetDocument,
    FleetInvitationsDocument,
    FleetLimitsDocument,
    FleetListDocument,
    FleetStatusDocument,
)
from sync.documents.left_out import UnmatchedDocument
from sync.documents.login import LoginDocument, LogoutDocument
from sync.documents.notify import NotifyDocument
from sync.documents.report import UndoDocument
from sync.documents.setup import SetupDocument
from sync.documents.status import StatusDocument
from sync.domain.desired import NO_ID, LeftOut
from sync.domain.plays import Ids, Kind, Title
from sync.runtime.logs import JsonLines, PlainLines
from tests.terminal_suite.reports import context, draw
from tests.terminal_suite.screens import CONTROL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

CLI = Path(session.__file__).parent
AT = datetime(2026, 3, 1, tzinfo=UTC)
#: What ends a line somewhere, moves the cursor, or turns the direction.
ODD = "a\nb\r\nc\x0bd\x0ce\x1cf\x85g\u2028h\u2029i\x1b[2Jj\x7fk\x9bl\u202em\0n"
_odd = st.text(st.characters(categories=["Cc", "Cf", "Zl", "Zp", "Zs", "Lu"]))


def lines(text: str) -> list[str]:
    """Cut as a terminal would, at whatever may end a line."""
    assert text.endswith("\n")
    assert not CONTROL.search(text)
    return text.removesuffix("\n").splitlines()


def drawn(show: Callable[..., None], *shown: object, **options: bool) -> list[str]:
    """Return the lines on a terminal that breaks none."""
    return lines(draw(lambda console: show(console, *shown, **options), 10_000))


@given(_odd)
def test_a_line_stays_one(text: str) -> None:
    assert len(drawn(say, text)) <= 1
    assert len(drawn(show_next, text)) == 1
    assert len(clean(text)) == len(text)
    assert "\n" not in clean(text) + title(text)


@given(_odd)
@example("a\x7f\x9b\n")
def test_a_line_of_the_log_stays_one(text: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s", (text,), None)
    record.facts = {text: text}
    written = JsonLines().format(record)
    assert written.isascii()
    assert written.isprintable()
    assert json.loads(written)["message"] == text
    assert PlainLines().format(record).isprintable()


@given(_odd)
def test_a_document_holds_no_control_character(text: str) -> None:
    profile = {"id": text.encode(errors="replace").decode(), "name": "x"}
    document = ProfilesDocument.model_validate({"profiles": [profile]})
    written = to_json(document)
    assert not CONTROL.search(written)
    assert ProfilesDocument.model_validate_json(written) == document


def fill(kind: Any, text: str) -> Any:
    """Make a value of that type, in which every text is this one."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {n: fill(f.annotation, text) for n, f in kind.model_fields.items()}
        return kind.model_validate(fields)
    parts = get_args(kind)
    if get_origin(kind) is tuple:
        return (fill(parts[0], text),) * 2
    if get_origin(kind) is dict:
        return {fill(parts[0], text): fill(parts[1], text)}
    if get_origin(kind) is Literal:
        return parts[0]
    if parts:  # one of several types
        return fill(str if str in parts else parts[0], text)
    plain = {str: text, bool: True, int: 2, float: 2.0, datetime: AT}
    return plain.get(kind, text)


def everything(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the lines of each view, where all that comes from elsewhere says that."""
    here = context()
    views: dict[Any, Any] = {
        ProfilesDocument: lists.show_profiles,
        UnmatchedDocument: lists.show_left_out,
        UndoDocument: lambda c, d: lists.show_undone(c, d, here, text),
        LoginDocument: login._show_login,
        LogoutDocument: login._show_logout,
        NotifyDocument: notify._show,
        DoctorDocument: doctor._show,
        FleetDocument: fleet.show_done,
        FleetListDocument: lambda c, d: fleet.show_profiles(c, d, None, here.complete),
        FleetStatusDocument: lambda c, d: fleet.show_status(c, d, here.complete),
        FleetLimitsDocument: fleet.show_limits,
        FleetInvitationsDocument: fleet.show_invitations,
        SetupDocument: setup._show,
    }
    for document, show in views.items():
        yield document.__name__, drawn(show, fill(document, text))


def test_every_view_has_as_many_lines_whatever_stands_in_it() -> None:
    odd, plain = dict(everything(ODD)), dict(everything("plain"))
    assert {n: len(found) for n, found in odd.items()} == {
        n: len(found) for n, found in plain.items()
    }


def test_the_lines_of_the_status_are_as_many(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = []
    for text in (ODD, "plain"):
        document = fill(StatusDocument, text)
        output = Output(context())
        output.emit_lines(document, StatusView(context(), document).fitting_lines())
        told.append(lines(capsys.readouterr().out))
    assert len(told[0]) == len(told[1])


def test_the_ids_of_a_title_stay_on_its_line() -> None:
    left = LeftOut(Title(Kind.SHOW, ODD, 1999, Ids(slug=ODD, imdb=ODD)), 2, NO_ID)
    for is_full in (True, False):
        assert len(drawn(show_titles, [left], is_full=is_full)) == 1


async def test_a_sign_in_and_its_question_are_as_many_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def answer() -> str:
        return "1"

    monkeypatch.setattr(login, "can_ask", lambda: True)
    monkeypatch.setattr(session, "read_line", answer)
    told = []
    for text in (ODD, "plain"):
        shown = io.StringIO()
        console = Console(file=shown, width=10_000)
        screen = login.Terminal(console, tmp_path / "code.png")
        screen.invite(DeviceCode("secret", text, 600.0, 5.0, address=text))
        screen.tell(ServiceError(text))
        profiles = [Profile(id=text, name=text), Profile(id="2", name=text)]
        assert await screen.choose(profiles) == profiles[0]
        assert await session.ask(f"{text}?") == "1"
        asked = capsys.readouterr().err
        assert not CONTROL.search(asked)
        told.append(len(lines(shown.getvalue())) + len(asked.splitlines()))
    assert told[0] == told[1]


def test_a_warning_of_the_config_stays_on_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "a\nb\x1b[2J.toml"
    place.touch()
    place.chmod(0o644)
    settings = Settings.model_validate({"tmdb": {"api_key": "made-up"}})
    session.warn_if_exposed(settings, place)
    assert len(lines(capsys.readouterr().err)) == 1


#: Who writes to the terminal without ``say``, and what: nothing of anybody else's that
#: was not cleaned.
RAW = {
    "cli/app.py: _print_completion": "our own script",
    "cli/commands/login.py: _draw": "a picture",
    "cli/commands/page.py: _show_pages": "cleaned by the console",
    "cli/commands/report.py: work": "Markdown, escaped",
    "cli/commands/setup.py: _show_way": "lines to copy, quoted",
    "cli/commands/web.py: _answer": "our own link",
    "cli/commands/web.py: lead": "our own link",
    "cli/group.py: _print_document": "JSON, escaped",
    "cli/pager.py: show_paged": "what a console has shown",
    "cli/runner.py: _print": "JSON, escaped",
    "cli/runner.py: emit_lines": "cleaned",
    "cli/runner.py: fail": "JSON, escaped",
    "cli/session.py: ask": "cleaned",
    "cli/view/lines.py: say": "cleaned",
    "cli/view/lines.py: show_next": "cleaned",
}


def test_nothing_else_writes_to_the_terminal() -> None:
    found = set()
    for path in CLI.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                calls = {ast.unparse(n.func) for n in own_calls(function)}
                if any(call.endswith(WRITING) for call in calls):
                    place = path.relative_to(CLI.parent).as_posix()
                    found.add(f"{place}: {function.name}")
    assert found == set(RAW)


#: How a call ends that writes to the terminal.
WRITING = (
    "echo",
    "console.print",
    "stdout.write",
    "stderr.write",
    "file.write",
    "secho",
)


def own_calls(function: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls in a function, without those of functions within it."""
    for node in ast.iter_child_nodes(function):
        if isinstance(node, ast.Call):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from own_calls(node)
