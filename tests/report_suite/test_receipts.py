"""What a run writes down for its receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.errors import TransientError
from sync.domain.plays import Key
from sync.domain.resume import FINISHED_LATER, LeftPoint, Resume, ResumePoint
from sync.playback import PlaybackPlan, PlaybackResult
from sync.sandbox.sample import sample_account
from sync.writers import playback_document, report_document
from tests.factories import at, show
from tests.worlds import world

if TYPE_CHECKING:
    from pathlib import Path


async def test_every_request_that_a_service_saw_is_on_the_receipt(
    tmp_path: Path,
) -> None:
    async with world(sample_account(), tmp_path) as services:
        report = await services.migrate()
        seen = {
            "Trakt": len(services.trakt.requests()),
            "Discovr": len(services.discovr.requests()),
            "TMDB": len(services.tmdb.requests()),
        }
    assert {part.service: part.requests for part in report.traffic} == seen
    document = report_document(report, "migrate", 0)
    assert {part.service for part in document.traffic} == set(seen)
    assert document.playback
    outcomes = {point.outcome for point in document.playback.points}
    assert outcomes == {"written", "left out"}


def test_each_resume_point_has_one_outcome() -> None:
    def resume(number: int) -> Resume:
        point = ResumePoint(show(number), 40.0, at(number), 1, number)
        return Resume(Key(f"TV_{number}", 1, number), point)

    done, refused, later, left = map(resume, range(1, 5))
    plan = PlaybackPlan(
        (done, refused, later), (LeftPoint(left.point, FINISHED_LATER),)
    )
    result = PlaybackResult(
        plan,
        written=(done,),
        failed=((refused, "refused"),),
        error=TransientError("Discovr gave no answer."),
    )
    document = playback_document(result)
    assert document
    assert document.error == "Discovr gave no answer."
    assert [(p.title.title, p.outcome, p.reason) for p in document.points] == [
        ("Show 1", "written", ""),
        ("Show 2", "failed", "refused"),
        ("Show 3", "not sent", ""),
        ("Show 4", "left out", FINISHED_LATER),
    ]
    assert playback_document(None) is None
