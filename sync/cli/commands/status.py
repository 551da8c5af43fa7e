"""``status`` on the terminal: one fact a line, and what to do about what is missing."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sync.checkup.status import read_status
from sync.cli.runner import Exit, run
from sync.cli.session import open_settings, rehearsing
from sync.cli.view.texts import glue, name_runs
from sync.documents.words import say_share, say_time, say_undone
from sync.runtime.shell import quote
from sync.runtime.words import count, entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.documents.move import MoveDocument
    from sync.documents.status import (
        CountDocument,
        DatabaseDocument,
        FileDocument,
        LastCopyDocument,
        LastUndoDocument,
        LoginStateDocument,
        ProfileStateDocument,
        RunDocument,
        StatusDocument,
    )
    from sync.runtime.stop import Stop


#: Where the facts begin, behind their names.
_COLUMN = 15


def status(context: Context) -> int:
    """Show it; 2 when a file or database cannot be read, whatever it would say."""

    async def work(output: Output, _stop: Stop) -> int:
        async with AsyncExitStack() as stack:
            output.context = rehearsing(context, None)
            settings = await open_settings(context, stack, None)
            document = await read_status(settings)
        if document.warnings:
            _warn(output, document.warnings)
        lines = StatusView(context, document).fitting_lines()
        output.emit_lines(document, lines, hang=_COLUMN)
        problems = [document.database.problem, *(g.problem for g in document.logins)]
        return Exit.USAGE if any(problems) else Exit.DONE

    return run(context, work)


def _warn(output: Output, warnings: Iterable[str]) -> None:
    # What lays lines out is heavy, and few need it.
    from sync.cli.progress import Reporter  # noqa: PLC0415
    from sync.events import Warned  # noqa: PLC0415

    context = output.context
    reporter = Reporter(
        output.notes, is_quiet=context.is_quiet, complete=context.complete
    )
    for warning in warnings:
        reporter.on_event(Warned(warning))


class StatusView:
    """The lines, each hint as the person would type it here."""

    def __init__(self, context: Context, document: StatusDocument) -> None:
        # The chosen one stands first; what waits for the next run goes before it.
        known = [f for p in document.profiles[:1] for f in p.files]
        files = [Path(f.path) for f in document.files or known]
        self._here = context.reading(files, is_remembered=True)
        #: The commands that were named: no line of the terminal breaks them.
        self._named: set[str] = set()
        self._complete = context.complete
        # A rehearsal of a download has no API to ask either.
        self._has_api = document.has_api and not (files and context.is_sandbox)
        is_known = files or self._has_api
        self._migrate = self._call("migrate" if is_known else "migrate FILE")
        self._document = document
        self._now = document.at

    def _call(self, command: str) -> str:
        words = self._here.call(command)
        self._named.add(words)
        return words

    def fitting_lines(self) -> Iterator[str]:
        """Return them so that no terminal breaks a command or a path."""
        files = [f for p in self._document.profiles for f in p.files]
        paths = [f.path for f in (*files, *self._document.files)]
        for line in self.lines():
            whole = (*paths, self._document.database.place, *self._named)
            for words in sorted(whole, key=len, reverse=True):
                line = line.replace(words, glue(words))  # noqa: PLW2901  # each of them
            yield line

    def lines(self) -> Iterator[str]:
        """Return them."""
        document = self._document
        is_unread = document.database.problem is not None
        if is_unread:  # that is why the rest is not known
            yield from self._state()
        if document.profile is None:
            yield self._unknown_profile()
        if trouble := document.trouble:
            words = self._complete(f"{trouble.message} {trouble.remedy or ''}".strip())
            since = _moment(trouble.since, self._now)
            yield f"  {'trouble':<13}since {since}: {words}"
        for name, text in self._files(document.files, "next source"):
            yield f"  {name:<13}{text}"
        for profile in document.profiles:
            # A config that setup wrote calls it by its id.
            known_as = [name for name in profile.names if name != profile.id]
            names = f" ({', '.join(known_as)})" if known_as else ""
            chosen = ", chosen" if profile.is_chosen else ""
            yield f"profile {profile.id}{names}{chosen}"
            for name, text in self._profile_lines(profile):
                yield f"  {name:<13}{text}"
        yield "logins"
        for login in document.logins:
            yield f"  {login.service:<13}{self._login(login)}"
        if not is_unread:
            yield from self._state()

    def _state(self) -> Iterator[str]:
        yield "state"
        yield f"  {'database':<13}{self._database(self._document.database)}"

    def _unknown_profile(self) -> str:
        document = self._document
        if document.database.problem:
            named = f" {document.wanted}: nothing can be read of it, see above"
            return f"profile{named if document.wanted else ': not known, see above'}"
        if document.wanted is None:
            discovr = [g for g in document.logins if g.service == "discovr"]
            is_ready = not any(login.missing for login in discovr)
            first = self._call("login discovr" if is_ready else "setup")
            return f"profile: none is chosen yet: {first}"
        migrate = self._migrate
        return f"profile {document.wanted}: no run has written for it yet: {migrate}"

    def _profile_lines(
        self, profile: ProfileStateDocument
    ) -> Iterator[tuple[str, str]]:
        now = self._now
        if profile.move:
            yield "on Discovr", self._move(profile.move, profile.last_run)
        yield "held by", _holder(profile)
        yield (
            "last run",
            self._run(profile.last_run) if profile.last_run else "none yet",
        )
        if profile.last_undo:
            yield "last undo", self._undo(profile.last_undo)
        checked = _moment(profile.last_checked_at, now)
        if profile.last_copy:
            yield "last copy", self._copy(profile.last_copy)
        yield "last checked", checked or f"never: {self._migrate}"
        yield "next run", self._next_run(profile)
        yield from self._source(profile)
        if profile.reconciled_at:
            yield "read whole", _moment(profile.reconciled_at, now)
        yield "open writes", _open_writes(profile)
        more = self._call("unmatched")
        yield "unmatched", _titles(profile.unmatched, more)
        yield "not possible", _titles(profile.unsupported, more)
        if profile.unreadable:
            yield "unreadable", f"{count(profile.unreadable, 'record')}: {more}"
        if profile.left_out and profile.left_out.titles:
            yield "left out", _titles(profile.left_out, more)
        yield "removed", self._removed(profile)

    def _source(self, profile: ProfileStateDocument) -> Iterator[tuple[str, str]]:
        """Say what was read last, and up to where Trakt's API is known."""
        yield from self._files(profile.files, "source")
        watermark = _moment(profile.watermark_at, self._now)
        if watermark or self._has_api:
            yield "watermark", watermark or f"none yet: {self._call('sync')} sets it"

    def _files(
        self, files: Iterable[FileDocument], name: str
    ) -> Iterator[tuple[str, str]]:
        """Name them, each with what has become of it."""
        words = {
            "there": "",
            "gone": f" (gone: {self._call('migrate FILE')} names another)",
            "changed": f" (changed since: {self._migrate} carries it over)",
        }
        for file in files:
            yield name, f"{file.path}{words[file.state]}"

    def _run(self, run: RunDocument) -> str:
        began = _moment(run.started_at, self._now)
        parts = [f"{run.number}, {run.command}, {began}: {run.outcome}"]
        if run.plays is not None and run.writes is not None:
            parts.append(f"{count(run.plays, 'play')} read")
            parts += self._writes(run, run.writes)
        elif run.command == "restore":
            parts += self._restored(run)
        elif run.outcome == "broken off":
            parts.append(f"{self._migrate} resumes it")
        return ", ".join(parts)

    def _restored(self, run: RunDocument) -> Iterator[str]:
        """Say how much of a copy came back, and how the rest does."""
        if run.writes is not None:
            whole = count(run.writes, "entry is", "entries are")
            yield f"{run.arrived or 0:,} of {whole} back"
        if run.undone:
            yield f"{run.undone:,} of them taken back since"
        if run.writes is None or run.failed or run.unsent:
            yield f"{self._call('restore FILE')} goes on"

    def _writes(self, run: RunDocument, writes: int) -> Iterator[str]:
        """Say how they ended, and what becomes of those that did not arrive."""
        failed, unsent = run.failed or 0, run.unsent or 0
        # An earlier version counted what was not sent among what failed.
        arrived = writes - failed if run.arrived is None else run.arrived
        if not run.undone:
            yield f"{arrived:,} of {count(writes, 'write')} arrived"
        elif run.undone >= arrived:
            one, many = "write that arrived was", "writes that arrived were"
            yield f"all of the {count(arrived, one, many)} taken back since"
        else:
            came = count(arrived, "write")
            yield f"{came} arrived, {run.undone:,} of them taken back since"
        counts = {
            "failed": failed - (run.unclear or 0),
            "unclear": run.unclear or 0,
            "not sent": unsent,
        }
        left = ", ".join(f"{n:,} {words}" for words, n in counts.items() if n)
        if left:
            again = " again" if failed else ""
            yield f"{left}: {self._migrate} sends them{again}"

    def _move(self, move: MoveDocument, run: RunDocument | None) -> str:
        """Say how much of all that is known is there, as of when that was noted."""
        total = move.balance.read
        share = f" ({say_share(move.on_discovr, total)})" if total else ""
        words = f"{move.on_discovr:,} of {count(total, 'play')}{share}"
        if move.undone is not None:
            until = f"until {say_undone(move)}: {self._migrate}"
            if move.left is None:
                return f"{words} {until}"
            return f"{move.left:,} of {count(total, 'play')}, {words} {until}"
        if run and run.outcome == "broken off" and move.at and move.at < run.started_at:
            return f"{words} before run {run.number}: {self._migrate} goes on"
        if move.balance.failed:
            return f"{words}: {self._migrate} goes on"
        return words

    def _undo(self, undone: LastUndoDocument) -> str:
        left = f", {undone.left_alone:,} left alone" if undone.left_alone else ""
        when = _moment(undone.at, self._now)
        runs, taken = name_runs(undone.runs or (undone.run,)), undone.writes
        return f"{runs}, {when}: {count(taken, 'write')} taken back{left}"

    def _copy(self, copy: LastCopyDocument) -> str:
        """Say where the profile is kept as it was, and how it comes back."""
        what = "a part, " if copy.is_part else ""
        words = f"{what}{_moment(copy.at, self._now)}, {entries(copy.entries)}"
        if not copy.is_there:
            return f"{words}: {copy.path} (gone)"
        path = quote(copy.path)
        return f"{words}: {self._call(f'restore --dry-run {path}')}"

    def _next_run(self, profile: ProfileStateDocument) -> str:
        due = profile.next_run_at
        every = f", every {_span(profile.every_s)}" if profile.every_s else ""
        if due is None and every:
            return f"one is under way{every}"
        if due is None and not self._has_api:
            again = self._call("migrate FILE")
            return f"not scheduled; a new download goes over by {again}"
        if due is None:
            return f"not scheduled: {self._call('sync --every 6h')}"
        if due < self._now:
            return f"was due {_moment(due, self._now)}{every}: is it still running?"
        return f"{_moment(due, self._now)}{every}"

    def _removed(self, profile: ProfileStateDocument) -> str:
        titles = profile.removed
        if not titles:
            return "not known" if titles is None else "none"
        words = f"of {count(titles, 'title')}, plays are no longer on {profile.source}"
        prune = self._call("sync --prune")
        return f"{words}: {prune}" if self._has_api else words

    def _login(self, login: LoginStateDocument) -> str:
        again, now = self._call(f"login {login.service}"), self._now
        if login.problem:
            return self._complete(f"{login.problem} {login.remedy}")
        if login.place is None and login.service == "trakt" and login.missing:
            return "none; a download needs none"
        again = self._call("setup") if login.missing else again
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

    def _database(self, database: DatabaseDocument) -> str:
        migrate = self._migrate
        if database.problem:
            return self._complete(f"{database.problem} {database.remedy}")
        if database.software is None:
            return f"none yet at {database.place}: {migrate} makes it"
        size = f"{(database.size_bytes or 0) / 2**20:,.1f} MiB"
        line = f"{database.software}, {database.place}, {size}"
        if database.schema_version is None:
            return f"{line}, empty: {migrate} fills it"
        line += f", schema {database.schema_version}"
        late = "" if database.is_current else ", brought up to date by the next run"
        return line + late


def _holder(profile: ProfileStateDocument) -> str:
    holder = profile.holder
    if holder is None:
        return "nobody"
    if holder.since is None:
        return "a run that has just begun"
    since = say_time(holder.since)
    return f"{holder.command}, process {holder.pid} on {holder.host}, since {since}"


def _open_writes(profile: ProfileStateDocument) -> str:
    counts = {"not answered": profile.pending, "unclear": profile.unclear}
    found = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    if found and profile.holder:
        return f"{found} so far: a run is under way"
    return f"{found}: the next run looks them up" if found else "none"


def _titles(found: CountDocument | None, more: str) -> str:
    if found is None:
        return "not known"
    if not found.titles:
        return "none"
    titles = count(found.titles, "title")
    return f"{titles}, {count(found.plays, 'play')}: {more}"


def _moment(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return ""
    apart = _span(abs(now - moment).total_seconds())
    when = f"in {apart}" if moment > now else f"{apart} ago"
    return f"{say_time(moment)} ({when})"


def _span(seconds: float) -> str:
    """Return a stretch of time in its largest whole unit."""
    units = {"days": 86_400, "hours": 3_600, "minutes": 60}
    for name, length in units.items():
        if seconds >= 2 * length:
            return f"{timedelta(seconds=seconds) // timedelta(seconds=length)} {name}"
    return count(round(seconds), "second")
