"""What a run read is remembered: by every command, in every hint, for every profile."""

from __future__ import annotations

import json
import shlex
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from sync.cli.app import app
from sync.sandbox.account.account import Account
from sync.sandbox.trakt.export import write_export
from tests.docs_suite.place import Place
from tests.safety.accounts import mixed_account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What a download's user has set; nothing of Trakt.
NO_API = ("TRAKT__CLIENT_ID", "TRAKT__CLIENT_SECRET")
NO_LOGIN = ("TRAKT__ACCESS_TOKEN", "TRAKT__REFRESH_TOKEN")


def run(*words: str, code: int | None = 0) -> Result:
    result = CliRunner().invoke(app, list(words))
    assert code is None or result.exit_code == code, result.output
    return result


def document(*words: str, code: int | None = 0) -> Any:
    return json.loads(run("--json", *words, code=code).stdout)


def follow(hint: str, *more: str, code: int | None = 0) -> Any:
    """Run the command of a hint, as it stands."""
    words = shlex.split(hint)
    assert words[0] == "trakt2discovr"
    return document(*words[1:], *more, code=code)


@contextmanager
def place_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, has_api: bool
) -> Iterator[Place]:
    monkeypatch.chdir(folder)
    with Place(folder) as here:
        for name, value in here.environment().items():
            left_out = () if has_api else (*NO_API, *NO_LOGIN)
            if not name.endswith(left_out or ("-",)):
                monkeypatch.setenv(name, value)
        yield here


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the download of somebody without access to the API."""
    with place_of(tmp_path, monkeypatch, has_api=False):
        yield tmp_path / "trakt-export-me.zip"


@pytest.fixture
def online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the download of somebody whose account may use the API too."""
    with place_of(tmp_path, monkeypatch, has_api=True):
        yield tmp_path / "trakt-export-me.zip"


@pytest.mark.parametrize("way", ["FILE", "--from-file", "relative", "folder"])
def test_after_a_run_every_command_knows_the_file(offline: Path, way: str) -> None:
    named = {
        "FILE": [str(offline)],
        "--from-file": ["--from-file", str(offline)],
        "relative": [offline.name],
        "folder": [str(_folder_around(offline))],
    }[way]
    first = document("migrate", *named, "--yes")
    assert first["run"]
    place = offline if way != "folder" else _folder_around(offline)
    for command in ("plan", "verify", "migrate"):
        more = ["--yes"] if command == "migrate" else []
        result = run("--json", command, *more)
        again = json.loads(result.stdout)
        assert again["balance"]["read"] == first["balance"]["read"]
        assert again["writes"] == 0
        assert f"reading {place}" in result.stderr
    (profile,) = document("status")["profiles"]
    assert profile["files"] == [{"path": str(place), "state": "there"}]


def _folder_around(download: Path) -> Path:
    folder = download.parent / "downloads"
    if not folder.exists():
        folder.mkdir()
        shutil.copy(download, folder / download.name)
    return folder


def test_status_suggests_the_api_to_nobody_who_has_none(offline: Path) -> None:
    for _ in range(2):
        text = run("status").stdout
        assert "login trakt" not in text
        assert "trakt2discovr sync" not in text
        run("migrate", str(offline), "--yes")


def test_status_goes_on_suggesting_it_to_those_who_have_it(online: Path) -> None:
    run("migrate", str(online), "--yes")
    assert "trakt2discovr sync" in run("status").stdout


def test_a_look_at_another_file_changes_nothing(offline: Path, tmp_path: Path) -> None:
    small = _other_download(tmp_path)
    run("migrate", str(small), "--yes")
    seen = document("plan", "--from-file", str(offline))
    assert seen["balance"]["read"] > 1
    assert str(offline) in seen["next"]
    assert document("plan")["balance"]["read"] == 1
    # A hint carries the file that nothing remembers, and so leads on.
    assert follow(seen["next"], "--yes")["balance"]["read"] > 1
    # That was a run, so now it is this one.
    assert document("plan")["balance"]["read"] > 1


def _other_download(folder: Path) -> Path:
    account, _ = mixed_account()
    films = [play for play in account.plays if play.episode is None]
    path = folder / "another one.zip"
    write_export(Account(account.titles, films[:1]), path)
    return path


def test_a_file_that_is_gone_is_named_with_what_to_do(offline: Path) -> None:
    run("migrate", str(offline), "--yes")
    moved = offline.rename(offline.with_name("moved.zip"))
    for command in ("plan", "verify", "migrate"):
        more = ["--yes"] if command == "migrate" else []
        error = document(command, *more, code=2)
        assert str(offline) in error["message"]
        assert "trakt2discovr migrate FILE" in error["remedy"]
    (profile,) = document("status")["profiles"]
    assert profile["files"][0]["state"] == "gone"
    run("migrate", str(moved), "--yes")
    assert document("verify")["balance"]["read"]


def test_a_file_that_is_gone_leaves_the_account_to_those_who_have_one(
    online: Path,
) -> None:
    run("migrate", str(online), "--yes")
    online.unlink()
    seen = document("plan")
    assert seen["balance"]["read"]
    assert any(str(online) in warning for warning in seen["warnings"])


def test_a_file_that_has_changed_is_read_and_said_to_have(
    offline: Path, tmp_path: Path
) -> None:
    run("migrate", str(offline), "--yes")
    before = offline.stat()
    offline.touch()
    assert document("plan")["warnings"] == []  # another time, and the same content
    shutil.copy(_other_download(tmp_path), offline)
    assert offline.stat().st_size != before.st_size
    seen = document("plan")
    assert seen["balance"]["read"] == 1
    assert any("has changed" in warning for warning in seen["warnings"])
    (profile,) = document("status")["profiles"]
    assert profile["files"][0]["state"] == "changed"
    found = {f["check"]: f for f in document("doctor", code=None)["findings"]}
    assert found["download"]["verdict"] == "warning"


def test_sync_without_the_api_says_what_it_can_do_instead(
    offline: Path, tmp_path: Path
) -> None:
    error = document("sync", "--yes", code=2)
    assert "trakt2discovr migrate FILE" in error["remedy"]
    run("migrate", str(offline), "--yes")
    assert "migrate FILE" in document("sync", "--yes", code=2)["remedy"]
    shutil.copy(_other_download(tmp_path), offline)
    error = document("sync", "--yes", code=2)
    assert str(offline) in error["remedy"]
    assert "trakt2discovr migrate (" in error["remedy"]


def test_sync_asks_the_account_and_from_then_on_so_do_the_others(
    online: Path,
) -> None:
    run("migrate", str(online), "--yes")
    assert document("status")["profiles"][0]["files"]
    run("sync", "--yes")
    assert not document("status")["profiles"][0]["files"]
    online.unlink()
    assert document("verify")["verification"]["missing"] == []


WITHOUT_FILES = (("plan",), ("verify",), ("migrate", "--yes"), ("sync", "--yes"))


def test_a_profile_that_is_not_there_comes_before_the_source(offline: Path) -> None:
    run("migrate", str(offline), "--yes")
    there = document("profiles")["profiles"]
    for command in WITHOUT_FILES:
        said = document("--profile", "Nobody", *command, code=2)
        assert "has no profile 'Nobody'" in said["message"]
        for profile in there:
            assert f"{profile['name']} ({profile['id']})" in said["remedy"]
    # Of one that is there nothing is remembered: then the source is what lacks.
    said = document("--profile", "Kids", "plan", code=2)
    assert "[trakt] client_id" in said["message"]


@pytest.mark.parametrize("amiss", ["down", "no login"])
def test_where_discovr_cannot_be_asked_the_source_is_what_is_told(
    offline: Path, monkeypatch: pytest.MonkeyPatch, amiss: str
) -> None:
    run("migrate", str(offline), "--yes")
    if amiss == "down":
        monkeypatch.setenv("TRAKT2DISCOVR_DISCOVR__API_URL", "http://127.0.0.1:9")
    else:
        monkeypatch.delenv("TRAKT2DISCOVR_DISCOVR__REFRESH_TOKEN")
    for command in WITHOUT_FILES:
        said = document("--profile", "Nobody", *command, code=2)
        assert "[trakt] client_id is not set" in said["message"]


def test_each_profile_remembers_its_own(offline: Path, tmp_path: Path) -> None:
    other = _other_download(tmp_path)
    run("migrate", str(offline), "--yes")
    run("--profile", "Kids", "migrate", str(other), "--yes")
    mine, theirs = document("plan"), document("--profile", "kids", "plan")
    assert mine["balance"]["read"] > theirs["balance"]["read"] == 1
    undone = document("--profile", "KIDS", "undo", "--yes")
    assert undone["removed"] == 1
    assert document("verify")["verification"]["missing"] == []


def test_after_undo_the_next_step_of_a_download_leads_on(offline: Path) -> None:
    run("migrate", str(offline), "--yes")
    said = run("undo", "--yes").stdout
    hint = said.rpartition("Next: ")[2].strip()
    assert hint == "trakt2discovr plan"
    planned = follow(hint)
    assert planned["writes"]
    assert follow(planned["next"], "--yes")["verification"]["missing"] == []


def test_a_rehearsal_is_looked_at_where_the_last_one_was(tmp_path: Path) -> None:
    other = _other_download(tmp_path)
    # Without a file a rehearsal carries the sample over, and is the last one then.
    for files in ([], [str(other)], []):
        run("--sandbox", "migrate", *files, "--yes")
        whose = "download" if files else "sample"
        for command in ("status", "verify", "plan", "unmatched", "report"):
            is_one = _plays(command, whose) == 1
            assert is_one == bool(files), command


def test_a_rehearsal_says_whose_account_it_is_about(offline: Path) -> None:
    """At the top of the result, once there are two that it may be."""
    sample = "This rehearses the sample account, not your own download."
    own = "This rehearses your own download, not the sample account."
    other = _other_download(offline.parent)

    def first(*words: str) -> str:
        return run(*words).stdout.partition("\n")[0]

    assert "rehearses" not in run("--sandbox", "profiles").stdout
    assert first("--sandbox", "plan", "--from-file", str(other)) == own
    for look in ("status", "verify"):
        assert first("--sandbox", look) == own
    # Without a file this is about the sample, whatever the command before was about.
    assert first("--sandbox", "profiles") == sample
    assert "rehearses" not in run("-q", "--sandbox", "status").stdout
    # What is no rehearsal has nothing to say of it.
    assert "rehearses" not in run("status").stdout
    assert document("status")["rehearses"] is None


def _plays(command: str, whose: str) -> int:
    """Return how many plays the command knows of."""
    seen = document("--sandbox", command)
    assert seen["rehearses"] == whose
    if command == "status":
        (profile,) = seen["profiles"]
        files = profile["files"]
        return len(files) if files else 913
    if command == "unmatched":
        return 913 if seen["unmatched"] else 1
    read: int = seen["balance"]["read"]
    return read


def test_hints_in_a_rehearsal_name_its_file_where_the_sample_would_be_meant(
    tmp_path: Path,
) -> None:
    other = _other_download(tmp_path)
    run("--sandbox", "migrate", str(other), "--yes")
    run("--sandbox", "undo", "--yes")
    planned = document("--sandbox", "plan")
    assert shlex.quote(str(other)) in planned["next"]
    assert follow(planned["next"], "--yes")["balance"]["read"] == 1


def test_setup_can_be_rehearsed_and_touches_nothing_of_the_person(
    offline: Path, tmp_path: Path
) -> None:
    done = document("--sandbox", "setup", "--non-interactive", str(offline))
    assert done["config"].endswith("sandbox/config.toml")
    assert follow(done["next"], "--yes")["verification"]["missing"] == []
    assert not list(tmp_path.rglob("state.sqlite3"))
