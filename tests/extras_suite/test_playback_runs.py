"""Resume points as part of whole runs."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sync import migrate
from sync.sandbox.account.sample import own_entries, sample_account
from sync.sandbox.server.faults import Fault
from sync.sandbox.trakt.export import write_export
from tests.extras_suite.benches import FILM, SHOW, spoil
from tests.worlds import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sync.pipeline.result import Report

CARRIED = [(FILM, None, None, 43.5), (SHOW, 4, 7, 62.0)]


@asynccontextmanager
async def sample(folder: Path, **options: Any) -> AsyncIterator[World]:
    account = sample_account()
    async with world(account, folder, **options) as place:
        for own in own_entries(account):
            place.discovr.person_adds(own.key, progress=own.progress, at=own.at)
        yield place


def points(place: World) -> list[tuple[object, ...]]:
    kept = place.discovr.playback()
    return sorted((p.media, p.season, p.episode, p.progress) for p in kept)


def writes(place: World) -> int:
    return sum(seen.method in ("POST", "PATCH") for seen in place.discovr.seen) - len(
        place.discovr.requests("POST", "/auth/session-token")
    )


async def test_a_migration_carries_them_over_and_a_second_run_sends_nothing(
    tmp_path: Path,
) -> None:
    async with sample(tmp_path) as place:
        report = await place.migrate()
        assert report.is_complete
        assert points(place) == CARRIED
        assert report.playback is not None
        assert report.playback.seen == 2
        sent = writes(place)
        assert (await place.migrate()).is_complete
        assert writes(place) == sent


async def test_the_download_carries_the_same_points(tmp_path: Path) -> None:
    async with sample(tmp_path) as place:
        path = write_export(place.account, tmp_path / "trakt-export-me.zip")
        report = await migrate(place.settings, files=[path])
        assert report.is_complete
        assert points(place) == CARRIED
        assert place.trakt.requests(path="/sync/playback") == []


async def test_they_go_alone_where_the_history_is_in_place(tmp_path: Path) -> None:
    asked = []

    async def confirm(report: Report) -> bool:
        asked.append(report)
        return True

    async with sample(tmp_path) as place:
        await place.migrate()
        at = place.account.pauses[0].paused_at.replace(day=30)
        place.account.pause(place.account.find("Conclave"), 70, at)
        report = await place.migrate(confirm=confirm)
        assert len(asked) == 1
        assert report.run is None
        assert points(place)[0] == (FILM, None, None, 70)


async def test_a_dry_run_shows_them_and_writes_nothing(tmp_path: Path) -> None:
    async with sample(tmp_path) as place:
        report = await place.plan()
        assert report.playback is not None
        assert len(report.playback.plan.chosen) == 2
        assert writes(place) == 0


async def test_a_fault_on_the_way_leaves_the_history_complete(tmp_path: Path) -> None:
    async with sample(tmp_path) as place:
        path = "/profile/playback"
        spoil(place.discovr, Fault.answer(401), "POST", path, times=None)
        report = await place.migrate()
        assert not report.is_complete
        assert report.failed == ()
        place.discovr.faults = None
        assert (await place.migrate()).is_complete
        assert points(place) == CARRIED


async def test_switched_off_nothing_is_carried(tmp_path: Path) -> None:
    async with sample(tmp_path, history={"playback": False}) as place:
        assert (await place.migrate()).is_complete
        assert points(place) == []
