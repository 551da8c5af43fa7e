"""What a title comes to all of which is on Discovr: enough while nothing of it changes.

A history has thousands of titles, and a run has to do with one or two of them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.plan import Fate
from sync.domain.plays import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sync.domain.balance import Balance

#: What becomes of plays that nobody has to look at again.
_AT_REST = (Fate.WRITTEN, Fate.ALREADY_THERE, Fate.COVERED)


class Sums(NamedTuple):
    """One title, with nothing left out, refused or shared with another.

    ``fingerprint`` is its source's word for all of its plays, ``media`` Discovr's id.
    Of its plays so many are ``there``, and ``ours`` of those were written by us; others
    are ``covered``. ``repeats`` are counted with them. It has so many ``items``: films
    or episodes.
    """

    fingerprint: str
    media: str
    there: int
    ours: int
    covered: int
    repeats: int
    items: int

    @property
    def plays(self) -> int:
        """How many plays it has."""
        return self.there + self.covered

    @classmethod
    def of(
        cls, fingerprint: str, media: str, items: int, run: Balance, move: Balance
    ) -> Sums | None:
        """Sum up a title by its balance in a run and in the whole move.

        None where it has to be looked at again.
        """
        fates = +run.fates
        if run.gone or run.unsent or not fates.keys() <= {*_AT_REST}:
            return None
        return cls(
            fingerprint,
            media,
            there=fates[Fate.WRITTEN] + fates[Fate.ALREADY_THERE],
            ours=move.fates[Fate.WRITTEN],
            covered=fates[Fate.COVERED],
            repeats=run.repeats,
            items=items,
        )


@dataclass(frozen=True, slots=True)
class Rest:
    """All titles that a run does not look at, since nothing of them changed.

    By ``title_key``.
    """

    titles: Mapping[str, Sums] = field(default_factory=dict, repr=False)

    @property
    def plays(self) -> int:
        """How many plays there are."""
        return sum(sums.plays for sums in self.titles.values())

    @property
    def items(self) -> int:
        """How many films and episodes there are."""
        return sum(sums.items for sums in self.titles.values())

    @property
    def kinds(self) -> set[Kind]:
        """What there is of them."""
        return {Kind(key.partition(":")[0]) for key in self.titles}

    def of(self, media: Collection[str | None]) -> set[str]:
        """Return the titles that go under any of these ids."""
        return {key for key, sums in self.titles.items() if sums.media in media}

    def but(self, titles: Collection[str]) -> Rest:
        """Return it without these titles."""
        kept = {key: s for key, s in self.titles.items() if key not in titles}
        return Rest(kept)

    def add_to(self, balance: Balance, *, is_of_move: bool) -> None:
        """Count it in the fates of a run, or in those of the whole move.

        What we wrote in an earlier run is already there for this one.
        """
        fates: Counter[Fate] = Counter()
        for sums in self.titles.values():
            ours = sums.ours if is_of_move else 0
            fates[Fate.WRITTEN] += ours
            fates[Fate.ALREADY_THERE] += sums.there - ours
            fates[Fate.COVERED] += sums.covered
            balance.repeats += sums.repeats
        balance.fates.update(+fates)
