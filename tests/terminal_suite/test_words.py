"""Errors in words: what happened, what to do, and the exit code of the contract."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

import connectors
import sync
from connectors.errors import ServiceError
from sync.cli.app import app
from sync.cli.context import Context
from sync.cli.runner import Exit, run
from sync.documents.base import ErrorDocument
from sync.errors import BugError
from tests.terminal_suite.screens import home, render, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from syrupy.assertion import SnapshotAssertion

ROOT = Path(__file__).parents[2]
CODES = {
    "BugError": Exit.BUG,
    "ConfigError": Exit.USAGE,
    "InputError": Exit.USAGE,
    "StateError": Exit.USAGE,
    "AuthError": Exit.LOGIN,
    "WrongTokenKindError": Exit.LOGIN,
    "LoginRefusedError": Exit.LOGIN,
    "CodeRefusedError": Exit.LOGIN,
    "CodeExpiredError": Exit.LOGIN,
    "GuardError": Exit.GUARD,
    "IncompleteReadError": Exit.GUARD,
    "EmptyHistoryError": Exit.GUARD,
    "UnsafeRemovalError": Exit.GUARD,
    "HiddenEntriesError": Exit.GUARD,
    "MissingEntriesError": Exit.GUARD,
    "RefusingServiceError": Exit.INCOMPLETE,
    "UnsafePlanError": Exit.GUARD,
    "MovedError": Exit.GUARD,
    "OtherProfileError": Exit.GUARD,
    "RemovedTooMuchError": Exit.GUARD,
    "BusyError": Exit.BUSY,
    "UnbegunError": Exit.USAGE,
    "UnkeptCopyError": Exit.USAGE,
    "UnwritableError": Exit.USAGE,
    "ServiceError": Exit.INCOMPLETE,
    "TransientError": Exit.INCOMPLETE,
    "RateLimitedError": Exit.INCOMPLETE,
    "UnknownOutcomeError": Exit.INCOMPLETE,
    "RejectedError": Exit.INCOMPLETE,
    "NotFoundError": Exit.INCOMPLETE,
    "BlockedError": Exit.INCOMPLETE,
    "ContractError": Exit.INCOMPLETE,
    # As after Ctrl-C; another signal has a code of its own.
    "StoppedError": 130,
}
#: A remedy is a sentence, or ends in a command to copy.
REMEDY = re.compile(r"\.$|\(or set [A-Z0-9_]+\)$|trakt2discovr [a-zA-Z -]+$|\}$|'$")


def kinds(root: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    yield root
    for kind in root.__subclasses__():
        yield from kinds(kind)


def everything() -> dict[str, type[ServiceError]]:
    for package in (connectors, sync):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # Alembic runs the one, and the other runs the program.
            if not module.name.endswith((".env", "__main__")):
                importlib.import_module(module.name)
    found = {kind.__name__: kind for kind in kinds()}
    return {n: k for n, k in found.items() if not k.__module__.startswith("tests")}


def test_every_error_has_the_exit_code_of_the_contract_and_a_remedy() -> None:
    found = everything()
    assert found.keys() == CODES.keys()
    for name, kind in found.items():
        assert kind.exit_code == CODES[name], name
        assert kind.default_remedy.endswith(".") or "trakt2discovr" in (
            kind.default_remedy
        )


def literal(node: ast.expr | None) -> str | None:
    """Return the text of a string in the source; what is filled in becomes ``{}``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (
            part.value if isinstance(part, ast.Constant) else "{}"
            for part in node.values
        )
        return "".join(map(str, parts))
    return None


def raised() -> Iterator[tuple[str, str | None, str | None]]:
    """Find every error that is made somewhere: where, its message, its remedy."""
    names = set(everything())
    for path in sorted((*ROOT.glob("connectors/**/*.py"), *ROOT.glob("sync/**/*.py"))):
        if "sandbox" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id in names:
                given = {word.arg: word.value for word in node.keywords}
                message = literal(node.args[0]) if node.args else None
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                yield where, message, literal(given.get("remedy"))


def test_every_message_is_a_sentence_and_every_remedy_says_what_to_do() -> None:
    found = list(raised())
    assert len(found) > 80
    for where, message, remedy in found:
        if message is not None:
            assert re.match(r"[A-Z{\[-]", message), where
            assert message.endswith((".", "{}")), where
        if remedy is not None:
            assert re.match(r"[A-Z{]", remedy), where
            assert REMEDY.search(remedy), (where, remedy)


def _fail(numbers: dict[str, int]) -> float:
    return 1 / numbers["tok_secret"]


def test_a_bug_is_named_by_its_place_and_never_by_its_message() -> None:
    with pytest.raises(ZeroDivisionError) as bug:
        _fail({"tok_secret": 0})
    error = BugError(bug.value)
    assert "ZeroDivisionError in _fail" in error.message
    assert "tok_secret" not in str(error)
    assert error.exit_code == Exit.BUG


def test_a_command_ends_with_the_code_that_its_error_carries() -> None:
    """A program that calls the library can end just as the command would."""
    context = Context(
        None, is_sandbox=False, as_json=False, is_verbose=False, is_quiet=True
    )
    for name, kind in everything().items():
        error = kind.__new__(kind)
        ServiceError.__init__(error, f"This is {name}.")

        async def work(*_: object, error: ServiceError = error) -> int:
            raise error

        assert run(context, work) == error.exit_code == CODES[name], name


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["migrat"], 2),
        (["migrate", "--dryrun"], 2),
        (["migrate", "--json"], 2),
        (["-v", "-q", "plan"], 2),
        (["login", "trak"], 2),
        (["migrate", "--yes"], 2),
        (["migrate", "--yes", "--from-file", "nowhere.zip"], 2),
        (["-c", "nowhere.toml", "plan"], 2),
        (["profiles"], 3),
        (["unmatched"], 2),
        (["--sandbox", "undo", "--yes"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
async def test_errors_read_well_at_80_columns(
    args: list[str], code: int, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    found, screen = await shown(*args, columns=80, env=home(tmp_path))
    assert found == code
    assert render(screen, 80) == snapshot


def helped(*names: str) -> str:
    args = [*filter(None, names), "--help"]
    result = CliRunner().invoke(app, args, prog_name="trakt2discovr", terminal_width=80)
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.parametrize("name", ["", *app.commands])
def test_the_help_of_every_command_fits_and_has_an_example(name: str) -> None:
    text = helped(name)
    assert "Example: trakt2discovr" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "..." not in re.sub(r"(ARGS|FILE)\]\.\.\.", "", text)


def test_the_help_of_the_program_names_every_exit_code() -> None:
    text = helped()
    for code in Exit:
        assert re.search(rf"^ +{code.value} {{2,}}\S", text, flags=re.MULTILINE)
    assert "130, 143" in text


def test_help_in_the_order_of_need(snapshot: SnapshotAssertion) -> None:
    for name in ("migrate", "undo", "completion"):
        text = helped(name)
        assert text == snapshot(name=name)
    named = re.findall(r"^  (\w+)  ", helped(), flags=re.MULTILINE)
    assert set(named) == set(app.commands)
    assert named[:2] == ["setup", "migrate"]
    assert named[-1] == "completion"


def test_with_json_a_misuse_is_a_document_too() -> None:
    result = CliRunner().invoke(app, ["--json", "migrate", "--dryrun"])
    document = ErrorDocument.model_validate_json(result.stdout)
    assert result.exit_code == document.exit_code == 2
    assert "Did you mean '--dry-run'?" in document.message
    assert "--help" in document.remedy
