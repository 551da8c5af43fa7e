"""Whole moves by the page, in a real browser, with the real program."""

from __future__ import annotations

import re
from contextlib import suppress
from signal import SIGINT, SIGKILL
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Error

from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.faults import Fault
from sync.web.links import write_door
from tests.web_suite.browsing import (
    KEYS,
    WAY,
    Mover,
    agree,
    give_download,
    make_plan,
    mover,
    see_proof,
    sign_in,
    undo,
    wrote,
    wrote_at_least,
)

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser, Page

# One browser serves all of them, and lives in the loop of the session.
pytestmark = [
    pytest.mark.long,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),  # whole moves, on a machine that may be busy
]


async def test_a_download_goes_over_by_mouse_and_can_be_taken_back(
    chromium: Browser, tmp_path: Path
) -> None:
    async with mover(chromium, tmp_path) as me:
        await me.inspect()
        for step in WAY:
            await step(me)
            await me.inspect_at_rest()
        me.judge()
        await me.press("Open the report")
        await me.inspect()
        await me.page.go_back()

        async def press(name: str) -> None:
            await me.press(name)
            await me.inspect_at_rest()

        await undo(me, press)
        await me.inspect()
        await me.conclude()
        assert await me.end(SIGINT) == 130
        assert "Opened again, it goes on from there" in me.said


async def test_an_account_goes_over_by_keyboard_alone(
    chromium: Browser, tmp_path: Path
) -> None:
    slow = DiscovrQuirks(approves_after_polls=3)
    async with mover(chromium, tmp_path, discovr=slow) as me:
        keyboard = me.page.keyboard
        await me.type_("Client id of your Trakt application", KEYS.trakt_client_id)
        await me.type_(
            "Client secret of the same application", KEYS.trakt_client_secret
        )
        await keyboard.press("Enter")
        await me.reads()
        await me.inspect()
        await me.enter("Go on to Discovr")
        await me.type_("Client id of your Discovr application", KEYS.discovr_client_id)
        await keyboard.press("Enter")
        await me.sees("for this code")
        await me.inspect_at_rest()
        await me.enter("Me")
        await me.enter("Make the plan")
        await me.enter("Agree, and write this")
        await see_proof(me)
        me.judge()
        await undo(me, me.enter)
        await me.conclude()


async def test_plain_forms_do_without_the_script(
    chromium: Browser, tmp_path: Path
) -> None:
    async with mover(chromium, tmp_path, java_script_enabled=False) as me:
        await me.page.get_by_label("The file").set_input_files(me.download)
        await me.press("Read it")
        await me.reads()
        for step in WAY[1:-1]:
            await step(me)
        await me.press("See the proof")
        await see_proof(me)
        me.judge()


async def test_stop_is_heeded_and_it_goes_on_from_any_tab(
    chromium: Browser, tmp_path: Path
) -> None:
    async with mover(chromium, tmp_path) as me:
        for step in (give_download, sign_in, make_plan):
            await step(me)
        other = (await me.open()).page
        await me.sees("would be written to the profile", other)
        me.discovr.latency_s = 6
        await agree(me)
        # What is looked at stays: the other tab only says that there is more to see.
        await me.press("Show it", other)
        await me.at("watch", other)
        await me.inspect_at_rest()
        await wrote_at_least(me, 3)
        await me.press("Stop", other)
        me.discovr.latency_s = 0
        # The first tab learns of it by itself.
        await me.sees("Stopped")
        written = wrote(me)
        me.judge(is_carried=False)
        await me.inspect()
        await me.page.reload()
        await me.press("Go on")
        await me.sees("would be written to the profile")
        assert wrote(me) == written
        await agree(me)
        await see_proof(me)
        me.judge()
        await other.goto(f"{me.origin}/")
        await me.at("proof", other)
        await me.conclude()


async def test_a_login_lost_in_the_middle_is_renewed_on_the_page(
    chromium: Browser, tmp_path: Path
) -> None:
    async with mover(chromium, tmp_path) as me:
        for step in (give_download, sign_in, make_plan):
            await step(me)
        me.discovr.faults = lambda _request, _number: (
            Fault.answer(401) if wrote(me) >= 5 else None
        )
        await agree(me)
        await me.sees("Sign in to Discovr again")
        me.judge(is_carried=False)
        await me.inspect()
        me.discovr.faults = None
        await me.press("Sign in to Discovr")
        await agree(me)
        await see_proof(me)
        me.judge()
        await me.conclude()


async def test_a_service_that_is_down_is_tried_again_on_the_page(
    chromium: Browser, tmp_path: Path
) -> None:
    async with mover(chromium, tmp_path) as me:
        await give_download(me)
        await sign_in(me)
        me.discovr.faults = lambda _request, _number: Fault.answer(503)
        await me.press("Make the plan")
        await me.find("Try again").wait_for(timeout=120_000)
        await me.inspect()
        me.discovr.faults = None
        await me.press("Try again")
        await agree(me)
        await see_proof(me)
        me.judge()
        await me.conclude()


async def test_every_page_can_be_loaded_again_and_gone_back_to(
    chromium: Browser, tmp_path: Path
) -> None:
    async with mover(chromium, tmp_path) as me:
        for step in WAY:
            await step(me)
            await _load_again(me.page)
        written = wrote(me)
        for _ in range(30):
            await me.page.go_back()
            if me.page.url == "about:blank":
                break
            await me.page.get_by_role("heading", level=1).wait_for()
            assert "That did not work" not in await me.page.inner_text("main")
        await me.page.goto(f"{me.origin}/")
        await see_proof(me)
        assert wrote(me) == written
        me.judge()
        await me.conclude()


async def _load_again(page: Page) -> None:
    heading = page.get_by_role("heading", level=1)
    await page.wait_for_load_state()
    with suppress(Error):  # the page may go on by itself at this very moment
        await page.reload()
    await heading.wait_for()


@pytest.mark.parametrize("steps", range(len(WAY) + 1))
async def test_killed_after_any_step_it_goes_on_where_it_was(
    chromium: Browser, tmp_path: Path, steps: int
) -> None:
    async with mover(chromium, tmp_path) as me:
        for step in WAY[:steps]:
            await step(me)
        await _go_on_after_a_kill(me)


@pytest.mark.parametrize("writes", [1, 7])
async def test_killed_in_the_middle_of_a_run_it_goes_on(
    chromium: Browser, tmp_path: Path, writes: int
) -> None:
    async with mover(chromium, tmp_path) as me:
        for step in WAY[:3]:
            await step(me)
        me.discovr.latency_s = 3
        await agree(me)
        await wrote_at_least(me, writes)
        me.discovr.latency_s = 0
        await _go_on_after_a_kill(me)


async def _go_on_after_a_kill(me: Mover) -> None:
    """Kill the program, start it, and go on."""
    await me.end(SIGKILL)
    await me.leave()
    await me.start()
    await _go_on(me)


async def _go_on(me: Mover) -> None:
    """Press whatever leads on, up to the proof."""
    onward = (
        "Read it",
        "Go on to Discovr",
        "Make the plan",
        "Agree, and write this",
        "Me",
        "Go on",
        "Try again",
        "See the proof",  # it was over before the page could be told
    )
    while not re.search(r"/proof$", me.page.url):
        await me.page.get_by_role("heading", level=1).wait_for()
        if await me.page.get_by_label("The file").count():
            await me.page.get_by_label("The file").set_input_files(me.download)
            await me.reads()
        key = me.page.get_by_label("Client id of your Discovr application")
        if await key.count():
            await key.fill(KEYS.discovr_client_id)
            await me.press("Sign in to Discovr")
        for name in onward:
            if await me.find(name).count():
                await me.find(name).click()
                break
        await me.page.wait_for_timeout(200)
    await see_proof(me)
    me.judge()
    await me.conclude()


async def test_a_used_link_lets_nobody_in_and_enter_prints_another(
    chromium: Browser, tmp_path: Path
) -> None:
    async with mover(chromium, tmp_path, on_terminal=True) as me:
        used = me.links[0]
        async with await chromium.new_context() as stranger:
            page = await stranger.new_page()
            await page.goto(used)
            await me.sees("This link was used before", page)
            await me.page.get_by_role("heading", level=1).wait_for()
            me.program.types("")  # type: ignore[union-attr]
            await page.goto(await me.link())
            await me.at("from", page)
            assert "token=" not in page.url
        assert await me.end(SIGINT) == 130


async def test_a_file_leads_the_browser_in_as_a_link_does(
    chromium: Browser, tmp_path: Path
) -> None:
    async with mover(chromium, tmp_path, on_terminal=True) as me:
        me.program.types("")  # type: ignore[union-attr]
        door = tmp_path / "door.html"
        write_door(door, await me.link())
        async with await chromium.new_context() as other:
            # Its cookie is for requests of our own pages alone, and this is none.
            page = await other.new_page()
            await page.goto(door.as_uri())
            await me.at("from", page)
            assert "token=" not in page.url


async def test_ctrl_c_ends_a_run_in_good_order(
    chromium: Browser, tmp_path: Path
) -> None:
    async with mover(chromium, tmp_path) as me:
        for step in WAY[:3]:
            await step(me)
        me.discovr.latency_s = 2
        await agree(me)
        await wrote_at_least(me, 3)
        assert await me.end(SIGINT) == 130
        me.discovr.latency_s = 0
        assert re.search(r"Stopping: finishing the \d+ writes? under way", me.said)
        assert "The page has ended" in me.said
        me.judge(is_carried=False)
        await me.leave()
        await me.start()
        await _go_on(me)
