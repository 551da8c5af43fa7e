"""First runs, and runs that follow them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.trakt.quirks import TraktQuirks
from tests.stories_suite.story import differing, mixed, told

if TYPE_CHECKING:
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion

    from tests.stories_suite.story import Story


async def runs(story: Story) -> None:
    await story.plan()
    await story.migrate()
    await story.sync()
    await story.verify()
    await story.undo()


async def life(story: Story) -> None:
    await story.sync()
    story.watches("Show 2", 1, 4)
    story.watches("Film 4")
    story.watches("Film 2")
    story.watches("Show 1", 1, 2)
    await story.sync()
    story.wait(days=1)
    story.forgets("Film 1")
    story.forgets("Show 1", 1, 3)
    await story.sync()
    await story.sync(prune=True)
    story.wait(days=7)
    await story.sync()
    story.watches("Film 1")
    story.watches("Show 1", 1, 3)
    await story.sync(prune=True)
    await story.undo(1)
    await story.undo(is_each=True)


async def moves(story: Story) -> None:
    await story.migrate()
    plays = story.account.plays_of(story.account.find("Film 2"))
    story.say("Film 2 was watched a day later, after all")
    story.account.move_play(plays[0].id, plays[0].watched_at.replace(day=9))
    await story.sync()
    episode = story.account.plays_of(story.account.find("Show 2"), 1, 3)[0]
    story.say("Show 2 (1, 3) counts for episode 4")
    story.account.renumber_play(episode.id, 4)
    await story.sync()
    await story.sync(prune=True)
    story.wait(days=8)
    await story.sync(prune=True)


async def person(story: Story) -> None:
    await story.migrate()
    story.removes("MV_101")
    story.adds("MV_104", progress=10, days=2000)
    story.adds("TV_201", 1, 3, progress=0, days=2000)
    story.adds("TV_202", 2, 1, progress=100, days=2000)
    await story.sync()
    story.wait(days=8)
    await story.sync()
    story.watches("Film 1")
    await story.sync()
    await story.verify()
    await story.undo()


SCRIPTS = [runs, life, moves, person]
#: What is set otherwise than usual, or how the services behave otherwise.
WAYS: list[dict[str, Any]] = [
    {"plays": "all"},
    {"conflict": "trakt"},
    {"conflict": "discovr"},
    {"collapse": "fewest"},
    {"collapse": "off", "plays": "all", "conflict": "discovr"},
    {"only": "films", "since": "2022-05-08"},
    {"skip": ["Film 1", "Show 2"]},
    {"has_tmdb": False},
    {"has_client_id": False},
    {"has_tmdb": False, "has_client_id": False},
]
DISCOVR: list[dict[str, Any]] = [
    {"repeats": "merged"},
    {"repeats": "counted"},
    {"patch_moves_time": True, "patch_drops_label": True},
    {"precision": "minutes", "zone": "none", "order": "updated"},
    {"unknown_status": 404, "write_status": 204},
    {"drops_label": True, "delete_without_episode": "season"},
    {"delete_without_episode": "refused", "delete_repeats": "newest"},
    {"ignores_time": True, "shifting_cursors": True},
]
TRAKT: list[dict[str, Any]] = [
    {"page_count_delta": 2, "minimal_unavailable": 404},
    {"empty_pages": frozenset({1})},
    {"no_pagination_headers": True, "activities": "null"},
    {"activities": "sparse", "missing_ids": "zero"},
    {"minimal_limit": 3, "minimal_page_limit": 2},
    {"unstable_ties": True, "repeats_across_pages": 1},
]


def named(ways: object) -> str:
    """Name a case by what is not as usual."""
    if isinstance(ways, dict):
        return "-".join(f"{k}={v}" for k, v in ways.items())
    return getattr(ways, "__name__", str(ways))


@pytest.mark.parametrize("script", SCRIPTS, ids=named)
async def test_as_usual(
    script: Any, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    assert await told(script, mixed(tmp_path)) == snapshot


@pytest.mark.parametrize(
    ("script", "ways"),
    [*((life, ways) for ways in WAYS), *((person, ways) for ways in WAYS[1:4])],
    ids=named,
)
async def test_set_otherwise(
    script: Any, ways: dict[str, Any], tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    of_world = {k: v for k, v in ways.items() if k.startswith("has_")}
    history = {k: v for k, v in ways.items() if k not in of_world}
    story = mixed(tmp_path / "other", history=history, **of_world)
    assert await differing(script, story, mixed(tmp_path / "usual")) == snapshot


@pytest.mark.parametrize("ways", DISCOVR, ids=named)
async def test_another_discovr(
    ways: dict[str, Any], tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    quirks = DiscovrQuirks(**ways)
    history = {"plays": "all"}
    story = mixed(tmp_path / "other", discovr_quirks=quirks, history=history)
    usual = mixed(tmp_path / "usual", history=history)
    assert await differing(life, story, usual) == snapshot


@pytest.mark.parametrize("ways", TRAKT, ids=named)
async def test_another_trakt(
    ways: dict[str, Any], tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    story = mixed(tmp_path / "other", quirks=TraktQuirks(**ways))
    assert await differing(life, story, mixed(tmp_path / "usual")) == snapshot
