"""Creates pages on Discovr from what was watched, each once.

Nothing lists the pages of a profile, so the ledger keeps the id of each by its filters.
A page belongs to the session that made it, and every run has a session of its own:
the same filters sent again would make another page.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Unpack

from connectors.clock import SystemClock
from connectors.discovr.extras import PageFilters
from sync.domain.plays import Kind
from sync.extras.taste import Choice, Filters, Watched, derive
from sync.ledger import Ledger
from sync.wiring.clients import Clients

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from connectors.trakt.extras import ExtrasClient
    from sync.config import Settings
    from sync.wiring.options import ClientOptions

#: What the ledger keeps of a page: this, and a digest of its filters.
FACT = "page/"
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
    """A page with its filters. Without ``id`` it was not made; ``is_new``: just now."""

    name: str
    choice: Choice
    id: str | None = None
    is_new: bool = False


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
    not made again, unless ``is_again``: that is for one whose session is over.
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
        client.http.check_writes(hold.confirm)
        if not is_again:
            pages = [await _recall(ledger, profile, page) for page in pages]
        wanted = [page for page in pages if page.id is None]
        if not wanted or (confirm and not await confirm(wanted)):
            return pages
        made = []
        for page in pages:
            if page.id is None:
                created = await client.create(to_api(page.choice.filters), page.name)
                page = replace(page, id=created.id, is_new=True)  # noqa: PLW2901  # the same page, made
                kept = {"id": created.id, "name": page.name}
                await ledger.put_fact(profile, _fact(page), kept, clock.now())
            made.append(page)
        return made


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
    return replace(page, id=kept["id"], name=kept["name"]) if kept else page


def _fact(page: PageResult) -> str:
    text = json.dumps(to_api(page.choice.filters).to_api(), sort_keys=True)
    return FACT + hashlib.sha256(text.encode()).hexdigest()[:16]
