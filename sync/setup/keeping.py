"""The lines that keep a profile in step by themselves, filled in for one person.

They are for this user, and need no rights beyond that; ``deploy`` has what a whole
machine takes. No secret stands in them: the config and the logins stay where they are.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import tomllib
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from sync.config import KEYRING
from sync.ledger.address import FileAddress, read_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sync.config import Settings

PROGRAM = "trakt2discovr"
EVERY = "6h"
#: Where the program keeps its own, unless the settings say otherwise.
_DATA_HOME = "XDG_DATA_HOME"
_EXAMPLE = "An example, as this is a rehearsal: it keeps nothing of yours in step."
#: What is filled in, and the words around it.
_TEXTS = "keeping.toml"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to keep in step: what to write where, and what to do then."""

    name: str
    where: str
    text: str
    then: str


def ways(
    settings: Settings,
    place: Path,
    *,
    is_sandbox: bool = False,
    environ: Mapping[str, str] | None = None,
    program: Sequence[str] = (),
) -> tuple[Way, ...]:
    """Return them all, for the config at ``place`` and the profile that is set."""
    environ = os.environ if environ is None else environ
    program = program or _this_program()
    found = (
        _systemd(program, _options(settings, place, is_sandbox=is_sandbox), environ),
        _cron(program, _options(settings, place, is_sandbox=is_sandbox), environ),
        _docker(settings, place, is_sandbox=is_sandbox),
    )
    if not is_sandbox:
        return found
    return tuple(replace(way, where=f"{_EXAMPLE} {way.where}") for way in found)


def _this_program() -> Sequence[str]:
    """Return how this program is started, from anywhere."""
    script = Path(sys.executable).with_name(PROGRAM)
    if script.exists():
        return (str(script),)
    return (sys.executable, "-m", PROGRAM)


def _options(settings: Settings, place: Path | str, *, is_sandbox: bool) -> list[str]:
    options = ["-c", str(place)]
    profile = settings.discovr.profile or ""
    # One with a line break in its name would be a line of its own.
    if profile.isprintable() and profile:
        options += ["--profile", profile]
    return [*options, "--sandbox"] if is_sandbox else options


def _kept(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what of the environment says where the data of this person is."""
    return {n: environ[n] for n in (_DATA_HOME,) if environ.get(n)}


def _systemd(
    program: Sequence[str], options: Sequence[str], environ: Mapping[str, str]
) -> Way:
    command = " ".join(map(_unit_word, (*program, *options, "sync", "--every", EVERY)))
    environment = "".join(
        f"Environment={_unit_word(f'{name}={value}', is_command=False)}\n"
        for name, value in _kept(environ).items()
    )
    return _filled("systemd", command=command, environment=environment)


def _unit_word(word: str, *, is_command: bool = True) -> str:
    """Quote a word for a unit, in which %, and in a command $, stand for something."""
    word = word.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{word.replace("$", "$$") if is_command else word}"'


def _cron(
    program: Sequence[str], options: Sequence[str], environ: Mapping[str, str]
) -> Way:
    before = [f"{name}={shlex.quote(value)}" for name, value in _kept(environ).items()]
    words = (*program, "-q", *options, "sync", "--once", "--yes")
    line = " ".join((*before, shlex.join(words), ">/dev/null"))
    # To cron a % is the end of the line.
    line = line.replace("%", "\\%")
    return _filled("cron", line=line)


def _docker(settings: Settings, place: Path, *, is_sandbox: bool) -> Way:
    options = _options(settings, f"/config/{place.name}", is_sandbox=is_sandbox)
    command = [*options, "sync", "--every", EVERY, "--log-format", "json"]
    folders = [(place.parent, "/config:ro")]
    environment: dict[str, str] = {}
    address, tokens = read_address(settings.state.url), settings.state.tokens
    data: Path | None = None
    if isinstance(address, FileAddress) and address.database:
        file = Path(address.database)
        data = file.parent
        folders.append((data, "/data"))
        environment["TRAKT2DISCOVR_STATE__URL"] = f"sqlite:////data/{file.name}"
    if tokens != KEYRING:
        inside = "/data" if tokens.parent == data else "/logins"
        folders += [(tokens.parent, inside)] if inside == "/logins" else []
        environment["TRAKT2DISCOVR_STATE__TOKENS"] = f"{inside}/{tokens.name}"
    volumes = (f"      - {_yaml(f'{here}:{there}')}" for here, there in folders)
    return _filled(
        "docker",
        user=_user(),
        command=_yaml(command),
        environment=_yaml(environment),
        volumes="\n".join(volumes),
        keyring=tokens == KEYRING,
    )


def _filled(name: str, *, keyring: bool = False, **values: str) -> Way:
    text = (resources.files(__package__) / _TEXTS).read_text(encoding="utf-8")
    part = tomllib.loads(text)[name]
    then = f"{part['then']} {part['keyring']}" if keyring else part["then"]
    return Way(part["name"], part["where"], part["text"].format(**values), then)


def _yaml(value: object) -> str:
    """Write a value as JSON, which is YAML; to Compose a $ stands for something."""
    return json.dumps(value, ensure_ascii=False).replace("$", "$$")


def _user() -> str:
    if os.name != "posix":
        return "10001"
    return f"{os.getuid()}:{os.getgid()}"
