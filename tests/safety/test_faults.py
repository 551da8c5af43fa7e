"""30 % of the answers go wrong, on every Discovr that there may be."""

from __future__ import annotations

from dataclasses import asdict
from itertools import count, product
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from connectors.errors import TransientError
from sync.errors import IncompleteReadError
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.faults import FaultKind, seeded_faults
from tests.long import choose
from tests.safety.accounts import mixed_account
from tests.safety.arena import Arena, arena
from tests.safety.calm import calm
from tests.safety.databases import spread
from tests.safety.faults import MIX, SHARE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import PostgresServer

#: Runs may end with an error; so many in a row may not.
MOST_RUNS = 10
HISTORIES = [
    {"collapse": collapse, "plays": plays}
    for collapse, plays in product(("clean", "off", "fewest"), ("latest", "all"))
]


class Case(NamedTuple):
    """One seeded run."""

    seed: int
    quirks: DiscovrQuirks
    history: dict[str, str]
    spoils_trakt: bool

    def __str__(self) -> str:
        switches = "-".join(str(value) for value in _switches(self.quirks).values())
        history = "-".join(self.history.values())
        return f"{self.seed}-{switches}-{history}{'-trakt' * self.spoils_trakt}"


def _switches(quirks: DiscovrQuirks) -> dict[str, Any]:
    names = ("repeats", "precision", "patch_moves_time", "patch_drops_label")
    return {n: asdict(quirks)[n] for n in (*names, "order", "error_body")}


def _cases() -> list[Case]:
    seeds = count(1)
    return [
        Case(seed, quirks, HISTORIES[seed % len(HISTORIES)], seed % 4 == 0)
        for _ in range(2)
        for quirks in DiscovrQuirks.combinations()
        for seed in [next(seeds)]
    ]


CASES = _cases()
#: What CI runs after the README's command.
PART = CASES[::19]
CHOSEN = choose(CASES[::57], PART, CASES)


@pytest.mark.parametrize(("case", "database"), spread(CHOSEN))
async def test_nothing_is_lost_and_nothing_is_there_twice(
    case: Case, tmp_path: Path, server: PostgresServer | None
) -> None:
    expected = await calm(tmp_path / "calm", case.history, case.quirks, 3)
    account, own = mixed_account(3)
    async with arena(
        account,
        tmp_path,
        own=own,
        discovr=case.quirks,
        history=case.history,
        server=server,
    ) as place:
        place.discovr.faults = seeded_faults(case.seed, SHARE, mix=MIX)
        if case.spoils_trakt:
            place.trakt.faults = seeded_faults(-case.seed, SHARE, mix=MIX)
        await _run_until_done(place)
        place.discovr.faults = place.trakt.faults = None
        assert place.discovr.doubled() == {}
        assert place.marks() == expected.marks
        assert set(place.discovr.appended) == expected.appended
        assert await place.operations() == ()


async def _run_until_done(place: Arena) -> None:
    for _ in range(MOST_RUNS):
        try:
            report = await place.migrate()
        except (TransientError, IncompleteReadError):
            continue
        finally:
            await place.discovr.settle()
        assert report.balance()[0].is_even
        if report.is_complete:
            return
    pytest.fail(f"not complete after {MOST_RUNS} runs")


def test_the_whole_suite_has_every_combination_and_two_hundred_runs() -> None:
    assert len(CASES) >= 200
    assert {case.quirks for case in CASES} == set(DiscovrQuirks.combinations())


def test_the_part_that_ci_runs_has_every_value_of_every_switch() -> None:
    for name in _switches(DiscovrQuirks()):
        everywhere = {_switches(case.quirks)[name] for case in CASES}
        assert {_switches(case.quirks)[name] for case in PART} == everywhere
    assert {tuple(c.history.values()) for c in PART} == {
        tuple(history.values()) for history in HISTORIES
    }
    assert any(case.spoils_trakt for case in PART)


def test_the_part_that_ci_runs_meets_every_fault() -> None:
    met = {
        fault
        for case in PART
        for number in range(40)
        # What is asked for makes no difference to the draw.
        if (fault := seeded_faults(case.seed, SHARE, mix=MIX)(None, number))  # type: ignore[arg-type]  # see above
    }
    assert met == set(MIX)
    assert {fault.kind for fault in met} == set(FaultKind)
