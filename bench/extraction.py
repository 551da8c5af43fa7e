"""The race: a whole Trakt history read by us, and by others."""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from bench.children import measure_child, serving
from bench.environments import install
from bench.measure import Goal, Result, Row, ratios, summarise

if TYPE_CHECKING:
    from pathlib import Path

    from bench.measure import Noise
    from bench.sizes import Sizes

OURS = "trakt2discovr"
#: How many times faster than the fastest of the others, by latency in ms.
GOALS = {0: 2.0, 120: 6.0}
#: The reader of each, in ``bench.rivals``.
MODULES = {
    OURS: "with_ours",
    "pytrakt": "with_pytrakt",
    "traktexport": "with_traktexport",
    "trakt.py": "with_trakt_py",
    "dlt": "with_dlt",
}


async def run(sizes: Sizes, noise: Noise) -> Result:
    """Race at each latency, in turns of another order each time."""
    pythons: dict[str, tuple[Path | str, str]] = {OURS: (sys.executable, "")}
    for rival in sizes.rivals:
        pythons[rival] = await install(rival)
    rows: list[Row] = []
    for latency_ms in sizes.latencies_ms:
        arguments = (sizes.extracted, latency_ms)
        async with serving("page_server", *arguments) as server:
            found = await _race(pythons, server, sizes, noise)
        rows += race_rows(found, latency_ms, server, pythons)
    return Result(
        "extraction",
        f"{sizes.extracted:,} plays from one loopback server, from the first request "
        "to the last play in memory",
        rows,
    )


async def _race(
    pythons: dict[str, tuple[Path | str, str]],
    server: dict[str, Any],
    sizes: Sizes,
    noise: Noise,
) -> dict[str, list[dict[str, Any]]]:
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    order = list(pythons)
    draw = random.Random(0)  # noqa: S311  # only the order of the turns
    # In the first turn the server renders its answers.
    for turn in range(sizes.warm_ups + sizes.repeats):
        draw.shuffle(order)
        for name in order:
            noise.sample()
            module = f"bench.rivals.{MODULES[name]}"
            command = [pythons[name][0], "-m", module, server["url"]]
            measured = await measure_child(command)
            if turn >= sizes.warm_ups:
                found[name].append(measured)
    return found


def race_rows(
    found: dict[str, list[dict[str, Any]]],
    latency_ms: int,
    server: dict[str, Any],
    pythons: dict[str, tuple[Path | str, str]],
) -> list[Row]:
    """Make the lines of one latency; who delivered less is no one to compare with."""
    rows, seconds = [], {}
    for name in sorted(found, key=lambda name: (name != OURS, name)):
        seconds[name] = [turn["seconds"] for turn in found[name]]
        cpu_s = min(turn["cpu_s"] for turn in found[name])
        peak_mb = max(turn["peak_mb"] for turn in found[name])
        label = f"{name} {pythons[name][1]}".strip()
        note = f"{cpu_s:.2f} s of CPU, peak {peak_mb:.0f} MB"
        if not all(_is_whole(turn, server) for turn in found[name]):
            came = min(turn["plays"] for turn in found[name])
            note += f"; NOT WHOLE: {came:,} of {server['plays']:,} plays"
        rows.append(
            summarise(f"{label} at {latency_ms} ms", seconds[name], "s", note=note)
        )
    others = [
        name
        for name in seconds
        if name != OURS and all(_is_whole(turn, server) for turn in found[name])
    ]
    if others:
        fastest = min(others, key=lambda name: min(seconds[name]))
        goal = GOALS.get(latency_ms)
        rows.append(
            summarise(
                f"times faster than {fastest} at {latency_ms} ms",
                ratios(seconds[fastest], seconds[OURS]),
                "x",
                goal=Goal("least", goal) if goal else None,
            )
        )
    return rows


def _is_whole(turn: dict[str, Any], server: dict[str, Any]) -> bool:
    return bool(turn["plays"] == server["plays"] and turn["ids"] == server["ids"])
