"""Trakt's paging faults: the read ends whole, or says that it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import BlockedError, ConfigError, ServiceError
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.server.faults import Fault
from sync.sandbox.server.server import utc_now
from sync.sandbox.trakt.quirks import TraktQuirks
from tests.clocks import FakeClock
from tests.worlds import World, world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiohttp import web

    from sync.ports import Extraction
    from sync.sandbox.account.account import Account

PLAYS = 1_200


async def extract(
    folder: Path, plays: int = PLAYS, **quirks: Any
) -> tuple[Extraction, World]:
    account = synthetic_account(plays, 10, seed=3)
    # As right as Trakt's: without any stamp nothing else tells which of them is wrong.
    clock = FakeClock(utc_now())
    async with world(
        account, folder, trakt=TraktQuirks(**quirks), clock=clock
    ) as place:
        return await place.extract(), place


def ids(extraction: Extraction) -> set[int | None]:
    return {play.id for play in extraction.plays}


def is_whole_for(extraction: Extraction, account: Account) -> bool:
    expected = {play.id for play in account.plays}
    found = [play.id for play in extraction.plays]
    return set(found) == expected and len(found) == len(expected)


@pytest.mark.parametrize("plays", [0, 1, 249, 250, 251, 1000, 1_001])
async def test_every_play_is_read_once_and_proved(tmp_path: Path, plays: int) -> None:
    extraction, place = await extract(tmp_path, plays)
    assert is_whole_for(extraction, place.account)
    assert extraction.receipt.is_whole
    assert extraction.receipt.walks == 1


@pytest.mark.parametrize("plays", [1_000, 1_001])
async def test_a_migration_reads_no_more_than_the_budget(
    tmp_path: Path, plays: int
) -> None:
    extraction, place = await extract(tmp_path, plays)
    assert len(place.trakt.seen) == extraction.receipt.requests
    assert extraction.receipt.requests <= 5 + -(-plays // 250)


@pytest.mark.parametrize(
    "quirks",
    [
        {"page_count_delta": -2},
        {"page_count_delta": 3},
        {"stale_page_echo": True},
        {"repeats_across_pages": 5},
        {"unstable_ties": True},
        {"exclusive_bounds": True},
        {"no_pagination_headers": True},
        {"empty_pages": frozenset({2}), "page_faults_recur": False},
        {"short_pages": frozenset({1, 3}), "page_faults_recur": False},
        {"minimal_limit": 100},
        {"activities": "sparse"},
        {"activities": "null"},
        {"missing_ids": "absent"},
        {"missing_ids": "zero"},
        {"missing_ids": "empty"},
    ],
    ids=str,
)
async def test_a_paging_fault_that_can_be_mended_ends_whole(
    tmp_path: Path, quirks: dict[str, Any]
) -> None:
    extraction, place = await extract(tmp_path, **quirks)
    assert is_whole_for(extraction, place.account)
    assert extraction.receipt.is_whole


async def test_a_page_that_is_always_empty_is_found_by_another_page_size(
    tmp_path: Path,
) -> None:
    extraction, place = await extract(tmp_path, empty_pages=frozenset({2}))
    assert extraction.receipt.walks > 1
    assert is_whole_for(extraction, place.account) is extraction.receipt.is_whole


@pytest.mark.parametrize("drops_from_minimal", [True, False])
async def test_titles_that_trakt_drops_are_missed_only_if_trakt_counts_them(
    tmp_path: Path, *, drops_from_minimal: bool
) -> None:
    account = synthetic_account(PLAYS, 10, seed=3)
    dropped = frozenset(play.id for play in account.plays[10:13])
    extraction, _ = await extract(
        tmp_path,
        dropped_after_slicing=dropped,
        drops_from_minimal=drops_from_minimal,
    )
    assert len(extraction.plays) == PLAYS - 3
    assert extraction.receipt.is_whole is drops_from_minimal
    if not drops_from_minimal:
        named = " ".join(extraction.receipt.missing)
        assert account.plays[10].title.name in named


async def test_a_play_added_meanwhile_is_read_by_a_new_walk(tmp_path: Path) -> None:
    def add(account: Account) -> None:
        film = next(t for t in account.titles if t.kind == "film")
        account.add_play(film, account.plays[0].watched_at)

    extraction, place = await extract(tmp_path, mid_walk=((2, add),))
    assert is_whole_for(extraction, place.account)
    assert extraction.receipt.is_whole


async def test_a_play_removed_meanwhile_hides_no_other(tmp_path: Path) -> None:
    def remove(account: Account) -> None:
        account.remove_play(account.plays[-1].id)

    extraction, place = await extract(tmp_path, mid_walk=((2, remove),))
    assert is_whole_for(extraction, place.account)
    assert extraction.receipt.is_whole


async def test_an_account_that_never_rests_is_not_called_whole(tmp_path: Path) -> None:
    def remove(account: Account) -> None:
        account.remove_play(account.plays[-1].id)

    changes = tuple((number, remove) for number in range(1, 60, 2))
    extraction, place = await extract(tmp_path, mid_walk=changes)
    assert not extraction.receipt.is_whole
    assert "kept changing" in extraction.receipt.doubts[0]
    # The stamps are read before the first state, and after each of them.
    asked = [seen.path for seen in place.trakt.seen]
    assert asked.count("/sync/last_activities") == 1 + 3


@pytest.mark.parametrize(("states", "is_whole"), [(1, True), (2, True), (3, False)])
async def test_an_account_that_rests_by_the_third_state_is_whole(
    tmp_path: Path, states: int, *, is_whole: bool
) -> None:
    def remove(account: Account) -> None:
        account.remove_play(account.plays[-1].id)

    # Each state takes a page for each 250 plays.
    pages = -(-PLAYS // 250)
    changes = tuple((2 + pages * number, remove) for number in range(states))
    extraction, place = await extract(tmp_path, mid_walk=changes)
    assert extraction.receipt.is_whole is is_whole
    assert is_whole_for(extraction, place.account) is is_whole


async def test_without_the_minimal_lists_nothing_is_proved(tmp_path: Path) -> None:
    extraction, place = await extract(tmp_path, minimal_unavailable=404)
    assert is_whole_for(extraction, place.account)
    assert not extraction.receipt.is_whole


FAULTS: dict[str, Callable[[web.Request], Fault]] = {
    "429 with Retry-After": lambda _: Fault.answer(429, retry_after=1),
    "429 without": lambda _: Fault.answer(429),
    "503": lambda _: Fault.answer(503),
    "502 in HTML": lambda _: Fault.answer(502),
    "200 in HTML": lambda _: Fault.html(),
    "cut": lambda _: Fault.cut_before(),
    "short": lambda _: Fault.short_body(),
    "garbled": lambda _: Fault.garbled(),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_every_seventh_request_failing_changes_nothing(
    tmp_path: Path, name: str
) -> None:
    account = synthetic_account(2_000, 10, seed=3)
    async with world(account, tmp_path, clock=FakeClock()) as place:
        place.trakt.faults = lambda request, number: (
            FAULTS[name](request) if number % 7 == 0 else None
        )
        extraction = await place.extract()
    assert is_whole_for(extraction, account)
    assert extraction.receipt.is_whole


async def test_a_block_page_in_the_middle_of_a_walk_ends_it_by_name(
    tmp_path: Path,
) -> None:
    account = synthetic_account(2_000, 10, seed=3)
    async with world(account, tmp_path, clock=FakeClock()) as place:
        place.trakt.faults = lambda _request, number: (
            Fault.cloudflare() if number == 6 else None
        )
        with pytest.raises(BlockedError, match="Cloudflare"):
            await place.extract()


@pytest.mark.parametrize(
    ("quirk", "kind", "words"),
    [
        ("gone_client_id", ConfigError, "client id"),
        ("cloudflare_block", BlockedError, "Cloudflare"),
        ("vip_wall", BlockedError, "VIP"),
        ("locked", BlockedError, "locked"),
    ],
)
async def test_a_wall_is_named_with_the_way_around_it(
    tmp_path: Path, quirk: str, kind: type[ServiceError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        await extract(tmp_path, **{quirk: True})
    assert "--from-file" in caught.value.remedy or quirk == "locked"


async def test_thirty_thousand_plays_at_120_ms_wait_less_than_3_s_on_120_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, clock = synthetic_account(30_000, 60, seed=3), FakeClock()
    async with world(account, tmp_path, clock=clock, concurrency=8) as place:
        place.trakt.latency_s = 0.120
        # The latency passes on the clock of the test: what counts is waiting alone.
        monkeypatch.setattr(place.trakt, "_pause", clock.sleep)
        extraction = await place.extract()
        pages = place.trakt.requests("GET", "/sync/history")
    assert is_whole_for(extraction, account)
    assert len(pages) == 120
    assert extraction.receipt.requests == 124
    assert clock.monotonic() < 3
