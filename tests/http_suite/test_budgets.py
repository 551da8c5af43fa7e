"""Two budgets of one service: who may go, and whom a refusal holds back."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from typing import TYPE_CHECKING

import pytest
from aioresponses import CallbackResult, aioresponses
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import AuthError, RateLimitedError, RejectedError
from connectors.http.client import HttpClient, RetryPolicy
from connectors.http.entrance import Entrance
from connectors.http.pacing import AUTHED, UNAUTHED, QuotaPacer, RatePacer
from connectors.trakt.client import explain
from connectors.trakt.public import Budget, PublicClient
from tests.clocks import FakeClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from yarl import URL

    from connectors.http.pacing import Pacer

BASE = "http://127.0.0.1:1"


class Login:
    """A login that is always good."""

    async def headers(self) -> Mapping[str, str]:
        return {"Authorization": "Bearer good"}

    async def renew(self, rejected: Mapping[str, str], refusal: AuthError) -> None:
        raise refusal


def told(bucket: str, remaining: int = 400, limit: int = 500) -> dict[str, str]:
    value = {"name": bucket, "limit": limit, "period": 300, "remaining": remaining}
    return {"X-Ratelimit": json.dumps({**value, "until": "2026-01-01T00:04:00Z"})}


class Place:
    """Both clients of Trakt, each with its own quota, behind one entrance."""

    def __init__(
        self,
        clock: FakeClock,
        *,
        limits: tuple[int, int] = (500, 500),
        public: Pacer | None = None,
    ) -> None:
        self.clock = clock
        self.entrance = Entrance(8)
        self.public = self._budget(UNAUTHED, limits[0], None, public)
        self.signed_in = self._budget(AUTHED, limits[1], Login())
        self.client = PublicClient(self.public, self.signed_in, clock=clock)

    def _budget(
        self,
        bucket: str,
        limit: int,
        login: Login | None,
        pacer: Pacer | None = None,
    ) -> Budget:
        pacer = pacer or QuotaPacer(
            limit, clock=self.clock, entrance=self.entrance, bucket=bucket
        )
        http = HttpClient(
            "Trakt",
            BASE,
            auth=login,
            pacer=pacer,
            entrance=self.entrance,
            explain=explain,
            clock=self.clock,
            retry=RetryPolicy(),
        )
        return Budget(http, pacer)

    async def close(self) -> None:
        await self.public.http.close()
        await self.signed_in.http.close()


@pytest.fixture
async def place(clock: FakeClock) -> AsyncIterator[Place]:
    opened = Place(clock)
    yield opened
    await opened.close()


def refuse_once(
    web: aioresponses, status: int, headers: Mapping[str, str], body: str = ""
) -> None:
    web.get(f"{BASE}/one", status=status, headers=dict(headers), body=body)
    for path in ("one", "two"):
        web.get(f"{BASE}/{path}", payload={}, repeat=True)


async def test_a_quota_that_is_named_holds_back_its_own_callers_alone(
    place: Place,
) -> None:
    with aioresponses() as web:
        refuse_once(web, 429, {"Retry-After": "40", **told(UNAUTHED)})
        waiting = asyncio.create_task(place.public.http.request("GET", "/one"))
        for _ in range(100):  # until it is refused, and waits
            await asyncio.sleep(0)
        await place.signed_in.http.request("GET", "/two")
        assert place.clock.monotonic() == 0 or waiting.done()
        await waiting
        assert place.clock.monotonic() == pytest.approx(40)
    assert place.entrance.paused_until == 0


@pytest.mark.parametrize("status", [429, 503])
async def test_what_is_about_no_quota_holds_back_everybody(
    place: Place, status: int
) -> None:
    with aioresponses() as web:
        refuse_once(web, status, {"Retry-After": "40"}, "<html></html>")
        times: dict[str, float] = {}

        async def ask(budget: Budget, path: str) -> None:
            await budget.http.request("GET", path)
            times[path] = place.clock.monotonic()

        first = asyncio.create_task(ask(place.public, "/one"))
        while not place.entrance.paused_until:  # noqa: ASYNC110  # until it is refused
            await asyncio.sleep(0)
        await asyncio.gather(first, ask(place.signed_in, "/two"))
    assert times == pytest.approx({"/one": 40, "/two": 40})


async def test_a_rest_that_nobody_waits_for_closes_both(place: Place) -> None:
    with aioresponses() as web:
        refuse_once(web, 429, {"Retry-After": "40000"})
        with pytest.raises(RateLimitedError):
            await place.public.http.request("GET", "/one")
        with pytest.raises(RateLimitedError):
            await place.signed_in.http.request("GET", "/two")
        requests = sum(map(len, web.requests.values()))
    assert requests == 1


@pytest.mark.parametrize("asked_s", [601, 40_000])
async def test_a_rest_that_nobody_waits_for_is_kept_by_all_with_that_pacer(
    clock: FakeClock, asked_s: int
) -> None:
    pacer = RatePacer(5, clock=clock)
    one, other = (Place(clock, public=pacer) for _ in range(2))
    with aioresponses() as web:
        refuse_once(web, 429, {"Retry-After": str(asked_s)})
        for place in (one, other, one, other):
            with pytest.raises(RateLimitedError) as refusal:
                await place.public.http.request("GET", "/one")
            assert refusal.value.retry_after_s == pytest.approx(asked_s, abs=2)
            assert "minutes" in refusal.value.remedy
        assert sum(map(len, web.requests.values())) == 1
        assert clock.monotonic() < 2
        clock.advance(asked_s)
        await other.public.http.request("GET", "/one")
    for place in (one, other):
        await place.close()


@pytest.mark.parametrize(
    ("bucket", "limits"),
    [(AUTHED, (500, 7)), (UNAUTHED, (7, 500)), ("", (7, 7)), ("API_GET", (7, 7))],
)
def test_a_quota_learns_from_its_own_header(
    clock: FakeClock, bucket: str, limits: tuple[int, int]
) -> None:
    pacers = [QuotaPacer(clock=clock, bucket=name) for name in (UNAUTHED, AUTHED)]
    for pacer in pacers:
        pacer.observe(200, told(bucket, limit=7))
    assert tuple(pacer.limit for pacer in pacers) == limits


@given(
    limits=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    calls=st.integers(1, 40),
    opened_after=st.one_of(st.none(), st.integers(0, 3)),
)
def test_no_call_waits_while_either_budget_has_room(
    limits: tuple[int, int], calls: int, opened_after: int | None
) -> None:
    asyncio.run(run_calls(limits, calls, opened_after))


async def run_calls(
    limits: tuple[int, int], calls: int, opened_after: int | None
) -> None:
    clock = FakeClock()
    place = Place(clock, limits=limits)
    sent: list[tuple[float, bool]] = []
    numbers = count(1)

    def answer(_url: URL, **request: dict[str, str]) -> CallbackResult:
        sent.append((clock.monotonic(), "Authorization" in request["headers"]))
        return CallbackResult(body="[]")

    if opened_after == 0:
        place.client.open_overflow()

    async def open_later() -> None:
        if opened_after:
            await clock.sleep(opened_after)
            place.client.open_overflow()

    with aioresponses() as web:
        for number in range(1, calls + 1):
            web.get(
                f"{BASE}/shows/{number}/seasons?extended=episodes%2Cfull",
                callback=answer,
            )
        await asyncio.gather(
            open_later(), *(place.client.seasons(next(numbers)) for _ in range(calls))
        )
    await place.close()
    quick = limits[0] + (limits[1] if opened_after is not None else 0)
    by_then = [at for at, _ in sent if at <= (opened_after or 0)]
    assert len(sent) == calls
    assert len(by_then) == min(calls, quick)
    for has_login, limit in ((False, limits[0]), (True, limits[1])):
        times = [at for at, login in sent if login is has_login]
        for start in times:
            assert sum(start <= at <= start + 300 for at in times) <= limit
    if calls <= limits[0] or opened_after is None:
        assert not any(login for _, login in sent)


@pytest.mark.parametrize("status", [401, 403])
async def test_without_any_login_one_refusal_ends_it(
    clock: FakeClock, status: int
) -> None:
    place = Place(clock)
    client = PublicClient(place.public, clock=clock)
    with aioresponses() as web:
        pattern = f"{BASE}/shows/1/seasons?extended=episodes%2Cfull"
        web.get(pattern, status=status, payload={}, repeat=True)
        answers = await asyncio.gather(
            *(client.seasons(1) for _ in range(9)), return_exceptions=True
        )
        requests = sum(map(len, web.requests.values()))
    await place.close()
    assert requests == 1
    assert all(isinstance(answer, RejectedError) for answer in answers)
