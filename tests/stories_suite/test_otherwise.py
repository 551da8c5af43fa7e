"""Downloads, copies, kept plans, resume points, and what is refused unless forced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.trakt.export import write_export
from sync.sandbox.trakt.quirks import TraktQuirks
from tests.safety.accounts import watched_on
from tests.stories_suite.story import mixed

if TYPE_CHECKING:
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion


@pytest.mark.parametrize("layout", ["flat", "nested", "traktexport", "backup"])
async def test_a_download_and_then_the_account(
    layout: Any, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    story = mixed(tmp_path)
    files = [write_export(story.account, tmp_path / "download.json", layout)]
    await story.migrate(files=files)
    story.watches("Film 4")
    story.forgets("Show 2", 2, 3)
    await story.sync()
    await story.sync(prune=True)
    await story.migrate(files=files)
    assert story.text == snapshot


async def test_an_account_and_then_a_download(
    tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    story = mixed(tmp_path)
    await story.migrate()
    story.forgets("Film 1")
    files = [write_export(story.account, tmp_path / "download.zip")]
    await story.sync(files=files, prune=True)
    story.watches("Film 1")
    await story.sync(prune=True)
    assert story.text == snapshot


async def test_a_kept_plan(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    story = mixed(tmp_path)
    file = tmp_path / "plan.json"
    await story.plan(file)
    story.adds("MV_104", progress=100, days=2)
    await story.apply(file)
    story.removes("MV_104")
    await story.apply(file)
    await story.apply(file)
    story.watches("Film 4")
    await story.apply(file)
    await story.sync()
    assert story.text == snapshot


@pytest.mark.parametrize("ways", [{}, {"repeats": "merged", "order": "updated"}])
async def test_a_copy(
    ways: dict[str, Any], tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    quirks = DiscovrQuirks(**ways)
    story = mixed(tmp_path, history={"plays": "all"}, discovr_quirks=quirks)
    await story.migrate()
    story.wait(days=8)
    story.adds("MV_777", progress=50, days=3)
    await story.sync()
    story.watches("Film 3")
    await story.sync()
    copies = sorted((tmp_path / "copies").rglob("*.json"))
    for key in {entry.key for entry in story.place.discovr.entries()}:
        story.place.discovr.person_removes(key)
    story.say("the profile is emptied")
    story.adds("MV_103", progress=90, days=40)
    await story.restore(copies[0])
    await story.restore(copies[-1])
    await story.restore(copies[-1])
    await story.sync()
    await story.undo()
    assert story.text == snapshot


async def test_resume_points(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    story = mixed(tmp_path)
    account = story.account
    show = account.find("Show 2")
    account.pause(account.find("Film 9"), 20, watched_on(30))
    account.pause(account.find("Film 3"), 40, watched_on(31))
    account.pause(show, 55.5, watched_on(32), show.episode(2, 1))
    await story.migrate()
    account.pause(show, 70, watched_on(33), show.episode(2, 1))
    account.pause(account.find("Film 4"), 85, watched_on(33))
    await story.sync()
    story.watches("Show 2", 2, 1)
    await story.sync()
    assert story.text == snapshot


@pytest.mark.parametrize("number", [1, 7, 13])
async def test_a_reading_that_is_not_whole(
    number: int, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    usual = mixed(tmp_path / "usual")
    lost = frozenset({usual.account.plays[number].id})
    quirks = TraktQuirks(dropped_after_slicing=lost, drops_from_minimal=False)
    story = mixed(tmp_path / "other", quirks=quirks)
    await story.migrate()
    await story.migrate(accept_incomplete=True)
    story.watches("Film 4")
    await story.sync()
    await story.sync(accept_incomplete=True)
    # Nobody knows of everything what was not read whole.
    assert "verified: everything" not in story.text
    assert "verified: all that could be read is in its place" in story.text
    assert story.text == snapshot


async def test_refused_until_it_is_forced(
    tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    story = mixed(tmp_path, copies=2, history={"conflict": "trakt"})
    await story.migrate()
    for name in [title.name for title in story.account.titles]:
        story.forgets(name)
    await story.sync(prune=True)
    await story.sync(prune=True, is_forced=True)
    story.watches("Film 1")
    await story.sync(prune=True)
    await story.sync(prune=True, is_forced=True)
    assert story.text == snapshot


async def test_another_profile_of_that_name(
    tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    story = mixed(tmp_path)
    await story.migrate()
    story.say("the profile is replaced by a new one of the same name")
    story.place.discovr.person_replaces_profile("Me")
    await story.sync()
    await story.undo()
    assert story.text == snapshot


async def test_odd_records(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    odd: dict[int, Any] = {}
    story = mixed(tmp_path, quirks=TraktQuirks(odd=odd))
    plays = [play.id for play in story.account.plays]
    odd[plays[0]] = lambda record: record | {"watched_at": "yesterday"}
    odd[plays[5]] = lambda record: record | {"episode": None}
    odd[plays[12]] = lambda record: record | {"movie": {"title": None, "ids": {}}}
    await story.migrate()
    await story.migrate(accept_incomplete=True)
    del odd[plays[0]]
    story.watches("Film 4")
    await story.sync(accept_incomplete=True)
    await story.sync(prune=True, accept_incomplete=True)
    odd.clear()
    story.watches("Film 3")
    await story.sync()
    assert story.text == snapshot
