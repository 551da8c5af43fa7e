"""One mutant before the tests.

Tests and program are loaded once. For a change inside of a function a process is forked
that runs the changed one. What runs before the first test, while files are imported and
lists of cases are made, is tried in a process of its own.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

import pytest

from scripts.mutation.fresh import MUTANT
from scripts.mutation.functions import function_at
from scripts.mutation.mutants import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import CodeType

    from scripts.mutation.mutants import Mutant
    from scripts.mutation.reach import Reach

#: What a change that has no end, or fills the memory, may take.
_MOST_BYTES = 4 * 2**30
_MOST_S_A_TEST = 60
_LEAST_S, _TIMES_SLOWER = 20, 5
#: How pytest is called wherever a mutant is judged.
OPTIONS = (
    *("-x", "-q", "--tb=short", "-p", "no:cacheprovider", "--no-header"),
    *("--disable-warnings", f"--timeout={_MOST_S_A_TEST}"),
)


_FAILED = ("FAILED tests/", "ERROR tests/")


class Verdict(Enum):
    """What became of a mutant."""

    NOTICED = "noticed"
    ENDLESS = "noticed: it has no end"
    SURVIVED = "survived"
    UNREACHED = "survived: no test runs it"

    @property
    def is_noticed(self) -> bool:
        """Whether a test told."""
        return self in (Verdict.NOTICED, Verdict.ENDLESS)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, the test that noticed where one did, and what the tests said."""

    verdict: Verdict
    by: str = ""
    said: str = ""


class Judge:
    """Judges mutants by the tests of a session that pytest has collected."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session
        self._items = {item.nodeid: item for item in session.items}

    def judge(self, mutant: Mutant, reach: Reach) -> Judgement:
        """Run the tests in their order, until one notices."""
        tests = reach.tests_of(mutant)
        if not tests:
            return Judgement(Verdict.UNREACHED)
        most_s = int(_LEAST_S + _TIMES_SLOWER * reach.seconds_of(tests))
        changed = function_at(mutant)
        if changed is not None:
            judgement = self._in_a_fork(mutant, changed, tests, most_s)
            if judgement.verdict.is_noticed or not reach.is_run_before(mutant):
                return judgement
        return self._afresh(mutant, tests, most_s)

    def _in_a_fork(
        self,
        mutant: Mutant,
        changed: tuple[str, int, CodeType],
        tests: Sequence[str],
        most_s: int,
    ) -> Judgement:
        with _folder() as folder:
            file = Path(folder, "last")
            child = os.fork()
            if child == 0:
                code = 70
                try:
                    _limit(most_s)
                    tempfile.tempdir = folder
                    with Path(folder, "said").open("wb") as out:
                        os.dup2(out.fileno(), 1)
                        os.dup2(out.fileno(), 2)
                    import_module(mutant.module)  # some are imported once needed
                    _put(mutant.file, changed)
                    code = self._run(tests, file)
                finally:
                    os._exit(code)
            _, status = os.waitpid(child, 0)
            verdict = _verdict(os.waitstatus_to_exitcode(status))
            last = file.read_text("utf-8") if verdict.is_noticed else ""
            said = Path(folder, "said").read_text("utf-8", "replace")
        return Judgement(verdict, last, said)

    def _run(self, tests: Sequence[str], last: Path) -> int:
        items = [self._items[test] for test in tests]
        for item, after in zip(items, [*items[1:], None], strict=True):
            last.write_text(item.nodeid, "utf-8")
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            if self._session.testsfailed:
                # Servers that a fixture has started end with it.
                self._session._setupstate.teardown_exact(None)  # noqa: SLF001
                return pytest.ExitCode.TESTS_FAILED
        return pytest.ExitCode.OK

    def _afresh(self, mutant: Mutant, tests: Sequence[str], most_s: int) -> Judgement:
        with _folder() as folder, _listed(tests) as list_:
            done = subprocess.run(  # noqa: S603  # our own
                [
                    *(sys.executable, "-m", "pytest", *OPTIONS),
                    *("-p", "scripts.mutation.fresh", f"--basetemp={folder}/tests"),
                    *dict.fromkeys(test.partition("::")[0] for test in tests),
                ],
                cwd=ROOT,
                env=os.environ | {MUTANT: f"{mutant.name}\n{list_}"},
                preexec_fn=lambda: _limit(most_s),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
        said = done.stdout.decode(errors="replace")
        failed = [li.split()[1] for li in said.splitlines() if li.startswith(_FAILED)]
        return Judgement(_verdict(done.returncode), "".join(failed[:1]), said)


def _limit(most_s: int) -> None:
    """Bound what this process may take; time is the processor's: machines are busy."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (most_s, most_s))
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))


def _verdict(code: int) -> Verdict:
    if code == pytest.ExitCode.OK:
        return Verdict.SURVIVED
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return Verdict.ENDLESS
    return Verdict.NOTICED


def _put(file: str, changed: tuple[str, int, CodeType]) -> None:
    """Have every function that was made of that definition run the changed code."""
    name, line, code = changed
    path = str(ROOT / file)
    gc.unfreeze()
    found = [
        function
        for function in gc.get_objects()
        if isinstance(function, FunctionType)
        and function.__code__.co_filename == path
        and function.__code__.co_firstlineno == line
        and function.__code__.co_qualname == name
    ]
    for function in found:
        function.__code__ = code
    gc.freeze()


@contextmanager
def _folder() -> Iterator[str]:
    """Make a folder that others may read: PostgreSQL's servers run as another user."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield folder


@contextmanager
def _listed(tests: Sequence[str]) -> Iterator[str]:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(tests))
        file.flush()
        yield file.name
