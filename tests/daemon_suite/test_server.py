"""What /healthz and /metrics answer while the job stays, and who may ask."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from connectors.errors import AuthError, ConfigError
from sync.daemon.server import served
from sync.documents.job import JobDocument
from sync.events import Spent
from sync.runtime import visits
from sync.runtime.values import Address, parse_address
from tests.daemon_suite.stages import DOWN, Stage, Step, said, until

LOST = AuthError("There is no Trakt login.", remedy="Log in: trakt2discovr login trakt")
LOOPBACK = Address("127.0.0.1", 0)


async def get(url: str, **headers: str) -> tuple[int, str, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers=headers) as answer,
    ):
        return answer.status, answer.content_type, await answer.text()


async def test_healthz_tells_what_is_wrong_and_what_helps() -> None:
    stage = Stage([Step(LOST), Step()])
    async with served(stage.job, LOOPBACK) as address:
        status, kind, text = await get(f"{address.url}/healthz")
        assert (status, kind) == (200, "application/json")
        assert JobDocument.model_validate_json(text).last_turn is None
        play = asyncio.create_task(stage.play())
        await until(lambda: stage.job.state.due is not None)
        status, _, text = await get(f"{address.url}/healthz")
        document = JobDocument.model_validate_json(text)
        assert status == 503
        assert document.problem == LOST.message
        assert document.remedy == LOST.remedy
        await play
        assert (await get(f"{address.url}/healthz"))[0] == 200
        assert (await get(f"{address.url}/"))[0] == 404


async def test_metrics_are_what_prometheus_reads_and_carry_their_units() -> None:
    stage = Stage([Step(), Step(DOWN), Step(LOST)])
    job = stage.job
    async with served(job, LOOPBACK) as address:
        await stage.play()
        job.state.add(Spent("Trakt", 3, 1, waits_s=2.5))
        job.state.add(Spent("Trakt", 2, waits_s=0.5))
        job.state.unmatched = 4
        job.state.login_ends_at = stage.clock.now() + timedelta(days=12)
        status, _, text = await get(f"{address.url}/metrics")
        _, modern, _ = await get(
            f"{address.url}/metrics", Accept="application/openmetrics-text"
        )
    assert status == 200
    assert modern == "application/openmetrics-text"
    families = {f.name: f for f in text_string_to_metric_families(text)}
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families.values()
        for sample in family.samples
    }
    ours = {name for name in families if name.startswith("trakt2discovr_")}
    assert values["trakt2discovr_runs_total", "done"] == 1
    assert values["trakt2discovr_runs_total", "down"] == 1
    assert values["trakt2discovr_runs_total", "login"] == 1
    assert values["trakt2discovr_runs_total", "bug"] == 0
    assert values["trakt2discovr_requests_total", "Trakt"] == 5
    assert values["trakt2discovr_request_retries_total", "Trakt"] == 1
    assert values["trakt2discovr_request_waits_seconds_total", "Trakt"] == 3
    assert values["trakt2discovr_unmatched_titles",] == 4
    assert values["trakt2discovr_discovr_login_remaining_days",] == 12
    assert values["trakt2discovr_healthy",] == 0
    assert values["trakt2discovr_interval_seconds",] == 21_600
    last, due = job.state.last, job.state.due
    assert last
    assert due
    stamp = values["trakt2discovr_last_run_timestamp_seconds",]
    assert stamp == last.finished_at.timestamp()
    assert values["trakt2discovr_last_success_timestamp_seconds",] < stamp
    assert values["trakt2discovr_next_run_timestamp_seconds",] > stamp
    # Dashboards depend on these names.
    assert ours == {
        f"trakt2discovr_{name}"
        for name in (
            "build_info",
            "discovr_login_remaining_days",
            "entries_written",
            "healthy",
            "interval_seconds",
            "last_run_duration_seconds",
            "last_run_timestamp_seconds",
            "last_success_timestamp_seconds",
            "next_run_timestamp_seconds",
            "plays_read",
            "request_retries",
            "request_waits_seconds",
            "requests",
            "running",
            "runs",
            "unmatched_titles",
        )
    }


async def test_a_port_in_use_is_a_clear_error() -> None:
    async with served(Stage([]).job, LOOPBACK) as taken:
        with pytest.raises(ConfigError, match="in use") as caught:
            async with served(Stage([]).job, taken):
                pass
    assert taken.url in caught.value.message
    assert "--listen" in caught.value.remedy


async def test_an_address_that_others_can_reach_is_warned_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with served(Stage([]).job, parse_address("0.0.0.0:0")):
        pass
    assert said(caplog, "listen.open")
    caplog.clear()
    async with served(Stage([]).job, LOOPBACK):
        pass
    assert not said(caplog, "listen.open")


async def test_without_the_library_only_metrics_are_missing_and_it_says_which(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client.aiohttp", None)
    async with served(Stage([]).job, LOOPBACK) as address:
        assert (await get(f"{address.url}/healthz"))[0] == 200
        status, _, text = await get(f"{address.url}/metrics")
    assert status == 501
    assert "pip install 'trakt2discovr[metrics]'" in text


async def visitor(address: Address, *sent: bytes) -> asyncio.StreamReader:
    reader, writer = await asyncio.open_connection(*address)
    for piece in sent:
        writer.write(piece)
    VISITORS.append(writer)  # or it would be closed with its last reference
    return reader


VISITORS: list[asyncio.StreamWriter] = []


async def is_shut(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(5):
            while await reader.read(1 << 16):
                pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


counted = pytest.mark.skipif(sys.platform != "linux", reason="counts by /proc")


@counted
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /heal",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nx",
    ],
    ids=["silent", "half a line", "stays on", "half a body"],
)
async def test_two_hundred_idle_clients_are_gone_by_themselves(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(visits, "LONGEST_VISIT_S", 0.3)
    before = open_files()
    async with served(Stage([]).job, LOOPBACK) as address:
        readers = [await visitor(address, sent) for _ in range(200)]
        assert all(await asyncio.gather(*map(is_shut, readers)))
        while VISITORS:
            VISITORS.pop().close()
        status, _, _ = await get(f"{address.url}/healthz")
    assert status == 200
    assert open_files() <= before + 2


@counted
async def test_a_full_house_lets_a_newcomer_in_at_once() -> None:
    before = open_files()
    async with served(Stage([]).job, LOOPBACK) as address:
        readers = [await visitor(address) for _ in range(100)]
        status, _, _ = await get(f"{address.url}/healthz")
        assert status == 200
        # Each descriptor of a client here has one of the server beside it.
        assert open_files() - before < len(readers) + visits.MOST_VISITS + 8
        while VISITORS:
            VISITORS.pop().close()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # one call, no descriptor


@pytest.mark.parametrize(
    ("address", "host", "is_let_in"),
    [
        ("127.0.0.1:0", "127.0.0.1", True),
        ("127.0.0.1:0", "127.0.0.1:9464", True),
        ("127.0.0.1:0", "LOCALHOST:1", True),
        ("127.0.0.1:0", "[::1]:9464", True),
        ("127.0.0.1:0", "metrics.lan", True),
        ("127.0.0.1:0", "Metrics.LAN.:9464", True),
        ("127.0.0.1:0", None, True),
        ("127.0.0.1:0", "evil.example", False),
        ("127.0.0.1:0", "127.0.0.1.evil.example", False),
        ("127.0.0.1:0", "evil.example:9464", False),
        ("127.0.0.1:0", "localhost.evil.example", False),
        ("127.0.0.1:0", "192.0.2.7", False),
        ("127.0.0.1:0", "", False),
        ("127.0.0.1:0", "[::1", False),
        ("0.0.0.0:0", "192.0.2.7:9464", True),
        ("0.0.0.0:0", "localhost", True),
        ("0.0.0.0:0", "evil.example", False),
        ("0.0.0.0:0", "metrics.lan", True),
    ],
)
@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/"])
async def test_only_who_asks_for_this_host_gets_an_answer(
    address: str, host: str | None, path: str, *, is_let_in: bool
) -> None:
    listening = parse_address(address)
    async with served(Stage([]).job, listening, ("metrics.lan",)) as used:
        line = "" if host is None else f"Host: {host}\r\n"
        version = "1.0" if host is None else "1.1"
        sent = f"GET {path} HTTP/{version}\r\n{line}Connection: close\r\n\r\n"
        reader = await visitor(Address("127.0.0.1", used.port), sent.encode())
        answer = await reader.read()
        VISITORS.pop().close()
    if is_let_in:
        assert b"421" not in answer.splitlines()[0]
    else:
        assert answer.splitlines()[0].split()[1] in {b"421", b"400"}
        assert b"trakt2discovr" not in answer
