"""What is told of the titles that are left out: in one order, whatever they lack."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

from sync.domain.desired import transform
from sync.domain.plays import Ids, Title
from tests.factories import film, play


def named(trakt: int | None, year: int | None) -> Title:
    return replace(film(), year=year, ids=Ids(trakt=trakt, slug="film-1"))


def test_titles_of_one_name_come_by_year_and_id_and_those_without_go_first() -> None:
    in_order = [named(None, None), named(1, None), named(2, None), named(1, 2000)]
    for titles in permutations(in_order):
        left_out = transform(map(play, titles), {}).unmatched
        assert [left.title for left in left_out] == in_order
