"""The documents beside the history: they date it, count it, or say what failed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connectors.trakt.export.documents import Kind, recognise
from connectors.trakt.export.names import to_printable
from connectors.trakt.export.values import (
    UnusableError,
    to_instant,
    to_number,
    to_text,
)
from connectors.trakt.export.watched import read_watched

if TYPE_CHECKING:
    from connectors.trakt.export.history import TraktExport
    from connectors.trakt.export.proof import Evidence

#: traktexport asks for this many plays at a time.
_TRAKTEXPORT_PAGE = 100
_HISTORY_ROUTE = re.compile(r"/history(?:[/?]|$)")


def add_fact(evidence: Evidence, kind: Kind, document: Any, container: str) -> None:
    """Take what a document says; one that says nothing usable is no evidence."""
    try:
        if kind is Kind.ERRORS:
            _add_errors(evidence, document)
        elif kind is Kind.ACTIVITIES:
            evidence.add_stamp(container, to_instant(document["all"]))
        elif kind is Kind.TOTALS:
            _add_totals(evidence, document)
        elif kind is Kind.OWNER:
            _add_owner(evidence, document)
    except UnusableError:
        return


def add_traktexport(
    evidence: Evidence, export: TraktExport, size: int, where: str
) -> None:
    """Take what a traktexport file of ``size`` plays says beside its history."""
    if export.username:
        evidence.owners.add(to_printable(export.username))
    if export.watched:
        evidence.add_watched(read_watched(export.watched)[0])
    if export.stats and recognise(export.stats) is Kind.TOTALS:
        add_fact(evidence, Kind.TOTALS, export.stats, where)
    if export.is_partial:
        evidence.doubts.append(
            f"{where} is a partial traktexport file, which may hold the newest plays "
            "only."
        )
    elif size and size % _TRAKTEXPORT_PAGE == 0:
        evidence.open_ends.append(
            f"{where} holds exactly {size:,} plays; traktexport stops at the first "
            "empty page, so there may be more."
        )


def _add_totals(evidence: Evidence, document: dict[str, Any]) -> None:
    movies = to_number(document["movies"]["plays"], "total")
    episodes = to_number(document["episodes"]["plays"], "total")
    if movies is not None and episodes is not None:
        evidence.add_totals(movies, episodes)


def _add_owner(evidence: Evidence, document: dict[str, Any]) -> None:
    user = document.get("user")
    owner = user if isinstance(user, dict) else document
    if name := to_text(owner.get("username")):
        evidence.owners.add(to_printable(name))


def _add_errors(evidence: Evidence, document: list[Any]) -> None:
    """Take the list of what Trakt itself could not export."""
    others: list[str] = []
    for failure in (f for f in document if isinstance(f, dict)):
        route = to_text(failure.get("endpoint")) or "?"
        if _HISTORY_ROUTE.search(route):
            fetched, total = failure.get("fetchedPages"), failure.get("totalPages")
            evidence.doubts.append(
                "Trakt says in _errors.json that it could not export the whole "
                f"history: {to_printable(str(fetched))} of "
                f"{to_printable(str(total))} pages."
            )
        else:
            others.append(
                to_printable("/".join(route.partition("?")[0].split("/")[-2:]))
            )
    if others:
        evidence.notes.append(f"Trakt could not export: {', '.join(others[:10])}.")
