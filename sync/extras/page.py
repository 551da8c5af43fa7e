"""Creates pages on Discovr from what was watched, each once.

Nothing lists the pages of a profile, so the ledger keeps the id of each by its filters.
A page belongs to the session that made it, and every run has a session of its own:
the same filters sent again would make another page. So the intent is durable before a
request leaves. Where nobody knows what came of it, it is sent again in that session
alone; a later run makes no page that may be there, unless it is asked to.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Unpack

from connectors.clock import SystemClock
from connectors.discovr.extras import PageFilters
from connectors.errors import ContractError, ServiceError, UnknownOutcomeError
from sync.domain.plays import Kind
from sync.extras.taste import Choice, Filters, Watched, derive
from sync.ledger import Ledger
from sync.runtime.words import join
from sync.wiring.clients import Clients

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from connectors.clock import Clock
    from connectors.discovr.auth import SessionAuth
    from connectors.discovr.extras import PagesClient
    from connectors.trakt.extras import ExtrasClient
    from sync.config import Settings
    from sync.wiring.options import ClientOptions

#: What the ledger keeps of a page: this, and a digest of its filters.
FACT = "page/"
#: A request whose answer was lost may still be on its way for so long.
SETTLE_S = 5.0
MOST_SENDS = 3
BY_HAND = "given by hand"
#: The parts of a filter by what they are about: one given by hand replaces all.
_TOPICS = {
    "genres": ("genres",),
    "length": ("shortest", "longest"),
    "released": ("first_day", "last_day"),
    "keywords": ("keywords",),
    "regions": ("regions",),
    "providers": ("providers",),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """A page to make. ``given`` are fields of Filters that the person chose.

    Where it ``derives``, what was watched fills in the others.
    """

    kind: Kind
    name: str
    given: Mapping[str, Any] = field(default_factory=dict)
    derives: bool = True


@dataclass(frozen=True, slots=True)
class PageResult:
    """A page with its filters. Without ``id`` it was not made; ``is_new``: just now.

    ``is_in_doubt``: an earlier run may have made it.
    """

    name: str
    choice: Choice
    id: str | None = None
    is_new: bool = False
    is_in_doubt: bool = False


async def make_pages(
    settings: Settings,
    wishes: Sequence[Wish],
    *,
    confirm: Callable[[Sequence[PageResult]], Awaitable[bool]] | None = None,
    is_dry: bool = False,
    is_again: bool = False,
    **options: Unpack[ClientOptions],
) -> list[PageResult]:
    """Make the pages wished for, or only choose their filters if ``is_dry``.

    ``confirm`` sees those that are to be made. A page whose filters were used before is
    not made again, unless ``is_again``: that is for one whose session is over. Raises
    UnknownOutcomeError, once the others are made, where one may have been made before.
    """
    clock = options.get("clock") or SystemClock()
    async with AsyncExitStack() as stack:
        clients = Clients(settings, stack, **options)
        reader = clients.trakt_extras() if any(w.derives for w in wishes) else None
        pages = [await _choose(wish, reader) for wish in wishes]
        if is_dry:
            return pages
        ledger = await stack.enter_async_context(await Ledger.open(settings.state.url))
        client, session = clients.pages()
        await session.headers()
        profile = session.profile_id or ""
        lock = ledger.profile_lock(profile, command="page", at=clock.now(), clock=clock)
        hold = await stack.enter_async_context(lock)
        if not is_again:
            pages = [await _recall(ledger, profile, page) for page in pages]
        doubtful = [page for page in pages if page.is_in_doubt]
        wanted = [page for page in pages if not (page.id or page.is_in_doubt)]
        if wanted and (confirm is None or await confirm(wanted)):
            maker = _Maker(client, session, ledger, profile, clock, hold.confirm)
            pages = [await maker.make(p) if p in wanted else p for p in pages]
        if doubtful:
            raise _in_doubt(doubtful)
        return pages


class _Maker:
    """Makes pages, and sends none again but in the session in which it was lost."""

    def __init__(
        self,
        client: PagesClient,
        session: SessionAuth,
        ledger: Ledger,
        profile: str,
        clock: Clock,
        confirm: Callable[[], Awaitable[None]],
    ) -> None:
        self._client = client
        self._session = session
        self._ledger = ledger
        self._profile = profile
        self._clock = clock
        self._confirm = confirm
        #: The session in which a request left last, and that of one that was lost.
        self._last: str | None = None
        self._lost: str | None = None
        client.http.check_writes(self._check)

    async def _check(self) -> None:
        """Refuse what may leave no more; a refused login brings another session."""
        await self._confirm()
        self._last = self._session.token
        if self._lost not in (None, self._last):
            raise UnknownOutcomeError("The session is over in which it was sent.")

    async def make(self, page: PageResult) -> PageResult:
        """Make a page, and note it; what certainly was not made leaves no intent."""
        before = await self._ledger.get_fact(self._profile, _fact(page))
        await self._note(page, {"id": None, "name": page.name})
        try:
            made = await self._send(page)
        except (UnknownOutcomeError, ContractError):
            raise
        except ServiceError:
            if self._lost is None:
                await self._note(page, before)
            raise
        await self._note(page, {"id": made.id, "name": made.name})
        return made

    async def _send(self, page: PageResult) -> PageResult:
        filters, self._lost = to_api(page.choice.filters), None
        for _ in range(MOST_SENDS):
            try:
                created = await self._client.create(filters, page.name)
            except UnknownOutcomeError:
                self._lost = self._lost or self._last
                await self._clock.sleep(SETTLE_S)
            else:
                return replace(page, id=created.id, is_new=True)
        raise _in_doubt([page])

    async def _note(self, page: PageResult, fact: dict[str, Any] | None) -> None:
        if fact is None:
            await self._ledger.delete_fact(self._profile, _fact(page))
            return
        now = self._clock.now()
        await self._ledger.put_fact(self._profile, _fact(page), fact, now)


def _in_doubt(pages: Sequence[PageResult]) -> UnknownOutcomeError:
    named = join([f'"{page.name}"' for page in pages])
    kinds = {page.choice.filters.kind for page in pages}
    only = {Kind.FILM: " --only films", Kind.SHOW: " --only shows"}
    which = only[kinds.pop()] if len(kinds) == 1 else ""
    return UnknownOutcomeError(
        f"Discovr may have made {named}, and nothing lists pages to tell by.",
        remedy="Look there. If it is missing, give the same command with --again"
        f"{which}.",
        service="Discovr",
    )


def to_api(filters: Filters) -> PageFilters:
    """Return the filters in the words of Discovr."""
    return PageFilters(
        media_type="movie" if filters.kind is Kind.FILM else "tv",
        genres=filters.genres,
        keywords=filters.keywords,
        region=filters.regions,
        with_runtime_gte=filters.shortest,
        with_runtime_lte=filters.longest,
        with_release_date_gte=filters.first_day,
        with_release_date_lte=filters.last_day,
        with_watch_providers=filters.providers,
    )


async def _choose(wish: Wish, reader: ExtrasClient | None) -> PageResult:
    choice = Choice(Filters(kind=wish.kind))
    if wish.derives and reader:
        choice = derive(wish.kind, await _read(reader, wish.kind))
    fields = dict(wish.given)
    reasons = dict(choice.reasons)
    for topic, parts in _TOPICS.items():
        if any(part in wish.given for part in parts):
            empty = Filters(kind=wish.kind)
            fields = {part: getattr(empty, part) for part in parts} | fields
            reasons[topic] = BY_HAND
    return PageResult(wish.name, Choice(replace(choice.filters, **fields), reasons))


async def _read(reader: ExtrasClient, kind: Kind) -> list[Watched]:
    items, _ = await reader.watched("movies" if kind is Kind.FILM else "shows")
    titles = ((item.plays, item.movie or item.show) for item in items)
    return [
        Watched(plays, tuple(title.genres or ()), title.runtime, title.year)
        for plays, title in titles
        if title
    ]


async def _recall(ledger: Ledger, profile: str, page: PageResult) -> PageResult:
    kept = await ledger.get_fact(profile, _fact(page))
    if not kept:
        return page
    is_in_doubt = kept["id"] is None
    return replace(page, id=kept["id"], name=kept["name"], is_in_doubt=is_in_doubt)


def _fact(page: PageResult) -> str:
    text = json.dumps(to_api(page.choice.filters).to_api(), sort_keys=True)
    return FACT + hashlib.sha256(text.encode()).hexdigest()[:16]
