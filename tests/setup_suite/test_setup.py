"""``setup`` for both kinds of people, at a terminal and in a script; what follows."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from tests.login_suite.programs import program
from tests.setup_suite.people import KEYS, KIDS, ME, Services, services

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "TRAKT2DISCOVR_TRAKT__CLIENT_SECRET"


async def run(*args: str, env: dict[str, str]) -> tuple[int, Any, str]:
    """Run a command to its end; return its code, its document and what it said."""
    async with program("--json", *args, env=env) as running:
        code = await running.ends()
    return code, json.loads(running.stdout), running.screen


async def goes_on(place: Services, command: str, *, is_json: bool = True) -> Any:
    """Run what the program named as the next step, word by word, in a bare shell."""
    words = command.split()
    assert words[0] == "trakt2discovr"
    more = ["--yes"] if "migrate" in words else []
    code, document, screen = await run(*words[1:], *more, env=place.bare())
    assert code == 0, screen
    return document


async def test_with_a_download_at_a_terminal_it_takes_three_commands(
    tmp_path: Path,
) -> None:
    async with services(tmp_path) as place:
        async with program("setup", env=place.env(), on_terminal=True) as running:
            await running.answers("What do you come with? [download/account]", "d")
            await running.answers("Where is the download?", str(tmp_path / "no.zip"))
            await running.shows("There is no file")
            await running.answers("Where is the download? ", str(place.download))
            await running.shows("proved whole")
            await running.answers("your Discovr application? ", "not-that-one")
            await running.shows("does not accept")
            await running.answers("your Discovr application? ", KEYS.discovr_client_id)
            await running.answers("API key of TMDB?", KEYS.tmdb_api_key)
            await running.shows("TMDB accepts it")
            await running.answers("Which profile", "2")
            assert await running.ends() == 0, running.screen
        assert KEYS.tmdb_api_key not in running.screen
        assert "Next: trakt2discovr migrate" in running.stdout
        assert place.config.stat().st_mode & 0o777 == 0o600
        kept = tomllib.loads(place.config.read_text(encoding="utf-8"))
        assert kept["discovr"]["client_id"] == KEYS.discovr_client_id
        assert "client_id" not in kept.get("trakt", {})
        moved = await goes_on(place, "trakt2discovr migrate")
        assert moved["verification"]["missing"] == []
        assert place.discovr.entries()
        checked = await goes_on(place, "trakt2discovr verify")
        assert checked["balance"] == moved["balance"] | {
            name: checked["balance"][name] for name in ("written", "already_there")
        } | {"covered": checked["balance"]["covered"]}


async def test_with_an_account_at_a_terminal_both_logins_are_led_through(
    tmp_path: Path,
) -> None:
    async with services(tmp_path, profiles=(ME,)) as place:
        async with program("setup", env=place.env(), on_terminal=True) as running:
            await running.answers("[download/account]", "account")
            await running.answers("Client id of your Trakt", KEYS.trakt_client_id)
            await running.answers("Client secret", KEYS.trakt_client_secret)
            await running.answers("your Discovr application?", KEYS.discovr_client_id)
            await running.answers("API key of TMDB?", "")
            assert await running.ends() == 0, running.screen
        assert f"Logged in to Trakt as {place.trakt.account.user}" in running.screen
        assert KEYS.trakt_client_secret not in running.screen
        for command in ("trakt2discovr migrate", "trakt2discovr sync --yes"):
            await goes_on(place, command)


async def test_a_script_gives_all_of_it_and_later_commands_need_no_environment(
    tmp_path: Path,
) -> None:
    async with services(tmp_path) as place:
        env = place.env(TMDB__API_KEY=KEYS.tmdb_api_key)
        code, document, screen = await run(
            *("--profile", "kids", "setup", "--non-interactive"),
            *("--discovr-client-id", KEYS.discovr_client_id, str(place.download)),
            env=env,
        )
        assert code == 0, screen
        assert document["profile"]["name"] == KIDS
        assert document["config"] == str(place.config)
        assert document["next"] == "trakt2discovr --profile kids migrate"
        await goes_on(place, document["next"])
        kids = place.discovr.profiles[1]
        assert kids.name == KIDS
        assert place.discovr.entries(kids.id)
        # Who does not name the profile gets the same one.
        again = await goes_on(place, "trakt2discovr migrate")
        assert again["writes"] == 0
        status = await goes_on(place, "trakt2discovr status")
        (known,) = status["profiles"]
        assert known["is_chosen"]
        assert [file["path"] for file in known["files"]] == [str(place.download)]


@pytest.mark.parametrize(
    ("args", "keys", "words"),
    [
        ((), {}, "--source"),
        (("--source", "download"), {}, "setup FILE"),
        (("--source", "account"), {}, "TRAKT2DISCOVR_TRAKT__CLIENT_ID"),
        (
            ("--source", "account", "--trakt-client-id", KEYS.trakt_client_id),
            {},
            SECRET,
        ),
        (("DOWNLOAD",), {}, "--discovr-client-id"),
        (("DOWNLOAD", "--discovr-client-id", "no"), {}, "client_id"),
        (
            ("DOWNLOAD", "--discovr-client-id", KEYS.discovr_client_id),
            {"TMDB__API_KEY": "no"},
            "[tmdb] api_key",
        ),
        (
            ("DOWNLOAD", "--discovr-client-id", KEYS.discovr_client_id),
            {"DISCOVR__PROFILE": "Nobody"},
            "Me (",
        ),
    ],
)
async def test_what_a_script_leaves_out_or_gets_wrong_is_named(
    tmp_path: Path, args: tuple[str, ...], keys: dict[str, str], words: str
) -> None:
    async with services(tmp_path) as place:
        given = [str(place.download) if word == "DOWNLOAD" else word for word in args]
        env = place.env(**keys)
        code, document, _ = await run("setup", "--non-interactive", *given, env=env)
    assert code == 2
    assert words in document["remedy"]


async def test_a_config_that_is_there_is_changed_with_consent_alone(
    tmp_path: Path,
) -> None:
    async with services(tmp_path, profiles=(ME,)) as place:
        place.config.parent.mkdir(parents=True)
        mine = '# mine\n[history]\nplays = "all"  # every one\n'
        place.config.write_text(mine, encoding="utf-8")
        given = ("--discovr-client-id", KEYS.discovr_client_id)
        args = ("setup", "--non-interactive", str(place.download), *given)
        code, document, _ = await run(*args, env=place.env())
        assert (code, place.config.read_text(encoding="utf-8")) == (2, mine)
        assert "--yes" in document["remedy"]
        async with program("setup", env=place.env(), on_terminal=True) as running:
            await running.answers("is there already", "n")
            assert await running.ends() != 0
        assert place.config.read_text(encoding="utf-8") == mine
        code, _, screen = await run(*args, "--yes", env=place.env())
        assert code == 0, screen
        text = place.config.read_text(encoding="utf-8")
        assert text.startswith(mine)
        assert tomllib.loads(text)["discovr"]["client_id"] == KEYS.discovr_client_id
        assert place.config.stat().st_mode & 0o777 == 0o600


async def test_a_service_that_is_down_costs_nobody_what_was_typed(
    tmp_path: Path,
) -> None:
    async with services(tmp_path, profiles=(ME,)) as place:
        env = place.env(TMDB__API_URL="http://127.0.0.1:9/3")
        args = ("setup", str(place.download), "--discovr-client-id")
        keys = (KEYS.discovr_client_id,)
        async with program(*args, *keys, env=env, on_terminal=True) as running:
            await running.answers("API key of TMDB?", KEYS.tmdb_api_key)
            await running.shows("cannot be tried now")
            assert await running.ends() == 0, running.screen
        kept = tomllib.loads(place.config.read_text(encoding="utf-8"))
        assert kept["tmdb"]["api_key"] == KEYS.tmdb_api_key


async def test_without_a_terminal_it_says_how_to_go_on(tmp_path: Path) -> None:
    async with services(tmp_path) as place:
        code, document, _ = await run("setup", env=place.env())
    assert code == 2
    assert "--non-interactive" in document["message"]
