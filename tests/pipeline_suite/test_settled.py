"""Whether a run is settled, and what it refuses to take for a person's wish."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connectors.errors import ServiceError
from sync.domain.desired import NO_ANSWER, NO_ID
from sync.domain.plan import Action, Fate, Operation
from sync.domain.plays import Key
from sync.domain.verify import Verification
from sync.domain.watched import Viewing
from sync.domain.writes import Outcome, Row, Settled
from sync.errors import MissingEntriesError
from sync.pipeline.missing import Missing, check_missing
from sync.pipeline.playback import PlaybackPlan, PlaybackResult
from sync.pipeline.result import Report, describe, exit_code
from sync.pipeline.undo import Undone
from tests.factories import at

KEY, OTHER = Key("MV_1"), Key("MV_2")
OPERATION = Operation(Action.ADD, KEY, at(1))
GOOD: dict[str, Any] = {
    "verification": Verification(1),
    "playback": PlaybackResult(PlaybackPlan()),
    "undone": Undone(1),
}


def report(outcome: Outcome | None = None, **fields: Any) -> Report:
    plan = SimpleNamespace(operations=(OPERATION,) if outcome else ())
    settled = {OPERATION.id: Settled(outcome, "")} if outcome else {}
    prepared = cast("Any", SimpleNamespace(plan=plan))
    return Report(prepared, 1, settled, **GOOD | fields)


@pytest.mark.parametrize(
    ("fields", "is_settled"),
    [
        ({}, True),
        ({"verification": None, "playback": None, "undone": None}, True),
        ({"verification": Verification(1, missing=(KEY,))}, False),
        ({"verification": Verification(1, doubled=(KEY,))}, False),
        ({"verification": Verification(1, unexpected=(KEY,))}, True),
        (
            {"playback": PlaybackResult(PlaybackPlan(), error=ServiceError("No."))},
            False,
        ),
        ({"undone": Undone(1, failed={KEY})}, False),
        ({"outcome": Outcome.APPLIED}, True),
        ({"outcome": Outcome.REJECTED}, True),
        ({"outcome": Outcome.UNKNOWN}, False),
        (
            {
                "outcome": Outcome.REJECTED,
                "verification": Verification(1, missing=(KEY,)),
            },
            True,
        ),
        (
            {
                "outcome": Outcome.REJECTED,
                "verification": Verification(1, missing=(KEY, OTHER)),
            },
            False,
        ),
    ],
)
def test_one_thing_without_an_answer_keeps_a_run_from_being_settled(
    fields: dict[str, Any], *, is_settled: bool
) -> None:
    assert report(**fields).is_settled is is_settled


def missing(lost: int, applied: int) -> Missing:
    rows = [
        Row(
            run=1,
            profile="p",
            operation=Operation(Action.ADD, Key(f"MV_{number}"), at(number)),
            outcome=Outcome.APPLIED,
            intended_at=at(0),
        )
        for number in range(lost)
    ]
    return Missing(new=tuple(rows), applied=Counter({1: applied}))


@pytest.mark.parametrize(
    ("lost", "applied", "is_refused"),
    [
        (0, 0, False),
        (9, 9, False),
        (10, 10, True),
        (10, 19, True),
        (10, 20, False),
        (11, 20, True),
    ],
)
def test_where_most_of_a_run_is_missing_it_takes_force(
    lost: int, applied: int, *, is_refused: bool
) -> None:
    check_missing(missing(lost, applied), is_forced=True)
    if is_refused:
        with pytest.raises(MissingEntriesError):
            check_missing(missing(lost, applied))
    else:
        check_missing(missing(lost, applied))


@pytest.mark.parametrize(
    ("unreported", "is_plan", "since", "code"),
    [
        ((), False, None, 0),
        (("record",), False, None, 4),
        (("record",), False, "mark", 4),
        (("record",), True, "mark", 4),
        (("record",), True, None, 0),
    ],
)
def test_what_cannot_be_read_counts_once_and_in_no_first_plan(
    unreported: tuple[str, ...], *, is_plan: bool, since: str | None, code: int
) -> None:
    found: Any = SimpleNamespace(
        plan=SimpleNamespace(operations=()),
        unreadable=SimpleNamespace(unreported=unreported),
        compared=SimpleNamespace(desired=SimpleNamespace(unmatched=())),
        since=since,
    )
    told: Any = SimpleNamespace(
        prepared=found,
        is_unread=False,
        is_complete=True,
        run=None if is_plan else 1,
        verification=None,
        playback=None,
        undone=None,
        failed=(),
        refused_before=0,
        balance=lambda: (SimpleNamespace(fates=Counter()), None),
    )
    assert [exit_code(told, is_strict=strict) for strict in (False, True)] == [code] * 2


LATE = SimpleNamespace(reason=NO_ANSWER)
UNPLACED = SimpleNamespace(reason=NO_ID)


@pytest.mark.parametrize(
    ("told", "code", "strict"),
    [
        ({}, 0, 0),
        ({"is_unread": True}, 2, 2),
        ({"refused_before": 1}, 4, 4),
        ({"unmatched": (LATE,)}, 4, 4),
        ({"unmatched": (UNPLACED,)}, 0, 0),
        ({"failed": (OPERATION,)}, 4, 4),
        ({"verification": Verification(1, missing=(KEY,))}, 4, 4),
        ({"undone": Undone(1, failed={KEY})}, 4, 4),
        ({"playback": PlaybackResult(PlaybackPlan(), error=ServiceError(""))}, 4, 4),
        *(
            ({"fates": Counter({fate: 1})}, 0, 4)
            for fate in (Fate.UNMATCHED, Fate.UNSUPPORTED, Fate.UNREADABLE)
        ),
        *(
            ({"fates": Counter({fate: 1})}, 0, 0)
            for fate in (Fate.WRITTEN, Fate.KEPT, Fate.COVERED, Fate.LEFT_OUT)
        ),
    ],
)
def test_one_thing_that_is_not_in_its_place_is_enough_for_a_code(
    told: dict[str, Any], code: int, strict: int
) -> None:
    given: dict[str, Any] = {"failed": (), "is_unread": False, "run": 1}
    given |= {"refused_before": 0} | GOOD | told
    unmatched, fates = told.get("unmatched", ()), told.get("fates", Counter())
    desired = SimpleNamespace(unmatched=unmatched)
    given["prepared"] = SimpleNamespace(
        unreadable=SimpleNamespace(unreported=()),
        compared=SimpleNamespace(desired=desired),
        since=None,
    )
    given["balance"] = lambda: (SimpleNamespace(fates=fates), None)
    found: Any = SimpleNamespace(**given)
    assert exit_code(found, is_strict=False) == code
    assert exit_code(found, is_strict=True) == strict


def test_a_viewing_that_was_to_be_written_and_is_missing_is_not_there() -> None:
    season, episode, low = Key("TV_1", 1), Key("TV_1", 1, 2), Key("TV_2", 1, 1)
    watched = {key: Viewing((at(3),), 1) for key in (KEY, episode, low)}
    fates = {KEY: Fate.WRITTEN, episode: Fate.WRITTEN, low: Fate.KEPT}
    found: Any = SimpleNamespace(
        plan=SimpleNamespace(operations=(), fates=fates),
        compared=SimpleNamespace(desired=SimpleNamespace(watched=watched)),
    )

    def not_there(*missing: Key, run: int | None = 1) -> set[Key]:
        told = Report(found, run, {}, verification=Verification(1, missing=missing))
        assert {minute for _, minute in told._not_there()} <= {at(3)}
        return {key for key, _ in told._not_there()}

    assert not_there() == set()
    assert not_there(season) == {episode}
    assert not_there(episode, low) == {episode}
    assert not_there(Key("TV_1", 1, 3)) == set()
    assert not_there(season, run=None) == set()


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({}, "verified: everything is in its place"),
        (
            {"unexpected": (KEY,), "foreign": (KEY, OTHER)},
            (
                "verified: everything is in its place, and there is more: 1 entry of "
                "ours stands for no play on Trakt; 2 are labelled like ours and not "
                "written from here"
            ),
        ),
        (
            {"foreign": (KEY,)},
            (
                "verified: everything is in its place, and there is more: 1 is "
                "labelled like ours and not written from here"
            ),
        ),
        (
            {"missing": (KEY,), "unexpected": (KEY, OTHER)},
            "verified: not everything is in its place (1 missing, 2 unexpected)",
        ),
        (
            {"doubled": (KEY,)},
            "verified: not everything is in its place (1 doubled)",
        ),
    ],
)
def test_what_was_found_is_said_in_one_sentence(
    found: dict[str, Any], words: str
) -> None:
    assert describe(Verification(3, **found), "Trakt") == words
    some = describe(Verification(3, **found), "Trakt", is_partly_read=True)
    assert some == words.replace(": everything", ": all that could be read")
