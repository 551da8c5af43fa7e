"""The ledger against plain dicts: whatever is called, both say the same."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sync.domain.plan import Action, Cover, Operation
from sync.domain.plays import Key
from sync.ledger import Before, Ledger, Outcome, Row, Run
from tests.ledger_suite.factories import later

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from datetime import datetime

T = TypeVar("T")
PROFILES = ("p-1", "Ünïcode \U0001f3ac")

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
numbers = st.integers(0, 3) | st.integers(0, 2**63 - 1)
instants = st.datetimes(timezones=st.just(UTC))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=5,
)
operations = st.builds(
    Operation,
    action=st.sampled_from(Action),
    key=st.builds(
        Key,
        st.sampled_from(["TV_1", "MV_1"]) | texts,
        st.none() | numbers,
        st.none() | numbers,
    ),
    watched_at=instants,
    progress=st.integers(0, 100),
    covers=st.lists(st.builds(Cover, numbers, instants), max_size=3).map(tuple),
    reason=texts,
)


class LedgerMachine(RuleBasedStateMachine):
    """Each rule does the same to both; the clock moves on by a second each time."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.url = f"sqlite:///{Path(self.folder.name) / 'state.db'}"
        self.ledger = self.do(Ledger.open(self.url))
        self.seconds = 0
        self.runs: dict[int, Run] = {}
        self.rows: dict[tuple[int, str], Row] = {}
        self.facts: dict[str, dict[str, Any]] = {profile: {} for profile in PROFILES}

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def tick(self) -> datetime:
        self.seconds += 1
        return later(self.seconds)

    def teardown(self) -> None:
        self.do(self.ledger.close())
        self.runner.close()
        self.folder.cleanup()

    def draw_rows(self, data: st.DataObject) -> tuple[int, list[Row]]:
        """Choose a run and some of its rows."""
        run = data.draw(st.sampled_from(sorted(self.runs)))
        mine = [row for (number, _), row in self.rows.items() if number == run]
        chosen = st.lists(st.sampled_from(mine), unique=True) if mine else st.just([])
        return run, data.draw(chosen)

    @initialize()
    def start_first_runs(self) -> None:
        for profile in PROFILES:
            self.start_run(profile, "migrate")

    @rule(profile=st.sampled_from(PROFILES), command=texts)
    def start_run(self, profile: str, command: str) -> None:
        at = self.tick()
        number = self.do(self.ledger.start_run(profile, command, at))
        assert number > max(self.runs, default=0)
        self.runs[number] = Run(number, profile, command, at, None, None, {})

    @rule(data=st.data(), outcome=texts, summary=st.dictionaries(texts, values))
    def finish_run(
        self, data: st.DataObject, outcome: str, summary: dict[str, Any]
    ) -> None:
        number, at = data.draw(st.sampled_from(sorted(self.runs))), self.tick()
        self.do(self.ledger.finish_run(number, at, outcome, summary))
        self.runs[number] = replace(
            self.runs[number], finished_at=at, outcome=outcome, summary=summary
        )

    @rule(
        data=st.data(),
        new=st.lists(operations),
        before=st.builds(Before, st.floats(0, 100), instants),
    )
    def intend(
        self, data: st.DataObject, new: Sequence[Operation], before: Before
    ) -> None:
        (run, again), at = self.draw_rows(data), self.tick()
        group = [*new, *(row.operation for row in again)]
        stood = {o.id: before for o in new[::2]}
        self.do(self.ledger.intend(run, group, at, stood))
        for operation in group:
            fresh = Row(
                run=run,
                profile=self.runs[run].profile,
                operation=operation,
                outcome=Outcome.PENDING,
                intended_at=at,
                before_progress=stood.get(operation.id, Before()).progress,
                before_at=stood.get(operation.id, Before()).at,
            )
            row = self.rows.setdefault((run, operation.id), fresh)
            if row.outcome is Outcome.REJECTED:
                row = replace(
                    row,
                    outcome=Outcome.PENDING,
                    detail="",
                    intended_at=at,
                    settled_at=None,
                )
            self.rows[run, operation.id] = row

    @rule(data=st.data(), outcome=st.sampled_from(Outcome), detail=texts)
    def settle(self, data: st.DataObject, outcome: Outcome, detail: str) -> None:
        (run, rows), at = self.draw_rows(data), self.tick()
        outcomes = [(row.operation.id, outcome, detail) for row in rows]
        self.do(self.ledger.settle(run, outcomes, at))
        for row in rows:
            self.rows[run, row.operation.id] = replace(
                row, outcome=outcome, detail=detail, settled_at=at
            )

    @rule(data=st.data())
    def mark_undone(self, data: st.DataObject) -> None:
        (run, rows), at = self.draw_rows(data), self.tick()
        ids = [row.operation.id for row in rows]
        self.do(self.ledger.mark_undone(run, ids, at))
        for row in rows:
            self.rows[run, row.operation.id] = replace(row, undone_at=at)

    @rule(profile=st.sampled_from(PROFILES), facts=st.dictionaries(texts, values))
    def put_facts(self, profile: str, facts: dict[str, Any]) -> None:
        self.do(self.ledger.put_facts(profile, facts, self.tick()))
        self.facts[profile] |= facts

    @rule(profile=st.sampled_from(PROFILES), data=st.data())
    def delete_fact(self, profile: str, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([*self.facts[profile], "not there"]))
        self.do(self.ledger.delete_fact(profile, name))
        self.facts[profile].pop(name, None)

    @rule()
    def reopen(self) -> None:
        self.do(self.ledger.close())
        self.ledger = self.do(Ledger.open(self.url))

    @invariant()
    def both_say_the_same(self) -> None:
        for profile in PROFILES:
            mine = [row for row in self.rows.values() if row.profile == profile]
            mine.sort(key=lambda row: row.intended_at)
            found = self.do(self.ledger.rows(profile))
            assert sorted(found, key=repr) == sorted(mine, key=repr)
            assert [row.intended_at for row in found] == [r.intended_at for r in mine]
            is_open = {Outcome.PENDING, Outcome.UNKNOWN}
            unsettled = [row for row in found if row.outcome in is_open]
            assert self.do(self.ledger.unsettled(profile)) == unsettled
            assert self.do(self.ledger.get_facts(profile)) == self.facts[profile]
            runs = [run for run in self.runs.values() if run.profile == profile]
            assert self.do(self.ledger.runs(profile, 1000)) == runs[::-1]


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=8, stateful_step_count=12)
