"""A plugin of pytest that notes what each test takes of a processor, setup included."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

#: The variable of the environment that names the file to write.
DURATIONS = "MUTATION_DURATIONS"
#: By test. Of a part that a worker ran, the time comes with its report.
_took_s: Counter[str] = Counter()
_last = [time.process_time()]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[
    None, pytest.TestReport, pytest.TestReport
]:
    """Tell the time of the processor since the last report: machines are busy."""
    report = yield
    before, _last[0] = _last[0], time.process_time()
    report.took_s = _last[0] - before  # type: ignore[attr-defined]  # pytest sends it on
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up the parts of a test."""
    _took_s[report.nodeid] += report.took_s


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the file; a worker leaves that to who started it."""
    if not hasattr(session.config, "workerinput"):
        Path(os.environ[DURATIONS]).write_text(json.dumps(_took_s), encoding="utf-8")
