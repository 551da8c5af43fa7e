"""The words of ``status``: what each fact looks like to a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync.cli.commands.status import StatusView
from sync.cli.context import Context
from sync.documents.status import (
    CountDocument,
    DatabaseDocument,
    HolderDocument,
    LoginStateDocument,
    ProfileStateDocument,
    RunDocument,
    StatusDocument,
    TroubleDocument,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DATABASE = DatabaseDocument(
    kind="SQLite",
    place="/state.db",
    software="SQLite 3.45.1",
    schema_version="0001",
    is_current=True,
    size_bytes=3 * 2**20,
)


def words(
    login: LoginStateDocument | None = None,
    database: DatabaseDocument = DATABASE,
    **profile: Any,
) -> str:
    state = ProfileStateDocument(id="p-1", is_chosen=True, **profile)
    document = StatusDocument(
        at=NOW,
        wanted="Me",
        profile="p-1",
        profiles=(state,),
        logins=(login or LoginStateDocument(service="trakt"),),
        database=database,
    )
    return "\n".join(lines(document))


def test_what_the_job_last_met_is_said_with_what_helps() -> None:
    trouble = TroubleDocument(
        message="Discovr does not accept the login.",
        remedy="Log in again: trakt2discovr login discovr",
        since=NOW - timedelta(hours=5),
    )
    document = StatusDocument(
        at=NOW,
        wanted="Me",
        profile=None,
        profiles=(),
        logins=(),
        database=DatabaseDocument(kind="sqlite", place="x"),
        trouble=trouble,
    )
    (line,) = [line for line in lines(document, is_sandbox=True) if "trouble" in line]
    assert "since 2026-11-22 07:00 UTC (5 hours ago): Discovr does not" in line
    assert line.endswith("trakt2discovr --sandbox login discovr")


def lines(document: StatusDocument, *, is_sandbox: bool = False) -> list[str]:
    context = Context(
        config=None,
        is_sandbox=is_sandbox,
        as_json=False,
        is_verbose=False,
        is_quiet=False,
    )
    return list(StatusView(context, document).lines())


def run(**fields: Any) -> RunDocument:
    known: dict[str, Any] = {
        "number": 7,
        "command": "migrate",
        "started_at": NOW - timedelta(minutes=90),
        "finished_at": NOW,
        "outcome": "finished",
        "plays": 1200,
        "writes": 300,
        "failed": 0,
    }
    return RunDocument(**{**known, **fields})


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ({"names": ("p-1", "Me")}, "profile p-1 (Me), chosen"),
        ({"names": ("p-1",)}, "profile p-1, chosen"),
        ({}, "last run     none yet"),
        ({"last_run": run()}, "last run     7, migrate, 2026-11-22 10:30 UTC"),
        (
            {"last_run": run()},
            "(90 minutes ago): finished, 1,200 plays read, 300 of 300 writes arrived",
        ),
        (
            {"last_run": run(failed=2)},
            "298 of 300 writes arrived, 2 failed: trakt2discovr migrate sends them",
        ),
        (
            {"last_run": run(outcome="under way", plays=None, writes=None)},
            "(90 minutes ago): under way",
        ),
        (
            {"last_run": run(outcome="broken off", plays=None, writes=None)},
            "broken off, trakt2discovr migrate resumes it",
        ),
        ({}, "held by      nobody"),
        ({"holder": HolderDocument()}, "a run that has just begun"),
        (
            {"holder": HolderDocument(host="nas", pid=9, command="sync", since=NOW)},
            "sync, process 9 on nas, since 2026-11-22 12:00 UTC",
        ),
        ({}, "next run     not scheduled: trakt2discovr sync --every 6h"),
        (
            {"next_run_at": NOW + timedelta(hours=5), "every_s": 21_600},
            "next run     2026-11-22 17:00 UTC (in 5 hours), every 6 hours",
        ),
        (
            {"watermark_at": NOW - timedelta(days=3)},
            "watermark    2026-11-19 12:00 UTC (3 days ago)",
        ),
        ({}, "open writes  none"),
        ({"pending": 3, "unclear": 1}, "3 not answered, 1 unclear: the next run"),
        (
            {"pending": 29, "holder": HolderDocument()},
            "29 not answered so far: a run is under way",
        ),
        ({}, "unmatched    not known"),
        ({"unmatched": CountDocument(titles=0, plays=0)}, "unmatched    none"),
        (
            {"unmatched": CountDocument(titles=1, plays=2)},
            "1 title, 2 plays: trakt2discovr unmatched",
        ),
        ({"unreadable": 4}, "4 records: trakt2discovr unmatched"),
        ({}, "removed      not known"),
        ({"removed": 0}, "removed      none"),
        ({"removed": 5}, "of 5 titles, plays are no longer on Trakt"),
        ({"reconciled_at": NOW}, "read whole   2026-11-22 12:00 UTC"),
    ],
)
def test_a_fact_of_a_profile(profile: dict[str, Any], expected: str) -> None:
    assert expected in words(**profile)


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ({}, "trakt        none: trakt2discovr login trakt"),
        ({"place": "config"}, "in the config, of unknown age"),
        (
            {
                "place": "token store",
                "obtained_at": NOW - timedelta(days=2),
                "ends_at": NOW + timedelta(days=5),
                "renews_itself": True,
            },
            "token store, obtained 2026-11-20 12:00 UTC (2 days ago), renews itself",
        ),
        (
            {"place": "token store", "ends_at": NOW + timedelta(days=5)},
            "ends 2026-11-27 12:00 UTC (in 5 days): trakt2discovr login trakt",
        ),
        (
            {"place": "token store", "ends_at": NOW - timedelta(seconds=30)},
            "ended 2026-11-22 11:59 UTC (30 seconds ago): trakt2discovr login trakt",
        ),
        ({"problem": "It is broken.", "remedy": "Mend it."}, "It is broken. Mend it."),
    ],
)
def test_a_login(login: dict[str, Any], expected: str) -> None:
    assert expected in words(LoginStateDocument(service="trakt", **login))


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ({}, "SQLite 3.45.1, /state.db, 3.0 MiB, schema 0001"),
        ({"is_current": False}, "schema 0001, brought up to date by the next run"),
        ({"schema_version": None}, "empty: trakt2discovr migrate fills it"),
        ({"software": None}, "none yet at /state.db: trakt2discovr migrate makes it"),
        (
            {"problem": "It is damaged.", "remedy": "Move it."},
            "It is damaged. Move it.",
        ),
    ],
)
def test_the_database(database: dict[str, Any], expected: str) -> None:
    assert expected in words(database=DATABASE.model_copy(update=database))


@pytest.mark.parametrize(
    ("wanted", "problem", "expected"),
    [
        (None, None, "profile: none is chosen yet: trakt2discovr login discovr"),
        ("Me", None, "profile Me: no run has written for it yet"),
        ("Me", "It is damaged.", "profile Me: nothing can be read of it, see above"),
        (None, "It cannot be reached.", "profile: not known, see above"),
    ],
)
def test_a_profile_of_which_nothing_is_known(
    wanted: str | None, problem: str | None, expected: str
) -> None:
    document = StatusDocument(
        at=NOW,
        wanted=wanted,
        profile=None,
        profiles=(),
        logins=(),
        database=DATABASE.model_copy(update={"problem": problem}),
    )
    shown = lines(document)
    # The cause stands before what it is the cause of.
    cause = [problem in line for line in shown].index(True) if problem else -1
    (at,) = (n for n, line in enumerate(shown) if line.startswith("profile"))
    assert shown[at].startswith(expected)
    assert cause < at
    assert shown.count("state") == 1


def test_a_rehearsal_is_told_how_to_go_on_with_the_rehearsal() -> None:
    document = StatusDocument(
        at=NOW, wanted="Me", profile=None, profiles=(), logins=(), database=DATABASE
    )
    (first, *_) = lines(document, is_sandbox=True)
    assert first.endswith("trakt2discovr --sandbox migrate")


def test_a_job_under_way_is_no_job_that_is_missing() -> None:
    assert "one is under way, every 6 hours" in words(every_s=6 * 3600)
