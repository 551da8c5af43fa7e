"""What the state machine takes for true is what the stand-ins tell."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from connectors.errors import ContractError
from sync.domain.filters import Filter
from sync.domain.plays import Key, title_key
from sync.sandbox.account.account import Account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.visibility import Lie
from tests.safety.accounts import film, watched_on
from tests.safety.arena import Phase, arena
from tests.safety.killing import run_until
from tests.safety.reading import shown, watched
from tests.safety.test_machine import (
    LOOKS,
    LOOKS_FOR_TAKEN,
    SKIPS,
    Safety,
    account_with_twins,
)
from tests.strangers_suite.unread import with_nothing_left
from tests.worlds import world

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from aiohttp import web

    from tests.safety.arena import Arena


@contextmanager
def story(collapse: str = "off") -> Iterator[Safety]:
    """Play a story of the machine, step by step."""
    it = Safety()
    it.open(quirks=DiscovrQuirks(), collapse=collapse, plays="latest")
    try:
        yield it
    finally:
        it.teardown()


async def test_a_client_reads_of_no_episode_that_tmdb_lacks(tmp_path: Path) -> None:
    """Titles may share a TMDB id; TMDB has one show of that number."""
    account, _ = account_with_twins()
    show = account.find("Show 1")
    for play in account.plays_of(show):
        if play.episode and play.episode.number > 2:
            account.remove_play(play.id)
    async with world(account, tmp_path) as place:
        assert (await place.migrate()).is_complete
        assert shown(account, place.discovr.entries()).maybe == watched(account).keys()


async def test_each_skip_names_what_the_machine_says(tmp_path: Path) -> None:
    account, _ = account_with_twins()
    account.add_play(account.find("Twin of Film 1"), None)
    account.add_play(account.find("Twin of Show 1"), None, season=1, number=1)
    async with world(account, tmp_path) as place:
        plays = (await place.extract()).plays
    titles = {title_key(play.title): play.title for play in plays}
    for skip, names in SKIPS:
        sieve = Filter(skip=(skip,)).over(titles.values())
        assert {titles[key].name for key in sieve.reasons} == names, skip


def test_what_a_newer_file_of_the_same_person_lacks_may_go() -> None:
    """Law 14: only its own source can lack it, and this one does."""
    with story() as it:
        for what in (("Show 2", 2, 2), ("Show 2", 1, 3)):
            it.a_file_is_read(draws={0}, what=what, day=6, age=400, whose="somebody")
        before = it.read()
        it.wait_for(it.run("prune"))
        it.check(before, is_pruned=True)
        assert Key("TV_202", 2, 2) not in {e.key for e in it.place.discovr.entries()}


def test_what_stood_there_when_the_ledger_was_lost_is_not_taken_back() -> None:
    """Law 14: nobody knows any more which source brought it, so it stays."""
    with story("clean") as it:
        it.sync_undisturbed(is_pruned=True)
        key = Key("TV_202", 1, 3)
        (play,) = (
            play
            for play in it.place.account.plays
            if play.title.name == "Show 2"
            and play.episode
            and play.episode.number == 3
            and play.episode.season == 1
        )
        it.the_ledger_is_lost()
        it.sync_undisturbed(is_pruned=True)
        it.place.account.remove_play(play.id)
        it.sync_undisturbed(is_pruned=True)
        assert key in {entry.key for entry in it.place.discovr.entries()}


def test_no_sync_need_hear_of_what_can_be_read_no_longer() -> None:
    with story() as it:
        it.leave(since=watched_on(50))
        it.a_run_is_undisturbed()
        it.a_record_cannot_be_read(draw=0, how=with_nothing_left)
        it.sync_undisturbed(is_pruned=False)


@pytest.mark.parametrize("command", ["migrate", "undo"])
async def test_what_no_list_ever_shows_cannot_be_told_from_what_is_not_there(
    tmp_path: Path, command: str
) -> None:
    """Two worlds, and a run sees the same in both until it has written.

    In one the write of a killed run never arrived, or a killed undo took it: law 5
    wants it sent. In the other it is there, and every reading of every list hides it,
    and nothing else is known that they would have to show: law 3 wants it left alone.
    No run can keep both, so the machine has a list of a title tell the truth at the
    last look where a write is unclear, or an undo was broken off.
    Once a list lacks anything that is known to be there, the two can be told apart:
    test_killed_then_lied_to.py.
    """
    seen = []
    for phase in Phase:
        account = Account([film(1)])
        account.add_play(account.titles[0], watched_on(1))
        async with arena(account, tmp_path / phase.name) as place:
            is_undo = command == "undo"
            if is_undo:
                assert (await place.migrate()).is_complete
            method = "DELETE" if is_undo else "POST"

            def is_moment(
                request: web.Request,
                now: Phase,
                last: Phase = phase,
                method: str = method,
            ) -> bool:
                return (
                    request.method == method
                    and "history" in request.path
                    and now is last
                )

            assert await run_until(place, getattr(place, command)(), is_moment)
            is_there = bool(place.discovr.entries())
            assert is_there is (phase is (Phase.BEFORE if is_undo else Phase.DONE))
            seen.append(await seen_before_it_writes(place, is_hidden=is_there))
            looks = [path for method, path, *_ in seen[-1] if path.endswith("MV_101")]
            assert len(looks) == (LOOKS_FOR_TAKEN if is_undo else LOOKS)
    assert seen[0] == seen[1]


async def test_what_no_list_shows_an_undo_cannot_tell_from_what_was_removed(
    tmp_path: Path,
) -> None:
    """As above: the person removed it, or every list hides it; it is gone in both.

    So the machine has a title's list tell an undo the truth at its last look.
    """
    key, seen = Key("MV_101"), []
    for is_hidden in (True, False):
        account = Account([film(1)])
        account.add_play(account.titles[0], watched_on(1))
        async with arena(account, tmp_path / f"{is_hidden}") as place:
            assert (await place.migrate()).is_complete
            if not is_hidden:
                place.discovr.person_removes(key)
            visibility = place.discovr.visibility
            visibility.big, visibility.title = Lie(ends_after=0), Lie(ends_after=0)
            assert (await place.undo()).gone == [key]
            seen.append(await seen_before_it_writes(place, is_hidden=is_hidden))
    assert seen[0] == seen[1]


async def seen_before_it_writes(
    place: Arena, *, is_hidden: bool
) -> Sequence[tuple[str, str, object, int | None]]:
    """Migrate, and return what was asked and answered up to the first write."""
    if is_hidden:
        visibility = place.discovr.visibility
        visibility.big, visibility.title = Lie(ends_after=0), Lie(ends_after=0)
    place.discovr.seen.clear()
    with suppress(ContractError):  # a first entry is read back
        await place.migrate()
    asked = [(r.method, r.path, r.query, r.status) for r in place.discovr.seen]
    writes = [
        number
        for number, (method, path, *_) in enumerate(asked)
        if (method, path) == ("POST", "/profile/history")
    ]
    return asked[: writes[0] + 1]
