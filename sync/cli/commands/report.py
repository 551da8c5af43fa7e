"""What ``report`` does: prints it, writes it as a page, or publishes it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from connectors.errors import InputError
from connectors.files import replace_file
from sync.cli.browser import open_file
from sync.cli.runner import Exit
from sync.cli.runner import run as run_command
from sync.cli.session import agree, open_settings, recall, rehearsing, require_an_answer
from sync.cli.view.lines import say
from sync.cli.view.texts import glue
from sync.config import data_folder
from sync.documents.extras import PageFileDocument, PublishedDocument
from sync.report.markdown import render
from sync.report.reading import read_report

if TYPE_CHECKING:
    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.config import Settings
    from sync.report.data import ReportData
    from sync.runtime.stop import Stop


def report(
    context: Context,
    *,
    html: Path | None,
    opens: bool,
    publish: str | None,
    title: str | None,
    yes: bool,
) -> int:
    """Print the report of the whole move, write it as a page, or publish it."""
    if (html or opens) and publish:
        raise click.UsageError(
            "A page and --publish are two things: give one of them."
            if opens
            else "--html and --publish are two things: give one of them."
        )
    if publish:
        require_an_answer(context, yes=yes, look="report")
    if title is not None and not (publish and title.strip()):
        raise click.UsageError("--title names the page of --publish: give both.")

    async def work(output: Output, _stop: Stop) -> int:
        if html:
            _refuse_what_is_no_file(html)
        async with AsyncExitStack() as stack:
            output.context = rehearsing(context, None)
            settings = await open_settings(context, stack, None)
            if publish:
                _require_key(settings, stack)
                if yes or await agree("Publish the report?"):
                    await _publish(output, settings, title)
                return Exit.DONE
            data = await read_report(settings)
            if html or opens:
                path = html or _own_page(context, settings)
                complete = (await _remembering(context, settings)).complete
                data = replace(data, is_rehearsal=context.is_sandbox, complete=complete)
                _show_page(output, _write(path, data), opens=opens)
            else:
                text = render(data.report, data.at, data.histories)
                output.emit(data.report, lambda _: click.echo(text, nl=False))
        return Exit.DONE

    return run_command(context, work)


def _require_key(settings: Settings, stack: AsyncExitStack) -> None:
    """Raise ConfigError without a key, before anybody is asked."""
    from sync.wiring.clients import Clients  # noqa: PLC0415  # needed here only

    Clients(settings, stack).pharen()


async def _publish(output: Output, settings: Settings, title: str | None) -> None:
    # The clients are needed here only.
    from sync.extras.publish import publish_report  # noqa: PLC0415

    published = await publish_report(settings, title=title)
    document = PublishedDocument(
        id=published.id, title=published.title, is_new=published.is_new
    )
    done = "Published as" if published.is_new else "Updated:"
    output.emit(
        document,
        lambda console: say(console, f"{done} {published.title} ({published.id})"),
    )


def _own_page(context: Context, settings: Settings) -> Path:
    """Return where the page is kept that nobody named a file for."""
    # A rehearsal has a folder of its own, in which its logins are too.
    folder = settings.state.tokens.parent if context.is_sandbox else data_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be made ({error.strerror}).",
            remedy="Name a file: trakt2discovr report --open --html FILE",
        ) from None
    return folder / "report.html"


async def _remembering(context: Context, settings: Settings) -> Context:
    """Return the context with what the last run read; some commands name it."""
    remembered = await recall(settings)
    files = remembered.paths if remembered else ()
    return context.reading(files, is_remembered=True)


def _show_page(output: Output, document: PageFileDocument, *, opens: bool) -> None:
    if opens:
        is_open = open_file(Path(document.path))
        document = document.model_copy(update={"is_open": is_open})
    then = "Open it in a browser"
    if opens:
        none = "No browser can be started here: open it yourself"
        then = "It opens in your browser" if document.is_open else none
    where = f"The report is in {glue(document.path)} ({_size(document.size)})."
    words = f"{where} {then}; only you can read the file."
    output.emit(document, lambda console: say(console, words))


def _write(path: Path, data: ReportData) -> PageFileDocument:
    # The templates are needed here only.
    from sync.report.page import render_html  # noqa: PLC0415

    html = render_html(data)
    try:
        replace_file(path, html)
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be written ({error.strerror}).",
            remedy="Name a file in a folder that exists and may be written to.",
        ) from None
    report, histories = data.report, data.histories
    return PageFileDocument(
        path=str(path.absolute()),
        size=len(html.encode()),
        profile=report.profile,
        run=report.run,
        titles=len(histories),
        plays=sum(len(history.plays) for history in histories),
    )


def _refuse_what_is_no_file(path: Path) -> None:
    # What is put in place of a folder, a device or a pipe would destroy it.
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "no ordinary file"
        raise InputError(
            f"{path.name or path} is {kind}.",
            remedy="Name a file, such as report.html.",
        )


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
