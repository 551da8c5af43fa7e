"""The lines that keep a profile in step: read as those who get them read them."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from sync.cli.app import app
from sync.config import KEYRING, Settings
from sync.setup.keeping import Way, ways

PROGRAM = ("/opt/my programs/trakt2discovr",)
_UNIT_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"')
#: What a name may hold, and a shell, cron, systemd, YAML and Compose take for more.
_NAMES = st.text(
    st.sampled_from("a%$\"'\\ #&;:{}[]*?~`|<>-éß💿") | st.characters(categories=["L"]),
    min_size=1,
    max_size=12,
)


def settings(profile: str | None = "Me", **state: Any) -> Settings:
    state = {"url": "sqlite:////data/me/state.sqlite3", **state}
    state.setdefault("tokens", Path("/data/me/tokens.json"))
    return Settings.model_validate({"discovr": {"profile": profile}, "state": state})


def found(made: tuple[Way, ...]) -> dict[str, list[str]]:
    """Return the words of the command of each way, as whoever runs it reads them."""
    by_name = {way.name: way.text for way in made}
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read_string(by_name["systemd"])
    words = _UNIT_WORD.findall(unit["Service"]["ExecStart"])
    fields = by_name["cron"].rstrip("\n").split(" ", 5)
    assert not re.search(r"(?<!\\)%", fields[5])
    line = shlex.split(fields[5].replace("\\%", "%"))
    assert line.pop() == ">/dev/null"
    service = compose(by_name["Docker"])
    return {
        "systemd": [
            re.sub(r"\\(.)", r"\1", word).replace("%%", "%").replace("$$", "$")
            for word in words
        ],
        "cron": line,
        "Docker": [word.replace("$$", "$") for word in service["command"]],
    }


def compose(text: str) -> dict[str, Any]:
    service: dict[str, Any] = yaml.safe_load(text)["services"]["trakt2discovr"]
    return service


@bounds(max_examples=30)
@given(_NAMES, _NAMES)
def test_each_line_means_the_config_and_the_profile(name: str, profile: str) -> None:
    place = Path("/home") / name.replace("/", "") / "config.toml"
    made = ways(settings(profile), place, environ={}, program=PROGRAM)
    words = found(made)
    sides = ["-c", str(place), "--profile", profile]
    assert words["systemd"] == [*PROGRAM, *sides, "sync", "--every", "6h"]
    assert words["cron"] == [*PROGRAM, "-q", *sides, "sync", "--once", "--yes"]
    inside = ["-c", "/config/config.toml", "--profile", profile]
    rest = ["sync", "--every", "6h", "--log-format", "json"]
    assert words["Docker"] == [*inside, *rest]


@pytest.mark.parametrize("way", ["systemd", "cron", "Docker"])
def test_the_program_knows_each_command(way: str) -> None:
    words = found(ways(settings(), Path("/x/config.toml"), environ={}))[way]
    start = words.index("-c")
    run = CliRunner().invoke(app, [*words[start:], "--help"])
    assert run.exit_code == 0, run.output


def test_the_place_of_the_data_is_kept() -> None:
    environ = {
        "XDG_DATA_HOME": "/my data/100%",
        "TRAKT2DISCOVR_TMDB__API_KEY": "k" * 32,
    }
    made = ways(settings(), Path("/x/config.toml"), environ=environ, program=PROGRAM)
    by_name = {way.name: way.text for way in made}
    assert 'Environment="XDG_DATA_HOME=/my data/100%%"\n' in by_name["systemd"]
    assert "XDG_DATA_HOME='/my data/100\\%' " in by_name["cron"]
    assert "k" * 32 not in "".join(by_name.values())


def test_the_container_finds_the_state_and_the_logins() -> None:
    place = Path("/data/me/config.toml")
    text = {w.name: w.text for w in ways(settings(), place, environ={})}["Docker"]
    service = compose(text)
    assert service["volumes"] == ["/data/me:/config:ro", "/data/me:/data"]
    assert service["environment"] == {
        "TRAKT2DISCOVR_STATE__URL": "sqlite:////data/state.sqlite3",
        "TRAKT2DISCOVR_STATE__TOKENS": "/data/tokens.json",
    }
    assert service["user"] == f"{os.getuid()}:{os.getgid()}"
    apart = settings(tokens=Path("/logins of me/t.json"))
    text = {w.name: w.text for w in ways(apart, place, environ={})}["Docker"]
    service = compose(text)
    assert "/logins of me:/logins" in service["volumes"]
    assert service["environment"]["TRAKT2DISCOVR_STATE__TOKENS"] == "/logins/t.json"


def test_no_password_of_a_database_stands_in_them() -> None:
    far = settings(url="postgresql://me:pa55word@db/x", tokens=KEYRING)
    made = ways(far, Path("/x/config.toml"), environ={})
    assert "pa55word" not in repr(made)
    assert "keyring" in made[-1].then


def test_a_rehearsal_stays_one() -> None:
    made = ways(settings(), Path("/x/c.toml"), environ={}, is_sandbox=True)
    assert all("--sandbox" in words for words in found(made).values())


def test_a_profile_of_two_lines_adds_none() -> None:
    made = ways(settings("Me\n* * * * * rm"), Path("/x/c.toml"), environ={})
    assert all(way.text.count("rm\n") == 0 for way in made)
    assert made[1].text.count("\n") == 1


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_has_no_complaint(tmp_path: Path) -> None:
    unit = tmp_path / "trakt2discovr.service"
    unit.write_text(ways(settings(), tmp_path / "c.toml", environ={})[0].text)
    run = subprocess.run(  # noqa: S603  # our own file
        ["systemd-analyze", "verify", "--user", str(unit)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    assert str(unit) not in run.stderr, run.stderr


@pytest.mark.parametrize("name", ["systemd", "cron", "docker"])
def test_setup_prints_them_and_does_nothing_else(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "config.toml"
    config.write_text('[discovr]\nprofile = "Me"\n', encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    call = ["-c", str(config), "setup", "--keep", name]
    run = CliRunner().invoke(app, call)
    assert run.exit_code == 0, run.output
    assert "sync" in run.stdout
    assert "--profile" in run.stdout
    document = json.loads(CliRunner().invoke(app, ["--json", *call]).stdout)
    assert document["text"] == run.stdout
    assert sorted(tmp_path.rglob("*")) == before
