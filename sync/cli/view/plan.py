"""How a plan looks: what goes where, what does not and why, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Self

from rich.cells import cell_len

from sync.cli.view.key import show_saving
from sync.cli.view.left_out import show_left_out_of
from sync.cli.view.lines import MOST_LINES, heading, say, show_list
from sync.cli.view.playback import show_playback
from sync.cli.view.reasons import kind_of
from sync.cli.view.skipped import show_how_to_skip, show_skipped
from sync.cli.view.texts import duration, glue, pad, seasons, title
from sync.cli.view.totals import show_totals
from sync.domain.collapse import NO_AIR_DATES
from sync.domain.plan import Fate
from sync.domain.plays import Key, Kind
from sync.pipeline.summary import count_writes, say_writes, summarize_titles
from sync.runtime.words import count, entries

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rich.console import Console

    from sync.cli.context import Context
    from sync.domain.plan import SeasonNote
    from sync.pipeline.result import Report
    from sync.pipeline.summary import TitleSummary

#: Films are named where there are no more than this.
FEW = 8
#: A column of titles is never narrower than this, nor wider than that.
NARROWEST, WIDEST = 24, 40


def show_plan(console: Console, report: Report, context: Context) -> None:
    """Show what would be written, and why; -v names all, -q gives the totals."""
    is_full = context.is_verbose
    if context.is_quiet:
        show_totals(console, report, is_plan=True)
        show_cost(console, report)
        return
    is_told = show_saving(console, report, context)
    show_totals(console, report, is_plan=True)
    _, balances = report.balance()
    found = summarize_titles(report.prepared, balances)
    known = set(report.prepared.compared.desired.titles.values())
    if is_told:
        found = [_without(NO_AIR_DATES, one) for one in found]
    shows = [t for t in found if t.title.kind is Kind.SHOW and t.title in known]
    films = [t for t in found if t.title.kind is Kind.FILM and t.title in known]
    _show_shows(console, shows, context, is_full=is_full)
    _show_films(console, films, is_full=is_full)
    _show_kept(console, report, is_full=is_full)
    _show_removals(console, report, is_full=is_full)
    show_left_out_of(console, report, context)
    show_skipped(console, report, context)
    show_playback(console, report, is_full=is_full)
    show_cost(console, report)
    show_how_to_skip(console, context)


def _without(reason: str, found: TitleSummary) -> TitleSummary:
    """Leave out a reason that was said once for all seasons."""
    notes = (
        replace(note, reason="") if note.reason == reason else note
        for note in found.seasons
    )
    return replace(found, seasons=tuple(notes))


def _show_shows(
    console: Console,
    shows: Sequence[TitleSummary],
    context: Context,
    *,
    is_full: bool,
) -> None:
    if not shows:
        return
    heading(console, f"Shows: {len(shows):,}")
    done = [show for show in shows if _is_done(show) and not is_full]
    open_ = [show for show in shows if not _is_done(show) or is_full]
    shown = open_ if is_full else open_[:MOST_LINES]
    _show_table(console, shown, is_full=is_full)
    if len(shown) < len(open_):
        more = count(len(open_) - len(shown), "more show")
        whole = glue(context.call("-v plan"))
        say(console, f"... and {more}. All of them: {whole}", indent=2)
    if done:
        names = [title(show.title.label) for show in done]
        named = f": {', '.join(names)}" if len(names) <= FEW else ""
        say(console, f"{len(done):,} there already{named}", indent=2, hang=6)
    if not is_full:
        _show_reasons(console, open_)


def _show_reasons(console: Console, shows: Sequence[TitleSummary]) -> None:
    """Say once why seasons do not go whole into one entry, and which they are."""
    found: dict[str, dict[str, list[int]]] = {}
    for show in shows:
        for note in show.seasons:
            if _needs_a_word(note):
                of_show = found.setdefault(kind_of(note.reason), {})
                of_show.setdefault(title(show.title.label), []).append(note.number)
    if not found:
        return
    say(console)
    say(console, "Why some seasons take more than one entry:", indent=2)
    for kind, of in sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        say(console, f"{count(len(of), 'show')}: {kind}", indent=4, hang=6)
        names = [f"{name} {seasons(numbers)}" for name, numbers in of.items()]
        if more := len(names) - FEW:
            names[FEW:] = [f"and {more:,} more (-v names them)"] if more > 0 else []
        say(console, ", ".join(names), indent=6, style="dim")


def _needs_a_word(note: SeasonNote) -> bool:
    """Whether it is not plain that a season went whole into its default."""
    return bool(note.reason) and (note.writes > 1 or bool(note.late))


def _is_done(show: TitleSummary) -> bool:
    """Whether everything of it is in its place, so that nothing has to be explained."""
    fates = show.balance.fates
    is_there = fates[Fate.ALREADY_THERE] + fates[Fate.COVERED]
    return not show.writes.total and is_there == show.balance.read


def _show_table(
    console: Console, shows: Sequence[TitleSummary], *, is_full: bool
) -> None:
    rows = [_Row.of(show) for show in shows]
    if not rows:
        return
    numbers = min(16, max(cell_len(row.seasons) for row in rows))
    episodes = max(len(row.episodes) for row in rows)
    # The titles get what the longest of the short results leaves.
    widest = max((cell_len(r.result) for r in rows if not r.is_reason), default=0)
    room = console.width - (2 + 2 + numbers + 2 + episodes + 4 + widest)
    longest = max(cell_len(title(row.name)) for row in rows)
    names = min(longest, max(NARROWEST, min(room, WIDEST)))
    for show, row in zip(shows, rows, strict=True):
        name = title(row.name)
        if cell_len(name) > names and console.is_terminal:
            say(console, name, indent=2, hang=4)
            name = ""
        cells = (
            pad(name, names),
            pad(row.seasons, numbers),
            row.episodes.rjust(episodes),
        )
        say(console, f"{'  '.join(cells)} -> {row.result}", indent=2, hang=6)
        if is_full:
            _show_seasons(console, show.seasons)


class _Row(NamedTuple):
    """What a line on a show is made of."""

    name: str
    seasons: str
    episodes: str
    result: str
    is_reason: bool

    @classmethod
    def of(cls, show: TitleSummary) -> Self:
        numbers = seasons(note.number for note in show.seasons)
        is_reason = not show.writes.total
        result = f"nothing: {show.reason}" if is_reason else say_writes(show.writes)
        episodes = count(show.episodes, "episode")
        return cls(show.title.label, numbers, episodes, result, is_reason)


def _show_seasons(console: Console, notes: Sequence[SeasonNote]) -> None:
    """Say why seasons do not go whole into one entry; several at once where it fits."""
    reasons: dict[str, list[int]] = {}
    for note in notes:
        is_apart = note.writes > 1 and not note.saved
        if note.reason:
            why = note.reason.removeprefix("kept apart: ")
            words = f" apart: {why}" if is_apart else f": {why}"
            reasons.setdefault(words, []).append(note.number)
    for words, numbers in reasons.items():
        say(console, f"{seasons(numbers)}{words}", indent=4, hang=8, style="dim")


def _show_films(
    console: Console,
    films: Sequence[TitleSummary],
    *,
    is_full: bool,
) -> None:
    if not films:
        return
    heading(console, f"Films: {len(films):,}")
    written = [film for film in films if film.writes.total]
    names = [title(film.title.label) for film in written]
    if written:
        few = is_full or len(names) <= FEW
        named = f": {', '.join(names)}" if few else ""
        say(console, f"{entries(len(names))} to write{named}", indent=2, hang=6)
    reasons: dict[str, list[str]] = {}
    for film in films:
        if not film.writes.total:
            reasons.setdefault(film.reason, []).append(title(film.title.label))
    for reason, names in reasons.items():
        named = f": {', '.join(names)}" if is_full or len(names) <= FEW else ""
        say(console, f"{len(names):,} {reason}{named}", indent=2, hang=6)


def _show_kept(console: Console, report: Report, *, is_full: bool) -> None:
    """Name what the person un-marked or removed, and how to have it written yet."""
    plan = report.prepared.plan
    kept = {k for k, f in plan.fates.items() if f is Fate.KEPT}
    for words, keys in (
        ("Kept as you set it on Discovr", kept - plan.gone),
        ("Kept: removed on Discovr", plan.gone),
    ):
        if keys:
            _show_keys(console, report, words, keys, is_full=is_full)
    if kept or plan.gone:
        advice = 'To write it all the same: [history] conflict = "trakt" in the config.'
        say(console, advice, indent=2)


def _show_keys(
    console: Console,
    report: Report,
    words: str,
    keys: Collection[Key],
    *,
    is_full: bool,
) -> None:
    titles = report.prepared.compared.desired.titles
    heading(console, f"{words}: {len(keys):,}")
    ordered = sorted(keys, key=lambda key: (titles[key.media].label, key.order))
    for line in name_all(report, ordered if is_full else ordered[:FEW]):
        say(console, line, indent=2)
    if len(keys) > FEW and not is_full:
        say(console, f"... and {len(keys) - FEW:,} more (-v names them)", indent=2)


def _show_removals(console: Console, report: Report, *, is_full: bool) -> None:
    rows = report.prepared.removals.rows
    if not rows:
        return
    source = report.prepared.origin.name
    heading(console, f"Taken back, because no longer on {source}: {len(rows):,}")
    lines = name_all(report, [row.operation.key for row in rows])
    show_list(console, lines, whole="-v names them", is_full=is_full)


def name_all(report: Report, keys: Sequence[Key]) -> list[str]:
    """Name what each key stands for: its title, season and episode."""
    names = report.prepared.names(key.media for key in keys)
    shown = {media: title(name) for media, name in names.items()}
    return [key.said(shown) for key in keys]


def show_cost(console: Console, report: Report) -> None:
    """Say what is written in all, and how long that takes."""
    plan, outlook = report.prepared.plan, report.outlook
    say(console)
    if not plan.operations:
        if not report.prepared.removals.rows:
            what = "all that could be read" if report.is_partly_read else "everything"
            words = f"Nothing to write: {what} is there already."
            say(console, words, style="bold")
        return
    what = say_writes(count_writes(plan.operations))
    saved = f"; without season defaults {plan.saved:,} more" if plan.saved else ""
    say(console, f"To write: {what}{saved}.", style="bold")
    if outlook is not None:
        writes = count(len(plan.operations), "write")
        say(
            console,
            f"{count(outlook.requests, 'request')} to Discovr, {writes} and what "
            f"reads them back: about {duration(outlook.seconds)} at "
            f"{outlook.per_second:g} a second.",
        )
