"""Publishes a report on Pharen Hub: one page a profile, updated from then on.

A second POST of the same page would make a second page. So the intent is durable before
the first one leaves, with the pages that had this title already and a digest of what is
sent: of an unclear answer it tells which page is ours. No list is proof by itself, so a
page that it showed only now need not be new.
"""

from __future__ import annotations

import hashlib
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

from connectors.clock import SystemClock
from connectors.errors import NotFoundError, UnknownOutcomeError
from connectors.pharen.models import TITLE_LIMIT
from sync.documents.report_store import recall_report
from sync.domain.evidence import CLOCKS_APART
from sync.ledger import Ledger
from sync.ledger.fact_names import recall_profile, wanted
from sync.report.markdown import render
from sync.report.reading import read_histories
from sync.runtime.words import count
from sync.wiring.clients import Clients

if TYPE_CHECKING:
    from connectors.clock import Clock
    from connectors.pharen.client import PharenClient
    from connectors.pharen.models import Page
    from sync.config import Settings
    from sync.wiring.options import ClientOptions

FACT = "pharen"
#: A page whose answer was lost may still be on its way for so long.
SETTLE_S = 5.0
MOST_SENDS = 3


@dataclass(frozen=True, slots=True)
class Published:
    """The page that holds the report; ``is_new``: it was added just now."""

    id: str
    title: str
    is_new: bool


class _Intent(NamedTuple):
    """A page that may have been added: its title, and the pages that had it ``before``.

    ``sent`` is a digest of its content; ledgers of before know neither that nor ``at``.
    """

    title: str
    before: frozenset[str]
    sent: str | None = None
    at: datetime | None = None

    @classmethod
    def from_fact(cls, fact: dict[str, Any]) -> _Intent:
        """Read what the ledger keeps."""
        at = fact.get("at")
        before = frozenset(fact["before"])
        at = datetime.fromisoformat(at) if at else None
        return cls(fact["title"], before, fact.get("sent"), at)

    def to_fact(self) -> dict[str, Any]:
        """Return what the ledger keeps."""
        at = self.at.isoformat() if self.at else None
        return {"before": sorted(self.before), "sent": self.sent, "at": at}

    def may_be(self, page: Page) -> bool:
        """Whether it may be this one, as far as a list tells."""
        if page.title != self.title or page.id in self.before:
            return False
        return not self.is_older(page) or bool(self.sent)

    def is_older(self, page: Page) -> bool:
        """Whether that page was there before."""
        if self.at is None or page.created_at is None:
            return False
        return page.created_at < self.at - CLOCKS_APART


async def publish_report(
    settings: Settings, *, title: str | None = None, **options: Unpack[ClientOptions]
) -> Published:
    """Publish the report of the last run. Idempotent: there is one page a profile."""
    clock = options.get("clock") or SystemClock()
    async with AsyncExitStack() as stack:
        client = Clients(settings, stack, **options).pharen()
        ledger = await stack.enter_async_context(await Ledger.open(settings.state.url))
        profile = await recall_profile(ledger, settings.discovr.profile)
        report, at = await recall_report(ledger, profile)
        histories = await read_histories(ledger, report.profile)
        lock = ledger.profile_lock(
            report.profile, command="report", at=clock.now(), clock=clock
        )
        hold = await stack.enter_async_context(lock)
        client.http.check_writes(hold.confirm)
        publisher = Publisher(client, ledger, report.profile, clock)
        name = wanted(settings.discovr.profile)
        title = title or f"From {report.source.name} to Discovr: {name}"
        return await publisher.publish(
            title[:TITLE_LIMIT], render(report, at, histories)
        )


class Publisher:
    """Keeps one page of Pharen Hub in step with the reports of one profile."""

    def __init__(
        self, client: PharenClient, ledger: Ledger, profile: str, clock: Clock
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._profile = profile
        self._clock = clock

    async def publish(self, title: str, content: str) -> Published:
        """Update the page that is known, or add one. ``title``: 1 to 255 characters."""
        intent = await self._ledger.get_fact(self._profile, FACT)
        known = await self._known(intent) if intent else None
        if known is not None and not await self._update(known, title, content):
            known = None
        page_id = known or await self._add(title, content)
        await self._note(title, id=page_id)
        return Published(page_id, title, is_new=known is None)

    async def _update(self, page_id: str, title: str, content: str) -> bool:
        """Replace the page; whether it is there, which one answer alone never tells."""
        for wait_s in (0.0, SETTLE_S):
            await self._clock.sleep(wait_s)
            try:
                await self._client.update(page_id, title, content)
            except NotFoundError:
                continue
            return True
        return False  # somebody removed it there

    async def _known(self, fact: dict[str, Any]) -> str | None:
        page_id: str | None = fact["id"]
        return page_id or await self._find(_Intent.from_fact(fact))

    async def _add(self, title: str, content: str) -> str:
        before = frozenset(
            [p.id async for p in self._client.pages() if p.title == title]
        )
        intent = _Intent(title, before, _digest(content), self._clock.now())
        await self._note(title, id=None, **intent.to_fact())
        for _ in range(MOST_SENDS):
            try:
                return (await self._client.create(title, content)).id
            except UnknownOutcomeError:
                found = await self._find(intent)
            if found is not None:
                return found
        raise UnknownOutcomeError(
            f"Pharen Hub gave no clear answer to {count(MOST_SENDS, 'try', 'tries')}.",
            remedy="Publish again later: the page is looked for first.",
            service="Pharen Hub",
        )

    async def _find(self, intent: _Intent) -> str | None:
        """Look for a page that may have been added: twice, as the list may lag."""
        is_in_doubt = False
        for _ in range(2):
            await self._clock.sleep(SETTLE_S)
            async for page in self._client.pages():
                if not intent.may_be(page):
                    continue
                if await self._is_as_sent(page, intent):
                    return page.id
                is_in_doubt |= not intent.is_older(page)
        if is_in_doubt:
            raise UnknownOutcomeError(
                f'Pharen Hub has a page "{intent.title}" that may be the one that was '
                "sent, or somebody else's.",
                remedy="Rename or remove that page there, then publish again.",
                service="Pharen Hub",
            )
        return None

    async def _is_as_sent(self, page: Page, intent: _Intent) -> bool:
        """Whether it holds what was sent; lists may leave the content out."""
        if intent.sent is None:
            return True
        try:
            content = page.content or (await self._client.read(page.id)).content
        except NotFoundError:
            return False
        return _digest(content) == intent.sent

    async def _note(self, title: str, **state: Any) -> None:
        fact = {"title": title, "before": []} | state
        await self._ledger.put_fact(self._profile, FACT, fact, self._clock.now())


def _digest(content: str) -> str:
    """Tell contents apart, whatever becomes of blanks at their ends."""
    lines = map(str.strip, content.strip().splitlines())
    return hashlib.sha256("\n".join(lines).encode(errors="replace")).hexdigest()[:16]
