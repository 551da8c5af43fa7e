"""What an entry that was read back has shown is not forgotten from run to run."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import AuthError, ContractError
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
async def test_once_the_entry_reads_right_the_run_goes_on_for_one_reading(
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
        assert after == before + 1
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
async def test_a_run_that_died_before_it_read_the_first_back_leaves_one_entry(
    tmp_path: Path, quirks: dict[str, Any], phase: Phase, history: dict[str, Any]
) -> None:
    """Also of a season default, which is known by its minute alone."""
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
            assert place.writes() == 1


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
