"""Up to where everything is in its place, and by what a later change is noticed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from sync.domain.plays import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

#: Change stamps by the name of what they stand for; None: the source has none for it.
Stamps: TypeAlias = "Mapping[str, str | None]"
#: Times by the name of the film or episode that the source counts them for.
Gaps: TypeAlias = "Mapping[str, Sequence[str]]"

#: The stamps that move with the plays of a kind, and with the resume points of both.
WATCHED = {Kind.FILM: "movies.watched_at", Kind.SHOW: "episodes.watched_at"}
PAUSED = ("movies.paused_at", "episodes.paused_at")
#: So often both sides are read whole and compared, whatever the stamps say.
RECONCILE_EVERY = timedelta(days=7)
_INSTANTS = ("at", "checked_at", "reconciled_at")


@dataclass(frozen=True, slots=True)
class Watermark:
    """The state of the source that is wholly in its place on Discovr.

    ``at`` is the source's clock when that state was read; ``checked_at`` when it was
    last seen to be in force; ``reconciled_at`` when both sides were last read whole.
    ``kinds`` are those of which there were plays. ``steering`` digests what a person
    has set that decides what is written; ``ids`` the ids that a person filled in, and
    ``skipped`` what they marked to be left out.
    ``stale`` are titles of which we wrote what the source has no longer; ``entries`` is
    how many stood in the profile. ``source`` is whose plays they are; ``reader`` the
    version of the program that could not read some of them, empty if it read them all;
    ``gaps`` what the source counted beyond what it could read and name.
    """

    at: datetime
    checked_at: datetime
    reconciled_at: datetime
    stamps: Stamps
    kinds: Collection[Kind] = ()
    steering: str = ""
    ids: str = ""
    skipped: str = ""
    stale: Collection[str] = ()
    entries: int = 0
    source: str = ""
    reader: str = ""
    gaps: Gaps = field(default_factory=dict)

    def moved(self, stamps: Stamps) -> set[Kind]:
        """Name the kinds whose plays may have changed.

        A stamp that is missing says nothing where there are plays of its kind.
        """
        return {
            kind
            for kind, name in WATCHED.items()
            if stamps.get(name) != self.stamps.get(name)
            or (stamps.get(name) is None and kind in self.kinds)
        }

    def has_new_pauses(self, stamps: Stamps) -> bool:
        """Whether resume points may have changed."""
        return any(stamps.get(name) != self.stamps.get(name) for name in PAUSED)

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to read both sides whole again."""
        return not timedelta() <= now - self.reconciled_at < RECONCILE_EVERY

    def checked(self, now: datetime) -> Watermark:
        """Return it as seen to be in force now."""
        return replace(self, checked_at=now)

    def to_fact(self) -> dict[str, Any]:
        """Return it as the ledger keeps it."""
        values = asdict(self)
        for name in _INSTANTS:
            values[name] = values[name].isoformat()
        if not self.gaps:
            del values["gaps"]
        return values | {"kinds": sorted(self.kinds), "stale": sorted(self.stale)}

    @classmethod
    def from_fact(cls, fact: Mapping[str, Any]) -> Watermark:
        """Read it back."""
        values: dict[str, Any] = dict(fact)
        for name in _INSTANTS:
            values[name] = datetime.fromisoformat(values[name])
        return cls(**values | {"kinds": [Kind(kind) for kind in fact["kinds"]]})
