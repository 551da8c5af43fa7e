"""Somebody who moves by the page: the real program, a real browser, and the laws.

The services are stand-ins in the process of the test, which are there all the time; the
program is a process of its own, so that it can be killed and started again.
"""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Error

from sync.domain.plays import to_minute
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.trakt.export import write_export
from sync.sandbox.trakt.quirks import TraktQuirks
from tests.login_suite.programs import Program, launch
from tests.report_suite.opened import Opened
from tests.safety.accounts import mixed_account
from tests.safety.arena import HookedDiscovr, HookedTmdb, HookedTrakt
from tests.safety.reading import own_entry, shown, watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path
    from signal import Signals

    from aiohttp import web
    from playwright.async_api import Browser, BrowserContext, Locator, Page

    from sync.sandbox.account.account import Account
    from tests.safety.reading import Shown

    Words = re.Pattern[str]

KEYS = Credentials()
#: A page has to be there by then, on a machine that has much else to do.
PATIENCE_MS = 30_000
_LINK = re.compile(r"http://\S+token=\S+\n")
_WILLING = TraktQuirks(device_interval_s=1, approves_after_polls=1)
#: What a screen reader calls that which has the focus.
_NAME_OF_FOCUS = """(() => {
  const it = document.activeElement;
  const label = it.labels?.[0]?.textContent ?? it.getAttribute("aria-label");
  return (label ?? it.textContent ?? "").replace(/\\s+/g, " ").trim();
})()"""
#: What the themes and the widths are tried with.
THEMES = (("light", 360), ("dark", 1440))


@dataclass
class Mover:
    """The services, the program, and the browser of one person."""

    account: Account
    trakt: HookedTrakt
    discovr: HookedDiscovr
    tmdb: HookedTmdb
    folder: Path
    context: BrowserContext
    tabs: list[Opened] = field(default_factory=list)
    program: Program | None = None
    #: Requests a second to Discovr: with a few, there is time for something meanwhile.
    pace: float = 1000
    said: str = ""
    on_terminal: bool = False
    links: list[str] = field(default_factory=list)
    _told: int = 0

    def __post_init__(self) -> None:
        self.before = self.read()

    @property
    def page(self) -> Page:
        """The first tab."""
        return self.tabs[0].page

    @property
    def origin(self) -> str:
        """Where the page is, as the last link says."""
        return self.links[-1].partition("/?")[0]

    @property
    def download(self) -> Path:
        path = self.folder / "trakt-export-me.zip"
        return path if path.exists() else write_export(self.account, path)

    def environment(self) -> dict[str, str]:
        leads = {
            "TRAKT__API_URL": self.trakt.url,
            "TRAKT__AUTH_URL": self.trakt.url,
            "DISCOVR__API_URL": self.discovr.url,
            "DISCOVR__REQUESTS_PER_SECOND": str(self.pace),
            "TMDB__API_URL": self.tmdb.api_url,
        }
        named = {f"TRAKT2DISCOVR_{name}": value for name, value in leads.items()}
        own = {
            "HOME": str(self.folder),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "PYTHONIOENCODING": "utf-8",
        }
        return {**os.environ, **named, **own}

    # The program.

    async def start(self) -> None:
        """Start it, and let the browser in by the link that it prints."""
        self.program = launch(
            "web", "--no-open", env=self.environment(), on_terminal=self.on_terminal
        )
        self._told = 0
        link = await self.link()
        if self.tabs:
            await self.page.goto(link)
        else:
            await self.open(link)

    async def link(self) -> str:
        """Wait for the next link on the terminal."""
        program = self.program
        assert program
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while not (found := _LINK.search(program.stdout, self._told)):
                assert program.is_running, program.screen
                program.shown.clear()
                await program.shown.wait()
        self._told = found.end()
        self.links.append(found[0].strip())
        return self.links[-1]

    async def end(self, number: Signals) -> int:
        """Send it a signal; return its exit code."""
        program, self.program = self.program, None
        assert program
        program.kill(number)
        code = await program.ends()
        self.said = program.screen
        program.close()
        return code

    async def restart(self, number: Signals) -> None:
        """End it, and start it again on what it left."""
        await self.end(number)
        await self.start()

    # The browser.

    async def open(self, url: str = "") -> Opened:
        """Open another tab."""
        tab = await Opened.at(url or f"{self.origin}/", self.context)
        tab.page.set_default_timeout(PATIENCE_MS)
        self.tabs.append(tab)
        return tab

    async def leave(self) -> None:
        """Look at nothing, and forget what was said of a connection that is gone."""
        for tab in self.tabs:
            while tab.page.url != "about:blank":
                with suppress(Error):  # it may be on its way to what is gone
                    await tab.page.goto("about:blank")
            tab.notes.clear()

    async def press(self, name: str, page: Page | None = None) -> None:
        """Click the button or the link of that name, once it is there."""
        await self.find(name, page).click()

    async def tab_to(self, name: str) -> None:
        """Go on by Tab to what has that name; fail where it cannot be reached."""
        page, found = self.page, []
        await page.get_by_role("heading", level=1).wait_for()
        for _ in range(80):
            await page.keyboard.press("Tab")
            found.append(await page.evaluate(_NAME_OF_FOCUS))
            if found[-1] == name:
                return
        raise AssertionError(f"Tab does not lead to {name}: {found}")

    async def type_(self, name: str, text: str) -> None:
        """Fill a field by keyboard alone."""
        await self.tab_to(name)
        await self.page.keyboard.type(text)

    async def enter(self, name: str) -> None:
        """Press a button, or follow a link, by keyboard alone."""
        await self.find(name).wait_for()
        await self.tab_to(name)
        await self.page.keyboard.press("Enter")

    def find(self, name: str, page: Page | None = None) -> Locator:
        page = page or self.page
        button = page.get_by_role("button", name=name, exact=True)
        return button.or_(page.get_by_role("link", name=name, exact=True)).first

    async def sees(
        self, words: str | re.Pattern[str], page: Page | None = None
    ) -> None:
        """Wait until a heading, or any other words, are there."""
        await (page or self.page).get_by_text(words).first.wait_for()

    async def reads(self) -> None:
        """Wait for the proof of what was read."""
        there = self.page.get_by_text("proved whole")
        ahead = self.page.get_by_role("heading", name="Where does it go?")
        await there.or_(ahead).first.wait_for()
        if await ahead.count():
            await self.page.goto(f"{self.origin}/read")
        await there.first.wait_for()

    async def at(self, step: str, page: Page | None = None) -> None:
        """Wait until the page is at a step, and has nothing more to load."""
        await (page or self.page).wait_for_url(re.compile(rf"/{step}(\?|#|$)"))

    # What has to hold.

    def read(self) -> Shown:
        return shown(self.account, self.discovr.entries())

    def judge(self, *, is_carried: bool = True) -> None:
        """Hold the laws: complete, nothing else, and nothing twice."""
        after, wanted = self.read(), watched(self.account)
        assert after.maybe <= self.before.maybe | wanted.keys()
        assert self.before.surely <= after.surely
        assert self.discovr.doubled() == {}
        entries = self.discovr.entries()
        for key, times in wanted.items() if is_carried else ():
            own = own_entry(key, entries)
            is_kept = (
                own
                and (own.progress or 0) < 80
                and to_minute(own.updated_at) > max(times)
            )
            assert key in after.surely or is_kept, f"{key} is missing"

    async def inspect(self) -> None:
        """Look at the page as a screen reader does, in both themes and widths."""
        page = self.page
        for theme, width in THEMES:
            await page.set_viewport_size({"width": width, "height": 900})
            await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            found = await Axe().run(page)
            complaints = [
                (rule["id"], node["html"], node["failureSummary"])
                for rule in found.response["violations"]
                for node in rule["nodes"]
            ]
            assert complaints == [], page.url
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, page.url

    async def inspect_at_rest(self) -> None:
        """The same, for a page that may lead on by itself meanwhile."""
        while True:
            try:
                return await self.inspect()
            except Error as error:
                if "context was destroyed" not in str(error):
                    raise

    async def conclude(self) -> None:
        """Nothing was complained of in any tab, and nobody else was asked."""
        for tab in self.tabs:
            assert tab.notes == []
            assert await tab.violations() == []
            own = re.compile(r"http://127\.0\.0\.1:\d+/|data:")
            assert [url for url in tab.requests if not own.match(url)] == []


@asynccontextmanager
async def mover(
    chromium: Browser,
    folder: Path,
    *,
    account: Account | None = None,
    trakt: TraktQuirks | None = None,
    discovr: DiscovrQuirks | None = None,
    pace: float = 1000,
    on_terminal: bool = False,
    **browser: Any,
) -> AsyncIterator[Mover]:
    """Start the services and the program, and open the page."""
    found, own = (account, []) if account else mixed_account()
    async with (
        HookedTrakt(
            found,
            quirks=trakt or TraktQuirks(device_interval_s=1, approves_after_polls=1),
        ) as trakt_server,
        HookedDiscovr(
            catalogue=found.titles,
            profiles=("Me", "Kids"),
            quirks=discovr or DiscovrQuirks(approves_after_polls=1),
        ) as discovr_server,
        HookedTmdb(found.titles) as tmdb_server,
        await chromium.new_context(reduced_motion="reduce", **browser) as context,
    ):
        for key, progress, at in own:
            discovr_server.person_adds(key, progress=progress, at=at)
        person = Mover(
            found,
            trakt_server,
            discovr_server,
            tmdb_server,
            folder,
            context,
            pace=pace,
            on_terminal=on_terminal,
        )
        await person.start()
        try:
            yield person
        except Exception:
            # Where it stood, for whoever reads of the failure.
            for tab in person.tabs:
                text = await tab.page.locator("body").inner_text()
                print(f"{tab.page.url}\n{text}\n{tab.notes}")  # noqa: T201
            raise
        finally:
            if person.program and person.program.is_running:
                person.program.kill()
            if person.program:
                await person.program.ends()
                person.program.close()


# The steps, by mouse.


async def give_download(me: Mover) -> None:
    await me.page.get_by_label("The file").set_input_files(me.download)
    await me.reads()


async def sign_in(me: Mover) -> None:
    await me.press("Go on to Discovr")
    field_ = me.page.get_by_label("Client id of your Discovr application")
    await field_.fill(KEYS.discovr_client_id)
    await me.press("Sign in to Discovr")
    await me.press("Me")
    await me.sees("The profile")


async def make_plan(me: Mover) -> None:
    await me.press("Make the plan")
    await me.sees("would be written to the profile")


async def agree(me: Mover) -> None:
    await me.press("Agree, and write this")


async def see_proof(me: Mover) -> None:
    balance = me.page.get_by_text("The balance")
    link = me.page.get_by_role("link", name="See the proof")
    await balance.or_(link).first.wait_for()
    if await link.count():  # it was over before the page could be told
        await link.press("Enter")
    await me.at("proof")
    await balance.first.wait_for()


def wrote(me: Mover) -> int:
    """Return how many entries were written so far."""
    seen = me.discovr.requests(path="/profile/history")
    return sum(request.method == "POST" for request in seen)


async def wrote_at_least(me: Mover, number: int) -> None:
    """Wait until so many writes have come in, answered or not."""
    arrived = asyncio.Event()

    def look(request: web.Request, _number: int) -> None:
        is_write = request.method == "POST" and request.path == "/profile/history"
        if wrote(me) + is_write >= number:
            arrived.set()

    me.discovr.faults = look
    async with asyncio.timeout(PATIENCE_MS / 1000):
        if wrote(me) < number:
            await arrived.wait()
    me.discovr.faults = None


async def undo(me: Mover, press: Callable[[str], Awaitable[None]]) -> None:
    await press("What comes after")
    await press("Undo this run")
    await press("Take it back")
    await me.sees(re.compile(r"\d+ entr(y|ies) taken back"))
    assert me.read().surely == me.before.surely


#: The way from the first page to the proof, a step at a time.
WAY: tuple[Callable[[Mover], Awaitable[None]], ...] = (
    give_download,
    sign_in,
    make_plan,
    agree,
    see_proof,
)
