"""What the ledger says of itself: which profiles it knows, and how writes ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from sync.domain.writes import Outcome
from sync.ledger import tables
from sync.ledger.backend import Mode
from sync.ledger.base import transaction
from sync.ledger.facts import Facts

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


class Overview(Facts):
    """Counts and times rather than rows."""

    @transaction(Mode.READ)
    def profiles(self, connection: Connection) -> list[str]:
        """Return every profile that was written to, the one of the last run first."""
        profile = tables.runs.c.profile
        newest = func.max(tables.runs.c.id).desc()
        statement = select(profile).group_by(profile).order_by(newest)
        return list(connection.scalars(statement))

    @transaction(Mode.READ)
    def count_outcomes(
        self, connection: Connection, profile: str
    ) -> dict[Outcome, int]:
        """Count the writes of all runs of a profile, by how they ended."""
        columns = tables.operations.c
        statement = (
            select(columns.outcome, func.count())
            .where(columns.profile == profile)
            .group_by(columns.outcome)
        )
        rows = connection.execute(statement)
        found = {Outcome(outcome): count for outcome, count in rows}
        return {outcome: found.get(outcome, 0) for outcome in Outcome}

    @transaction(Mode.READ)
    def fact_times(self, connection: Connection, profile: str) -> dict[str, datetime]:
        """Return when each fact of a profile was put."""
        columns = tables.facts.c
        statement = select(columns.name, columns.updated_at)
        rows = connection.execute(statement.where(columns.profile == profile))
        return {row.name: row.updated_at for row in rows}
