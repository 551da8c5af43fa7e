"""Which shows are asked about while their plays are still being read."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from sync.domain.filters import Sieve
from sync.domain.plays import Key, Place
from sync.domain.rules import Mode
from sync.pipeline.ahead import EarlyLookUp
from sync.ports import EagerSource
from tests.factories import T0, at, episode, film, play, show

if TYPE_CHECKING:
    from sync.domain.plays import Play, Title
    from sync.transform.air_dates import Question


def look_up(*titles: Title, mode: Mode = Mode.CLEAN) -> EarlyLookUp:
    """Ride ahead, with the ids of these titles known and those of others not."""
    history = SimpleNamespace(collapse=mode)
    services: Any = SimpleNamespace(settings=SimpleNamespace(history=history))
    found = EarlyLookUp(services, is_kept=False)
    found._media = {id(t): f"TV_{t.ids.tmdb}" for t in titles}
    found._titles = {f"TV_{t.ids.tmdb}": t for t in titles}
    return found


def choose(found: EarlyLookUp, *plays: Play) -> Question | None:
    for one in plays:
        found._media.setdefault(id(one.title), None)
    return found._choose(plays)


async def test_two_episodes_of_a_known_season_are_worth_its_dates_and_once() -> None:
    title = show(1)
    found = look_up(title)
    first, second = (episode(2, n, at(n), title) for n in (1, 2))
    assert choose(found, first) is None
    question = choose(found, play(film(1)), second)
    assert question is not None
    assert question.wanted == {"TV_501": {2}}
    assert question.since == {Place("TV_501", 2): at(2)}
    assert choose(found, episode(2, 3, at(3), title)) is None


async def test_what_can_make_no_default_is_not_asked_about() -> None:
    title, nobody = show(1), show(2)
    for plays in (
        [episode(1, n, title=nobody) for n in (1, 2)],  # without an id
        [episode(0, n, title=title) for n in (1, 2)],
        [play(title, season=1) for _ in range(2)],
        [episode(1, n, title=title) for n in (0, 1)],
        [episode(1, 1, at(n), title) for n in (0, 1)],
        [episode(n, 1, title=title) for n in (1, 2)],
    ):
        assert choose(look_up(title), *plays) is None
    two = [episode(1, n, title=title) for n in (1, 2)]
    assert choose(look_up(title, mode=Mode.OFF), *two) is None
    left_out = look_up(title)
    left_out._sieve = Sieve(since=T0 + timedelta(days=1))
    assert choose(left_out, *two) is None
    there = look_up(title)
    there._there = {Key("TV_501", 1, 1)}
    assert choose(there, *two) is None
    standing = look_up(title)
    standing._standing = {Place("TV_501", 1)}
    assert choose(standing, two[0]) is not None


async def test_a_stop_leaves_nobody_who_has_to_be_told() -> None:
    found = look_up()
    found._services = Mock()
    found._services.catalogue.is_empty = False
    found._services.source = Mock(spec=EagerSource)
    riding = asyncio.create_task(found.run())
    await asyncio.sleep(0)
    riding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await riding
    found.know([])
