"""The results for people and for programs."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from bench.measure import figure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from bench.measure import Result, Row

_MET = {True: "yes", False: "NO", None: ""}


def show(console: Console, result: Result) -> None:
    """Print one bench as a table."""
    table = Table(
        box=box.SIMPLE, title=f"{result.name}: {result.about}", title_justify="left"
    )
    for name in ("what", "median", "±", "goal", "met", "note"):
        is_number = name in ("median", "±", "goal")
        table.add_column(name, justify="right" if is_number else "left")
    for row in result.rows:
        table.add_row(
            row.what,
            f"{figure(row.value)} {row.unit}",
            "" if row.spread is None else f"{row.spread:.0%}",
            str(row.goal or ""),
            _MET[row.is_met],
            row.note,
        )
    console.print(table)


def document(results: Iterable[Result]) -> str:
    """Write everything as one JSON document."""
    written: dict[str, Any] = {
        "format": "trakt2discovr/bench/1",
        "version": version("trakt2discovr"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "benches": [
            {"name": r.name, "about": r.about, "rows": [_line(row) for row in r.rows]}
            for r in results
        ],
    }
    return json.dumps(written, indent=2, ensure_ascii=False) + "\n"


def _line(row: Row) -> dict[str, Any]:
    return asdict(row) | {"met": row.is_met}
