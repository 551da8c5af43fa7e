"""By what a run sees whether anything is to be done at all, before it reads anything.

Most runs of a job find nothing new, so what this file imports is what they cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.domain.desired import Desired
from sync.domain.plan import Plan
from sync.domain.rules import Rules
from sync.ledger.fact_names import UNDOING
from sync.pipeline.checkpoint import recall_checkpoint, recall_kept, steering
from sync.pipeline.prepared import Prepared, Reading, Signs
from sync.pipeline.recovery import Recovery
from sync.ports import Extraction, IncrementalSource, RecallingTarget, Receipt
from sync.runtime.late import late
from sync.runtime.version import program_version

if TYPE_CHECKING:
    from sync.domain.watermark import Stamps
    from sync.pipeline.checkpoint import Checkpoint
    from sync.pipeline.services import Services

if TYPE_CHECKING:
    from sync.pipeline.incremental import prepare_changes
else:
    # All that reads, compares and plans.
    (prepare_changes,) = late("sync.pipeline.incremental", "prepare_changes")


async def checkpoint_of(services: Services) -> Checkpoint | None:
    """Return where the profile stands; None where both sides have to be read whole.

    That is so before the first settled run, when the settings that decide what is
    written have changed, after an undo that was broken off, and once a week.
    """
    checkpoint = await recall_checkpoint(services.settings, services.ledger)
    if (
        checkpoint is None
        or not isinstance(services.source, IncrementalSource)
        or not checkpoint.mark.source
        or UNDOING in checkpoint.facts
        or checkpoint.mark.is_due(services.clock.now())
        or checkpoint.mark.steering != steering(services.settings)
    ):
        return None
    return checkpoint


async def find_changes(
    services: Services,
    checkpoint: Checkpoint,
    *,
    is_pruned: bool,
    accept_incomplete: bool = False,
) -> Prepared | None:
    """Look for a sign that anything is to be done, and prepare that; or nothing.

    None where the profile is no longer the one that was settled, or other titles are
    marked to be left out. Raises IncompleteReadError when the changes cannot be proved,
    unless that is accepted.
    """
    source, target = services.source, services.target
    is_marked_alike = await services.resolver.skip_stamp() == checkpoint.mark.skipped
    if not (isinstance(source, IncrementalSource) and is_marked_alike):
        return None
    if isinstance(target, RecallingTarget):
        target.recall_profile(checkpoint.profile)
    signs = await _look_for_signs(services, checkpoint, source)
    if not (signs.is_due or (is_pruned and checkpoint.mark.stale)):
        return _unchanged(services, checkpoint, signs.stamps)
    return await prepare_changes(
        services,
        checkpoint,
        signs,
        is_pruned=is_pruned,
        accept_incomplete=accept_incomplete,
    )


async def _look_for_signs(
    services: Services, checkpoint: Checkpoint, source: IncrementalSource
) -> Signs:
    mark = checkpoint.mark
    stamps = await source.stamps()
    if handed := services.handed:
        stamps = handed.stamps(stamps)
    rows = await services.ledger.unsettled(checkpoint.profile)
    return Signs(
        source,
        stamps,
        moved=mark.moved(stamps),
        unsettled={row.operation.key.place for row in rows},
        has_pauses=services.settings.history.playback and mark.has_new_pauses(stamps),
        has_new_ids=await services.resolver.stamp() != mark.ids,
        is_updated=mark.reader not in ("", program_version()),
    )


def _unchanged(services: Services, checkpoint: Checkpoint, stamps: Stamps) -> Prepared:
    origin = services.origin
    receipt = Receipt(origin.name, 0, requests=1)
    reading = Reading(Extraction((), receipt, stamps=stamps), Desired())
    return Prepared(
        checkpoint.profile,
        reading,
        (),
        Recovery({}),
        Rules(),
        Plan((), {}),
        whole=reading,
        origin=origin,
        since=checkpoint.mark,
        kept=recall_kept(checkpoint),
        filter=services.settings.history.filter,
    )
