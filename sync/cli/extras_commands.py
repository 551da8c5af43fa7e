"""What ``page`` and ``report`` do, from their options to the exit code."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.markup import escape
from rich.table import Table

from sync.chronicle import recall_report
from sync.cli.ask import agree
from sync.cli.opening import open_settings, require_an_answer
from sync.cli.progress import Reporter
from sync.cli.runner import Exit
from sync.cli.runner import run as run_command
from sync.domain.genres import TMDB_GENRES, find_genre
from sync.domain.plays import Kind
from sync.extras_documents import PageDocument, PagesDocument, PublishedDocument
from sync.ledger import Ledger
from sync.markdown import render
from sync.page import PageResult, Wish, make_pages, to_api
from sync.publish import publish_report
from sync.standing import PROFILES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from rich.console import Console

    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.stop import Stop

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
        require_an_answer(yes=yes, look="--dry-run")
    if name is not None and not name.strip():
        raise click.UsageError("A page needs a name of at least one character.")
    wishes = [
        Wish(_KINDS[kind], name or _NAMES[kind], _given(kind, **filters), not by_hand)
        for kind in ([only] if only else _KINDS)
    ]

    async def work(output: Output, _stop: Stop) -> int:
        async with AsyncExitStack() as stack:
            settings = await open_settings(context, stack)
            reporter = Reporter(
                output.notes, is_quiet=context.is_quiet, has_bars=not context.is_verbose
            )
            stack.enter_context(reporter)

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


def report(
    context: Context,
    *,
    html: Path | None,
    publish: str | None,
    title: str | None,
    yes: bool,
) -> int:
    """Print the report of the last run, write it as a page, or publish it."""
    if html and publish:
        raise click.UsageError("--html and --publish are two things: give one of them.")
    if publish:
        require_an_answer(yes=yes, look="trakt2discovr report")
    if title is not None and not (publish and title.strip()):
        raise click.UsageError("--title names the page of --publish: give both.")

    async def work(output: Output, _stop: Stop) -> int:
        async with AsyncExitStack() as stack:
            settings = await open_settings(context, stack, None)
            if html:
                # The templates are needed here only.
                from sync.cli.html_report import write_page  # noqa: PLC0415

                return await write_page(context, output, settings, html)
            if not publish:
                ledger = await Ledger.open(settings.state.url)
                await stack.enter_async_context(ledger)
                wanted = settings.discovr.profile or ""
                profile = await ledger.get_fact(PROFILES, wanted)
                found, at = await recall_report(ledger, profile)
                markdown = render(found, at)
                output.emit(found, lambda _console: click.echo(markdown, nl=False))
                return Exit.DONE
            if not (yes or await agree("Publish the report?")):
                return Exit.DONE
            published = await publish_report(settings, title=title)
        document = PublishedDocument(
            id=published.id, title=published.title, is_new=published.is_new
        )
        done = "Published as" if published.is_new else "Updated:"
        output.emit(
            document,
            lambda console: console.print(
                f"{done} {published.title} ({published.id})", markup=False
            ),
        )
        return Exit.DONE

    return run_command(context, work)


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
