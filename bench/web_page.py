"""The page of a big account: how soon its plan is there, and what the server holds."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from bench.both_servers import serve
from bench.children import ROOT, ChildError, measure_child
from bench.measure import Goal, Result, Row, summarise
from bench.page_server import PLAYS_A_SHOW
from sync.sandbox.account.synthetic import synthetic_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.measure import Noise
    from bench.sizes import Sizes

#: The account that has goals: plays and shows.
_GOALS_AT, _SHOWS = 100_000, 1_000
_OPENS_S, _FINDS_MS, _MORE_MB = 1.0, 100.0, 50.0
_SEARCHES = ("a", "1", "show", "show 77", "no such title")
_LOOKS = 5
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
#: Stands in a page while something goes on.
_LIVE = " data-live>"
_PROVED = '<p class="proof proved">'
_HIDDEN = re.compile(r'name="(token|plan)" value="([^"]*)"')


async def run(sizes: Sizes, noise: Noise) -> Result:
    """Carry the same account over by the command and by the page, each afresh."""
    plays = sizes.on_the_page
    is_goal = plays == _GOALS_AT
    shows = _SHOWS if is_goal else max(1, plays // PLAYS_A_SHOW)
    account = synthetic_account(plays, shows)
    with tempfile.TemporaryDirectory() as folder:
        async with serve(account, Path(folder)) as config:
            noise.sample()
            command = await _carry_by_command(config, folder)
    with tempfile.TemporaryDirectory() as folder:
        async with serve(account, Path(folder)) as config, _page(config) as page:
            noise.sample()
            took = await _carry_by_page(page)

    def goal(most: float) -> Goal | None:
        return Goal("most", most) if is_goal else None

    about = f"{plays:,} plays of {shows:,} shows, by the page and by the command"
    found = [1000 * second for second in took.found]
    rows = [
        summarise("the plan's page opens", took.opened, "s", goal=goal(_OPENS_S)),
        summarise("a search in the plan", found, "ms", goal=goal(_FINDS_MS)),
        Row("migrate, peak memory", command, "MB"),
        Row("the page, peak memory as far as the plan", took.planned_mb, "MB"),
        Row(
            "the page, peak memory to the end of the run",
            took.ended_mb,
            "MB",
            goal=goal(command + _MORE_MB),
        ),
        Row("the page, peak memory with the report opened", took.shown_mb, "MB"),
    ]
    return Result("web", about, rows)


@dataclass(slots=True)
class _Took:
    opened: list[float]
    found: list[float]
    #: The most memory up to the plan, to the end of the run, and once it was looked at.
    planned_mb: float
    ended_mb: float
    shown_mb: float


class _Page:
    """The page of a process, as a browser that was let in asks for it."""

    def __init__(self, process: int, url: str, session: aiohttp.ClientSession) -> None:
        self._process = process
        self._url = url
        self._session = session
        self._fields: dict[str, str] = {}
        self._is_live = False
        #: Whether what was seen last says that all is in its place.
        self.is_proved = False

    async def get(self, path: str) -> tuple[str, float]:
        """Return where it led to, and how long it took."""
        began = time.perf_counter()
        async with self._session.get(f"{self._url}{path}") as answer:
            text = await answer.text()
            answer.raise_for_status()
        took = time.perf_counter() - began
        self._fields.update(_HIDDEN.findall(text))
        self._is_live = _LIVE in text
        self.is_proved = _PROVED in text
        return answer.url.path, took

    async def send(self, path: str, **fields: str) -> None:
        """Send a form of the page that was seen last."""
        form = {"token": self._fields["token"], **fields}
        headers = {"Sec-Fetch-Site": "same-origin"}
        async with self._session.post(
            f"{self._url}{path}", data=form, headers=headers
        ) as answer:
            answer.raise_for_status()

    async def until(self, step: str) -> None:
        """Wait until it stands there, and nothing goes on."""
        while True:
            where, _ = await self.get("/")
            if where == step and not self._is_live:
                return
            await asyncio.sleep(0.2)

    async def agree(self) -> None:
        """Agree to the plan that was seen last."""
        await self.send("/plan/answer", plan=self._fields["plan"], answer="yes")

    async def has_plan(self) -> None:
        """Wait for the plan."""
        self._fields.pop("plan", None)
        while "plan" not in self._fields:
            await self.get("/plan")
            await asyncio.sleep(0.2)

    def peak_mb(self) -> float:
        """Return the most memory that the process ever held; 0 where none tells."""
        try:
            status = Path(f"/proc/{self._process}/status").read_text(encoding="utf-8")
        except OSError:
            return 0.0
        found = _PEAK.search(status)
        return int(found[1]) / 1000 if found else 0.0


async def _carry_by_command(config: Path, folder: str) -> float:
    command = (sys.executable, "-m", "bench.command", "-q", "migrate", "--yes")
    environment = {"HOME": folder, "TRAKT2DISCOVR_CONFIG": str(config)}
    peak: float = (await measure_child(command, environment))["peak_mb"]
    return peak


@asynccontextmanager
async def _page(config: Path) -> AsyncIterator[_Page]:
    folder = str(config.parent)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sync", "-c", str(config), "web", "--no-open"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=ROOT,
        env={"HOME": folder, "PATH": "", "XDG_DATA_HOME": folder},
    )
    try:
        link = (await process.stdout.readline()).decode() if process.stdout else ""
        if "token=" not in link:
            raise ChildError("the page printed no link")
        jar = aiohttp.CookieJar(unsafe=True)  # of a number, not of a name
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            url = link.partition("/?")[0]
            page = _Page(process.pid, url, session)
            await page.get(link.strip().removeprefix(url))
            yield page
    finally:
        process.terminate()
        await process.wait()


async def _carry_by_page(page: _Page) -> _Took:
    await page.send("/from/account")
    await page.until("/read")
    await page.send("/plan")
    await page.has_plan()
    opened = [(await page.get("/plan"))[1] for _ in range(_LOOKS)]
    found = [(await page.get(f"/plan/rows?q={q}"))[1] for q in _SEARCHES]
    planned_mb = page.peak_mb()
    await page.agree()
    await page.until("/proof")
    if not page.is_proved:
        raise ChildError("the run of the page was not proved")
    ended_mb = page.peak_mb()
    await page.get("/report")
    return _Took(opened, found, planned_mb, ended_mb, page.peak_mb())
