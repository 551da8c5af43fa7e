"""What an entry that was read back has shown is not forgotten from run to run."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import AuthError, ContractError, ServiceError
from sync.domain.plays import Key
from sync.errors import GuardError
from sync.ledger import Ledger
from sync.ledger.fact_names import PROBED, recall_profile
from sync.sandbox.account.account import Account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.visibility import Lie
from sync.sandbox.server.faults import Fault
from tests.safety.accounts import film, show, watched_on
from tests.safety.arena import Arena, Phase, arena
from tests.safety.killing import run_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiohttp import web

FIRST = Key("MV_101")
EMPTY = Lie(ends_after=0)


def some_films(count: int = 4) -> Account:
    account = Account([])
    for number in range(1, count + 1):
        title = film(number)
        account.titles.append(title)
        account.add_play(title, watched_on(number))
    return account


def a_season_and_films() -> Account:
    account, title = some_films(), show(1, 6)
    account.titles.append(title)
    for number in range(1, 7):
        account.add_play(title, watched_on(-9, number), season=1, number=number)
    return account


async def is_proved(place: Arena) -> bool:
    async with await Ledger.open(place.settings.state.url) as ledger:
        profile = await recall_profile(ledger, place.profile)
        assert profile
        return await ledger.get_fact(profile, PROBED) is not None


def lists(place: Arena, lie: Lie) -> None:
    place.discovr.visibility.big = place.discovr.visibility.title = lie


def behave(place: Arena, **quirks: Any) -> None:
    """Have new entries be kept otherwise than before."""
    place.discovr._book._quirks = DiscovrQuirks(**quirks)


FAULTS: list[dict[str, Any]] = [{"drops_label": True}, {"ignores_time": True}]


@pytest.mark.parametrize("command", ["migrate", "sync"])
@pytest.mark.parametrize("quirks", FAULTS, ids="-".join)
async def test_no_further_entry_goes_out_while_the_first_reads_otherwise(
    tmp_path: Path, quirks: dict[str, Any], command: str
) -> None:
    discovr = DiscovrQuirks(**quirks)
    async with arena(some_films(), tmp_path, discovr=discovr) as place:
        for _ in range(3):
            with pytest.raises(ContractError, match="took the first entry"):
                await getattr(place, command)()
            place.clock.advance(8 * 86_400)
        assert place.writes() == 1
        assert not await is_proved(place)


async def test_no_further_entry_goes_out_while_the_first_is_not_listed(
    tmp_path: Path,
) -> None:
    async with arena(some_films(), tmp_path) as place:
        lists(place, EMPTY)
        for _ in range(4):
            with pytest.raises((ContractError, GuardError)):
                await place.migrate()
            place.clock.advance(3_600)
        assert place.writes() == 1
        lists(place, Lie())
        assert (await place.migrate()).is_complete
        assert place.writes() == 4


@pytest.mark.parametrize("quirks", FAULTS, ids="-".join)
async def test_once_the_entry_is_listed_right_the_run_goes_on(
    tmp_path: Path, quirks: dict[str, Any]
) -> None:
    async with arena(some_films(), tmp_path, discovr=DiscovrQuirks(**quirks)) as place:
        with suppress(ContractError):
            await place.migrate()
        place.discovr.person_removes(FIRST)
        place.discovr.person_adds(FIRST, at=watched_on(1), imported="trakt")
        behave(place)
        before = len(place.discovr.requests("GET", f"/profile/history/{FIRST.media}"))
        assert (await place.migrate()).is_complete
        after = len(place.discovr.requests("GET", f"/profile/history/{FIRST.media}"))
        assert after == before
        assert await is_proved(place)


@pytest.mark.parametrize("quirks", FAULTS, ids="-".join)
async def test_who_removes_the_entry_and_undoes_begins_anew(
    tmp_path: Path, quirks: dict[str, Any]
) -> None:
    async with arena(some_films(), tmp_path, discovr=DiscovrQuirks(**quirks)) as place:
        with pytest.raises(ContractError) as stopped:
            await place.migrate()
        assert "trakt2discovr undo" in str(stopped.value.remedy)
        place.discovr.person_removes(FIRST)
        await place.undo()
        behave(place)
        assert (await place.migrate()).is_complete
        assert len(place.discovr.entries()) == 4
        assert await is_proved(place)


@pytest.mark.parametrize("history", [{}, {"plays": "all"}])
@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("quirks", FAULTS, ids="-".join)
async def test_a_run_that_died_before_it_read_the_first_back_adds_one_at_most(
    tmp_path: Path, quirks: dict[str, Any], phase: Phase, history: dict[str, Any]
) -> None:
    """Also of a season default, which is known by its minute alone.

    What lacks the label alone may be of somebody else: then the next one tells.
    """
    discovr = DiscovrQuirks(**quirks)
    for number, account in enumerate((some_films(), a_season_and_films())):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with arena(account, folder, discovr=discovr, history=history) as place:

            def after_the_write(request: web.Request, now: Phase) -> bool:
                is_reading = request.path.startswith("/profile/history/")
                return is_reading and request.method == "GET" and now is phase

            assert await run_until(place, place.migrate(), after_the_write)
            assert place.writes() == 1
            for _ in range(2):
                with pytest.raises(ContractError):
                    await place.migrate()
            assert place.writes() == 1 + ("drops_label" in quirks)


async def test_what_it_found_is_kept_where_the_run_breaks_off_later(
    tmp_path: Path,
) -> None:
    async with arena(some_films(8), tmp_path) as place:
        posts = iter([None, *[Fault.answer(403)] * 9])
        place.discovr.faults = lambda request, _: (
            next(posts)
            if request.method == "POST" and "history" in request.path
            else None
        )
        with pytest.raises(AuthError):
            await place.migrate()
        assert await is_proved(place)


REPEATS = ("listed", "merged", "counted")


def own(*days: float, of: Account) -> list[tuple[Key, float, Any]]:
    """Have the person seen every film on Discovr too, at these times."""
    media = [Key(f"MV_{title.ids.tmdb}") for title in of.titles]
    return [(key, 100.0, watched_on(day)) for key in media for day in days]


@pytest.mark.parametrize("repeats", REPEATS)
@pytest.mark.parametrize("days", [(-5,), (500,), (-5, 500)], ids=str)
@pytest.mark.parametrize("is_first_free", [True, False])
async def test_the_very_first_entry_is_read_back_whatever_stands_under_its_key(
    tmp_path: Path, repeats: Any, days: tuple[float, ...], *, is_first_free: bool
) -> None:
    account = some_films(8)
    there = own(*days, of=account)[is_first_free * len(days) :]
    history = {"plays": "all"}
    quirks = DiscovrQuirks(repeats=repeats, ignores_time=True)
    async with arena(
        account, tmp_path, own=there, discovr=quirks, history=history
    ) as place:
        for _ in range(2):
            with pytest.raises(ContractError, match="did not keep its time"):
                await place.migrate()
        assert place.writes() == 1


@pytest.mark.parametrize("repeats", REPEATS)
@pytest.mark.parametrize("day", [-5, 500])
async def test_one_that_is_told_apart_of_others_shows_a_lost_label(
    tmp_path: Path, repeats: Any, day: float
) -> None:
    """Merged into a newer one of the person's it cannot: then the next that can."""
    account = some_films(8)
    there = own(day, of=account)[:7]
    quirks = DiscovrQuirks(repeats=repeats, drops_label=True)
    is_hidden = repeats == "merged"
    async with arena(
        account, tmp_path, own=there, discovr=quirks, history={"plays": "all"}
    ) as place:
        with pytest.raises(ContractError, match="did not keep its label"):
            await place.migrate()
        assert place.writes() == (8 if is_hidden else 1)


@pytest.mark.parametrize("repeats", REPEATS)
@pytest.mark.parametrize("days", [(-5,), (500,), (-5, 500)], ids=str)
async def test_a_discovr_that_behaves_is_not_taken_for_another(
    tmp_path: Path, repeats: Any, days: tuple[float, ...]
) -> None:
    account = some_films(8)
    quirks = DiscovrQuirks(repeats=repeats)
    async with arena(
        account,
        tmp_path,
        own=own(*days, of=account),
        discovr=quirks,
        history={"plays": "all"},
    ) as place:
        for _ in range(2):
            assert (await place.migrate()).is_complete
            assert place.writes() == 8


def sends_the_first(request: web.Request, phase: Phase) -> bool:
    return (request.method, request.path, phase) == (
        "POST",
        "/profile/history",
        Phase.BEFORE,
    )


@pytest.mark.parametrize("history", [{}, {"plays": "all"}], ids=str)
@pytest.mark.parametrize("progress", [100, 30])
@pytest.mark.parametrize("account", [some_films, a_season_and_films])
async def test_the_persons_own_is_not_taken_for_what_was_never_sent(
    tmp_path: Path,
    account: Callable[[], Account],
    progress: float,
    history: dict[str, Any],
) -> None:
    async with arena(account(), tmp_path, history=history) as place:
        first = (await place.operations())[0].key
        assert await run_until(place, place.migrate(), sends_the_first)
        assert place.discovr.entries() == []
        place.clock.advance(7_200)
        place.discovr.person_adds(first, progress=progress, at=place.clock.now())
        place.clock.advance(3_600)
        assert (await place.migrate()).is_complete
        assert await is_proved(place)


@pytest.mark.parametrize("quirks", FAULTS, ids="-".join)
async def test_a_later_entry_that_reads_otherwise_is_asked_before_one_in_doubt(
    tmp_path: Path, quirks: dict[str, Any]
) -> None:
    discovr = DiscovrQuirks(**quirks)
    async with arena(some_films(), tmp_path, discovr=discovr) as place:
        assert await run_until(place, place.migrate(), sends_the_first)
        place.clock.advance(7_200)
        place.discovr.person_adds(FIRST, at=place.clock.now())
        place.clock.advance(3_600)
        sent = place.writes()
        for _ in range(3):
            with pytest.raises(ContractError, match="took the first entry"):
                await place.migrate()
            place.clock.advance(3_600)
        assert place.writes() == sent + 1


def fails_to_list_the_first(place: Arena, status: int) -> None:
    place.discovr.faults = lambda request, _: (
        Fault.answer(status)
        if request.method == "GET" and request.path.endswith(f"/{FIRST.media}")
        else None
    )


@pytest.mark.parametrize("status", [404, 422, 500])
async def test_one_title_that_cannot_be_read_back_stops_one_run_at_most(
    tmp_path: Path, status: int
) -> None:
    async with arena(some_films(), tmp_path) as place:
        fails_to_list_the_first(place, status)
        with pytest.raises(ServiceError):
            await place.migrate()
        place.clock.advance(7_200)
        assert (await place.migrate()).is_complete
        assert place.writes() == 4


@pytest.mark.parametrize("conflict", ["newest", "trakt"])
async def test_who_removed_the_first_entry_goes_on_with_force(
    tmp_path: Path, conflict: str
) -> None:
    history = {"conflict": conflict}
    async with arena(some_films(), tmp_path, history=history) as place:
        fails_to_list_the_first(place, 500)
        with pytest.raises(ServiceError):
            await place.migrate()
        place.discovr.faults = None
        place.discovr.person_removes(FIRST)
        place.clock.advance(2 * 86_400)
        with pytest.raises(ContractError, match="does not list it"):
            await place.migrate()
        await place.migrate(is_forced=True)
        is_again = conflict == "trakt"
        assert len(place.discovr.entries()) == 3 + is_again
        assert await is_proved(place)


async def test_what_it_found_is_kept_where_the_run_is_killed(tmp_path: Path) -> None:
    async with arena(some_films(), tmp_path) as place:

        def sends_the_second(request: web.Request, phase: Phase) -> bool:
            return sends_the_first(request, phase) and place.writes() == 2

        assert await run_until(place, place.migrate(), sends_the_second)
        assert await is_proved(place)


async def test_what_never_arrived_and_is_not_wanted_costs_nothing(
    tmp_path: Path,
) -> None:
    account = some_films(1)
    async with arena(account, tmp_path) as place:
        assert await run_until(place, place.migrate(), sends_the_first)
        account.remove_play(account.plays[0].id)
        for _ in range(3):
            place.clock.advance(7_200)
            before = len(place.discovr.requests())
            await place.sync()
        assert len(place.discovr.requests()) == before


async def test_anothers_import_at_the_very_minute_is_not_our_first_entry(
    tmp_path: Path,
) -> None:
    """Its write was never taken; what stands there came from elsewhere."""
    async with arena(some_films(), tmp_path) as place:
        place.discovr.faults = lambda request, _: (
            Fault.answer(500)
            if request.method == "POST" and "history" in request.path
            else None
        )
        with pytest.raises(ServiceError):
            await place.migrate()
        place.discovr.faults = None
        place.discovr.person_adds(FIRST, at=watched_on(1))
        assert (await place.migrate()).is_complete
        assert len(place.discovr.entries()) == 4


async def test_what_was_watched_again_since_does_not_accuse_the_service(
    tmp_path: Path,
) -> None:
    async with arena(some_films(), tmp_path) as place:
        fails_to_list_the_first(place, 500)
        with pytest.raises(ServiceError):
            await place.migrate()
        place.discovr.faults = None
        place.discovr.person_sets(FIRST, 100, at=place.clock.now() + timedelta(hours=1))
        assert (await place.migrate()).is_complete


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_a_first_entry_that_cannot_be_looked_at_stops_no_run(
    tmp_path: Path, status: int
) -> None:
    async with arena(
        some_films(), tmp_path, discovr=DiscovrQuirks(ignores_time=True)
    ) as place:
        with pytest.raises(ContractError):
            await place.migrate()
        fails_to_list_the_first(place, status)
        behave(place)
        with suppress(ContractError):
            await place.migrate()
        assert place.writes() > 1
