"""``doctor`` on the shape of answers: fields are named, values never are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.checkup import shapes
from sync.checkup.findings import Verdict
from tests.checkup_suite.patients import answer_with, look, patient, well

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import TypeAdapter

SECRET = "a-value-that-nobody-may-see"
STAMPS = {
    "watched_at": "2026-11-01T10:00:00.000Z",
    "paused_at": "2026-11-01T10:00:00.000Z",
}
FILM = {
    "id": 12_000_000_011,
    "watched_at": "2026-11-01T10:00:00.000Z",
    "action": "watch",
    "type": "movie",
    "movie": {"title": "Heat", "year": 1995, "ids": {"trakt": 7, "tmdb": 949}},
}
PLAY = {
    "id": 12_000_000_012,
    "watched_at": "2026-11-01T10:00:00.000Z",
    "action": "watch",
    "type": "episode",
    "show": {"title": "Dark", "year": 2017, "ids": {"trakt": 8, "tmdb": 70523}},
    "episode": {"season": 1, "number": 1, "title": "x", "ids": {"trakt": 9}},
}
ENTRY = {
    "id": "TV_70523",
    "mediaType": "tv",
    "updatedAt": "2026-11-01T10:00:00.000Z",
    "createdAt": "2026-11-01T10:00:00.000Z",
    "progress": 100,
    "completed": True,
    "season": 1,
    "episode": 1,
    "imported": "trakt",
}
SEASON = {
    "number": 1,
    "episodes": [{"season": 1, "number": 1, "first_aired": "2017-12-01T08:00:00.000Z"}],
}
TMDB = {
    "id": 70523,
    "status": "Ended",
    "seasons": [{"season_number": 1, "episode_count": 1}],
    "season/1": {
        "season_number": 1,
        "episodes": [{"episode_number": 1, "air_date": "2017-12-01"}],
    },
}
GOOD = [
    (shapes.ACTIVITIES, {"movies": STAMPS, "episodes": STAMPS}),
    (shapes.PLAY, FILM),
    (shapes.PLAY, PLAY),
    (shapes.ENTRY, ENTRY),
    (shapes.SEASON, SEASON),
    (shapes.TMDB_SHOW, TMDB),
    (shapes.TMDB_SEASON, TMDB["season/1"]),
]


def without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in names}


@pytest.mark.parametrize(("adapter", "record"), GOOD)
def test_what_is_as_documented_differs_in_nothing(
    adapter: TypeAdapter[Any], record: dict[str, Any]
) -> None:
    assert shapes.differences(adapter, [record, record]) == ""


JSON = st.recursive(
    st.sampled_from([None, True, 0, -1, 1.5, SECRET, f"{SECRET} 2026", "", [SECRET]]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([f"{SECRET}!", "id", "type"]), inner)
    ),
    max_leaves=6,
)


@given(
    good=st.sampled_from(GOOD),
    changes=st.dictionaries(
        st.sampled_from([*PLAY, *ENTRY, "movies", "movie", "episodes", "seasons"]),
        JSON,
        min_size=1,
        max_size=4,
    ),
)
def test_no_value_is_ever_named(
    good: tuple[TypeAdapter[Any], dict[str, Any]], changes: dict[str, Any]
) -> None:
    adapter, record = good
    named = shapes.differences(adapter, [record | changes])
    assert SECRET not in named
    assert "\n" not in named


@given(good=st.sampled_from(GOOD), kept=st.randoms(use_true_random=False))
def test_each_field_that_is_gone_is_named_by_its_place(
    good: tuple[TypeAdapter[Any], dict[str, Any]], kept: Any
) -> None:
    adapter, record = good
    schema = adapter.json_schema(by_alias=True)
    required = set(schema.get("required", ())) & record.keys()
    gone = kept.choice(sorted(required or {"type"}))
    assert f"{gone}: " in shapes.differences(adapter, [without(record, gone)])


async def test_the_change_stamps_may_be_few_or_null_and_that_is_said(
    tmp_path: Path,
) -> None:
    named = {}
    for form in ("sparse", "null"):
        async with patient(tmp_path, trakt={"activities": form}) as where:
            found = await look(well(where))
        assert found.complaints == {"Trakt change stamps": Verdict.WARNING}
        named[form] = found.one("Trakt change stamps").text
    assert named["sparse"] == "movies: missing; episodes.paused_at: missing"
    assert "movies.watched_at: " in named["null"]


@pytest.mark.parametrize("form", ["null", "absent", "empty", "zero"])
async def test_the_forms_of_a_missing_id_are_all_as_expected(
    tmp_path: Path, form: str
) -> None:
    async with patient(tmp_path, trakt={"missing_ids": form}) as where:
        assert (await look(well(where))).complaints == {}


async def test_missing_pagination_headers_are_named(tmp_path: Path) -> None:
    async with patient(tmp_path, trakt={"no_pagination_headers": True}) as where:
        found = await look(well(where))
    assert found.complaints == {"Trakt history": Verdict.WARNING}
    for name in ("Limit", "Page-Count", "Item-Count"):
        assert f"X-Pagination-{name}: missing" in found.one("Trakt history").text


@pytest.mark.parametrize(
    ("check", "path", "body", "verdict", "words"),
    [
        ("Trakt change stamps", "/sync/last_activities", [], "problem", "body: "),
        (
            "Trakt history",
            "/sync/history",
            [FILM, without(PLAY, "episode") | {"chapter": SECRET}],
            "warning",
            "episode.episode: missing (in 1 of 2)",
        ),
        (
            "Trakt history",
            "/sync/history",
            [FILM | {"type": SECRET}],
            "problem",
            "no record can be read: type: union_tag_invalid",
        ),
        (
            "Trakt history",
            "/sync/history",
            {"plays": []},
            "problem",
            "no list of plays",
        ),
        (
            "Trakt history",
            "/sync/history",
            [FILM | {"watched_at": SECRET}],
            "problem",
            "movie.watched_at: datetime",
        ),
        (
            "Trakt minimal films",
            "/users/me/watched/movies",
            {"949": {"plays": SECRET}},
            "problem",
            "list_type",
        ),
        (
            "Trakt minimal shows",
            "/users/me/watched/shows",
            [{"show": SECRET}],
            "problem",
            "dict_type",
        ),
        (
            "Trakt account",
            "/users/settings",
            {"user": {}},
            "warning",
            "user.vip: missing",
        ),
        ("Discovr answers", "/profiles", {"profiles": [{"id": 1}]}, "problem", "name"),
        (
            "Discovr session",
            "/auth/session-token",
            {"sessionToken": SECRET, "expiresAt": SECRET},
            "problem",
            "expiresAt: int_parsing",
        ),
        (
            "Discovr history",
            "/profile/history",
            {"items": [ENTRY], "more": False},
            "problem",
            "hasMore: missing",
        ),
        (
            "Discovr history",
            "/profile/history",
            {"items": [without(ENTRY, "updatedAt")], "hasMore": False},
            "problem",
            "no entry can be read: updatedAt: missing",
        ),
        (
            "Discovr history",
            "/profile/history",
            {"items": [ENTRY, ENTRY | {"progress": SECRET}], "hasMore": False},
            "warning",
            "progress: float_parsing (in 1 of 2)",
        ),
        (
            "Discovr history",
            "/profile/history",
            {"items": [without(ENTRY, "progress", "completed")], "hasMore": False},
            "warning",
            "progress: missing",
        ),
        (
            "Discovr history",
            "/profile/history",
            {"items": [without(ENTRY, "season")], "hasMore": False},
            "warning",
            "season: missing",
        ),
        (
            "Discovr paging",
            "/profile/history",
            {"items": [ENTRY], "hasMore": True, "nextPageToken": SECRET},
            "warning",
            "nextPageToken: leads to a page that is empty or the same again",
        ),
        (
            "Discovr paging",
            "/profile/history",
            {"items": [ENTRY], "hasMore": True},
            "problem",
            "more entries but not where",
        ),
    ],
)
async def test_a_changed_shape_is_named_field_by_field(
    tmp_path: Path, check: str, path: str, body: Any, verdict: str, words: str
) -> None:
    async with patient(tmp_path) as where:
        service = where.trakt if check.startswith("Trakt") else where.discovr
        answer_with(service, path, body)
        found = await look(well(where))
    finding = found.one(check)
    assert words in finding.text
    assert finding.verdict == verdict
    assert SECRET not in str(found.diagnosis)
    # The answer that was put in its place has none of Trakt's headers.
    lost = {"Trakt limits"} if path == "/sync/last_activities" else set()
    if path == "/sync/history":
        assert "X-Pagination-Limit: missing" in finding.text or verdict == "problem"
    assert found.complaints.keys() == {check} | lost


async def test_a_changed_shape_of_seasons_is_named_on_both_catalogues(
    tmp_path: Path,
) -> None:
    season = {"season_number": 1, "episodes": [{"episode_number": 1}]}
    show = TMDB | {f"season/{number}": season for number in range(1, 30)}
    async with patient(tmp_path) as where:
        answer_with(where.trakt, "/shows/", [{"number": 1}])
        answer_with(where.tmdb, "/3/tv/", show)
        found = await look(well(where))
    assert found.one("Trakt seasons").text == "episodes: missing"
    assert found.one("TMDB show and season").text == "episodes.air_date: missing"
    for check, verdict in found.complaints.items():
        assert verdict is Verdict.WARNING
        assert "no season is collapsed" in (found.one(check).remedy or "")
