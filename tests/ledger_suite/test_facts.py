from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sync.ledger import CachedShow
from tests.ledger_suite.factories import AT, PROFILE, later

if TYPE_CHECKING:
    from sync.ledger import Ledger


async def test_facts_come_back_as_they_were(ledger: Ledger) -> None:
    facts = {
        "watermark": {"at": "2026-03-01T12:00:00Z", "plays": 2**63 - 1, "share": 0.1},
        "unmatched": [1, [2.5, None], {"deep": True}],
        "title": "nul \0, half \ud83c and whole \U0001f3ac",
        "id": -(2**63),
        "paid": False,
        "nothing": None,
    }
    await ledger.put_facts(PROFILE, facts, AT)
    assert await ledger.get_facts(PROFILE) == facts
    for name, value in facts.items():
        await ledger.put_fact(PROFILE, name, [value], AT)
        assert await ledger.get_fact(PROFILE, name) == [value]


async def test_a_fact_that_is_not_there_is_none(ledger: Ledger) -> None:
    assert await ledger.get_fact(PROFILE, "watermark") is None
    await ledger.delete_fact(PROFILE, "watermark")
    assert await ledger.get_facts(PROFILE) == {}


async def test_facts_are_replaced_forgotten_and_kept_apart_by_profile(
    ledger: Ledger,
) -> None:
    await ledger.put_facts(PROFILE, {"watermark": 1, "plays": 10}, AT)
    await ledger.put_fact("p-2", "watermark", 7, AT)
    await ledger.put_facts(PROFILE, {"watermark": 2}, later(1))
    await ledger.put_facts(PROFILE, {}, later(2))
    assert await ledger.get_facts(PROFILE) == {"watermark": 2, "plays": 10}
    await ledger.delete_fact(PROFILE, "watermark")
    assert await ledger.get_facts(PROFILE) == {"plays": 10}
    assert await ledger.get_facts("p-2") == {"watermark": 7}


async def test_of_many_facts_those_are_read_that_are_asked_for(
    ledger: Ledger,
) -> None:
    facts = {"a_c": 1, "abc": 2, "a_cd": 3, "%": 4}
    await ledger.put_facts(PROFILE, facts, AT)
    for names in ([], ["abc"], ["a_c", "%", "none"]):
        found = await ledger.get_facts(PROFILE, names)
        assert found == {name: facts[name] for name in names if name in facts}
    assert await ledger.get_facts(PROFILE, prefix="a_c") == {"a_c": 1, "a_cd": 3}
    assert await ledger.get_facts(PROFILE, prefix="%") == {"%": 4}
    assert await ledger.get_facts(PROFILE, ["a_c"], prefix="%") == {}


async def test_facts_of_one_call_are_kept_all_or_none(ledger: Ledger) -> None:
    with pytest.raises(Exception, match="not JSON serializable"):
        await ledger.put_facts(PROFILE, {"good": 1, "bad": object()}, AT)
    assert await ledger.get_facts(PROFILE) == {}


async def test_cached_shows_come_back_in_bulk_under_the_ids_asked_for(
    ledger: Ledger,
) -> None:
    shows = {
        number: CachedShow({"seasons": [number]}, AT, AT + timedelta(days=number))
        for number in range(2300)
    }
    await ledger.put_shows("trakt", shows)
    await ledger.put_shows("trakt", {})
    assert await ledger.get_shows("trakt", [*shows, 9999]) == shows
    assert await ledger.get_shows("trakt", ["3"]) == {"3": shows[3]}
    assert await ledger.get_shows("tmdb", [3]) == {}
    assert await ledger.get_shows("trakt", list[int]()) == {}


async def test_a_show_is_replaced_by_what_was_fetched_later(ledger: Ledger) -> None:
    await ledger.put_show("tmdb", "1396", ["old"], AT, later(60))
    await ledger.put_show("tmdb", 1396, ["new"], later(90), later(900))
    new = CachedShow(["new"], later(90), later(900))
    assert await ledger.get_shows("tmdb", [1396]) == {1396: new}


async def test_runs_come_newest_first_and_keep_their_summary(ledger: Ledger) -> None:
    first = await ledger.start_run(PROFILE, "migrate", AT)
    second = await ledger.start_run(PROFILE, "sync", later(1))
    await ledger.start_run("p-2", "sync", later(1))
    await ledger.finish_run(first, later(2), "done", {"written": 5, "kept": [1]})
    newest, oldest = await ledger.runs(PROFILE)
    assert (newest.id, newest.finished_at, newest.outcome) == (second, None, None)
    assert (oldest.finished_at, oldest.outcome) == (later(2), "done")
    assert oldest.summary == {"written": 5, "kept": [1]}
    assert (oldest.command, oldest.started_at) == ("migrate", AT)
    assert await ledger.runs(PROFILE, limit=1) == [newest]
    assert await ledger.find_run(PROFILE, first) == oldest
    assert await ledger.find_run("p-2", first) is None


async def test_runs_are_told_apart_by_their_command(ledger: Ledger) -> None:
    commands = ["apply", "migrate", *["restore"] * 25, "apply"]
    runs = [await ledger.start_run(PROFILE, name, AT) for name in commands]
    assert [run.id for run in await ledger.runs(PROFILE)] == runs[::-1]
    assert await ledger.runs(PROFILE, commands=["undo", "status"]) == []
    found = await ledger.runs(PROFILE, commands=["apply", "migrate"])
    assert [run.id for run in found] == [runs[-1], runs[1], runs[0]]
    assert await ledger.runs(PROFILE, limit=1, commands=["migrate"]) == [found[1]]
