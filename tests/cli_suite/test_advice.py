"""Advice that works: each command that is advised exists, and gets the person further.

Every text of the program is looked through for commands and options; the situations
that lead to the main ones are made, and the advice is followed to the letter.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner, Result

from connectors.errors import ConfigError
from sync import api
from sync.checkup.doctor import _possible
from sync.checkup.findings import problem
from sync.cli.app import app
from sync.config import ENV_PREFIX, Settings
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.wiring.logins import SERVICES
from tests.docs_suite.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sync.wiring.logins import Service

ROOT = Path(__file__).parents[2]
#: Sentences that go on after the name of the program, and name no command.
_PROSE = {"from", "needs"}
_WORD = re.compile(r"--?[a-z][a-z-]*|[A-Za-z{}./]+")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
#: Options of other programs.
_FOREIGN = {"--force-reinstall"}


@dataclass(frozen=True)
class Text:
    """A text in the source; what is filled in stands as ``{}``."""

    where: str
    text: str


def texts() -> Iterator[Text]:
    """Find every text but docstrings; hints are calls that name a command."""
    for path in sorted((*ROOT.glob("connectors/**/*.py"), *ROOT.glob("sync/**/*.py"))):
        if {"sandbox", "migrations"} & set(path.parts):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        pieces = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for part in node.values
        }
        for node in ast.walk(tree):
            if id(node) in pieces:
                continue
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call) and _is_hint(node):
                for hint in filter(None, map(_literal, node.args[:1])):
                    yield Text(where, f"trakt2discovr {hint}")
            elif isinstance(node, ast.IfExp) or not isinstance(node, ast.expr):
                continue
            elif (text := _literal(node)) and "trakt2discovr " in text:
                yield Text(where, text)


def _is_hint(node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    return name in {"call", "_call"}


def _literal(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
        return "".join(map(str, parts))
    return None


def advised(text: str) -> Iterator[list[str]]:
    """Find each call of the program in a text: its words up to where prose goes on."""
    for rest in text.split("trakt2discovr ")[1:]:
        words = [m.group() for m in _WORD.finditer(rest.split("\n")[0])]
        sentence = rest.split()
        if not words or not sentence or not _WORD.match(sentence[0]):
            continue
        call: list[str] = []
        for raw in sentence:
            word = raw.rstrip(".,:;)'\"")
            if not _goes_on(call, word):
                break
            call.append(word)
            if word != raw:
                break
        yield call or [sentence[0].rstrip(".,:;)")]


def _goes_on(call: list[str], word: str) -> bool:
    """Whether a word still belongs to the command, and not to the sentence after."""
    if word.startswith("-") or word in {"FILE", "NAME", "SERVICE", "{}", "PATH"}:
        return True
    if not _command(call):
        return word in app.commands or bool(call and call[-1] in {"-c", "--profile"})
    takes = [p for p in app.commands[_command(call)].params if p.opts[0] == call[-1]]
    if takes and not getattr(takes[0], "is_flag", False):
        return True
    choices = _choices(_command(call))
    return word in choices and not set(call) & choices


def _command(call: list[str]) -> str:
    return next((word for word in call if word in app.commands), "")


def _choices(command: str) -> set[str]:
    return {
        choice
        for param in app.commands[command].params
        if isinstance(param, click.Argument) and isinstance(param.type, click.Choice)
        for choice in param.type.choices
    }


TEXTS = [t for t in texts() if not t.where.startswith("sync/cli/app.py")]


def test_every_command_that_a_text_names_exists_with_these_options() -> None:
    seen = set()
    for text in TEXTS:
        for call in advised(text.text):
            if call[0] in _PROSE or call == ["{}"]:
                continue
            command = _command(call)
            assert command, (text, call)
            own = {opt for param in app.commands[command].params for opt in param.opts}
            before = {opt for param in app.params for opt in param.opts}
            place = call.index(command)
            assert {w for w in call[:place] if w.startswith("-")} <= before, (
                text,
                call,
            )
            assert {w for w in call[place:] if w.startswith("-")} <= own, (text, call)
            if _choices(command):
                given = set(call[place + 1 :]) & {*_choices(command), "{}", "SERVICE"}
                assert given, (text, call)
            seen.add(command)
    assert seen >= {"setup", "migrate", "sync", "plan", "login", "unmatched", "doctor"}


def commands(command: click.Command) -> Iterator[click.Command]:
    """Return a command, and all below it."""
    yield command
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from commands(below)


def test_every_option_that_a_text_names_exists() -> None:
    known = {
        opt
        for c in commands(app)
        for p in c.params
        for opt in p.opts + p.secondary_opts
    }
    found = set()
    for path in sorted((*ROOT.glob("connectors/**/*.py"), *ROOT.glob("sync/**/*.py"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = _literal(node) if isinstance(node, ast.expr) else None
            for option in _OPTION.findall(text or ""):
                if option not in _FOREIGN | {"--help", "--version"}:
                    assert option in known, (path, option)
                    found.add(option)
    assert len(found) > 15


# Situations, and what becomes of those who follow the advice


@dataclass
class Here:
    """The services that are up, and the person's environment."""

    place: Place
    patch: pytest.MonkeyPatch

    @property
    def download(self) -> Path:
        return self.place.folder / "trakt-export-me.zip"

    def unset(self, *names: str) -> None:
        for name in names:
            self.patch.delenv(f"{ENV_PREFIX}{name}", raising=False)

    def set(self, name: str, value: str) -> None:
        self.patch.setenv(f"{ENV_PREFIX}{name}", value)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    monkeypatch.chdir(tmp_path)
    # The services' own pause between two questions is five seconds.
    monkeypatch.setattr("connectors.discovr.device.INTERVAL_S", 0.02)
    with Place(tmp_path) as place:
        for name, value in place.environment().items():
            monkeypatch.setenv(name, value)
        yield Here(place, monkeypatch)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def remedy(*words: str, code: int) -> str:
    result = run("--json", *words)
    assert result.exit_code == code, result.output[-2000:]
    told: str = json.loads(result.stdout)["remedy"]
    assert told in result.stderr.replace("\n", " ")
    return told


def follow(told: str, here: Here, which: int = 0) -> Result:
    """Do what is advised, with the download where it says FILE."""
    calls = [call for call in advised(told) if _command(call)]
    words = [str(here.download) if word == "FILE" else word for word in calls[which]]
    writes = _command(calls[which]) in {"migrate", "sync", "apply", "undo"}
    return run(*words, *(["--yes"] if writes else []))


def no_api(here: Here) -> None:
    here.unset(*(f"TRAKT__{k}" for k in ("CLIENT_ID", "CLIENT_SECRET")))
    here.unset(*(f"TRAKT__{k}" for k in ("ACCESS_TOKEN", "REFRESH_TOKEN")))


@pytest.mark.parametrize("command", ["migrate", "plan", "verify", "sync"])
def test_without_the_api_a_download_goes_over(here: Here, command: str) -> None:
    no_api(here)
    more = ["--yes"] if command in {"migrate", "sync"} else []
    told = remedy(command, *more, code=2)
    assert follow(told, here).exit_code == 0
    if command != "sync":
        assert run(command, *more).exit_code == 0


@pytest.mark.parametrize("command", ["unmatched", "report"])
def test_before_any_run_the_first_one_is_advised(here: Here, command: str) -> None:
    told = remedy(command, code=2)
    assert follow(told, here).exit_code == 0
    assert run(command).exit_code == 0


@pytest.mark.parametrize("command", ["profiles", "plan", "migrate"])
def test_without_a_login_signing_in_is_advised_or_what_comes_before(
    here: Here, command: str
) -> None:
    more = ["--yes"] if command == "migrate" else []
    here.unset("DISCOVR__REFRESH_TOKEN")
    assert follow(remedy(command, *more, code=3), here).exit_code == 0
    assert run(command, *more).exit_code == 0
    assert run("logout", "discovr").exit_code == 0
    here.unset("DISCOVR__CLIENT_ID")
    told = remedy(command, *more, code=3)
    assert next(advised(told)) == ["setup"]
    assert "[discovr] client_id" in told


@pytest.mark.parametrize("command", ["profiles", "plan", "migrate", "sync", "page"])
@pytest.mark.parametrize("service", ["trakt", "discovr"])
def test_a_login_that_is_refused_with_a_key_missing_leads_to_setup(
    here: Here, command: str, service: str
) -> None:
    name = service.upper()
    here.set(f"{name}__REFRESH_TOKEN", "rt_wrong")
    if service == "trakt":
        here.set("TRAKT__ACCESS_TOKEN", "wrong")
    more = ["--yes"] if command not in {"profiles", "plan"} else []
    if (service, command) == ("trakt", "profiles"):
        return  # it asks Discovr alone
    told = remedy(command, *more, code=3)
    assert f"trakt2discovr login {service}" in told
    here.unset(f"{name}__CLIENT_SECRET" if service == "trakt" else f"{name}__CLIENT_ID")
    told = remedy(command, *more, code=3)
    assert "trakt2discovr setup" in told or "[trakt] client_secret" in told
    assert f"trakt2discovr login {service}" not in told


def test_a_profile_that_is_not_there_is_met_with_those_that_are(here: Here) -> None:
    for command in ("plan", "verify", "profiles", "migrate", "sync"):
        more = ["--yes"] if command in {"migrate", "sync"} else []
        if command == "profiles":
            continue
        told = remedy("--profile", "Nobody", command, *more, code=2)
        assert "--profile" in told
        found = re.findall(r"(\w+) \(([\w-]+)\)", told)
        assert [name for name, _ in found] == ["Kids", "Me"]
        assert run("--profile", found[0][1], "plan").exit_code == 0
    findings = json.loads(run("--json", "--profile", "Nobody", "doctor").stdout)
    (about,) = [f for f in findings["findings"] if f["check"] == "Discovr profile"]
    assert "Kids (" in about["remedy"]


def test_a_sign_in_that_succeeded_says_so_though_the_profile_is_not_there(
    here: Here,
) -> None:
    here.unset("DISCOVR__REFRESH_TOKEN", "DISCOVR__PROFILE")
    for words in (["--profile", "No", "login", "discovr"], ["login", "discovr"]):
        more = ["--profile", "No"] if words[0] == "login" else []
        result = run("--json", *words, *more)
        error = json.loads(result.stdout)
        assert result.exit_code == 2
        assert "You are logged in" in error["message"]
        assert "Kids (" in error["remedy"]
    assert run("--profile", "Kids", "plan").exit_code == 0


@pytest.fixture
def incomplete(here: Here) -> Callable[[], None]:
    """Return what hides a play of the account from then on."""

    def hide() -> None:
        trakt = here.place._services.trakt
        hidden = frozenset({trakt.account.plays[0].id})
        for part in (trakt, *vars(trakt).values()):
            for name in ("quirks", "_quirks"):
                if isinstance(quirks := getattr(part, name, None), TraktQuirks):
                    changed = replace(
                        quirks, dropped_after_slicing=hidden, drops_from_minimal=False
                    )
                    setattr(part, name, changed)

    return hide


@pytest.mark.parametrize("command", ["migrate", "sync", "plan", "verify"])
def test_a_history_that_is_not_whole_goes_on_as_advised(
    here: Here, incomplete: Callable[[], None], command: str
) -> None:
    incomplete()
    more = ["--yes"] if command in {"migrate", "sync"} else []
    told = remedy(command, *more, code=5)
    assert "--accept-incomplete" in told
    done = run("--json", command, *more, "--accept-incomplete")
    assert done.exit_code in (0, 4), done.output
    assert json.loads(done.stdout)["balance"]["read"]


def test_what_is_not_read_is_never_pruned(
    here: Here, incomplete: Callable[[], None]
) -> None:
    assert run("sync", "--yes").exit_code == 0
    before = len(here.place._services.discovr.entries())
    incomplete()
    account = here.place._services.trakt.account
    account.remove_play(account.plays[-1].id)
    for words in (["--prune"], []):
        both = run("sync", "--yes", *words, "--accept-incomplete")
        if words:
            assert both.exit_code == 2
    here.set("SYNC__PRUNE", "true")
    told = remedy("sync", "--yes", "--accept-incomplete", code=2)
    assert "--no-prune" in told
    assert run("sync", "--yes", "--accept-incomplete", "--no-prune").exit_code in (0, 4)
    assert len(here.place._services.discovr.entries()) >= before


def test_a_plan_that_no_longer_fits_is_made_anew_as_advised(here: Here) -> None:
    file = str(here.place.folder / "plan.json")
    assert run("plan", "--from-file", str(here.download), "--out", file).exit_code == 0
    discovr = here.place._services.discovr
    mine = next(iter(discovr.entries()))
    discovr.person_adds(mine.key, progress=10)
    told = remedy("apply", file, "--yes", code=5)
    (call,) = advised(told)
    assert str(here.download) in told
    new = [
        file if word == "FILE" else word
        for word in shlex.split(told.partition("trakt2discovr ")[2])
    ]
    assert run(*new).exit_code == 0, call
    assert run("apply", file, "--yes", "--force").exit_code == 0


def test_hints_keep_to_the_config_and_the_profile(here: Here) -> None:
    config = here.place.folder / "other config.toml"
    config.write_text("", encoding="utf-8")
    before = ("-c", str(config), "--profile", "Kids")
    told = run(*before, "--sandbox", "migrate", "--yes").stdout
    hint = told.rpartition("Next: ")[2].strip()
    assert shlex.split(hint)[:6] == ["trakt2discovr", *before, "--sandbox"]
    here.unset("DISCOVR__REFRESH_TOKEN")
    told = remedy(*before, "plan", code=3)
    assert f"trakt2discovr -c '{config}' --profile Kids login discovr" in told


KEYS = (
    "TRAKT__CLIENT_ID",
    "TRAKT__CLIENT_SECRET",
    "TRAKT__ACCESS_TOKEN",
    "TRAKT__REFRESH_TOKEN",
    "DISCOVR__CLIENT_ID",
    "DISCOVR__REFRESH_TOKEN",
    "DISCOVR__PROFILE",
    "TMDB__API_KEY",
)


@pytest.mark.parametrize("wrong", [None, "rt_wrong"])
@pytest.mark.parametrize("gone", KEYS)
def test_doctor_advises_no_step_whose_precondition_is_missing(
    here: Here, gone: str, wrong: str | None
) -> None:
    """Whatever is missing, beside a login that is there, missing or refused."""
    here.unset(gone)
    for login in (
        "TRAKT__ACCESS_TOKEN",
        "TRAKT__REFRESH_TOKEN",
        "DISCOVR__REFRESH_TOKEN",
    ):
        if wrong and login != gone:
            here.set(login, wrong)
        elif wrong is None and gone.endswith("CLIENT_ID"):
            here.unset(login)
    found = json.loads(run("--json", "doctor").stdout)["findings"]
    for finding in found:
        for call in advised(finding["remedy"] or ""):
            if call[:1] == ["login"]:
                result = run(*call)
                assert result.exit_code == 0, (finding, result.output)


@pytest.mark.parametrize("service", SERVICES)
def test_doctor_puts_first_what_a_sign_in_needs(service: Service) -> None:
    """Whichever check says so, in whatever words of a connector."""
    found = problem(
        "any check", "the login is refused", f"trakt2discovr login {service}"
    )
    told = _possible(Settings(), found).remedy or ""
    assert told.startswith("Run trakt2discovr setup")
    keys = {"client_id": "a", "client_secret": "b"}
    given = {key: keys[key] for key in keys if service == "trakt" or key == "client_id"}
    ready = Settings.model_validate({service: given})
    assert _possible(ready, found) == found


async def test_the_library_refuses_to_prune_what_was_not_read() -> None:
    with pytest.raises(ConfigError, match="contradict"):
        await api.sync(Settings(), prune=True, accept_incomplete=True)


def test_doctor_goes_in_the_order_of_the_setting_up(here: Here) -> None:
    assert run("migrate", str(here.download), "--yes").exit_code == 0
    found = json.loads(run("--json", "doctor").stdout)["findings"]
    checks = [finding["check"] for finding in found]
    order = ["config", "download", "Trakt login", "Discovr login", "Discovr profile"]
    places = [checks.index(name) for name in order]
    assert places == sorted(places)
