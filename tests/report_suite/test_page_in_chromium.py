"""The page of a report, opened in a real browser."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.async_playwright import Axe

from sync.domain.plan import Fate
from tests.report_suite.builders import HOSTILE, data, eventful, film, show

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.report_suite.opened import Opener

# One browser serves all of them, and lives in the loop of the session.
pytestmark = pytest.mark.asyncio(loop_scope="session")

SIX: dict[int, Fate | None] = dict.fromkeys(range(1, 6), Fate.COVERED)
SIX[6] = None


async def count(page: Page, selector: str) -> int:
    return await page.locator(f"{selector} >> visible=true").count()


def square(page: Page, season: int, episode: int) -> Locator:
    row = page.locator(".season").nth(season - 1)
    return row.locator("li").nth(episode - 1)


async def test_every_section_is_there_and_no_heading_is_skipped(opened: Opener) -> None:
    async with opened(eventful()) as view:
        for heading in (
            "The balance",
            "Plays by month",
            "Shows",
            "Films",
            "What did not go over, and what to do",
            "Resume points",
            "The receipts",
        ):
            await view.page.get_by_role("heading", name=heading, exact=True).wait_for()
        levels = await view.page.evaluate(
            "[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])"
        )
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b - a <= 1 for a, b in pairwise(levels))
        for landmark in ("banner", "navigation", "main", "contentinfo", "search"):
            assert await view.page.get_by_role(landmark).count() == 1


async def test_every_link_leads_into_the_page_or_to_tmdb(opened: Opener) -> None:
    async with opened(eventful()) as view:
        links = await view.page.evaluate(
            "[...document.links].map(a => a.getAttribute('href'))"
        )
        assert len(links) > 7
        elsewhere = [link for link in links if not link.startswith("#")]
        assert all(a.startswith("https://www.themoviedb.org/") for a in elsewhere)
        for link in {*links} - {*elsewhere}:
            assert await view.page.locator(link).count() == 1


async def test_it_asks_nobody_for_anything_and_says_nothing_on_the_console(
    opened: Opener,
) -> None:
    async with opened(eventful()) as view:
        await view.page.mouse.wheel(0, 20_000)
        await view.page.locator("#filter-title").fill("script")
        await view.page.evaluate("new Promise(requestAnimationFrame)")
        elsewhere = [url for url in view.requests if url[:5] not in ("file:", "data:")]
        assert view.requests
        assert elsewhere == []
        assert view.notes == []
        assert await view.violations() == []


async def test_its_policy_forbids_scripts_styles_and_images_from_elsewhere(
    opened: Opener,
) -> None:
    asked: list[bytes] = []

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        # Chromium may dial ahead; only what it says then would be a request.
        asked.append(await reader.read(1))
        writer.close()

    async with (
        await asyncio.start_server(answer, "127.0.0.1") as server,
        opened(data(show("Dark", SIX))) as view,
    ):
        port = server.sockets[0].getsockname()[1]
        await view.page.evaluate(
            """(url) => {
              const add = (name, values) => document.body.append(
                Object.assign(document.createElement(name), values));
              add("script", { textContent: "window.wasRun = true" });
              add("script", { src: url });
              add("img", { src: url });
              add("iframe", { src: url });
              add("link", { rel: "stylesheet", href: url });
              add("style", { textContent: "body { display: none }" });
              document.body.setAttribute("onclick", "window.wasRun = true");
              document.body.click();
              fetch(url).catch(() => null);
            }""",
            f"http://127.0.0.1:{port}/",
        )
        await view.page.wait_for_function("window.violations.length >= 8")
        refused = {line.split()[0] for line in await view.violations()}
        assert refused == {
            "script-src-elem",
            "script-src-attr",
            "img-src",
            "frame-src",
            "style-src-elem",
            "connect-src",
        }
        assert not await view.page.evaluate("window.wasRun")
        assert not any(asked)


async def test_titles_are_shown_to_the_letter_and_run_nothing(opened: Opener) -> None:
    async with opened(eventful()) as view:
        for place in ("#map h3 bdi", ".year bdi", "#left li > bdi"):
            shown = await view.page.locator(place).all_text_contents()
            for title in HOSTILE:
                assert (title if title.strip() else "(no title)") in shown
        scripts = view.page.locator("script")
        assert await scripts.count() == 1
        assert await count(view.page, "img") == 0
        assert await view.page.locator("[onerror], [onclick], [style]").count() == 0
        assert view.notes == []


@pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 360), pytest.param("dark", 1440, marks=pytest.mark.long)],
)
async def test_axe_finds_nothing_to_complain_about(
    scheme: str, width: int, opened: Opener
) -> None:
    size = {"width": width, "height": 900}
    async with opened(eventful(), viewport=size, color_scheme=scheme) as view:
        await view.page.locator(".times input").first.check()
        await square(view.page, 3, 1).hover()
        found = await Axe().run(view.page)
        complaints = [
            (rule["id"], rule["impact"], node["html"], node["failureSummary"])
            for rule in found.response["violations"]
            for node in rule["nodes"]
        ]
        assert complaints == []
        assert len(found.response["passes"]) > 20


@pytest.mark.parametrize(
    "width", [360, *(pytest.param(w, marks=pytest.mark.long) for w in (768, 1440))]
)
async def test_nothing_is_wider_than_the_screen(width: int, opened: Opener) -> None:
    async with opened(eventful(), viewport={"width": width, "height": 800}) as view:
        for box in await view.page.locator(".times input").all():
            await box.check()
        wide = await view.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        # No number of the months is broken in the middle.
        rows = """[...document.querySelectorAll(".heat tr")].map(
          (row) => row.getBoundingClientRect().height)"""
        assert max(await view.page.evaluate(rows)) < 30
        cut = """[...document.querySelectorAll(".scroll")].filter(
          (element) => element.scrollWidth > element.clientWidth).length"""
        assert await view.page.evaluate(cut) == 0
        boxes = [
            await view.page.locator(name).bounding_box()
            for name in ("#balance", "#months")
        ]
        balance, months = boxes
        assert balance
        assert months
        is_beside = months["x"] > balance["x"] + balance["width"]
        assert is_beside is (width == 1440)


async def test_the_arrow_keys_walk_through_a_show(opened: Opener) -> None:
    async with opened(data(show("Dark", SIX, SIX, plays=2))) as view:
        page, keyboard = view.page, view.page.keyboard
        await page.locator(".times input").focus()
        await keyboard.press("Tab")
        steps = {
            "ArrowRight": (1, 2),
            "End": (1, 6),
            "ArrowDown": (2, 6),
            "ArrowLeft": (2, 5),
            "ArrowUp": (1, 5),
            "Home": (1, 1),
        }
        for key, place in steps.items():
            await keyboard.press(key)
            here = square(page, *place)
            assert await here.evaluate("e => e === document.activeElement")
            told = await page.locator("#detail").inner_text()
            assert (await here.text_content() or "").strip() in told
            assert "the reason" in told
        assert "2019-01-12 20:00, 2019-01-13 20:00" in told
        ring = await here.evaluate("e => getComputedStyle(e).outlineStyle")
        assert ring == "solid"
        described = await here.get_attribute("aria-describedby")
        assert await page.locator(f"#{described}").inner_text() == "the reason"
        await keyboard.press("Escape")
        assert await count(page, "#detail") == 0
        # One stop a show: the next Tab leaves it, and coming back returns to the place.
        await keyboard.press("ArrowRight")
        await keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.closest('.season')") is None
        await keyboard.press("Shift+Tab")
        assert await square(page, 1, 2).evaluate("e => e === document.activeElement")


async def test_a_square_tells_of_itself_under_the_pointer_and_under_a_finger(
    opened: Opener,
) -> None:
    async with opened(data(show("Dark", SIX)), has_touch=True) as view:
        page, detail = view.page, view.page.locator("#detail")
        await square(page, 1, 3).hover()
        assert "Episode 3: covered by a season default" in await detail.inner_text()
        # It stays for those who move on to it, to read or to copy.
        await detail.hover()
        assert await count(page, "#detail") == 1
        await page.mouse.move(0, 0)
        assert await count(page, "#detail") == 0
        await square(page, 1, 6).tap()
        assert "Episode 6: not watched" in await detail.inner_text()


async def test_what_a_square_tells_stays_on_the_screen(opened: Opener) -> None:
    long = dict.fromkeys(range(1, 200), Fate.COVERED)
    size = {"width": 360, "height": 640}
    shown = data(show("Soap", long, plays=40))
    async with opened(shown, viewport=size) as view:
        for episode in (1, 12, 100, 199):
            await square(view.page, 1, episode).hover()
            box = await view.page.locator("#detail").bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["y"] >= 0
            assert box["x"] + box["width"] <= 360
            assert box["y"] + box["height"] <= 640


async def test_the_filter_finds_titles_whatever_their_accents(opened: Opener) -> None:
    shows = [show("Pokémon", SIX), show("Dark", SIX), film("Pokemon: the film")]
    async with opened(data(*shows)) as view:
        found = view.page.locator("#filter-found")
        assert await found.inner_text() == "2 of 2 shows, 1 of 1 films"
        await view.page.get_by_label("Title").fill(" POKEMON")
        assert await found.inner_text() == "1 of 2 shows, 1 of 1 films"
        assert await view.page.locator(".show:visible h3 bdi").all_text_contents() == [
            "Pokémon"
        ]
        await view.page.get_by_label("Title").fill("nothing like it")
        assert await found.inner_text() == "0 of 2 shows, 0 of 1 films"
        assert await count(view.page, ".year") == 0


async def test_the_filter_finds_states(opened: Opener) -> None:
    shows = [
        show("Dark", SIX),
        show("The Wire", {1: Fate.WRITTEN, 2: Fate.FAILED}),
        film("Alien", Fate.FAILED),
    ]
    async with opened(data(*shows)) as view:
        await view.page.get_by_label("State").select_option("failed")
        found = await view.page.locator("#filter-found").inner_text()
        assert found == "1 of 2 shows, 1 of 1 films"
        visible = view.page.locator(".show:visible")
        assert await visible.locator("h3 bdi").text_content() == "The Wire"
        marks = await visible.locator("li").evaluate_all(
            "all => all.map(li => getComputedStyle(li, '::before').opacity)"
        )
        assert marks == ["0.25", "1"]


async def test_who_watched_films_alone_has_the_filter_too(opened: Opener) -> None:
    async with opened(data(film("Alien"), film("Up", number=2))) as view:
        await view.page.get_by_label("Title").fill("ali")
        found = await view.page.locator("#filter-found").inner_text()
        assert found == "0 of 0 shows, 1 of 2 films"
        assert view.notes == []


async def test_without_scripts_everything_can_be_read(opened: Opener) -> None:
    shown = data(show("Dark", SIX), film("Alien"))
    async with opened(shown, java_script_enabled=False) as view:
        page = view.page
        assert await count(page, "#filter, #theme, #detail") == 0
        episode = square(page, 1, 3)
        narrow = await episode.bounding_box()
        await page.get_by_label("As a list, with times").check()
        wide = await episode.bounding_box()
        assert narrow
        assert wide
        assert wide["width"] > 5 * narrow["width"]
        assert "2019-01-26 20:00" in (await episode.text_content() or "")


async def test_on_paper_everything_is_open_and_no_control_is_left(
    opened: Opener,
) -> None:
    async with opened(data(show("Dark", SIX), film("Alien"))) as view:
        page = view.page
        await page.get_by_role("button", name="Dark theme").click()
        await page.locator("summary").click()
        assert await count(page, ".heat") == 0
        await page.emulate_media(media="print")
        assert await count(page, "nav, button, #filter, .times, .skip") == 0
        assert await count(page, ".heat") == 1
        row = await square(page, 1, 3).bounding_box()
        assert row
        assert row["width"] > 100
        scheme = "getComputedStyle(document.documentElement).colorScheme"
        assert await page.evaluate(scheme) == "light"
        assert (await page.pdf()).startswith(b"%PDF")


async def test_the_theme_is_that_of_the_system_until_the_button_says_otherwise(
    opened: Opener,
) -> None:
    async with opened(data(), color_scheme="dark") as view:
        ground = "getComputedStyle(document.body).backgroundColor"
        dark = await view.page.evaluate(ground)
        await view.page.get_by_role("button", name="Light theme").click()
        light = await view.page.evaluate(ground)
        assert dark != light
        await view.page.get_by_role("button", name="Dark theme").click()
        assert await view.page.evaluate(ground) == dark


async def test_nothing_on_the_page_moves_by_itself(opened: Opener) -> None:
    async with opened(eventful()) as view:
        moving = """[...document.querySelectorAll("*")].filter((element) => {
          const style = getComputedStyle(element);
          return style.scrollBehavior !== "auto" || style.animationName !== "none"
            || style.transitionDuration !== "0s";
        }).length"""
        assert await view.page.evaluate(moving) == 0


async def test_the_first_stop_of_the_tab_key_skips_to_the_content(
    opened: Opener,
) -> None:
    async with opened(data()) as view:
        await view.page.keyboard.press("Tab")
        assert await count(view.page, ".skip:focus") == 1
        await view.page.keyboard.press("Enter")
        here = "document.activeElement.id"
        assert await view.page.evaluate(here) == "content"
