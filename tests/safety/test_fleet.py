"""Workers killed, frozen and cut off at random moments.

At the end everything is in every profile, and nothing is there twice.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import pytest
from click.testing import CliRunner

from connectors.errors import TransientError
from sync.domain.plays import UNKNOWN_DATE, Key
from sync.fleet import demo as demonstration
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.history import StoredEntry
from tests.clocks import FakeClock
from tests.long import pick
from tests.safety import chaos as chaotic
from tests.safety import crowd as crowded
from tests.safety import people as peopled
from tests.safety.chaos import Chaos, Judged, judge
from tests.safety.crowd import Crowd, Piece, TerseDiscovr, pieces_of, use_of
from tests.safety.people import Sources, sizes_of
from tests.safety.reading import watched

if TYPE_CHECKING:
    from pathlib import Path

    from sync.sandbox.account.account import Account


def _entries(account: Account) -> list[StoredEntry]:
    return [
        StoredEntry(number, "p", key, max(times), max(times), 100.0)
        for number, (key, times) in enumerate(watched(account).items())
    ]


def test_the_judge_says_no() -> None:
    account = synthetic_account(20, shows=2)
    entries = _entries(account)
    assert judge(account, entries) == Judged()
    assert judge(account, entries[1:]) == Judged(lost=1)
    assert judge(account, [*entries, entries[0]]) == Judged(twice=1)
    other = replace(entries[0], key=Key("MV_999999"))
    assert judge(account, [*entries, other]) == Judged(too_much=1, wrong_time=1)


def test_the_judge_looks_at_times() -> None:
    account = synthetic_account(20, shows=2)
    first, *others = _entries(account)

    def at(moment: datetime) -> list[StoredEntry]:
        return [replace(first, updated_at=moment), *others]

    cut = first.updated_at.replace(second=0, microsecond=0)
    assert judge(account, at(cut)) == Judged()
    later = first.updated_at + timedelta(minutes=1)
    assert judge(account, at(later)) == Judged(wrong_time=1)
    assert judge(account, at(UNKNOWN_DATE)) == Judged(wrong_time=1)


def test_the_judge_knows_an_earlier_viewing_and_one_without_a_date() -> None:
    account = synthetic_account(20, shows=2)
    first, *others = _entries(account)
    play = next(p for p in account.plays if p.watched_at == first.updated_at)
    episode = play.episode
    numbers: dict[str, Any] = (
        {"season": episode.season, "number": episode.number} if episode else {}
    )
    account.add_play(play.title, datetime(2026, 11, 1, tzinfo=UTC), **numbers)
    assert judge(account, [first, *others]) == Judged()
    account.add_play(play.title, None, **numbers)
    undated = replace(first, updated_at=UNKNOWN_DATE)
    assert judge(account, [undated, *others]) == Judged()


def test_the_judge_takes_for_a_default_any_time_of_its_season() -> None:
    account = synthetic_account(60, shows=1)
    entries = _entries(account)
    season = [e for e in entries if (e.key.season, e.key.media[:2]) == (1, "TV")]
    assert len(season) == 10
    rest = [e for e in entries if e not in season]
    key = season[0].key._replace(episode=None)
    default = replace(season[0], key=key, updated_at=season[4].updated_at)
    assert judge(account, [*rest, default]) == Judged()
    off = replace(default, updated_at=default.updated_at + timedelta(days=1))
    assert judge(account, [*rest, off]) == Judged(wrong_time=1)


def test_the_use_of_the_limit_counts_only_time_in_which_there_was_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demonstration, "RATE", 10.0)
    seen = [n / 10 for n in range(300)]
    looks = [(at / 2, at != 25) for at in range(62)]
    pieces = pieces_of(seen, looks, [(21.0, 23.5)], 0.0)
    assert pieces == [Piece(100, 0.0), Piece(100, 2.5)]
    assert use_of(pieces, is_away_left_out=False) == 1.0
    assert use_of(pieces, is_away_left_out=True) == 200 / 175
    assert pieces_of(seen, [], [], 0.0) == []


async def _breaks_off(*_: object) -> None:
    raise TransientError("It did not end.", remedy="None.")


async def test_what_breaks_off_is_judged_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demonstration.Demo, "_until_in_step", _breaks_off)
    crowd = Crowd(tmp_path, [50], lambda _: None, seed=1)
    crowd.trouble(seed=1, times=0)
    fleet: Any = SimpleNamespace(clock=FakeClock())
    await crowd._until_in_step(fleet)
    titles = crowd.account.titles
    async with TerseDiscovr(catalogue=titles, profiles=crowd.names) as discovr:
        await crowd._prove(fleet, discovr)
    broken, *others = crowd.wrong()
    assert "It did not end." in broken
    assert others == ["profiles that are not whole, or hold what they should not"]


def test_a_result_is_kept_whatever_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demonstration, "RATE", demonstration.RATE)
    monkeypatch.setattr(crowded, "_spare_pauses", lambda: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(Crowd, "run", _breaks_off)
    ran = CliRunner().invoke(crowded.main, ["--people", "1", "--most", "50"])
    assert ran.exit_code == 1
    (kept,) = tmp_path.glob("thousand-*/result.json")
    told = json.loads(kept.read_text("utf-8"))
    assert "It did not end." in told["error"][0]
    assert told["wrong"] == [f"it broke off: {told['error'][0]}", "it was not judged"]
    assert "Traceback" in ran.stderr


async def test_a_request_is_remembered_by_four_words(tmp_path: Path) -> None:
    async with TerseDiscovr() as discovr, aiohttp.ClientSession() as session:
        url = f"{discovr.url}/profile/history?limit=1"
        async with session.post(url, json={"a": 1}) as response:
            status = response.status
    (seen,) = discovr.seen
    assert (seen.method, seen.path) == ("POST", "/profile/history")
    assert seen.status == status
    assert (seen.query, seen.headers, seen.body) == ({}, {}, None)


async def test_a_worker_that_does_not_heed_is_killed_and_counts_as_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chaotic, "_LONGEST_END_S", 0.05)
    chaos = Chaos(tmp_path, [], lambda _: None)
    chaos.trouble(seed=1, times=1, first=["term"])
    monkeypatch.setattr(chaos, "_chance", SimpleNamespace(random=lambda: 0.0, **_FIRST))
    monkeypatch.setattr(chaos, "_hire", _nothing)
    ignoring = "import signal; signal.signal(15, 1); print(1, flush=True); input()"
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ignoring),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert worker.stdout is not None
    await worker.stdout.readline()
    chaos.workers.append(worker)
    await chaos.disturb(cast("Any", None))
    assert worker.returncode == -9
    assert chaos.unwilling == 1
    assert chaos.happened == []


_FIRST = {"choice": lambda of: of[0], "choices": lambda of, _: of[:1]}


async def _nothing() -> None:
    pass


@pytest.mark.parametrize("code", ["", "input()"])
async def test_who_serves_the_sources_and_does_not_answer_is_told(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peopled, "_ANSWERS_WITHIN_S", 1.0 if code else 60.0)
    asked = f"{code}; import signal; signal.pause()" if code else code
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", asked),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    sources = Sources(process)
    with pytest.raises(TransientError, match="has ended, or does not answer"):
        await sources.ask({})
    await sources.end()
    assert process.returncode == (-9 if code else 0)


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
    assert chaos.unwilling == 0
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
    assert crowd.errors == []
    assert crowd.happened
    assert crowd.faults == {}, (proof, crowd.happened)
    assert proof.is_good
    assert proof.profiles == len(sizes)
