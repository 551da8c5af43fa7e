"""The reference cannot drift: it is written by the program, or held to it."""

from __future__ import annotations

import ast
import inspect
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import trakt2discovr
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


#: What the page need not explain: names of Python, and of libraries of others.
STRANGERS = {
    *("Any", "AwareDatetime", "Awaitable", "Callable", "ClientSession", "Collection"),
    *("Counter", "False", "Mapping", "None", "Path", "Self", "Sequence", "True"),
}


def typed(entry: str) -> set[str]:
    """Return the names of types in an entry of the page: in calls and in fields."""
    calls = re.findall(r"```text\n(.*?)```", entry, re.DOTALL)
    cells = re.findall(r"^\| `(.+?)` \| (?:`(.+?)` \|$)?", entry, re.MULTILINE)
    words = " ".join([*calls, *(word for cell in cells for word in cell)])
    return set(re.findall(r"\b[A-Z]\w*[a-z]\w*", words)) - STRANGERS


def test_every_type_that_the_library_takes_or_gives_is_explained() -> None:
    text = (FOLDER / "api.md").read_text(encoding="utf-8")
    entries = dict(re.findall(r"(?ms)^### (\w+)\n(.*?)(?=^##|\Z)", text))
    named = set(
        re.findall(r"^\| `(\w+)` \|", text.partition("## Names for")[2], re.MULTILINE)
    )
    elsewhere = set(re.findall(r"`(\w+)`", text.partition("## Events")[2]))
    for name, entry in entries.items():
        unknown = typed(entry) - {*entries} - named - elsewhere
        assert not unknown, f"{name} names {unknown}"
    assert {"Report", "Prepared", "Settled", "UnmatchedDocument"} <= {*entries}
    # What a call takes or gives back, or a class of one's own has to, is in the face.
    for name in set(trakt2discovr.__all__) & {*entries}:
        thing = getattr(trakt2discovr, name)
        if inspect.isfunction(thing) or getattr(thing, "_is_protocol", False):
            there = {*trakt2discovr.__all__} | named
            assert typed(entries[name]) <= there, name


def test_each_option_that_an_error_names_is_told_as_a_keyword() -> None:
    text = (FOLDER / "api.md").read_text(encoding="utf-8").partition("## Errors")[2]
    rows = re.findall(r"^\| `(--[\w-]+).*?` \| `(\w+)[=.]", text, re.MULTILINE)
    told = dict(rows)
    found: set[str] = set()
    for place in ("errors.py", "api.py", "pipeline", "load", "extract", "wiring"):
        whole = ROOT / "sync" / place
        for path in [whole] if whole.is_file() else whole.glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found |= set(re.findall(r"(?<!`)--[a-z][a-z-]+", node.value))
    # Of a command that no call stands for: ``page``.
    found -= {"--by-hand", "--only", "--genre"}
    assert {"--force", "--accept-incomplete", "--out"} < found <= told.keys()
    calls = ("migrate", "sync", "plan", "apply", "undo", "restore")
    known = {
        name
        for call in calls
        for name in inspect.signature(getattr(trakt2discovr, call)).parameters
    }
    assert {*told.values()} <= known


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
