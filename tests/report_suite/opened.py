"""A page that is open in a browser, and all that it did there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from playwright.async_api import BrowserContext, Dialog, Page

#: Takes the data and the options of a browser context.
Opener: TypeAlias = "Callable[..., AbstractAsyncContextManager[Opened]]"

_VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.effectiveDirective} ${event.blockedURI}`);
});
"""


@dataclass
class Opened:
    """``notes`` has what went to the console, errors and dialogs; best is none."""

    page: Page
    notes: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @classmethod
    async def at(cls, url: str, context: BrowserContext) -> Opened:
        context.set_default_timeout(10_000)
        page = await context.new_page()
        opened = cls(page)
        page.on("console", lambda message: opened.notes.append(message.text))
        page.on("pageerror", lambda error: opened.notes.append(str(error)))

        async def dismiss(dialog: Dialog) -> None:
            opened.notes.append(f"dialog: {dialog.message}")
            await dialog.dismiss()

        page.on("dialog", dismiss)
        # What the page asks for, before anything could hold it back.
        session = await context.new_cdp_session(page)
        await session.send("Network.enable")
        session.on(
            "Network.requestWillBeSent",
            lambda event: opened.requests.append(event["request"]["url"]),
        )
        await page.add_init_script(_VIOLATIONS)
        await page.goto(url)
        return opened

    async def violations(self) -> list[str]:
        """Return what the policy of the page refused."""
        found: list[str] = await self.page.evaluate("window.violations")
        return found
