"""Stand-ins for Trakt, Discovr and TMDB on loopback, and a sample account.

The real program runs against them with ``--sandbox``; the tests do too.
"""

from __future__ import annotations

from sync.sandbox.account import Account, Pause, Play
from sync.sandbox.credentials import Credentials
from sync.sandbox.discovr import DiscovrStandIn
from sync.sandbox.discovr_history import StoredEntry
from sync.sandbox.discovr_quirks import DiscovrQuirks
from sync.sandbox.export import write_export
from sync.sandbox.faults import Fault, FaultKind, FaultPlan, fault_mix, seeded_faults
from sync.sandbox.running import Sandbox
from sync.sandbox.sample import sample_account
from sync.sandbox.server import SeenRequest, StandIn
from sync.sandbox.synthetic import synthetic_account
from sync.sandbox.titles import CatalogueTitle, Episode, Season
from sync.sandbox.tmdb import TmdbStandIn
from sync.sandbox.trakt import TraktStandIn
from sync.sandbox.trakt_quirks import TraktQuirks

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
