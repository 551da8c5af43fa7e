"""How the smaller lists of Trakt are read to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import (
    AuthError,
    BlockedError,
    ConfigError,
    ContractError,
    RejectedError,
    ServiceError,
    TransientError,
)
from connectors.http.client import HttpClient, RetryPolicy
from connectors.trakt.client import explain
from connectors.trakt.extras import ExtrasClient
from tests.loopback import CUT, Loopback, reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.clocks import FakeClock
    from tests.loopback import Reply


def point(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "progress": 12.5,
        "paused_at": "2026-10-02T19:30:00.000Z",
        "type": "movie",
        "movie": {"title": "A", "year": None, "ids": {"trakt": number, "tmdb": ""}},
    }


def page(numbers: Sequence[int], **headers: int) -> Reply:
    names = {name: f"X-Pagination-{name.replace('_', '-')}" for name in headers}
    said = {names[name]: str(value) for name, value in headers.items()}
    return reply(body=[point(number) for number in numbers], headers=said)


async def read(clock: FakeClock, *replies: Reply) -> tuple[list[int | None], int, int]:
    """Return the ids that were read, the records that were not, and the requests."""
    async with Loopback(list(replies)) as server:
        policy = RetryPolicy(attempts=2)
        async with HttpClient(
            "Trakt", server.url, clock=clock, retry=policy, explain=explain
        ) as http:
            items, bad = await ExtrasClient(http).playback()
        return [item.id for item in items], bad, len(server.received)


async def test_one_short_page_is_all(clock: FakeClock) -> None:
    assert await read(clock, page([1, 2], Page_Count=1)) == ([1, 2], 0, 1)


async def test_an_empty_list_takes_one_request(clock: FakeClock) -> None:
    assert await read(clock, page([], Page_Count=0)) == ([], 0, 1)


async def test_a_short_page_is_no_end_before_the_announced_count(
    clock: FakeClock,
) -> None:
    pages = [page([1], Page_Count=3), page([], Page_Count=3), page([2], Page_Count=3)]
    assert await read(clock, *pages) == ([1, 2], 0, 3)


async def test_an_announced_count_that_is_too_low_is_no_end(clock: FakeClock) -> None:
    full = page([1, 2], Page_Count=1, Limit=2)
    assert await read(clock, full, page([3], Limit=2)) == ([1, 2, 3], 0, 2)


async def test_a_service_that_does_not_page_is_read_once(clock: FakeClock) -> None:
    numbers = list(range(1, 301))
    assert await read(clock, page(numbers)) == (numbers, 0, 2)


async def test_a_record_that_does_not_fit_is_counted_and_the_others_go_on(
    clock: FakeClock,
) -> None:
    odd = {"id": 9, "progress": "half"}
    body = [point(1), odd, "nonsense", point(2)]
    assert await read(clock, reply(body=body)) == ([1, 2], 2, 1)


async def test_what_is_no_list_breaks_the_contract(clock: FakeClock) -> None:
    with pytest.raises(ContractError, match="no list"):
        await read(clock, reply(body={"error": "x"}))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(400), RejectedError),
        (reply(401), AuthError),
        (reply(403), BlockedError),
        (reply(403, headers={"x-request-id": "1"}), ConfigError),
        (reply(404), RejectedError),
        (reply(409), RejectedError),
        (reply(422), RejectedError),
        (reply(426), BlockedError),
        (reply(429), TransientError),
        (reply(500), TransientError),
        (reply(503), TransientError),
        (reply(body=b"<html>"), TransientError),
        (CUT, TransientError),
    ],
)
async def test_every_bad_answer_has_its_error(
    clock: FakeClock, answer: Reply, kind: type[ServiceError]
) -> None:
    with pytest.raises(kind):
        await read(clock, answer)


async def test_a_passing_fault_is_tried_again(clock: FakeClock) -> None:
    assert await read(clock, CUT, page([1], Page_Count=1)) == ([1], 0, 2)
