"""``doctor`` on the terminal: one finding a line, in words, with its remedy below."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.errors import ConfigError
from sync.checkup.doctor import examine
from sync.checkup.findings import Cause, Verdict
from sync.cli.runner import Exit, run
from sync.cli.session import open_settings
from sync.cli.view.lines import say
from sync.config import find_config
from sync.documents.doctor import DoctorDocument, FindingDocument

if TYPE_CHECKING:
    from rich.console import Console

    from sync.checkup.doctor import Diagnosis
    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.config import Settings
    from sync.runtime.stop import Stop

#: In the order in which they have to be put right.
_CODES = {
    Cause.CONFIG: Exit.USAGE,
    Cause.LOGIN: Exit.LOGIN,
    Cause.OTHER: Exit.INCOMPLETE,
}
_WIDTH = max(len(verdict) for verdict in Verdict)


def doctor(context: Context) -> int:
    """Check everything; the exit code is that of the gravest problem."""

    async def work(output: Output, _stop: Stop) -> int:
        async with AsyncExitStack() as stack:
            settings: Settings | ConfigError
            try:
                settings = await open_settings(
                    context, stack, warn=_leave_to_the_doctor
                )
            except ConfigError as error:
                settings = error
            diagnosis = await examine(settings, find_config(context.config))
        document = _document(diagnosis, context)
        output.emit(document, lambda console: _show(console, document))
        return document.exit_code

    return run(context, work)


def _leave_to_the_doctor(_warning: str) -> None:
    """Say nothing: it is among the findings."""


def _document(diagnosis: Diagnosis, context: Context) -> DoctorDocument:
    causes = {finding.cause for finding in diagnosis.findings}
    codes = [code for cause, code in _CODES.items() if cause in causes]
    return DoctorDocument(
        exit_code=min(codes, default=Exit.DONE),
        findings=tuple(
            FindingDocument.model_validate(
                replace(
                    finding,
                    text=context.complete(finding.text),
                    remedy=context.complete(finding.remedy or "") or None,
                )
            )
            for finding in diagnosis.findings
        ),
        requests=dict(diagnosis.requests),
    )


def _show(console: Console, document: DoctorDocument) -> None:
    for finding in document.findings:
        line = f"{finding.verdict:<{_WIDTH}}  {finding.check}: {finding.text}"
        say(console, line, hang=_WIDTH + 2)
        if finding.remedy:
            say(console, f"-> {finding.remedy}", indent=_WIDTH + 2, hang=_WIDTH + 5)
    say(console, _summary(document))


def _summary(document: DoctorDocument) -> str:
    verdicts = [finding.verdict for finding in document.findings]
    counts = ", ".join(
        f"{verdicts.count(verdict.value)} {verdict.value}"
        for verdict in Verdict
        if verdict.value in verdicts
    )
    spent = [f"{count} to {name}" for name, count in document.requests.items()]
    requests = ", ".join(spent) or "none"
    return f"{counts}. Requests: {requests}. Nothing was written."
