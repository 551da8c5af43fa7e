"""A plugin of pytest that notes what each test takes, with what it sets up."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

#: The variable of the environment that names the file to write.
DURATIONS = "MUTATION_DURATIONS"
_seconds: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid] += report.duration  # type: ignore[assignment]  # a Counter sums anything


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the file; a worker of xdist leaves that to who started it."""
    if not hasattr(session.config, "workerinput"):
        Path(os.environ[DURATIONS]).write_text(json.dumps(_seconds), encoding="utf-8")
