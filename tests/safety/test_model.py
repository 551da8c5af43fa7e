"""What the state machine takes for true is what the stand-ins tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.domain.filters import Filter
from sync.domain.plays import title_key
from tests.safety.reading import shown, watched
from tests.safety.test_machine import SKIPS, account_with_twins
from tests.worlds import world

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_client_reads_of_no_episode_that_tmdb_lacks(tmp_path: Path) -> None:
    """Titles may share a TMDB id; TMDB has one show of that number."""
    account, _ = account_with_twins()
    show = account.find("Show 1")
    for play in account.plays_of(show):
        if play.episode and play.episode.number > 2:
            account.remove_play(play.id)
    async with world(account, tmp_path) as place:
        assert (await place.migrate()).is_complete
        assert shown(account, place.discovr.entries()).maybe == watched(account).keys()


async def test_each_skip_names_what_the_machine_says(tmp_path: Path) -> None:
    account, _ = account_with_twins()
    account.add_play(account.find("Twin of Film 1"), None)
    account.add_play(account.find("Twin of Show 1"), None, season=1, number=1)
    async with world(account, tmp_path) as place:
        plays = (await place.extract()).plays
    titles = {title_key(play.title): play.title for play in plays}
    for skip, names in SKIPS:
        sieve = Filter(skip=(skip,)).over(titles.values())
        assert {titles[key].name for key in sieve.reasons} == names, skip
