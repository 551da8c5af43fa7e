"""What a run writes down for its receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.pipeline.documents import report_document
from sync.sandbox.account.sample import sample_account
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
    assert report.cost
    assert {part.service: part.requests for part in report.cost.services} == seen
    document = report_document(report, "migrate", 0)
    assert document.cost
    assert {part.service for part in document.cost.services} == set(seen)
