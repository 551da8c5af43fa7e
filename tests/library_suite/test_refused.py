"""Whoever refuses a plan is told so: nothing of it reads as done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sync import api
from sync.domain.plays import Kind
from sync.pipeline.documents import report_document
from sync.pipeline.result import exit_code
from sync.sandbox.account.synthetic import synthetic_account
from tests.library_suite.test_own_source import Letterbook, plays_of
from tests.worlds import world

if TYPE_CHECKING:
    from pathlib import Path

    from sync.pipeline.result import Report


async def _refuse(*_: object) -> bool:
    return False


def _check_refused(report: Report) -> None:
    assert report.is_refused
    assert report.run is None
    assert not report.is_complete
    assert not report.is_settled
    assert exit_code(report, is_strict=False) == 0
    document = report_document(report, "migrate", 0)
    assert document.is_refused


@pytest.mark.parametrize("command", ["migrate", "sync", "apply"])
async def test_a_refused_plan_is_neither_complete_nor_settled(
    tmp_path: Path, command: str
) -> None:
    file = tmp_path / "plan.json"
    async with world(synthetic_account(12, 1, seed=2), tmp_path) as place:
        planned = await place.plan()
        assert not planned.is_refused
        assert not planned.is_complete
        assert not planned.is_settled
        text = report_document(planned, "plan", 0).model_dump_json()
        file.write_text(text, encoding="utf-8")
        more: tuple[Any, ...] = (file,) if command == "apply" else ()
        call = getattr(api, command)
        _check_refused(await call(place.settings, *more, confirm=_refuse))
        assert place.writes() == 0
        if command != "migrate":
            return
        done = await call(place.settings, *more)
        assert not done.is_refused
        assert done.is_complete
        assert done.is_settled
        # With nothing to write nobody is asked, so nobody can refuse.
        again = await api.migrate(place.settings, confirm=_refuse)
        assert not again.is_refused
        assert again.is_complete
        assert (await place.plan()).is_complete


async def test_refused_removals_are_refused_too(tmp_path: Path) -> None:
    async with world(synthetic_account(12, 1, seed=2), tmp_path) as place:
        source = Letterbook(plays_of(place))
        await api.migrate(place.settings, source=source)
        film = next(p.title for p in source.plays if p.title.kind is Kind.FILM)
        source.plays = [play for play in source.plays if play.title != film]
        sent = place.writes()
        _check_refused(
            await api.sync(place.settings, source=source, prune=True, confirm=_refuse)
        )
        assert place.writes() == sent


@pytest.mark.parametrize("way", ["confirm", "ask"])
async def test_a_refused_undo_says_so(tmp_path: Path, way: str) -> None:
    async with world(synthetic_account(12, 1, seed=2), tmp_path) as place:
        await place.migrate()
        sent = place.writes()
        options: dict[str, Any] = {way: _refuse}
        undone = await api.undo(place.settings, **options)
        assert undone.is_refused
        assert place.writes() == sent
        assert not (await api.undo(place.settings)).is_refused
