"""What is kept of each title after a run, and by what settings a run is known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from sync.config import Settings
from sync.domain.desired import transform
from sync.domain.histories import SeasonFacts, TitleHistory
from sync.domain.plan import Action, Cover, Fate, Operation, Plan, SeasonNote
from sync.domain.plays import Key, Place, title_key
from sync.domain.rules import Rules
from sync.domain.watermark import Watermark
from sync.ledger.fact_names import BALANCE, LEFT_OUT, MOVE
from sync.pipeline.checkpoint import (
    Checkpoint,
    histories_of,
    recall_kept,
    steering,
)
from tests.factories import at, episode, film, play, show

if TYPE_CHECKING:
    from collections.abc import Collection

    from sync.domain.plays import Play

FILM = Key("MV_501")
SEASON, FIRST, SECOND = (Key("TV_501", 1, n) for n in (None, 1, 2))
ONE, OTHER = title_key(film()), title_key(show())


def report(
    plays: list[Play],
    fates: dict[Key, Fate],
    *,
    known: dict[str, TitleHistory] | None = None,
    seasons: tuple[SeasonNote, ...] = (),
    failed: tuple[Operation, ...] = (),
    airings: Any = None,
) -> Any:
    prepared = SimpleNamespace(
        whole=SimpleNamespace(
            desired=transform(plays, {}), extraction=SimpleNamespace(plays=plays)
        ),
        plan=Plan((), fates, seasons),
        known=known or {},
        rules=Rules(airings=airings or {}),
    )
    return SimpleNamespace(prepared=prepared, failed=failed)


def kept(*plays: Play, **fields: Any) -> TitleHistory:
    title = plays[0].title
    media = "MV_501" if title.kind == "film" else "TV_501"
    return TitleHistory(title, media, plays, **fields)


def test_each_title_has_its_plays_in_order_and_what_became_of_them() -> None:
    plays = [play(watched_at=at(2)), episode(1, 1), play(watched_at=at(1), id=None)]
    found = histories_of(report(plays, {FILM: Fate.WRITTEN, FIRST: Fate.COVERED}))
    assert found == {
        ONE: kept(plays[2], plays[0], fates={FILM: Fate.WRITTEN}),
        OTHER: kept(plays[1], fates={FIRST: Fate.COVERED}),
    }
    (alone,) = histories_of(report(plays, {}), only={ONE})
    assert alone == ONE


def test_what_failed_says_so_and_so_does_all_that_a_default_stood_for() -> None:
    plays = [episode(1, 1), episode(1, 2), play()]
    fates = {FIRST: Fate.COVERED, SECOND: Fate.COVERED, FILM: Fate.WRITTEN}
    default = Operation(
        Action.ADD, SEASON, at(), covers=(Cover(1, at()), Cover(2, at()))
    )
    found = histories_of(report(plays, fates, failed=(default,)))
    assert found[OTHER].fates == {FIRST: Fate.FAILED, SECOND: Fate.FAILED}
    assert found[ONE].fates == {FILM: Fate.WRITTEN}


def test_what_nobody_planned_is_what_it_was() -> None:
    first = episode(1, 1)
    before = kept(
        first, fates={FIRST: Fate.WRITTEN}, seasons=(SeasonFacts(1, "why", 3),)
    )
    same = histories_of(report([first], {}, known={OTHER: before}))
    assert same[OTHER] is before
    second = episode(1, 2)
    more = histories_of(report([first, second], {}, known={OTHER: before}))
    assert more[OTHER] == kept(
        first, second, fates=before.fates, seasons=before.seasons
    )


def test_what_is_no_longer_watched_has_no_fate_and_a_new_one_counts() -> None:
    first, second = episode(1, 1), episode(1, 2)
    before = kept(first, second, fates={FIRST: Fate.WRITTEN, SECOND: Fate.WRITTEN})
    now = report([second], {SECOND: Fate.KEPT}, known={OTHER: before})
    assert histories_of(now)[OTHER].fates == {SECOND: Fate.KEPT}
    gone = histories_of(report([second], {}, known={OTHER: before}))
    assert gone[OTHER].fates == {SECOND: Fate.WRITTEN}


def test_under_another_id_nothing_of_before_holds() -> None:
    first = episode(1, 1)
    before = TitleHistory(
        first.title,
        "TV_9",
        (first,),
        {Key("TV_9", 1, 1): Fate.WRITTEN, FIRST: Fate.KEPT},
        (SeasonFacts(3, "old", 1),),
    )
    found = histories_of(report([first], {}, known={OTHER: before}))
    assert found[OTHER] == kept(first)


def test_a_season_keeps_its_number_reason_savings_and_episodes() -> None:
    plays = [episode(number, 1) for number in (1, 2)]
    before = kept(
        *plays, seasons=(SeasonFacts(2, "old", 1), SeasonFacts(1, "older", 2))
    )
    note = SeasonNote(Place("TV_501", 2), 1, 1, 4, "new")
    airings = {Place("TV_501", 2): {1: None, 5: None}}
    now = report(plays, {}, known={OTHER: before}, seasons=(note,), airings=airings)
    assert histories_of(now)[OTHER].seasons == (
        SeasonFacts(1, "older", 2),
        SeasonFacts(2, "new", 4, frozenset({1, 5})),
    )


def settings(key: str | None = None, **history: Any) -> Settings:
    sections: dict[str, Any] = {"history": history}
    if key:
        sections["tmdb"] = {"api_key": SecretStr(key)}
    return Settings.model_validate(sections)


@pytest.mark.parametrize(
    "history",
    [
        {"collapse": "off"},
        {"conflict": "trakt"},
        {"plays": "all"},
        {"playback": False},
        {"skip": ["Tron"]},
        {"key": "k" * 32},
    ],
    ids=str,
)
def test_whatever_decides_what_is_written_tells_a_run_from_the_last(
    history: dict[str, Any],
) -> None:
    assert steering(settings(**history)) != steering(settings())
    assert len(steering(settings(**history))) == 16


def test_without_a_filter_it_is_what_older_ledgers_hold() -> None:
    assert steering(settings()) == "f525be96caa47e86"
    assert steering(settings("a" * 32)) == steering(settings("b" * 32))


def recalled(facts: Collection[str]) -> tuple[int, int, int]:
    balance = {"read": 5, "fates": {"written": 5}, "repeats": 0}
    all_facts = {
        BALANCE: balance,
        MOVE: balance | {"read": 9},
        LEFT_OUT: {
            "unmatched": [],
            "unsupported": [],
            "quarantined": [],
        },
    }
    mark = Watermark(at(), at(), at(), {})
    given = {name: value for name, value in all_facts.items() if name in facts}
    found = recall_kept(Checkpoint("p", mark, given))
    return found.balance.read, found.move.read, len(found.left_out.unmatched)


def test_what_is_kept_of_the_move_is_the_last_run_where_nobody_noted_it() -> None:
    assert recalled([]) == (0, 0, 0)
    assert recalled([BALANCE, LEFT_OUT]) == (5, 5, 0)
    assert recalled([BALANCE, MOVE]) == (5, 9, 0)
    assert recalled([MOVE]) == (0, 9, 0)
