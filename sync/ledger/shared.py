"""What is public of titles: in one table for all profiles, put and tidied up safely.

Any number of runs put titles at once. One that gives a form of a title up is alone with
the table (``Backend.share_titles``), so that none is taken away that another run has
just found there.
"""

from __future__ import annotations

from collections import defaultdict
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from sync.domain.plays import title_key
from sync.ledger import tables
from sync.ledger.plain import cut, whole
from sync.ledger.titles import (
    digest_of,
    from_history,
    from_text,
    to_history,
    to_text,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from sync.domain.histories import TitleHistory
    from sync.domain.sums import Sums
    from sync.ledger.backend import Backend
    from sync.ledger.plain import Plain

_titles, _shared = tables.titles.c, tables.shared_titles.c

#: So many rows are fetched at once.
_AT_ONCE = 500

_PUT = """
INSERT INTO t2d_shared_title (digest, payload) VALUES (:digest, :text)
ON CONFLICT (digest) DO NOTHING
"""


def read_titles(
    connection: Connection, backend: Backend, *where: ColumnElement[bool]
) -> Iterator[tuple[str, TitleHistory]]:
    """Yield titles with their source. Raises StateError rather than yield a wrong one.

    What all profiles share is compared with its digest: no title takes another's name.
    """
    kept = sql.select(
        _titles.source, _titles.shared, _titles.payload, _shared.payload.label("text")
    ).outerjoin(tables.shared_titles, _titles.shared == _shared.digest)
    try:
        # Some hundred at once: to fetch one by one takes longer than to read them.
        rows = connection.execute(kept.where(*where)).yield_per(_AT_ONCE)
        for source, digest, payload, text in rows:
            if text is None or digest_of(text) != digest:
                raise backend.damaged()
            yield source, to_history(from_text(text), payload)
    except JSONDecodeError:  # SQLite takes any text for JSON
        raise backend.damaged() from None


class Forms:
    """What is public of the titles that one transaction puts, by source and title."""

    def __init__(self, put: Iterable[tuple[str, Iterable[TitleHistory]]]) -> None:
        self._texts: dict[bytes, str] = {}
        self.digests: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        for source, histories in put:
            of_source = self.digests[source]
            for history in histories:
                text = to_text(history.title)
                digest = of_source[whole(title_key(history.title))] = digest_of(text)
                self._texts[digest] = text

    def put(self, sender: Plain) -> None:
        """Put what is not there yet; call it once in a transaction, before titles."""
        # In one order, so that no two runs wait for each other.
        texts = sorted(self._texts.items())
        for chunk in cut([{"digest": digest, "text": text} for digest, text in texts]):
            sender.each(_PUT, chunk)

    def rows(
        self,
        profile: str,
        source: str,
        histories: Iterable[TitleHistory],
        sums: Mapping[str, Sums],
    ) -> list[dict[str, Any]]:
        """Return the rows of titles of a profile, with their sums by ``title_key``."""
        keyed = ((whole(title_key(h.title)), h) for h in histories)
        return [
            {
                "profile": profile,
                "source": source,
                "title": key,
                "shared": self.digests[source][key],
                "payload": from_history(history),
                "sums": sums.get(key),
            }
            for key, history in keyed
        ]


def find_given_up(
    connection: Connection,
    profile: str,
    forms: Forms,
    gone: Mapping[str, Collection[str] | None],
) -> list[bytes]:
    """Return the digests that a profile holds and will no more hold in their place.

    ``forms`` are to come; ``gone`` are the titles that each source is to lose, None for
    all that it has.
    """
    found = set()
    for source in sorted(gone.keys() | forms.digests.keys()):
        lost, of_source = gone.get(source, ()), forms.digests[source]
        held = sql.select(_titles.title, _titles.shared).where(
            _titles.profile == profile, _titles.source == source
        )
        statements = [held]
        if lost is not None:
            lost = set(map(whole, lost))
            touched = cut(sorted(lost | of_source.keys()))
            statements = [held.where(_titles.title.in_(chunk)) for chunk in touched]
        for statement in statements:
            for title, digest in connection.execute(statement):
                stays = lost is not None and title not in lost
                if of_source.get(title, digest if stays else None) != digest:
                    found.add(digest)
    return sorted(found)


def forget_unheld(connection: Connection, digests: Sequence[bytes]) -> None:
    """Take titles away of which no profile holds this form any more."""
    is_held = sql.exists().where(_titles.shared == _shared.digest)
    for chunk in cut(digests):
        among = _shared.digest.in_(chunk)
        connection.execute(sql.delete(tables.shared_titles).where(among, ~is_held))
