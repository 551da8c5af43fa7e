"""What the command does around the page: links, another start, and its end."""

from __future__ import annotations

import asyncio
import re
import stat
import webbrowser
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import aiohttp
import pytest
from click.testing import CliRunner

from sync.cli.app import app
from sync.cli.commands import web
from sync.cli.context import Context
from sync.cli.runner import Exit, Output
from sync.errors import StoppedError
from sync.runtime.stop import Stop
from sync.web.idle import Idle
from sync.web.server import HERE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SANDBOX = Context(
    config=None, is_sandbox=True, as_json=False, is_verbose=False, is_quiet=False
)
_LINK = re.compile(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def serve(stop: Stop, *, opens: bool = False, has_health: bool = False) -> int:
    output = Output(SANDBOX)
    return await web._serve(SANDBOX, HERE, has_health, opens, output, stop)


@asynccontextmanager
async def served(
    read: Callable[[], str], stop: Stop | None = None, *, opens: bool = False
) -> AsyncIterator[asyncio.Task[int]]:
    """Run it meanwhile, from when it has printed its link."""
    task = asyncio.create_task(serve(stop or Stop(), opens=opens))
    async with asyncio.timeout(20):
        while not (_LINK.search(read()) or task.done()):
            await asyncio.wait([task], timeout=0.01)
    yield task
    task.cancel()
    await asyncio.wait([task])


@pytest.fixture
def read(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return all that was printed on stdout so far."""
    so_far = []

    def read() -> str:
        so_far.append(capsys.readouterr().out)
        return "".join(so_far)

    return read


async def test_another_start_prints_a_link_to_the_one_that_runs(
    read: Callable[[], str], home: Path
) -> None:
    async with served(read) as first:
        assert await serve(Stop()) == Exit.DONE
        one, *more = _LINK.findall(read())
        assert not first.done()
        for link in (one, *more):
            assert urlsplit(link).port == urlsplit(one).port
            async with (
                aiohttp.ClientSession() as session,
                session.get(link, allow_redirects=False) as answer,
            ):
                assert answer.status == 303
    assert not [*(home / "trakt2discovr" / "web").iterdir()]


async def test_the_browser_is_given_a_file_and_no_link(
    read: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def open_(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", open_)
    monkeypatch.setattr(web, "has_screen", lambda: True)
    async with served(read, opens=True):
        (url,) = opened
        assert "token" not in url
        mode, text = look(url)
        assert mode == 0o600
        (link,) = set(_LINK.findall(text))
        # The one that is printed is another: either may be used.
        assert link != _LINK.findall(read())[0]
        async with aiohttp.ClientSession() as session, session.get(link):
            pass
        assert look(url) == (0, "")


def look(url: str) -> tuple[int, str]:
    """Return the rights of a file and what it says, nothing where it is none."""
    file = Path(url2pathname(urlsplit(url).path))
    if not file.exists():
        return 0, ""
    return stat.S_IMODE(file.stat().st_mode), file.read_text(encoding="utf-8")


async def test_ctrl_c_ends_it_in_words(read: Callable[[], str]) -> None:
    stop = Stop()
    async with served(read, stop) as task:
        stop.request()
        task.cancel()
        with pytest.raises(StoppedError, match="The page has ended") as caught:
            await task
    # The runner names the command, once.
    assert "trakt2discovr" not in caught.value.remedy


async def test_it_ends_by_itself_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Idle, "wait", partial(asyncio.sleep, 0))
    assert await serve(Stop()) == Exit.DONE
    said = " ".join(capsys.readouterr().err.split())
    assert "Nobody asked for anything in an hour" in said
    assert "trakt2discovr --sandbox web" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["web", "--port", "1", "--listen", "127.0.0.1:2"], "contradict"),
        (["--json", "web"], "prints a link"),
        (["web", "--port", "70000"], "70000"),
        (["web", "--listen", "0.0.0.0:8080"], "other machines"),
        (["web", "--listen", "nowhere"], "no address"),
    ],
)
def test_what_does_not_fit_is_refused(words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == Exit.USAGE
    assert said in result.output


def test_a_folder_that_browsers_in_a_box_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = tmp_path / ".local" / "x.json"
    monkeypatch.setattr(web, "_BOXED", tmp_path / "none")
    assert web._door(notice) == notice.with_suffix(".html")
    monkeypatch.setattr(web, "_BOXED", tmp_path)
    assert web._door(notice).parent == Path.home()
