"""Whom Trakt lets in, and how often."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from sync.sandbox import TraktQuirks, TraktStandIn, synthetic_account
from tests.standins import NOON, calling_trakt, hand_clock

if TYPE_CHECKING:
    from tests.clocks import FakeClock
    from tests.standins import Answer

PATH = "/sync/last_activities"


def standin(clock: FakeClock | None = None, **quirks: Any) -> TraktStandIn:
    now = (clock or hand_clock()).now
    return TraktStandIn(synthetic_account(3), quirks=TraktQuirks(**quirks), now=now)


def is_cloudflare(answer: Answer) -> bool:
    return "x-request-id" not in answer.headers and b"<html>" in answer.body


@pytest.mark.parametrize(
    ("header", "value", "status", "cloudflare"),
    [
        ("User-Agent", "", 403, True),
        ("User-Agent", "Python/3.11 aiohttp/3.14.5", 403, True),
        ("User-Agent", "python-requests/2.32", 403, True),
        ("User-Agent", "node", 403, True),
        ("User-Agent", "Mozilla/5.0 (Windows NT 6.1)", 403, True),
        ("User-Agent", "trakt2discovr/0.1", 200, False),
        ("Content-Type", "text/plain", 412, False),
        ("trakt-api-version", "1", 400, False),
        ("trakt-api-key", "nonsense", 403, False),
        ("Authorization", "Bearer nonsense", 401, False),
        ("Authorization", "", 401, False),
    ],
)
async def test_every_header_counts(
    header: str, value: str, status: int, cloudflare: bool
) -> None:
    async with calling_trakt(standin()) as call:
        call.headers[header] = value
        answer = await call.get(PATH)
    assert (answer.status, is_cloudflare(answer)) == (status, cloudflare)


@pytest.mark.parametrize(
    ("quirk", "status", "cloudflare"),
    [
        ("gone_client_id", 403, False),
        ("cloudflare_block", 403, True),
        ("vip_wall", 426, False),
        ("locked", 423, False),
        ("access_token_has_expired", 401, False),
    ],
)
async def test_an_account_can_be_turned_away(
    quirk: str, status: int, cloudflare: bool
) -> None:
    service = standin(None, **{quirk: True})
    async with calling_trakt(service) as call:
        answer = await call.get(PATH)
    assert (answer.status, is_cloudflare(answer)) == (status, cloudflare)
    assert ("X-Upgrade-URL" in answer.headers) is (quirk == "vip_wall")


async def test_an_answer_is_signed_and_tells_the_budget() -> None:
    clock = hand_clock()
    async with calling_trakt(standin(clock)) as call:
        first = await call.get(PATH)
        second = await call.get(PATH)
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert first.headers["x-runtime"]
    assert json.loads(second.headers["X-Ratelimit"]) == {
        "name": "AUTHED_API_GET_LIMIT",
        "period": 300,
        "limit": 500,
        "remaining": 498,
        "until": "2026-11-10T12:05:00.123Z",
    }


async def test_the_budget_is_for_a_window_and_comes_back_after_it() -> None:
    clock = hand_clock()
    async with calling_trakt(standin(clock, get_limit=2, get_period_s=30)) as call:
        statuses = [(await call.get(PATH)).status for _ in range(2)]
        clock.advance(10)
        refused = await call.get(PATH)
        clock.advance(20)
        statuses.append((await call.get(PATH)).status)
    assert statuses == [200, 200, 200]
    assert (refused.status, refused.headers["Retry-After"]) == (429, "20")
    assert json.loads(refused.headers["X-Ratelimit"])["remaining"] == 0


async def test_the_wait_can_be_a_date_or_be_left_out() -> None:
    clock = hand_clock()
    quirks: dict[str, Any] = {"get_limit": 0, "get_period_s": 30}
    async with calling_trakt(standin(clock, **quirks, retry_after="date")) as call:
        dated = await call.get(PATH)
    async with calling_trakt(standin(clock, **quirks, retry_after="none")) as call:
        silent = await call.get(PATH)
    wait = parsedate_to_datetime(dated.headers["Retry-After"]) - NOON
    assert 30 <= wait.total_seconds() < 31.5
    assert (silent.status, "Retry-After" in silent.headers) == (429, False)


async def test_cloudflare_can_be_the_one_that_says_429() -> None:
    async with calling_trakt(standin(get_limit=0, cloudflare_429=True)) as call:
        answer = await call.get(PATH)
    assert (answer.status, is_cloudflare(answer)) == (429, True)
    assert "X-Ratelimit" not in answer.headers


async def test_unknown_routes_and_methods_are_answered_as_such() -> None:
    async with calling_trakt(standin()) as call:
        assert (await call.get("/sync/nothing")).status == 404
        assert (await call("DELETE", PATH)).status == 405
