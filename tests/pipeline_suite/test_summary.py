"""Writes by what they are about."""

from __future__ import annotations

import pytest

from sync.domain.plan import Action, Operation
from sync.domain.plays import Key
from sync.pipeline.summary import Writes, count_writes, say_writes
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


@pytest.mark.parametrize(
    ("seasons", "episodes", "films", "words"),
    [
        (0, 0, 0, ""),
        (1, 0, 0, "1 season entry"),
        (5, 0, 0, "5 season entries"),
        (0, 1, 0, "1 episode entry"),
        (0, 0, 2000, "2,000 film entries"),
        (3, 10, 0, "3 season + 10 episode entries"),
        (2, 1, 0, "2 season entries + 1 episode"),
        (1, 1, 0, "1 season entry + 1 episode"),
        (1, 2, 3, "1 season + 2 episode + 3 film entries"),
        (1, 2, 1, "1 season + 2 episode entries + 1 film"),
    ],
)
def test_entries_are_said_by_what_they_are_about(
    seasons: int, episodes: int, films: int, words: str
) -> None:
    assert say_writes(Writes(seasons, episodes, films, 0, 0)) == words


def test_other_writes_are_said_after_them() -> None:
    assert say_writes(Writes(0, 0, 0, 1, 1)) == "1 set to watched, 1 zero"
    assert say_writes(Writes(1, 0, 0, 1200, 2)) == (
        "1 season entry, 1,200 set to watched, 2 zeros"
    )
