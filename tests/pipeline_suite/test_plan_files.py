"""``apply`` carries out exactly the plan that was shown, or refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import InputError
from sync import apply
from sync.domain.plays import Key
from sync.errors import MovedError, UnsafePlanError
from sync.pipeline.documents import report_document
from sync.pipeline.plan_file import read_plan
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.trakt.export import write_export
from tests.factories import at
from tests.worlds import World, world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


async def save_plan(place: World, path: Path, **options: Any) -> None:
    report = await place.plan(**options)
    document = report_document(report, "plan", 0, options.get("files", ()))
    with path.open("w", encoding="utf-8") as file:  # a small file
        file.write(document.model_dump_json())


async def test_exactly_that_plan_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    async with world(synthetic_account(120, 3, seed=2), tmp_path) as place:
        await save_plan(place, path)
        report = await apply(place.settings, path)
        assert report.is_complete
        written = [operation.id for operation in report.prepared.plan.operations]
        assert written == [o.id for o in read_plan(path).operations]
        assert place.writes() == len(written)


async def test_a_plan_from_a_download_reads_that_download_again(
    tmp_path: Path,
) -> None:
    path, download = tmp_path / "plan.json", tmp_path / "export.zip"
    account = synthetic_account(120, 3, seed=2)
    write_export(account, download)
    async with world(account, tmp_path) as place:
        await save_plan(place, path, files=[download])
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
        await save_plan(place, path)
        move(place)
        with pytest.raises(MovedError, match=words):
            await apply(place.settings, path)
        assert place.writes() == 0


async def test_a_plan_already_applied_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    async with world(synthetic_account(60, 2, seed=2), tmp_path) as place:
        await save_plan(place, path)
        await apply(place.settings, path)
        sent = place.writes()
        with pytest.raises(MovedError, match="Discovr has moved"):
            await apply(place.settings, path)
        assert place.writes() == sent


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
        await save_plan(place, path)
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
