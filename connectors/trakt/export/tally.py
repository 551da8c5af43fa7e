"""How many plays the files hold of each title, by whatever the title is known by."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.trakt.export.watched import keys_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.trakt.export.watched import TitleKey
    from connectors.trakt.models import HistoryItem, TitleModel


@dataclass(slots=True)
class Tally:
    """Plays by Trakt's id of the film or show; others by everything they have."""

    _plays: dict[str, Counter[int]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    _titles: dict[tuple[str, int], TitleModel] = field(default_factory=dict)
    _loose: Counter[TitleKey] = field(default_factory=Counter)
    _loose_plays: Counter[str] = field(default_factory=Counter)
    _index: dict[TitleKey, set[int]] | None = None

    def add(self, items: Iterable[HistoryItem]) -> None:
        """Count the plays of each film and of each show."""
        self._index = None
        for item in items:
            is_film = item.movie is not None and item.type != "episode"
            kind, title = ("movie", item.movie) if is_film else ("show", item.show)
            number = title.ids.trakt if title is not None else None
            if title is not None and number is not None:
                self._plays[kind][number] += 1
                self._titles.setdefault((kind, number), title)
                continue
            self._loose_plays[kind] += 1
            if title is not None:
                self._loose.update(keys_of(kind, title))

    def count(self, kind: str) -> int:
        """Return the number of plays of all films, or of all shows."""
        return self._plays[kind].total() + self._loose_plays[kind]

    def find(self, kind: str, title: TitleModel) -> int:
        """Return the number of plays of one title."""
        number, counts = title.ids.trakt, self._plays[kind]
        if number is not None and number in counts and not self._loose:
            return counts[number]
        keys = keys_of(kind, title)
        numbers = set().union(*(self._numbers().get(key, ()) for key in keys))
        if number is not None:
            numbers = {number}
        loose = max((self._loose[key] for key in keys), default=0)
        return sum(counts[n] for n in numbers) + loose

    def _numbers(self) -> dict[TitleKey, set[int]]:
        """Return Trakt's ids by everything else that the titles are known by."""
        if self._index is None:
            self._index = {}
            for (kind, number), title in self._titles.items():
                for key in keys_of(kind, title):
                    self._index.setdefault(key, set()).add(number)
        return self._index
