"""Runs one profile of the fleet, and says what that means for its calendar."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from connectors.discovr import auth as discovr
from connectors.errors import AuthError, LoginRefusedError, ServiceError
from sync import api
from sync.daemon.turn import Ending, Result, failed_turn, finished_turn
from sync.errors import BugError, StoppedError
from sync.events import Spent, Warned
from sync.fleet.calendar import Kind, Verdict
from sync.fleet.logins import open_store
from sync.fleet.outcome import Outcome
from sync.fleet.words import in_a_fleet, words_of
from sync.ledger.errors import StateError
from sync.pipeline.result import is_in_place
from sync.runtime import logs
from sync.runtime.shell import quote_last

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.auth.tokens import StoredToken
    from connectors.clock import Clock
    from connectors.http.pacing import Pacer
    from sync.config import Settings
    from sync.daemon.turn import Turn
    from sync.events import Event
    from sync.fleet.database import FleetDatabase
    from sync.fleet.ledgers import LedgerPool
    from sync.fleet.logins import ProfileStore
    from sync.fleet.profiles import Profile
    from sync.fleet.vault import Vault
    from sync.pipeline.result import Report
    from sync.runtime.stop import Stop
    from sync.wiring.options import Options

#: What does not stand here waits for the next interval.
_VERDICTS = {
    Ending.DONE: Verdict.DONE,
    Ending.LOGIN: Verdict.LOGIN,
    Ending.DOWN: Verdict.AGAIN,
    Ending.BUSY: Verdict.AGAIN,
    Ending.STATE: Verdict.AGAIN,
    Ending.INCOMPLETE: Verdict.AGAIN,
}


#: What helps where a service says no, and not that it is for this login.
_UNCLEAR = (
    "It is tried again at its next time. If others are refused too, look at "
    "[{service}] in the config; if not, log in again: {command}"
)


@dataclass(frozen=True, slots=True)
class Runner:
    """What the runs of one worker share.

    ``shared`` is the login to Discovr of this machine, for profiles that live by the
    one that serves all, where the database holds none.
    """

    settings: Settings
    database: FleetDatabase
    vault: Vault
    ledgers: LedgerPool
    clock: Clock
    pacers: Mapping[str, Pacer] = field(default_factory=dict)
    shared: StoredToken | None = None
    #: What ended runs have sent, by service.
    spent: dict[str, Spent] = field(default_factory=dict)

    async def run(self, profile: Profile, stop: Stop) -> Outcome:
        """Carry over what is new, to the end or until ``stop``; raises no error."""
        started_at = self.clock.now()
        try:
            result = await self._carry(profile, stop)
        except StoppedError:
            return Outcome(Verdict.GAVE_WAY)
        except ServiceError as error:
            failure = error
        except Exception as bug:  # noqa: BLE001  # it ends this run alone, as in a job
            logs.trace(bug)
            failure = BugError(bug)
        else:
            turn = finished_turn(result, started_at, self.clock.now())
            return _outcome(turn, profile)
        turn = failed_turn(failure, started_at, self.clock.now(), stays=True)
        return _outcome(turn, profile)

    async def _carry(self, profile: Profile, stop: Stop) -> Result:
        store = await open_store(
            *(self.database, self.vault, profile.id),
            with_shared=profile.is_shared,
            source=profile.source,
            clock=self.clock,
        )
        if profile.is_shared and self.shared is not None:
            store.offer(discovr.SERVICE, self.shared)
        try:
            report = await self._run(profile, store, stop)
        except AuthError as error:
            service = (error.service or "").lower()
            if isinstance(error, LoginRefusedError):
                # Where that cannot be noted, it is refused again the next time.
                with suppress(StateError):
                    await store.refuse(service)
            with suppress(StateError):
                if await store.is_replaced(service):
                    raise StoppedError("Somebody has signed in meanwhile.") from None
            raise _judged(error, service, profile, store) from None
        result = Result.of(report, is_good=is_in_place(report, is_strict=False))
        if result.is_good and report.cost:
            for spent in report.cost.services:
                if spent.requests:
                    with suppress(StateError):
                        await store.accept(spent.service.lower())
        return result

    async def _run(self, profile: Profile, store: ProfileStore, stop: Stop) -> Report:
        settings = settings_of(self.settings, profile)
        async with self.ledgers.lend() as ledger:
            options: Options = {
                "store": store,
                "ledger": ledger,
                "pacers": self.pacers,
                "clock": self.clock,
                "on_event": partial(self._note, profile),
            }
            if profile.file:
                options["files"] = (profile.file,)
            if profile.kind is Kind.FIRST or profile.file:
                return await api.migrate(settings, stop=stop, **options)
            return await api.sync(settings, stop=stop, **options)

    def _note(self, profile: Profile, event: Event) -> None:
        if isinstance(event, Spent):
            before = self.spent.get(event.service, Spent(event.service))
            self.spent[event.service] = before + event
        elif isinstance(event, Warned):
            name = quote_last(profile.profile)
            logs.tell(
                "fleet.warned",
                f"{profile.profile}: {in_a_fleet(event.message, name)}",
                level=logging.WARNING,
                profile=profile.profile,
            )


def settings_of(settings: Settings, profile: Profile | None) -> Settings:
    """Return the settings for one profile: whose logins are in the database alone."""
    name = profile.profile if profile else None
    none = {"access_token": None, "refresh_token": None}
    return settings.model_copy(
        update={
            "trakt": settings.trakt.model_copy(update=none),
            "discovr": settings.discovr.model_copy(
                update={"profile": name, "refresh_token": None}
            ),
        }
    )


def _judged(
    error: AuthError, service: str, profile: Profile, store: ProfileStore
) -> ServiceError:
    """Return what the operator is told of it: who has to sign in, if anybody.

    A refusal that may be about the config, or pass by itself, is none of a login.
    """
    is_discovr = service == discovr.SERVICE
    is_for_all = profile.is_shared and is_discovr and not store.has_own(service)
    which = "fleet login --shared" if is_for_all else f"login {service}"
    command = f"trakt2discovr {which}"
    if isinstance(error, LoginRefusedError) or not store.is_lasting(service):
        if is_for_all:
            error.remedy = f"Log in again: {command}"
        return error
    remedy = _UNCLEAR.format(service=service, command=command)
    return ServiceError(error.message, remedy=remedy, service=error.service)


def _outcome(turn: Turn, profile: Profile) -> Outcome:
    is_done = turn.ending is Ending.DONE
    return Outcome(
        _VERDICTS.get(turn.ending, Verdict.LATER),
        turn.ending,
        None if is_done else words_of(turn, profile.profile),
        timedelta(seconds=turn.asked_s),
        turn.result,
    )
