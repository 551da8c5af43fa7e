"""What a run has read and decided before it writes anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.desired import EPISODE_ZERO, Desired, LeftOut, label_by_media
from sync.domain.evidence import Count
from sync.domain.filters import Filter
from sync.domain.plan import Action, Fate, Operation, Plan
from sync.domain.rules import Conflict
from sync.domain.seasons import current_entry
from sync.domain.sums import Rest
from sync.domain.writes import Before, Row, Settled
from sync.pipeline.missing import Missing
from sync.pipeline.recovery import BroughtBack
from sync.pipeline.unreadable import Unreadable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sync.documents.left_out import UnmatchedDocument
    from sync.domain.balance import Balance
    from sync.domain.entries import Entry
    from sync.domain.histories import TitleHistory
    from sync.domain.origin import Origin
    from sync.domain.plays import Key, Kind, Place, Title
    from sync.domain.rules import Rules
    from sync.domain.watermark import Stamps, Watermark
    from sync.pipeline.holdings import Holding
    from sync.pipeline.recovery import Recovery
    from sync.ports import Extraction, IncrementalSource


@dataclass(frozen=True, slots=True)
class Reading:
    """The source's side: all plays, and what they ask for."""

    extraction: Extraction
    desired: Desired


@dataclass(frozen=True, slots=True)
class Signs:
    """By what a change at the source shows, before anything is read."""

    source: IncrementalSource
    stamps: Stamps
    moved: Collection[Kind]
    unsettled: set[Place]
    has_pauses: bool
    has_new_ids: bool
    is_updated: bool

    @property
    def is_due(self) -> bool:
        """Whether anything is to be done."""
        return bool(
            self.moved
            or self.unsettled
            or self.has_pauses
            or self.has_new_ids
            or self.is_updated
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """What the last settled run noted of all that is known.

    ``move`` is the balance of the whole move.
    """

    left_out: UnmatchedDocument
    balance: Balance
    move: Balance


@dataclass(frozen=True, slots=True)
class Lacked:
    """A title of which something stands that its source lacks.

    ``key`` tells it from others. With ``has_other_id`` it is there all the same, and
    goes under another id now: one that was corrected.
    """

    key: str
    label: str
    has_other_id: bool


@dataclass(frozen=True, slots=True)
class Stale:
    """Keys that we wrote, or covered by a default, and that the source has no longer.

    ``rows`` are all that stands of their titles by the ledger. ``waiting`` are keys
    that went too, while something speaks for their being there: a record that cannot
    be read, or a title that cannot be told. ``titles`` are those that they were written
    for, by Discovr's id, as far as an earlier run noted them.
    """

    keys: tuple[Key, ...] = ()
    rows: tuple[Row, ...] = ()
    waiting: tuple[Key, ...] = ()
    titles: Mapping[str, Lacked] = field(default_factory=dict, repr=False)

    def run_of(self, keys: Collection[Key]) -> int | None:
        """Return the last run that wrote any of these, or a default over them."""
        places = {key.place for key in keys}
        runs = [row.run for row in self.rows if row.operation.key.place in places]
        return max(runs, default=None)


@dataclass(frozen=True, slots=True)
class Removals:
    """What is taken back: ``rows`` by removing them or setting them back.

    Each of ``zeros`` holds a default off one episode. An entry of ours that it sets to
    0 keeps its row: who takes the zero back finds the entry known as before.
    """

    rows: tuple[Row, ...] = ()
    zeros: tuple[Operation, ...] = ()


class Held(NamedTuple):
    """Whose plays a run has read, and what is there that cannot be read."""

    holding: Holding
    unreadable: Unreadable


@dataclass(frozen=True, slots=True)
class AsListed:
    """What a run has read of the profile, word for word.

    With ``places`` it was only these; else so many entries, or more, were seen to be
    ``lacking`` in the list.
    """

    entries: Sequence[Entry] = field(default=(), repr=False)
    places: Collection[Place] | None = None
    lacking: int = 0


#: Where a run notes the digest of the plan that it carries out.
PLAN = "plan"


@dataclass(frozen=True, slots=True)
class Prepared:
    """Both sides, and the plan that follows from them.

    With ``since`` only the films and seasons that changed after that watermark are
    ``compared``, and ``existing`` has their entries alone. ``whole`` is all of the
    source's side, but the titles of the ``rest``, in which nothing changed;
    ``known`` the histories of before by ``title_key``,
    ``holding`` what is held by the ledger. Of what nobody looked at ``kept`` tells.
    ``is_pruned``: ``removals`` are all that can be done about what is ``stale``.
    ``missing`` is what was written earlier and stands there no longer.
    ``could_save``: how many writes, about, there would be less with air dates, where
    there are none and a key of TMDB would give them. ``filter`` is what the settings
    leave out. What copies have ``restored``
    bears no label in ``existing``, as it does where it is ``listed``: it is no longer
    ours. Earlier runs have ``noted`` what titles are called. ``saved_as`` is the digest
    of the file that the plan comes from.
    """

    profile: str
    compared: Reading
    existing: Sequence[Entry]
    recovery: Recovery
    rules: Rules
    plan: Plan
    whole: Reading
    origin: Origin
    since: Watermark | None = None
    known: Mapping[str, TitleHistory] = field(default_factory=dict)
    rest: Rest = field(default_factory=Rest)
    stale: Stale = field(default_factory=Stale)
    holding: Holding | None = None
    unreadable: Unreadable = field(default_factory=Unreadable)
    kept: Kept | None = None
    removals: Removals = field(default_factory=Removals)
    is_pruned: bool = False
    missing: Missing = field(default_factory=Missing)
    could_save: int = 0
    filter: Filter = field(default_factory=Filter)
    listed: AsListed = field(default_factory=AsListed)
    restored: BroughtBack = field(default_factory=BroughtBack)
    noted: Mapping[str, str] = field(default_factory=dict, repr=False)
    saved_as: str | None = None

    def names(self, wanted: Iterable[str]) -> dict[str, str]:
        """Return what these ids of Discovr stand for, as far as it is known."""
        titles, lacked, ids = self.whole.desired.titles, self.stale.titles, {*wanted}
        found = {media: self.noted[media] for media in ids & self.noted.keys()}
        found |= {media: lacked[media].label for media in ids & lacked.keys()}
        found |= label_by_media({m: titles[m] for m in ids & titles.keys()})
        if rest := ids - found.keys():
            held = self.holding.everything if self.holding else ()
            known = {h.media: h.title for h in held if h.media in rest}
            found |= label_by_media({m: title for m, title in known.items() if m})
        return found

    @property
    def mark(self) -> dict[str, str]:
        """What the ledger keeps of a run from its start: of which plan it is."""
        return {PLAN: self.saved_as} if self.saved_as else {}

    @property
    def unsupported(self) -> tuple[LeftOut, ...]:
        """What of this cannot be expressed on Discovr: specials, episodes before 1."""
        early: Counter[Title] = Counter()
        for key, fate in self.plan.fates.items():
            if fate is Fate.UNSUPPORTED:
                early[self.compared.desired.titles[key.media]] += (
                    self.compared.desired.watched[key].plays
                )
        found = tuple(LeftOut(t, plays, EPISODE_ZERO) for t, plays in early.items())
        return self.compared.desired.unsupported + found

    @property
    def is_unchanged(self) -> bool:
        """Whether the change stamps alone told that there is nothing to do."""
        return self.since is not None and self.whole.extraction.read_at is None

    @property
    def unclear(self) -> tuple[Row, ...]:
        """What earlier runs and restores may have sent, and is not found."""
        return (*self.recovery.unclear, *self.restored.unclear)

    @property
    def doubtful(self) -> dict[str, Settled]:
        """The writes that wait, by their ids: no list tells today whether they arrived.

        An earlier run may have sent them, or an undo may have left them, and lists lack
        what is known to be there; or the list of the title cannot be read. All of their
        film or season wait with them.
        """
        missing = self.missing
        rows = (*self.unclear, *missing.taken) if missing.is_fresh else ()
        if missing.is_fresh and self.rules.conflict is Conflict.TRAKT:
            rows += missing.lately  # else it is not written again at all
        why = {row.operation.key.place: Settled.in_doubt() for row in rows}
        why |= {p: Settled.unlisted(said) for p, said in missing.unlisted.items()}
        operations = self.plan.operations
        return {o.id: why[o.key.place] for o in operations if o.key.place in why}

    def before(self) -> dict[str, Before]:
        """Note what stands there, by operation id, for the ledger."""
        entries: dict[Key, list[Entry]] = {}
        for entry in self.existing:
            entries.setdefault(entry.key, []).append(entry)
        before: dict[str, Before] = {}
        for operation in self.plan.operations:
            if operation.action is Action.SET:
                current = current_entry(entries.get(operation.key, ()))
                if current:
                    stood = Before(current.progress, current.updated_at)
                    before[operation.id] = stood
            elif self.recovery.viewings is not None:
                count = self.recovery.viewings.get(operation.key, Count())
                newest = max(count.minutes or (), default=None)
                before[operation.id] = Before(count.viewings, newest)
        return before
