"""What the commands of the fleet do, from their options to their exit codes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import click

from connectors.errors import ConfigError
from sync.cli.runner import Exit, run
from sync.cli.session import read_settings, warn_in_log
from sync.cli.view.fleet import (
    show_done,
    show_limits,
    show_profiles,
    show_status,
)
from sync.documents.fleet import (
    FleetDocument,
    FleetLimitsDocument,
    FleetListDocument,
    FleetProfileDocument,
    FleetStatusDocument,
    LimitDocument,
)
from sync.errors import StoppedError
from sync.ledger.errors import StateError
from sync.runtime.words import count, some

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
    from datetime import datetime
    from pathlib import Path
    from typing import Any

    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.fleet.open import Fleet
    from sync.fleet.profiles import Profile
    from sync.runtime.logs import LogFormat
    from sync.runtime.stop import Stop
    from sync.runtime.values import Address

_POLL_S = 0.1
#: So often who follows is shown how far the fleet is.
_LOOK_S = 1.0
_NAMED = "These have another source now, so their logins to Trakt were forgotten"
_WORDS = {
    "due": "due now, before all others",
    "pause": "paused",
    "resume": "on again",
    "remove": "out of the fleet, and their logins are forgotten",
}


def init(context: Context, *, gives_up: bool) -> int:
    """Make the tables and the key."""

    async def work(output: Output, _stop: Stop) -> int:
        settings = read_settings(context)
        made = await opening().init(settings, gives_up=gives_up)
        key = opening().key_place(settings)
        notes = [f"The fleet is ready: {made.place}."]
        if made.is_new_key:
            notes.append(
                f"Keep a copy of the key file {key} apart from the database: without "
                "it no login can be read. And copy it to every other machine of the "
                "fleet."
            )
        if made.shared:
            notes.append(
                f"{count(made.shared, 'profile')} by your own login to Discovr: check "
                "them in trakt2discovr fleet list, and write own into the table for "
                "any that is not yours."
            )
        if made.found:
            notes.append(f"{count(made.found, 'login')} can be read again.")
        if made.lost:
            notes.append(
                f"{count(made.lost, 'login')} cannot be read any more. Let these "
                "people sign in again: trakt2discovr fleet invite"
            )
            if made.is_own_refused:
                notes.append(
                    "Sign in yourself, too, for those that live by your own login: "
                    "trakt2discovr fleet login --shared"
                )
        elif made.profiles:
            notes.append(
                "Next: trakt2discovr fleet work. After an upgrade restart the workers "
                "that run; after a restore add your table of today first."
            )
        else:
            notes.append("Next: trakt2discovr fleet add FILE.csv")
        return tell_done(
            output, FleetDocument(done="init", count=0, notes=tuple(notes))
        )

    return run_fleet(context, work)


def add(context: Context, file: Path) -> int:
    """Add the profiles of a table."""

    async def work(output: Output, _stop: Stop) -> int:
        from sync.fleet.table_file import read_profiles  # noqa: PLC0415  # an extra

        new = read_profiles(file)
        notes = [f"{count(len(new), 'profile')} of {file} in the fleet."]
        async with _opened(context) as fleet:
            if parted := await fleet.profiles.add(new, fleet.clock.now()):
                notes.append(f"{_NAMED}: {some(parted)}.")
            with suppress(StateError):  # what was done is said in any case
                notes += await _next_steps(fleet, [p.profile for p in new])
        document = FleetDocument(done="add", count=len(new), notes=tuple(notes))
        return tell_done(output, document)

    return run_fleet(context, work)


async def _next_steps(fleet: Fleet, names: Sequence[str]) -> list[str]:
    from sync.cli.commands.fleet_advice import next_steps  # noqa: PLC0415  # an extra
    from sync.fleet.logins import standing_of  # noqa: PLC0415  # the same

    found = await fleet.profiles.find(names)
    return next_steps(found, await standing_of(fleet.database, found))


def work(
    context: Context, slots: int, listen: Address | None, log_format: LogFormat
) -> int:
    """Be a worker until a signal."""

    async def work(output: Output, stop: Stop) -> int:
        del output
        settings = read_settings(context, warn=warn_in_log)
        event = asyncio.Event()
        watching = asyncio.create_task(_watch(stop, event))
        try:
            with stop.heeded():
                worker = await opening().work(settings, slots, listen, event)
        finally:
            watching.cancel()
        ended = count(worker.tally.endings.total(), "run")
        written = count(worker.tally.written, "entry", "entries")
        raise StoppedError(
            f"Stopped after {ended}, {written} written. What was under way is settled, "
            "and due again.",
            remedy="Start it again: trakt2discovr fleet work",
        )

    return run_fleet(context, work, log_format=log_format)


def list_profiles(context: Context, state: str | None) -> int:
    """List the profiles."""

    async def work(output: Output, _stop: Stop) -> int:
        from sync.fleet.calendar import State  # noqa: PLC0415  # as above
        from sync.fleet.logins import standing_of  # noqa: PLC0415  # the same
        from sync.fleet.sign_in import lacking, soon_ending  # noqa: PLC0415  # the same

        async with _opened(context) as fleet:
            found = await fleet.profiles.all(State(state) if state else None)
            logins = await standing_of(fleet.database, found)
            ending = await soon_ending(fleet)
        document = FleetListDocument(
            profiles=tuple(
                _document(p, logins[p.id], lacking(p, logins), ending.get(p.id))
                for p in found
            )
        )
        output.emit(
            document,
            lambda console: show_profiles(console, document, state, context.complete),
        )
        return Exit.DONE

    return run_fleet(context, work)


def status(context: Context, *, follow: bool) -> int:
    """Show the fleet in numbers; ``follow``: once all are brought over that can be."""

    async def work(output: Output, _stop: Stop) -> int:
        async with _opened(context) as fleet:
            document = await fleet_status(fleet)
            if follow and document.to_bring_over:
                from sync.cli.view.batch import Batch  # noqa: PLC0415  # heavy

                with Batch(output.notes, is_quiet=context.is_quiet) as batch:
                    while document.to_bring_over:
                        batch.show(document)
                        await fleet.clock.sleep(_LOOK_S)
                        document = await fleet_status(fleet)
        output.emit(
            document, lambda console: show_status(console, document, context.complete)
        )
        return Exit.DONE

    return run_fleet(context, work)


async def fleet_status(fleet: Fleet) -> FleetStatusDocument:
    """Count the fleet."""
    from sync.fleet.logins import SHARED, standing_of  # noqa: PLC0415  # as above
    from sync.fleet.sign_in import soon_ending  # noqa: PLC0415  # the same
    from sync.fleet.watch import Totals  # noqa: PLC0415  # the same
    from sync.fleet.worker import overdue  # noqa: PLC0415  # the same

    now = fleet.clock.now()
    totals = Totals.of(await fleet.profiles.count(now))
    shared = (await standing_of(fleet.database, []))[SHARED].get("discovr")
    ending = await soon_ending(fleet)
    named = {None: "none", True: "good", False: "refused"}[shared]
    return FleetStatusDocument(
        profiles=totals.profiles,
        in_step=totals.in_step,
        to_bring_over=totals.to_bring_over,
        brought_over=totals.brought_over,
        running=totals.running,
        due=totals.due,
        overdue_s=overdue(totals.oldest_due_at, now).total_seconds(),
        failing=totals.failing,
        paused=totals.paused,
        needs_login=totals.needs_login,
        database=fleet.database.place,
        shared_login=named,
        without_discovr=await fleet.profiles.without("discovr"),
        shared_login_ends_at=ending.pop(SHARED, None),
        ending_logins=len(ending),
    )


def change(context: Context, names: Sequence[str], how: str) -> int:
    """Make profiles due, pause, resume or remove them."""

    async def work(output: Output, _stop: Stop) -> int:
        from sync.cli.commands.fleet_advice import why_not  # noqa: PLC0415  # as above
        from sync.fleet.calendar import State  # noqa: PLC0415  # the same
        from sync.fleet.logins import forget, standing_of  # noqa: PLC0415  # the same

        async with _opened(context) as fleet:
            wanted = [*dict.fromkeys(names)]
            found = await require_known(fleet, wanted, even_gone=how == "remove")
            resting = [p for p in found if how == "due" and p.state is not State.ACTIVE]
            logins = await standing_of(fleet.database, resting)
            await fleet.profiles.change(wanted, how, fleet.clock.now())
            if how == "remove":
                await forget(fleet.database, wanted)
        notes = why_not(resting, logins)
        gone = [p.profile for p in found if p.state is State.GONE]
        if gone:
            notes.append(f"Removed before: {some(gone)}.")
        if reached := len(wanted) - len(resting) - len(gone):
            notes.insert(0, f"{count(reached, 'profile')} {_WORDS[how]}.")
        document = FleetDocument.model_validate(
            {"done": how, "count": reached, "notes": notes}
        )
        return tell_done(output, document)

    return run_fleet(context, work)


async def require_known(
    fleet: Fleet, names: Sequence[str], *, even_gone: bool = False
) -> list[Profile]:
    """Return the profiles of these names. Raises ConfigError for one that is not."""
    from sync.fleet.calendar import State  # noqa: PLC0415  # as above

    known = await fleet.profiles.find(names)
    found = [p for p in known if even_gone or p.state is not State.GONE]
    unknown = sorted({*names} - {p.profile for p in found})
    if unknown:
        raise ConfigError(
            f"The fleet has no profile {', '.join(unknown)}, so nothing was changed.",
            remedy="See trakt2discovr fleet list",
        )
    return found


def limits(context: Context) -> int:
    """Show the limits."""

    async def work(output: Output, _stop: Stop) -> int:
        from sync.fleet.limit import all_limits  # noqa: PLC0415  # as above

        async with _opened(context) as fleet:
            found = await all_limits(fleet.database)
        document = FleetLimitsDocument(
            limits=tuple(
                LimitDocument(
                    name=limit.name,
                    per_second=limit.per_second,
                    rate=limit.rate,
                    paused_s=limit.paused_s,
                )
                for limit in found
            )
        )
        output.emit(document, lambda console: show_limits(console, document))
        return Exit.DONE

    return run_fleet(context, work)


def rotate_keys(context: Context) -> int:
    """Make a new key, and seal every login with it."""

    async def work(output: Output, _stop: Stop) -> int:
        from sync.fleet import logins, vault  # noqa: PLC0415  # as above

        async with _opened(context) as fleet, fleet.database.alone():
            place = opening().key_place(fleet.settings)
            lost = await logins.lost(fleet.database, fleet.vault().key_ids)
            if lost:
                raise opening().unreadable(lost, fleet.database, place)
            known = (fleet.database, fleet.vault())
            is_finishing = await logins.sealed_with_old_keys(*known) > 0
            if not is_finishing:
                vault.add_key(place)
            sealed = await logins.rotate(fleet.database, fleet.vault())
            left = await logins.sealed_with_old_keys(fleet.database, fleet.vault())
            if not left:
                vault.drop_old_keys(place)
        which = "the last new key" if is_finishing else "a new key"
        notes = [f"{count(sealed, 'login')} encrypted with {which}, in {place}."]
        if is_finishing:
            notes.append(
                "That finishes the last change. For another key: run it again."
            )
        if left:
            notes.append(
                f"{count(left, 'login was', 'logins were')} in use meanwhile: run it "
                "again, so that the old key can go."
            )
        else:
            notes.append(
                "Next: copy this file to every other machine of the fleet, and keep a "
                "copy apart from those of the database. Restart trakt2discovr fleet "
                "invite where it runs. Workers read the file again by themselves; but "
                "restart them where systemd hands it over (LoadCredential)."
            )
        document = FleetDocument(done="keys", count=sealed, notes=tuple(notes))
        return tell_done(output, document, Exit.INCOMPLETE if left else Exit.DONE)

    return run_fleet(context, work)


def opening() -> Any:
    """Return what opens fleets; its libraries are an extra. Raises ConfigError."""
    try:
        from sync.fleet import open as found  # noqa: PLC0415  # see above
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("sync", "connectors")):
            raise
        raise ConfigError(
            "The fleet needs a part that is not installed.",
            remedy="Run: pip install 'trakt2discovr[fleet]'",
        ) from None
    return found


@asynccontextmanager
async def _opened(context: Context) -> AsyncIterator[Fleet]:
    async with opening().open_fleet(read_settings(context)) as fleet:
        yield fleet


def run_fleet(
    context: Context,
    work: Callable[[Output, Stop], Coroutine[None, None, int]],
    *,
    log_format: LogFormat | None = None,
) -> int:
    """Run a command of the fleet, which only the demo rehearses."""
    if context.is_sandbox:
        raise click.UsageError(
            "Of the fleet only the demo can be rehearsed: trakt2discovr --sandbox "
            "fleet demo"
        )
    return run(context, work, log_format=log_format)


async def _watch(stop: Stop, event: asyncio.Event) -> None:
    while not stop.is_requested:  # noqa: ASYNC110  # it has no event
        await asyncio.sleep(_POLL_S)
    event.set()


def tell_done(output: Output, document: FleetDocument, code: Exit = Exit.DONE) -> int:
    """Print what was done, and return how it ended."""
    notes = tuple(map(output.context.complete, document.notes))
    document = document.model_copy(update={"notes": notes})
    output.emit(document, lambda console: show_done(console, document))
    return code


def _document(
    profile: Profile,
    logins: Iterable[str],
    lacks: Sequence[str],
    ends_at: datetime | None,
) -> FleetProfileDocument:
    return FleetProfileDocument(
        profile=profile.profile,
        source=profile.source,
        kind=profile.kind.value,
        state=profile.state.value,
        every_s=profile.every.total_seconds(),
        due_at=profile.due_at,
        is_running=profile.running_since is not None,
        worker=profile.worker,
        last_ok_at=profile.last_ok_at,
        failures=profile.failures,
        last_error=profile.last_error,
        note=profile.note,
        logins=tuple(sorted(logins)),
        lacks=tuple(lacks),
        is_shared=profile.is_shared,
        login_ends_at=ends_at,
    )
