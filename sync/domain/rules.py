"""What steers the planner beside the two sides themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.domain.collapse import Conflict, Mode, SeasonRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sync.domain.plan import SeasonId
    from sync.domain.plays import Key
    from sync.domain.seasons import Airings


@dataclass(frozen=True, slots=True)
class Rules:
    """The choices that a person has, and what the planner knows beside the entries.

    ``disputed`` seasons have no air dates on purpose, and a reason for that.
    ``written`` holds the minutes of the entries that we wrote of a key, the last write
    last, which tells viewings apart that the service lists merged into one; only
    ``has_every_viewing`` looks at it.
    """

    mode: Mode = Mode.CLEAN
    conflict: Conflict = Conflict.NEWEST
    airings: Mapping[SeasonId, Airings] = field(default_factory=dict)
    records: Mapping[SeasonId, SeasonRecord] = field(default_factory=dict)
    disputed: Mapping[SeasonId, str] = field(default_factory=dict)
    has_every_viewing: bool = False
    written: Mapping[Key, Sequence[datetime]] = field(default_factory=dict)
