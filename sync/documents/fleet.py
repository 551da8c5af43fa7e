"""The JSON documents of ``fleet``. Change them only by adding."""

from __future__ import annotations

from datetime import datetime  # pydantic needs it at run time
from typing import Literal

from sync.documents.base import Document


class FleetProfileDocument(Document):
    """A profile of the fleet.

    ``kind`` is "first" until it was brought over, then "keep". ``due_at`` null: nothing
    is planned. ``worker`` is the machine and process that runs it. ``logins`` are the
    services that it has a login of its own for; ``lacks`` are those that it has to sign
    in to: there is no login, or the service has refused it. ``is_shared``: it lives by
    the operator's login to Discovr where it has none. ``login_ends_at``: its own login
    to Discovr ends within two weeks, and nothing renews it.
    """

    profile: str
    source: str
    kind: Literal["first", "keep"]
    state: Literal["active", "paused", "needs_login", "gone"]
    every_s: float
    due_at: datetime | None
    is_running: bool
    worker: str | None
    last_ok_at: datetime | None
    failures: int
    last_error: str | None
    note: str
    logins: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    is_shared: bool = False
    login_ends_at: datetime | None = None


class FleetListDocument(Document):
    """The profiles of the fleet, by name."""

    format: Literal["trakt2discovr/fleet-list"] = "trakt2discovr/fleet-list"
    version: Literal[1] = 1
    profiles: tuple[FleetProfileDocument, ...]


class FleetStatusDocument(Document):
    """How the fleet is. ``overdue_s`` is for how long the longest due one has waited.

    ``in_step`` counts those whose last run ended well. ``brought_over`` were carried
    over once in full; ``to_bring_over`` counts the active ones that were not yet.
    ``shared_login`` is the operator's own to Discovr, if it is in the database;
    ``without_discovr`` profiles live by it, and have none. Two weeks before
    their end logins to Discovr are counted as ``ending_logins``, and that one is named
    by ``shared_login_ends_at``.
    """

    format: Literal["trakt2discovr/fleet-status"] = "trakt2discovr/fleet-status"
    version: Literal[1] = 1
    profiles: int
    in_step: int
    to_bring_over: int
    running: int
    due: int
    overdue_s: float
    failing: int
    paused: int
    needs_login: int
    database: str
    shared_login: Literal["good", "refused", "none"] = "none"
    brought_over: int = 0
    without_discovr: int = 0
    ending_logins: int = 0
    shared_login_ends_at: datetime | None = None


class LimitDocument(Document):
    """What all workers together may send to a service; ``rate`` is what they do now."""

    name: str
    per_second: float
    rate: float
    paused_s: float


class FleetLimitsDocument(Document):
    """The limits that all workers share."""

    format: Literal["trakt2discovr/fleet-limits"] = "trakt2discovr/fleet-limits"
    version: Literal[1] = 1
    limits: tuple[LimitDocument, ...]


class FleetDocument(Document):
    """What a command did to the fleet: to so many profiles, or logins."""

    format: Literal["trakt2discovr/fleet"] = "trakt2discovr/fleet"
    version: Literal[1] = 1
    done: Literal[
        "init",
        "add",
        "due",
        "pause",
        "resume",
        "remove",
        "keys",
        "login",
        "logout",
        "demo",
    ]
    count: int
    notes: tuple[str, ...] = ()


class InvitationDocument(Document):
    """The link by which one profile signs in. Whoever has it can do so.

    ``source`` and ``note`` are of the table, to know whom to send it to.
    """

    profile: str
    link: str
    source: str = ""
    note: str = ""


class FleetInvitationsDocument(Document):
    """The links of profiles that sign in by themselves.

    ``is_for_this_machine``: nobody else can open them.
    """

    format: Literal["trakt2discovr/fleet-invitations"] = (
        "trakt2discovr/fleet-invitations"
    )
    version: Literal[1] = 1
    invitations: tuple[InvitationDocument, ...]
    is_for_this_machine: bool = False
