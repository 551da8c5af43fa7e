"""Which source a reading is of, and under which name it goes on."""

from __future__ import annotations

from sync.domain.sources import SourceRecord, resolve

MINE = frozenset({"name:mine"})
API, FILE, OTHER = (
    SourceRecord("trakt", "trakt", MINE),
    SourceRecord("a", "", MINE),
    SourceRecord("b", "letterboxd", MINE),
)


def test_the_way_that_leads_to_the_account_gives_the_name() -> None:
    for known in ([OTHER, FILE, API], [API, OTHER, FILE]):
        by = {
            channel: [part.id for part in resolve(known, channel, MINE, bool).parts]
            for channel in ("trakt", "letterboxd", "")
        }
        assert by == {
            "trakt": ["trakt", "a", "b"],
            "letterboxd": ["b", "a", "trakt"],
            "": ["a", "b", "trakt"],
        }
        assert resolve(known, "trakt", MINE, bool).id == "trakt"
