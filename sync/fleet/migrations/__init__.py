"""The history of the fleet's tables, applied by ``fleet init``."""

from __future__ import annotations

#: The revision that this program works with: the newest below ``versions``.
HEAD = "0004"

#: A name of our own, so that the ledger's versions can stand beside it.
VERSION_TABLE = "fleet_version"
