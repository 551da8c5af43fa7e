"""What ``sync`` does: one run, or the job that stays."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from connectors.clock import SystemClock
from connectors.errors import ConfigError, ServiceError
from sync import api
from sync.cli.commands.carry import Confirmation, finish
from sync.cli.progress import LoggingReporter, Reporter
from sync.cli.runner import run as run_command
from sync.cli.session import (
    knowing,
    look_at_settings,
    open_settings,
    recall,
    rehearsing,
    require_an_answer,
    require_profile,
    salvage,
    warn_in_log,
)
from sync.config import Settings
from sync.daemon.turn import Result, failed_turn, finished_turn
from sync.errors import BugError, StoppedError
from sync.pipeline.result import is_in_place
from sync.runtime import logs
from sync.runtime.late import import_all, late

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import timedelta

    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.daemon.turn import Turn
    from sync.events import Event
    from sync.runtime.logs import LogFormat
    from sync.runtime.stop import Stop
    from sync.runtime.values import Address

if TYPE_CHECKING:
    from sync.daemon.begun import require_begun
    from sync.daemon.job import Terms
    from sync.daemon.look import look_at_login
    from sync.daemon.staying import stay, take_turn
    from sync.daemon.teller import tell_of_run
    from sync.wiring.notify import addresses
else:
    # What a run that finds nothing new never uses.
    (require_begun,) = late("sync.daemon.begun", "require_begun")
    (Terms,) = late("sync.daemon.job", "Terms")
    (look_at_login,) = late("sync.daemon.look", "look_at_login")
    stay, take_turn = late("sync.daemon.staying", "stay", "take_turn")
    (tell_of_run,) = late("sync.daemon.teller", "tell_of_run")
    (addresses,) = late("sync.wiring.notify", "addresses")


_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The options as they were given; what is None may come from the config."""

    every: timedelta | None
    once: bool
    prune: bool | None
    yes: bool
    force: bool
    strict: bool
    accept_incomplete: bool
    listen: Address | None
    log_format: LogFormat | None

    def interval(self, settings: Settings) -> timedelta | None:
        """Return how often to run; None for once."""
        return None if self.once else self.every or settings.sync.every

    def prunes(self, settings: Settings) -> bool:
        """Tell whether to take back what was removed."""
        return settings.sync.prune if self.prune is None else self.prune

    @property
    def warn(self) -> Callable[[str], None] | None:
        """Return how to tell of what somebody has to do, if it goes into the log."""
        return warn_in_log if self.log_format else None

    def address(self, settings: Settings) -> Address | None:
        """Return where to listen, if anywhere."""
        return self.listen or settings.sync.listen

    def terms(self, settings: Settings) -> Terms:
        """Return what a turn goes by."""
        every = self.interval(settings)
        if every is None:
            raise ConfigError(
                "[sync] every is not set any more.",
                remedy="Set it again, or stop the job.",
            )
        self.check(settings)
        return Terms(settings, every, self.prunes(settings))

    def check(self, settings: Settings) -> None:
        """Raise ConfigError where the config contradicts what was typed."""
        addresses(settings)
        if self.accept_incomplete and self.prunes(settings):
            raise ConfigError(
                "--accept-incomplete only adds, and [sync] prune in the config takes "
                "back what was removed.",
                remedy="Add --no-prune for this once.",
            )


def sync(context: Context, **given: Any) -> int:
    """Run once, or stay. Options that do not fit together are a usage error."""
    options = _Options(**given)
    if options.once and options.every:
        raise click.UsageError("--once and --every contradict each other.")
    if options.accept_incomplete and options.prune:
        raise click.UsageError(
            "--accept-incomplete and --prune contradict each other: what was not read "
            "is not gone."
        )
    if options.interval(_look_ahead(context)):
        _refuse_to_stay_with(context, options)
        return run_command(
            context,
            partial(_stay, context, options),
            log_format=options.log_format or "text",
        )
    if options.listen:
        raise click.UsageError("--listen needs --every: who runs once is gone.")
    require_an_answer(context, yes=options.yes, look="plan")
    return run_command(
        context, partial(_run_once, context, options), log_format=options.log_format
    )


def _look_ahead(context: Context) -> Settings:
    """Read the config for what the options depend on; the run says if it is wrong."""
    try:
        return look_at_settings(context)
    except ConfigError:
        return Settings()


def _refuse_to_stay_with(context: Context, options: _Options) -> None:
    if context.as_json:
        raise click.UsageError(
            "--json prints one document, at the end, and --every has no end: use "
            "--log-format json for lines of JSON, or --once."
        )
    if options.force:
        raise click.UsageError(
            "--force goes past a guard once, and --every has no end: use --once."
        )


async def _run_once(
    context: Context, options: _Options, output: Output, stop: Stop
) -> int:
    kind = LoggingReporter if options.log_format else Reporter
    async with _telling(context) as telling, AsyncExitStack() as stack:
        output.context = rehearsing(context, ())
        settings = await open_settings(context, stack, warn=options.warn)
        telling.settings = settings
        options.check(settings)
        output.context = knowing(output.context, settings)
        reporter = stack.enter_context(
            kind(
                output.notes,
                is_quiet=context.is_quiet,
                has_bars=not context.is_verbose,
                complete=output.context.complete,
            )
        )
        confirm = Confirmation(context, output, reporter, yes=options.yes)
        await _require_api(settings)
        await require_begun(settings)
        report = await api.sync(
            settings,
            prune=options.prunes(settings),
            accept_incomplete=options.accept_incomplete,
            # A plan is no log line; it is shown to whoever is asked about it.
            confirm=None if options.yes and options.log_format else confirm,
            is_forced=options.force,
            stop=stop,
            on_event=reporter.on_event,
        )
        await look_at_login(settings, report, clock=_CLOCK)
        is_good = is_in_place(report, is_strict=options.strict)
        telling.result = Result.of(report, is_good=is_good)
    return finish(output, reporter, report, "sync", is_strict=options.strict)


@dataclass(slots=True)
class _Telling:
    """What is known of a run, as far as it got."""

    settings: Settings | None = None
    result: Result | None = None


@asynccontextmanager
async def _telling(context: Context) -> AsyncIterator[_Telling]:
    """Tell who wants to know how a run ended, be it with a config that is wrong."""
    telling, started_at = _Telling(), _CLOCK.now()
    try:
        yield telling
    except (StoppedError, OSError):
        raise  # somebody is there, or nobody hears
    except Exception as fault:
        error = fault if isinstance(fault, ServiceError) else BugError(fault)
        turn = failed_turn(error, started_at, _CLOCK.now())
        with suppress(ConfigError):  # nothing of the settings can be read
            settings = telling.settings or salvage(context)
            if telling.settings or not context.is_sandbox:
                await _tell(knowing(context, settings), settings, turn)
        raise
    if telling.settings and telling.result:
        turn = finished_turn(telling.result, started_at, _CLOCK.now())
        await _tell(knowing(context, telling.settings), telling.settings, turn)


async def _tell(context: Context, settings: Settings, turn: Turn) -> None:
    """Tell, and let nothing that goes wrong with it change how the run ends."""
    try:
        await tell_of_run(settings, turn, _CLOCK, context.complete)
    except Exception as fault:  # noqa: BLE001  # as with the watchers of a job
        logs.trace(fault)
        said = f"Telling how the run ended failed ({type(fault).__name__})."
        logs.tell("watcher.failed", said, level=logging.WARNING)


async def _require_api(settings: Settings) -> None:
    """Raise ConfigError where there is no API to ask, with what to do instead."""
    if settings.trakt.client_id:
        return
    remembered = await recall(settings)
    if remembered is None:
        await require_profile(settings)
    again = "carry over a new download: trakt2discovr migrate FILE"
    if remembered and remembered.changed() and not remembered.gone():
        which = ", ".join(map(str, remembered.paths))
        again = f"{which} has changed since it was read: trakt2discovr migrate"
    raise ConfigError(
        "Trakt's API is what sync asks, and [trakt] client_id is not set.",
        remedy=f"Without the API, {again} (only what is new is written). If your "
        "account may use it: trakt2discovr setup",
    )


async def _stay(context: Context, options: _Options, output: Output, stop: Stop) -> int:
    import_all()
    async with _telling(context) as telling, AsyncExitStack() as stack:
        settings = await open_settings(context, stack, warn=options.warn)
        telling.settings = settings
        output.context = knowing(output.context, settings)
        address = options.address(settings)

        def read() -> Terms:
            fresh = _read_again(context, settings)
            if options.address(fresh) != address:
                kept = "Another [sync] listen counts from the next start."
                logs.tell("listen.kept", kept, level=logging.WARNING)
            return options.terms(fresh)

        await stay(
            options.terms(settings),
            read=read,
            run=partial(_take_turn, context, options, output, stop),
            stop=stop,
            clock=_CLOCK,
            check=partial(_require_api, settings),
            address=address,
            hosts=settings.sync.hosts,
            complete=output.context.complete,
        )


async def _take_turn(  # the first four are bound once
    context: Context,
    options: _Options,
    output: Output,
    stop: Stop,
    terms: Terms,
    on_event: Callable[[Event], None],
) -> Result:
    with LoggingReporter(
        output.notes,
        is_quiet=context.is_quiet,
        has_bars=options.log_format != "json",
        complete=output.context.complete,
    ) as reporter:

        def tell(event: Event) -> None:
            on_event(event)
            reporter.on_event(event)

        return await take_turn(
            terms,
            stop=stop,
            clock=_CLOCK,
            on_event=tell,
            accept_incomplete=options.accept_incomplete,
            is_strict=options.strict,
        )


def _read_again(context: Context, settings: Settings) -> Settings:
    """Read the config again; the stand-ins of a sandbox stay where they are."""
    fresh = look_at_settings(context)
    if not context.is_sandbox:
        return fresh
    from sync.sandbox.rehearsal import NOBODY_IS_TOLD  # noqa: PLC0415  # only there

    job = fresh.sync.model_copy(update=NOBODY_IS_TOLD)
    return settings.model_copy(update={"history": fresh.history, "sync": job})
