"""What ``page`` does, from its options to the exit code."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.markup import escape
from rich.table import Table

from sync.cli.progress import Reporter
from sync.cli.runner import Exit
from sync.cli.runner import run as run_command
from sync.cli.session import agree, knowing, open_settings, require_an_answer
from sync.documents.extras import PageDocument, PagesDocument
from sync.domain.plays import Kind
from sync.extras.genres import TMDB_GENRES, find_genre
from sync.extras.page import PageResult, Wish, make_pages, to_api

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import Console

    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.runtime.stop import Stop

_KINDS = {"films": Kind.FILM, "shows": Kind.SHOW}
_NAMES = {"films": "Films for you", "shows": "Shows for you"}


def page(
    context: Context,
    *,
    only: str | None,
    name: str | None,
    by_hand: bool,
    again: bool,
    dry_run: bool,
    yes: bool,
    **filters: Any,
) -> int:
    """Make the pages, or only show what they would be."""
    if not dry_run:
        require_an_answer(context, yes=yes, look="page --dry-run")
    if name is not None and not name.strip():
        raise click.UsageError("A page needs a name of at least one character.")
    wishes = [
        Wish(_KINDS[k], name or _NAMES[k], _given(k, **filters), not by_hand)
        for k in ([only] if only else _KINDS)
    ]

    async def work(output: Output, _stop: Stop) -> int:
        async with AsyncExitStack() as stack:
            settings = await open_settings(context, stack)
            output.context = knowing(output.context, settings)
            reporter = stack.enter_context(_reporter(output))

            async def confirm(wanted: Sequence[PageResult]) -> bool:
                reporter.pause()
                _show_pages(output.notes, wanted)
                return yes or await agree("Make this?")

            pages = await make_pages(
                settings,
                wishes,
                confirm=None if yes else confirm,
                is_dry=dry_run,
                is_again=again,
                on_event=reporter.on_event,
            )
        document = PagesDocument(pages=tuple(map(_page_document, pages)))
        output.emit(document, lambda console: _show_pages(console, pages))
        return Exit.DONE

    return run_command(context, work)


def _reporter(output: Output) -> Reporter:
    context = output.context
    return Reporter(
        output.notes,
        is_quiet=context.is_quiet,
        has_bars=not context.is_verbose,
        complete=context.complete,
    )


def _given(
    kind: str,
    *,
    genres: Sequence[str],
    min_minutes: int | None,
    max_minutes: int | None,
    released_from: datetime | None,
    released_to: datetime | None,
    **lists: Sequence[Any],
) -> dict[str, Any]:
    """Return the filters that were given by hand, as fields of Filters."""
    if min_minutes and max_minutes and min_minutes > max_minutes:
        raise click.UsageError("--min-minutes is more than --max-minutes.")
    if released_from and released_to and released_from > released_to:
        raise click.UsageError("--released-from is after --released-to.")
    given = {
        "genres": tuple(dict.fromkeys(i for g in genres for i in _genre(kind, g))),
        "shortest": min_minutes,
        "longest": max_minutes,
        "first_day": released_from.date() if released_from else None,
        "last_day": released_to.date() if released_to else None,
        **{name: tuple(values) for name, values in lists.items()},
    }
    return {name: value for name, value in given.items() if value}


def _genre(kind: str, word: str) -> tuple[int, ...]:
    if found := find_genre(_KINDS[kind], word):
        return found
    known = ", ".join(TMDB_GENRES[_KINDS[kind]].values())
    raise click.UsageError(
        f"For {kind} there is no genre {word!r} (known: {known}); --only makes a page "
        "of the other kind alone."
    )


def _page_document(page: PageResult) -> PageDocument:
    return PageDocument(
        name=page.name,
        filters=to_api(page.choice.filters).to_api(),
        reasons=dict(page.choice.reasons),
        id=page.id,
        is_new=page.is_new,
    )


def _show_pages(console: Console, pages: Sequence[PageResult]) -> None:
    for page in pages:
        state = "not made" if page.id is None else f"there already, {page.id}"
        if page.is_new:
            state = f"made, {page.id}"
        console.print(escape(f"{page.name} ({state})"))
        table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
        for topic, value in _values(page).items():
            reason = page.choice.reasons.get(topic, "")
            table.add_row(topic, escape(value), escape(reason))
        console.print(table)


def _values(page: PageResult) -> dict[str, str]:
    """Return each filter in words; what is left out filters nothing."""
    filters = page.choice.filters
    names = TMDB_GENRES[filters.kind]
    values = {
        "genres": ", ".join(names[genre] for genre in filters.genres),
        "length": _range(filters.shortest, filters.longest, " minutes"),
        "released": _range(filters.first_day, filters.last_day),
        "keywords": ", ".join(map(str, filters.keywords)),
        "regions": ", ".join(filters.regions),
        "providers": ", ".join(filters.providers),
    }
    about = page.choice.reasons
    return {topic: v or "any" for topic, v in values.items() if v or topic in about}


def _range(first: object, last: object, unit: str = "") -> str:
    if first is None and last is None:
        return ""
    if first is None:
        return f"up to {last}{unit}"
    return f"from {first}{unit}" if last is None else f"{first} to {last}{unit}"
