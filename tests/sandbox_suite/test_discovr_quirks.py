"""Each open point of Discovr's documentation, switched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.plays import Key
from sync.sandbox import DiscovrQuirks, DiscovrStandIn, sample_account
from tests.standins import NOON, Caller, calling_discovr, hand_clock

if TYPE_CHECKING:
    from tests.clocks import FakeClock

PATH = "/profile/history"
KEY = Key("TV_1396", 1, 1)
SENT = datetime(2023, 1, 15, 20, 7, 9, 123_000, tzinfo=UTC)
DAY = timedelta(days=1)


def standin(clock: FakeClock | None = None, **quirks: Any) -> DiscovrStandIn:
    return DiscovrStandIn(
        quirks=DiscovrQuirks(**quirks),
        catalogue=sample_account().titles,
        now=(clock or hand_clock()).now,
    )


async def add(call: Caller, at: datetime = SENT, key: Key = KEY, **fields: Any) -> int:
    body = {
        "mediaId": key.media,
        "season": key.season,
        "episode": key.episode,
        "progress": 100,
        "updatedAt": at.isoformat(),
        "imported": "trakt",
    }
    body = {name: value for name, value in body.items() if value is not None}
    return (await call("POST", PATH, body | fields)).status


async def patch(call: Caller, progress: float = 55, key: Key = KEY) -> None:
    path = f"{PATH}/{key.media}?season={key.season}&episode={key.episode}"
    assert (await call("PATCH", path, {"progress": progress})).status == 200


async def listed(call: Caller) -> list[Any]:
    items: list[Any] = (await call.get(PATH, limit=50)).json["items"]
    return items


@pytest.mark.parametrize(
    ("quirks", "field", "expected"),
    [
        ({}, "updatedAt", "2023-01-15T20:07:09.123Z"),
        ({"precision": "seconds"}, "updatedAt", "2023-01-15T20:07:09.000Z"),
        ({"precision": "minutes"}, "updatedAt", "2023-01-15T20:07:00.000Z"),
        ({"zone": "offset"}, "updatedAt", "2023-01-15T22:07:09.123+02:00"),
        ({"zone": "none"}, "updatedAt", "2023-01-15T20:07:09.123"),
        ({"ignores_time": True}, "updatedAt", "2026-11-10T12:00:00.123Z"),
        ({"drops_label": True}, "imported", None),
        ({"created_at_follows": True}, "createdAt", "2023-01-15T20:07:09.123Z"),
        ({"progress_as_text": True}, "progress", "100"),
        ({"repeats": "merged"}, "watched_count", 1),
    ],
)
async def test_what_was_written_is_listed_in_another_form(
    quirks: dict[str, Any], field: str, expected: object
) -> None:
    async with calling_discovr(standin(**quirks)) as call:
        await add(call)
        (item,) = await listed(call)
    assert item.get(field) == expected


@pytest.mark.parametrize(
    ("repeats", "counts"), [("listed", [1, 1]), ("merged", [2]), ("counted", [2, 2])]
)
async def test_repeats_are_listed_one_by_one_or_merged(
    repeats: str, counts: list[int]
) -> None:
    service = standin(repeats=repeats)
    async with calling_discovr(service) as call:
        await add(call, SENT)
        await add(call, SENT - DAY, progress=10)
        items = await listed(call)
    assert [item["watched_count"] for item in items] == counts
    assert max(item["updatedAt"] for item in items) == "2023-01-15T20:07:09.123Z"
    assert sum(entry.count for entry in service.entries()) == 2
    if repeats == "merged":
        assert items[0]["progress"] == 100, "that of the newest viewing"


@pytest.mark.parametrize("repeats", ["listed", "merged"])
async def test_post_can_upsert_on_the_same_key_and_time(repeats: str) -> None:
    service = standin(post_upserts=True, repeats=repeats, precision="seconds")
    async with calling_discovr(service) as call:
        await add(call, SENT, progress=10)
        await add(call, SENT + timedelta(milliseconds=1), progress=90)
    (entry,) = service.entries()
    assert (entry.progress, entry.count) == (90, 1)


@pytest.mark.parametrize(
    ("order", "expected"),
    [("created", ["MV_2", "MV_1"]), ("updated", ["MV_1", "MV_2"])],
)
async def test_the_list_is_ordered_by_creation_or_by_update(
    order: str, expected: list[str]
) -> None:
    clock = hand_clock()
    async with calling_discovr(standin(clock, order=order)) as call:
        await add(call, SENT, Key("MV_1"))
        clock.advance(1)
        await add(call, SENT - DAY, Key("MV_2"))
        assert [item["id"] for item in await listed(call)] == expected


async def test_optional_fields_can_be_null() -> None:
    async with calling_discovr(standin(optional="null")) as call:
        await add(call, key=Key("MV_1"))
        page = (await call.get(PATH)).json
    assert page["nextPageToken"] is None
    item = page["items"][0]
    assert (item["season"], item["title"], item["imported"]) == (None, None, "trakt")


@pytest.mark.parametrize("moves", [True, False])
@pytest.mark.parametrize("drops", [True, False])
async def test_patch_moves_the_time_or_not_and_drops_the_label_or_not(
    moves: bool, drops: bool
) -> None:
    service = standin(patch_moves_time=moves, patch_drops_label=drops)
    async with calling_discovr(service) as call:
        await add(call)
        await patch(call)
    (entry,) = service.entries()
    assert entry.progress == 55
    assert entry.updated_at == (NOON.replace(microsecond=123_000) if moves else SENT)
    assert entry.imported == (None if drops else "trakt")


@pytest.mark.parametrize(
    ("target", "progress"),
    [
        ("newest", [100, 55, 100]),
        ("oldest", [100, 100, 55]),
        ("all", [55, 55, 55]),
        ("single", [55]),
    ],
)
async def test_patch_hits_one_repeat_or_all(target: str, progress: list[int]) -> None:
    service = standin(patch_target=target)
    async with calling_discovr(service) as call:
        for days in (1, 2, 0):
            await add(call, SENT + days * DAY)
        await patch(call)
    assert [entry.progress for entry in service.entries()] == progress


@pytest.mark.parametrize(
    ("quirks", "episode", "left"),
    [
        ({}, 1, [None, 2]),
        ({"delete_repeats": "newest"}, 1, [1, None, 2]),
        ({}, None, [1, 1, 2]),
        ({"delete_without_episode": "season"}, None, []),
    ],
)
async def test_delete_takes_one_entry_all_repeats_or_the_season(
    quirks: dict[str, Any], episode: int | None, left: list[int | None]
) -> None:
    service = standin(**quirks)
    for number in (1, 1, None, 2):
        service.person_adds(Key("TV_1396", 1, number))
    service.person_adds(Key("TV_1396", 2, 1))
    query = "" if episode is None else f"&episode={episode}"
    async with calling_discovr(service) as call:
        answer = await call("DELETE", f"{PATH}/TV_1396?season=1{query}")
    assert answer.status == 200
    assert [e.key.episode for e in service.entries()] == [*left, 1]


@pytest.mark.parametrize("completed", [True, False])
async def test_without_progress_an_entry_is_completed_or_not(completed: bool) -> None:
    async with calling_discovr(standin(completed_without_progress=completed)) as call:
        await call("POST", PATH, {"mediaId": "MV_550"})
        (item,) = await listed(call)
    assert item["completed"] is completed


@pytest.mark.parametrize("status", [404, 422])
@pytest.mark.parametrize(
    "key",
    [Key("MV_4711"), Key("TV_1396", 6, 1), Key("TV_1396", 1, 8), Key("TV_550", 1)],
)
async def test_what_the_catalogue_lacks_can_be_refused(status: int, key: Key) -> None:
    async with calling_discovr(standin(unknown_status=status)) as call:
        assert await add(call, key=key) == status
        for known in (KEY, Key("TV_1396", 5), Key("MV_550")):
            assert await add(call, key=known) == 200
    async with calling_discovr(standin()) as call:
        assert await add(call, key=key) == 200


async def test_a_shifting_cursor_repeats_what_was_pushed_down() -> None:
    service = standin(shifting_cursors=True)
    for number in range(1, 16):
        service.person_adds(Key(f"MV_{number}"))
    async with calling_discovr(service) as call:
        first = (await call.get(PATH)).json
        service.person_adds(Key("MV_99"))
        second = (await call.get(PATH, nextPageToken=first["nextPageToken"])).json
    assert first["items"][-1]["id"] == second["items"][0]["id"] == "MV_6"


@pytest.mark.parametrize(
    ("form", "header"), [("seconds", "2"), ("date", None), ("none", None)]
)
async def test_a_rate_can_be_limited(form: str, header: str | None) -> None:
    clock = hand_clock()
    service = standin(clock, requests_per_second=0.5, retry_after=form)
    async with calling_discovr(service) as call:
        refused = await call.get(PATH)
        clock.advance(2)
        accepted = await call.get(PATH)
    assert (refused.status, accepted.status) == (429, 200)
    if form == "date":
        assert parsedate_to_datetime(refused.headers["Retry-After"]) >= (
            NOON + timedelta(seconds=2)
        )
    else:
        assert refused.headers.get("Retry-After") == header


@pytest.mark.parametrize(
    ("form", "content_type", "body"),
    [
        ("flat", "application/json", b'{"code": "VALIDATION_ERROR", "message": "'),
        ("wrapped", "application/json", b'{"error": {"code": "VALIDATION_ERROR", '),
        ("text", "application/json", b'{"error": "'),
        ("html", "text/html", b"<html>"),
        ("empty", "application/octet-stream", b""),
    ],
)
async def test_an_error_body_has_any_form(
    form: str, content_type: str, body: bytes
) -> None:
    service = standin(error_body=form, invalid_status=422)
    async with calling_discovr(service) as call:
        answer = await call("POST", PATH, {"mediaId": "550"})
    assert answer.status == 422
    assert answer.body.startswith(body)
    assert bool(answer.body) is bool(body)
    if body:
        assert answer.headers["Content-Type"].startswith(content_type)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_a_write_is_answered_with_any_success(status: int) -> None:
    async with calling_discovr(standin(write_status=status)) as call:
        answer = await call("POST", PATH, {"mediaId": "MV_550"})
    assert answer.status == status
    assert bool(answer.body) is (status != 204)


async def test_a_write_can_take_effect_late_and_in_order() -> None:
    clock = hand_clock()
    service = standin(clock, applied_late_s=30)
    async with calling_discovr(service) as call:
        await add(call)
        await patch(call, 10)
        assert await listed(call) == []
        clock.advance(30)
        (item,) = await listed(call)
    assert item["progress"] == 10
    assert len(service.entries()) == 1


async def test_labels_can_come_from_a_fixed_vocabulary() -> None:
    async with calling_discovr(standin(labels=frozenset({"plex"}))) as call:
        assert await add(call) == 400
        assert await add(call, imported="plex") == 200


async def test_extra_fields_can_be_refused() -> None:
    async with calling_discovr(standin(rejects_extra_fields=True)) as call:
        assert await add(call, key=Key("MV_550"), note="x") == 400
        assert await add(call, key=Key("MV_550")) == 200
    async with calling_discovr(standin()) as call:
        assert await add(call, note="x") == 200


async def test_the_distant_past_can_be_refused() -> None:
    earliest = datetime(2000, 1, 1, tzinfo=UTC)
    unknown = datetime(1970, 1, 1, tzinfo=UTC)
    async with calling_discovr(standin(earliest=earliest)) as call:
        assert await add(call, unknown) == 400
    async with calling_discovr(standin()) as call:
        assert await add(call, unknown) == 200


async def test_writing_history_can_clear_playback() -> None:
    service = standin(history_clears_playback=True)
    async with calling_discovr(service) as call:
        for media in ("MV_550", "MV_1396"):
            await call("POST", "/profile/playback", {"mediaId": media, "progress": 9})
        await add(call, key=Key("MV_550"))
    assert [point.media for point in service.playback()] == ["MV_1396"]


async def test_deleting_what_is_absent_can_be_fine() -> None:
    async with calling_discovr(standin(delete_absent_status=200)) as call:
        assert (await call("DELETE", f"{PATH}/MV_550")).status == 200


def test_the_combinations_are_all_different_and_cover_each_value() -> None:
    combinations = list(DiscovrQuirks.combinations())
    assert len(set(combinations)) == len(combinations) == 2**5 * 5
    assert {c.error_body for c in combinations} == {
        "flat",
        "wrapped",
        "text",
        "html",
        "empty",
    }
    assert {(c.repeats, c.order, c.patch_moves_time) for c in combinations} == {
        (repeats, order, moves)
        for repeats in ("listed", "merged")
        for order in ("created", "updated")
        for moves in (True, False)
    }
