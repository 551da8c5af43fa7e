"""Writes by what they are about."""

from __future__ import annotations

from sync.domain.plan import Action, Operation
from sync.domain.plays import Key
from sync.pipeline.summary import Writes, count_writes
from tests.factories import T0


def test_every_write_counts_once_by_what_it_is_about() -> None:
    film, season, episode = Key("MV_1"), Key("TV_1", 1), Key("TV_1", 1, 2)
    operations = [
        *(Operation(Action.ADD, key, T0) for key in (film, season, season)),
        *(Operation(Action.ADD, key, T0) for key in (episode, episode, episode)),
        *(Operation(Action.SET, key, T0) for key in (film, season, episode, episode)),
        *(Operation(Action.SET, episode, T0, progress=0) for _ in range(5)),
    ]
    found = count_writes(operations)
    assert found == Writes(seasons=2, episodes=3, films=1, changes=4, zeros=5)
    assert found.total == 15
    assert count_writes([]).total == 0
