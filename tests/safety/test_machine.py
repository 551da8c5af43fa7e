"""Runs, kills, faults and people, in any order: all laws hold after each step."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import tempfile
from collections import Counter
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, get_args

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import Phase as HypothesisPhase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from connectors.errors import ConfigError, ContractError, TransientError
from sync.domain.plan import Fate
from sync.domain.plays import Key, to_minute
from sync.errors import GuardError, IncompleteReadError
from sync.ledger import BusyError, Ledger, Outcome
from sync.ledger.fact_names import recall_trial, recall_undoing
from sync.load.breaker import RefusingServiceError
from sync.sandbox.account.account import Account, Stamps
from sync.sandbox.discovr.quirks import DiscovrQuirks, Repeated, Without
from sync.sandbox.discovr.visibility import Lie
from sync.sandbox.server.faults import seeded_faults
from sync.sandbox.trakt.export import write_export
from tests.long import Length, asked, choose, pick
from tests.restore_suite.copies import as_listed, put_down
from tests.safety.accounts import film, mixed_account, show, watched_on
from tests.safety.arena import Arena, Phase, Viewing, arena
from tests.safety.databases import FILE, SERVERS, find_server
from tests.safety.faults import AWAY, MIX, SHARE, outage
from tests.safety.freezing import stand_still
from tests.safety.killing import moment, run_until
from tests.safety.reading import Shown, media_of, own_entry, shown, watched
from tests.strangers_suite.unread import (
    with_nothing_left,
    without_a_date,
    without_its_title,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from sync.domain.entries import Entry
    from sync.pipeline.restore import Restoration
    from sync.pipeline.result import Report
    from sync.sandbox.account.titles import CatalogueTitle
    from sync.sandbox.discovr.history import StoredEntry
    from sync.sandbox.server.faults import Fault
    from tests.postgres import PostgresServer
    from tests.safety.accounts import Own

STEPS = pick(12, 12, 20)
#: How many stories on which database; in parts, so that every core has some.
PARTS = pick(
    [(3, FILE), (1, SERVERS[0])],
    [(12, FILE), (2, SERVERS[0]), (2, SERVERS[1])],
    [(20, FILE)] * 10 + [(12, server) for server in SERVERS] * 2,
)
HOUR_S = 3600
#: Every Discovr, and some that list each repeat with the number of all.
QUIRKS = list(DiscovrQuirks.combinations())
QUIRKS += [replace(quirks, repeats="counted") for quirks in QUIRKS[::4]]
#: And with each reading of DELETE.
READINGS: list[tuple[Without, Repeated]] = [
    *product(get_args(Without), get_args(Repeated))
]
QUIRKS += [
    replace(quirks, delete_without_episode=without, delete_repeats=repeated)
    for number, (without, repeated) in enumerate(READINGS)
    for quirks in QUIRKS[number :: len(READINGS)]
]
#: How lists show too little: the big one, and those of titles.
LIES = st.sampled_from(
    [
        (Lie(ends_after=ends, lags_s=lags, readings=readings), title)
        for ends, lags in ((0, 0), (4, 0), (None, 10**6))
        for readings in (1, 2, None)
        for title in (Lie(), Lie(ends_after=0, readings=3), Lie(ends_after=1))
    ]
)
#: So often a title is looked at before a write that may have arrived is sent again, and
#: before an undo that was broken off is taken to have removed what is not listed.
LOOKS, LOOKS_FOR_TAKEN = 3, 2
#: And so often before a restore sends what the profile lacks of a copy.
LOOKS_FOR_LOST = 2
REFUSALS = (GuardError, ContractError, TransientError)
#: What is watched and marked: a season that fits a default, one with a hole, a film.
EPISODES = [("Show 1", 1, n) for n in range(1, 5)] + [
    ("Show 2", season, n) for season in (1, 2) for n in range(1, 4 if season > 1 else 7)
]
FILMS = ["Film 1", "Film 2"]
KEYS = [
    *(Key("TV_201", 1, n) for n in (None, 1, 2, 3, 4)),
    *(Key("TV_202", 1, n) for n in (None, 1, 2, 4, 6)),
    Key("MV_101"),
    Key("MV_102"),
]
SPOILS = [without_a_date, with_nothing_left, without_its_title]
DAYS = st.integers(0, 40)
#: Titles of their own on Trakt that share a TMDB id with one of the others.
TWINS = ["Twin of Film 1", ("Twin of Show 1", 1, 1), ("Twin of Show 1", 1, 2)]
#: Ways to name a title that is left out; by TMDB's id a twin is meant too.
SKIPS = [
    (form.format(name=name, number=number), {name, *more})
    for name, kind, number, tmdb, twin in [
        ("Film 1", "film", 1, "MV_101", {"Twin of Film 1"}),
        ("Film 2", "film", 2, "MV_102", set()),
        ("Film 9", "film", 9, "https://trakt.tv/movies/9", {"Film 9"}),
        ("Show 1", "show", 1, "TV_201", {"Twin of Show 1"}),
        ("Show 2", "show", 2, "TV_202", set()),
        ("Show 3", "show", 3, "https://www.themoviedb.org/tv/203-show", set()),
    ]
    for form, more in [
        ("{name}", set()),
        (kind + ":trakt:{number}", set()),
        (tmdb, twin),
    ]
]
COMMANDS = st.sampled_from(["migrate", "sync", "prune"])
UNDOS = {"undo", "undo-each"}
ALL_COMMANDS = COMMANDS | st.sampled_from(sorted(UNDOS))
#: A service that is away: which, from when, for how long, and what it looks like.
OUTAGES = st.tuples(
    st.sampled_from(["trakt", "discovr", "tmdb"]),
    st.integers(0, 25),
    st.sampled_from([2, 12, 10**6]),
    st.sampled_from(AWAY),
)


class Safety(RuleBasedStateMachine):
    """One person, one profile, and whatever may come between them."""

    #: Keeps the state; None: a file does.
    server: ClassVar[PostgresServer | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="safety-"))
        self.place: Arena
        #: What was watched on Trakt since both sides were last in step, by play.
        self.news: dict[int | None, Key] = {}
        #: What was there when they were, and what is gone since.
        self.settled: set[Key] = set()
        self.stale: set[Key] = set()
        #: What the person said last of a key on Discovr, and all that they touched.
        self.marks: dict[Key, bool] = {}
        self.touched: set[Key] = set()
        #: What files beside the account hold or held, and what nobody can take back:
        #: a newer file of the same person may lack what an older one brought.
        self.elsewhere: set[Key] = set()
        self.held: dict[str, set[Key]] = {"": set(), "somebody": set()}
        self.newest: datetime | None = None
        self.is_ledger_lost = False
        #: What stood there when it was: nobody knows any more who wrote that.
        self.adrift: set[Key] = set()
        #: What is left out on request, and whether that changed since both sides were
        #: last in step.
        self.skips: dict[str, set[str]] = {}
        self.is_changed = False
        #: What they removed, or replaced: of what we wrote there, that stays so.
        self.removed: set[Key] = set()
        self.was_undo_killed = False

    @property
    def mode(self) -> tuple[str, str]:
        """How seasons are collapsed, and which plays count."""
        history = self.place.history
        return history["collapse"], history["plays"]

    @property
    def odd(self) -> dict[int, Any]:
        """The plays of which the record cannot be read."""
        return self.place.trakt.quirks.odd

    @initialize(
        quirks=st.sampled_from(QUIRKS),
        collapse=st.sampled_from(["clean", "fewest", "off"]),
        plays=st.sampled_from(["latest", "all"]),
    )
    def open(self, quirks: DiscovrQuirks, collapse: str, plays: str) -> None:
        if self.server:
            self.server.empty()
        account, own = account_with_twins()
        self.marks = {key: progress >= 80 for key, progress, _ in own}
        self.touched = {*self.marks}
        self.place = self.wait_for(
            self.stack.enter_async_context(
                arena(
                    account,
                    self.folder,
                    own=own,
                    discovr=quirks,
                    history={"collapse": collapse, "plays": plays},
                    server=self.server,
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

    @rule(what=st.sampled_from([*EPISODES, *FILMS, *TWINS]), day=DAYS)
    def a_play_is_added(self, what: str | tuple[str, int, int], day: int) -> None:
        self.add_play(what, day)

    def add_play(self, what: str | tuple[str, int, int], day: int) -> None:
        name, season, number = what if isinstance(what, tuple) else (what, None, None)
        account = self.place.account
        title = account.find(name)
        play = account.add_play(title, watched_on(day), season=season, number=number)
        self.news[play.id] = Key(media_of(account)[name], season, number)

    @rule(draw=st.integers(0, 10**6))
    def a_play_is_removed(self, draw: int) -> None:
        self.remove_play(draw)

    def remove_play(self, draw: int) -> None:
        plays = self.place.account.plays
        play = plays[draw % len(plays)]
        self.place.account.remove_play(play.id)
        self.news.pop(play.id, None)
        self.odd.pop(play.id, None)

    @rule(draw=st.integers(0, 10**6), how=st.sampled_from(SPOILS))
    def a_record_cannot_be_read(self, draw: int, how: Any) -> None:
        plays = self.place.account.plays
        self.odd[plays[draw % len(plays)].id] = how

    @rule()
    def every_record_can_be_read_again(self) -> None:
        self.odd.clear()

    # What is left out on request.

    @rule(skip=st.sampled_from(SKIPS))
    def a_title_is_left_out(self, skip: tuple[str, set[str]]) -> None:
        self.skips[skip[0]] = skip[1]
        self.leave(skip=[*self.skips])

    @precondition(lambda self: self.skips)
    @rule()
    def a_title_is_taken_in_again(self) -> None:
        self.skips.popitem()
        self.leave(skip=[*self.skips])

    @rule(day=DAYS | st.none(), minutes=st.integers(-1, 3))
    def since_moves(self, day: int | None, minutes: int) -> None:
        self.leave(since=None if day is None else watched_on(day, minutes))

    @rule(only=st.sampled_from([None, None, "films", "shows"]))
    def the_kind_that_is_wanted_changes(self, only: str | None) -> None:
        self.leave(only=only)

    def leave(self, **changed: Any) -> None:
        self.place.history = self.place.history | changed
        self.is_changed = True

    def left_out(self, account: Account) -> set[int]:
        """Return the plays that are left out; one exactly at ``since`` is not."""
        history, names = self.place.history, set().union(*self.skips.values())
        since, only = history.get("since"), history.get("only")
        return {
            play.id
            for play in account.plays
            if play.title.name in names
            or (only and f"{play.title.kind}s" != only)
            or (since and play.watched_at < since)
        }

    def wanted(self, account: Account) -> dict[Key, list[datetime]]:
        """W: what was watched and is not left out."""
        return watched(account, self.left_out(account))

    def check_what_is_left_out(self, report: Report) -> None:
        """It is counted, and neither lost nor gone."""
        account = self.place.account
        left_out = self.left_out(account)
        least = len(left_out - self.odd.keys())
        # No sync hears of a record that was read before, and can be no longer.
        most = len(left_out) if report.prepared.since else least
        assert least <= report.balance()[0].fates[Fate.LEFT_OUT] <= most
        aside = watched(account).keys() - self.wanted(account).keys()
        assert not aside & {*report.prepared.stale.keys}
        if found := report.verification:
            assert not aside & {*found.missing, *found.unexpected, *found.foreign}
            # Of what cannot be read nobody can tell that it is left out.
            told = aside & watched(account, self.odd).keys()
            assert not told & {*found.elsewhere} - self.elsewhere

    # What else there is of the account, and of others.

    @rule(
        draws=st.sets(st.integers(0, 60), min_size=1, max_size=8),
        what=st.sampled_from([*EPISODES, *FILMS]),
        day=DAYS,
        age=st.sampled_from([-400, -1, 400]),
        whose=st.sampled_from(["sandbox", "somebody", ""]),
    )
    def a_file_is_read(
        self,
        draws: set[int],
        what: str | tuple[str, int, int],
        day: int,
        age: int,
        whose: str,
    ) -> None:
        """One that overlaps the account: older or newer, of the same person or not."""
        account = self.place.account
        name, season, number = what if isinstance(what, tuple) else (what, None, None)
        plays = [p for n, p in enumerate(account.plays) if n in draws]
        file = Account(account.titles, plays, user=whose or "x")
        file._last_id = account._last_id + 1_000_000 * (1 + len(self.elsewhere))
        file.add_play(account.find(name), watched_on(day), season=season, number=number)
        path = self.folder / f"file-{len(list(self.folder.iterdir()))}"
        at = self.place.clock.now() + timedelta(days=age)
        write_file(file, path, at, owner=whose)
        before = self.read()
        report = self.wait_for(
            self.place.migrate(path, accept_incomplete=True, is_forced=True)
        )
        there, wanted = watched(file), self.wanted(file)
        self.check(before, wanted=wanted.keys())
        assert report.balance()[0].is_even
        assert report.balance()[0].fates[Fate.LEFT_OUT] == len(self.left_out(file))
        self.check_that_all_is_there(wanted.keys(), wanted)
        if whose != "sandbox":
            self.note_file(whose, {*there}, min(at, self.place.clock.now()))
        assert not there.keys() & {*report.prepared.stale.keys}
        # A file that is newer may lack what the account still has: it is not gone.
        self.stale -= there.keys()
        self.settled |= there.keys()

    def note_file(self, whose: str, there: set[Key], at: datetime) -> None:
        self.elsewhere |= there
        if whose and (self.newest is None or at >= self.newest):
            self.held[whose], self.newest = there, at
        else:
            self.held[whose] |= there

    @precondition(lambda self: self.mode == ("clean", "latest"))
    @rule()
    def the_ledger_is_lost(self) -> None:
        self.is_ledger_lost = True
        self.place.lose_the_ledger()
        # Nobody knows any more what is ours, so that none of it is taken back.
        self.adrift |= {entry.key for entry in self.place.discovr.entries()}
        self.settled.clear()
        self.stale.clear()

    # What the person does on Discovr.

    @rule(key=st.sampled_from(KEYS), day=DAYS | st.none())
    def the_person_adds(self, key: Key, day: int | None) -> None:
        at = None if day is None else watched_on(day)
        self.place.discovr.person_adds(key, at=at)
        self.note_mark(key)

    @rule(
        key=st.sampled_from([key for key in KEYS if key.episode or not key.season]),
        progress=st.sampled_from([5, 79, 80, 100]),
        day=DAYS | st.none(),
    )
    def the_person_sets(self, key: Key, progress: int, day: int | None) -> None:
        # Right after a run it could be taken for what that run set: clocks differ.
        self.place.clock.advance(HOUR_S)
        at = None if day is None else watched_on(day)
        self.place.discovr.person_sets(key, progress, at=at)
        self.removed.add(key)
        self.note_mark(key)

    @precondition(lambda self: self.place.discovr.entries())
    @rule(draw=st.integers(0, 10**6))
    def the_person_removes(self, draw: int) -> None:
        entries = self.place.discovr.entries()
        key = entries[draw % len(entries)].key
        self.place.discovr.person_removes(key)
        self.marks.pop(key, None)
        self.touched.add(key)
        self.removed.add(key)

    def note_mark(self, key: Key) -> None:
        self.touched.add(key)
        own = own_entry(key, self.place.discovr.entries())
        self.marks[key] = own is not None and (own.progress or 0) >= 80

    # What the program does.

    @rule()
    def a_run_is_undisturbed(self) -> None:
        before = self.read()
        report: Report = self.wait_for(self.place.migrate(is_forced=True))
        self.check(before)
        assert report.balance()[0].is_even
        self.check_what_is_left_out(report)
        assert report.verification
        # What went from Trakt stays on Discovr, and is named: only --prune removes it.
        assert not report.failed
        assert report.verification == replace(
            report.verification, missing=(), doubled=()
        )
        self.check_that_all_is_there(self.readable().keys())
        self.check_that_every_viewing_is_there()
        self.note_settled()
        writes = self.place.writes()
        again: Report = self.wait_for(self.place.migrate(is_forced=True))
        assert again.prepared.plan.operations == ()
        assert self.place.writes() == writes

    @rule(
        is_pruned=st.booleans(),
        what=st.sampled_from([*EPISODES, *FILMS]),
        day=DAYS,
        draw=st.integers(0, 10**6),
    )
    def it_is_kept_in_step(
        self, is_pruned: bool, what: str | tuple[str, int, int], day: int, draw: int
    ) -> None:
        self.sync_undisturbed(is_pruned=is_pruned)
        for service in (self.place.trakt, self.place.discovr):
            service.seen.clear()
        self.wait_for(self.place.sync(is_forced=True))
        assert len(self.place.trakt.seen) == 1
        assert self.place.discovr.seen == []
        if draw % 2:
            self.remove_play(draw)
        else:
            self.add_play(what, day)
        self.sync_undisturbed(is_pruned=is_pruned)

    def sync_undisturbed(self, *, is_pruned: bool) -> None:
        before = self.read()
        report = self.wait_for(self.place.sync(prune=is_pruned, is_forced=True))
        self.check(before, is_pruned=is_pruned)
        assert report.is_complete
        assert report.balance()[0].is_even
        self.check_what_is_left_out(report)
        # What is wanted since is written too, also if Trakt says nothing changed.
        news = self.readable().keys() if self.is_changed else {*self.news.values()}
        self.check_that_all_is_there(news)
        self.note_settled()
        if is_pruned:
            self.check_that_nothing_is_stale()

    def readable(self) -> dict[Key, list[datetime]]:
        account = self.place.account
        return watched(account, {*self.odd, *self.left_out(account)})

    def note_settled(self) -> None:
        there = watched(self.place.account).keys()
        self.stale = (self.stale | self.settled) - there
        self.settled = {*there}
        self.news.clear()
        self.is_changed = False

    @rule(seed=st.integers(0, 10**6), command=COMMANDS)
    def a_run_meets_faults(self, seed: int, command: str) -> None:
        self.place.discovr.faults = seeded_faults(seed, SHARE, mix=MIX)
        self.run_disturbed(command)

    @rule(away=OUTAGES, command=COMMANDS)
    def a_run_meets_an_outage(
        self, away: tuple[str, int, int, Fault], command: str
    ) -> None:
        name, begins, lasts, fault = away
        service = getattr(self.place, name)
        service.faults = outage(service, begins, lasts, fault)
        self.run_disturbed(command)

    def run_disturbed(self, command: str) -> None:
        before = self.read()
        report = self.wait_for(self._disturbed(command))
        for service in (self.place.trakt, self.place.discovr, self.place.tmdb):
            service.faults = None
        self.check(before, is_pruned=command == "prune")
        assert report is None or report.balance()[0].is_even
        if report and report.is_settled:
            self.note_settled()

    async def _disturbed(self, command: str) -> Report | None:
        try:
            report: Report = await self.run(command)
        except (TransientError, IncompleteReadError, RefusingServiceError):
            return None
        else:
            return report
        finally:
            await self.place.discovr.settle()

    async def run(
        self, command: str, place: Arena | None = None, *, is_forced: bool = True
    ) -> Any:
        place = place or self.place
        if command == "migrate":
            return await place.migrate(is_forced=is_forced)
        if command not in UNDOS:
            return await place.sync(prune=command == "prune", is_forced=is_forced)
        with suppress(ConfigError):  # there is nothing to undo
            return await place.undo(is_each=command == "undo-each", is_forced=is_forced)

    @rule(number=st.integers(0, 35), phase=st.sampled_from(Phase), command=COMMANDS)
    def a_run_is_killed(self, number: int, phase: Phase, command: str) -> None:
        before = self.read()
        is_moment = moment(number, phase)
        was_killed = self.wait_for(run_until(self.place, self.run(command), is_moment))
        self.check(before, is_pruned=command == "prune")
        if not was_killed:
            self.note_settled()

    @rule(
        number=st.integers(0, 40),
        phase=st.sampled_from(Phase),
        command=ALL_COMMANDS,
        other=ALL_COMMANDS,
        was_asleep=st.booleans(),
        keeps_lock=st.booleans(),
    )
    def a_run_is_frozen(
        self,
        number: int,
        phase: Phase,
        command: str,
        other: str,
        *,
        was_asleep: bool,
        keeps_lock: bool,
    ) -> None:
        """Another one runs meanwhile, or is refused; then the first is woken."""
        before, was_refused = self.read(), False

        async def meanwhile() -> None:
            nonlocal was_refused
            try:
                await self.run(other)
            except BusyError:
                was_refused = True

        stood = self.wait_for(
            stand_still(
                self.place,
                partial(self.run, command),
                number,
                phase,
                meanwhile,
                was_asleep=was_asleep,
                keeps_lock=keeps_lock,
            )
        )
        assert was_refused is (keeps_lock and stood.had_profile)
        assert not was_refused or not stood.was_replaced
        commands = {command} if was_refused or stood.left is None else {command, other}
        self.check_after(commands, before)
        last = command if was_refused or stood.left is None else other
        if last == "migrate" and not commands & UNDOS:
            self.check_that_all_is_there(self.readable().keys())
            assert self.wait_for(self.place.operations()) == ()

    def check_after(self, commands: set[str], before: Shown) -> None:
        """Hold the laws after runs that may have been broken off."""
        if not commands & UNDOS:
            self.check(before, is_pruned="prune" in commands)
            return
        self.was_undo_killed = True
        self.note_what_went_with_a_restore()
        self.check_that_only_ours_went(before, self.wanted(self.place.account).keys())
        assert self.place.discovr.doubled() == {}

    @precondition(lambda self: not self.is_ledger_lost)  # nothing else would tell
    @rule(lie=LIES, command=ALL_COMMANDS)
    def the_lists_show_too_little(self, lie: tuple[Lie, Lie], command: str) -> None:
        before = self.read()
        # An undo takes what its title's list lacks twice for what the person removed.
        doubt = LOOKS_FOR_TAKEN if command in UNDOS else None
        if doubt and lie[1].ends_after:
            # One that shows ours and hides theirs is not looked at twice, as yet.
            lie = lie[0], Lie(ends_after=0)
        self.lie(lie, doubt or self.wait_for(self.looks_in_doubt()))
        with suppress(*REFUSALS):
            self.wait_for(self.run(command, is_forced=False))
        self.lie((Lie(), Lie()))
        self.check_after({command}, before)

    def lie(self, lie: tuple[Lie, Lie], looks: int | None = None) -> None:
        """Let the lists lie; a title's tells the truth at the last of so many looks.

        No list that lies each time can tell of what is in doubt: test_model.py.
        """
        visibility = self.place.discovr.visibility
        visibility.big, visibility.title = (replace(part) for part in lie)
        if looks:
            readings = visibility.title.readings or looks
            visibility.title.readings = min(readings, looks - 1)

    @rule(
        draws=st.sets(st.integers(0, 40), min_size=1, max_size=6),
        command=COMMANDS | st.none(),
        seed=st.integers(0, 10**6) | st.none(),
        number=st.integers(0, 25) | st.none(),
        lie=LIES | st.none(),
        frozen=st.tuples(st.integers(0, 25), st.sampled_from(Phase)) | st.none(),
    )
    def what_the_person_loses_is_restored(
        self,
        draws: set[int],
        command: str | None,
        seed: int | None,
        number: int | None,
        lie: tuple[Lie, Lie] | None = None,
        frozen: tuple[int, Phase] | None = None,
    ) -> None:
        """From a copy of before, whatever ran and went wrong meanwhile."""
        discovr = self.place.discovr
        copied = as_listed(discovr.entries())
        copy = put_down(self.place, copied)
        lost = {e.key for n, e in enumerate(copied) if n in draws}
        for key in lost:
            discovr.person_removes(key)
            self.marks.pop(key, None)
        self.touched |= lost
        self.removed |= lost
        if command:
            self.wait_for(self.run(command))
        before, stood = self.read(), discovr.entries()
        if seed is not None:
            discovr.faults = seeded_faults(seed, SHARE, mix=MIX)
            self.wait_for(self._restored(copy))
            discovr.faults = None
        if number is not None:
            dying = moment(number, Phase.DONE if number % 2 else Phase.BEFORE)
            self.wait_for(run_until(self.place, self.place.restore(copy), dying))
        if lie is not None:
            self.lie(lie, LOOKS_FOR_LOST)
            with suppress(*REFUSALS):
                self.wait_for(self.place.restore(copy))
            self.lie((Lie(), Lie()))
        if frozen is not None:
            self.wait_for(self._overtaken(copy, *frozen))
        done: Restoration = self.wait_for(self.place.restore(copy))
        assert done.is_complete
        writes = self.place.writes()
        assert self.wait_for(self.place.restore(copy)).operations == ()
        assert self.place.writes() == writes
        self.check_that_it_is_restored(before, stood, copied)

    async def _restored(self, copy: Path) -> None:
        with suppress(TransientError, RefusingServiceError):
            await self.place.restore(copy)
        await self.place.discovr.settle()

    async def _overtaken(self, copy: Path, number: int, phase: Phase) -> None:
        await stand_still(
            self.place,
            lambda place: place.restore(copy),
            number,
            phase,
            lambda: self.place.restore(copy),
            was_asleep=bool(number % 2),
        )

    def check_that_it_is_restored(
        self, before: Shown, stood: list[StoredEntry], copied: list[Entry]
    ) -> None:
        """Nothing of before is gone or shown otherwise, but where the copy says so."""
        entries = self.place.discovr.entries()
        assert {e.key for e in copied} <= {e.key for e in entries}
        assert not Counter(e.key for e in stood) - Counter(e.key for e in entries)
        assert self.place.discovr.doubled() == {}
        twice = told_apart(entries) - (told_apart(stood) | told_apart(copied))
        assert not twice, "the person's own came back twice"
        after = shown(self.place.account, entries)
        lows = {e.key for e in copied if not e.is_completed}
        assert before.surely - lows <= after.surely
        copy_shows = shown_of(self.place.account, copied).maybe
        assert after.maybe <= before.maybe | copy_shows
        # From now on it is the person's, whoever had written it.
        for key in self.wait_for(self.restored_keys()):
            self.note_mark(key)

    @rule(is_each=st.booleans())
    def what_was_written_is_undone(self, *, is_each: bool) -> None:
        before = self.read()
        self.wait_for(self.run("undo-each" if is_each else "undo"))
        self.note_what_went_with_a_restore()
        self.check_that_only_ours_went(before)

    @rule(
        number=st.integers(0, 60), phase=st.sampled_from(Phase), is_each=st.booleans()
    )
    def an_undo_is_killed(self, number: int, phase: Phase, *, is_each: bool) -> None:
        before = self.read()
        undo = self.run("undo-each" if is_each else "undo")
        self.wait_for(run_until(self.place, undo, moment(number, phase)))
        self.was_undo_killed = True
        self.note_what_went_with_a_restore()
        self.check_that_only_ours_went(before)

    def note_what_went_with_a_restore(self) -> None:
        """Forget the marks that an undo of the restore took: it was their own run."""
        there = {e.key for e in self.place.discovr.entries()}
        gone = self.wait_for(self.restored_keys(is_undone=True)) - there
        for key in gone:
            self.marks.pop(key, None)

    def check_that_only_ours_went(
        self, before: Shown, wanted: AbstractSet[Key] = frozenset()
    ) -> None:
        entries = self.place.discovr.entries()
        assert shown(self.place.account, entries).maybe <= before.maybe | wanted
        for key, is_completed in self.marks.items():
            own = own_entry(key, entries)
            assert not is_completed or (own and (own.progress or 0) >= 80), key
        # What is written again is news to whoever removed it before.
        self.settled.clear()

    async def restored_keys(self, *, is_undone: bool = False) -> set[Key]:
        profile = self.place.discovr.profiles[0].id
        async with await Ledger.open(self.place.settings.state.url) as ledger:
            rows = await ledger.rows(profile, outcome=Outcome.APPLIED, is_restored=True)
        return {
            row.operation.key
            for row in rows
            if (row.undone_at is not None) is is_undone
        }

    async def looks_in_doubt(self) -> int | None:
        """How often a title is looked at of which nobody knows what stands there."""
        profile = self.place.discovr.profiles[0].id
        async with await Ledger.open(self.place.settings.state.url) as ledger:
            if await recall_undoing(ledger, profile):
                return LOOKS_FOR_TAKEN
            kinds = [
                await ledger.unsettled(profile, is_restored=is_restored)
                for is_restored in (False, True)
            ]
            return LOOKS if any(kinds) else None

    async def find_run(self, number: int) -> Any:
        profile = self.place.discovr.profiles[0].id
        async with await Ledger.open(self.place.settings.state.url) as ledger:
            return await ledger.find_run(profile, number)

    # The laws.

    def read(self) -> Shown:
        self.place.clock.advance(HOUR_S)
        account, entries = self.place.account, self.place.discovr.entries()
        stands = shown(account, entries)
        # An undo that died may have left the zero of its trial; the next run takes it
        # away, and what it hid is seen again.
        trial = self.wait_for(self.trial_left()) if self.was_undo_killed else None
        self.was_undo_killed = trial is not None
        rest = [e for e in entries if e.key != trial or e.progress != 0]
        return Shown(stands.surely, stands.maybe | shown(account, rest).maybe)

    async def trial_left(self) -> Key | None:
        async with await Ledger.open(self.place.settings.state.url) as ledger:
            return await recall_trial(ledger, self.place.discovr.profiles[0].id)

    def check(
        self,
        before: Shown,
        *,
        is_pruned: bool = False,
        wanted: AbstractSet[Key] | None = None,
    ) -> None:
        """Hold the laws on what is shown; what cannot be read counts as watched."""
        account = self.place.account
        there = {*watched(account).keys(), *(wanted or ())}
        if wanted is None:
            wanted = self.wanted(account).keys()
        after = shown(self.place.account, self.place.discovr.entries())
        assert after.maybe <= before.maybe | wanted
        if is_pruned:
            persons = {key for key, is_completed in self.marks.items() if is_completed}
            there |= persons.union(*self.held.values())
            assert before.surely & there <= after.surely
        elif self.place.history["collapse"] != "fewest":
            assert before.surely <= after.surely
        assert self.place.discovr.doubled() == {}

    def check_that_all_is_there(
        self,
        keys: AbstractSet[Key],
        times: Mapping[Key, list[datetime]] | None = None,
    ) -> None:
        entries = self.place.discovr.entries()
        completed = shown(self.place.account, entries).surely
        times = self.readable() if times is None else times
        for key in times.keys() & keys:
            own = own_entry(key, entries)
            is_kept = (
                own
                and (own.progress or 0) < 80
                and to_minute(own.updated_at) > max(times[key])
            )
            is_gone = self.removed & {key, key._replace(episode=None)}
            assert key in completed or is_kept or is_gone, f"{key} is missing"

    def check_that_every_viewing_is_there(self) -> None:
        """Each by its minute, where every one counts and has an entry of its own.

        What the person did to a key cannot be told from what we did where repeats are
        merged.
        """
        discovr = self.place.discovr
        if self.mode != ("off", "all"):
            return
        there = {*discovr.appended, *discovr.theirs}
        seasons = {e.key.place for e in discovr.entries() if e.key.episode is None}
        for key, times in self.readable().items():
            is_told = discovr.quirks.repeats == "listed" or key not in self.touched
            is_covered = key.season is not None and key.place in seasons
            is_touched = self.removed & {key, key._replace(episode=None)}
            if is_touched:
                continue
            if is_told and self.marks.get(key, True) and not is_covered:
                lost = {Viewing(key, to_minute(at)) for at in times} - there
                assert not lost

    def check_that_nothing_is_stale(self) -> None:
        entries = self.place.discovr.entries()
        if self.odd:
            return  # a record that cannot be read may be about any of them
        for key in self.stale - self.marks.keys() - self.elsewhere - self.adrift:
            repeats = [entry for entry in entries if entry.key == key]
            is_ours = [(e.imported, e.count) for e in repeats] == [("trakt", 1)]
            assert not is_ours or repeats[0].progress == 0, f"{key} is stale"
        self.stale.clear()


def told_apart(entries: Iterable[Entry | StoredEntry]) -> Counter[Any]:
    """Count the entries of each key and minute."""
    return Counter((e.key, e.updated_at and to_minute(e.updated_at)) for e in entries)


def shown_of(account: Account, entries: Iterable[Entry]) -> Shown:
    """Read a copy as a client would read the profile."""
    return shown(account, entries)  # type: ignore[arg-type]  # it has all that counts


def account_with_twins() -> tuple[Account, list[Own]]:
    """Build one with titles that share a TMDB id; TMDB has one show of that number.

    It is the last of them, with all episodes: no client reads of others.
    """
    account, own = mixed_account()
    account.titles[:0] = [
        twin_of(film(51), "Film 1", 101),
        twin_of(show(52, 2), "Show 1", 201),
    ]
    return account, own


def twin_of(title: CatalogueTitle, name: str, tmdb: int) -> CatalogueTitle:
    ids = replace(title.ids, tmdb=tmdb)
    return replace(title, name=f"Twin of {name}", ids=ids)


def write_file(account: Account, path: Path, at: datetime, *, owner: str) -> None:
    """Write a download made then, that says whose it is or does not."""
    account.stamps = Stamps.all_at(at)
    write_export(account, path)
    (path / "user-settings.json").unlink()
    profile = path / "user-profile.json"
    profile.write_text(json.dumps({"username": owner})) if owner else profile.unlink()


class Part(NamedTuple):
    """Some of the stories. Its number is their seed, save in the whole suite.

    There the seed is another one each time, and told where a law is broken.
    """

    number: int
    examples: int
    database: str

    def __str__(self) -> str:
        return f"{self.number}-{self.database}"


ALL_PARTS = [Part(number, *part) for number, part in enumerate(PARTS)]


@pytest.mark.parametrize("part", choose(*[ALL_PARTS] * 3), ids=str)
def test_all_laws_hold_after_every_step(
    part: Part, request: pytest.FixtureRequest
) -> None:
    server = find_server(part.database, request)
    machine = type(f"Safety{part.number}", (Safety,), {"server": server})
    number = part.number if asked is not Length.WHOLE else new_seed(request.config)
    try:
        run_state_machine_as_test(
            seed(number)(machine),
            settings=settings(
                max_examples=part.examples,
                stateful_step_count=STEPS,
                # To shorten a failing story takes minutes; it is short enough to read.
                phases=[HypothesisPhase.explicit, HypothesisPhase.generate],
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except BaseException as error:
        error.add_note(f"Once more: --long={asked.value} --hypothesis-seed={number}")
        raise


def new_seed(config: pytest.Config) -> int:
    """Return the seed that was asked for, else one of its own each time."""
    wanted = config.getoption("--hypothesis-seed")
    return int(wanted) if wanted else secrets.randbits(32)
