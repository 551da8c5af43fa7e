"""The whole sign-in as a person meets it: the real program on a pseudo-terminal."""

from __future__ import annotations

import json
import os
import re
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from connectors.auth.tokens import TokenStore
from sync.documents.base import ErrorDocument
from sync.documents.login import LoginDocument, LogoutDocument
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.server.faults import Fault
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn
from tests.login_suite.programs import environment, program
from tests.login_suite.scenes import CODES, POLL, spoil

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs pseudo-terminals")
WAITING = "Waiting for that"


class Place:
    """Both services, and an environment that leads to them."""

    def __init__(self, folder: Path, **discovr: Any) -> None:
        quirks = TraktQuirks(device_interval_s=1)
        self.trakt = TraktStandIn(synthetic_account(1), quirks=quirks)
        self.discovr = DiscovrStandIn(quirks=DiscovrQuirks(**discovr))
        self.store = TokenStore(folder / "tokens.json")
        self.picture = folder / "discovr-sign-in.png"

    def env(self, **more: str) -> dict[str, str]:
        return environment(self.store.path.parent, self.trakt, self.discovr, **more)


@asynccontextmanager
async def place(folder: Path, **discovr: Any) -> AsyncIterator[Place]:
    there = Place(folder, **discovr)
    async with there.trakt, there.discovr:
        yield there


async def test_a_person_signs_in_to_trakt_and_out_again(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        async with program("login", "trakt", env=there.env(), on_terminal=True) as run:
            await run.shows(WAITING)
            assert "one community app" in run.screen.partition("Code:")[0]
            assert f"Address: {there.trakt.url}/activate" in run.screen
            code = re.search(r"Code: (\S+)", run.screen)
            assert code is not None
            there.trakt.devices.approve(code[1])
            assert await run.ends() == 0
        assert run.stdout == f"Logged in to Trakt as {there.trakt.account.user}.\n"
        assert there.store.load("trakt") is not None
        async with program("logout", "trakt", env=there.env()) as run:
            assert await run.ends() == 0
        assert run.stdout == "Logged out of Trakt.\n"
        assert there.store.load("trakt") is None


async def test_a_person_scans_the_code_and_picks_a_profile(tmp_path: Path) -> None:
    async with place(tmp_path, user_code="letters") as there:
        async with program(
            "login", "discovr", env=there.env(), on_terminal=True
        ) as run:
            await run.shows(WAITING)
            assert "\u2588\u2580" in run.screen
            code = re.search(r"Code: (\S+-\S+)", run.screen)
            assert code is not None
            assert f"Address: {there.discovr.url}/activate?code={code[1]}" in run.screen
            assert not there.picture.exists()
            there.discovr.devices.approve(code[1])
            await run.shows("Which profile")
            run.types("3")
            run.types("2")
            assert await run.ends() == 0
        stored = there.store.load("discovr")
        assert stored is not None
        assert stored.extra["profile"] == there.discovr.profiles[0].id
        assert f"* {there.discovr.profiles[0].id}  Me" in run.stdout


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "not know the code"), (409, "used already"), (418, "refused")],
)
async def test_a_refusal_by_trakt_exits_3_with_a_remedy(
    tmp_path: Path, status: int, words: str
) -> None:
    async with place(tmp_path) as there:
        spoil(there.trakt, POLL, [Fault.answer(status)])
        async with program("login", "trakt", env=there.env(), on_terminal=True) as run:
            assert await run.ends() == 3
        assert words in run.screen
        assert "trakt2discovr login trakt" in run.screen
        assert run.stdout == ""


async def test_a_trakt_code_that_runs_out_twice_exits_3(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        spoil(there.trakt, POLL, [Fault.answer(410)] * 2)
        async with program("login", "trakt", env=there.env(), on_terminal=True) as run:
            assert await run.ends() == 3
        assert len(set(re.findall(r"Code: (\S+)", run.screen))) == 2


async def test_a_refusal_by_discovr_exits_3_with_a_document(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        spoil(there.discovr, f"{CODES}/", [Fault.answer(401)])
        async with program("--json", "login", "discovr", env=there.env()) as run:
            assert await run.ends() == 3
        error = ErrorDocument.model_validate_json(run.stdout)
        assert error.exit_code == 3
        assert "login discovr" in error.remedy
        assert not there.picture.exists()


async def test_without_a_terminal_the_picture_is_saved_and_stdout_is_a_document(
    tmp_path: Path,
) -> None:
    async with place(tmp_path, approves_after_polls=0) as there:
        async with program("--json", "login", "discovr", env=there.env()) as run:
            await run.shows(WAITING)
            assert f"QR code: {there.picture}" in run.screen
            assert "Address: http" in run.screen
            assert there.picture.read_bytes().startswith(b"\x89PNG")
            assert there.picture.stat().st_mode & 0o077 == 0
            assert await run.ends() == 0
        assert not there.picture.exists()
        document = LoginDocument.model_validate_json(run.stdout)
        assert document.profile is None
        assert [profile.name for profile in document.profiles] == ["Kids", "Me"]
        async with program("--json", "logout", "discovr", env=there.env()) as run:
            assert await run.ends() == 0
        assert LogoutDocument.model_validate_json(run.stdout).is_revoked


@pytest.mark.parametrize("more", [{"COLUMNS": "30"}, {"PYTHONIOENCODING": "ascii"}])
async def test_a_terminal_that_cannot_show_it_gets_a_file(
    tmp_path: Path, more: dict[str, str]
) -> None:
    async with place(tmp_path) as there:
        env = there.env(**more)
        async with program("login", "discovr", env=env, on_terminal=True) as run:
            await run.shows("Waiting")
            assert str(there.picture) in run.screen.replace("\r\n", "")
            assert "\u2588" not in run.screen
            run.kill(signal.SIGTERM)
            assert await run.ends() == 143
        assert not there.picture.exists()


async def test_ctrl_c_while_waiting_exits_130_and_leaves_no_login(
    tmp_path: Path,
) -> None:
    async with place(tmp_path) as there:
        async with program("login", "trakt", env=there.env(), on_terminal=True) as run:
            await run.shows(WAITING)
            run.kill(signal.SIGINT)
            assert await run.ends() == 130
        assert there.store.load("trakt") is None
        assert "Traceback" not in run.screen


async def test_ctrl_c_at_the_question_exits_130_and_keeps_the_login(
    tmp_path: Path,
) -> None:
    async with place(tmp_path, approves_after_polls=0) as there:
        async with program(
            "login", "discovr", env=there.env(), on_terminal=True
        ) as run:
            await run.shows("Which profile")
            run.kill(signal.SIGINT)
            assert await run.ends() == 130
        assert there.store.load("discovr") is not None
        assert "the login is stored" in run.screen


async def test_a_logout_that_the_service_did_not_hear_of_exits_4(
    tmp_path: Path,
) -> None:
    async with place(tmp_path) as there:
        spoil(there.discovr, "/", [Fault.answer(403)])
        env = there.env(TRAKT2DISCOVR_DISCOVR__REFRESH_TOKEN="rt_any")
        async with program("--json", "logout", "discovr", env=env) as run:
            assert await run.ends() == 4
        assert json.loads(run.stdout)["is_revoked"] is False


async def test_a_profile_is_for_discovr_only(tmp_path: Path) -> None:
    async with (
        place(tmp_path) as there,
        program("login", "trakt", "--profile", "Me", env=there.env()) as run,
    ):
        assert await run.ends() == 2
        assert "--profile" in run.screen
