"""The options of ``sync``: which fit together, and what one run shows."""

from __future__ import annotations

import json
import socket

import pytest
from click.testing import CliRunner, Result

from sync.cli.app import app
from sync.documents.report import ReportDocument


def run(*args: str, **environ: str) -> Result:
    return CliRunner().invoke(app, args, env=environ)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["sync", "--every", "often"], "6h"),
        (["sync", "--every", "5s"], "from 1m to 30d"),
        (["sync", "--every", "6h", "--listen", "all:1"], "127.0.0.1:9464"),
        (["sync", "--every", "6h", "--once"], "contradict"),
        (["sync", "--every", "6h", "--force"], "--once"),
        (["--json", "sync", "--every", "6h"], "--log-format json"),
        (["sync", "--listen", "9464", "--yes"], "--every"),
        (["sync"], "add --yes"),
        (["sync", "--every", "6h", "--heartbeat", "https://x"], "No such option"),
    ],
)
def test_options_that_make_no_sense_are_a_usage_error_that_helps(
    args: list[str], words: str
) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert words in result.stderr


def test_an_interval_in_the_config_stays_and_once_does_not() -> None:
    staying = run("--json", "sync", TRAKT2DISCOVR_SYNC__EVERY="6h")
    assert "--every has no end" in staying.stderr
    once = run(
        "--sandbox", "--json", "sync", "--once", "--yes", TRAKT2DISCOVR_SYNC__EVERY="6h"
    )
    assert once.exit_code == 0, once.stderr
    assert ReportDocument.model_validate_json(once.stdout).command == "sync"


def test_a_wrong_config_ends_it_before_it_starts() -> None:
    result = run("sync", "--every", "6h", TRAKT2DISCOVR_SYNC__EVRY="6h")
    assert result.exit_code == 2
    assert "did you mean 'every'?" in result.stderr


def test_a_port_in_use_ends_it_with_a_clear_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run(
            "sync", "--every", "6h", "--log-format", "json", "--listen", str(port)
        )
    assert result.exit_code == 2
    (line,) = map(json.loads, result.stderr.splitlines())
    assert line["event"] == "program.failed"
    assert f"127.0.0.1:{port}" in line["message"]
    assert "already in use" in line["message"]
