"""The library: coroutines that take Settings and return typed results."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Unpack

from connectors.clock import SystemClock
from connectors.errors import ConfigError
from sync.documents.left_out import UnmatchedDocument
from sync.errors import IncompleteReadError
from sync.events import Warned
from sync.ledger import Ledger
from sync.ledger.fact_names import LEFT_OUT, recall_profile
from sync.pipeline import run as pipeline
from sync.pipeline.playback import PlaybackResult, plan_playback
from sync.pipeline.result import Report, exit_code
from sync.pipeline.summary import foresee
from sync.runtime.late import late
from sync.wiring.calls import takes
from sync.wiring.options import Options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from sync.config import Settings
    from sync.events import Event
    from sync.pipeline.restore import Restoration
    from sync.pipeline.services import Services
    from sync.pipeline.undo import Undone, UndoOutline
    from sync.runtime.stop import Stop

if TYPE_CHECKING:
    from sync.pipeline.copy_file import read_copy
    from sync.pipeline.documents import report_document
    from sync.pipeline.plan_file import read_plan, write_plan
    from sync.pipeline.prepare import prepare
    from sync.pipeline.restore import plan_restore
    from sync.transform.overrides import OverrideBook
else:
    # What a run that finds nothing new never uses.
    (read_copy,) = late("sync.pipeline.copy_file", "read_copy")
    (report_document,) = late("sync.pipeline.documents", "report_document")
    read_plan, write_plan = late("sync.pipeline.plan_file", "read_plan", "write_plan")
    (prepare,) = late("sync.pipeline.prepare", "prepare")
    (plan_restore,) = late("sync.pipeline.restore", "plan_restore")
    (OverrideBook,) = late("sync.transform.overrides", "OverrideBook")


@takes(Options)
async def migrate(
    settings: Settings,
    *,
    confirm: Callable[[Report], Awaitable[bool]] | None = None,
    accept_incomplete: bool = False,
    is_forced: bool = False,
    stop: Stop | None = None,
    **options: Unpack[Options],
) -> Report:
    """Carry the whole history over. Idempotent: a second call sends no write.

    ``confirm`` sees the plan first and may refuse it. Raises a ServiceError of
    ``connectors.errors`` or ``sync.errors``; whatever it is, calling again resumes.
    """
    async with _build(settings, **options) as services:
        return await pipeline.migrate(
            services,
            confirm=confirm or _agree,
            accept_incomplete=accept_incomplete,
            is_forced=is_forced,
            stop=stop,
        )


@takes(Options)
async def sync(
    settings: Settings,
    *,
    prune: bool = False,
    accept_incomplete: bool = False,
    confirm: Callable[[Report], Awaitable[bool]] | None = None,
    is_forced: bool = False,
    stop: Stop | None = None,
    **options: Unpack[Options],
) -> Report:
    """Carry over what changed since the last run. Idempotent; asks as little as it can.

    With nothing new it costs one request. ``prune`` also takes back what was written
    for plays that the source has no longer. ``accept_incomplete`` carries over what was
    read though it is not proved whole; raises ConfigError together with ``prune``.
    """
    if prune and accept_incomplete:
        raise ConfigError(
            "What was not read is not gone: prune and accept_incomplete contradict "
            "each other.",
            remedy="Leave one of them out.",
        )
    remedy = IncompleteReadError.remedy_for_pruning if prune else None
    async with _build(settings, **options) as services, _advising(remedy):
        return await pipeline.sync(
            services,
            confirm=confirm or _agree,
            prune=prune,
            accept_incomplete=accept_incomplete,
            is_forced=is_forced,
            stop=stop,
        )


@takes(Options)
async def plan(
    settings: Settings,
    *,
    accept_incomplete: bool = False,
    out: Path | None = None,
    **options: Unpack[Options],
) -> Report:
    """Say what would be written, and why. Writes nothing to any service.

    With ``out`` the plan is also written to that file, for ``apply`` to carry out.
    Raises InputError where it cannot be written.
    """
    warnings: list[str] = []
    if out:
        options["on_event"] = _noting(warnings, options.get("on_event"))
    async with _build(settings, is_dry=True, **options) as services:
        prepared = await prepare(
            services, accept_incomplete=accept_incomplete, is_dry=True
        )
        playback = await plan_playback(services, prepared, is_dry=True)
        report = Report(
            prepared,
            playback=PlaybackResult(playback, error=playback.error),
            outlook=foresee(prepared, playback, settings.discovr.requests_per_second),
            cost=services.meter.read(),
        )
    if out:
        code, files = exit_code(report, is_strict=False), options.get("files") or ()
        write_plan(out, report_document(report, "plan", code, files, warnings))
    return report


@takes(Options)
async def verify(
    settings: Settings, *, accept_incomplete: bool = False, **options: Unpack[Options]
) -> Report:
    """Read both sides and name each difference. Writes nothing anywhere."""
    async with _build(settings, is_dry=True, **options) as services:
        return await pipeline.verify(services, accept_incomplete=accept_incomplete)


@takes(Options)
async def apply(
    settings: Settings,
    file: Path,
    *,
    confirm: Callable[[Report], Awaitable[bool]] | None = None,
    is_forced: bool = False,
    stop: Stop | None = None,
    **options: Unpack[Options],
) -> Report:
    """Carry out exactly the plan of that file; refuse if either side has moved."""
    saved = read_plan(file)
    is_told = options.get("files") or options.get("source") is not None
    if saved.files and not is_told:
        options["files"] = saved.files
    settings = saved.settings_of(settings)
    async with (
        _build(settings, **options) as services,
        _advising(IncompleteReadError.remedy_for_plans),
    ):
        return await pipeline.apply(
            services, saved, confirm=confirm or _agree, is_forced=is_forced, stop=stop
        )


@takes(Options)
async def undo(
    settings: Settings,
    run: int | None = None,
    *,
    all_runs: bool = False,
    confirm: Callable[[int, int], Awaitable[bool]] | None = None,
    ask: Callable[[UndoOutline], Awaitable[bool]] | None = None,
    is_forced: bool = False,
    stop: Stop | None = None,
    **options: Unpack[Options],
) -> Undone:
    """Take back what one run added, by default the last one, and nothing else.

    With ``all_runs`` it is every run that was not taken back, the latest first.
    ``confirm(run, writes)`` may refuse; so may ``ask``, which sees how many titles it
    is about and how long it takes. What was broken off goes on where it stopped. Raises
    ConfigError if there is nothing to undo, or a ``run`` is named with ``all_runs``;
    HiddenEntriesError, unless forced, where Discovr shows too little of it.
    """
    if all_runs and run is not None:
        raise ConfigError(
            "One run and all of them cannot be undone in one call.",
            remedy="Leave out the number of the run, or all_runs.",
        )
    async with _build(settings, needs_source=False, **options) as services:
        return await pipeline.undo(
            services,
            run,
            is_each=all_runs,
            confirm=confirm,
            ask=ask,
            is_forced=is_forced,
            stop=stop,
        )


@takes(Options)
async def restore(
    settings: Settings,
    path: Path,
    *,
    confirm: Callable[[Restoration], Awaitable[bool]] | None = None,
    accepts_other: bool = False,
    is_dry: bool = False,
    stop: Stop | None = None,
    **options: Unpack[Options],
) -> Restoration:
    """Bring back what a copy of the profile holds and the profile lacks.

    Idempotent: a second call sends no write. What is there is never written over.
    ``confirm`` sees the plan first and may refuse it; with ``is_dry`` nothing is
    written anywhere. Raises InputError for the file, OtherProfileError for the copy of
    another profile or another address, unless ``accepts_other``.
    """
    copy = read_copy(path)
    async with _build(
        settings, is_dry=is_dry, needs_source=False, **options
    ) as services:
        if is_dry:
            return await plan_restore(services, path, copy, accepts_other=accepts_other)
        return await pipeline.restore(
            services,
            path,
            copy,
            confirm=confirm or _agree,
            accepts_other=accepts_other,
            stop=stop,
        )


async def unmatched(
    settings: Settings, *, out: Path | None = None
) -> UnmatchedDocument:
    """Return what the last run could not carry over.

    With ``out`` it is also written there, as TOML or CSV by its suffix: the ids that
    are filled in there are used from the next run on. Raises ConfigError where there
    was no run yet, InputError for a file that is not such a list.
    """
    async with await Ledger.open(settings.state.url) as ledger:
        profile = await recall_profile(ledger, settings.discovr.profile)
        kept = await ledger.get_fact(profile, LEFT_OUT) if profile else None
        if kept is None:
            raise ConfigError(
                "There was no run for this profile yet.",
                remedy="Run trakt2discovr migrate first.",
            )
        document = UnmatchedDocument.model_validate(kept)
        if out:
            await OverrideBook(ledger, SystemClock()).write(out, document)
    return document


@asynccontextmanager
async def _advising(remedy: str | None) -> AsyncIterator[None]:
    """Give what fits this call as the remedy of a history that is not whole."""
    try:
        yield
    except IncompleteReadError as error:
        error.remedy = remedy or error.remedy
        raise


def _noting(
    warnings: list[str], tell: Callable[[Event], None] | None
) -> Callable[[Event], None]:
    """Keep the warnings of a call as well as telling them."""

    def note(event: Event) -> None:
        if isinstance(event, Warned):
            warnings.append(event.message)
        if tell:
            tell(event)

    return note


async def _agree(_plan: object) -> bool:
    return True


def _build(settings: Settings, **options: Any) -> AbstractAsyncContextManager[Services]:
    """Open what a run needs; the network's libraries come in only here."""
    from sync.wiring import bootstrap  # noqa: PLC0415  # a command may not need them

    return bootstrap.build(settings, **options)
