"""Records that nobody can read, and a life in which some are met."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sync.pipeline.result import exit_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.pipeline.result import Report
    from tests.pipeline_suite.test_sync import Life

Json = dict[str, Any]
Spoil = "Callable[[Json], Any]"


def without_a_date(record: Json) -> Any:
    return record | {"watched_at": "yesterday"}


def dated_before_films(record: Json) -> Any:
    return record | {"watched_at": "1700-01-01T00:00:00.000Z"}


def without_its_title(record: Json) -> Any:
    return record | {"movie": "nobody knows", "show": "nobody knows"}


def about_nothing(record: Json) -> Any:
    return {name: record[name] for name in ("id", "watched_at", "action", "type")}


def with_nothing_left(record: Json) -> Any:
    del record


def without_id_or_date(record: Json) -> Any:
    return {"action": record["action"], "type": record["type"], "watched_at": {}}


def of_another_form(record: Json) -> Any:
    return [record["id"], record["watched_at"]]


SPOILS = (
    without_a_date,
    dated_before_films,
    without_its_title,
    about_nothing,
    with_nothing_left,
    without_id_or_date,
    of_another_form,
)
#: Both sides are read whole once a week.
A_WEEK = timedelta(days=8).total_seconds()


def spoil(it: Life, name: str, how: Callable[[Json], Any], **which: int) -> int:
    """Make every record of a title, season or episode unreadable; return how many."""
    plays = it.account.plays_of(it.account.find(name), **which)
    for play in plays:
        it.place.trakt.quirks.odd[play.id] = how
    return len(plays)


def mend(it: Life) -> None:
    it.place.trakt.quirks.odd.clear()


async def read_anew(it: Life, **options: Any) -> Report:
    """Sync after a week, when both sides are read whole."""
    it.clock.advance(A_WEEK)
    report = await it.sync(**options)
    assert report.prepared.since is None
    return report


def codes(report: Report) -> tuple[int, int]:
    """Return the exit code, and that with --strict."""
    return exit_code(report, is_strict=False), exit_code(report, is_strict=True)
