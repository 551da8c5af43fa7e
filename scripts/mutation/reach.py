"""Which tests run which line, and what each of them takes: asked of coverage once.

The answer is kept in ``.mutation/`` until a file of the program or a test changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from coverage import CoverageData

from scripts.mutation.mutants import ROOT
from scripts.mutation.timing import DURATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scripts.mutation.mutants import Mutant

CACHE = ROOT / ".mutation"
#: What takes more of a processor is asked of no mutant.
MOST_S = 5.0
#: The suites beside each room, the nearest one first. Of tests/safety only what the
#: first command runs: the long slices are marked, and left out.
SUITES = {
    "sync/domain": (
        *("domain_suite", "stories_suite", "pipeline_suite", "load_suite"),
        *("extras_suite", "overrides_suite", "restore_suite", "strangers_suite"),
    ),
    "sync/extract": (
        *("extract_suite", "stories_suite", "library_suite", "pipeline_suite"),
        "strangers_suite",
    ),
    "sync/transform": (
        *("transform_suite", "stories_suite", "overrides_suite", "pipeline_suite"),
        "strangers_suite",
    ),
    "sync/load": ("load_suite", "stories_suite", "pipeline_suite", "safety"),
    "sync/ledger": (
        *("ledger_suite", "stories_suite", "pipeline_suite", "restore_suite"),
    ),
    "sync/pipeline": (
        *("stories_suite", "pipeline_suite", "overrides_suite", "extras_suite"),
        *("restore_suite", "safety"),
    ),
}


@dataclass(slots=True)
class Reach:
    """The tests by file and line; those of a whole file stand under line 0."""

    lines: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    #: The lines by file that ran outside of any test: an import, or a list of cases.
    before: dict[str, set[int]] = field(default_factory=dict)
    #: How many tests a mutant is shown, of those that tell soonest; None: all.
    most: int | None = None

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Return the tests that run the changed line, those first that tell soonest.

        What a line made before the first test, when files were imported or lists of
        cases made, all functions and cases may use: then it is every test that runs
        anything of the file, after those that run the line.
        """
        lines = self.lines.get(mutant.file, {})
        of_line = lines.get(mutant.line, set())
        is_for_all = not of_line or self.is_run_before(mutant)
        found = of_line | lines.get(0, set()) if is_for_all else of_line
        suites = [f"tests/{s}/" for s in SUITES[_room(mutant.file)]]
        near = {
            test: rank
            for test in found
            for rank, suite in enumerate(suites)
            if test.startswith(suite) and self.seconds.get(test, 0.0) < MOST_S
        }
        in_order = sorted(
            near,
            key=lambda t: (t not in of_line, near[t] > 0, self.seconds.get(t, 0.0), t),
        )
        return in_order[: self.most]

    def is_run_before(self, mutant: Mutant) -> bool:
        """Whether something was made by the changed line before the first test."""
        return mutant.line in self.before.get(mutant.file, ())

    def seconds_of(self, tests: Iterable[str]) -> float:
        """Return what these take when nothing is changed."""
        return sum(self.seconds.get(test, 0.0) for test in tests)


def folders() -> list[str]:
    """Return the folders of all suites."""
    names = {name for of_room in SUITES.values() for name in of_room}
    return [f"tests/{name}" for name in sorted(names)]


def _room(file: str) -> str:
    return file.rpartition("/")[0]


def read_reach(most: int | None = None) -> Reach:
    """Return what is known of the files as they are now; ask first if nothing is.

    ``most`` bounds how many tests are asked about one mutant.
    """
    CACHE.mkdir(exist_ok=True)
    stamp = CACHE / "stamp"
    now = _stamp()
    if not stamp.exists() or stamp.read_text("ascii") != now:
        _ask()
        stamp.write_text(now, "ascii")
    return replace(_read(), most=most)


def _stamp() -> str:
    digest = hashlib.sha256()
    for folder in ("sync", "connectors", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def _ask() -> None:
    config = CACHE / "coveragerc"  # what is never changed need not be watched
    rooms = "\n    ".join(SUITES)
    config.write_text(f"[run]\nsource =\n    {rooms}\n", "ascii")
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"),
        *("-p", "scripts.mutation.timing", f"--cov-config={config}"),
        *("--cov", "--cov-context=test", "--cov-report=", "--timeout=600"),
        *folders(),
    ]
    files = {
        "COVERAGE_FILE": str(CACHE / "coverage"),
        DURATIONS: str(CACHE / "seconds.json"),
        "CI": "true",
    }
    environment = os.environ | files
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)  # noqa: S603  # our own
    if done.returncode:
        sys.exit("The tests have to pass before it can be told what they notice.")


def _read() -> Reach:
    data = CoverageData(str(CACHE / "coverage"))
    data.read()
    reach = Reach(seconds=json.loads((CACHE / "seconds.json").read_bytes()))
    for measured in data.measured_files():
        path = Path(measured)
        if not path.is_relative_to(ROOT):
            continue
        file = path.relative_to(ROOT).as_posix()
        lines: dict[int, set[str]] = defaultdict(set)
        before = reach.before[file] = set()
        for line, contexts in data.contexts_by_lineno(measured).items():
            # "" is the import of the file; else the test, and which part of it.
            tests = {context.rpartition("|")[0] for context in contexts if context}
            lines[line] |= tests
            lines[0] |= tests
            if "" in contexts:
                before.add(line)
        reach.lines[file] = lines
    return reach
