"""A sign-in that is put off, or fails: nothing that was given before is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from connectors.errors import ServiceError, TransientError
from sync.cli.app import app
from sync.config import ENV_PREFIX
from sync.errors import StoppedError
from tests.setup_suite.people import KEYS
from tests.setup_suite.test_remembered import document, place_of, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOGIN = f"{ENV_PREFIX}DISCOVR__REFRESH_TOKEN"


@pytest.fixture
def newcomer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, pytest.MonkeyPatch]]:
    """Return a download; its person has not signed in, and has no API."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / ".config"))
    with place_of(tmp_path, monkeypatch, has_api=False):
        yield tmp_path / "trakt-export-me.zip", monkeypatch


def set_up(download: Path, *more: str, code: int = 0) -> Any:
    words = ("setup", "--non-interactive", "--yes", str(download))
    return document(*words, *more, code=code)


def signed_in(patch: pytest.MonkeyPatch, token: str) -> None:
    """Stand in for ``login discovr``, which other tests lead through."""
    patch.setenv(LOGIN, token)


@pytest.mark.parametrize("failing", [None, TransientError, StoppedError])
def test_the_download_waits_for_the_sign_in(
    newcomer: tuple[Path, pytest.MonkeyPatch],
    failing: type[ServiceError] | None,
) -> None:
    download, patch = newcomer
    token = KEYS.discovr_refresh_token
    patch.delenv(LOGIN)
    if failing is None:
        assert set_up(download, "--no-login")["next"] == "trakt2discovr login discovr"
    else:

        async def fail(*_: object, **__: object) -> NoReturn:
            raise failing("It did not work.", remedy="Try again.")

        patch.setattr("sync.setup.setup.login_discovr", fail)
        words = ("setup", "--non-interactive", "--yes", str(download))
        told = run(*words, code=None)
        assert told.exit_code
        # Nobody is sent back to where the config would be asked about.
        assert "trakt2discovr setup" not in told.stderr
        assert "trakt2discovr login discovr" in told.stderr
        assert document("status")["files"]
        return
    for command in ("migrate --yes", "plan", "verify"):
        error = document(*command.split(), code=3)
        assert "Discovr" in error["message"]
        assert "login discovr" in error["remedy"]
    known = document("status")
    assert known["files"] == [{"path": str(download), "state": "there"}]
    assert str(download) in run("status").stdout
    signed_in(patch, token)
    moved = document("migrate", "--yes")
    assert moved["balance"]["read"]
    assert moved["verification"]["missing"] == []
    # From now on it is what the last run of this profile read, and waits no more.
    known = document("status")
    assert known["files"] == []
    (profile,) = known["profiles"]
    assert profile["files"] == [{"path": str(download), "state": "there"}]


def test_what_was_named_last_goes_before_what_the_last_run_read(
    newcomer: tuple[Path, pytest.MonkeyPatch], tmp_path: Path
) -> None:
    download, _ = newcomer
    copy = tmp_path / "newer.zip"
    copy.write_bytes(download.read_bytes())
    run("migrate", str(copy), "--yes")
    set_up(download, "--no-login")
    assert f"reading {download}" in run("plan").stderr
    run("migrate", str(copy), "--yes")
    assert f"reading {copy}" in run("plan").stderr


def test_without_a_network_the_answers_are_kept_untried_if_nobody_signs_in(
    newcomer: tuple[Path, pytest.MonkeyPatch],
) -> None:
    download, patch = newcomer
    patch.setenv(f"{ENV_PREFIX}DISCOVR__API_URL", "http://127.0.0.1:9")
    done = set_up(download, "--no-login")
    tried = {one["setting"]: one["is_tried"] for one in done["tried"]}
    assert tried["[discovr] client_id"] is False
    assert tried["files"] is True
    # Who wants to sign in now cannot.
    assert set_up(download, code=4)["error"] == "TransientError"


def test_every_command_that_reads_a_source_takes_its_file_directly(
    newcomer: tuple[Path, pytest.MonkeyPatch],
) -> None:
    download, _ = newcomer
    reading = [
        name
        for name, command in app.commands.items()
        if any(option.name == "files" for option in command.params)
    ]
    assert {"migrate", "plan", "verify"} <= set(reading)
    for name in reading:
        more = ["--yes"] if name == "migrate" else []
        seen = document(name, str(download), *more, code=None)
        assert seen["balance"]["read"], name


def test_a_rehearsal_in_which_nothing_was_carried_over_says_how_to_begin(
    newcomer: tuple[Path, pytest.MonkeyPatch],
) -> None:
    download, patch = newcomer
    patch.setenv("XDG_DATA_HOME", str(download.parent / "data"))
    # Looked at, and not agreed to.
    run("--sandbox", "plan", str(download))
    told = run("--sandbox", "verify").stdout
    assert "nothing was carried over yet" in told
    assert "verified" not in told
    assert "0 of 0" not in told
    assert "Next: trakt2discovr --sandbox migrate" in told
    # Only the person reads what a rehearsal leaves.
    data = download.parent / "data" / "trakt2discovr"
    run("--sandbox", "migrate", str(download), "--yes")
    assert (data / "rehearsal").stat().st_mode & 0o777 == 0o700
    for file in (data / "rehearsal").iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
