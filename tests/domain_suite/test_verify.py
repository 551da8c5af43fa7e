"""What differs between a profile and what should be there: each difference alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sync.domain.plan import Action, Operation, Plan
from sync.domain.plays import Key
from sync.domain.verify import Provenance, Verification, compare
from tests.factories import at, desired, entry, episode, play

if TYPE_CHECKING:
    from sync.domain.entries import Entry

FILM, OTHER = Key("MV_501"), Key("MV_9")
SEASON, EPISODE = Key("TV_501", 1), Key("TV_501", 1, 2)


@pytest.mark.parametrize(
    ("field", "is_whole", "is_clean"),
    [
        ("missing", False, False),
        ("doubled", False, False),
        ("unexpected", True, False),
        ("foreign", True, False),
        ("elsewhere", True, True),
        (None, True, True),
    ],
)
def test_each_difference_counts(
    field: str | None, *, is_whole: bool, is_clean: bool
) -> None:
    found = Verification(1, **{field: (FILM,)} if field else {})
    assert (found.is_whole, found.is_clean) == (is_whole, is_clean)


def label(key: Key, day: float = 0, **fields: Any) -> Entry:
    return entry(key, at(day), **{"imported": "trakt"} | fields)


def differences(
    *there: Entry, known: Provenance | None = None, operations: Any = ()
) -> dict[str, tuple[Key, ...]]:
    plan = Plan(tuple(operations), {})
    watched = desired(play(), episode(1, 1))
    found = compare(watched, plan, there, "trakt", known)
    assert found.entries == len(there)
    fields = ("missing", "doubled", "unexpected", "foreign", "elsewhere")
    return {name: value for name in fields if (value := getattr(found, name))}


def test_what_is_there_as_it_was_watched_is_no_difference() -> None:
    assert differences(label(FILM), label(SEASON)) == {}
    assert differences(label(Key("TV_501", 1, 1)), entry(OTHER)) == {}
    assert differences(label(OTHER, imported="x"), label(OTHER, progress=79)) == {}


def test_what_a_plan_would_still_write_is_missing_and_a_zero_is_not() -> None:
    operations = [
        *(Operation(Action.ADD, key, at(day)) for key, day in ((FILM, 1), (FILM, 2))),
        Operation(Action.SET, EPISODE, at(), progress=0),
        Operation(Action.ADD, Key("AA_1"), at()),
    ]
    assert differences(operations=operations) == {"missing": (Key("AA_1"), FILM)}


def test_one_viewing_is_doubled_that_stands_twice_at_its_minute() -> None:
    twice = {"doubled": (FILM,)}
    assert differences(label(FILM), label(FILM)) == twice
    assert differences(label(FILM), label(FILM, 1)) == {}
    assert differences(label(FILM), entry(FILM)) == {}
    undated = label(FILM)
    assert differences(*[entry(FILM, None, imported="trakt")] * 2) == {}
    assert differences(undated, undated, undated) == twice


@pytest.mark.parametrize("key", [OTHER, EPISODE, Key("TV_501", 2), Key("TV_9", 1)])
def test_what_nobody_watched_is_told_by_where_it_came_from(key: Key) -> None:
    number = key._replace(episode=7) if key.season and key.episode is None else key
    for known, name in (
        (None, "foreign"),
        (Provenance(written={key}), "elsewhere"),
        (Provenance(held={number}), "elsewhere"),
        (Provenance(gone={number}), "unexpected"),
        (Provenance(gone={number}, written={key}), "unexpected"),
        (Provenance(held={number}, gone={number}), "elsewhere"),
        (Provenance(gone={Key("MV_7")}, held={Key("TV_7", 1, 1)}), "foreign"),
    ):
        assert differences(label(key), known=known) == {name: (key,)}
    assert differences(label(key), known=Provenance(left_out={number})) == {}
