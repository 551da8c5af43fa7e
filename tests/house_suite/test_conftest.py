"""The fences around every test hold."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from sync.sandbox.discovr.auth import Session, _encode
from tests.secrecy import SECRET, Printed, files_with_secrets, known_secrets

AT = datetime(2026, 1, 1, tzinfo=UTC)
SESSION = Session("ses_1", "prf_1", AT)


async def test_no_test_looks_up_a_name() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(pytest.fail.Exception, match="tried to reach"):
            await session.get("https://api.trakt.tv")


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("::ffff:192.0.2.1", 80)])
def test_no_test_connects_to_another_machine(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with (
        socket.socket(family) as one,
        pytest.raises(pytest.fail.Exception, match="tried to reach"),
    ):
        one.connect(address)


def test_no_setting_of_the_person_is_seen(tmp_path: Path) -> None:
    assert not [name for name in os.environ if name.startswith("TRAKT2DISCOVR_")]
    assert Path.home().parent == tmp_path.parent


@pytest.mark.parametrize(
    "secret", [known_secrets()[0], known_secrets()[-1], _encode(SESSION, AT)]
)
def test_a_secret_in_a_file_or_in_print_is_noticed(tmp_path: Path, secret: str) -> None:
    left = tmp_path / "deep" / "report.html"
    left.parent.mkdir()
    left.write_text(f"<p>{secret}</p>")
    assert list(files_with_secrets([tmp_path])) == ["report.html"]
    assert SECRET.search(f"Authorization: Bearer {secret}".encode())
    left.unlink()  # or this very test fails
    (tmp_path / "tokens.json").write_text(secret)
    assert list(files_with_secrets([tmp_path])) == []


def test_what_another_process_prints_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = Printed(monkeypatch)
    command = [
        sys.executable,
        "-c",
        "import sys; print('out'); sys.stderr.write('err')",
    ]
    subprocess.run(command, capture_output=True, check=True)  # noqa: S603  # our own
    assert printed.text() == b"out\nerr" or printed.text() == b"errout\n"
