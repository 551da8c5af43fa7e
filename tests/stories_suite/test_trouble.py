"""What goes wrong, and what the runs after it make of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sync.runtime.stop import Stop
from sync.sandbox.discovr.visibility import Lie
from sync.sandbox.server.faults import Fault
from tests.stories_suite.story import Story, differing, mixed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiohttp import web
    from syrupy.assertion import SnapshotAssertion

FAULTS = {
    "500": Fault.answer(500),
    "500 done": Fault.answer(500, takes_effect=True),
    "page": Fault.html(),
    "garbled": Fault.garbled(),
    "429": Fault.answer(429, retry_after=20),
    "400": Fault.answer(400),
    "401": Fault.answer(401),
    "403": Fault.answer(403),
    "404": Fault.answer(404),
    "blocked": Fault.cloudflare(),
}


def is_write(request: web.Request) -> bool:
    return request.method != "GET" and request.path.startswith("/profile/history")


def is_read(request: web.Request) -> bool:
    return request.method == "GET"


def spoiling(
    fault: Fault, is_meant: Callable[[web.Request], bool], *, skip: int, times: int
) -> Callable[[web.Request, int], Fault | None]:
    """Spoil so many of the answers that are meant, after the first few."""
    seen = [0]

    def plan(request: web.Request, _: int) -> Fault | None:
        seen[0] += is_meant(request)
        is_in_time = is_meant(request) and skip < seen[0] <= skip + times
        return fault if is_in_time else None

    return plan


async def carried(story: Story) -> None:
    await story.migrate()
    story.all_is_well()
    await story.sync()
    await story.undo()


@pytest.mark.parametrize(
    ("fault", "times"),
    [*((fault, 2) for fault in FAULTS), ("500", 99), ("400", 99), ("403", 99)],
)
async def test_writes_that_fail(
    fault: str, times: int, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    story = mixed(tmp_path / "other")
    plan = spoiling(FAULTS[fault], is_write, skip=1, times=times)
    story.place.discovr.faults = plan
    assert await differing(carried, story, mixed(tmp_path / "usual")) == snapshot


@pytest.mark.parametrize("fault", ["500", "401", "404", "429", "garbled"])
@pytest.mark.parametrize(
    ("service", "skip"), [("trakt", 0), ("trakt", 3), ("discovr", 2), ("tmdb", 0)]
)
async def test_readings_that_fail(
    service: str, fault: str, skip: int, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    story = mixed(tmp_path / "other")
    plan = spoiling(FAULTS[fault], is_read, skip=skip, times=99)
    getattr(story.place, service).faults = plan
    assert await differing(carried, story, mixed(tmp_path / "usual")) == snapshot


async def undone(story: Story) -> None:
    await story.migrate()
    story.all_is_well()
    story.place.discovr.faults = story.later
    await story.undo()
    story.all_is_well()
    await story.undo()


@pytest.mark.parametrize(
    ("fault", "times"),
    [("500 done", 2), ("400", 2), ("404", 2), ("500", 99), ("403", 99)],
)
async def test_removals_that_fail(
    fault: str, times: int, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    story = mixed(tmp_path / "other")
    story.later = spoiling(FAULTS[fault], is_write, skip=1, times=times)
    assert await differing(undone, story, mixed(tmp_path / "usual")) == snapshot


async def lied_to(story: Story) -> None:
    await story.migrate()
    story.lie()
    await story.migrate()
    story.wait(days=8)
    await story.sync()
    await story.undo()


@pytest.mark.parametrize(
    ("big", "title"),
    [
        (Lie(ends_after=0), Lie()),
        (Lie(ends_after=3), Lie()),
        (Lie(ends_after=0), Lie(ends_after=0)),
        (Lie(ends_after=3, readings=1), Lie()),
        (Lie(), Lie(ends_after=0)),
        (Lie(ends_after=0), Lie(ends_after=0, readings=3)),
    ],
)
async def test_lists_that_lie(
    big: Lie, title: Lie, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    story = mixed(tmp_path / "other", copies=2)
    story.lies = big, title
    usual = mixed(tmp_path / "usual", copies=2)
    assert await differing(lied_to, story, usual) == snapshot


async def stopped(story: Story) -> None:
    for method in ("POST", "DELETE"):
        run: Any = story.migrate if method == "POST" else story.undo
        stop = Stop()
        story.place.discovr.faults = stopping(stop, method, story.writes)
        await run(stop=stop)
        await run()


@pytest.mark.parametrize("writes", [0, 1, 2, 5])
async def test_stopped(
    writes: int, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    story = mixed(tmp_path / "other")
    story.writes = writes
    assert await differing(stopped, story, mixed(tmp_path / "usual")) == snapshot


def stopping(stop: Stop, method: str, after: int) -> Callable[[web.Request, int], None]:
    """Ask for a stop with the write after so many."""
    seen = [0]

    def plan(request: web.Request, _: int) -> None:
        seen[0] += is_write(request) and request.method == method
        if seen[0] > after:
            stop.request()

    return plan
