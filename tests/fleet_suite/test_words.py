"""What a fleet's operator is told of a run: what happened, and what helps there."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import asyncpg
import click
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.errors import (
    AuthError,
    ConfigError,
    RateLimitedError,
    ServiceError,
    TransientError,
)
from sync.cli.app import app
from sync.daemon.turn import PASSING, Ending, Result, failed_turn, finished_turn
from sync.fleet.calendar import Kind, State, Verdict
from sync.fleet.database import FAULTS, FleetDatabase
from sync.fleet.profiles import Profile
from sync.fleet.runner import Runner
from sync.fleet.words import words_of
from sync.ledger import StateError
from sync.runtime.stop import Stop
from tests.clocks import FakeClock
from tests.daemon_suite.told import ERRORS
from tests.terminal_suite.test_words import everything, raised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.fleet.outcome import Outcome

#: Where the driver keeps its errors.
DRIVER = asyncpg.PostgresSyntaxError.__module__
AT = datetime(2026, 1, 1, tzinfo=UTC)
COMMAND = re.compile(r"trakt2discovr ((?:fleet )?[a-z]+)")
NAME = "The kids' room"
ADD = "trakt2discovr fleet add FILE.csv"
RESTART = "Workers read the config when they start: restart them then."
REMEDIES = sorted(
    {remedy for _, _, remedy in raised() if remedy}
    | {kind.default_remedy for kind in everything().values()}
)
KINDS = [ServiceError, AuthError, ConfigError, *map(type, ERRORS.values())]


def profile(name: str = NAME) -> Profile:
    every = timedelta(hours=6)
    known = (1, name, "trakt", Kind.KEEP, State.ACTIVE, every, AT, 0, None, 0, None)
    return Profile(*known, "", None, None, None)


@pytest.mark.parametrize("kind", dict.fromkeys(KINDS), ids=lambda kind: kind.__name__)
def test_every_command_that_is_named_is_one_that_knows_the_fleet(
    kind: type[ServiceError],
) -> None:
    for remedy in REMEDIES:
        error = kind.__new__(kind)
        ServiceError.__init__(error, "It did not work.", remedy=remedy)
        error.__dict__.setdefault("is_passing", False)
        said = words_of(failed_turn(error, AT, AT, stays=True), NAME)
        assert said.startswith("It did not work.")
        assert "--" not in re.sub("--(shared|service)|fleet init --new-key", "", said)
        assert said.endswith(".")
        for command in COMMAND.findall(said):
            assert command.startswith(("fleet ", "doctor", "setup")), said
            words = [*command.split(), "--help"]
            assert CliRunner().invoke(app, words).exit_code == 0, said


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            ConfigError("[trakt] client_id is not set.", remedy="Use a --file."),
            f"Correct that in the config. {RESTART}",
        ),
        (
            ConfigError(
                "Trakt does not know the client id.",
                remedy="Put a valid one into [trakt] client_id. Or: trakt2discovr plan",
            ),
            f"Put a valid one into [trakt] client_id. {RESTART}",
        ),
        (
            ConfigError("It is locked.", remedy="Name another one in [state] url."),
            f"Name another one in [fleet] url. {RESTART}",
        ),
        (
            ServiceError(
                "It is not proved whole.",
                remedy="Make the download again, or name all; or --accept-incomplete.",
            ),
            "Make the download again, or name all.",
        ),
        (
            ConfigError("No such profile.", remedy="Give one by --profile; or none."),
            f"Correct its line in the table and add that again: {ADD}.",
        ),
    ],
)
def test_what_helps_here_too_is_said_and_the_rest_left_out(
    error: ServiceError, says: str
) -> None:
    said = words_of(failed_turn(error, AT, AT, stays=True), NAME)
    assert said == f"{error.message} {says}"


@given(name=st.text(min_size=1).filter(str.isprintable))
@example(name="--0")
@example(name="-h")
@example(name="A.")
@example(name="-.")
def test_a_lost_login_names_the_command_for_that_profile(name: str) -> None:
    for remedy in (AuthError.default_remedy, "Log in again: trakt2discovr login trakt"):
        error = AuthError("It is lost.", remedy=remedy)
        said = words_of(failed_turn(error, AT, AT), name).removesuffix(".")
        before, _, command = said.partition("trakt2discovr fleet ")
        assert before == "It is lost. Log in again: "
        word, *arguments = shlex.split(command)
        fleet: Any = app.get_command(click.Context(app), "fleet")
        login = fleet.get_command(click.Context(fleet), word)
        assert login.make_context(word, arguments).params["name"] == name


def test_what_is_not_all_in_place_is_tried_again_and_nobody_has_to_read_a_report() -> (
    None
):
    turn = finished_turn(Result(is_good=False, plays=5, written=3), AT, AT)
    said = words_of(turn, NAME)
    assert said.startswith("Not everything is in place: 5 plays read, 3 entries")
    assert said.endswith("The rest is tried again soon, by itself.")


class Failing:
    """A fleet whose database, or whatever is asked first, fails like this."""

    place = "fleet"

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def rows(self, *_: object) -> list[Any]:
        raise self._error


async def run(error: Exception) -> Outcome:
    nothing = cast("Any", None)
    fleet = cast("FleetDatabase", Failing(error))
    runner = Runner(nothing, fleet, nothing, nothing, FakeClock(AT))
    return await runner.run(profile(), Stop())


@pytest.mark.parametrize("ending", ERRORS)
async def test_a_run_says_the_words_of_the_fleet(ending: Ending) -> None:
    outcome = await run(ERRORS[ending])
    assert outcome.ending is ending
    turn = failed_turn(ERRORS[ending], AT, AT, stays=True)
    assert outcome.message == words_of(turn, NAME)
    if ending in PASSING:
        assert outcome.message == ERRORS[ending].message
        assert outcome.verdict is Verdict.AGAIN


async def test_a_state_that_is_down_is_an_outage_for_who_stays() -> None:
    outcome = await run(StateError("It starts again.", is_passing=True))
    assert (outcome.ending, outcome.verdict) == (Ending.DOWN, Verdict.AGAIN)
    assert outcome.message == "It starts again."
    outcome = await run(StateError("It is damaged."))
    assert outcome.ending is Ending.STATE
    down = TransientError("Trakt could not be reached.")
    assert (await run(down)).message == down.message
    asked = await run(RateLimitedError("It is full.", retry_after_s=90))
    assert asked.asked == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("fault", "is_passing"),
    [
        (OSError("gone"), True),
        (TimeoutError(), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.InternalClientError("got result for unknown protocol state"), True),
        (asyncpg.ProtocolError("it broke in a message"), True),
        (asyncpg.CannotConnectNowError("it starts"), True),
        (asyncpg.AdminShutdownError("it stops"), True),
        (asyncpg.TooManyConnectionsError("it is full"), True),
        (asyncpg.DiskFullError("no room"), True),
        (asyncpg.IdleInTransactionSessionTimeoutError("it slept"), True),
        (asyncpg.DeadlockDetectedError("both wait"), True),
        (asyncpg.InvalidPasswordError("wrong"), False),
        (asyncpg.InsufficientPrivilegeError("no"), False),
        (asyncpg.InvalidCatalogNameError("no such database"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_passes_of_the_fleets_database_is_an_outage(
    fault: Exception, *, is_passing: bool
) -> None:
    database = FleetDatabase(cast("Any", None), "postgresql://a:secret@host/fleet")
    with pytest.raises(StateError) as found, database.in_words():
        raise fault
    assert found.value.is_passing == is_passing
    assert "secret" not in str(found.value)
    ending = failed_turn(found.value, AT, AT, stays=True).ending
    assert ending is (Ending.DOWN if is_passing else Ending.STATE)


def _kinds(error: type[BaseException]) -> Iterator[type[BaseException]]:
    for kind in error.__subclasses__():
        yield kind
        yield from _kinds(kind)


def test_no_error_of_the_driver_is_taken_for_a_bug_but_of_ours() -> None:
    """Whatever it raises, in whatever state a broken connection left it."""
    public = {kind for kind in _kinds(Exception) if kind.__module__.startswith(DRIVER)}
    faults = {kind for kind in public if not issubclass(kind, Warning)}
    assert len(faults) > 200
    assert [kind for kind in faults if not issubclass(kind, FAULTS)] == []
