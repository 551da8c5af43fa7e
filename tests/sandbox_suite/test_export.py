"""Downloads and backups written from an account hold the same plays as the API."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from sync.sandbox import (
    TraktStandIn,
    sample_account,
    synthetic_account,
    write_export,
)
from tests.standins import calling_trakt, hand_clock

if TYPE_CHECKING:
    from pathlib import Path

    from sync.sandbox.trakt.export import Layout


def members(path: Path) -> dict[str, Any]:
    """Read a zip or a folder."""
    if path.is_file():
        with zipfile.ZipFile(path) as archive:
            return {name: json.loads(archive.read(name)) for name in archive.namelist()}
    return {
        file.relative_to(path).as_posix(): json.loads(file.read_bytes())
        for file in path.rglob("*.json")
    }


async def api_items(**query: object) -> list[Any]:
    service = TraktStandIn(sample_account(), now=hand_clock().now)
    async with calling_trakt(service) as call:
        pages = [
            (await call.get("/sync/history", page=page, limit=250, **query)).json
            for page in range(1, 5)
        ]
    return [item for page in pages for item in page]


@pytest.mark.parametrize(
    ("layout", "prefix"),
    [("flat", "watched-history-"), ("nested", "sandbox/watched/history-")],
)
@pytest.mark.parametrize("target", ["export.zip", "folder"])
async def test_the_pages_of_a_download_are_those_of_the_api(
    tmp_path: Path, layout: Layout, prefix: str, target: str
) -> None:
    path = write_export(sample_account(), tmp_path / target, layout)
    found = members(path)
    pages = [found[f"{prefix}{number}.json"] for number in range(1, 5)]
    assert f"{prefix}5.json" not in found
    assert [item for page in pages for item in page] == await api_items()


async def test_a_traktexport_file_is_one_object(tmp_path: Path) -> None:
    path = write_export(sample_account(), tmp_path / "t.json", "traktexport")
    whole = json.loads(path.read_bytes())
    assert whole["type"] == "partial"
    assert whole["history"] == await api_items()


async def test_a_backup_has_films_and_episodes_apart(tmp_path: Path) -> None:
    found = members(write_export(sample_account(), tmp_path / "b.zip", "backup"))
    films, shows = found["history_movies.json"], found["history_shows.json"]
    assert {item["type"] for item in films} == {"movie"}
    everything = films + shows
    assert sorted(item["id"] for item in everything) == sorted(
        item["id"] for item in await api_items()
    )


def test_a_short_history_is_one_member_without_a_number(tmp_path: Path) -> None:
    found = members(write_export(synthetic_account(3), tmp_path / "e.zip"))
    assert len(found["watched-history.json"]) == 3
    nested = members(write_export(synthetic_account(3), tmp_path / "n.zip", "nested"))
    assert len(nested["sandbox/watched/history-1.json"]) == 3


def test_the_flat_layout_brings_the_other_members_and_errors_on_demand(
    tmp_path: Path,
) -> None:
    error = {"endpoint": "watched-history", "error": "timeout", "fetchedPages": 1}
    found = members(write_export(sample_account(), tmp_path / "e.zip", errors=[error]))
    assert found["_errors.json"] == [error]
    assert found["user-stats.json"]["movies"] == {"plays": 61, "watched": 49}
    assert found["user-settings.json"]["account"]["timezone"] == "Europe/Berlin"
    assert len(found["watched-playback.json"]) == 5
    assert len(found["watched-movies.json"]) == 49
    assert "seasons" not in found["watched-shows.json"][0]
    assert "movies" in found["user-last-activities.json"]


def test_old_downloads_keep_the_seconds_and_the_nested_one_the_seasons(
    tmp_path: Path,
) -> None:
    path = write_export(
        sample_account(),
        tmp_path / "n.zip",
        "nested",
        keeps_seconds=True,
        page_size=1000,
    )
    found = members(path)
    seconds = {
        item["watched_at"][17:19] for item in found["sandbox/watched/history-1.json"]
    }
    assert seconds == {"00", "12", "37"}
    assert "seasons" in found["sandbox/watched/watched-shows.json"][0]
