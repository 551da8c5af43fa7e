"""Workers killed, frozen and cut off at random moments.

At the end everything is in every profile, and nothing is there twice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sync.domain.plays import Key
from sync.fleet import demo as demonstration
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.history import StoredEntry
from tests.long import pick
from tests.safety.chaos import Chaos, Judged, judge
from tests.safety.crowd import Crowd
from tests.safety.people import sizes_of
from tests.safety.reading import watched

if TYPE_CHECKING:
    from pathlib import Path


def test_the_judge_says_no() -> None:
    account = synthetic_account(20, shows=2)
    entries = [
        StoredEntry(number, "p", key, max(times), max(times), 100.0)
        for number, (key, times) in enumerate(watched(account).items())
    ]
    assert judge(account, entries) == Judged()
    assert judge(account, entries[1:]) == Judged(lost=1)
    assert judge(account, [*entries, entries[0]]) == Judged(twice=1)
    other = replace(entries[0], key=Key("MV_999999"))
    assert judge(account, [*entries, other]) == Judged(too_much=1)


@pytest.mark.long
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("seed", range(pick(1, 0, 3)))
async def test_whatever_happens_to_workers_every_profile_is_whole(
    tmp_path: Path, seed: int
) -> None:
    profiles = pick(4, 4, 40)
    names = [f"Person {number:03}" for number in range(profiles)]
    account = synthetic_account(120, shows=6)
    chaos = Chaos(tmp_path, names, lambda _: None, account)
    chaos.trouble(seed, times=profiles, first=["restart", "kill"])
    proof = await chaos.run()
    assert chaos.happened[0] == "restart"
    assert chaos.faults == {}, (proof, chaos.happened)
    assert proof.whole == profiles
    assert proof.twice == 0
    assert proof.most_in_a_second <= 1.1 * demonstration.RATE


@pytest.mark.long
@pytest.mark.timeout(3_000)
async def test_people_of_all_sizes_are_brought_over_and_kept_in_step(
    tmp_path: Path,
) -> None:
    sizes = sizes_of(pick(2, 3, 12), most=400, seed=1)
    crowd = Crowd(tmp_path, sizes, lambda _: None, seed=1)
    crowd.trouble(seed=1, times=pick(1, 1, 6))
    proof = await crowd.run()
    assert crowd.happened
    assert crowd.faults == {}, (proof, crowd.happened)
    assert proof.is_good
    assert proof.profiles == len(sizes)
