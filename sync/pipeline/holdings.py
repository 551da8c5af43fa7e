"""Whose plays a run has read, and what the other sources of the profile hold.

Only the source that brought an entry can lack it, and only in a reading that is not
older than the one that brought it. Where one cannot tell, it stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sync.domain.histories import (
    iter_keys,
    keys_of,
    merge_histories,
    without_plays,
)
from sync.domain.plays import title_key
from sync.domain.sources import (
    LEGACY,
    UNKNOWN,
    Resolution,
    SourceRecord,
    is_one_owner,
    resolve,
    without_times_ahead,
)
from sync.domain.sums import Rest
from sync.ledger.fact_names import SOURCE_LOGIN
from sync.ports import IncrementalSource, OwnedSource, SignedInSource

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping
    from datetime import datetime

    from sync.domain.desired import Desired
    from sync.domain.histories import TitleHistory
    from sync.domain.plays import Key
    from sync.domain.sums import Sums
    from sync.ledger import Ledger
    from sync.pipeline.services import Services
    from sync.ports import Extraction

    Titles = dict[str, TitleHistory]


@dataclass(frozen=True, slots=True)
class Holding:
    """The source of a reading, and all that is held elsewhere.

    ``record`` is what is kept of the source, which takes the place of its ``parts``;
    ``stored`` are its titles as they are kept, with their ``sums``, and ``known`` those
    of all its parts; neither has the titles that a run does not look at.
    ``strange`` are the keys of other accounts that the same way led to before.
    ``others`` are the keys that other sources hold, or that a reading as old as this
    one says nothing about; ``aside`` those of plays that are there and left out on
    request; ``everything`` are these titles of all sources. ``unplaced``
    is what a ledger from before holds and this reading does not: nobody noted where it
    came from. It is ``set_apart``, with all else of which nobody knows that.
    """

    record: SourceRecord
    parts: tuple[str, ...] = ()
    stored: Mapping[str, TitleHistory] = field(default_factory=dict, repr=False)
    sums: Mapping[str, Sums | None] = field(default_factory=dict, repr=False)
    known: Mapping[str, TitleHistory] = field(default_factory=dict, repr=False)
    can_lack: bool = True
    others: frozenset[Key] = field(default=frozenset(), repr=False)
    strange: frozenset[Key] = field(default=frozenset(), repr=False)
    aside: frozenset[Key] = field(default=frozenset(), repr=False)
    everything: tuple[TitleHistory, ...] = field(default=(), repr=False)
    unplaced: tuple[TitleHistory, ...] = field(default=(), repr=False)
    set_apart: tuple[TitleHistory, ...] = field(default=(), repr=False)

    def lacks(self, watched: Container[Key]) -> frozenset[Key]:
        """Return the keys that the source held before and lacks now."""
        if not self.can_lack:
            return frozenset()
        keys = iter_keys(self.known.values())
        return frozenset(
            key for key in keys if key not in watched and key not in self.aside
        )


class Holdings:
    """All that the ledger knows of the sources of a profile."""

    def __init__(
        self,
        records: Iterable[SourceRecord],
        histories: Mapping[str, Iterable[TitleHistory]],
        same_login: str | None = None,
        sums: Mapping[str, Mapping[str, Sums | None]] | None = None,
        rest: Rest | None = None,
    ) -> None:
        self.records = tuple(records)
        self._sums = sums or {}
        self._rest = rest or Rest()
        #: The source that was read by the login of now.
        self._same_login = same_login
        self._titles: dict[str, Titles] = {}
        self._add(histories)

    @classmethod
    async def read(
        cls,
        services: Services,
        profile: str,
        sums: Mapping[str, Mapping[str, Sums | None]],
        rest: Rest | None = None,
    ) -> Holdings:
        """Read the ledger, but the titles of the ``rest``.

        ``sums`` is what it holds of what each title comes to.
        """
        ledger, mark, noted = services.ledger, _login_mark(services), None
        if mark:
            noted = await ledger.get_fact(profile, SOURCE_LOGIN)
        same_login = noted["source"] if noted and noted["login"] == mark else None
        titles = None
        if rest and rest.titles:
            titles = {t for of in sums.values() for t in of} - rest.titles.keys()
        held = await ledger.holdings(profile, titles)
        return cls(*held, same_login, sums, rest)

    async def take_in(
        self, ledger: Ledger, profile: str, titles: Collection[str]
    ) -> list[TitleHistory]:
        """Read these titles of the rest as well, and return them."""
        _, histories = await ledger.holdings(profile, titles)
        self._rest = self._rest.but(titles)
        self._add(histories)
        return [history for of_source in histories.values() for history in of_source]

    def _add(self, histories: Mapping[str, Iterable[TitleHistory]]) -> None:
        for source, of_source in histories.items():
            titles = self._titles.setdefault(source, {})
            titles |= {title_key(history.title): history for history in of_source}

    def pass_over_times_ahead(self, read_at: datetime | None, now: datetime) -> None:
        """Take no source for read later than a reading of ``now``."""
        self.records = without_times_ahead(self.records, read_at, now)

    def titles(self, *sources: str) -> Titles:
        """Return the titles of these sources, as one."""
        found: Titles = {}
        for source in sources:
            for key, history in self._titles.get(source, {}).items():
                known = found.get(key)
                found[key] = merge_histories(known, history) if known else history
        return found

    def is_of(self, source: str, extraction: Extraction) -> bool:
        """Whether a reading is known to be of a source, whatever its account is called.

        It was made by the same login, has a play in common with it, or has none at all.
        Titles that were found to be as they were have their plays in common.
        """
        if source == self._same_login or not extraction.plays or self._rest.titles:
            return True
        ids = {play.id for play in extraction.plays if play.id}
        histories = self._titles.get(source, {}).values()
        return any(play.id in ids for h in histories for play in h.plays)

    def holding(
        self,
        resolution: Resolution,
        channel: str,
        extraction: Extraction,
        desired: Desired,
    ) -> Holding:
        """Say what the source held before, and what the others do."""
        parts = {part.id for part in resolution.parts} | {resolution.id}
        channel = channel or max(part.channel for part in resolution.parts)
        is_pool = resolution.id == UNKNOWN
        read_at = extraction.read_at
        can_lack = (
            extraction.receipt.is_whole
            and not is_pool
            and resolution.is_outdated_by(read_at)
        )
        newest = max(filter(None, (read_at, resolution.read_at)), default=None)
        others = [s for s in self._titles if s not in parts and s != LEGACY]
        unplaced = without_plays(self.titles(LEGACY).values(), extraction.plays)
        known = self.titles(*sorted(parts), *([LEGACY] if is_pool else []))
        strange = [r.id for r in self.records if channel and r.channel == channel]
        strange = [source for source in strange if source not in parts]
        held = keys_of((*self.titles(*others).values(), *unplaced))
        if not can_lack:
            held |= keys_of(known.values())
        everything = [h for titles in self._titles.values() for h in titles.values()]
        pool = self.titles(UNKNOWN)
        return Holding(
            record=SourceRecord(resolution.id, channel, resolution.owner, newest),
            parts=tuple(sorted(parts | ({LEGACY} & self._titles.keys()))),
            stored=self._titles.get(resolution.id, {}),
            sums=self._sums.get(resolution.id, {}),
            known=known,
            can_lack=can_lack,
            others=held,
            strange=keys_of(self.titles(*strange).values()),
            aside=desired.keys_aside(known),
            everything=tuple(everything),
            unplaced=unplaced,
            set_apart=tuple(
                merge_histories(pool[key], history) if key in pool else history
                for history in (() if is_pool else unplaced)
                for key in [title_key(history.title)]
            ),
        )


async def find_holding(
    services: Services, profile: str, extraction: Extraction, desired: Desired
) -> Holding:
    """Tell which source a whole reading is of.

    The account is asked for its name only where it matters: another source is known by
    one, or something has gone.
    """
    source = services.source
    sums = await services.ledger.sums(profile)
    holdings = await Holdings.read(services, profile, sums)
    holdings.pass_over_times_ahead(extraction.read_at, services.clock.now())
    channel = _channel(services, extraction)

    def resolve_with(owner: frozenset[str]) -> Resolution:
        found = resolve(
            holdings.records,
            channel,
            owner,
            lambda name: holdings.is_of(name, extraction),
        )
        if not owner or found.id == UNKNOWN:
            return found
        named = SourceRecord(found.id, channel, owner, found.read_at)
        return replace(found, parts=(*found.parts, named))

    if not channel:
        owner = await source.owner() if isinstance(source, OwnedSource) else frozenset()
        return holdings.holding(resolve_with(owner), channel, extraction, desired)
    resolution = resolve_with(frozenset())
    holding = holdings.holding(resolution, channel, extraction, desired)
    here = {part.id for part in resolution.parts}
    is_another_known = any(r.owner for r in holdings.records if r.id not in here)
    has_gone = holding.lacks(desired.watched)
    if isinstance(source, OwnedSource) and (is_another_known or has_gone):
        owner = await source.owner()
        holding = holdings.holding(resolve_with(owner), channel, extraction, desired)
    return holding


async def continue_holding(
    services: Services,
    holdings: Holdings,
    known: tuple[str, bool],
    extraction: Extraction,
    desired: Desired,
) -> Holding | None:
    """Go on with the source of the last run; None if the login is another one's now.

    ``known`` is that source, and whether anything was read from it just now. The
    account is asked for its name where something went or, if anything was read, where
    its name is not known yet.
    """
    source, is_read = known
    holdings.pass_over_times_ahead(extraction.read_at, services.clock.now())
    record = next((r for r in holdings.records if r.id == source), None)
    if record is None:
        return None
    channel = record.channel
    resolution = Resolution(source, (record,))
    holding = holdings.holding(resolution, channel, extraction, desired)
    is_due = (is_read and not record.owner) or holding.lacks(desired.watched)
    if is_due and isinstance(services.source, OwnedSource):
        owner = await services.source.owner()
        if owner and record.owner and not is_one_owner(owner, record.owner):
            return None
        if owner and not record.owner and not holdings.is_of(source, extraction):
            return None
        named = replace(holding.record, owner=holding.record.owner | owner)
        holding = replace(holding, record=named)
    return holding


def login_fact(services: Services, source: str) -> dict[str, Any]:
    """Return by what login a source was read, as the ledger keeps it; or nothing."""
    mark = _login_mark(services)
    return {SOURCE_LOGIN: {"source": source, "login": mark}} if mark else {}


def _login_mark(services: Services) -> str | None:
    source = services.source
    return source.login_mark() if isinstance(source, SignedInSource) else None


def _channel(services: Services, extraction: Extraction) -> str:
    """Name the way to an account: what can name its owner alone leads to any."""
    source = services.source
    if isinstance(source, OwnedSource) and not isinstance(source, IncrementalSource):
        return ""
    return extraction.receipt.source
