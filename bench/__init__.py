"""What trakt2discovr costs: requests, time, memory. ``scripts/bench`` runs it all."""

from __future__ import annotations
