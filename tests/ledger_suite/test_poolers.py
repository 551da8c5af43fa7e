"""A pooler that gives each transaction another session is refused before all else."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import pytest

from sync.checkup.findings import Verdict
from sync.checkup.state import check_database
from sync.config import Settings
from sync.ledger import BusyError, Ledger, StateError, pooler
from sync.ledger.pooler import _PATIENCE_S, _hurried
from tests.ledger_suite.factories import AT, PROFILE, make_operations
from tests.ledger_suite.poolers import PROGRAM, fake_pooler, pgbouncer

if TYPE_CHECKING:
    from psycopg import Connection

    from tests.postgres import PostgresServer

WORDS = "behind a pooler that gives each transaction another session"


async def assert_refused(url: str) -> None:
    for is_read_only in (False, True):
        with pytest.raises(StateError, match=WORDS) as caught:
            await Ledger.open(url, is_read_only=is_read_only)
        assert "set pool_mode = session" in caught.value.remedy
    settings = Settings.model_validate({"state": {"url": url}})
    (finding,) = await check_database(settings)
    assert finding.verdict is Verdict.PROBLEM
    assert WORDS in finding.text
    assert "pool_mode = session" in (finding.remedy or "")


async def assert_works(url: str) -> None:
    async with await Ledger.open(url) as first, await Ledger.open(url) as second:
        async with first.profile_lock(PROFILE, command="migrate", at=AT) as hold:
            run = await first.start_run(PROFILE, "migrate", AT)
            for _ in range(10):  # prepared by then, where anything is
                await first.intend(run, make_operations(2), AT)
            await hold.confirm()
            with pytest.raises(BusyError):
                await second.profile_lock(PROFILE, command="sync", at=AT).__aenter__()
        assert len(await second.rows(PROFILE)) == 2


@pytest.mark.parametrize("sessions", [2, 3, 5, 7])
async def test_one_that_goes_round_is_refused(
    postgres: PostgresServer, postgres_url: str, sessions: int
) -> None:
    assert postgres_url
    async with fake_pooler(postgres, sessions=sessions) as url:
        await assert_refused(url)


async def test_one_that_keeps_the_session_is_not(
    postgres: PostgresServer, postgres_url: str
) -> None:
    assert postgres_url
    async with fake_pooler(postgres, sessions=1) as url:
        await assert_works(url)


pooled = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")


@pooled
@pytest.mark.parametrize("mode", ["transaction", "statement"])
@pytest.mark.parametrize(
    "more",
    ["", "default_pool_size = 1", "server_round_robin = 1\nmin_pool_size = 8"],
    ids=["plain", "pool of one", "in turn"],
)
async def test_pgbouncer_is_refused_where_it_changes_sessions(
    postgres: PostgresServer, postgres_url: str, mode: str, more: str
) -> None:
    assert postgres_url
    with pgbouncer(postgres, mode, more) as url:
        await assert_refused(url)


@pooled
@pytest.mark.parametrize("more", ["", "server_round_robin = 1"], ids=["plain", "turns"])
async def test_pgbouncer_is_taken_where_it_keeps_them(
    postgres: PostgresServer, postgres_url: str, more: str
) -> None:
    assert postgres_url
    with pgbouncer(postgres, "session", more) as url:
        await assert_works(url)


@pooled
async def test_a_pool_of_one_session_is_taken_after_a_while(
    postgres: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert postgres_url
    monkeypatch.setattr("sync.ledger.pooler._PATIENCE_S", 0.2)
    began = time.monotonic()
    with pgbouncer(postgres, "session", "default_pool_size = 1") as url:
        async with await Ledger.open(url) as ledger:
            assert await ledger.rows(PROFILE) == []
    assert time.monotonic() - began < 30  # it would be kept waiting for two minutes


def test_a_connection_is_cut_off_where_its_time_is_over_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine, other = socket.socketpair()
    with closing(mine), closing(other):
        line = cast("Connection[Any]", mine)  # all that is asked of it is its number
        with _hurried(line):
            began = time.monotonic()
        assert time.monotonic() - began < _PATIENCE_S
        mine.sendall(b"still open")
        assert other.recv(20) == b"still open"
        monkeypatch.setattr(pooler, "_PATIENCE_S", 0.01)
        with _hurried(line):
            assert other.recv(20) == b""
