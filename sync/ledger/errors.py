"""What can be wrong with the state database, said in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.errors import ServiceError

if TYPE_CHECKING:
    from sync.ledger.records import Holder

#: Of a state that is to stay as it is: what is the matter, and what to do.
OTHER_VERSION = (
    "is from another version of trakt2discovr, and this command changes nothing",
    "Run trakt2discovr migrate to bring it up to date; if that refuses, update it.",
)


class StateError(ServiceError):
    """The state database cannot be used; nothing that was written is lost by it."""

    default_remedy = "Put that right and run it again; nothing is done twice."
    exit_code = 2

    def __init__(
        self, message: str, *, remedy: str | None = None, is_passing: bool = False
    ) -> None:
        super().__init__(message, remedy=remedy)
        #: Whether it may be over soon by itself, as with a server that starts again.
        self.is_passing = is_passing


class BusyError(ServiceError):
    """Another run holds this profile; ``holder`` says who, as far as it is known."""

    default_remedy = (
        "Wait until it has ended, or stop it, and run it again: nothing is done twice."
    )
    exit_code = 6

    def __init__(
        self, profile: str, holder: Holder | None, *, is_taken_over: bool = False
    ) -> None:
        who = f": {holder}" if holder else ""
        message = f"Another run holds the profile {profile}{who}."
        if is_taken_over:
            message = (
                "This run was cut off from its state (a machine that slept, a lost "
                f"connection), and another one has taken the profile {profile} "
                f"over{who}. This one sends nothing more."
            )
        super().__init__(message)
        self.profile = profile
        self.holder = holder
