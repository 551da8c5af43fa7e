"""What a run has decided before it writes: what waits, goes, and was found there."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.desired import EPISODE_ZERO, SPECIAL, LeftOut
from sync.domain.evidence import Count
from sync.domain.origin import TRAKT
from sync.domain.plan import Action, Cover, Fate, Operation, Plan
from sync.domain.plays import Key
from sync.domain.rules import Conflict, Rules
from sync.domain.seasons import Airing
from sync.domain.writes import Before, Outcome, Row, Settled
from sync.errors import EmptyHistoryError, UnsafeRemovalError
from sync.pipeline.missing import Missing
from sync.pipeline.prepared import Prepared, Reading, Stale
from sync.pipeline.prune import check_removals, plan_removals
from sync.pipeline.recovery import BroughtBack, Recovery
from tests.factories import at, desired, entry, episode, film, play, show

if TYPE_CHECKING:
    from sync.domain.entries import Entry
    from sync.domain.plays import Play

FILM, OTHER = Key("MV_1"), Key("MV_2")
SEASON = Key("TV_501", 1)
FIRST, SECOND, THIRD = (SEASON._replace(episode=n) for n in (1, 2, 3))


def add(key: Key, day: float = 1, *covers: int) -> Operation:
    return Operation(
        Action.ADD, key, at(day), covers=tuple(Cover(n, at(day)) for n in covers)
    )


def put(key: Key, progress: int = 100) -> Operation:
    return Operation(Action.SET, key, at(1), progress)


def row(operation: Operation, run: int = 1, **fields: Any) -> Row:
    known: dict[str, Any] = {"settled_at": at(20)}
    return Row(run, "p", operation, Outcome.APPLIED, at(20), **known | fields)


def prepared(
    *plays: Play,
    operations: tuple[Operation, ...] = (),
    there: tuple[Entry, ...] = (),
    fates: Any = None,
    viewings: Any = None,
    **fields: Any,
) -> Prepared:
    extraction: Any = SimpleNamespace(plays=plays)
    reading = Reading(extraction, desired(*plays))
    known: dict[str, Any] = {
        "recovery": Recovery({}, viewings=viewings),
        "rules": Rules(),
        "plan": Plan(operations, fates or {}),
        "existing": there,
        "origin": TRAKT,
    }
    return Prepared("p", reading, whole=reading, **known | fields)


def test_what_is_set_notes_what_it_finds_and_what_is_added_notes_nothing() -> None:
    there = (entry(FILM, at(1), progress=30.0), entry(FILM, at(2), progress=40.0))
    operations = (put(FILM), put(OTHER), add(FILM))
    found = prepared(operations=operations, there=there).before()
    assert found == {put(FILM).id: Before(40.0, at(2))}


def test_what_is_added_notes_how_many_stood_there_where_every_one_counts() -> None:
    viewings = {FILM: Count(3, frozenset({at(1), at(4)})), SEASON: Count(2, None)}
    operations = (add(FILM), add(OTHER), add(SEASON))
    found = prepared(operations=operations, viewings=viewings).before()
    assert [found[o.id] for o in operations] == [
        Before(3, at(4)),
        Before(0, None),
        Before(2, None),
    ]


def test_what_may_be_there_waits_with_its_place_while_lists_lag() -> None:
    operations = (add(FIRST), add(THIRD), add(FILM), add(OTHER))
    unclear, taken = row(add(SECOND)), row(add(FILM))
    back = row(add(OTHER))
    waiting = prepared(
        operations=operations,
        recovery=Recovery({}, unclear=[unclear]),
        restored=BroughtBack(unclear=(back,)),
        missing=Missing(is_fresh=True, taken=(taken,)),
    )
    assert waiting.unclear == (unclear, back)
    assert waiting.doubtful == {o.id: Settled.in_doubt() for o in operations}
    fewer = replace(waiting, restored=BroughtBack(), missing=Missing(is_fresh=True))
    assert fewer.doubtful.keys() == {add(FIRST).id, add(THIRD).id}
    assert replace(waiting, missing=Missing(taken=(taken,))).doubtful == {}


def test_what_was_written_lately_waits_only_where_it_would_be_written_again() -> None:
    operations, lately = (add(FIRST), add(FILM)), (row(add(FILM)),)
    for conflict in Conflict:
        for is_fresh in (False, True):
            waiting = prepared(
                operations=operations,
                rules=Rules(conflict=conflict),
                missing=Missing(lately, is_fresh=is_fresh, lately=lately),
            ).doubtful
            is_held = is_fresh and conflict is Conflict.TRAKT
            assert waiting.keys() == ({add(FILM).id} if is_held else set())


def test_what_nobody_can_tell_waits_also_where_it_is_forced() -> None:
    operations = (add(FIRST), add(THIRD), add(FILM))
    missing = Missing(unlisted={SEASON.place: "why"}, is_agreed=True)
    waiting = prepared(operations=operations, missing=missing).doubtful
    why = Settled.unlisted("why")
    assert waiting == {add(FIRST).id: why, add(THIRD).id: why}
    assert not missing.tells_of(row(add(SECOND)))
    assert missing.tells_of(row(add(FILM)))


def test_specials_and_episodes_before_the_first_have_no_place_there() -> None:
    plays = (episode(0, 1), episode(1, 0), episode(1, 0), episode(1, 1))
    fates = {
        SEASON._replace(episode=0): Fate.UNSUPPORTED,
        FIRST: Fate.WRITTEN,
    }
    assert prepared(*plays, fates=fates).unsupported == (
        LeftOut(show(), 1, SPECIAL),
        LeftOut(show(), 2, EPISODE_ZERO),
    )


def test_the_last_run_that_wrote_to_a_place_is_named() -> None:
    stale = Stale((FIRST,), (row(add(FIRST), 3), row(add(SEASON), 5), row(add(FILM))))
    assert stale.run_of([THIRD]) == 5
    assert stale.run_of([FILM]) == 1
    assert stale.run_of([OTHER]) is None


def ours(key: Key, day: float = 1, **fields: Any) -> Entry:
    return entry(key, at(day), **{"imported": TRAKT.label} | fields)


AIRED = {n: Airing.from_instant(at(-900)) for n in (1, 2, 3)}
DEFAULT = row(add(SEASON, 5, 1, 2))


def stale(
    *keys: Key,
    rows: tuple[Row, ...],
    there: tuple[Entry, ...],
    watched: tuple[Play, ...] = (),
    **fields: Any,
) -> tuple[list[Key], list[int | None]]:
    """Return what is taken back, and which episodes get a zero."""
    before = prepared(
        *watched,
        there=there,
        stale=Stale(keys, rows),
        rules=Rules(airings={SEASON.place: AIRED}),
        operations=(add(FILM, 90),),
        **fields,
    )
    found = plan_removals(before)
    assert found.is_pruned
    zeros = found.removals.zeros
    assert {(z.action, z.progress) for z in zeros} <= {(Action.SET, 0)}
    assert all(z.watched_at == DEFAULT.operation.watched_at for z in zeros)
    assert found.plan.operations == (*zeros, add(FILM, 90))
    rows = found.removals.rows
    return [r.operation.key for r in rows], [z.key.episode for z in zeros]


def test_what_has_an_entry_of_its_own_goes_and_its_neighbours_stay() -> None:
    rows = (row(add(FIRST)), row(add(SECOND)), row(put(THIRD, 0)))
    there = (ours(FIRST), ours(SECOND), entry(THIRD, progress=0))
    assert stale(FIRST, rows=rows, there=there) == ([FIRST], [])
    # A default of the person's stands for what it stands for.
    default = entry(SEASON, at(9))
    assert stale(FIRST, rows=rows, there=(*there, default)) == ([FIRST], [])


def test_a_default_goes_with_its_zeros_where_nothing_needs_it() -> None:
    rows = (DEFAULT, row(put(THIRD, 0)))
    there = (ours(SEASON, 5), entry(THIRD, at(20), progress=0))
    assert stale(FIRST, SECOND, rows=rows, there=there) == ([SEASON, THIRD], [])


@pytest.mark.parametrize(
    ("keys", "watched", "beside", "is_needed"),
    [
        ((FIRST,), (), (), True),  # it stands for the second, which another run wrote
        ((FIRST,), (episode(1, 2),), (), True),
        ((FIRST,), (episode(1, 2),), (entry(SECOND),), True),
        ((FIRST, SECOND), (episode(1, 3),), (), True),
        ((FIRST, SECOND), (episode(2, 3),), (), False),
        ((FIRST, SECOND), (episode(1, 3),), (ours(THIRD),), True),
        ((FIRST, SECOND), (), (entry(THIRD),), True),  # its removal may take that
        ((FIRST, SECOND), (), (), False),
    ],
)
def test_a_default_that_is_needed_still_gets_zeros_and_else_it_goes(
    keys: tuple[Key, ...],
    watched: tuple[Play, ...],
    beside: tuple[Entry, ...],
    *,
    is_needed: bool,
) -> None:
    there = (ours(SEASON, 5), *beside)
    found = stale(*keys, rows=(DEFAULT,), there=there, watched=watched)
    zeros = [key.episode for key in keys if is_needed]
    assert found == ([] if is_needed else [SEASON], zeros)


def test_nothing_is_held_off_that_is_the_persons() -> None:
    there = (ours(SEASON, 5), entry(FIRST, at(3), progress=50), entry(THIRD))
    assert stale(FIRST, rows=(DEFAULT,), there=there) == ([], [])
    other = entry(SEASON, at(8))  # a default of theirs covers it too
    there = (ours(SEASON, 5), other, entry(THIRD))
    assert stale(FIRST, rows=(DEFAULT,), there=there) == ([], [])


def test_an_entry_of_ours_under_a_default_becomes_its_zero() -> None:
    rows = (DEFAULT, row(add(FIRST)))
    there = (ours(SEASON, 5), ours(FIRST), entry(THIRD))
    assert stale(FIRST, rows=rows, there=there) == ([], [1])


def test_what_other_sources_hold_or_was_left_out_needs_a_default_still() -> None:
    for field in ("others", "aside"):
        holding: Any = SimpleNamespace(others=frozenset(), aside=frozenset())
        setattr(holding, field, frozenset({SECOND}))
        there = (ours(SEASON, 5),)
        found = stale(FIRST, rows=(DEFAULT,), there=there, holding=holding)
        assert found == ([], [1])


@pytest.mark.parametrize(
    ("gone", "watched", "is_safe"),
    [(9, 1, True), (10, 29, False), (10, 30, True), (11, 33, True), (11, 32, False)],
)
def test_prune_takes_back_a_quarter_of_all_that_was_there(
    gone: int, watched: int, *, is_safe: bool
) -> None:
    keys = tuple(Key(f"MV_{n}") for n in range(gone))
    rows = tuple(row(add(key)) for key in keys)
    found = plan_removals(
        prepared(
            *(play(film(n)) for n in range(watched)),
            there=tuple(ours(key) for key in keys),
            stale=Stale(keys, rows),
        )
    )
    assert len(found.removals.rows) == gone
    check_removals(found, is_forced=True)
    if is_safe:
        check_removals(found, is_forced=False)
    else:
        with pytest.raises(UnsafeRemovalError):
            check_removals(found, is_forced=False)
    nothing = replace(found, whole=prepared().whole)
    for is_forced in (True, False):
        with pytest.raises(EmptyHistoryError):
            check_removals(nothing, is_forced=is_forced)
    check_removals(prepared(), is_forced=False)
