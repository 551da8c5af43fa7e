"""The tests bring a PostgreSQL of their own where the system has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import postgres
from tests.postgres import CHOICE, find_binaries

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_wheel_brings_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CHOICE, "wheel")
    monkeypatch.setattr(postgres, "_is_open_to_all", lambda _: True)
    assert (find_binaries(tmp_path) / "pg_ctl").is_file()
    assert not (tmp_path / "software").exists()


def test_a_server_that_its_user_cannot_reach_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CHOICE, "wheel")
    monkeypatch.setattr(postgres, "_is_open_to_all", lambda _: False)
    monkeypatch.setattr(postgres, "_ordinary_user", object)
    binaries = find_binaries(tmp_path)
    assert binaries == tmp_path / "software" / "bin"
    assert (binaries / "postgres").stat().st_mode & 0o001
