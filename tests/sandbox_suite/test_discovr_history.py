"""Discovr's history as its documentation has it: all quirks at their defaults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.plays import Key
from sync.sandbox import DiscovrStandIn, sample_account
from tests.standins import NOON, calling_discovr, hand_clock

if TYPE_CHECKING:
    from tests.clocks import FakeClock
    from tests.standins import Caller

PATH = "/profile/history"
WATCHED = "2023-01-15T20:00:00.123Z"


def standin(clock: FakeClock | None = None) -> DiscovrStandIn:
    now = (clock or hand_clock()).now
    return DiscovrStandIn(catalogue=sample_account().titles, now=now)


async def add(call: Caller, media: str, **fields: Any) -> int:
    body = {"mediaId": media, "progress": 100, "imported": "trakt"} | fields
    return (await call("POST", PATH, body)).status


async def listed(call: Caller, path: str = PATH, **query: object) -> list[Any]:
    items: list[Any] = (await call.get(path, **{"limit": 50} | query)).json["items"]
    return items


async def test_a_viewing_comes_back_as_it_was_sent() -> None:
    service = standin()
    async with calling_discovr(service) as call:
        body = {
            "mediaId": "TV_1396",
            "season": 1,
            "episode": 5,
            "progress": 100,
            "updatedAt": WATCHED,
            "imported": "trakt",
        }
        answer = await call("POST", PATH, body)
        items = await listed(call)
    assert answer.json == {"message": "Added to history."}
    assert items == [
        {
            "id": "TV_1396",
            "mediaType": "tv",
            "title": "Breaking Bad",
            "poster_path": "https://images.discovr.media/TV_1396/poster.jpg",
            "backdrop_path": "https://images.discovr.media/TV_1396/backdrop.jpg",
            "updatedAt": WATCHED,
            "createdAt": "2026-11-10T12:00:00.123Z",
            "progress": 100,
            "completed": True,
            "watched_count": 1,
            "season": 1,
            "episode": 5,
            "imported": "trakt",
        }
    ]
    (entry,) = service.entries()
    assert entry.key == Key("TV_1396", 1, 5)


async def test_post_always_appends() -> None:
    service = standin()
    async with calling_discovr(service) as call:
        for _ in range(3):
            assert await add(call, "MV_550", updatedAt=WATCHED) == 200
        assert len(await listed(call)) == 3
    assert [entry.number for entry in service.entries()] == [1, 2, 3]


async def test_what_is_not_sent_is_now_and_without_a_label() -> None:
    service = standin()
    async with calling_discovr(service) as call:
        await call("POST", PATH, {"mediaId": "MV_1396"})
        (item,) = await listed(call)
    (entry,) = service.entries()
    assert entry.updated_at == NOON.replace(microsecond=123_000)
    assert (entry.progress, entry.imported) == (None, None)
    assert "progress" not in item
    assert item["title"] == "Зеркало"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"mediaId": "550"},
        {"mediaId": "MV_abc"},
        {"mediaId": "MV_1", "progress": 101},
        {"mediaId": "MV_1", "progress": -1},
        {"mediaId": "MV_1", "progress": "100"},
        {"mediaId": "MV_1", "progress": True},
        {"mediaId": "MV_1", "updatedAt": "yesterday"},
        {"mediaId": "MV_1", "updatedAt": 7},
        {"mediaId": "MV_1", "imported": 7},
        {"mediaId": "TV_1"},
        {"mediaId": "TV_1", "season": 0},
        {"mediaId": "TV_1", "season": 1, "episode": 0},
        {"mediaId": "TV_1", "season": "1"},
        {"mediaId": "TV_1", "season": 1.5},
        [],
    ],
)
async def test_a_malformed_viewing_is_refused_and_leaves_nothing(body: Any) -> None:
    service = standin()
    async with calling_discovr(service) as call:
        answer = await call("POST", PATH, body)
    assert (answer.status, service.entries()) == (400, [])
    assert answer.json["message"]


@pytest.mark.parametrize("query", ["?limit=0", "?limit=51", "?limit=many"])
async def test_a_page_has_one_to_fifty_entries(query: str) -> None:
    async with calling_discovr(standin()) as call:
        assert (await call.get(PATH + query)).status == 400


async def test_the_list_is_paged_by_cursor_newest_creation_first() -> None:
    service = standin()
    for number in range(1, 26):
        at = NOON - timedelta(days=number % 7)
        service.person_adds(Key(f"MV_{number}"), at=at)
    async with calling_discovr(service) as call:
        pages: list[list[str]] = []
        query: dict[str, str] = {}
        while True:
            answer = (await call.get(PATH, **query)).json
            pages.append([item["id"] for item in answer["items"]])
            if not answer["hasMore"]:
                break
            query = {"nextPageToken": answer["nextPageToken"]}
        strange = await call.get(PATH, nextPageToken="nonsense")
    assert [len(page) for page in pages] == [10, 10, 5]
    assert "nextPageToken" not in answer
    assert [media for page in pages for media in page] == [
        f"MV_{number}" for number in range(25, 0, -1)
    ]
    assert strange.status == 400


async def test_a_cursor_is_stable_while_entries_are_added_and_removed() -> None:
    service = standin()
    for number in range(1, 21):
        service.person_adds(Key(f"MV_{number}"))
    async with calling_discovr(service) as call:
        first = (await call.get(PATH)).json
        service.person_adds(Key("MV_99"))
        service.person_removes(Key("MV_11"))
        second = (await call.get(PATH, nextPageToken=first["nextPageToken"])).json
    assert [item["id"] for item in second["items"]] == [
        f"MV_{number}" for number in range(10, 0, -1)
    ]


async def test_one_title_is_listed_by_viewing_time_with_its_season_default() -> None:
    service = standin()
    day = datetime(2024, 5, 1, tzinfo=UTC)
    for number, watched in enumerate((2, None, 1, 2)):
        key = Key("TV_1396", 1, watched)
        service.person_adds(key, at=day + timedelta(days=(number * 3) % 5))
    service.person_adds(Key("TV_1396", 2, 1))
    service.person_adds(Key("MV_1396"))
    async with calling_discovr(service) as call:
        season = await listed(call, f"{PATH}/TV_1396", season=1)
        episode = await listed(call, f"{PATH}/TV_1396", season=1, episode=2)
        film = await listed(call, f"{PATH}/MV_1396")
        nothing = await listed(call, f"{PATH}/MV_1")
        no_season = await call.get(f"{PATH}/TV_1396")
        strange = await call.get(f"{PATH}/1396")
        page = (await call.get(f"{PATH}/TV_1396", season=1, limit=3)).json
    times = [item["updatedAt"] for item in season]
    assert times == sorted(times, reverse=True)
    assert sorted(str(item.get("episode")) for item in season) == [
        "1",
        "2",
        "2",
        "None",
    ]
    assert [item["episode"] for item in episode] == [2, 2]
    assert [item["mediaType"] for item in film] == ["movie"]
    assert nothing == []
    assert (no_season.status, strange.status) == (400, 400)
    assert page["hasMore"]


async def test_patch_creates_an_entry_that_is_absent() -> None:
    service = standin()
    async with calling_discovr(service) as call:
        body = {"progress": 0}
        path = f"{PATH}/TV_1396?season=1&episode=3"
        assert (await call("PATCH", path, body)).status == 200
        assert (await call("PATCH", path, {"progress": 79.5})).status == 200
        (item,) = await listed(call)
    (entry,) = service.entries()
    assert (entry.key, entry.imported) == (Key("TV_1396", 1, 3), None)
    assert (item["progress"], item["completed"]) == (79.5, False)


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("?season=1", {}),
        ("?season=1", {"progress": 120}),
        ("", {"progress": 10}),
        ("?season=0", {"progress": 10}),
        ("?season=x", {"progress": 10}),
    ],
)
async def test_a_malformed_patch_is_refused(query: str, body: Any) -> None:
    service = standin()
    async with calling_discovr(service) as call:
        assert (await call("PATCH", f"{PATH}/TV_1{query}", body)).status == 400
    assert service.entries() == []


async def test_patch_on_a_season_sets_its_default_and_leaves_episodes_alone() -> None:
    service = standin()
    service.person_adds(Key("TV_1396", 1, 1), progress=10)
    async with calling_discovr(service) as call:
        await call("PATCH", f"{PATH}/TV_1396?season=1", {"progress": 100})
    assert [(e.key.episode, e.progress) for e in service.entries()] == [
        (1, 10),
        (None, 100),
    ]


async def test_delete_removes_a_key_and_says_when_there_is_none() -> None:
    service = standin()
    for key in (Key("MV_1"), Key("TV_1", 1, 1), Key("TV_1", 1, 2)):
        service.person_adds(key)
    async with calling_discovr(service) as call:
        gone = await call("DELETE", f"{PATH}/TV_1?season=1&episode=1")
        again = await call("DELETE", f"{PATH}/TV_1?season=1&episode=1")
        absent = await call("DELETE", f"{PATH}/MV_2")
        no_season = await call("DELETE", f"{PATH}/TV_1")
    assert [e.key for e in service.entries()] == [Key("MV_1"), Key("TV_1", 1, 2)]
    assert [a.status for a in (gone, again, absent, no_season)] == [200, 404, 404, 400]


async def test_profiles_do_not_see_each_other() -> None:
    service = standin()
    kids = service.profiles[1].id
    service.person_adds(Key("MV_1"))
    service.person_adds(Key("MV_2"), profile=kids)
    async with calling_discovr(service, kids) as call:
        assert [item["id"] for item in await listed(call)] == ["MV_2"]
    assert [entry.key.media for entry in service.entries()] == ["MV_1"]


def test_what_the_person_sets_takes_the_place_of_all_repeats() -> None:
    clock = hand_clock()
    service = standin(clock)
    key, other = Key("TV_1", 1, 1), Key("TV_1", 1, 2)
    for one in (key, key, other):
        service.person_adds(one, imported="trakt")
    clock.advance(60)
    service.person_sets(key, 0)
    service.person_removes(other)
    (entry,) = service.entries()
    assert (entry.key, entry.progress, entry.imported) == (key, 0, None)
    assert entry.updated_at == NOON + timedelta(minutes=1)
