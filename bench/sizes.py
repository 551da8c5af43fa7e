"""How much is measured: everything, or so little that a test can wait for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """The defaults are those of the published figures."""

    repeats: int = 3
    #: Turns before those, in which caches are filled.
    warm_ups: int = 1
    #: Plays of the migrations whose requests are counted.
    migrations: tuple[int, ...] = (1_000, 10_000, 100_000)
    #: Plays of the accounts whose first plan is timed.
    first_plans: tuple[int, ...] = (1_000, 30_000, 100_000)
    #: Plays of the extraction that is raced, and latencies of the server.
    extracted: int = 30_000
    latencies_ms: tuple[int, ...] = (0, 120)
    #: Rivals to race against; each is installed where it is not yet.
    rivals: tuple[str, ...] = ("pytrakt", "traktexport", "trakt.py", "dlt")
    #: Rates that the paced loader is held to.
    limits: tuple[float, ...] = (5, 20, 100)
    #: What the program is told of each, as a multiple: the truth, and twice as much;
    #: and for how many seconds it is watched then.
    told: tuple[tuple[float, float], ...] = ((1, 75), (2, 180))
    #: Writes of the loader without a limit.
    writes: int = 2_000
    #: Latencies of the server that it writes to: none, and that of a near one.
    write_latencies_ms: tuple[int, ...] = (0, 20)
    #: Plays of the account that is written and taken back, and the rates of both.
    undone: int = 2_000
    undo_rates: tuple[float, ...] = (5, 10_000)
    #: Plays of the accounts that are parsed and planned without any network.
    planned: tuple[int, ...] = (100_000, 1_000_000)
    #: Plays of the account that whole commands carry over.
    big_account: int = 300_000
    #: Plays of the account that is carried over by the page.
    on_the_page: int = 100_000
    #: Profiles in the calendar of a fleet, and how often what is due is picked.
    fleet_profiles: int = 1_000_000
    fleet_picks: int = 100
    #: Plays of the profile that is run, and how often.
    fleet_plays: int = 913
    fleet_runs: int = 200
    #: Profiles whose part of the database is measured.
    fleet_sized: int = 50
    #: How many of them are simulated, and for how many days.
    fleet_simulated: int = 100_000
    fleet_days: float = 30


FULL = Sizes()
QUICK = Sizes(
    repeats=1,
    warm_ups=0,
    migrations=(40,),
    first_plans=(40,),
    extracted=500,
    latencies_ms=(0,),
    rivals=(),
    limits=(50,),
    told=((1, 0.3),),
    writes=8,
    write_latencies_ms=(0,),
    undone=40,
    undo_rates=(10_000,),
    planned=(300, 600),
    big_account=40,
    on_the_page=40,
    fleet_profiles=1_000,
    fleet_picks=2,
    fleet_plays=40,
    fleet_runs=3,
    fleet_sized=2,
    fleet_simulated=50,
    fleet_days=4,
)
