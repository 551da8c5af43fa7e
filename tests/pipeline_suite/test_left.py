"""How many plays are on Discovr still, once something of the move was taken back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.histories import TitleHistory
from sync.domain.plan import Action, Cover, Fate, Operation, Restored
from sync.domain.plays import Key
from sync.domain.rules import WhichPlays
from sync.domain.writes import Before, Outcome
from sync.ledger import Ledger
from sync.ledger.fact_names import LEFT, MOVE, recall_profile
from sync.pipeline.left import note_left
from sync.sandbox.account.account import Account
from tests.clocks import FakeClock
from tests.factories import at, episode, film, play, show
from tests.safety import accounts
from tests.safety.arena import arena

if TYPE_CHECKING:
    from pathlib import Path

FILM = Key("MV_501")
SEASON, FIRST, SECOND = (Key("TV_501", 1, number) for number in (None, 1, 2))
MOVED_AT = at(50)
HISTORIES = [
    TitleHistory(
        film(), "MV_501", (play(watched_at=at(1)), play(watched_at=at(2))),
        {FILM: Fate.WRITTEN},
    ),
    TitleHistory(
        show(), "TV_501", (episode(1, 1), episode(1, 2)),
        {FIRST: Fate.COVERED, SECOND: Fate.KEPT},
    ),
]  # fmt: skip


def add(key: Key, day: float = 1, **fields: Any) -> Operation:
    return Operation(Action.ADD, key, at(day), **fields)


async def left(
    *taken: Operation,
    standing: tuple[Operation, ...] = (),
    day: float = 60,
    on_discovr: int = 3,
    plays: WhichPlays = WhichPlays.LATEST,
    move: Any = None,
    later: tuple[Operation, ...] = (),
    before: float | None = None,
) -> Any:
    """Return what is noted where this was taken back, and that stands.

    What was taken had said so much ``before``.
    """
    async with await Ledger.open("sqlite://") as ledger:
        run = await ledger.start_run("p", "migrate", at(40))
        operations = [*standing, *taken, *later]
        said = {o.id: Before(before, at()) for o in taken}
        await ledger.intend(run, operations, at(40), said)
        settled = [(o.id, Outcome.APPLIED, "") for o in operations]
        await ledger.settle(run, settled, at(40))
        await ledger.mark_undone(run, [o.id for o in taken], at(day))
        fates = {"written": 2, "covered": on_discovr - 2, "kept": 1}
        fact = {"at": MOVED_AT.isoformat(), "fates": fates} if move is None else move
        await ledger.put_histories("p", HISTORIES, {MOVE: fact}, at(50))
        services: Any = SimpleNamespace(
            ledger=ledger,
            clock=FakeClock(at(70)),
            settings=SimpleNamespace(history=SimpleNamespace(plays=plays)),
        )
        await note_left(services, "p")
        fact = await ledger.get_fact("p", LEFT)
    assert fact is None or fact["move_at"] == MOVED_AT.isoformat()
    return fact and fact["on_discovr"]


async def test_each_play_counts_of_what_was_taken_back() -> None:
    assert await left() == 3
    assert await left(add(FILM)) == 1
    assert await left(add(SEASON, covers=(Cover(1, at()), Cover(2, at())))) == 2
    assert await left(add(Key("MV_9"))) == 3


@pytest.mark.parametrize(("day", "number"), [(49, 3), (50, 3), (50.5, 1)])
async def test_what_went_before_the_move_was_counted_by_it(
    day: float, number: int
) -> None:
    assert await left(add(FILM), day=day) == number


async def test_what_something_of_ours_stands_for_still_is_there() -> None:
    again = add(FILM, 2)
    assert await left(add(FILM), standing=(again,)) == 3
    each: dict[str, Any] = {"standing": (again,), "plays": WhichPlays.ALL}
    assert await left(add(FILM), **each) is None  # some are there, and some gone
    assert await left(add(FIRST), **each) == 2


async def test_a_zero_and_what_a_copy_brought_back_are_no_plays_of_ours() -> None:
    zero = Operation(Action.SET, FIRST, at(1), progress=0)
    assert await left(zero) == 3
    assert await left(add(FIRST), standing=(zero,)) == 2
    back = add(FILM, restored=Restored(100, None, at(1)))
    assert await left(back) == 3
    assert await left(standing=(back,)) is None  # nobody knows what it stands for


async def test_what_a_later_run_added_anew_the_person_had_removed(
    tmp_path: Path,
) -> None:
    """Of an entry that is gone nothing stands, though nobody took it back."""
    account = Account([])
    account.titles += [accounts.film(1), accounts.film(2)]
    for title in account.titles:
        account.add_play(title, accounts.watched_on(1))
    async with arena(account, tmp_path) as place:
        await place.migrate()
        place.discovr.person_removes(Key("MV_101"))
        account.add_play(account.titles[0], place.clock.now())
        await place.sync()
        place.clock.advance(60)
        await place.undo()
        async with await Ledger.open(place.settings.state.url) as ledger:
            profile = await recall_profile(ledger, place.profile)
            assert profile
            fact = await ledger.get_fact(profile, LEFT)
    assert fact
    assert fact["on_discovr"] == 1


@pytest.mark.parametrize(
    ("before", "number"), [(0, 2), (30, 2), (79.9, 2), (80, 3), (None, 3)]
)
async def test_what_an_entry_of_its_own_holds_out_no_default_stands_for(
    before: float | None, number: int
) -> None:
    default = add(SEASON, covers=(Cover(1, at()), Cover(2, at())))
    again = Operation(Action.SET, FIRST, at(2))
    assert await left(again, standing=(default,), before=before) == number
    # Set once more, it is there again.
    over = Operation(Action.SET, FIRST, at(3))
    assert await left(again, standing=(default,), later=(over,), before=before) == 3


@pytest.mark.parametrize("move", [{}, {"fates": {"written": 2, "covered": 1}}])
async def test_nothing_is_noted_where_the_move_does_not_tell(move: Any) -> None:
    assert await left(move=move) is None


@pytest.mark.parametrize("counted", [2, 4])
async def test_nothing_is_noted_where_the_titles_do_not_add_up(counted: int) -> None:
    assert await left(on_discovr=counted) is None
