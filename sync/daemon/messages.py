"""What a person reads who is told: one message for each notice, and what helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.daemon.trouble import Trouble
from sync.daemon.turn import Ending
from sync.wiring.notify import Message, Tone

if TYPE_CHECKING:
    from datetime import datetime

    from sync.daemon.trouble import Memory, Notice
    from sync.daemon.turn import Turn

_HEADLINES = {
    Ending.INCOMPLETE: "not everything is in its place",
    Ending.DOWN: "a service does not answer",
    Ending.BUSY: "another run does not end",
    Ending.LOGIN: "a login is lost",
    Ending.CONFIG: "a setting is wrong",
    Ending.UNBEGUN: "nothing was carried over yet",
    Ending.GUARD: "a guard refused",
    Ending.STATE: "the state database cannot be used",
    Ending.REFUSED: "a service refuses",
    Ending.BUG: "a bug",
}


def word(notice: Notice, memory: Memory, turn: Turn, profile: str | None) -> Message:
    """Put a notice into words; of several profiles it names the one it is about."""
    headline, body, tone = _word(notice, memory, turn)
    whose = f" ({profile})" if profile else ""
    return Message(f"trakt2discovr{whose}: {headline}", body, tone)


def reason(turn: Turn) -> str:
    """Say in plain text what ended a turn and what helps, for a heartbeat service."""
    return f"{turn.ending.value}: {_lines(turn.message, turn.remedy)}"


def _word(notice: Notice, memory: Memory, turn: Turn) -> tuple[str, str, Tone]:
    match notice.kind, notice.value:
        case "trouble", Trouble() as trouble:
            body = _lines(
                trouble.message, trouble.remedy, f"So since {_day(trouble.since)}."
            )
            return _HEADLINES[trouble.ending], body, Tone.BAD
        case "recovery", past:
            was = ""
            if isinstance(past, Trouble):
                was = (
                    f"This is over, it was so since {_day(past.since)}: {past.message}"
                )
            return "all is well again", _lines(turn.message, was), Tone.GOOD
        case "login", ends_at:
            body = (
                f"The Discovr login runs out on {ends_at:%Y-%m-%d}, and nothing can "
                "renew it but you.\nLog in again: trakt2discovr login discovr"
            )
            return "a login ends soon", body, Tone.BAD
        case "unreadable", _:
            return "some records cannot be read", _unreadable(turn), Tone.BAD
    return "the week", _week(memory, turn), Tone.INFO


def _unreadable(turn: Turn) -> str:
    known = turn.result.unreadable if turn.result else 0
    now = f" They are {known:,} in all." if known else ""
    return (
        "There are new records in your history that cannot be read. They are kept, and "
        f"taken up again by a newer version.{now}\nSee which: trakt2discovr unmatched"
    )


def _week(memory: Memory, turn: Turn) -> str:
    week, result = memory.week, turn.result
    lines = []
    if week is not None:
        lines.append(
            f"{_count(week.runs, 'run')}, {week.well:,} of them well; "
            f"{_count(week.written, 'entry', 'entries')} written."
        )
    if result is not None:
        lines.append(
            f"Of {_count(result.plays, 'play')}, {result.unmatched:,} found no match "
            f"and {result.unreadable:,} cannot be read."
        )
    trouble = memory.trouble
    lines.append(
        f"Something is wrong: {trouble.message}" if trouble else "All is well now."
    )
    if turn.ending is not Ending.DONE and not trouble:
        lines[-1] = f"The last run ended so: {turn.message}"
    return _lines(*lines)


def _count(number: int, one: str, more: str = "") -> str:
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def _lines(*parts: str | None) -> str:
    return "\n".join(filter(None, parts))


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
