"""A record that nobody can read stands for no play that comes after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.domain.watermark import Watermark
from tests.extract_suite.test_changes import NOW, Reader, reader
from tests.safety.accounts import watched_on
from tests.strangers_suite.unread import (
    SPOILS,
    about_nothing,
    with_nothing_left,
    without_a_date,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sync.ports import Extraction

WHAT = [
    ("Film 1", None, None),
    ("Film 4", None, None),
    ("Show 1", 1, 2),
    ("Show 2", 1, 2),
    ("Show 2", 2, 3),
    ("Show 12", 2, 1),
]
#: Just now, and dated back.
TIMES = [NOW, watched_on(-70), watched_on(30)]


@dataclass
class Story:
    """What is read of an account, reading by reading, while records turn odd."""

    it: Reader
    odd: dict[int, Any] = field(default_factory=dict)
    added: int = 0

    def spoil(self, what: tuple[Any, Any, Any], how: Callable[[Any], Any]) -> None:
        account, (name, season, number) = self.it.place.account, what
        for play in account.plays_of(account.find(name), season, number)[:1]:
            self.odd[play.id] = how

    def add(self, what: tuple[Any, Any, Any], at: datetime, how: Any = None) -> None:
        """Add a play at a minute of its own: the lists tell it by nothing else."""
        account, (name, season, number) = self.it.place.account, what
        self.added += 1
        play = account.add_play(
            account.find(name),
            at - timedelta(minutes=self.added),
            season=season,
            number=number,
        )
        if how:
            self.odd[play.id] = how

    def remove_odd(self, draw: int) -> None:
        if self.odd:
            number = sorted(self.odd)[draw % len(self.odd)]
            del self.odd[number]
            self.it.place.account.remove_play(number)

    async def read_whole(self) -> None:
        self.it.known = await self.it.source.extract(lambda _done, _total: None)
        assert self.it.known.receipt.is_whole

    async def read(self) -> Extraction:
        """Read what changed; what is known after it went through the ledger."""
        now = await self.it.changes()
        assert now.receipt.is_whole
        plays = self.it.place.account.plays
        assert {p.id for p in now.plays} == {p.id for p in plays} - self.odd.keys()
        mark = Watermark(NOW, NOW, NOW, now.stamps or {}, gaps=now.gaps)
        assert Watermark.from_fact(mark.to_fact()).gaps == now.gaps
        self.it.known = now
        return now


async def begin(it: Reader, *whats: Any, how: Any) -> Story:
    story = Story(it, odd=it.place.trakt.quirks.odd)
    for what in whats:
        story.spoil(what, how)
    await story.read_whole()
    return story


@pytest.mark.parametrize("how", [with_nothing_left, about_nothing, without_a_date])
@pytest.mark.parametrize("is_at_once", [True, False])
async def test_one_that_goes_makes_no_room_for_a_new_play(
    tmp_path: Path, how: Any, is_at_once: bool
) -> None:
    async with reader(tmp_path) as it:
        story = await begin(it, WHAT[0], WHAT[3], how=how)
        for what in (WHAT[3], WHAT[1]):  # of the title of the first, and of another
            story.remove_odd(0)
            if not is_at_once:
                await story.read()
            story.add(what, watched_on(-70))
            await story.read()


@pytest.mark.parametrize("how", SPOILS)
async def test_one_that_is_removed_and_added_again_is_met(
    tmp_path: Path, how: Any
) -> None:
    """At the same minute, as its remedy says: the lists look as before."""
    async with reader(tmp_path) as it:
        story = await begin(it, WHAT[4], how=how)
        (play,) = [p for p in it.place.account.plays if p.id in story.odd]
        story.remove_odd(0)
        name, season, number = WHAT[4]
        title = it.place.account.find(name)
        it.place.account.add_play(title, play.watched_at, season=season, number=number)
        assert not (await story.read()).quarantined


async def test_what_stays_odd_costs_no_request(tmp_path: Path) -> None:
    async with reader(tmp_path) as it:
        story = await begin(it, *WHAT, how=with_nothing_left)
        for what in WHAT[:4]:
            it.place.trakt.seen.clear()
            story.add(what, NOW)
            await story.read()
            assert len(it.requests()) == 3  # the stamps, the window, and a list


#: What may happen between two readings: a play comes, odd or not, or an odd one goes.
STEPS = st.one_of(
    st.builds(
        lambda *how: lambda story: story.add(*how),
        st.sampled_from(WHAT),
        st.sampled_from(TIMES),
        st.sampled_from([None, None, *SPOILS]),
    ),
    st.builds(lambda n: lambda story: story.remove_odd(n), st.integers(0, 9)),
)


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    spoilt=st.lists(
        st.tuples(st.sampled_from(WHAT), st.sampled_from(SPOILS)), min_size=1
    ),
    readings=st.lists(st.lists(STEPS, max_size=3), min_size=2, max_size=5),
)
async def test_any_mix_of_odd_records_hides_no_play(
    tmp_path: Path, spoilt: list[tuple[Any, Any]], readings: list[list[Any]]
) -> None:
    async with reader(tmp_path) as it:
        story = await begin(it, how=None)
        for what, how in spoilt:
            story.spoil(what, how)
        await story.read_whole()
        for steps in readings:
            for step in steps:
                step(story)
            await story.read()
