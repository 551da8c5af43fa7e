"""The account of the run: its head, the balance, what is left over, the receipts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from sync.documents.words import say_move, say_read, say_time, say_undone
from sync.domain.addresses import search_for
from sync.domain.desired import (
    EPISODE_ZERO,
    NO_ANSWER,
    NO_ID,
    NOT_POSSIBLE,
    SPECIAL,
)
from sync.domain.plan import Fate
from sync.domain.plays import Key, Kind
from sync.report.squares import UNSENT, Lacking, lines_of
from sync.report.watched import name_of
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sync.documents.left_out import LeftOutDocument, QuarantinedDocument
    from sync.documents.move import BalanceDocument
    from sync.documents.report import (
        FailedDocument,
        KeyDocument,
        PlaybackDocument,
        ReportDocument,
        ResumePointDocument,
    )
    from sync.ledger.records import Run
    from sync.report.data import ReportData
    from sync.report.squares import Square

AGAIN = "Run trakt2discovr migrate again: it sends nothing twice."
#: {} stands for the name of the source, here and below.
_ADVICE = {
    NO_ID: "Write them down with trakt2discovr unmatched --out ids.toml, fill in the "
    "ids that you find, and run it again. Discovr knows what TMDB knows.",
    NO_ANSWER: "Run it again: TMDB did not answer, so nobody knows yet.",
    SPECIAL: "Nothing: Discovr has no place for specials. They stay on {}.",
    EPISODE_ZERO: "Nothing: Discovr counts episodes from 1. It stays on {}.",
}
_TAKE_IN = (
    "Nothing. To take it in after all, change what leaves it out and run it again."
)
_UNSUPPORTED = "Nothing; they stay where they are."
_UNREADABLE = "Look the record up on {}, correct or remove it there, and run again."
_TAKE_BACK = (
    "Take it back with trakt2discovr sync --prune. Without access to Trakt's API, take "
    "back the run that wrote it with trakt2discovr undo, and carry everything over "
    "again with trakt2discovr migrate."
)
_DIFFERENCES = {
    "missing": ("Missing on Discovr", AGAIN),
    "doubled": (
        "There more than once",
        "Remove the spare entry on Discovr; what was watched stays.",
    ),
    "unexpected": (
        "On Discovr, written from here, and for no play on {}",
        _TAKE_BACK,
    ),
    "foreign": (
        "Labelled trakt, not written from here, and not on Trakt",
        "Leave it, or remove it on Discovr: nobody here knows who wrote it.",
    ),
}
#: A segment of the bar is at least so wide, in percent, or nobody would see it.
_LEAST = 1.2
#: What one digit takes of the bar, in percent, on a narrow and on a wide screen.
_NARROW_DIGIT, _WIDE_DIGIT = 3.2, 1.2


@dataclass(frozen=True, slots=True)
class Head:
    """The number first; then who, when, which command, and the proof in a sentence.

    The balance holds ``until`` something was taken back, if it was.
    """

    headline: str
    facts: tuple[tuple[str, str], ...]
    is_proved: bool
    proof: str
    until: str = ""


class BalanceRow(NamedTuple):
    """One line of the balance, as a row and as a segment of the bar.

    ``rank`` is 0 where its number fits into the segment on every screen, 1 where it
    does on a wide one, else None.
    """

    code: str
    name: str
    plays: int
    share: str
    x: str
    width: str
    middle: str
    rank: int | None


@dataclass(frozen=True, slots=True)
class BalanceView:
    """What became of all plays read. ``sentence`` says the same as the bar."""

    read: int
    repeats: int
    rows: tuple[BalanceRow, ...]
    sentence: str


class LeftItem(NamedTuple):
    """One title or record, what is known of it, and where to look it up."""

    name: str
    year: int | None
    note: str
    search: str = ""


@dataclass(frozen=True, slots=True)
class LeftGroup:
    """What did not go over for one reason, and what to do about it."""

    code: str
    heading: str
    advice: str
    items: tuple[LeftItem, ...]


class PointRow(NamedTuple):
    """One resume point, and what became of it."""

    name: str
    year: int | None
    place: str
    outcome: str


class RunRow(NamedTuple):
    """One run of the ledger."""

    id: int
    command: str
    started: str
    took: str
    outcome: str
    plays: str
    writes: str
    failed: str


def build_head(data: ReportData) -> Head:
    """Gather what stands at the top."""
    report = data.report
    profile = report.profile
    if data.profile not in ("", profile):
        profile = f"{data.profile} ({profile})"
    facts = [
        ("Discovr profile", profile),
        ("From", report.receipt.source),
        ("Command", report.command + (f", run {report.run}" if report.run else "")),
        ("Finished", say_time(data.at)),
    ]
    wrong = _what_is_wrong(data)
    is_proved = report.receipt.is_whole and not wrong
    return Head(
        headline=say_move(data.move),
        facts=tuple(facts),
        is_proved=is_proved,
        proof=_proof(data, wrong),
        until=say_undone(data.move) if data.move.undone else "",
    )


def _what_is_wrong(data: ReportData) -> list[str]:
    """Name what keeps the move from being proved, beside a read that is not whole."""
    report = data.report
    found = report.verification
    wrong = []
    failed, unsent = Lacking.of(report.failed)
    if failed:
        wrong.append(f"{count(failed, 'write')} did not arrive")
    if unsent:
        wrong.append(f"{count(unsent, 'write was', 'writes were')} not sent yet")
    if data.move.undone is not None:
        wrong.append(f"{say_undone(data.move)} since then")
    if found is None:
        if data.read_whole_at is None:
            wrong.append("Discovr was not read back")
        return wrong
    counts = {"missing": len(found.missing), "doubled": len(found.doubled)}
    named = [f"{number:,} {name}" for name, number in counts.items() if number]
    if named:
        place = f"something is not in its place: {', '.join(named)}"
        wrong.append(f"Discovr was read back, and {place}")
    return wrong


def _proof(data: ReportData, wrong: Sequence[str]) -> str:
    report, total = data.report, data.move.balance
    receipt, found = report.receipt, report.verification
    whole = "proved whole" if receipt.is_whole else "not proved whole"
    is_partly_read = total.unreadable or not receipt.is_whole
    what = "all that could be read" if is_partly_read else "everything"
    place = f"Discovr was read back, and {what} is in its place"
    if found is None and data.read_whole_at:
        day = say_time(data.read_whole_at).partition(" ")[0]
        read = f"both sides were last read whole on {day}"
        place = f"each write was answered, and {read}"
    if found and found.unexpected:
        number = len(found.unexpected)
        ours = count(number, "entry of ours stands", "entries of ours stand")
        place += f", and there is more: {ours} for no play on {report.source.name}"
    head = f"{say_read(total.read, total.unreadable, receipt.source)}, {whole}"
    return f"{head}; {'; '.join(wrong or [place])}."


def build_balance(
    balance: BalanceDocument, failed: Sequence[FailedDocument] = ()
) -> BalanceView:
    """Lay the columns of a run out side by side; ``failed`` are its writes that did."""
    counts = {fate: getattr(balance, fate.value) for fate in Fate}
    lines = lines_of(counts, balance.unsent, Lacking.of(failed))
    return lay_out(lines, balance.read, balance.repeats)


def lay_out(lines: Mapping[Square, int], read: int, repeats: int = 0) -> BalanceView:
    """Lay the lines of a balance out side by side."""
    widths = {line: max(_LEAST, 100 * n / read) for line, n in lines.items()}
    scale = 100 / sum(widths.values()) if widths else 1
    rows, x = [], 0.0
    for line, plays in lines.items():
        width = widths[line] * scale
        rows.append(
            BalanceRow(
                code=line.code,
                name=line.name,
                plays=plays,
                share=_share(plays, read),
                x=f"{x:.3f}%",
                width=f"{width:.3f}%",
                middle=f"{x + width / 2:.3f}%",
                rank=_rank(width, f"{plays:,}"),
            )
        )
        x += width
    parts = ", ".join(f"{row.plays:,} {row.name}" for row in rows) or "nothing"
    sentence = f"{count(read, 'play')}: {parts}."
    return BalanceView(read, repeats, tuple(rows), sentence)


def _rank(width: float, number: str) -> int | None:
    if width < _WIDE_DIGIT * (len(number) + 1):
        return None
    return 0 if width >= _NARROW_DIGIT * (len(number) + 1) else 1


def _share(plays: int, read: int) -> str:
    percent = 100 * plays / read
    return f"{percent:.0f} %" if percent >= 1 else "< 1 %"


def build_left(
    report: ReportDocument,
    labels: Mapping[str, str],
    say: Callable[[str], str] = str,
) -> tuple[LeftGroup, ...]:
    """Return what is not in its place, by reason; ``labels`` names media ids.

    ``say`` makes the commands in advice those for the same sides.
    """
    groups = _left_groups(report, labels)
    return tuple(replace(group, advice=say(group.advice)) for group in groups)


def _left_groups(
    report: ReportDocument, labels: Mapping[str, str]
) -> Iterable[LeftGroup]:
    source = report.source.name
    groups = [
        *_failures(report, labels),
        *_differences(report, labels),
        *_left_out("u", "Unmatched", report.unmatched, source),
        *_left_out("x", "Not possible on Discovr", report.unsupported, source),
        *_left_out("l", "Left out on request", report.left_out, source, _TAKE_IN),
    ]
    return [*groups, *_records(report.quarantined, source)]


def _records(
    records: Sequence[QuarantinedDocument], source: str
) -> Iterable[LeftGroup]:
    """Gather what was set aside by what can be done about it, each remedy once."""
    groups: dict[tuple[bool, str], list[LeftItem]] = {}
    for record in records:
        default = _UNSUPPORTED if record.is_unsupported else _UNREADABLE.format(source)
        advice = "" if record.is_unsupported else _sentence(record.remedy)
        item = LeftItem(record.where, None, record.reason)
        key = (record.is_unsupported, advice or default)
        groups.setdefault(key, []).append(item)
    for (is_unsupported, advice), items in sorted(groups.items()):
        heading = "Not possible on Discovr" if is_unsupported else "Unreadable"
        yield LeftGroup("x" if is_unsupported else "r", heading, advice, tuple(items))


def _sentence(words: str) -> str:
    text = words.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _failures(report: ReportDocument, labels: Mapping[str, str]) -> Iterable[LeftGroup]:
    for is_unsent, code, heading in (
        (False, "f", "Failed writes"),
        (True, UNSENT.code, UNSENT.name.capitalize()),
    ):
        items = tuple(
            LeftItem(
                _label(one.operation.key, labels),
                None,
                "" if is_unsent else one.detail or one.outcome,
            )
            for one in report.failed
            if one.is_unsent is is_unsent
        )
        if items:
            yield LeftGroup(code, heading, AGAIN, items)


def _differences(
    report: ReportDocument, labels: Mapping[str, str]
) -> Iterable[LeftGroup]:
    found = report.verification
    about = found.lacked if found else ()
    labels = {**{one.media: one.title for one in about}, **labels}
    moved = [one.media for one in about if one.has_other_id]
    notes = {media: f"under an earlier id, {media}" for media in moved}
    for name, (heading, advice) in _DIFFERENCES.items():
        keys: Sequence[KeyDocument] = getattr(report.verification, name, ())
        if keys:
            items = tuple(
                LeftItem(_label(key, labels), None, notes.get(key.media, ""))
                for key in keys
            )
            yield LeftGroup("f", heading.format(report.source.name), advice, items)


def _left_out(
    code: str,
    heading: str,
    group: Sequence[LeftOutDocument],
    source: str,
    usual: str = AGAIN,
) -> Iterable[LeftGroup]:
    ordered = sorted(group, key=lambda left: left.reason)
    for reason, lefts in groupby(ordered, key=lambda left: left.reason):
        items = tuple(
            LeftItem(
                name_of(left.title.title), left.title.year, _note(left), _search(left)
            )
            for left in lefts
        )
        advice = _ADVICE.get(reason, usual).format(source)
        yield LeftGroup(code, f"{heading}: {reason}", advice, items)


def _note(left: LeftOutDocument) -> str:
    ids = ", ".join(f"{name} {value}" for name, value in left.title.ids.items())
    return f"{count(left.plays, 'play')}; {ids or 'no known ids'}"


def _search(left: LeftOutDocument) -> str:
    is_lost = left.reason not in NOT_POSSIBLE and left.title.title.strip()
    return search_for(Kind(left.title.kind), left.title.title) if is_lost else ""


def _label(key: KeyDocument, labels: Mapping[str, str]) -> str:
    return Key(key.media, key.season, key.episode).said(labels)


def build_points(playback: PlaybackDocument | None) -> tuple[PointRow, ...]:
    """Return the resume points: first those that went over, then why others did not."""
    if playback is None:
        return ()
    outcomes = {
        "written": playback.written,
        "failed": playback.failed,
        UNSENT.name: playback.planned,
        "left out": playback.left,
    }
    return tuple(
        PointRow(
            name=name_of(point.title.title),
            year=point.title.year,
            place=_place(point),
            outcome=f"at {point.progress:g} %, {outcome}"
            + (f": {point.reason}" if point.reason else ""),
        )
        for outcome, points in outcomes.items()
        for point in points
    )


def _place(point: ResumePointDocument) -> str:
    if point.episode is None:
        return ""
    return f"S{point.season or 0:02d}E{point.episode:02d}"


def build_runs(runs: Iterable[Run]) -> tuple[RunRow, ...]:
    """Return the latest runs, newest first."""
    return tuple(
        RunRow(
            id=run.id,
            command=run.command,
            started=say_time(run.started_at),
            took=_took(run),
            outcome=run.outcome or "not finished",
            plays=_count(run, "plays"),
            writes=_writes(run),
            failed=_count(run, "failed"),
        )
        for run in runs
    )


def _writes(run: Run) -> str:
    waiting = run.summary.get("unsent")
    return _count(run, "operations") + (f", {waiting:,} not sent" if waiting else "")


def _took(run: Run) -> str:
    if run.finished_at is None:
        return ""
    return duration((run.finished_at - run.started_at).total_seconds())


def duration(seconds: float) -> str:
    """Say how long something took, in the largest unit that fits."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def _count(run: Run, name: str) -> str:
    value = run.summary.get(name)
    return f"{value:,}" if isinstance(value, int) else ""
