"""The titles of a profile as of its last settled run: one compact row each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from sync.domain.histories import SeasonFacts, TitleHistory
from sync.domain.plan import Fate
from sync.domain.plays import Ids, Key, Kind, Play, Title, title_key
from sync.ledger import tables
from sync.ledger.backend import Mode
from sync.ledger.base import transaction
from sync.ledger.facts import Facts, cut

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


class Histories(Facts):
    """What the last settled run knew of each title."""

    @transaction(Mode.READ)
    def histories(self, connection: Connection, profile: str) -> list[TitleHistory]:
        """Return all titles of a profile, in no order."""
        kept = select(tables.titles.c.payload).where(tables.titles.c.profile == profile)
        return [_read(row.payload) for row in connection.execute(kept)]

    @transaction(Mode.DURABLE)
    def put_histories(
        self,
        connection: Connection,
        profile: str,
        histories: Sequence[TitleHistory],
        facts: Mapping[str, Any],
        at: datetime,
        *,
        gone: Collection[str] | None = None,
    ) -> None:
        """Keep titles, and the facts that are true with them: all or nothing.

        ``gone`` names titles to forget by their keys; None: all but those that are put.
        """
        rows = [
            {"profile": profile, "title": title_key(h.title), "payload": _write(h)}
            for h in histories
        ]
        stale = delete(tables.titles).where(tables.titles.c.profile == profile)
        if gone is None:
            connection.execute(stale)
        for chunk in cut(sorted(gone or ())):
            connection.execute(stale.where(tables.titles.c.title.in_(chunk)))
        self._replace(connection, tables.titles, rows)
        self._put_facts(connection, profile, facts, at)


def _write(history: TitleHistory) -> dict[str, Any]:
    title = history.title
    return {
        "title": [title.kind.value, title.name, title.year, title.ids.known()],
        "media": history.media,
        "plays": [
            [_minutes(p.watched_at), p.season, p.episode, p.id, p.episode_id]
            for p in history.plays
        ],
        "fates": [[k.season, k.episode, f.value] for k, f in history.fates.items()],
        "seasons": [
            [s.number, s.reason, s.saved, sorted(s.episodes)] for s in history.seasons
        ],
    }


def _read(payload: Any) -> TitleHistory:
    kind, name, year, ids = payload["title"]
    title, media = Title(Kind(kind), name, year, Ids(**ids)), payload["media"]
    return TitleHistory(
        title,
        media,
        tuple(
            Play(title, _EPOCH + minutes * _MINUTE, season, episode, id_, episode_id)
            for minutes, season, episode, id_, episode_id in payload["plays"]
        ),
        {Key(media, s, e): Fate(fate) for s, e, fate in payload["fates"]},
        tuple(
            SeasonFacts(number, reason, saved, frozenset(episodes))
            for number, reason, saved, episodes in payload["seasons"]
        ),
    )


def _minutes(instant: datetime) -> int:
    # Plays are cut to the minute, so that this is exact.
    return (instant - _EPOCH) // _MINUTE
