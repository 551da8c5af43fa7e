"""Reports of real runs, and what a console of a certain width makes of them."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console

from sync import api
from sync.cli.context import Context
from sync.config import Settings
from sync.sandbox.running import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sync.pipeline.result import Report


class Reports(NamedTuple):
    """The plan for the sample account, the run that followed, and a sync after it."""

    planned: Report
    ended: Report
    unchanged: Report


def make_reports(folder: Path) -> Reports:
    """Plan, migrate and sync."""

    async def make() -> Reports:
        async with Sandbox() as sandbox:
            sections: dict[str, Any] = {**sandbox.config()}
            sections["discovr"] |= {"requests_per_second": 1000}
            sections["state"] = {
                "url": f"sqlite:///{folder / 'state.sqlite3'}",
                "tokens": folder / "tokens.json",
            }
            settings = Settings.model_validate(sections)
            planned = await api.plan(settings)
            return Reports(
                planned, await api.migrate(settings), await api.sync(settings)
            )

    return asyncio.run(make())


def context(**options: Any) -> Context:
    defaults: dict[str, Any] = {
        "config": None,
        "is_sandbox": False,
        "as_json": False,
        "is_verbose": False,
        "is_quiet": False,
        "words": ("migrate",),
    }
    return Context(**{**defaults, **options})


def draw(show: Callable[[Console], None], columns: int, **options: Any) -> str:
    """Return what a console prints; without colours unless asked for."""
    file = io.StringIO()
    defaults: dict[str, Any] = {"color_system": None, "force_terminal": True}
    show(Console(file=file, width=columns, highlight=False, **defaults | options))
    return file.getvalue()


def renamed(report: Report, name: str) -> Report:
    """Return the same report about titles that are all called the same."""
    desired = report.prepared.compared.desired
    titles = {
        media: replace(title, name=f"{number} {name}")
        for number, (media, title) in enumerate(desired.titles.items())
    }
    left = [
        tuple(replace(one, title=replace(one.title, name=name)) for one in group)
        for group in (desired.unmatched, desired.unsupported)
    ]
    desired = replace(desired, titles=titles, unmatched=left[0], unsupported=left[1])
    return replace(
        report,
        prepared=replace(
            report.prepared, compared=replace(report.prepared.compared, desired=desired)
        ),
    )
