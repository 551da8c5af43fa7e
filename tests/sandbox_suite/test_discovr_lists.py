"""Discovr's resume points and pages."""

from __future__ import annotations

from typing import Any

import pytest

from sync.sandbox import DiscovrQuirks, DiscovrStandIn, sample_account
from tests.standins import calling_discovr, hand_clock

PATH = "/profile/playback"
AT = "2026-10-02T19:30:00.000Z"


def standin(**quirks: Any) -> DiscovrStandIn:
    return DiscovrStandIn(
        quirks=DiscovrQuirks(**quirks),
        catalogue=sample_account().titles,
        now=hand_clock().now,
    )


async def test_a_resume_point_of_an_episode_takes_post_then_patch() -> None:
    service = standin()
    async with calling_discovr(service) as call:
        body = {"mediaId": "TV_136315", "progress": 62, "updatedAt": AT}
        assert (await call("POST", PATH, body)).status == 200
        half = service.playback()[0]
        place = {"mediaId": "TV_136315", "season": 4, "episode": 7, "updatedAt": AT}
        assert (await call("PATCH", PATH, place)).status == 200
        items = (await call.get(PATH)).json["items"]
    assert (half.season, half.episode) == (None, None)
    assert items == [
        {
            "id": "TV_136315",
            "progress": 62,
            "updatedAt": AT,
            "season": 4,
            "episode": 7,
        }
    ]


@pytest.mark.parametrize(
    ("quirk", "status", "progress"),
    [("replaces", 200, [30]), ("doubles", 200, [20, 30]), ("conflict", 409, [20])],
)
async def test_a_known_title_is_replaced_doubled_or_a_conflict(
    quirk: str, status: int, progress: list[int]
) -> None:
    service = standin(playback_known=quirk)
    async with calling_discovr(service) as call:
        answers = [
            await call("POST", PATH, {"mediaId": "MV_550", "progress": value})
            for value in (20, 30)
        ]
    assert [answer.status for answer in answers] == [200, status]
    assert [point.progress for point in service.playback()] == progress


@pytest.mark.parametrize(("quirk", "status"), [("creates", 200), ("missing", 404)])
async def test_an_absent_title_is_created_or_missing(quirk: str, status: int) -> None:
    service = standin(playback_absent=quirk)
    async with calling_discovr(service) as call:
        answer = await call("PATCH", PATH, {"mediaId": "MV_550", "progress": 20})
    assert (answer.status, len(service.playback())) == (status, status == 200)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"mediaId": "550"},
        {"mediaId": "MV_1", "progress": 101},
        {"mediaId": "MV_1", "updatedAt": "x"},
        {"mediaId": "TV_1", "season": 0},
    ],
)
async def test_a_malformed_resume_point_is_refused(body: Any) -> None:
    service = standin()
    async with calling_discovr(service) as call:
        assert (await call("PATCH", PATH, body)).status == 400
    assert service.playback() == []


async def test_post_takes_no_season_where_extra_fields_are_refused() -> None:
    body = {"mediaId": "TV_1396", "season": 1, "episode": 1}
    async with calling_discovr(standin(rejects_extra_fields=True)) as call:
        assert (await call("POST", PATH, body)).status == 400
        assert (await call("PATCH", PATH, body)).status == 200


async def test_equal_filters_give_the_same_page_within_a_session() -> None:
    service = standin()
    filters = {
        "media_type": "movie",
        "genres": [18, 36],
        "with_runtime_lte": 150,
        "with_release_date_gte": "1990-01-01",
        "region": ["DE"],
    }
    async with calling_discovr(service) as call:
        body = {"pageFilters": filters, "name": "Long evenings"}
        first = (await call("POST", "/pages", body)).json
        again = (await call("POST", "/pages", body)).json
        other = (await call("POST", "/pages", {"pageFilters": {"genres": [18]}})).json
        read = (await call.get(f"/pages/{first['id']}")).json
        unknown = await call.get("/pages/pg_nonsense")
    assert first == again
    assert (first["pageFilters"], "name" in first) == (filters, False)
    assert other["id"] != first["id"]
    assert (read["name"], len(read["hero"])) == ("Long evenings", 10)
    assert unknown.status == 404
    async with calling_discovr(service) as call:
        renewed = (await call("POST", "/pages", {"pageFilters": filters})).json
        stale = await call.get(f"/pages/{first['id']}")
    assert renewed["id"] != first["id"]
    assert (stale.status, stale.json["code"]) == (401, "SESSION_EXPIRED")
    assert stale.json["pageLevelFilters"] == filters


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": 7},
        {"pageFilters": []},
        {"pageFilters": {"genres": 18}},
        {"pageFilters": {"genres": ["drama"]}},
        {"pageFilters": {"media_type": "radio"}},
        {"pageFilters": {"with_runtime_gte": "90"}},
        {"profileId": "prf_1"},
    ],
)
async def test_a_malformed_page_is_refused(body: Any) -> None:
    async with calling_discovr(standin()) as call:
        assert (await call("POST", "/pages", body)).status == 400


async def test_a_page_needs_neither_name_nor_filters() -> None:
    async with calling_discovr(standin()) as call:
        assert (await call("POST", "/pages")).json["pageFilters"] == {}
