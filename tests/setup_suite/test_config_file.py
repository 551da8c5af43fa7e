"""The config that ``setup`` writes: whole, explained, and to the letter where there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import ConfigError
from sync.config import ENV_PREFIX, Settings, load_settings, new_config
from sync.setup.config_file import changed_text, example, new_text, write_config

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
SHOWN = tomllib.loads((ROOT / "config.example.toml").read_text(encoding="utf-8"))
#: What somebody may set, as an environment has it.
TEXTS: Mapping[tuple[str, str], str] = {
    ("trakt", "client_id"): "ab12",
    ("trakt", "client_secret"): 'a"quoted\\one',
    ("trakt", "concurrency"): "3",
    ("trakt", "api_url"): "http://127.0.0.1:1",
    ("discovr", "profile"): "Mé # und \u2028 alle",
    ("discovr", "requests_per_second"): "2.5",
    ("discovr", "client_id"): "0123",
    ("tmdb", "api_key"): "true",
    ("history", "playback"): "false",
    ("history", "plays"): "all",
    ("sync", "every"): "6h",
    ("sync", "hosts"): "one, two",
    ("state", "url"): "sqlite:////tmp/x y.db",
    ("state", "tokens"): "~/tokens.json",
}
some = st.sets(st.sampled_from(sorted(TEXTS))).map(
    lambda keys: {key: TEXTS[key] for key in keys}
)


def by_section(texts: Mapping[tuple[str, str], str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for (section, key), text in texts.items():
        found.setdefault(section, {})[key] = text
    return found


def by_variable(texts: Mapping[tuple[str, str], str]) -> dict[str, str]:
    return {f"{ENV_PREFIX}{s}__{k}".upper(): text for (s, k), text in texts.items()}


def read(folder: Path, text: str) -> Settings:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, {})


def test_the_example_in_the_package_is_that_of_the_repository() -> None:
    assert example() == (ROOT / "config.example.toml").read_text(encoding="utf-8")


@given(texts=some)
@settings(max_examples=60)
def test_a_config_means_what_the_environment_meant(
    tmp_path_factory: pytest.TempPathFactory, texts: Mapping[tuple[str, str], str]
) -> None:
    folder = tmp_path_factory.mktemp("new")
    text = new_text(by_section(texts))
    assert read(folder, text) == load_settings(
        folder / "config.toml", by_variable(texts), is_new=True
    )
    # It sets these and nothing else, and every other key stands there explained.
    parsed = tomllib.loads(text)
    assert {(s, k) for s, keys in parsed.items() for k in keys} == set(texts)
    for section, keys in SHOWN.items():
        assert f"[{section}]" in text
        for key in keys:
            assert f"\n{key} = " in text or f"\n# {key} = " in text


def place_of(line: str) -> str:
    """Name what a line sets or explains; any other line is what it is."""
    found = re.match(r"(?:# ?)?(\w+ =)", line)
    return found[1] if found else line


@given(before=some, texts=some, end=st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=40)
def test_a_config_that_is_there_keeps_all_else_to_the_letter(
    tmp_path_factory: pytest.TempPathFactory,
    before: Mapping[tuple[str, str], str],
    texts: Mapping[tuple[str, str], str],
    end: str,
) -> None:
    folder = tmp_path_factory.mktemp("there")
    old = f"# mine\n{new_text(by_section(before))}# the end\n".replace("\n", end)
    text = changed_text(old, by_section(texts))
    assert read(folder, text) == load_settings(
        folder / "config.toml", by_variable({**before, **texts}), is_new=True
    )
    # Each key is set in its own place: below what is said of it.
    was, now = old.split(end), text.split(end)
    assert [*map(place_of, now)] == [*map(place_of, was)]
    names = {key for _, key in texts}
    for line, changed in zip(was, now, strict=True):
        assert line == changed or place_of(line).removesuffix(" =") in names


SPOTS = {
    "bare": ("[discovr]\n", '[discovr]\nprofile = "Me"\n'),
    "no line end": ("[discovr]", '[discovr]\nprofile = "Me"\n'),
    "no section": ("[trakt]\n", '[trakt]\n\n[discovr]\nprofile = "Me"\n'),
    "the next one's words stay with it": (
        '[discovr]\nclient_id = "x"\n\n# Of TMDB.\n[tmdb]\n',
        '[discovr]\nprofile = "Me"\nclient_id = "x"\n\n# Of TMDB.\n[tmdb]\n',
    ),
    "set already": (
        '[discovr]\nprofile = ""  # mine\n# profile = ""\n',
        '[discovr]\nprofile = "Me"  # mine\n# profile = ""\n',
    ),
    "shown with words behind it": (
        '[discovr]\n#profile = ""  # whose\n',
        '[discovr]\nprofile = "Me"  # whose\n',
    ),
    "words, and the line after them": (
        '[discovr]\n# profile = name or id\n# profile = ""\n',
        '[discovr]\n# profile = name or id\nprofile = "Me"\n',
    ),
    "shown in another section": (
        '[tmdb]\n# profile = ""\n[discovr]\n[pharen]\n# profile = ""\n',
        '[tmdb]\n# profile = ""\n[discovr]\nprofile = "Me"\n[pharen]\n# profile = ""\n',
    ),
    "inside a text": (
        '[discovr]\nx = """\n# profile = ""\n"""\n',
        '[discovr]\nprofile = "Me"\nx = """\n# profile = ""\n"""\n',
    ),
}


@pytest.mark.parametrize(("old", "new"), SPOTS.values(), ids=SPOTS)
def test_a_key_is_set_in_its_place(old: str, new: str) -> None:
    assert changed_text(old, {"discovr": {"profile": "Me"}}) == new


@given(texts=some)
@settings(max_examples=10)
def test_the_example_as_a_config_gets_each_key_in_its_place(
    texts: Mapping[tuple[str, str], str],
) -> None:
    text = changed_text(example(), by_section(texts))
    before = example().split("\n")
    assert [*map(place_of, text.split("\n"))] == [*map(place_of, before)]


@pytest.mark.parametrize("text", ["[", "a = ", "\N{REPLACEMENT CHARACTER} = 1 = 2"])
def test_what_is_no_toml_is_never_written_to(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        write_config(file, {"trakt": {"client_id": "x"}})
    assert file.read_text(encoding="utf-8") == text


def test_nobody_else_reads_it_and_its_folder_is_made(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "down" / "config.toml"
    write_config(file, {"trakt": {"client_id": "x"}})
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_it_goes_where_every_later_command_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    usual = new_config(None, {})
    assert usual.is_relative_to(tmp_path)
    assert usual != tmp_path / "config.toml"
    write_config(usual, {"trakt": {"client_id": "usual"}})
    assert load_settings(None, {}).trakt.client_id == "usual"
    here = tmp_path / "config.toml"
    here.write_text("", encoding="utf-8")
    assert new_config(None, {}) == here
    named = tmp_path / "named.toml"
    assert new_config(named, {}) == named
    assert new_config(None, {"TRAKT2DISCOVR_CONFIG": str(named)}) == named
