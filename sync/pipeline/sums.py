"""What each title comes to once a run is settled, for runs that need not read it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sync.domain.sums import Sums
from sync.ports import SelectiveSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.domain.histories import TitleHistory
    from sync.pipeline.result import Report
    from sync.ports import Source


def sum_up(
    source: Source, report: Report, histories: Mapping[str, TitleHistory]
) -> dict[str, Sums]:
    """Say what each title comes to, of which nothing has to be looked at again."""
    if not isinstance(source, SelectiveSource):
        return {}
    desired = report.prepared.whole.desired
    _, run = report.weigh()
    move = report.move.titles if report.move else {}
    sharing = Counter(history.media for history in histories.values())
    found = {}
    for key, history in histories.items():
        media = history.media
        # Of several titles under one id, some of them left out, none stands alone.
        if media is None or sharing[media] > 1 or media not in desired.titles:
            continue
        title = desired.titles[media]
        fingerprint = source.fingerprint(history.plays)
        if not (fingerprint and title in run and title in move):
            continue
        sums = Sums.of(fingerprint, media, len(history.fates), run[title], move[title])
        # What this reading left out, and an earlier one had, is not in the balance.
        if sums and sums.plays == len(history.plays):
            found[key] = sums
    return found
