"""How a title is kept: what is public of it once for all profiles, the rest compact.

Of one title there may be several forms, as Trakt changes names, years and ids: each
profile refers to the very form that it was told.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

from sync.domain.histories import Fates, SeasonFacts, TitleHistory
from sync.domain.plays import Ids, Kind, Title
from sync.ledger.packed import (
    pack_fates,
    pack_numbers,
    pack_older,
    pack_plays,
    unpack_fates,
    unpack_numbers,
    unpack_older,
    unpack_plays,
)
from sync.ledger.plain import to_json

#: Bytes of the digest that stands for a title.
_DIGEST_SIZE = 16


def from_title(title: Title) -> list[Any]:
    """Return what is public of a title."""
    return [title.kind.value, title.name, title.year, title.ids.known()]


def to_title(parts: Any) -> Title:
    """Read what ``from_title`` returned."""
    kind, name, year, ids = parts
    return Title(Kind(kind), name, year, Ids(**ids))


def to_text(title: Title) -> str:
    """Write what is public of a title, which is what stands for it as well."""
    return to_json(from_title(title))


def from_text(text: str) -> Title:
    """Read what ``to_text`` wrote."""
    return to_title(json.loads(text))


def digest_of(text: str) -> bytes:
    """Return what stands for a title: all that is known of it, and what is missing."""
    return hashlib.sha256(text.encode()).digest()[:_DIGEST_SIZE]


def from_history(history: TitleHistory) -> list[Any]:
    """Return what is a profile's own of a title: its plays, and what became of them.

    That is Discovr's id, plays, fates, seasons, and older viewings if they came out
    otherwise. Their names would take as much again.
    """
    seasons = [
        [s.number, s.reason, s.saved, pack_numbers(s.episodes)] for s in history.seasons
    ]
    plays, fates = pack_plays(history.plays), pack_fates(history.fates)
    payload = [history.media, plays, fates, seasons]
    return [*payload, pack_older(history.older)] if history.older else payload


def to_history(title: Title, payload: Any) -> TitleHistory:
    """Read a payload of ``titles`` back into the value that it was made of."""
    media, plays, fates, seasons, *rest = payload
    return TitleHistory(
        title,
        media,
        tuple(unpack_plays(title, plays)),
        Fates(media or "", unpack_fates(fates)),
        tuple(
            SeasonFacts(number, reason, saved, _to_episodes(tuple(episodes)))
            for number, reason, saved, episodes in seasons
        ),
        unpack_older(media or "", *rest) if rest else {},
    )


@lru_cache
def _to_episodes(runs: tuple[int, ...]) -> frozenset[int]:
    """Return one set for all seasons that are alike: it takes more than ten plays."""
    return frozenset(unpack_numbers(runs))
