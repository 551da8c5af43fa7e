"""An undo that dies at any boundary: whatever comes next, it ends as if it had not."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from sync.ledger import Ledger
from sync.ledger.fact_names import UNDOING
from sync.sandbox.account.account import Account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from tests.long import choose
from tests.safety.accounts import film, mixed_account, watched_on
from tests.safety.arena import Arena, Mark, Phase, arena
from tests.safety.calm import calm
from tests.safety.databases import spread
from tests.safety.killing import moment, run_until
from tests.safety.test_kills import MORE_HISTORIES
from tests.safety.test_machine import READINGS

if TYPE_CHECKING:
    from collections import Counter
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from aiohttp import web

    from tests.postgres import PostgresServer

#: As many as an undisturbed undo makes, and a few more.
REQUESTS = 60
#: What comes after the death.
NEXT = ("migrate", "sync", "undo")
HISTORY = "/profile/history"
QUIRKS = list(DiscovrQuirks.combinations())


class Death(NamedTuple):
    """One moment at which an undo dies, what is run then, and the world of both."""

    number: int
    phase: Phase
    following: str
    history: dict[str, str]
    quirks: DiscovrQuirks

    def __str__(self) -> str:
        history, quirks = "-".join(self.history.values()), self.quirks
        takes = f"{quirks.delete_without_episode}-{quirks.delete_repeats}"
        where = f"{self.number}-{self.phase.name}"
        return f"{self.following}-{history}-{quirks.repeats}-{takes}-{where}"


def _quirks(number: int) -> DiscovrQuirks:
    count = len(READINGS)
    without, repeated = READINGS[(number + number // count) % count]
    return replace(
        QUIRKS[11 * number % len(QUIRKS)],
        delete_without_episode=without,
        delete_repeats=repeated,
    )


DEATHS = [
    Death(number, phase, following, MORE_HISTORIES[i % 5], _quirks(i))
    for i, (number, phase, following) in enumerate(
        product(range(REQUESTS), Phase, NEXT)
    )
]
CHOSEN = choose(DEATHS[7::120], DEATHS[::13], DEATHS)


@pytest.mark.parametrize(("death", "database"), spread(CHOSEN))
async def test_an_undo_that_dies_is_no_wish_of_the_person_s(
    death: Death, tmp_path: Path, server: PostgresServer | None
) -> None:
    expected = await _expected(death, tmp_path / "calm")
    async with _arena(death, tmp_path, server=server) as place:
        await place.migrate()
        is_moment = moment(death.number, death.phase)
        was_killed = await run_until(place, place.undo(), is_moment)
        if death.following == "migrate":
            # A look that may not write anything sees the same.
            planned = await place.operations()
            report = await place.migrate()
            assert report.prepared.plan.operations == planned
        if was_killed or death.following != "undo":
            await getattr(place, death.following)()
        assert place.discovr.doubled() == {}
        assert place.marks() == expected
        if death.following != "undo":
            assert await place.operations() == ()


async def _expected(death: Death, folder: Path) -> Counter[Mark]:
    if death.following != "undo":
        return (await calm(folder, death.history, death.quirks)).marks
    async with _arena(death, folder) as place:
        await place.migrate()
        await place.undo()
        return place.marks()


def _arena(
    death: Death, folder: Path, **options: Any
) -> AbstractAsyncContextManager[Arena]:
    account, own = mixed_account()
    return arena(
        account,
        folder,
        own=own,
        discovr=death.quirks,
        history=death.history,
        **options,
    )


def _is_default_removed(request: web.Request, phase: Phase) -> bool:
    is_default = "season" in request.query and "episode" not in request.query
    return request.method == "DELETE" and is_default and phase is Phase.DONE


async def test_a_prune_that_dies_is_no_wish_of_the_person_s(tmp_path: Path) -> None:
    """What it took and did not note is written again once it is back on Trakt."""
    account, own = mixed_account()
    title = account.find("Show 2")
    async with arena(account, tmp_path, own=own) as place:
        await place.sync()
        before = place.marks()
        play = next(
            p for p in account.plays_of(title) if p.episode and p.episode.season == 2
        )
        account.remove_play(play.id)
        pruning = place.sync(prune=True)
        assert await run_until(
            place,
            pruning,
            lambda request, phase: request.method == "DELETE" and phase is Phase.DONE,
        )
        await place.sync()
        async with await Ledger.open(place.settings.state.url) as ledger:
            (profile,) = await ledger.profiles()
            assert await ledger.get_fact(profile, UNDOING) is None
        account.add_play(title, play.watched_at, season=2, number=3)
        report = await place.sync()
        assert report.prepared.plan.gone == frozenset()
        assert place.marks() == before


async def test_an_undo_that_died_at_its_end_is_no_undo_of_the_run_before(
    tmp_path: Path,
) -> None:
    account = Account([film(1), film(2)])
    account.add_play(account.titles[0], watched_on(1))
    async with arena(account, tmp_path) as place:
        await place.migrate()
        before = place.marks()
        account.add_play(account.titles[1], watched_on(2))
        report = await place.migrate()
        was_deleted = False

        def is_read_after(request: web.Request, phase: Phase) -> bool:
            nonlocal was_deleted
            was_deleted |= request.method == "DELETE"
            return was_deleted and request.method == "GET" and phase is Phase.DONE

        assert await run_until(place, place.undo(), is_read_after)
        undone = await place.undo()
        assert undone.run == report.run
        assert place.marks() == before


async def test_what_a_trial_showed_that_died_is_still_known(tmp_path: Path) -> None:
    """The season that could show it has gone by then; another stands beside theirs."""
    account, own = mixed_account()
    history = {"collapse": "fewest"}
    async with arena(account, tmp_path, own=own, history=history) as place:
        before = place.marks()
        await place.migrate()
        assert await run_until(place, place.undo(), _is_default_removed)
        undone = await place.undo()
        assert undone.left_alone == {}
        assert place.marks() == before


async def test_the_zero_of_a_trial_that_died_changes_no_plan(tmp_path: Path) -> None:
    """A run takes it away before it plans; a look that writes nothing sees the same."""
    account, own = mixed_account()
    history = {"collapse": "fewest", "plays": "all"}
    quirks = DiscovrQuirks(delete_without_episode="default")
    async with arena(
        account, tmp_path, own=own, discovr=quirks, history=history
    ) as place:
        await place.migrate()
        assert await run_until(place, place.undo(), _is_default_removed)
        planned = await place.operations()
        report = await place.migrate()
        assert report.prepared.plan.operations == planned


@pytest.mark.parametrize("dead", [1, 2])
async def test_what_several_runs_intended_an_undo_takes_for_all_of_them(
    tmp_path: Path, dead: int
) -> None:
    """Each died about the same write, and one that lived found it for all of them."""
    title = film(1)
    account = Account([title])
    account.add_play(title, watched_on(0))
    async with arena(account, tmp_path) as place:
        for phase in [*[Phase.BEFORE] * dead, Phase.DONE]:

            def is_moment(
                request: web.Request, now: Phase, last: Phase = phase
            ) -> bool:
                return (
                    request.method == "POST" and request.path == HISTORY and now is last
                )

            assert await run_until(place, place.sync(), is_moment)
        (entry,) = place.discovr.entries()
        assert (await place.sync()).is_complete
        assert (await place.undo()).removed == [entry.key]
        assert place.discovr.entries() == []
        # It was undone; none of the others tells of a removal by the person.
        report = await place.sync()
        assert report.is_complete
        assert report.balance()[0].gone == 0
        assert [e.key for e in place.discovr.entries()] == [entry.key]
