"""Keeps how the job is in the ledger, for ``status``."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from connectors.discovr.auth import token_in_force
from connectors.errors import ServiceError
from sync.documents.job import JobDocument
from sync.ledger import Ledger
from sync.ledger.fact_names import LEFT_OUT, SCHEDULE, recall_profile, wanted
from sync.runtime import logs
from sync.wiring.logins import secret, token_store

if TYPE_CHECKING:
    from sync.config import Settings
    from sync.daemon.job import Job


async def recall_job(ledger: Ledger, settings: Settings) -> JobDocument | None:
    """Return how the job of these settings was when it last noted it, if ever."""
    fact = await ledger.get_fact(SCHEDULE, wanted(settings.discovr.profile))
    return JobDocument.model_validate_json(json.dumps(fact)) if fact else None


class Recorder:
    """Notes each change. What it cannot note it says once, and the job goes on."""

    def __init__(self) -> None:
        self._complaint = ""

    async def __call__(self, job: Job) -> None:
        """Note how the job is now."""
        try:
            await self._note(job)
        except ServiceError as error:
            if error.message != self._complaint:
                logs.tell("job.unnoted", str(error), level=logging.WARNING)
            self._complaint = error.message
        else:
            self._complaint = ""

    async def _note(self, job: Job) -> None:
        state, now, settings = job.state, job.clock.now(), job.terms.settings
        # What is wrong with the token store is said by the run that needs it.
        with suppress(ServiceError):
            _look_at_login(job)
        async with await Ledger.open(settings.state.url) as ledger:
            profile = await recall_profile(ledger, settings.discovr.profile)
            left_out = await ledger.get_fact(profile, LEFT_OUT) if profile else None
            if left_out is not None:
                state.unmatched = len(left_out["unmatched"])
            document = state.document(now).model_dump(mode="json")
            await ledger.put_fact(
                SCHEDULE, wanted(settings.discovr.profile), document, now
            )
            if profile:
                await ledger.put_fact(profile, SCHEDULE, document, now)


def _look_at_login(job: Job) -> None:
    settings = job.terms.settings
    configured = secret(settings.discovr.refresh_token)
    token = token_in_force(token_store(settings), configured)
    job.state.login_ends_at = token.expires_at if token else None
