"""How often the funnel tries again, and how it waits."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import (
    AuthError,
    BlockedError,
    RateLimitedError,
    RejectedError,
    ServiceError,
    TransientError,
    UnknownOutcomeError,
)
from connectors.http.client import HttpClient, Response, RetryPolicy
from connectors.http.pacing import OpenPacer, RatePacer
from connectors.http.retry import retry_after_s
from tests.clocks import FakeClock
from tests.loopback import CUT, SILENCE, Loopback, Reply, reply

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HTML = b"<!doctype html><title>Just a moment</title>"
SHORT = 0.5


@pytest.mark.parametrize(
    "fault",
    [
        *(reply(status, HTML) for status in (408, 425, 429, 500, 502, 503, 504)),
        *(reply(status, HTML) for status in range(520, 525)),
        reply(200, HTML, headers={"Content-Type": "text/html"}),
        reply(200, b""),
        reply(200, b'[{"id": 1}, {"id'),
        reply(200, b"[1, 2", length=50, cuts=True),
        reply(200, b"[1, 2", length=50, stalls=True),
        reply(200, b"not gzip", headers={"Content-Encoding": "gzip"}),
        Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        Reply(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", cuts=True),
        CUT,
        SILENCE,
    ],
    ids=lambda fault: repr(fault.content[9:60]),
)
async def test_a_read_survives_a_passing_fault(fault: Reply, clock: FakeClock) -> None:
    limit_s = SHORT if fault.stalls else 30
    async with (
        Loopback([reply(), fault, fault, reply(200, [1])]) as server,
        HttpClient("Trakt", server.url, clock=clock, timeout_s=limit_s) as client,
    ):
        await client.request("GET", "/x")
        answer = await client.request("GET", "/x")
    assert answer.json() == [1]
    assert len(server.received) == client.stats.requests == 4
    assert client.stats.retries == 2


async def test_a_read_gives_up_after_its_attempts(clock: FakeClock) -> None:
    async with (
        Loopback([reply(503)]) as server,
        HttpClient("Trakt", server.url, clock=clock) as client,
    ):
        with pytest.raises(TransientError):
            await client.request("GET", "/x")
    assert len(server.received) == 6
    longest = [0.5, 1, 2, 4, 8]
    assert [
        most / 2 <= wait <= most
        for wait, most in zip(clock.slept, longest, strict=True)
    ] == [True] * 5
    assert client.stats.waits_s == pytest.approx(sum(clock.slept))


async def test_a_read_gives_up_when_its_time_is_over(clock: FakeClock) -> None:
    policy = RetryPolicy(attempts=99, total_s=10, wait_initial_s=4, wait_max_s=4)
    async with (
        Loopback([reply(503)]) as server,
        HttpClient("Trakt", server.url, clock=clock, retry=policy) as client,
    ):
        with pytest.raises(TransientError):
            await client.request("GET", "/x")
    assert clock.monotonic() < 10
    assert 3 <= len(server.received) <= 5


async def test_waiting_for_a_slot_does_not_use_up_the_time_for_retries(
    clock: FakeClock,
) -> None:
    pacer = RatePacer(0.01, clock=clock)
    policy = RetryPolicy(attempts=3, total_s=10)
    async with (
        Loopback([reply(503)]) as server,
        HttpClient("Trakt", server.url, clock=clock, pacer=pacer, retry=policy) as it,
    ):
        with pytest.raises(TransientError):
            await it.request("GET", "/x")
    assert len(server.received) == 3
    assert clock.monotonic() == pytest.approx(2 / (0.01 * RatePacer.SHARE))


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "asked",
    ["17", (NOW + timedelta(seconds=17)).strftime("%a, %d %b %Y %H:%M:%S GMT")],
)
async def test_what_the_service_asks_for_is_waited_in_full(
    status: int, method: str, asked: str
) -> None:
    clock = FakeClock(NOW)
    refusal = reply(status, HTML, headers={"Retry-After": asked})
    async with (
        Loopback([refusal, reply()]) as server,
        HttpClient("Trakt", server.url, clock=clock) as client,
    ):
        await client.request(method, "/x")
    assert clock.slept == [17]
    assert client.stats.rate_limited == 1


async def test_a_date_counts_from_the_date_of_the_answer(clock: FakeClock) -> None:
    headers = {
        "Retry-After": format_datetime(NOW + timedelta(seconds=40), usegmt=True),
        "Date": format_datetime(NOW, usegmt=True),
    }
    async with (
        Loopback([reply(429, headers=headers), reply()]) as server,
        HttpClient("Trakt", server.url, clock=clock) as client,
    ):
        await client.request("GET", "/x")
    assert clock.slept == [40]


async def test_one_refusal_holds_all_callers_back(clock: FakeClock) -> None:
    paused = asyncio.Event()
    pacer = OpenPacer(clock=clock, on_wait=lambda *_: paused.set())
    refusal = reply(429, headers={"Retry-After": "60"})
    async with (
        Loopback([refusal, reply()]) as server,
        HttpClient("Trakt", server.url, clock=clock, pacer=pacer) as one,
        HttpClient("Trakt", server.url, clock=clock, pacer=pacer) as another,
    ):
        first = asyncio.create_task(one.request("GET", "/refused"))
        await paused.wait()
        await another.request("GET", "/held-back")
        assert clock.monotonic() == 60
        await first
    assert server.asked == ["GET /refused", "GET /refused", "GET /held-back"]


async def test_without_a_time_to_wait_the_pauses_grow(clock: FakeClock) -> None:
    async with (
        Loopback([reply(429), reply(429), reply(429), reply()]) as server,
        HttpClient("Trakt", server.url, clock=clock) as client,
    ):
        await client.request("POST", "/x")
    assert clock.slept == sorted(clock.slept)
    assert len(clock.slept) == 3


async def test_who_asks_for_too_long_a_pause_ends_the_request_and_the_next_ones(
    clock: FakeClock,
) -> None:
    refusal = reply(429, headers={"Retry-After": "2852"})
    async with (
        Loopback([refusal, reply()]) as server,
        HttpClient("Trakt", server.url, clock=clock) as client,
    ):
        for left_s in (2852, 1852):
            with pytest.raises(RateLimitedError, match="minutes") as caught:
                await client.request("GET", "/x")
            assert caught.value.retry_after_s == left_s
            assert len(server.received) == 1
            clock.advance(1000)
        clock.advance(852)
        await client.request("GET", "/x")
    assert clock.slept == []


async def test_a_write_of_unknown_outcome_stays_unknown_however_long_the_pause(
    clock: FakeClock,
) -> None:
    fault = reply(502, headers={"Retry-After": "2852"})
    async with (
        Loopback([fault]) as server,
        HttpClient("Trakt", server.url, clock=clock) as client,
    ):
        with pytest.raises(UnknownOutcomeError):
            await client.request("POST", "/x")
        with pytest.raises(RateLimitedError):
            await client.request("GET", "/x")
    assert len(server.received) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_what_is_refused_for_good_is_not_tried_again(
    status: int, clock: FakeClock
) -> None:
    async with (
        Loopback([reply(status)]) as server,
        HttpClient("Trakt", server.url, clock=clock) as client,
    ):
        with pytest.raises((RejectedError, AuthError, BlockedError)):
            await client.request("GET", "/x")
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("status", "kind", "sent"),
    [
        (503, BlockedError, 1),
        (420, TransientError, 2),
        (403, RateLimitedError, 2),
    ],
)
async def test_the_class_of_the_explanation_decides(
    status: int, kind: type[ServiceError], sent: int, clock: FakeClock
) -> None:
    def explain(response: Response) -> ServiceError | None:
        return kind("Said better.", status=response.status)

    policy = RetryPolicy(attempts=2)
    async with (
        Loopback([reply(status)]) as server,
        HttpClient(
            "Trakt", server.url, clock=clock, explain=explain, retry=policy
        ) as client,
    ):
        with pytest.raises(kind, match="Said better"):
            await client.request("GET", "/x")
    assert len(server.received) == sent


class SlowLogin:
    """A login whose service is down."""

    def __init__(self) -> None:
        self.asked = 0

    async def headers(self) -> Mapping[str, str]:
        self.asked += 1
        raise TransientError("The login cannot be renewed now.")

    async def renew(self, rejected: Mapping[str, str], refusal: AuthError) -> None:
        """Never gets that far."""


async def test_a_login_that_fails_has_been_retried_already(clock: FakeClock) -> None:
    login = SlowLogin()
    async with (
        Loopback() as server,
        HttpClient("Trakt", server.url, clock=clock, auth=login) as client,
    ):
        with pytest.raises(TransientError):
            await client.request("GET", "/x")
    assert (login.asked, server.received) == (1, [])


async def test_only_waits_of_a_second_or_more_are_told(clock: FakeClock) -> None:
    told: list[tuple[str, float, str]] = []
    policy = RetryPolicy(attempts=3, wait_initial_s=0.9, wait_max_s=8)
    faults = [reply(503), reply(429, headers={"Retry-After": "9"}), reply(503)]
    async with (
        Loopback(faults) as server,
        HttpClient(
            "Trakt",
            server.url,
            clock=clock,
            retry=policy,
            on_wait=lambda *wait: told.append(wait),
        ) as client,
    ):
        with pytest.raises(TransientError):
            await client.request("GET", "/x")
    assert told == [("Trakt", 9, "the service asked for a pause")]


async def test_a_wait_before_a_retry_is_told_with_its_reason(clock: FakeClock) -> None:
    told: list[tuple[str, float, str]] = []
    policy = RetryPolicy(attempts=2, wait_initial_s=4)
    async with (
        Loopback([reply(503), reply()]) as server,
        HttpClient(
            "Trakt",
            server.url,
            clock=clock,
            retry=policy,
            on_wait=lambda *wait: told.append(wait),
        ) as client,
    ):
        await client.request("GET", "/x")
    [(service, seconds, reason)] = told
    assert (service, reason) == ("Trakt", "Trakt has trouble (status 503 for GET /x).")
    assert seconds >= 2


async def test_cancelling_is_clean_and_gives_the_slot_back(clock: FakeClock) -> None:
    pacer = RatePacer(5, clock=clock)
    async with (
        Loopback([SILENCE]) as server,
        HttpClient("Trakt", server.url, clock=clock, pacer=pacer) as client,
    ):
        request = asyncio.create_task(client.request("POST", "/x"))
        await server.is_asked.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert pacer._in_flight == 0
        server.replies = [reply()]
        await client.request("GET", "/x")
    assert client.stats.unknown == 0


@given(st.text(max_size=60) | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+"))
def test_no_retry_after_breaks_the_reading_of_it(value: str) -> None:
    asked_s = retry_after_s({"Retry-After": value}, NOW)
    assert asked_s is None or asked_s >= 0


@pytest.mark.parametrize(
    ("headers", "asked_s"),
    [
        ({}, None),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": " 3 "}, 3),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "1e9"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "Fri, 01 May 2026 12:00:30 GMT"}, 30),
        ({"Retry-After": "Fri, 01 May 2026 11:00:00 GMT"}, 0),
        ({"Retry-After": "Friday, 01-May-26 12:00:30 GMT"}, 30),
        ({"Retry-After": "Fri, 01 May 2026 12:00:30 GMT", "Date": "now"}, 30),
    ],
)
def test_retry_after_is_read_in_both_forms(
    headers: Mapping[str, str], asked_s: float | None
) -> None:
    assert retry_after_s(headers, NOW) == asked_s


async def test_short_waits_before_retries_are_told_once_they_add_up(
    clock: FakeClock,
) -> None:
    told: list[tuple[str, float, str]] = []
    policy = RetryPolicy(attempts=2, wait_initial_s=0.4, wait_max_s=0.4)
    async with (
        Loopback([reply(503)]) as server,
        HttpClient(
            "Discovr",
            server.url,
            clock=clock,
            retry=policy,
            on_wait=lambda *wait: told.append(wait),
        ) as client,
    ):
        for _ in range(20):
            with pytest.raises(TransientError):
                await client.request("GET", "/x")
    waited_s = sum(clock.slept)
    assert 4 <= waited_s <= 8
    assert waited_s / 1.4 - 1 <= len(told) <= waited_s
    assert all("503" in reason for _, _, reason in told)
