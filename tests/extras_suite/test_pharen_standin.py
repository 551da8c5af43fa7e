"""The stand-in for Pharen Hub, held to the reference."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sync.sandbox.pharen import API_KEY, PharenQuirks, PharenStandIn
from tests.standins import calling, hand_clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.clocks import FakeClock
    from tests.standins import Caller

PATH = "/v1/new-page"


@asynccontextmanager
async def hub(
    clock: FakeClock | None = None, store: Path | None = None, **quirks: Any
) -> AsyncIterator[Caller]:
    now = (clock or hand_clock()).now
    service = PharenStandIn(quirks=PharenQuirks(**quirks), store_path=store, now=now)
    async with calling(
        service, Authorization=f"Bearer {API_KEY}", Content_Type="application/json"
    ) as call:
        yield call


async def test_a_page_lives_through_all_verbs() -> None:
    clock = hand_clock()
    async with hub(clock) as call:
        added = await call("POST", PATH, {"title": "A", "content": "x"})
        page = added.json
        assert added.status == 201
        assert page["created_at"] == page["updated_at"]
        clock.advance(60)
        changed = (await call("PUT", f"{PATH}/{page['id']}", {"content": ""})).json
        assert (changed["title"], changed["content"]) == ("A", "")
        assert changed["updated_at"] > changed["created_at"] == page["created_at"]
        assert (await call.get(f"{PATH}/{page['id']}")).json == changed
        gone = await call("DELETE", f"{PATH}/{page['id']}")
        assert (gone.status, gone.body) == (204, b"")
        for method in ("GET", "PUT", "DELETE"):
            answer = await call(method, f"{PATH}/{page['id']}", {"title": "B"})
            assert (answer.status, answer.json["error"]["code"]) == (404, "not_found")


async def test_the_list_is_cut_into_pages_in_the_order_asked_for() -> None:
    async with hub() as call:
        for title in "CAB":
            await call("POST", PATH, {"title": title})
        query = {"per_page": 2, "sort": "title", "order": "asc"}
        first = (await call.get(PATH, **query)).json
        second = (await call.get(PATH, page=2, **query)).json
        titles = [page["title"] for page in first["data"] + second["data"]]
        assert titles == ["A", "B", "C"]
        assert (first["total"], first["page"], first["per_page"]) == (3, 1, 2)
        assert (await call.get(PATH, per_page=500)).json["per_page"] == 100


@pytest.mark.parametrize(
    ("method", "body", "field"),
    [
        ("POST", {}, "title"),
        ("POST", {"title": ""}, "title"),
        ("POST", {"title": "x" * 256}, "title"),
        ("POST", {"title": "A", "content": 7}, "content"),
        ("PUT", {}, "title"),
        ("PUT", {"title": 7}, "title"),
    ],
)
async def test_a_malformed_page_is_refused_with_its_field(
    method: str, body: Any, field: str
) -> None:
    async with hub() as call:
        page = (await call("POST", PATH, {"title": "A"})).json
        path = PATH if method == "POST" else f"{PATH}/{page['id']}"
        answer = await call(method, path, body)
    error = answer.json["error"]
    assert (answer.status, error["code"]) == (422, "validation_error")
    assert error["details"]["field"] == field


@pytest.mark.parametrize(
    "query", [{"sort": "colour"}, {"page": 0}, {"per_page": "all"}]
)
async def test_a_malformed_list_is_refused(query: dict[str, object]) -> None:
    async with hub() as call:
        assert (await call.get(PATH, **query)).status == 422


@pytest.mark.parametrize(
    ("header", "code"), [("", "missing_token"), ("Bearer x", "invalid_token")]
)
async def test_without_the_key_nobody_gets_in(header: str, code: str) -> None:
    async with hub() as call:
        call.headers["Authorization"] = header
        answer = await call.get(PATH)
    assert (answer.status, answer.json["error"]["code"]) == (401, code)


async def test_a_reading_key_may_not_write() -> None:
    async with hub(read_only=True) as call:
        assert (await call.get(PATH)).status == 200
        answer = await call("POST", PATH, {"title": "A"})
    code = answer.json["error"]["code"]
    assert (answer.status, code) == (403, "insufficient_permissions")


async def test_what_was_written_is_there_in_the_next_process(tmp_path: Path) -> None:
    store = tmp_path / "pharen.jsonl"
    async with hub(store=store) as call:
        page = (await call("POST", PATH, {"title": "A"})).json
    async with hub(store=store) as call:
        assert (await call.get(f"{PATH}/{page['id']}")).json == page
        assert (await call("POST", PATH, {"title": "B"})).json["id"] != page["id"]


async def test_a_limit_says_how_long_to_wait() -> None:
    async with hub(requests_per_second=1) as call:
        assert (await call.get(PATH)).status == 200
        answer = await call.get(PATH)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
