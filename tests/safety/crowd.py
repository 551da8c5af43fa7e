"""Many people with accounts of all sizes: brought over, kept in step, and judged.

``scripts/thousand`` runs it: an hour for 1,000 of them on two processors.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
from aiohttp import web

from connectors.errors import TransientError
from sync.fleet import demo
from sync.sandbox.account.account import Account
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn
from tests.safety.chaos import Chaos

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sync.fleet.demo import Proof
    from sync.fleet.open import Fleet
    from sync.sandbox.discovr.stand_in import DiscovrStandIn

_SMALLEST = 50
#: The limit counts as used while at least so much of the work is still to come.
_BUSY = 0.95
_LOOK_S = 1.0
_LONGEST_AGAIN_S = 3_600.0


class TraktOfMany(TraktStandIn):
    """Trakt for several people, each of whom is known by an access token."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        quirks = TraktQuirks(get_limit=10**6)
        largest = max(accounts.values(), key=lambda account: len(account.plays))
        super().__init__(largest, quirks=quirks)
        self._people = {
            token: TraktStandIn(account, quirks=quirks)
            for token, account in accounts.items()
        }

    def routes(self) -> list[web.RouteDef]:
        """Return the same, answered by the stand-in of whoever asks."""
        return [
            web.route(route.method, route.path, partial(self._hand_on, route.handler))
            for route in super().routes()
        ]

    async def _hand_on(self, handler: Any, request: web.Request) -> Any:
        person = self._people.get(_token(request.headers))
        is_own = person is not None and getattr(handler, "__self__", None) is self
        return await (getattr(person, handler.__name__) if is_own else handler)(request)

    def _is_known(self, headers: Mapping[str, str]) -> bool:
        return _token(headers) in self._people or super()._is_known(headers)


def _token(headers: Mapping[str, str]) -> str:
    return headers.get("Authorization", "").partition(" ")[2]


class Crowd(Chaos):
    """People whose accounts hold so many plays each, all of the same titles."""

    def __init__(
        self, folder: Path, sizes: Sequence[int], tell: Callable[[str], None], seed: int
    ) -> None:
        draw = random.Random(seed)  # noqa: S311  # repeatable on purpose
        everything = synthetic_account(max(sizes), shows=max(sizes) // 60 + 3)
        names = [f"Person {number:04}" for number in range(len(sizes))]
        super().__init__(folder, names, tell, everything)
        plays = everything.plays
        self.accounts = {}
        for name, size in zip(names, sizes, strict=True):
            first = draw.randint(0, len(plays) - size)
            of_one = plays[first : first + size]
            self.accounts[name] = Account(everything.titles, of_one)
        self.seconds: dict[str, float] = {}

    def make_trakt(self) -> TraktStandIn:
        """Make a Trakt that tells them apart."""
        people = {self.trakt_token(name): one for name, one in self.accounts.items()}
        return TraktOfMany(people)

    def load(self) -> str:
        """Say how much all of them have."""
        plays = sum(len(account.plays) for account in self.accounts.values())
        return f"{plays:,} plays in all"

    def trakt_token(self, name: str) -> str:
        """Return a token of each person's own."""
        return f"{super().trakt_token(name)}-{self.names.index(name)}"

    async def _until_in_step(self, fleet: Fleet) -> None:
        began = time.monotonic()
        await super()._until_in_step(fleet)
        self.seconds["brought over"] = time.monotonic() - began
        began = time.monotonic()
        await self._keep_in_step(fleet)
        self.seconds["kept in step"] = time.monotonic() - began

    async def _keep_in_step(self, fleet: Fleet) -> None:
        """Let each of them watch one thing more, and wait until all of it is there."""
        for account in self.accounts.values():
            account.add_play(account.titles[-1], fleet.clock.now())
        since = fleet.clock.now()
        await fleet.profiles.change(self.names, "due", since)
        left_s = _LONGEST_AGAIN_S
        while left_s > 0:
            everybody = await fleet.profiles.all()
            behind = sum(not p.last_ok_at or p.last_ok_at < since for p in everybody)
            if not behind:
                return
            await self.disturb(fleet)
            await fleet.clock.sleep(_LOOK_S)
            left_s -= _LOOK_S
        raise TransientError(f"{behind} were not kept in step.", remedy="See the logs.")

    async def _prove(self, fleet: Fleet, discovr: DiscovrStandIn) -> Proof:
        times = sorted(request.at.timestamp() for request in discovr.seen)
        busy = times[: max(2, int(len(times) * _BUSY))]
        self.used = len(busy) / max(1e-9, busy[-1] - busy[0]) / demo.RATE
        return await super()._prove(fleet, discovr)


def sizes_of(people: int, most: int, seed: int) -> list[int]:
    """Draw so many sizes between the smallest and ``most``: as many small as large."""
    draw = random.Random(seed)  # noqa: S311  # as above
    return [
        round(_SMALLEST * (most / _SMALLEST) ** draw.random()) for _ in range(people)
    ]


@click.command()
@click.option("--people", default=1_000, show_default=True)
@click.option("--most", default=20_000, show_default=True, help="Plays of the largest.")
@click.option("--rate", default=200.0, show_default=True, help="Requests a second.")
@click.option("--trouble", default=200, show_default=True, help="Kills, freezes, cuts.")
@click.option("--seed", default=1, show_default=True)
def main(people: int, most: int, rate: float, trouble: int, seed: int) -> None:
    """Bring many people over beside trouble of all kinds; print what stands then."""
    demo.RATE = rate
    sizes = sizes_of(people, most, seed)
    with TemporaryDirectory(prefix="thousand-") as folder:
        crowd = Crowd(Path(folder), sizes, partial(click.echo, err=True), seed)
        crowd.trouble(seed, times=trouble)
        proof = asyncio.run(crowd.run())
    happened = {what: crowd.happened.count(what) for what in {*crowd.happened}}
    document = {
        "sizes": {"fewest": min(sizes), "most": max(sizes), "all": sum(sizes)},
        "proof": {name: getattr(proof, name) for name in proof.__slots__},
        "seconds": crowd.seconds,
        "limit_used": round(crowd.used, 3),
        "happened": happened,
    }
    click.echo(json.dumps(document, indent=2))
    is_in_bounds = proof.most_in_a_second <= 1.1 * rate
    sys.exit(0 if proof.is_good and is_in_bounds else 1)


if __name__ == "__main__":
    main()
