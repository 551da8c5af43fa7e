"""What the parts without any network cost in CPU and memory, and how that grows."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from bench.children import measure_module
from bench.measure import Goal, Result, Row, summarise
from bench.page_server import PLAYS_A_SHOW

if TYPE_CHECKING:
    from typing import Any

    from bench.measure import Noise
    from bench.sizes import Sizes

_PARTS = ("parse", "transform", "plan", "collapse")
#: The goals are for that many plays.
_GOALS_AT, _GOAL_S, _GOAL_MB = 100_000, 2.0, 200.0
#: More than that is not linear any more, noise included.
_LINEAR = 1.2


async def run(sizes: Sizes, noise: Noise) -> Result:
    """Measure each size in processes of its own, and compare the sizes."""
    rows: list[Row] = []
    totals: list[tuple[int, float, float]] = []
    for plays in sizes.planned:
        shows = max(1, plays // PLAYS_A_SHOW)
        turns = await _measure(plays, shows, sizes.repeats, noise)
        spent = [sum(turn[part] for part in _PARTS) for turn in turns]
        peaks = [turn["peak_mb"] for turn in turns]
        is_goal = plays == _GOALS_AT
        what = f"{plays:,} plays"
        rows += [
            summarise(f"{what}: {part}", [turn[part] for turn in turns], "s of CPU")
            for part in _PARTS
        ]
        total = summarise(
            f"{what}: all of it",
            spent,
            "s of CPU",
            goal=Goal("most", _GOAL_S) if is_goal else None,
            note=f"{1e6 * min(spent) / plays:.0f} µs a play at best",
        )
        peak = summarise(
            f"{what}: peak memory",
            peaks,
            "MB",
            goal=Goal("most", _GOAL_MB) if is_goal else None,
        )
        rows += [total, peak]
        totals.append((plays, total.value, peak.value))
    (few, few_s, few_mb), (many, many_s, many_mb) = totals[0], totals[-1]
    linear = Goal("most", _LINEAR)
    factor = many / few
    rows += [
        Row("growth of CPU, 1 is linear", many_s / few_s / factor, "x", goal=linear),
        Row(
            "growth of memory, 1 is linear", many_mb / few_mb / factor, "x", goal=linear
        ),
    ]
    about = "pages in bytes to a collapsed plan, without any network"
    return Result("cpu", about, rows)


async def _measure(
    plays: int, shows: int, repeats: int, noise: Noise
) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        await measure_module("planning_data", folder, plays, shows)
        turns = []
        for _ in range(repeats):
            noise.sample()
            turns.append(await measure_module("planning_work", folder))
    return turns
