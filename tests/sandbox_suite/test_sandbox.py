"""The whole sandbox, and what of it outlives the process."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import aiohttp

from sync.domain.plays import Key
from sync.sandbox import Account, DiscovrStandIn, Sandbox, sample_account
from sync.sandbox.server.journal import Journal
from tests.standins import Caller, calling_discovr, hand_clock

if TYPE_CHECKING:
    from pathlib import Path


async def test_its_config_opens_all_three_services() -> None:
    async with Sandbox() as sandbox, aiohttp.ClientSession() as session:
        config = sandbox.config()
        trakt, discovr, tmdb = (config[name] for name in ("trakt", "discovr", "tmdb"))
        call = Caller(sandbox.trakt, session, {"User-Agent": "test/1"})
        call.headers |= {
            "Content-Type": "application/json",
            "trakt-api-version": "2",
            "trakt-api-key": trakt["client_id"],
            "Authorization": f"Bearer {trakt['access_token']}",
        }
        assert (await call.get("/sync/last_activities")).status == 200
        call = Caller(sandbox.discovr, session)
        call.headers["Authorization"] = f"Bearer {discovr['refresh_token']}"
        profiles = (await call.get("/profiles")).json["profiles"]
        assert discovr["profile"] in [profile["name"] for profile in profiles]
        assert len(profiles) == 2
        call = Caller(sandbox.tmdb, session)
        answer = await call.get("/3/tv/1396", api_key=tmdb["api_key"])
        assert answer.status == 200
        for section in config.values():
            assert section["api_url"].startswith("http://127.0.0.1:")
    assert trakt["client_secret"] not in repr(sandbox.trakt.seen)


async def test_the_sample_person_has_entries_and_the_users_own_account_none() -> None:
    async with Sandbox() as sample, Sandbox(Account(sample_account().titles)) as own:
        assert len(sample.discovr.entries()) == 5
        assert own.discovr.entries() == []


async def test_what_was_written_is_there_in_the_next_process(tmp_path: Path) -> None:
    store = tmp_path / "state"
    async with Sandbox(store_dir=store) as first:
        first.discovr.person_sets(Key("MV_329865"), 20)
        first.discovr.person_removes(Key("MV_1091"))
        before = first.discovr.entries()
    async with Sandbox(store_dir=store) as second:
        assert second.discovr.entries() == before
        assert len(before) == 4
        second.discovr.person_adds(Key("MV_1"))
        numbers = [entry.number for entry in second.discovr.entries()]
    assert len(numbers) == len(set(numbers)) == 5
    Sandbox.forget(store)
    async with Sandbox(store_dir=store) as third:
        assert [e.key for e in third.discovr.entries()][-1] == Key("MV_1091")


async def test_everything_on_discovr_comes_back_from_the_journal(
    tmp_path: Path,
) -> None:
    path = tmp_path / "discovr.jsonl"
    clock = hand_clock()
    service = DiscovrStandIn(store_path=path, now=clock.now)
    async with calling_discovr(service) as call:
        body = {"mediaId": "TV_1396", "season": 1, "episode": 2, "imported": "trakt"}
        await call("POST", "/profile/history", body)
        await call("PATCH", "/profile/history/TV_1396?season=1", {"progress": 3.5})
        await call("POST", "/profile/playback", {"mediaId": "MV_550", "progress": 9})
        page = (await call("POST", "/pages", {"name": "Mine"})).json
        session = call.headers["Authorization"]
        start = {"clientID": "x"}
        assert (await call("POST", "/auth/device-codes", start)).status == 400
    again = DiscovrStandIn(store_path=path, now=clock.now)
    assert again.entries() == service.entries()
    assert again.playback() == service.playback()
    assert again.profiles == service.profiles
    assert (service.is_new, again.is_new) == (True, False)
    async with calling_discovr(again) as call:
        call.headers["Authorization"] = session
        assert (await call.get(f"/pages/{page['id']}")).json["name"] == "Mine"


async def test_a_write_is_on_disk_before_it_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "discovr.jsonl"
    service = DiscovrStandIn(store_path=path, now=hand_clock().now)
    async with calling_discovr(service) as call:
        await call("POST", "/profile/history", {"mediaId": "MV_550"})
        records = Journal(path).read()
    assert records[-1]["row"]["key"] == ["MV_550", None, None]


def test_a_line_that_was_cut_short_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path).append({"a": "ü"})
    with path.open("ab") as file:
        file.write(b'{"b": ')
    journal = Journal(path)
    assert journal.read() == [{"a": "ü"}]
    journal.append({"c": 3})
    assert journal.read() == [{"a": "ü"}, {"c": 3}]


def test_the_stand_ins_need_nothing_but_aiohttp() -> None:
    code = (
        "import sys, sync.sandbox as s;"
        "print({'pydantic', 'sqlalchemy', 'click', 'rich'} & {*sys.modules})"
    )
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # a fixed text
    assert answer.stdout == "set()\n"
