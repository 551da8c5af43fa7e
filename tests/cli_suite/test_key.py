"""The offer of a TMDB key on a terminal: asked once, and the answer is kept."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from sync.cli.app import app
from sync.cli.commands import carry
from sync.cli.commands import key as offer
from sync.cli.context import Context
from sync.config import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path

KEY = "0123456789abcdef" * 2


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give answers in this order; what is left was not asked for."""
    answers: list[str] = []

    async def ask(_question: str) -> str | None:
        return answers.pop(0) if answers else None

    monkeypatch.setattr(offer, "ask", ask)
    monkeypatch.setattr(offer, "can_ask", lambda: True)
    return answers


def context(config: Path, **options: Any) -> Context:
    base = {"is_sandbox": False, "as_json": False, "is_verbose": False}
    return Context(config=config, is_quiet=False, **{**base, **options})


async def offered(config: Path, settings: Settings, **options: Any) -> tuple[str, Any]:
    console = Console(file=io.StringIO(), width=200)
    got = await offer.offer_key(console, context(config, **options), settings)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue(), got.tmdb.api_key


@pytest.mark.parametrize(
    "text",
    [
        "",
        '# mine\n[discovr]\nprofile = "Me"  # not Kids\n',
        '[tmdb]\napi_key = ""\n\n[discovr]\nprofile = "Me"\n',
        "[tmdb]\n# the key\n",
        'tmdb = { api_url = "https://api.themoviedb.org/3" }\n',
    ],
)
async def test_a_key_is_kept_in_the_config_beside_what_stands_there(
    tmp_path: Path, asked: list[str], text: str
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(text, encoding="utf-8")
    asked += ["no key at all", KEY]
    before = load_settings(config)
    said, key = await offered(config, before)
    assert key.get_secret_value() == KEY
    assert KEY not in said
    after = load_settings(config)
    assert after.tmdb.api_key is not None
    assert after.discovr == before.discovr
    assert all(line in config.read_text() for line in text.splitlines() if "#" in line)
    assert (await offered(config, after))[0] == ""


async def test_a_config_that_is_not_there_yet_is_made(
    tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked.append(KEY)
    console = Console(file=io.StringIO(), width=200)
    options = Context(
        None, is_sandbox=False, as_json=False, is_verbose=False, is_quiet=False
    )
    await offer.offer_key(console, options, load_settings())
    assert load_settings().tmdb.api_key is not None


async def test_a_no_is_kept_as_well(tmp_path: Path, asked: list[str]) -> None:
    config = tmp_path / "config.toml"
    config.touch()
    said, key = await offered(config, load_settings(config))
    assert "themoviedb.org" in said
    assert key is None
    asked.append(KEY)
    assert await offered(config, load_settings(config)) == ("", None)
    assert asked == [KEY]


@pytest.mark.parametrize(
    "options",
    [{"is_sandbox": True}, {"as_json": True}, {"locked": frozenset({"discovr"})}],
)
async def test_nobody_is_asked_where_there_is_nothing_to_keep_or_setup_comes_first(
    tmp_path: Path, asked: list[str], options: dict[str, Any]
) -> None:
    config = tmp_path / "config.toml"
    config.touch()
    asked.append(KEY)
    assert await offered(config, load_settings(config), **options) == ("", None)


def test_a_file_that_is_not_there_is_said_before_anything_is_asked(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carry, "require_an_answer", lambda *_, **__: None)
    asked.append(KEY)
    keys = {"TRAKT2DISCOVR_DISCOVR__CLIENT_ID": "x"}
    missing = str(tmp_path / "no.zip")
    result = CliRunner().invoke(app, ["migrate", missing], env=keys)
    assert result.exit_code == 2
    assert "There is no file" in result.stderr
    assert asked == [KEY]
