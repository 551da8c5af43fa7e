"""What each command does, from its options to its exit code."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from sync import api
from sync.cli.pager import show_paged
from sync.cli.runner import Exit
from sync.cli.runner import run as run_command
from sync.cli.session import (
    agree,
    find_inputs,
    has_api,
    opened,
    recall,
    require_an_answer,
)
from sync.cli.view.end import next_command, show_report
from sync.cli.view.lines import say, show_next
from sync.cli.view.texts import glue
from sync.documents.base import ProfileDocument, ProfilesDocument
from sync.pipeline.result import exit_code as code_of
from sync.runtime.late import late
from sync.runtime.shell import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rich.console import Console

    from sync.cli.context import Context
    from sync.cli.progress import Reporter
    from sync.cli.runner import Output
    from sync.config import Settings
    from sync.documents.report import ReportDocument
    from sync.pipeline.result import Report
    from sync.pipeline.undo import UndoOutline
    from sync.runtime.stop import Stop

if TYPE_CHECKING:
    from sync.cli.commands.key import offer_key
    from sync.cli.view.lists import (
        show_left_out,
        show_profiles,
        show_undone,
        undo_question,
    )
    from sync.cli.view.plan import show_cost, show_plan
    from sync.pipeline.documents import report_document, undo_document
    from sync.pipeline.plan_file import read_plan, write_plan
else:
    # What a run that finds nothing new never uses.
    (offer_key,) = late("sync.cli.commands.key", "offer_key")
    show_left_out, show_profiles, show_undone, undo_question = late(
        "sync.cli.view.lists",
        "show_left_out",
        "show_profiles",
        "show_undone",
        "undo_question",
    )
    show_cost, show_plan = late("sync.cli.view.plan", "show_cost", "show_plan")
    report_document, undo_document = late(
        "sync.pipeline.documents", "report_document", "undo_document"
    )
    read_plan, write_plan = late("sync.pipeline.plan_file", "read_plan", "write_plan")


_FILL_IN = (
    "{} is written: fill in the ids that you find, or the word skip to leave a title "
    "out. The next run reads them there, and only these titles go again."
)


def migrate(
    context: Context,
    *,
    named: Sequence[Path],
    files: Sequence[Path],
    accept_incomplete: bool,
    strict: bool,
    dry_run: bool,
    yes: bool,
    force: bool,
) -> int:
    """Carry everything over; with ``dry_run`` only show the plan."""
    files = (*named, *files)
    if dry_run:
        return plan(
            context,
            files=files,
            accept_incomplete=accept_incomplete,
            strict=strict,
            out=None,
        )
    require_an_answer(context.reading(files, is_remembered=False), yes=yes, look="plan")

    async def work(output: Output, stop: Stop) -> int:
        async with opened(context, output, files) as (settings, reporter):
            inputs = await _choose(output, settings, files, reporter)
            keyed = settings
            if inputs.files and not yes:
                reporter.pause()
                keyed = await offer_key(output.notes, inputs, settings)
            report = await api.migrate(
                keyed,
                confirm=Confirmation(inputs, output, reporter, yes=yes),
                accept_incomplete=accept_incomplete,
                is_forced=force,
                stop=stop,
                files=inputs.files,
                on_event=reporter.on_event,
            )
        return _finish(output, reporter, report, "migrate", is_strict=strict)

    return run_command(context, work)


def apply(context: Context, *, file: Path, yes: bool, force: bool) -> int:
    """Carry out a plan file."""
    require_an_answer(context, yes=yes, look="plan")

    async def work(output: Output, stop: Stop) -> int:
        saved = read_plan(file)
        async with opened(context, output, saved.files) as (settings, reporter):
            await _choose(output, settings, saved.files, reporter)
            report = await api.apply(
                settings,
                file,
                confirm=Confirmation(context, output, reporter, yes=yes),
                is_forced=force,
                stop=stop,
                on_event=reporter.on_event,
            )
        return _finish(output, reporter, report, "apply", is_strict=False)

    return run_command(context, work)


def undo(
    context: Context, *, run: int | None, all_runs: bool, force: bool, yes: bool
) -> int:
    """Take back what one run added, or all of them."""
    if all_runs and run is not None:
        raise click.UsageError("RUN and --all contradict each other: leave one out.")
    require_an_answer(context, yes=yes, look="plan")

    async def work(output: Output, stop: Stop) -> int:
        async with opened(context, output, None) as (settings, reporter):

            async def ask(outlook: UndoOutline) -> bool:
                reporter.pause()
                return yes or await agree(undo_question(outlook))

            undone = await api.undo(
                settings,
                run,
                all_runs=all_runs,
                ask=ask,
                is_forced=force,
                stop=stop,
                on_event=reporter.on_event,
            )
            # Nothing can be planned where nobody knows what to read.
            is_known = has_api(settings) or await recall(settings) is not None
        document, next_ = undo_document(undone), "plan" if is_known else "status"
        output.emit(
            document, lambda console: show_undone(console, document, context, next_)
        )
        return Exit.INCOMPLETE if undone.left_alone else Exit.DONE

    return run_command(context, work)


def plan(
    context: Context,
    *,
    files: Sequence[Path],
    accept_incomplete: bool,
    strict: bool,
    out: Path | None,
    named: Sequence[Path] = (),
) -> int:
    """Show what would be written, and write the plan file if asked to."""
    files = (*named, *files)

    async def work(output: Output, _stop: Stop) -> int:
        async with opened(context, output, files or None) as (settings, reporter):
            inputs = await _choose(output, settings, files, reporter)
            report = await api.plan(
                settings,
                accept_incomplete=accept_incomplete,
                files=inputs.files,
                on_event=reporter.on_event,
            )
        code = exit_code(report, is_strict=strict)
        following = _after_plan(inputs, report, out)
        document = report_document(
            report, "plan", code, inputs.files, warnings=reporter.warnings
        )
        document = output.completed(document.model_copy(update={"next": following}))
        if out:
            write_plan(out, document)

        def show(console: Console) -> None:
            show_plan(console, report, inputs)
            if following:
                show_next(console, following)

        await output.emit_long(document, show)
        return code

    return run_command(context, work)


def _after_plan(context: Context, report: Report, out: Path | None) -> str | None:
    """Choose the command that carries the plan out; None if there is nothing to do."""
    operations, playback = report.prepared.plan.operations, report.playback
    if out and operations:
        return context.call(f"apply {quote(str(out))}")
    is_needed = operations or (playback and playback.plan.chosen)
    return context.call("migrate") if is_needed else None


def verify(
    context: Context,
    *,
    named: Sequence[Path],
    files: Sequence[Path],
    accept_incomplete: bool,
    strict: bool,
) -> int:
    """Compare both sides and name each difference."""
    files = (*named, *files)

    async def work(output: Output, _stop: Stop) -> int:
        async with opened(context, output, files or None) as (settings, reporter):
            inputs = await _choose(output, settings, files, reporter)
            report = await api.verify(
                settings,
                accept_incomplete=accept_incomplete,
                files=inputs.files,
                on_event=reporter.on_event,
            )
        return finish(
            output, reporter, report, "verify", is_strict=strict, is_exact=True
        )

    return run_command(context, work)


def profiles(context: Context) -> int:
    """List the profiles of the Discovr account."""
    # The network's libraries: most commands that read the ledger alone need none.
    from connectors.discovr.auth import list_profiles  # noqa: PLC0415
    from sync.wiring.bootstrap import open_identity  # noqa: PLC0415

    async def work(output: Output, _stop: Stop) -> int:
        async with (
            opened(context, output) as (settings, _),
            open_identity(settings) as identity,
        ):
            found = await list_profiles(identity)
        document = ProfilesDocument(
            profiles=tuple(ProfileDocument(id=p.id, name=p.name) for p in found)
        )
        output.emit(document, lambda console: show_profiles(console, document))
        return Exit.DONE

    return run_command(context, work)


def unmatched(context: Context, *, out: Path | None) -> int:
    """List what the last run could not carry over."""

    async def work(output: Output, _stop: Stop) -> int:
        async with opened(context, output, None) as (settings, _):
            document = await api.unmatched(settings, out=out)
        output.emit(document, lambda console: show_left_out(console, document))
        if out and not context.is_quiet:
            say(output.notes, _FILL_IN.format(glue(str(out))))
        return Exit.DONE

    return run_command(context, work)


async def _choose(
    output: Output, settings: Settings, files: Sequence[Path], reporter: Reporter
) -> Context:
    """Choose what is read; from then on every hint names it where it has to."""
    tell = reporter.on_event
    output.context = await find_inputs(output.context, settings, files, tell)
    return output.context


class Confirmation:
    """Shows the plan and asks, unless the answer was given with --yes."""

    def __init__(
        self,
        context: Context,
        output: Output,
        reporter: Reporter,
        *,
        yes: bool,
    ) -> None:
        self._context = context
        self._is_silent = yes and (context.as_json or context.is_quiet)
        self._output = output
        self._reporter = reporter
        self._yes = yes

    async def __call__(self, report: Report) -> bool:
        """Show the plan; return whether to go on."""
        self._reporter.pause()
        show: Callable[[Console], None]
        show = partial(show_plan, report=report, context=self._context)
        if not self._is_silent and not self._yes:
            show = self._output.introduced(show)
            if await show_paged(self._output.notes, show):
                # Whoever left the pager early is asked about this.
                show_cost(self._output.notes, report)
        elif not self._is_silent:
            show(self._output.notes)
        return self._yes or await agree("Write this?")


def _finish(
    output: Output, reporter: Reporter, report: Report, command: str, *, is_strict: bool
) -> int:
    """Print the report of a run, which remembers what it read unless it was refused."""
    if not report.is_refused:
        output.context = output.context.reading(
            output.context.files, is_remembered=True
        )
    return finish(output, reporter, report, command, is_strict=is_strict)


def finish(
    output: Output,
    reporter: Reporter,
    report: Report,
    command: str,
    *,
    is_strict: bool,
    is_exact: bool = False,
) -> int:
    """Print the report and return the exit code; ``is_exact`` counts surplus too."""
    code = exit_code(report, is_strict=is_strict)
    found = report.verification
    if is_exact and code is Exit.DONE and found and not found.is_clean:
        code = Exit.INCOMPLETE
    context = output.context
    following = next_command(report, context, command)

    def document() -> ReportDocument:
        made = report_document(report, command, code, warnings=reporter.warnings)
        return made.model_copy(update={"next": following})

    output.emit(
        document,
        lambda console: show_report(console, report, context, following),
    )
    return code


def exit_code(report: Report, *, is_strict: bool) -> Exit:
    """Say whether everything is in its place."""
    return Exit(code_of(report, is_strict=is_strict))
