"""How near the loader comes to the rate that it may use, and to what is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.children import measure_module, serving
from bench.loading import SETTLED_AFTER_S
from bench.measure import Goal, Result, Row, ratios, summarise

if TYPE_CHECKING:
    from bench.measure import Noise
    from bench.sizes import Sizes

#: The default of ``[discovr] concurrency``.
WORKERS = 4
#: The most that ``[discovr] requests_per_second`` takes: no limit at all.
UNLIMITED = 10_000.0


async def run(sizes: Sizes, noise: Noise) -> Result:
    """Watch the loader at each limit, then race it against a bare loop."""
    rows: list[Row] = []
    for limit in sizes.limits:
        for factor, watched_s in sizes.told:
            noise.sample()
            rows += await _watch(limit, factor * limit, watched_s)
    for latency_ms in sizes.write_latencies_ms:
        rows += await _race(latency_ms, sizes, noise)
    return Result(
        "pace", "the loader with its ledger, against the Discovr stand-in", rows
    )


async def _watch(limit: float, told: float, watched_s: float) -> list[Row]:
    """Write for that long; ``told`` is the rate that the program was set to."""
    writes = int(limit * watched_s)
    async with serving("discovr_server", limit, 0) as server:
        found = await measure_module("loading", server["url"], told, writes)
    _require_all(found, writes)
    if told == limit:
        what, note = f"limit of {limit:g} a second, known", "from the start"
        used = 100 * writes / limit / found["seconds"]
    else:
        what, note = f"limit of {limit:g} a second, found out", "after a minute"
        late_good = found["late_requests"] - found["late_refused"]
        used = 100 * late_good / limit / (found["seconds"] - SETTLED_AFTER_S)
    refused = 100 * found["late_refused"] / max(1, found["late_requests"])
    total = f"{found['refused']} of {found['requests']:,} answers were 429"
    too_many = f"{what}: 429 after a minute"
    return [
        Row(f"{what}: share used", used, "%", goal=Goal("least", 97), note=note),
        Row(too_many, refused, "%", goal=Goal("most", 1), note=total),
    ]


async def _race(latency_ms: int, sizes: Sizes, noise: Noise) -> list[Row]:
    ours: list[float] = []
    bare: list[float] = []
    cpu_ms: list[float] = []
    for _ in range(sizes.repeats):
        noise.sample()
        async with serving("discovr_server", 0, latency_ms) as server:
            url = server["url"]
            arguments = (url, server["profile"], sizes.writes, WORKERS)
            found = await measure_module("bare_loop", *arguments)
            bare.append(sizes.writes / found["seconds"])
        async with serving("discovr_server", 0, latency_ms) as server:
            found = await measure_module(
                "loading", server["url"], UNLIMITED, sizes.writes
            )
            _require_all(found, sizes.writes)
            ours.append(sizes.writes / found["seconds"])
            cpu_ms.append(1000 * found["cpu_s"] / sizes.writes)
    what = f"no limit, {latency_ms} ms"
    shares = [100 * share for share in ratios(ours, bare)]
    return [
        summarise(f"{what}: a bare aiohttp loop", bare, "writes/s"),
        summarise(f"{what}: the loader", ours, "writes/s"),
        summarise(f"{what}: share of the bare loop", shares, "%", goal=_SHARE),
        summarise(f"{what}: CPU a write", cpu_ms, "ms"),
    ]


def _require_all(found: dict[str, Any], writes: int) -> None:
    if found["arrived"] != writes:
        raise RuntimeError(f"only {found['arrived']} of {writes} writes arrived")


_SHARE = Goal("least", 80)
