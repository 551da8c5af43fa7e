"""A check-up under test: the stand-ins, the settings to spoil, and what was found."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from sync.checkup.doctor import examine
from sync.checkup.findings import Verdict
from sync.config import Settings
from sync.sandbox.account.sample import sample_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.server.faults import Fault, FaultKind
from sync.sandbox.trakt.quirks import TraktQuirks
from tests.worlds import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from aiohttp import web

    from connectors.clock import Clock
    from connectors.errors import ConfigError
    from sync.checkup.doctor import Diagnosis
    from sync.checkup.findings import Finding
    from sync.sandbox.account.account import Account
    from sync.sandbox.server.server import StandIn

KEYS = Credentials()
SECRETS = [secret for secret in astuple(KEYS) if len(secret) > 20]


@dataclass(frozen=True)
class Found:
    """A diagnosis, by the name of the check."""

    diagnosis: Diagnosis

    def of(self, check: str) -> list[Finding]:
        found = [f for f in self.diagnosis.findings if f.check == check]
        assert found, [f.check for f in self.diagnosis.findings]
        return found

    def one(self, check: str) -> Finding:
        (finding,) = self.of(check)
        return finding

    def verdict(self, check: str) -> Verdict:
        return self.one(check).verdict

    @property
    def complaints(self) -> dict[str, Verdict]:
        """Everything that is neither fine nor not checked."""
        fine = (Verdict.OK, Verdict.UNCHECKED)
        return {
            f.check: f.verdict for f in self.diagnosis.findings if f.verdict not in fine
        }

    @property
    def unchecked(self) -> set[str]:
        found = self.diagnosis.findings
        return {f.check for f in found if f.verdict is Verdict.UNCHECKED}


@asynccontextmanager
async def patient(
    folder: Path,
    account: Account | None = None,
    *,
    profiles: Sequence[str] = ("Me", "Kids"),
    **quirks: dict[str, Any],
) -> AsyncIterator[World]:
    """Start the stand-ins, around the sample account; give quirks by service."""
    async with world(
        account or sample_account(),
        folder,
        trakt=TraktQuirks(**quirks.get("trakt", {})),
        discovr=DiscovrQuirks(**quirks.get("discovr", {})),
        profiles=profiles,
    ) as where:
        yield where


def changed(settings: Settings, **sections: dict[str, Any]) -> Settings:
    """Return the settings with some keys of some sections in another form."""
    known = settings.model_dump()
    for name, keys in sections.items():
        known[name] |= keys
    return Settings.model_validate(known)


def well(where: World) -> Settings:
    """Return settings with nothing to complain about: the Trakt login renews itself."""
    return changed(where.settings, trakt={"refresh_token": KEYS.trakt_refresh_token})


async def look(
    settings: Settings | ConfigError,
    place: Path | None = None,
    *,
    clock: Clock | None = None,
) -> Found:
    """Examine, and hold each finding to what holds for all of them."""
    diagnosis = await examine(settings, place, clock=clock)
    for finding in diagnosis.findings:
        shown = f"{finding.text} {finding.remedy}"
        assert not [secret for secret in SECRETS if secret in shown]
        is_complaint = finding.verdict in (Verdict.WARNING, Verdict.PROBLEM)
        assert bool(finding.remedy) is is_complaint
        assert bool(finding.cause) is (finding.verdict is Verdict.PROBLEM)
        assert "\n" not in shown
    return Found(diagnosis)


def answer_with(service: StandIn, path: str, body: Any) -> None:
    """Let a service answer 200 below one path with a body of the test's own."""
    content = json.dumps(body).encode()

    def plan(request: web.Request, _number: int) -> Fault | None:
        if not request.path.startswith(path):
            return None
        return Fault(FaultKind.STATUS, takes_effect=False, body=content)

    service.faults = plan


def spoil(service: StandIn, fault: Fault, path: str = "") -> None:
    """Let every answer below one path go wrong in that way."""

    def plan(request: web.Request, _number: int) -> Fault | None:
        return fault if request.path.startswith(path) else None

    service.faults = plan
