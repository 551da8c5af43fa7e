"""What a process can find itself with gets words and an exit code of the table."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from unittest.mock import Mock

import pytest

from connectors.errors import ConfigError
from sync.cli import session
from sync.config import Settings, find_config, load_settings
from sync.ledger import Ledger
from sync.runtime.signals import heeding

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
COMMANDS = ["--help", "--version", "status", "--json status", "--sandbox --json plan"]
TABLE = {0, 1, 2, 3, 4, 5, 6, 130, 143}


def run(
    folder: Path, words: str, shell: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the program by way of a shell, which closes what it is told to close."""
    command = f"exec {sys.executable} -m sync {words} {shell}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        **more,
    }
    return subprocess.run(  # noqa: S603  # ourselves
        ["/bin/sh", "-c", command],
        capture_output=True,
        check=False,
        text=True,
        cwd=folder,
        env=environment,
    )


@pytest.fixture(scope="module")
def usual_codes() -> dict[str, int]:
    """Exit codes where every stream is open, as far as they were asked for."""
    return {}


@pytest.mark.parametrize("words", COMMANDS)
@pytest.mark.parametrize(
    "closed",
    [
        *(pytest.param(one, marks=pytest.mark.long) for one in (">&-", "2>&-", "<&-")),
        ">&- 2>&- <&-",
    ],
)
def test_a_closed_stream_changes_no_exit_code(
    tmp_path: Path, words: str, closed: str, usual_codes: dict[str, int]
) -> None:
    done = run(tmp_path, words, closed)
    if words not in usual_codes:
        usual_codes[words] = run(tmp_path, words).returncode
    assert done.returncode == usual_codes[words]
    assert done.returncode in TABLE - {1}
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("words", COMMANDS)
def test_a_full_disk_behind_stdout_is_said(tmp_path: Path, words: str) -> None:
    done = run(tmp_path, words, ">/dev/full")
    assert done.returncode == 2
    assert "cannot be written: No space left on device" in done.stderr
    assert "Make room" in done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
    both = run(tmp_path, words, ">/dev/full 2>/dev/full")
    assert both.returncode == 2


#: Modules that come in one after the other while the program starts.
_EARLY = ["click", "sync.cli.app", "sync.cli.runner", "pydantic", "sync.ledger"]
_INTERRUPTED = """
import signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Finder())
sys.argv = ["trakt2discovr", "status"]
from sync.cli import main
main()
"""


@pytest.mark.parametrize("name", _EARLY)
def test_ctrl_c_while_it_starts_is_a_stop_in_words(tmp_path: Path, name: str) -> None:
    done = subprocess.run(  # noqa: S603  # ourselves
        [sys.executable, "-c", _INTERRUPTED.format(name=name)],
        capture_output=True,
        check=False,
        text=True,
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 130
    assert "Stopped" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Aborted" not in done.stderr


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user of a container: no HOME, and no entry among the users."""

    def nobody(uid: int) -> NoReturn:
        raise KeyError(uid)

    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_what_to_set_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no home folder") as caught:
        load_settings(environ={})
    assert "HOME" in caught.value.remedy
    state = {"url": f"sqlite:///{tmp_path}/s.db", "tokens": str(tmp_path / "t.json")}
    told = {f"TRAKT2DISCOVR_STATE__{k.upper()}": v for k, v in state.items()}
    assert load_settings(environ=told).state.tokens == tmp_path / "t.json"
    assert not list(tmp_path.iterdir()), "nothing is made, and no folder called ~"


def path_settings() -> list[tuple[str, str]]:
    """Name every setting that is a path, as the schema of the settings knows it."""
    return [
        (section, key)
        for section, part in Settings.model_fields.items()
        if isinstance(part.annotation, type)
        for key, field in part.annotation.model_fields.items()
        if "Path" in str(field.annotation)
    ]


@pytest.mark.parametrize(("section", "key"), path_settings())
def test_a_tilde_in_a_path_is_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str, key: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Settings.model_validate({section: {key: "~/x"}})
    assert getattr(getattr(settings, section), key) == tmp_path / "x"


@pytest.mark.parametrize(("section", "key"), path_settings())
def test_what_can_be_no_path_is_said(section: str, key: str) -> None:
    with pytest.raises(ConfigError, match="a character of code 0"):
        Settings.model_validate({section: {key: "a\0b"}})


async def test_a_tilde_in_the_address_of_the_state_is_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    async with await Ledger.open("sqlite:///~/state.db"):
        pass
    assert (tmp_path / "state.db").is_file()
    assert find_config(Path("~/c.toml"), {}) == tmp_path / "c.toml"
    named = {"TRAKT2DISCOVR_CONFIG": "~/d.toml"}
    assert find_config(None, named) == tmp_path / "d.toml"


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize(
    "read",
    [
        lambda: find_config(Path("~/c.toml"), {}),
        lambda: Settings.model_validate({"state": {"url": "x", "tokens": "~/t"}}),
        lambda: asyncio.run(Ledger.open("sqlite:///~/state.db").__await__().__next__()),
    ],
    ids=["config", "tokens", "state"],
)
def test_a_tilde_without_a_home_is_said(read: Callable[[], object]) -> None:
    with pytest.raises(ConfigError, match="no home folder"):
        read()


class _Elsewhere:
    """A loop of a system that lets no loop have signals, nor watch a terminal."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __getattr__(self, name: str) -> object:
        if name in {"add_signal_handler", "remove_signal_handler", "add_reader"}:
            return _not_here
        return getattr(self._loop, name)


#: As asyncio answers on Windows.
_not_here = Mock(side_effect=NotImplementedError)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("is_elsewhere", [False, True])
async def test_signals_are_heeded_where_the_loop_cannot_have_them(
    monkeypatch: pytest.MonkeyPatch, name: str, *, is_elsewhere: bool
) -> None:
    loop, number, heeded = asyncio.get_running_loop(), signal.Signals[name], []
    before = signal.getsignal(number)
    if is_elsewhere:
        elsewhere = _Elsewhere(loop)
        monkeypatch.setattr(asyncio, "get_running_loop", lambda: elsewhere)
    with heeding(name, lambda: heeded.append(name)):
        signal.raise_signal(number)
        for _ in range(3):
            await asyncio.sleep(0)
    assert heeded == [name]
    assert signal.getsignal(number) == before


async def test_a_signal_that_the_system_does_not_know_is_never_awaited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(signal, "SIGHUP")
    with heeding("SIGHUP", _not_here):
        pass


async def test_an_answer_is_read_where_the_loop_cannot_watch_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        elsewhere = _Elsewhere(asyncio.get_running_loop())
        monkeypatch.setattr(asyncio, "get_running_loop", lambda: elsewhere)
        os.write(writer, b"yes\n")
        os.close(writer)
        assert await session.agree("Go on?")
        assert not await session.agree("Go on?"), "the end of the input is a no"


@pytest.mark.parametrize("service", ["trakt", "discovr"])
@pytest.mark.parametrize("folder", ["/dev/null/deep", "/proc/nothing", "/sys"])
def test_a_login_that_cannot_be_kept_says_why(
    tmp_path: Path, service: str, folder: str
) -> None:
    tokens = f"{folder}/tokens.json"
    done = run(
        tmp_path,
        f"login {service}",
        TRAKT2DISCOVR_STATE__TOKENS=tokens,
        TRAKT2DISCOVR_TRAKT__CLIENT_ID="id",
        TRAKT2DISCOVR_TRAKT__CLIENT_SECRET="secret",
        TRAKT2DISCOVR_DISCOVR__CLIENT_ID="id",
    )
    assert done.returncode == 2
    assert f"The token store {tokens} cannot be used: " in done.stderr
    assert "Correct [state] tokens, or the rights on that folder." in done.stderr
    assert "bug" not in done.stderr
