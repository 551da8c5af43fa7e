"""Stand-ins for Trakt, Discovr and TMDB on loopback, and a sample account.

The real program runs against them with ``--sandbox``; the tests do too.
"""

from __future__ import annotations

from sync.sandbox.account.account import Account, Pause, Play
from sync.sandbox.account.sample import sample_account
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.account.titles import CatalogueTitle, Episode, Season
from sync.sandbox.discovr.history import StoredEntry
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.discovr.stand_in import DiscovrStandIn
from sync.sandbox.running import Sandbox
from sync.sandbox.server.credentials import Credentials
from sync.sandbox.server.faults import (
    Fault,
    FaultKind,
    FaultPlan,
    fault_mix,
    seeded_faults,
)
from sync.sandbox.server.server import SeenRequest, StandIn
from sync.sandbox.tmdb import TmdbStandIn
from sync.sandbox.trakt.export import write_export
from sync.sandbox.trakt.quirks import TraktQuirks
from sync.sandbox.trakt.stand_in import TraktStandIn

__all__ = [
    "Account",
    "CatalogueTitle",
    "Credentials",
    "DiscovrQuirks",
    "DiscovrStandIn",
    "Episode",
    "Fault",
    "FaultKind",
    "FaultPlan",
    "Pause",
    "Play",
    "Sandbox",
    "Season",
    "SeenRequest",
    "StandIn",
    "StoredEntry",
    "TmdbStandIn",
    "TraktQuirks",
    "TraktStandIn",
    "fault_mix",
    "sample_account",
    "seeded_faults",
    "synthetic_account",
    "write_export",
]
