"""What every command that carries something over does: show, ask, and sum up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.cli.ask import agree
from sync.cli.runner import Exit
from sync.cli.view.end import next_command, show_report
from sync.cli.view.plan import show_plan
from sync.domain.desired import NO_ANSWER
from sync.pipeline.documents import report_document

if TYPE_CHECKING:
    from sync.cli.context import Context
    from sync.cli.progress import Reporter
    from sync.cli.runner import Output
    from sync.pipeline.result import Report


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
        if not self._is_silent:
            show_plan(self._output.notes, report, self._context)
        return self._yes or await agree("Write this?")


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
    if is_exact and report.verification and not report.verification.is_clean:
        code = Exit.INCOMPLETE
    following = next_command(report, output.context, command)
    document = report_document(report, command, code, warnings=reporter.warnings)
    output.emit(
        document.model_copy(update={"next": following}),
        lambda console: show_report(console, report, output.context, following),
    )
    return code


def exit_code(report: Report, *, is_strict: bool) -> Exit:
    """Say whether everything is in its place."""
    prepared = report.prepared
    left_out = (
        prepared.desired.unmatched
        or prepared.unsupported
        or prepared.extraction.quarantined
    )
    is_unasked = any(left.reason == NO_ANSWER for left in prepared.desired.unmatched)
    if not report.is_complete or is_unasked or (is_strict and left_out):
        return Exit.INCOMPLETE
    return Exit.DONE
