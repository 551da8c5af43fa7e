"""The report of a real run, shown and published in the sandbox."""

from __future__ import annotations

from click.testing import CliRunner, Result

from sync.cli.app import app
from sync.documents.extras import PublishedDocument


def run(*args: str) -> Result:
    return CliRunner().invoke(app, ["--sandbox", *args])


def test_a_run_leaves_a_report_that_is_published_once() -> None:
    assert run("migrate", "--yes").exit_code == 0
    shown = run("report")
    assert shown.exit_code == 0, shown.output
    assert "| Breaking Bad \\(2008\\) |" in shown.stdout
    assert "Our Summer 2009 \\(home movie\\)" in shown.stdout
    publish = ("--json", "report", "--publish", "pharen", "--yes")
    first, again = (
        PublishedDocument.model_validate_json(run(*publish).stdout) for _ in range(2)
    )
    assert (first.is_new, again.is_new) == (True, False)
    assert first.id == again.id
