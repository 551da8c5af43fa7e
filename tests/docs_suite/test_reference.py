"""The reference cannot drift: it is written by the program, or held to it."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from scripts.reference import FOLDER, pages
from sync.daemon.metrics import registry
from sync.daemon.turn import Ending
from sync.events import Spent, Stage
from tests.daemon_suite.stages import Stage as JobStage
from tests.daemon_suite.stages import Step
from tests.docs_suite.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

WATCHED = FOLDER / "metrics-and-logs.md"
#: Written by hand; odd input is held by tests/strangers_suite.
HELD = (WATCHED.name, "odd-input.md")
#: Only these say anything in the log, by their own calls or by those they hand on.
TELLERS = ("sync.runtime.logs", "logs.tell", "getLogger")


@pytest.mark.parametrize("name", pages())
def test_the_page_is_what_the_program_says(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text == pages()[name], "run python -m scripts.reference"


def test_every_page_of_the_reference_is_generated_or_held_to_the_program() -> None:
    assert {page.name for page in FOLDER.glob("*.md")} == {*pages(), *HELD}


def first_cells(heading: str) -> list[tuple[str, set[str]]]:
    """Return the name and the other names of each row of the tables below a heading."""
    text = WATCHED.read_text(encoding="utf-8")
    (section,) = re.findall(rf"(?ms)^## {heading}\n(.*?)(?=^## |\Z)", text)
    rows = re.findall(r"^\| `([^`]+)` \|(.*)$", section, re.MULTILINE)
    return [(name, set(re.findall(r"`([^`]+)`", rest))) for name, rest in rows]


async def test_every_metric_is_on_the_page_with_its_labels() -> None:
    stage = JobStage([Step()])
    await stage.play()
    state = stage.job.state
    state.add(Spent("Trakt", 1))
    state.unmatched = 1
    state.login_ends_at = stage.clock.now() + timedelta(days=1)
    samples = {
        sample.name: set(sample.labels)
        for family in registry(stage.job).collect()
        for sample in family.samples
        if sample.name.startswith("trakt2discovr_")
    }
    rows = first_cells("/metrics")
    metrics = {name: labels for name, labels in rows if name in samples}
    endings = [name for name, _ in rows if name not in samples]
    assert {name: labels & {*samples[name]} for name, labels in metrics.items()} == (
        samples
    )
    assert endings == [ending.value for ending in Ending]


def told_keys() -> Iterator[str]:
    """Find the keys of log events in the code: constants such as ``run.started``."""
    for path in [*(ROOT / "sync").rglob("*.py"), *(ROOT / "connectors").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        if not any(word in text for word in TELLERS):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from re.findall(r"\A[a-z]+\.[a-z]+\Z", node.value)


def test_every_log_event_is_on_the_page() -> None:
    stages = {f"{stage.value}.finished" for stage in Stage}
    shown = [name for name, _ in first_cells("Log events") if "." in name]
    assert {*shown} == {*told_keys()} | stages
    assert len(shown) == len({*shown})
