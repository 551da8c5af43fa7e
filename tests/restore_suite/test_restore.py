"""What a copy holds and the profile lacks comes back as it was, once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import ConfigError, ContractError, TransientError
from sync import api
from sync.domain.entries import Entry
from sync.domain.plays import Key, to_minute
from sync.domain.writes import Outcome
from sync.errors import OtherProfileError
from sync.ledger import Ledger
from sync.load.breaker import RefusingServiceError
from sync.sandbox.account.account import Account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.visibility import Lie
from sync.sandbox.server.faults import Fault, seeded_faults
from tests.long import choose, examples
from tests.restore_suite.copies import TIMES, entries, own, put_down, standing
from tests.safety.accounts import mixed_account, watched_on
from tests.safety.arena import Phase, arena
from tests.safety.faults import MIX
from tests.safety.killing import run_until

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from aiohttp import web


QUIRKS = list(DiscovrQuirks.combinations())
QUIRKS += [replace(quirks, repeats="counted") for quirks in QUIRKS[::4]]
SHOW = Key("TV_201", 1)
COPIED = [
    own(Key("MV_101"), 100, day=1, label="trakt"),
    own(Key("MV_102"), 37.5, day=2),
    own(SHOW, 100, day=3, label="letterboxd"),
    own(SHOW._replace(episode=2), 0, day=4),
    own(SHOW._replace(episode=3), 100, day=5),
]
NOTHING: tuple[Account, list[Any]] = (Account([]), [])


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


@examples(4, 15, 100)
@given(
    st.lists(entries(st.none() | TIMES), max_size=8),
    st.lists(entries(), max_size=5),
    st.sampled_from(QUIRKS),
)
def test_what_is_missing_comes_back_as_it_was_and_once(
    copied: list[Entry], there: list[Entry], quirks: DiscovrQuirks
) -> None:
    with TemporaryDirectory() as folder:
        run(_comes_back(Path(folder), copied, there, quirks))


async def _comes_back(
    folder: Path, copied: list[Entry], there: list[Entry], quirks: DiscovrQuirks
) -> None:
    async with arena(NOTHING[0], folder, discovr=quirks) as place:
        for e in there:
            place.discovr.person_adds(
                e.key, progress=e.progress, at=e.updated_at, imported=e.imported
            )
        before, copy = standing(place), put_down(place, copied)
        done = await place.restore(copy)
        assert done.is_complete
        assert place.writes() == len(done.operations)
        left = {*(i.entry.key for i in done.compared.impossible)}
        assert {e.key for e in copied} - left <= {key for key, *_ in standing(place)}
        if quirks.repeats != "merged":
            assert not before - standing(place)
            back = standing(place) - before
            assert sorted(map(str, map(_cut, back.elements()))) == sorted(
                str(_cut((o.key, o.says, o.restored.at, o.restored.label)))
                for o in done.operations
                if o.restored
            )
        writes = place.writes()
        assert (await place.restore(copy)).operations == ()
        assert place.writes() == writes


def _cut(said: Any) -> tuple[Any, ...]:
    """Leave of a time what every service keeps; what was sent without one is new."""
    key, progress, at, label = said
    is_new = at is None or at.year > 2025
    return (key, progress, None if is_new else to_minute(at), label)


@pytest.mark.parametrize("seed", choose(range(1), range(12), range(200)))
async def test_faults_neither_double_nor_lose_anything(
    seed: int, tmp_path: Path
) -> None:
    quirks = QUIRKS[13 * seed % len(QUIRKS)]
    async with arena(NOTHING[0], tmp_path, discovr=quirks) as place:
        copy = put_down(place, COPIED)
        place.discovr.faults = seeded_faults(seed, 0.4, mix=MIX)
        for _ in range(3):
            with suppress(TransientError, RefusingServiceError, ContractError):
                await place.restore(copy)
            await place.discovr.settle()
        place.discovr.faults = None
        assert (await place.restore(copy)).is_complete
        assert sorted(map(_cut, standing(place)), key=str) == sorted(
            (_cut((e.key, e.progress, e.updated_at, e.imported)) for e in COPIED),
            key=str,
        )


#: As many requests as an undisturbed restore makes, and a few more.
MOMENTS = [(number, phase) for number in range(22) for phase in Phase]


@pytest.mark.parametrize("moment", choose(MOMENTS[17:18], MOMENTS[::5], MOMENTS))
async def test_killed_and_run_again_it_ends_as_if_never_killed(
    moment: tuple[int, Phase], tmp_path: Path
) -> None:
    number, phase = moment
    quirks = QUIRKS[11 * number % len(QUIRKS)]
    async with arena(NOTHING[0], tmp_path, discovr=quirks) as place:
        copy = put_down(place, COPIED)
        await run_until(place, place.restore(copy), _moment(number, phase))
        # The second run dies too, after its second write.
        writes = place.writes()
        await run_until(
            place, place.restore(copy), lambda _r, _p: place.writes() > writes + 1
        )
        done = await place.restore(copy)
        assert done.is_complete
        assert place.discovr.doubled() == {}
        assert len(place.discovr.appended) == len(COPIED)
        assert sum(standing(place).values()) == len(COPIED)
        async with await Ledger.open(place.settings.state.url) as ledger:
            assert await ledger.unsettled(done.profile, is_restored=True) == []
            rows = await ledger.rows(
                done.profile, outcome=Outcome.APPLIED, is_restored=True
            )
        assert {r.operation.key for r in rows} == {e.key for e in COPIED}


def _moment(number: int, phase: Phase) -> Callable[[web.Request, Phase], bool]:
    left = {Phase.BEFORE: number, Phase.DONE: number}

    def is_moment(_request: web.Request, now: Phase) -> bool:
        left[now] -= 1
        return now is phase and left[now] < 0

    return is_moment


@pytest.mark.long
async def test_killed_after_its_last_write_its_undo_takes_all_of_it(
    tmp_path: Path,
) -> None:
    async with arena(NOTHING[0], tmp_path) as place:
        copy = put_down(place, COPIED)
        was_killed = await run_until(
            place,
            place.restore(copy),
            lambda r, p: p is Phase.DONE and place.writes() >= len(COPIED) - 1,
        )
        assert was_killed
        await place.undo()
        assert place.discovr.entries() == []


async def test_the_copy_of_another_profile_is_refused_unless_it_is_meant(
    tmp_path: Path,
) -> None:
    async with arena(NOTHING[0], tmp_path) as place:
        theirs = put_down(place, COPIED, profile="prf_other", name="Kids")
        elsewhere = put_down(place, COPIED, service="https://api.elsewhere")
        for copy, words in ((theirs, "Kids"), (elsewhere, "https://api.elsewhere")):
            with pytest.raises(OtherProfileError, match=words) as caught:
                await place.restore(copy)
            assert "--other-profile" in caught.value.remedy
        assert place.writes() == 0
        done = await place.restore(theirs, accepts_other=True)
        assert done.is_complete
        assert done.run


async def test_one_that_is_refused_stops_no_other_and_is_named(tmp_path: Path) -> None:
    account, _ = mixed_account()
    quirks = DiscovrQuirks(unknown_status=422)
    async with arena(account, tmp_path, discovr=quirks) as place:
        strange = own(Key("MV_4711"), day=2)
        copy = put_down(place, [*COPIED, strange])
        done = await place.restore(copy)
        assert [o.key for o in done.operations if o.id in done.failed] == [strange.key]
        assert len(place.discovr.entries()) == len(COPIED)
        again = await place.restore(copy)
        assert [o.key for o in again.operations] == [strange.key]


async def test_one_that_was_taken_and_does_not_show_is_named(tmp_path: Path) -> None:
    """Discovr said so of the last write, and forgot it."""
    films = [own(Key(f"MV_{100 + number}"), day=number) for number in (1, 2, 3)]
    async with arena(NOTHING[0], tmp_path) as place:
        posts = 0

        def plan(request: web.Request, _number: int) -> Fault | None:
            nonlocal posts
            posts += request.method == "POST" and "history" in request.path
            is_last = request.method == "POST" and posts == len(films)
            return Fault.answer(201) if is_last else None

        place.discovr.faults = plan
        done = await place.restore(put_down(place, films))
        assert [o.key for o in done.unseen] == [films[-1].key]
        assert [*done.failed.values()] == ["it does not show on Discovr"]
        assert not done.is_complete


async def test_a_default_stays_away_where_what_limits_it_does_not_come_back(
    tmp_path: Path,
) -> None:
    quirks = DiscovrQuirks(labels=frozenset({"trakt", "letterboxd"}))
    async with arena(NOTHING[0], tmp_path, discovr=quirks) as place:
        low = own(SHOW._replace(episode=2), 30, day=9, label="of an older client")
        copied = [e for e in COPIED if e.key != low.key]
        done = await place.restore(put_down(place, [*copied, low]))
        keys = {o.key for o in done.operations if o.id in done.failed}
        assert keys == {SHOW, low.key}
        assert len(place.discovr.entries()) == len(copied) - 1


@pytest.mark.parametrize(
    "lie", choose([(2, None)], [(0, 2), (2, 1)], [(0, None), (2, 1), (2, 2)])
)
async def test_a_list_that_ends_too_early_doubles_nothing(
    lie: tuple[int, int | None], tmp_path: Path
) -> None:
    ends_after, readings = lie
    async with arena(NOTHING[0], tmp_path) as place:
        copy = put_down(place, COPIED)
        await place.restore(copy)
        writes = place.writes()
        visibility = place.discovr.visibility
        visibility.big = Lie(ends_after=ends_after, readings=readings)
        done = await place.restore(copy)
        assert done.operations == ()
        assert place.writes() == writes


async def test_trakt_is_not_asked_and_no_login_to_it_is_needed(tmp_path: Path) -> None:
    async with arena(NOTHING[0], tmp_path, has_client_id=False) as place:
        copy = put_down(place, COPIED)
        plan = await api.restore(place.settings, copy, is_dry=True, clock=place.clock)
        assert plan.run is None
        assert len(plan.operations) == len(COPIED)
        assert place.writes() == 0
        assert (await place.restore(copy)).is_complete
        assert place.trakt.seen == []


async def test_the_first_entry_is_read_back_before_a_second_is_sent(
    tmp_path: Path,
) -> None:
    quirks = DiscovrQuirks(drops_label=True)
    async with arena(NOTHING[0], tmp_path, discovr=quirks) as place:
        with pytest.raises(ContractError, match="did not keep its label"):
            await place.restore(put_down(place, COPIED))
        assert place.writes() == 1


async def test_who_says_no_writes_nothing(tmp_path: Path) -> None:
    async with arena(NOTHING[0], tmp_path) as place:
        copy = put_down(place, COPIED)

        async def refuse(plan: Any) -> bool:
            assert len(plan.operations) == len(COPIED)
            return False

        done = await api.restore(
            place.settings, copy, confirm=refuse, clock=place.clock
        )
        assert done.run is None
        assert done.is_refused
        assert not done.is_complete
        assert place.writes() == 0


async def test_what_it_wrote_and_what_it_did_is_in_the_ledger(tmp_path: Path) -> None:
    async with arena(NOTHING[0], tmp_path) as place:
        done = await place.restore(put_down(place, COPIED))
        async with await Ledger.open(place.settings.state.url) as ledger:
            rows = await ledger.rows(done.profile, run=done.run)
            assert {row.outcome for row in rows} == {Outcome.APPLIED}
            assert await ledger.rows(done.profile) == []
            (said,) = await ledger.runs(done.profile)
        assert (said.command, said.outcome) == ("restore", "loaded")
        assert said.summary["arrived"] == len(COPIED)


class Shelf:
    """A target of somebody's own, that takes nothing back."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    async def open_profile(self) -> str:
        return "mine"

    async def read_history(self, on_page: Callable[[int], None]) -> list[Entry]:
        on_page(len(self.entries))
        return list(self.entries)

    async def read_title(self, media: str, season: int | None) -> list[Entry]:
        return [e for e in self.entries if e.key.place == (media, season)]

    async def add(self, key: Key, watched_at: Any) -> None:
        self.entries.append(Entry(key, watched_at, 100.0, "trakt"))

    async def set_progress(self, key: Key, progress: int) -> None:
        self.entries.append(Entry(key, watched_on(0), progress))

    async def remove(self, key: Key) -> None:
        self.entries = [e for e in self.entries if e.key != key]


class TakingBack(Shelf):
    """One that does."""

    async def add_entry(self, entry: Entry) -> None:
        self.entries.append(entry)


async def test_a_target_of_ones_own_takes_back_what_it_can(tmp_path: Path) -> None:
    async with arena(NOTHING[0], tmp_path) as place:
        settings, none, target = place.settings, Shelf(), TakingBack()
        names = {"service": "TakingBack", "profile": "mine"}
        copy = put_down(place, COPIED, **names)
        with pytest.raises(ConfigError, match="takes no entries back") as caught:
            await api.restore(settings, copy, target=none, clock=place.clock)
        assert "add_entry" in caught.value.remedy
        done = await api.restore(settings, copy, target=target, clock=place.clock)
        assert done.is_complete
        assert {*target.entries} == {*COPIED}


FORMS = [
    own(Key("MV_1"), 100, label="trakt"),
    own(Key("MV_2"), 37.5),
    own(Key("TV_3", 1, 2), 0, label="letterboxd"),
    own(Key("TV_4", 1), 100),
    own(Key("TV_4", 2), 30, label="trakt"),
    Entry(Key("MV_5"), None, 100, "letterboxd"),
    Entry(Key("TV_6", 1, 1), None, 20),
]


LOST = [
    (fault, repeats)
    for fault in (Fault.cut_after(), Fault.answer(500), Fault.cut_before())
    for repeats in ("merged", "listed")
]


@pytest.mark.parametrize("case", choose(LOST[:1], LOST, LOST), ids=lambda c: c[1])
async def test_an_answer_that_is_lost_is_looked_for_in_every_form(
    case: tuple[Fault, Any], tmp_path: Path
) -> None:
    fault, repeats = case
    quirks = DiscovrQuirks(repeats=repeats)
    async with arena(NOTHING[0], tmp_path, discovr=quirks) as place:
        for entry in FORMS:
            left = [fault]
            place.discovr.faults = _once(left)
            done = await place.restore(put_down(place, [entry]))
            assert not left
            assert done.is_complete
            (back,) = [e for e in place.discovr.entries() if e.key == entry.key]
            assert (back.progress, back.imported) == (entry.progress, entry.imported)
            assert back.count == 1


def _once(left: list[Fault]) -> Any:
    """Let the first write to the history go wrong."""

    def plan(request: web.Request, _number: int) -> Fault | None:
        is_meant = request.method == "POST" and "history" in request.path
        return left.pop() if is_meant and left else None

    return plan
