"""What speaks against a download being the whole history, gathered as it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeGuard

from connectors.trakt.export.names import to_printable
from connectors.trakt.export.tally import Tally
from connectors.trakt.export.watched import TitleKey, keys_of
from connectors.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from connectors.trakt.export.names import Name
    from connectors.trakt.export.watched import WatchedItem
    from connectors.trakt.models import TitleModel


#: From then on the official export reads past a page count that is too low.
FIXED_AT = datetime(2026, 8, 18, tzinfo=UTC)
#: Up to then its pages held up to 1,000 plays, since then 250.
_SMALL_PAGES = 250
#: Page sizes of Trakt and of the scripts: a last page of that size may not be the last.
_FULL = frozenset({10, 100, 250, 1_000})
#: A name like history-2024 carries a year: 1,900 pages would be 475,000 plays.
_LEAST_YEAR = 1_900


@dataclass(slots=True)
class Series:
    """The pages of one history: number -> name and size (None: unreadable)."""

    name: str
    container: str
    is_flat: bool
    pages: dict[int, tuple[str, int | None]] = field(default_factory=dict)

    @property
    def largest(self) -> int:
        """Return the size of its largest page."""
        return max((size or 0 for _, size in self.pages.values()), default=0)

    @property
    def full_end(self) -> tuple[str, int] | None:
        """Return name and size of the last page if it is a full one."""
        name, size = self.pages[max(self.pages)]
        return (name, size) if size in _FULL else None

    def find_gaps(self) -> list[int]:
        """Return the page numbers that are missing in between or at the start."""
        first = min(self.pages)
        if first >= _LEAST_YEAR:
            return []
        return [n for n in range(min(first, 1), max(self.pages)) if n not in self.pages]


@dataclass(slots=True)
class Evidence:
    """Facts that bear on wholeness."""

    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    owners: set[str] = field(default_factory=set)
    #: Names of the accounts that each container says it is of.
    accounts: dict[str, list[frozenset[str]]] = field(default_factory=dict)
    stamped_at: dict[str, datetime] = field(default_factory=dict)
    #: Sentences on reads that may have stopped early; settled by fitting totals.
    open_ends: list[str] = field(default_factory=list)
    totals: tuple[int, int] | None = None
    _series: dict[tuple[str, str, str], Series] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    _listed: dict[TitleKey, tuple[int, TitleModel]] = field(default_factory=dict)
    _unlisted: int = 0
    _untimed: int = 0
    _lasts: int = 0

    @property
    def made_at(self) -> datetime | None:
        """Return when the newest of the files was made, as far as they tell."""
        return max(self.stamped_at.values(), default=None)

    @property
    def owner(self) -> frozenset[str]:
        """Names of the one account that all of the history is of, if that is told."""
        places = {container for container, *_ in self._series}
        told = [self.accounts.get(place, []) for place in places or self.accounts]
        names = frozenset(name for of_place in told for o in of_place for name in o)
        is_one = all(told) and all(
            any(name in o for name in other)
            for of_place in told
            for o in of_place
            for other in told[0]
        )
        return names if is_one else frozenset()

    def add_account(self, container: str, user: dict[str, Any]) -> None:
        """Record whose account a container says it is of."""
        ids = user.get("ids")
        parts = ids if isinstance(ids, dict) else {}
        names = {n.lower() for n in (user.get("username"), parts.get("slug")) if _is(n)}
        found = {f"name:{name}" for name in names}
        found |= {f"uuid:{uuid}" for uuid in (parts.get("uuid"),) if _is(uuid)}
        if found:
            self.accounts.setdefault(container, []).append(frozenset(found))

    def add_page(
        self, container: str, folder: str, name: Name, size: int | None
    ) -> None:
        """Record a page; without a number it is the first: the export numbers late."""
        key = (container, folder, name.series)
        if (series := self._series.get(key)) is None:
            is_flat = name.layout == "flat"
            series = self._series[key] = Series(name.series, container, is_flat)
        series.pages[1 if name.page is None else name.page] = (name.text, size)

    def add_watched(self, items: Iterable[WatchedItem], unusable: int = 0) -> None:
        """Record how many plays each title has by the watched lists.

        Of ``unusable`` items nobody can tell the title.
        """
        self._unlisted += unusable
        for item in items:
            kind, title = ("movie", item.movie) if item.movie else ("show", item.show)
            if title is None:
                continue
            if not (keys := keys_of(kind, title)):
                self._unlisted += 1
                continue
            # What stands in the list was watched, whatever became of the number.
            plays = 1 if item.plays is None else item.plays
            most = max(plays, self._listed.get(keys[0], (0, title))[0])
            self._listed[keys[0]] = (most, title)

    def add_untimed(self, plays: int) -> None:
        """Record plays of which rows give the number and no time."""
        self._untimed += plays

    def add_lasts(self, times: int) -> None:
        """Record last times of watching that are the time of no row."""
        self._lasts += times

    def add_totals(self, movies: int, episodes: int) -> None:
        """Record the totals of the account; of several files the higher count."""
        known_movies, known_episodes = self.totals or (0, 0)
        self.totals = (max(movies, known_movies), max(episodes, known_episodes))

    def add_stamp(self, container: str, at: datetime) -> None:
        """Record a time before which the container cannot have been made."""
        self.stamped_at[container] = max(at, self.stamped_at.get(container, at))

    def conclude(self, set_aside: int) -> None:
        """Turn the facts about the plays into doubts and notes.

        ``set_aside`` plays are named elsewhere, so their absence is no doubt.
        """
        self.doubts += self._weigh_gaps()
        self.doubts += self._weigh_listed(set_aside)
        if self._untimed:
            self.doubts.append(
                f"The rows count {count(self._untimed, 'play')} more than they give "
                "times of watching: a row that counts several plays has the time of "
                "one."
            )
        if self._lasts:
            self.doubts.append(
                f"The rows name {count(self._lasts, 'last time')} of watching that "
                "no row has as its own, so those plays are not read."
            )
        is_confirmed = False
        if self.totals is not None:
            is_confirmed = self._weigh_totals(self.totals, set_aside)
        if not is_confirmed:
            self.doubts += self.open_ends
            for series in self._series.values():
                self.doubts += self._weigh_series(series)
        if len(self.owners) > 1:
            names = ", ".join(sorted(self.owners))
            self.notes.append(f"The files come from several accounts: {names}.")

    def _weigh_gaps(self) -> Iterator[str]:
        for series in self._series.values():
            if gaps := series.find_gaps():
                is_one = len(gaps) == 1
                verb = "is" if is_one else "are"
                pages = f"page {gaps[0]}" if is_one else count(len(gaps), "page")
                yield f"Of {series.name}, {pages} ({_to_ranges(gaps)}) {verb} missing."

    def _weigh_totals(self, totals: tuple[int, int], set_aside: int) -> bool:
        here = (self.tally.count("movie"), self.tally.count("show"))
        short = sum(max(t - h, 0) for t, h in zip(totals, here, strict=True))
        said = (
            f"Trakt's own totals count {count(totals[0], 'film play')} and "
            f"{count(totals[1], 'episode play')}, the files hold {here[0]:,} and "
            f"{here[1]:,}."
        )
        if short > set_aside:
            self.doubts.append(said)
        elif here != totals:
            self.notes.append(said)
        return short <= set_aside

    def _weigh_listed(self, set_aside: int) -> Iterator[str]:
        if not self._series:
            return
        short: dict[str, int] = {}
        for key, (plays, title) in self._listed.items():
            missing = plays - self.tally.find(key.kind, title)
            if missing > 0:
                name = _name(title, key)
                short[name] = short.get(name, 0) + missing
        total = sum(short.values())
        if total > set_aside:
            titles = sorted(short)
            names = ", ".join(titles[:3]) + (", ..." if len(titles) > 3 else "")
            yield (
                f"The watched lists count {count(total, 'play')} more than the "
                f"history, of {count(len(short), 'title')}: {names}."
            )
        if self._unlisted:
            yield (
                f"{count(self._unlisted, 'title', 'titles')} in the watched lists "
                f"{'has' if self._unlisted == 1 else 'have'} neither an id nor a name, "
                "so nobody can tell whether the history holds the plays."
            )

    def _weigh_series(self, series: Series) -> Iterator[str]:
        made_at = self.stamped_at.get(series.container)
        if series.is_flat and series.largest > _SMALL_PAGES:
            yield (
                f"The pages of {series.name} hold up to "
                f"{count(series.largest, 'play')}, so they were made before "
                "2026-06-03, when Trakt's export could lose the oldest plays."
            )
        elif series.is_flat and made_at is not None and made_at < FIXED_AT:
            yield (
                f"The download was made about {made_at:%Y-%m-%d}; before "
                f"{FIXED_AT:%Y-%m-%d} Trakt's export could lose the oldest plays."
            )
        elif series.is_flat and made_at is not None:
            return
        if (end := series.full_end) is not None:
            yield (
                f"{end[0]} holds exactly {count(end[1], 'play')}, a full page: there "
                "may be more that was never asked for."
            )


def _name(title: TitleModel, key: TitleKey) -> str:
    return to_printable(title.title or f"{key.kind} with {key.id_name} id {key.value}")


def _to_ranges(numbers: list[int]) -> str:
    """Write 3, 4, 5, 9 as "3-5, 9"; a long list is cut."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    shown = ["-".join(str(n) for n in part) for part in parts[:5]]
    return ", ".join(shown) + (", ..." if len(parts) > 5 else "")


def _is(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value)
