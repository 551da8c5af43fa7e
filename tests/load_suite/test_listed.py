"""What the service lists, as entries: each form of an id, and what is left unsaid."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.discovr.models import HistoryItem
from sync.domain.plays import Key
from sync.load.discovr import ContinueWatching, entry_from_api
from tests.factories import T0


def listed(**fields: Any) -> HistoryItem:
    return HistoryItem.model_validate({"id": "MV_550"} | fields)


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"id": "MV_550"}, Key("MV_550")),
        ({"id": "TV_1396", "season": 1, "episode": 2}, Key("TV_1396", 1, 2)),
        ({"id": "TV_1396", "season": 1}, Key("TV_1396", 1)),
        # Older forms of an id, and a film that says it is in a season.
        ({"id": "TMDBID550"}, Key("MV_550")),
        ({"id": "550", "mediaType": "movie"}, Key("MV_550")),
        ({"id": "TMDBID1396", "mediaType": "tv", "season": 1}, Key("TV_1396", 1)),
        ({"id": "TV_TMDBID1396", "season": 1}, Key("TV_1396", 1)),
        ({"id": "MV_550", "mediaType": "tv", "season": 1}, Key("MV_550")),
        ({"id": "other", "season": 1, "episode": 2}, Key("other", 1, 2)),
    ],
)
def test_every_form_of_an_id_leads_to_one_key(fields: dict[str, Any], key: Key) -> None:
    assert entry_from_api(listed(**fields)).key == key


@pytest.mark.parametrize(
    ("fields", "progress"),
    [
        ({"progress": 30.5}, 30.5),
        ({"progress": 0, "completed": True}, 0),
        ({"completed": True}, 100),
        ({"completed": False}, 0),
        ({}, 0),
    ],
)
def test_without_a_progress_it_counts_whether_it_is_completed(
    fields: dict[str, Any], progress: float
) -> None:
    assert entry_from_api(listed(**fields)).progress == progress


def test_all_else_is_taken_as_it_is() -> None:
    said = {"imported": "trakt", "updatedAt": T0, "createdAt": T0, "watched_count": 3}
    found = entry_from_api(listed(**said))
    assert (found.imported, found.updated_at, found.created_at) == ("trakt", T0, T0)
    counts = [entry_from_api(listed(watched_count=n)).count for n in (3, 1, 0, None)]
    assert counts == [3, 1, 1, 1]


async def test_what_cannot_be_listed_is_not_an_empty_list() -> None:
    class Client:
        items: Any = None

        async def listed(self) -> Any:
            return self.items

    client: Any = Client()
    assert await ContinueWatching(client).read() is None
    client.items = [listed(progress=30), listed(id="MV_9")]
    assert await ContinueWatching(client).read() == {Key("MV_550"): 30.0}
