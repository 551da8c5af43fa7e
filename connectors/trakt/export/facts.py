"""What other documents beside the history say about it being whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connectors.trakt.export.documents import Kind, recognise
from connectors.trakt.export.names import to_printable
from connectors.trakt.export.watched import read_watched
from connectors.trakt.lenient import to_text, to_whole
from connectors.trakt.sense import UnusableError
from connectors.trakt.times import to_instant
from connectors.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.trakt.export.history import TraktExport
    from connectors.trakt.export.proof import Evidence

#: traktexport asks for this many plays at a time.
_TRAKTEXPORT_PAGE = 100
#: The parts of a download that are no history.
_PARTS = frozenset(
    [
        "ratings",
        "rating",
        "watchlist",
        "collection",
        "likes",
        "comments",
        "notes",
        "network",
        "followers",
        "following",
        "friends",
        "hidden",
        "playback",
        "settings",
        "profile",
        "stats",
        "favorites",
        "favourites",
        "recommendations",
        "recommended",
        "filters",
        "list",
        "lists",
        "collaborations",
        "activities",
    ]
)
#: What stands below these is theirs, whatever it is called: a list may be "History".
_OWNERS = frozenset({"list", "lists", "notes", "comments", "likes", "hidden"})
_WATCHED = re.compile(r"\bwatched[-_/](?:movies|shows)\b")
_WORDS = re.compile(r"[a-z]+")
_PLACES = ("endpoint", "path", "url", "route", "resource", "name", "part", "file")


def add_fact(evidence: Evidence, kind: Kind, document: Any, container: str) -> None:
    """Take what a document says; one that says nothing usable is no evidence."""
    try:
        if kind is Kind.ERRORS:
            add_errors(evidence, document)
        elif kind is Kind.ACTIVITIES:
            stamp = to_instant(document.get("all"))
            evidence.add_stamp(container, stamp)
        elif kind is Kind.TOTALS:
            _add_totals(evidence, document)
        elif kind is Kind.OWNER:
            _add_owner(evidence, document, container)
    except UnusableError:
        return


def add_traktexport(
    evidence: Evidence, export: TraktExport, size: int, where: str, container: str
) -> None:
    """Take what a traktexport file of ``size`` plays says beside its history."""
    if export.username:
        evidence.owners.add(to_printable(export.username))
        evidence.add_account(container, {"username": export.username})
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
            f"{where} holds exactly {count(size, 'play')}; traktexport stops at the "
            "first empty page, so there may be more."
        )


def _add_totals(evidence: Evidence, document: dict[str, Any]) -> None:
    movies = to_whole(document["movies"]["plays"])
    episodes = to_whole(document["episodes"]["plays"])
    if movies is not None and episodes is not None:
        evidence.add_totals(movies, episodes)


def _add_owner(evidence: Evidence, document: dict[str, Any], container: str) -> None:
    user = document.get("user")
    if not isinstance(user, dict):
        evidence.add_account(container, document)
    elif "account" in document:  # the settings; a list tells its owner as well
        evidence.add_account(container, user)
    owner = user if isinstance(user, dict) else document
    if name := to_text(owner.get("username")):
        evidence.owners.add(to_printable(name))


# What Trakt itself could not export


def read_failures(document: Any) -> list[Any] | None:
    """Return the entries of ``_errors.json`` in any form; None where it is none."""
    if isinstance(document, list):
        return document
    if isinstance(document, dict):
        for name in ("errors", "failures", "failed"):
            if isinstance(document.get(name), list):
                return list(document[name])
        if any(name in document for name in ("error", *_PLACES)):
            return [document]
        if not document:
            return []
    return None


def add_errors(evidence: Evidence, failures: list[Any]) -> None:
    """Take the list of what Trakt itself could not export.

    Unless an entry is surely about something else, it is about the history.
    """
    others: list[str] = []
    for failure in failures:
        entry = failure if isinstance(failure, dict) else {"endpoint": failure}
        route = next((r for n in _PLACES if (r := to_text(entry.get(n)))), "")
        if _is_elsewhere(route):
            path = route.partition("?")[0].rstrip("/")
            others.append(to_printable("/".join(path.split("/")[-2:])))
        else:
            evidence.doubts.append(
                "Trakt says in _errors.json that it could not export the whole "
                f"history{_say_pages(entry)}."
            )
    if others:
        evidence.notes.append(f"Trakt could not export: {', '.join(others[:10])}.")


def _say_pages(entry: dict[str, Any]) -> str:
    """Say how many of its pages there are, where the entry tells."""
    fetched, total = (to_whole(entry.get(n)) for n in ("fetchedPages", "totalPages"))
    if fetched is None or not total:
        return ""
    return f": {fetched:,} of {count(total, 'page')}"


def _is_elsewhere(route: str) -> bool:
    """Whether a route, or the name of a part, surely is none of the history."""
    words = list(_to_words(route))
    if "history" in words:
        return not _OWNERS.isdisjoint(words[: words.index("history")])
    is_list = _WATCHED.search(route.lower()) is not None
    return is_list or not _PARTS.isdisjoint(words)


def _to_words(route: str) -> Iterator[str]:
    """Yield the words of a route, without the name of the user in it."""
    path = re.sub(r"^\w+://[^/]*", "", route.strip().lower()).partition("?")[0]
    steps = [step for step in path.split("/") if step]
    for place, step in enumerate(steps):
        if place == 0 or steps[place - 1] != "users":
            yield from _WORDS.findall(step.removesuffix(".json"))
