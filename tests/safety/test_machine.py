"""Runs, kills, faults and people, in any order: all laws hold after each step."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import Phase as HypothesisPhase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from connectors.errors import TransientError
from sync.domain.plays import Key, to_minute
from sync.errors import IncompleteReadError
from sync.sandbox.discovr_quirks import DiscovrQuirks
from sync.sandbox.faults import seeded_faults
from tests.safety.accounts import mixed_account, watched_on
from tests.safety.arena import Arena, Phase, arena
from tests.safety.faults import MIX, SHARE
from tests.safety.killing import migrate_until
from tests.safety.reading import Shown, own_entry, shown, watched
from tests.safety.suite import IS_WHOLE

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from aiohttp import web

    from sync.results import Report

HOUR_S = 3600
#: What is watched and marked: a season that fits a default, one with a hole, a film.
EPISODES = [("Show 1", 1, n) for n in range(1, 5)] + [
    ("Show 2", 1, n) for n in range(1, 7)
]
FILMS = ["Film 1", "Film 2"]
KEYS = [
    *(Key("TV_201", 1, n) for n in (None, 1, 2, 3, 4)),
    *(Key("TV_202", 1, n) for n in (None, 1, 2, 4, 6)),
    Key("MV_101"),
    Key("MV_102"),
]
DAYS = st.integers(0, 40)


class Safety(RuleBasedStateMachine):
    """One person, one profile, and whatever may come between them."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="safety-"))
        self.place: Arena

    @initialize(
        quirks=st.sampled_from(list(DiscovrQuirks.combinations())),
        collapse=st.sampled_from(["clean", "fewest", "off"]),
        plays=st.sampled_from(["latest", "all"]),
    )
    def open(self, quirks: DiscovrQuirks, collapse: str, plays: str) -> None:
        if plays == "all":
            # Merged, a viewing of a killed run cannot be told from the person's own.
            quirks = replace(quirks, repeats="listed")
        account, own = mixed_account()
        self.place = self.wait_for(
            self.stack.enter_async_context(
                arena(
                    account,
                    self.folder,
                    own=own,
                    discovr=quirks,
                    history={"collapse": collapse, "plays": plays},
                )
            )
        )

    def teardown(self) -> None:
        self.wait_for(self.stack.aclose())
        self.runner.close()
        shutil.rmtree(self.folder)

    def wait_for(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    # What happens on Trakt.

    @rule(what=st.sampled_from([*EPISODES, *FILMS]), day=DAYS)
    def a_play_is_added(self, what: str | tuple[str, int, int], day: int) -> None:
        name, season, number = what if isinstance(what, tuple) else (what, None, None)
        account = self.place.account
        title = account.find(name)
        account.add_play(title, watched_on(day), season=season, number=number)

    @rule(draw=st.integers(0, 10**6))
    def a_play_is_removed(self, draw: int) -> None:
        plays = self.place.account.plays
        self.place.account.remove_play(plays[draw % len(plays)].id)

    # What the person does on Discovr.

    @rule(key=st.sampled_from(KEYS), day=DAYS | st.none())
    def the_person_adds(self, key: Key, day: int | None) -> None:
        at = None if day is None else watched_on(day)
        self.place.discovr.person_adds(key, at=at)

    @rule(
        key=st.sampled_from([key for key in KEYS if key.episode or not key.season]),
        progress=st.sampled_from([5, 79, 80, 100]),
        day=DAYS | st.none(),
    )
    def the_person_sets(self, key: Key, progress: int, day: int | None) -> None:
        at = None if day is None else watched_on(day)
        self.place.discovr.person_sets(key, progress, at=at)

    @precondition(lambda self: self.place.discovr.entries())
    @rule(draw=st.integers(0, 10**6))
    def the_person_removes(self, draw: int) -> None:
        entries = self.place.discovr.entries()
        self.place.discovr.person_removes(entries[draw % len(entries)].key)

    # What the program does.

    @rule()
    def a_run_is_undisturbed(self) -> None:
        before = self.read()
        report: Report = self.wait_for(self.place.migrate(is_forced=True))
        self.check(before)
        assert report.balance()[0].is_even
        assert report.verification
        # What went from Trakt stays on Discovr, and is named: only --prune removes it.
        assert not report.failed
        assert report.verification == replace(
            report.verification, missing=(), doubled=()
        )
        self.check_that_all_is_there()
        writes = self.place.writes()
        assert self.wait_for(self.place.operations()) == ()
        self.wait_for(self.place.migrate(is_forced=True))
        assert self.place.writes() == writes

    @rule(seed=st.integers(0, 10**6))
    def a_run_meets_faults(self, seed: int) -> None:
        before = self.read()
        self.place.discovr.faults = seeded_faults(seed, SHARE, mix=MIX)
        report = self.wait_for(self._disturbed())
        self.place.discovr.faults = None
        self.check(before)
        assert report is None or report.balance()[0].is_even

    async def _disturbed(self) -> Report | None:
        try:
            report: Report = await self.place.migrate(is_forced=True)
        except (TransientError, IncompleteReadError):
            return None
        finally:
            await self.place.discovr.settle()
        return report

    @rule(number=st.integers(0, 35), phase=st.sampled_from(Phase))
    def a_run_is_killed(self, number: int, phase: Phase) -> None:
        before = self.read()
        left = {Phase.BEFORE: number, Phase.DONE: number}

        def is_moment(_request: web.Request, now: Phase) -> bool:
            left[now] -= 1
            return now is phase and left[now] < 0

        self.wait_for(migrate_until(self.place, is_moment))
        self.check(before)

    # The laws.

    def read(self) -> Shown:
        self.place.clock.advance(HOUR_S)
        return shown(self.place.account, self.place.discovr.entries())

    def check(self, before: Shown) -> None:
        after = shown(self.place.account, self.place.discovr.entries())
        assert after.maybe <= before.maybe | watched(self.place.account).keys()
        if self.place.history["collapse"] != "fewest":
            assert before.surely <= after.surely
        assert self.place.discovr.doubled() == {}

    def check_that_all_is_there(self) -> None:
        entries = self.place.discovr.entries()
        completed = shown(self.place.account, entries).surely
        for key, times in watched(self.place.account).items():
            own = own_entry(key, entries)
            is_kept = (
                own
                and (own.progress or 0) < 80
                and to_minute(own.updated_at) > max(times)
            )
            assert key in completed or is_kept, f"{key} is missing"


Safety.TestCase.settings = settings(
    max_examples=300 if IS_WHOLE else 15,
    stateful_step_count=20 if IS_WHOLE else 12,
    derandomize=not IS_WHOLE,
    # A failing story is short enough to read; to shorten it takes minutes.
    phases=[phase for phase in HypothesisPhase if phase is not HypothesisPhase.shrink],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestSafety = Safety.TestCase
