"""``apply`` carries out exactly the plan that was shown, or refuses."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from connectors.errors import InputError
from sync import apply, undo
from sync.domain.plays import Key
from sync.errors import MovedError, UnsafePlanError
from sync.ledger import Ledger
from sync.pipeline import run as pipeline
from sync.pipeline.documents import report_document
from sync.pipeline.missing import DOUBTED_FOR
from sync.pipeline.plan_file import read_plan
from sync.pipeline.prepare import prepare
from sync.pipeline.result import Report, exit_code
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.trakt.export import write_export
from sync.wiring.bootstrap import build
from tests.factories import at
from tests.long import choose, pick
from tests.safety.accounts import mixed_account
from tests.safety.arena import Arena, Phase, arena
from tests.safety.killing import run_until
from tests.worlds import World, world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


async def test_exactly_that_plan_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    async with world(synthetic_account(120, 3, seed=2), tmp_path) as place:
        await place.plan(out=path)
        report = await apply(place.settings, path)
        assert report.is_complete
        written = [operation.id for operation in report.prepared.plan.operations]
        assert written == [o.id for o in read_plan(path).operations]
        assert place.writes() == len(written)


async def test_a_plan_that_cannot_be_written_is_an_input_error(tmp_path: Path) -> None:
    async with world(synthetic_account(10, 1, seed=2), tmp_path) as place:
        with pytest.raises(InputError, match=r"plan\.json cannot be written"):
            await place.plan(out=tmp_path / "no" / "plan.json")


async def test_a_plan_from_a_download_reads_that_download_again(
    tmp_path: Path,
) -> None:
    path, download = tmp_path / "plan.json", tmp_path / "export.zip"
    account = synthetic_account(120, 3, seed=2)
    write_export(account, download)
    async with world(account, tmp_path) as place:
        await place.plan(out=path, files=[download])
        report = await apply(place.settings, path)
        assert report.is_complete
        assert not place.trakt.requests("GET", "/sync/history")


def watch(place: World) -> None:
    title = next(t for t in place.account.titles if t.kind == "film")
    place.account.add_play(title, at(900))


def mark(place: World) -> None:
    place.discovr.person_adds(Key("MV_31337"))


def finish(place: World) -> None:
    """Go on with a film that stands there: the time stays, the progress does not."""
    place.discovr.person_sets(Key("MV_424242"), 60, at=at(1))


@pytest.mark.parametrize(
    ("move", "words"),
    [(watch, "Trakt has moved: "), (mark, "MV_31337"), (finish, "MV_424242")],
)
async def test_a_side_that_has_moved_is_named_and_nothing_is_written(
    tmp_path: Path, move: Callable[[World], None], words: str
) -> None:
    path = tmp_path / "plan.json"
    async with world(synthetic_account(60, 2, seed=2), tmp_path) as place:
        place.discovr.person_adds(Key("MV_424242"), progress=30, at=at(1))
        await place.plan(out=path)
        move(place)
        with pytest.raises(MovedError, match=words):
            await apply(place.settings, path)
        assert place.writes() == 0


@pytest.mark.parametrize("move", [None, watch, mark], ids=["still", "watch", "mark"])
async def test_a_plan_already_applied_says_so_and_sends_nothing(
    tmp_path: Path, move: Callable[[World], None] | None
) -> None:
    path = tmp_path / "plan.json"
    async with world(synthetic_account(60, 2, seed=2), tmp_path) as place:
        await place.plan(out=path)
        first = await apply(place.settings, path)
        sent = place.writes()
        if move:
            move(place)
        again = await apply(place.settings, path)
        assert (again.run, again.carried_out_by) == (None, first.run)
        assert exit_code(again, is_strict=False) == 0
        assert report_document(again, "apply", 0).carried_out_by == first.run
        assert place.writes() == sent


@pytest.mark.parametrize("is_each", [False, True])
async def test_a_plan_that_an_undo_took_back_is_checked_as_before(
    tmp_path: Path, *, is_each: bool
) -> None:
    path = tmp_path / "plan.json"
    async with world(synthetic_account(30, 1, seed=2), tmp_path) as place:
        await place.plan(out=path)
        await apply(place.settings, path)
        await undo(place.settings, all_runs=is_each)
        watch(place)
        with pytest.raises(MovedError, match="Trakt has moved"):
            await apply(place.settings, path)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: d.update(format="x"), "not a plan file"),
        (lambda d: d.update(version=2), "another version"),
        (lambda d: d.update(command="migrate"), "a report, not a plan"),
        (lambda d: d.pop("operations"), "is damaged"),
        (lambda d: d["operations"][0].update(progress=7), "changed by hand"),
    ],
)
async def test_a_file_that_is_no_plan_is_refused(
    tmp_path: Path, spoil: Callable[[Any], object], words: str
) -> None:
    path = tmp_path / "plan.json"
    async with world(synthetic_account(10, 1, seed=2), tmp_path) as place:
        await place.plan(out=path)
    content = json.loads(path.read_text(encoding="utf-8"))
    spoil(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_plan(path)


def test_a_file_that_is_missing_or_not_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_plan(tmp_path / "nowhere.json")
    path = tmp_path / "x.json"
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(InputError, match="not a plan file"):
        read_plan(path)


async def test_a_plan_that_changes_much_of_the_person_s_own_needs_force(
    tmp_path: Path,
) -> None:
    account = synthetic_account(300, 1, seed=2)
    films = {p.title.ids.tmdb for p in account.plays if p.episode is None}
    async with world(account, tmp_path) as place:
        for number in sorted(n for n in films if n):
            place.discovr.person_adds(Key(f"MV_{number}"), progress=50, at=at(-9000))
        with pytest.raises(UnsafePlanError, match=f"{len(films)} of the {len(films)}"):
            await place.migrate()
        assert place.writes() == 0
        assert (await place.migrate(is_forced=True)).is_complete


KILLED = list(
    itertools.product(
        ("clean", "fewest", "off"),
        ("latest", "all"),
        ("listed", "merged", "counted"),
        (False, True),
    )
)


@pytest.mark.parametrize(
    "settings", choose(KILLED[5::11], KILLED[::4], KILLED), ids=str
)
async def test_apply_goes_on_wherever_it_was_killed(
    tmp_path: Path, settings: tuple[Any, ...]
) -> None:
    collapse, plays, repeats, moves_time = settings
    quirks = DiscovrQuirks(repeats=repeats, patch_moves_time=moves_time)
    history = {"collapse": collapse, "plays": plays}
    for number in pick((0, 4), (0, 1, 4, 9), (0, 1, 4, 9)):
        folder = tmp_path / str(number)
        folder.mkdir()
        account, own = mixed_account()
        async with arena(
            account, folder, own=own, discovr=quirks, history=history
        ) as place:
            path = folder / "plan.json"
            await save(place, path)
            planned = [operation.key for operation in read_plan(path).operations]
            is_killed = [
                await run_until(place, run(place, path), nth(number, phase))
                for phase in Phase
                if number < len(planned) // 2
            ]
            assert all(is_killed)
            report = await run(place, path)
            assert report.is_complete
            assert report.balance()[0].is_even
            assert place.discovr.doubled() == {}
            assert len(place.discovr.appended) + sets(place) == len(planned)
            before = place.marks()
            again = await run(place, path)
            assert again.carried_out_by is not None
            assert place.marks() == before


@pytest.mark.parametrize("is_apart", [False, True])
async def test_another_plan_with_the_very_same_write_is_another_plan(
    tmp_path: Path, *, is_apart: bool
) -> None:
    account, own = mixed_account()
    history = {"conflict": "trakt"}
    async with arena(account, tmp_path, own=own, history=history) as place:
        first, second = tmp_path / "first.json", tmp_path / "second.json"
        await save(place, first)
        assert (await run(place, first)).is_complete
        gone = next(e for e in place.discovr.entries() if e.key == Key("MV_101"))
        place.discovr.person_removes(gone.key)
        place.clock.advance(DOUBTED_FOR.total_seconds())
        if is_apart:
            await forget(place, read_plan(first).profile, 1, "sync")
        await save(place, second)
        again = [o.id for o in read_plan(second).operations]
        assert set(again) <= {o.id for o in read_plan(first).operations}
        assert again
        report = await run(place, second)
        assert report.carried_out_by is None
        assert report.is_complete
        assert gone.key in {entry.key for entry in place.discovr.entries()}
        assert (await run(place, second)).carried_out_by == report.run


@pytest.mark.parametrize("between", [None, "sync", "restore"])
async def test_apply_goes_on_however_often_it_was_killed(
    tmp_path: Path, between: str | None
) -> None:
    """No number of tries, nor of other runs between them, pushes out what is its."""
    account, own = mixed_account()
    async with arena(account, tmp_path, own=own) as place:
        path = tmp_path / "plan.json"
        await save(place, path)
        plan = read_plan(path)
        assert await run_until(place, run(place, path), nth(0, Phase.DONE))
        await forget(place, plan.profile, 21, between or "apply")
        assert await run_until(place, run(place, path), nth(0, Phase.DONE))
        report = await run(place, path)
        assert report.is_complete
        assert place.discovr.doubled() == {}
        assert len(place.discovr.appended) + sets(place) == len(plan.operations)
        await forget(place, plan.profile, 1_001, between or "apply")
        before = place.marks()
        assert (await run(place, path)).carried_out_by == report.run
        assert place.marks() == before


async def forget(place: Arena, profile: str, times: int, command: str) -> None:
    """Begin so many runs that end before they write anything."""
    async with await Ledger.open(place.settings.state.url) as ledger:
        for _ in range(times):
            await ledger.start_run(profile, command, place.clock.now())


#: A write that fails, how it is answered, and whether it has had its effect.
FAILING = list(
    itertools.product(
        (Key("MV_101"), Key("TV_202", 1, 2), Key("TV_201", 1)),
        ((422, False), (404, False), (500, False), (500, True)),
        ("listed", "merged"),
    )
)


@pytest.mark.parametrize("story", choose(FAILING[::7], FAILING[::2], FAILING), ids=str)
async def test_apply_goes_on_where_some_of_it_failed(
    tmp_path: Path, story: tuple[Any, ...]
) -> None:
    failing, (status, takes_effect), repeats = story
    account, own = mixed_account()
    quirks = DiscovrQuirks(repeats=repeats)
    async with arena(account, tmp_path, own=own, discovr=quirks) as place:
        path = tmp_path / "plan.json"
        await save(place, path)
        planned = {operation.key for operation in read_plan(path).operations}
        assert failing in planned
        with pytest.MonkeyPatch.context() as patch:
            spoil = spoilt(place.discovr._answer, failing, status, takes_effect)
            patch.setattr(place.discovr, "_answer", spoil)
            first = await run(place, path)
        assert exit_code(first, is_strict=False) == (0 if takes_effect else 4)
        report = await run(place, path)
        assert report.is_complete
        assert (report.carried_out_by is None) is not takes_effect
        assert place.discovr.doubled() == {}
        assert planned <= {entry.key for entry in place.discovr.entries()}
        assert (await run(place, path)).carried_out_by is not None


def spoilt(answer: Any, failing: Key, status: int, takes_effect: bool) -> Any:
    """Answer each write of that key with that status."""

    async def spoil(request: web.Request, handler: Any) -> Any:
        body = await request.json() if request.method == "POST" else {}
        key = Key(body.get("mediaId", ""), body.get("season"), body.get("episode"))
        if key != failing or request.path != "/profile/history":
            return await answer(request, handler)
        if takes_effect:
            await answer(request, handler)
        return web.Response(status=status)

    return spoil


def nth(number: int, phase: Phase) -> Callable[[web.Request, Phase], bool]:
    """Return the moment of the write of that number."""
    left = [number]

    def is_moment(request: web.Request, now: Phase) -> bool:
        if now is not phase or request.method not in {"POST", "PATCH"}:
            return False
        left[0] -= "/profile/history" in request.path
        return left[0] < 0

    return is_moment


def sets(place: Arena) -> int:
    return len({r.path for r in place.discovr.requests("PATCH", "/profile/history")})


async def run(place: Arena, path: Path) -> Report:
    async with build(place.settings, clock=place.clock) as services:
        return await pipeline.apply(services, read_plan(path), confirm=agree)


async def agree(_report: Report) -> bool:
    return True


async def save(place: Arena, path: Path) -> None:
    async with build(place.settings, clock=place.clock, is_dry=True) as services:
        report = Report(await prepare(services, is_dry=True))
    document = report_document(report, "plan", 0).model_dump_json()
    await asyncio.to_thread(path.write_text, document, encoding="utf-8")


@pytest.mark.parametrize(
    ("move", "words"), [("watch", "Trakt has moved: "), ("mark", "MV_31337")]
)
async def test_what_moved_while_it_was_broken_off_is_noticed(
    tmp_path: Path, move: str, words: str
) -> None:
    account, own = mixed_account()
    async with arena(account, tmp_path, own=own) as place:
        path = tmp_path / "plan.json"
        await save(place, path)
        assert await run_until(place, run(place, path), nth(5, Phase.DONE))
        {"watch": watch, "mark": mark}[move](place)
        before = place.marks()
        with pytest.raises(MovedError, match=words):
            await run(place, path)
        assert place.marks() == before
