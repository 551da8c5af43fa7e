"""What is left out on request, as a person sees it: in every text, and once more."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli_suite.test_cli import run

if TYPE_CHECKING:
    from pathlib import Path

_SKIP = "TRAKT2DISCOVR_HISTORY__SKIP"


def left_out(text: str) -> int:
    """Return the number in the line of the balance."""
    (found,) = re.findall(r"^ *([\d,]+) +left out on request$", text, re.MULTILINE)
    return int(found.replace(",", ""))


def document(*words: str) -> Any:
    return json.loads(run("--sandbox", "--json", *words).stdout)


@pytest.mark.long
def test_every_text_and_document_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_SKIP, "Breaking Bad, MV_603, Braeking Bad")
    planned = run("--sandbox", "plan", "--only", "shows")
    count = left_out(planned.stdout)
    assert "Left out on request" in planned.stdout
    assert "plays: only shows are wanted" in planned.stdout
    assert "named in [history] skip" in planned.stdout
    assert '[history] skip = ["TITLE"]' in " ".join(planned.stdout.split())
    assert 'Did you mean "Breaking Bad (2008)"?' in " ".join(planned.stderr.split())
    # The next step leaves out the same.
    assert "trakt2discovr --sandbox migrate --only shows" in planned.stdout

    done = run("--sandbox", "migrate", "--only", "shows", "--yes")
    assert left_out(done.stdout) == count
    words = " ".join(done.stdout.split())
    assert "--only held for this once" in words
    assert '[history] only = "shows"' in words
    verified = document("verify", "--only", "shows")
    assert verified["balance"]["left_out"] == count
    assert verified["verification"]["is_clean"]
    assert verified["filter"]["only"] == "shows"
    assert any("Braeking Bad" in warning for warning in verified["warnings"])
    status = document("status")
    (profile,) = (p for p in status["profiles"] if p["is_chosen"])
    assert profile["left_out"]["plays"] == count
    assert "left out on request: Breaking Bad" in run("--sandbox", "unmatched").stdout
    text = run("--sandbox", "report").stdout
    assert f"| {count:,} | left out on request |" in text
    page = tmp_path / "report.html"
    run("--sandbox", "report", "--html", str(page))
    html = page.read_text(encoding="utf-8")
    assert f"{count:,} left out on request" in html
    assert "Left out on request: only shows are wanted" in html


def test_since_says_in_whose_zone_and_is_part_of_the_next_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(_SKIP, "Breaking Bad, Braeking Bad")
    planned = run("--sandbox", "plan", "--since", "2022-01-31T18:00+01:00")
    assert left_out(planned.stdout)
    assert "watched before 2022-01-31 17:00 UTC" in planned.stdout
    assert "migrate --since 2022-01-31T17:00Z" in planned.stdout
    assert "named in [history] skip" in planned.stdout
    assert 'Did you mean "Breaking Bad (2008)"?' in " ".join(planned.stderr.split())
