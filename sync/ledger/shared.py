"""What is public of titles: in one table for all profiles, put and tidied up safely.

Any number of runs put titles at once. One that gives a form of a title up is alone with
the table (``Backend.share_titles``), so that none is taken away that another run has
just found there.
"""

from __future__ import annotations

from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from sync.ledger import tables
from sync.ledger.plain import cut, whole
from sync.ledger.titles import digest_of, to_history, to_title

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from sync.domain.histories import TitleHistory
    from sync.ledger.backend import Backend, Upsert

_titles, _shared = tables.titles.c, tables.shared_titles.c


def read_titles(
    connection: Connection, backend: Backend, *where: ColumnElement[bool]
) -> Iterator[tuple[str, TitleHistory]]:
    """Yield titles with their source. Raises StateError rather than yield a wrong one.

    What all profiles share is compared with its digest: no title takes another's name.
    """
    kept = sql.select(
        _titles.source, _titles.shared, _titles.payload, _shared.payload.label("parts")
    ).outerjoin(tables.shared_titles, _titles.shared == _shared.digest)
    try:
        for source, digest, payload, parts in connection.execute(kept.where(*where)):
            if parts is None or digest_of(parts) != digest:
                raise backend.damaged()
            yield source, to_history(to_title(parts), payload)
    except JSONDecodeError:  # SQLite takes any text for JSON
        raise backend.damaged() from None


def put_shared(
    connection: Connection, insert: Upsert, parts: Mapping[bytes, Any]
) -> None:
    """Put what is not there yet; call it once in a transaction, before its titles."""
    # In one order, so that no two runs wait for each other.
    rows = [{"digest": digest, "payload": parts[digest]} for digest in sorted(parts)]
    for chunk in cut(rows):
        connection.execute(insert.on_conflict_do_nothing(), chunk)


def find_given_up(
    connection: Connection,
    profile: str,
    put: Mapping[tuple[str, str], bytes],
    gone: Mapping[str, Collection[str] | None],
) -> list[bytes]:
    """Return the digests that a profile holds and will no more hold in their place.

    ``put`` are those to come, by source and title; ``gone`` the titles that each source
    is to lose, None for all that it has.
    """
    new = {(whole(source), whole(title)): d for (source, title), d in put.items()}
    lost = {
        whole(source): None if titles is None else set(map(whole, titles))
        for source, titles in gone.items()
    }
    sources = sorted(lost.keys() | {source for source, _ in new})
    held = sql.select(_titles.source, _titles.title, _titles.shared).where(
        _titles.profile == profile, _titles.source.in_(sources)
    )
    found = set()
    for source, title, digest in connection.execute(held):
        titles = lost.get(source, ())
        stays = titles is not None and title not in titles
        if new.get((source, title), digest if stays else None) != digest:
            found.add(digest)
    return sorted(found)


def forget_unheld(connection: Connection, digests: Sequence[bytes]) -> None:
    """Take titles away of which no profile holds this form any more."""
    is_held = sql.exists().where(_titles.shared == _shared.digest)
    for chunk in cut(digests):
        among = _shared.digest.in_(chunk)
        connection.execute(sql.delete(tables.shared_titles).where(among, ~is_held))
