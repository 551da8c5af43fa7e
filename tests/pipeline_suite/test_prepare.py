"""What is looked for before anything is planned."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sync.domain.plays import Key, Place
from sync.pipeline import prepare
from sync.pipeline.missing import look_again
from sync.wiring.bootstrap import build
from tests.pipeline_suite.test_sync import life
from tests.safety.accounts import film, watched_on

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    import pytest


async def test_what_would_be_added_is_looked_for_where_the_list_is_short_and_only_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_for: list[set[Place]] = []

    async def look(*args: Any, suspects: Collection[Place], **options: Any) -> Any:
        looked_for.append({*suspects})
        return await look_again(*args, suspects=suspects, **options)

    async def expect(number: int, *_: Any) -> int:
        return number

    async with life(tmp_path) as it:
        new = film(50)
        it.account.titles.append(new)
        it.account.add_play(new, it.clock.now())
        # This one stands there: it would be set.
        it.place.discovr.person_sets(Key("MV_102"), 40, at=watched_on(0))
        it.account.add_play(it.account.find("Film 2"), it.clock.now())
        monkeypatch.setattr(prepare, "look_again", look)
        standing = len(it.entries())
        for number in (standing - 1, standing, standing + 1):
            monkeypatch.setattr(prepare, "count_expected", partial(expect, number))
            async with build(it.place.settings, clock=it.clock, is_dry=True) as run:
                await prepare.prepare(run, is_dry=True)
    # A season under a default is looked at too: without dates, all of it may be new.
    assert looked_for == [set(), set(), {Place("MV_150", None), Place("TV_201", 1)}]
