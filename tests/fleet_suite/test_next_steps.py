"""What an operator is told to do next, by where the logins stand."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sync.cli.commands.fleet_advice import next_steps, why_not
from sync.fleet.calendar import Kind, State
from sync.fleet.logins import SHARED
from sync.fleet.profiles import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Whether the login to Discovr that serves all is good, by what is stored of it.
SERVED: dict[str, Mapping[str, bool]] = {
    "none": {},
    "refused": {"discovr": False},
    "good": {"discovr": True},
}


def profile(state: State = State.ACTIVE, *, is_shared: bool = False) -> Profile:
    every = timedelta(hours=6)
    return Profile(
        *(1, "Me", "trakt", Kind.KEEP, state, every, None, 0, None, 0, None, ""),
        *(None, None, None, is_shared),
    )


@pytest.mark.parametrize("shared", SERVED)
def test_a_machine_s_own_login_takes_the_place_of_none(shared: str) -> None:
    """Beside one that was refused no worker takes it."""
    logins = {1: {"trakt": True}, SHARED: SERVED[shared]}
    told = " ".join(next_steps([profile(is_shared=True)], logins))
    assert ("fleet login --shared" in told) is (shared != "good")
    assert ("unless every worker's machine" in told) is (shared == "none")


@pytest.mark.parametrize("trakt", [True, False])
def test_who_has_signed_in_since_goes_on_without_doing_so_again(*, trakt: bool) -> None:
    logins = {1: {"trakt": trakt, "discovr": True}, SHARED: {}}
    (told,) = why_not([profile(State.NEEDS_LOGIN)], logins)
    assert told.endswith(f"fleet {'resume' if trakt else 'login'} Me")
