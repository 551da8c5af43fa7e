from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sync.domain.plan import Cover, Fate
from sync.domain.plays import Key
from sync.ledger.packed import (
    pack_covers,
    pack_fates,
    pack_numbers,
    unpack_covers,
    unpack_fates,
    unpack_numbers,
)

if TYPE_CHECKING:
    from random import Random

zones = st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours)))
moments = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001  # made aware beside it
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001  # made aware beside it
    timezones=zones,
)
minutes = moments.map(lambda at: at.replace(second=0, microsecond=0))


def covers_of(times: st.SearchStrategy[datetime]) -> st.SearchStrategy[list[Cover]]:
    return st.lists(st.builds(Cover, st.integers(0, 10**6), times), max_size=5)


@given(covers_of(minutes) | covers_of(moments))
def test_covers_come_back_to_the_microsecond(covers: list[Cover]) -> None:
    assert [*unpack_covers(json.loads(json.dumps(pack_covers(covers))))] == covers


def test_covers_at_whole_minutes_are_short_and_read_as_they_were_before() -> None:
    day = datetime(2020, 1, 1, 20, tzinfo=UTC)
    covers = [Cover(n, day + timedelta(days=n)) for n in range(1, 14)]
    before = [[n, at.isoformat()] for n, at in covers]
    assert [*unpack_covers(before)] == covers
    packed = pack_covers(covers)
    assert packed == [1] * 13 + [26_299_920] + [1440] * 12
    assert len(json.dumps(packed)) * 3 < len(json.dumps(before))


@given(st.sets(st.integers(-3, 40)))
def test_numbers_come_back_in_order(numbers: set[int]) -> None:
    packed = pack_numbers(numbers)
    assert [*unpack_numbers(packed)] == sorted(numbers)
    assert len(packed) <= 2 * len(numbers)


def test_a_season_without_a_gap_is_one_run() -> None:
    assert pack_numbers(range(1, 25)) == [1, 24]


places = st.tuples(st.integers(0, 3), st.integers(0, 9)) | st.just((None, None))


@given(st.dictionaries(places, st.sampled_from(Fate)), st.randoms())
def test_fates_come_back_however_they_came(
    fates: dict[tuple[int | None, int | None], Fate], chance: Random
) -> None:
    keys = [Key("TV_1", *place) for place in fates]
    chance.shuffle(keys)
    packed = pack_fates({key: fates[key[1:]] for key in keys})
    seasons = unpack_fates(packed)
    assert {(s, e): f for s in seasons for e, f in seasons[s].items()} == fates
    assert packed == pack_fates({Key("TV_1", *p): fate for p, fate in fates.items()})


def test_a_season_of_one_fate_is_one_run_in_any_order() -> None:
    backwards = {Key("TV_1", 2, n): Fate.COVERED for n in range(24, 0, -1)}
    assert pack_fates(backwards) == [[2, 1, 24, "covered"]]
