"""Where plays come from: what the source is called, here and on Discovr."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """``name`` is what people read; ``label`` marks the entries that it brings."""

    name: str
    label: str


#: Also what earlier versions called every source.
TRAKT = Origin("Trakt", "trakt")
