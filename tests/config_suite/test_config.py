from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import ConfigError
from sync.config import ENV_PREFIX, Settings, load_settings, salvage_settings
from sync.domain.rules import Conflict, Mode, WhichPlays

if TYPE_CHECKING:
    from enum import StrEnum

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.toml"


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_shows_every_key_with_its_default() -> None:
    assert load_settings(EXAMPLE, {}) == Settings()
    shown = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    known = {
        section: set(getattr(Settings(), section).model_fields_set)
        | set(type(getattr(Settings(), section)).model_fields)
        for section in Settings.model_fields
    }
    assert {section: set(keys) for section, keys in shown.items()} == known


def test_every_key_of_the_example_has_a_comment_of_its_own() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    keys = [i for i, line in enumerate(lines) if " = " in line and line[0] != "#"]
    assert keys
    assert all(lines[i - 1].startswith("# ") for i in keys)


def test_every_key_can_come_from_the_environment() -> None:
    shown = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    values: dict[str, dict[str, Any]] = {
        "trakt": {"client_id": "abc", "concurrency": "3"},
        "discovr": {"requests_per_second": "2.5"},
        "history": {"playback": "false", "collapse": "off"},
        "state": {"url": "sqlite:///x"},
    }
    environ = {
        f"{ENV_PREFIX}{section.upper()}__{key.upper()}": value
        for section, keys in values.items()
        for key, value in keys.items()
    }
    settings = load_settings(EXAMPLE, environ)
    assert settings.trakt.client_id == "abc"
    assert settings.trakt.concurrency == 3
    assert settings.discovr.requests_per_second == 2.5
    assert settings.history.playback is False
    assert settings.state.url == "sqlite:///x"
    for section, keys in shown.items():
        for key in keys:
            load_settings(None, {f"{ENV_PREFIX}{section.upper()}__{key.upper()}": ""})


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, '[discovr]\nprofile = "Me"\n')
    environ = {f"{ENV_PREFIX}DISCOVR__PROFILE": "Kids"}
    assert load_settings(path, environ).discovr.profile == "Kids"


def test_the_file_is_named_by_option_then_variable_then_the_usual_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {}) == Settings()
    write(tmp_path, '[discovr]\nprofile = "here"\n')
    assert load_settings(None, {}).discovr.profile == "here"
    other = tmp_path / "other.toml"
    other.write_text('[discovr]\nprofile = "there"\n', encoding="utf-8")
    named = {"TRAKT2DISCOVR_CONFIG": str(other)}
    assert load_settings(None, named).discovr.profile == "there"
    assert load_settings(tmp_path / "config.toml", named).discovr.profile == "here"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('[discovr]\nprofil = "x"\n', "did you mean 'profile'"),
        ("[discover]\n", "did you mean 'discovr'"),
        ("[history]\nzzz = 1\n", "known: collapse, conflict, plays, playback"),
        ('[history]\ncollapse = "all"\n', "[history] collapse"),
        ("[trakt]\nconcurrency = 0\n", "[trakt] concurrency"),
        ('[trakt]\napi_url = "http://api.trakt.tv"\n', "plain http"),
        ("[trakt\n", "is not valid TOML"),
        ("trakt = 3\n", "[trakt]"),
    ],
)
def test_a_wrong_config_is_named_with_what_to_do(
    tmp_path: Path, text: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, text), {})
    assert hint in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("key", "choices"),
    [("collapse", Mode), ("conflict", Conflict), ("plays", WhichPlays)],
)
def test_a_choice_is_held_as_what_the_planner_knows_and_all_are_named(
    tmp_path: Path, key: str, choices: type[StrEnum]
) -> None:
    for choice in choices:
        path = write(tmp_path, f'[history]\n{key} = "{choice}"\n')
        assert getattr(load_settings(path, {}).history, key) is choice
    *others, last = (f"'{choice}'" for choice in choices)
    known = f"Input should be {', '.join(others)} or {last}"
    for wrong in ('"Wrong"', "3", "true", '["off"]'):
        with pytest.raises(ConfigError) as caught:
            load_settings(write(tmp_path, f"[history]\n{key} = {wrong}\n"), {})
        assert f"[history] {key}: {known}." in caught.value.message


def test_an_unknown_variable_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'client_id'"):
        load_settings(None, {f"{ENV_PREFIX}TRAKT__CLIENTID": "x"})
    with pytest.raises(ConfigError, match="did you mean 'trakt'"):
        load_settings(None, {f"{ENV_PREFIX}TRACT__CLIENT_ID": "x"})


def test_a_wrong_value_is_blamed_on_where_it_stands(tmp_path: Path) -> None:
    path = write(tmp_path, "[trakt]\nconcurrency = 3\n[discovr]\nconcurrency = 0\n")
    variable = f"{ENV_PREFIX}TRAKT__CONCURRENCY"
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {variable: "many"})
    message = caught.value.message
    assert f"({path})" in message
    assert f"{variable}: Input should be a valid integer" in message
    assert "[discovr] concurrency: " in message
    assert "many" not in message
    path.write_text("[trakt]\nconcurrency = 3\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {variable: "many"})
    assert str(path) not in caught.value.message
    assert f"(the environment) is wrong: {variable}: " in caught.value.message


@pytest.mark.parametrize("key", ["TRACT__CLIENT_ID", "TRAKT__CLIENTID", "TRAKT"])
def test_a_wrong_name_in_the_environment_is_named_as_it_stands_there(
    tmp_path: Path, key: str
) -> None:
    path = write(tmp_path, "[discovr]\nconcurrency = 3\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {f"{ENV_PREFIX}{key}": "x"})
    assert f"(the environment) is wrong: {ENV_PREFIX}{key}" in caught.value.message


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml cannot be read"):
        load_settings(tmp_path / "nowhere.toml", {})
    path = tmp_path / "latin.toml"
    path.write_bytes(b'profile = "\xe4"\n')
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_settings(path, {})


def test_no_message_and_no_print_shows_a_secret(tmp_path: Path) -> None:
    secret = "canary-5f1d"
    settings = load_settings(None, {f"{ENV_PREFIX}TRAKT__CLIENT_SECRET": secret})
    assert secret not in repr(settings)
    assert secret not in settings.model_dump_json()
    path = write(tmp_path, f'[trakt]\nconcurrency = "{secret}"\n')
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {})
    assert secret not in str(caught.value)
    assert secret not in repr(caught.value.__cause__)


@pytest.mark.parametrize(
    "wrong",
    [
        "[history]\ncolapse = 'off'",
        "[sync]\nevery = 'often'\nlisten = 'x:y:z'",
        "[trakt]\nconcurrency = 900\napi_url = 'http://example.org'",
        "[traktt]\nclient_id = 'x'",
        "history = 3",
        "[discovr.more]\nx = 1",
    ],
)
def test_of_a_wrong_config_the_rest_is_read(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "config.toml"
    urls = "[notify]\nurls = ['json://localhost/x']\nweekly = 3\n"
    file.write_text(f"{wrong}\n{urls}", encoding="utf-8")
    with pytest.raises(ConfigError):
        load_settings(file, {})
    environ = {"TRAKT2DISCOVR_DISCOVR__PROFILE": "Me", "TRAKT2DISCOVR_WHAT": "3"}
    settings = salvage_settings(file, environ)
    assert settings.notify.urls
    assert settings.discovr.profile == "Me"
    assert settings.sync == Settings().sync
    assert settings.trakt == Settings().trakt


@pytest.mark.parametrize("text", ["[notify\n", None])
def test_a_config_that_cannot_be_read_leaves_the_environment(
    tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "config.toml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    urls = {"TRAKT2DISCOVR_NOTIFY__URLS": "json://localhost/x"}
    assert salvage_settings(file, urls).notify.urls
