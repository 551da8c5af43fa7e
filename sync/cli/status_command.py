"""``status`` on the terminal: one fact a line, and what to do about what is missing."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sync.cli.opening import open_settings
from sync.cli.progress import Reporter
from sync.cli.runner import Exit, run
from sync.events import Warned
from sync.status import read_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.status_documents import (
        CountDocument,
        DatabaseDocument,
        LoginStateDocument,
        ProfileStateDocument,
        RunDocument,
        StatusDocument,
    )
    from sync.stop import Stop

_MIGRATE = "trakt2discovr migrate"


def status(context: Context) -> int:
    """Show it; 2 when a file or database cannot be read, whatever it would say."""

    async def work(output: Output, _stop: Stop) -> int:
        async with AsyncExitStack() as stack:
            settings = await open_settings(context, stack)
            document = await read_status(settings)
        reporter = Reporter(output.notes, is_quiet=context.is_quiet)
        for warning in document.warnings:
            reporter.on_event(Warned(warning))
        output.emit(document, lambda console: _show(console, document))
        problems = [document.database.problem, *(g.problem for g in document.logins)]
        return Exit.USAGE if any(problems) else Exit.DONE

    return run(context, work)


def _show(console: Console, document: StatusDocument) -> None:
    for line in _lines(document):
        console.print(line, markup=False, soft_wrap=True)


def _lines(document: StatusDocument) -> Iterator[str]:
    if document.profile is None:
        yield _unknown_profile(document)
    for profile in document.profiles:
        names = f" ({', '.join(profile.names)})" if profile.names else ""
        chosen = ", chosen" if profile.is_chosen else ""
        yield f"profile {profile.id}{names}{chosen}"
        for name, text in _profile_lines(profile, document.at):
            yield f"  {name:<13}{text}"
    yield "logins"
    for login in document.logins:
        yield f"  {login.service:<13}{_login_line(login, document.at)}"
    yield "state"
    yield f"  {'database':<13}{_database_line(document.database)}"


def _unknown_profile(document: StatusDocument) -> str:
    if document.wanted is None:
        return "profile: none is chosen yet: trakt2discovr login discovr"
    if document.database.problem:
        return f"profile {document.wanted}: nothing can be read of it, see below"
    return f"profile {document.wanted}: no run has written for it yet: {_MIGRATE}"


def _profile_lines(
    profile: ProfileStateDocument, now: datetime
) -> Iterator[tuple[str, str]]:
    yield "held by", _holder(profile)
    yield "last run", _run(profile.last_run, now) if profile.last_run else "none yet"
    yield "last checked", _moment(profile.last_checked_at, now) or f"never: {_MIGRATE}"
    yield "next run", _next_run(profile, now)
    watermark = _moment(profile.watermark_at, now)
    yield "watermark", watermark or "none yet: trakt2discovr sync sets it"
    if profile.reconciled_at:
        yield "read whole", _moment(profile.reconciled_at, now)
    yield "open writes", _open_writes(profile)
    more = "trakt2discovr unmatched"
    yield "unmatched", _titles(profile.unmatched, more)
    yield "not possible", _titles(profile.unsupported, more)
    if profile.unreadable:
        yield "unreadable", f"{profile.unreadable:,} records: {more}"
    yield "removed", _removed(profile.removed)


def _holder(profile: ProfileStateDocument) -> str:
    holder = profile.holder
    if holder is None:
        return "nobody"
    if holder.since is None:
        return "a run that has just begun"
    since = f"{holder.since:%Y-%m-%d %H:%M} UTC"
    return f"{holder.command}, process {holder.pid} on {holder.host}, since {since}"


def _run(run: RunDocument, now: datetime) -> str:
    parts = [
        f"{run.number}, {run.command}, {_moment(run.started_at, now)}: {run.outcome}"
    ]
    if run.plays is not None and run.writes is not None:
        failed = run.failed or 0
        parts.append(f"{run.plays:,} plays read")
        parts.append(f"{run.writes - failed:,} of {run.writes:,} writes arrived")
        if failed:
            parts.append(f"{failed:,} failed: {_MIGRATE} sends them again")
    elif run.outcome == "broken off":
        parts.append(f"{_MIGRATE} resumes it")
    return ", ".join(parts)


def _next_run(profile: ProfileStateDocument, now: datetime) -> str:
    due = profile.next_run_at
    if due is None:
        return "not scheduled: trakt2discovr sync --every 6h"
    every = f", every {_span(profile.every_s)}" if profile.every_s else ""
    if due < now:
        return f"was due {_moment(due, now)}{every}: is it still running?"
    return f"{_moment(due, now)}{every}"


def _open_writes(profile: ProfileStateDocument) -> str:
    counts = {"not answered": profile.pending, "unclear": profile.unclear}
    found = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    return f"{found}: the next run looks them up" if found else "none"


def _titles(count: CountDocument | None, more: str) -> str:
    if count is None:
        return "not known"
    if not count.titles:
        return "none"
    titles = f"{count.titles:,} title{'s' * (count.titles != 1)}"
    return f"{titles}, {count.plays:,} play{'s' * (count.plays != 1)}: {more}"


def _removed(titles: int | None) -> str:
    if not titles:
        return "not known" if titles is None else "none"
    which = f"{titles:,} title{'s' * (titles != 1)}"
    return f"of {which}, plays are no longer on Trakt: trakt2discovr sync --prune"


def _login_line(login: LoginStateDocument, now: datetime) -> str:
    again = f"trakt2discovr login {login.service}"
    if login.problem:
        return f"{login.problem} {login.remedy}"
    if login.place is None:
        return f"none: {again}"
    parts = [f"in the {login.place}"]
    if login.obtained_at:
        parts.append(f"obtained {_moment(login.obtained_at, now)}")
    if login.renews_itself:
        parts.append("renews itself")
    if login.ends_at and not login.renews_itself:
        verb = "ended" if login.ends_at <= now else "ends"
        parts.append(f"{verb} {_moment(login.ends_at, now)}: {again}")
    if login.place == "config" and not login.ends_at:
        parts.append("of unknown age")
    return ", ".join(parts)


def _database_line(database: DatabaseDocument) -> str:
    if database.problem:
        return f"{database.problem} {database.remedy}"
    if database.software is None:
        return f"none yet at {database.place}: {_MIGRATE} makes it"
    size = f"{(database.size_bytes or 0) / 2**20:,.1f} MiB"
    line = f"{database.software}, {database.place}, {size}"
    if database.schema_version is None:
        return f"{line}, empty: {_MIGRATE} fills it"
    line += f", schema {database.schema_version}"
    late = "" if database.is_current else ", brought up to date by the next run"
    return line + late


def _moment(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return ""
    apart = _span(abs(now - moment).total_seconds())
    when = f"in {apart}" if moment > now else f"{apart} ago"
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC ({when})"


def _span(seconds: float) -> str:
    """Return a stretch of time in its largest whole unit."""
    units = {"days": 86_400, "hours": 3_600, "minutes": 60}
    for name, length in units.items():
        if seconds >= 2 * length:
            return f"{timedelta(seconds=seconds) // timedelta(seconds=length)} {name}"
    return f"{seconds:.0f} seconds"
