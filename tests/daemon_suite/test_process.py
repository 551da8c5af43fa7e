"""The real process: its signals, and everybody whom it tells how it is."""

from __future__ import annotations

import asyncio
import os
import pty
import socket
import sys
from dataclasses import astuple
from datetime import timedelta
from pathlib import Path
from signal import SIGHUP, SIGTERM
from typing import TYPE_CHECKING, Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from sync.daemon.recorder import recall_job
from sync.documents.job import JobDocument
from sync.ledger import Ledger
from sync.sandbox.server.credentials import Credentials
from tests.daemon_suite.processes import environment, lines, place_of
from tests.login_suite.programs import program
from tests.loopback import Loopback, reply
from tests.safety.arena import Phase

if TYPE_CHECKING:
    from aiohttp import web

    from tests.login_suite.programs import Program

STAY = ("sync", "--every", "6h", "--log-format", "json")
ROOT = Path(__file__).parents[2]


def find(run: Program, event: str) -> dict[str, Any]:
    return next(line for line in lines(run.screen) if line["event"] == event)


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def test_the_job_tells_everybody_how_it_is_and_sigterm_ends_it_while_it_waits(
    tmp_path: Path,
) -> None:
    name = str(tmp_path / "notify")
    async with place_of(tmp_path) as place, Loopback([reply(200, b"OK")]) as pinged:
        secret = "/ping/5c1ea5f0-of-the-person"
        env = environment(
            place,
            NOTIFY_SOCKET=name,
            TRAKT2DISCOVR_SYNC__HEARTBEAT=pinged.url + secret,
        )
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(name)
            async with program("-v", *STAY, "--listen", "0", env=env) as job:
                await job.shows('"run.finished"')
                await pinged.is_asked.wait()
                url = find(job, "listen.started")["url"]
                status, health = await get(f"{url}/healthz")
                _, metrics = await get(f"{url}/metrics")
                job.kill(SIGTERM)
                assert await job.ends() == 128 + SIGTERM
            manager.settimeout(0)
            told = read_all(manager)
        written = place.writes()
        async with await Ledger.open(place.settings.state.url) as ledger:
            kept = await recall_job(ledger, place.settings)
    assert status == 200
    document = JobDocument.model_validate_json(health)
    assert document.is_healthy
    assert document.last_turn
    assert document.last_turn.ending == "done"
    values = samples(metrics)
    assert values["trakt2discovr_runs_total", "done"] == 1
    assert values["trakt2discovr_entries_written_total",] == written > 5
    assert values["trakt2discovr_plays_read_total",] > written
    for service in ("Trakt", "Discovr", "TMDB"):
        assert values["trakt2discovr_requests_total", service] > 0
    assert told[0].startswith("READY=1\nSTATUS=Run 1 is under way")
    assert told[1].startswith("STATUS=Next run at ")
    assert told[-1].startswith("STOPPING=1")
    assert pinged.asked == [f"GET {secret}"]
    assert kept
    assert kept.stopped_at is not None
    assert job.stdout == ""
    said = lines(job.screen)
    assert {line.get("turn") for line in said if line["event"] == "http.request"} == {1}
    assert [line["event"] for line in said if line["event"].endswith(".finished")] == [
        "read.finished",
        "extract.finished",
        "catalogue.finished",
        # The copy of the profile as it was.
        "read.finished",
        "load.finished",
        "read.finished",
        "verify.finished",
        "run.finished",
    ]
    assert said[-1]["event"] == "program.stopped"
    assert said[-1]["exit_code"] == 143
    assert "between two runs" in said[-1]["message"]
    told_all = job.screen + health + metrics + "".join(told) + kept.model_dump_json()
    held = [*astuple(Credentials()), secret]
    assert not [value for value in held if value in told_all]


async def test_sighup_reads_the_config_anew_keeps_the_old_if_wrong_and_starts_nothing(
    tmp_path: Path,
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[history]\ncollapse = "off"\n', encoding="utf-8")
    async with place_of(tmp_path) as place:
        env = environment(place)
        del env["TRAKT2DISCOVR_HISTORY__COLLAPSE"]
        args = ("-c", str(config), *STAY, "--listen", "0")
        async with program(*args, env=env) as job:
            await job.shows('"run.finished"')
            url = find(job, "listen.started")["url"]
            asked = len(place.trakt.requests())
            before = JobDocument.model_validate_json((await get(f"{url}/healthz"))[1])
            config.write_text("[history]\ncolapse = 1\n", encoding="utf-8")
            job.kill(SIGHUP)
            await job.shows('"config.refused"')
            status, text = await get(f"{url}/healthz")
            refused = JobDocument.model_validate_json(text)
            config.write_text("[history]\nplayback = false\n", encoding="utf-8")
            job.kill(SIGHUP)
            await job.shows('"config.reloaded"')
            after = JobDocument.model_validate_json((await get(f"{url}/healthz"))[1])
            job.kill(SIGTERM)
            assert await job.ends() == 143
        assert len(place.trakt.requests()) == asked
    assert status == 200
    assert "did you mean 'collapse'?" in refused.warnings[0]
    assert before.warnings == after.warnings == ()
    assert after.turns == 1
    assert before.next_run_at
    assert after.next_run_at
    assert after.next_run_at - before.next_run_at < timedelta(seconds=1)


async def test_sigterm_while_writing_settles_what_is_under_way(tmp_path: Path) -> None:
    async with place_of(tmp_path) as place:
        env, writes = environment(place), 0

        def signal(request: web.Request, phase: Phase) -> bool:
            nonlocal writes
            is_write = request.method in ("POST", "PATCH") and phase is Phase.BEFORE
            writes += is_write
            if is_write and writes == 4:  # once: a second one leaves at once
                job.kill(SIGTERM)
            return False

        async with program(*STAY, env=env) as job:
            place.tell(signal)
            assert await job.ends() == 143
        place.tell(None)
        stopped = lines(job.screen)[-1]
        assert stopped["event"] == "program.stopped"
        assert "Stopped after" in stopped["message"]
        assert "left unclear: none." in stopped["message"]
        async with program("sync", "--once", "--yes", env=env) as again:
            assert await again.ends() == 0
        assert "verified" in again.stdout
        assert place.discovr.doubled() == {}


async def test_a_terminal_that_goes_away_ends_the_job(tmp_path: Path) -> None:
    async with place_of(tmp_path) as place:
        master, slave = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sync", *STAY),
            cwd=ROOT,
            env=environment(place),
            stdin=slave,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        os.close(slave)
        assert process.stderr
        while b"run.finished" not in await process.stderr.readline():
            pass
        os.close(master)
        process.send_signal(SIGHUP)
        _, text = await process.communicate()
        assert process.returncode == 143
        assert b"program.stopped" in text


async def test_a_single_run_pings_too_also_when_it_fails(tmp_path: Path) -> None:
    async with place_of(tmp_path) as place, Loopback([reply(200, b"OK")]) as pinged:
        heartbeat = {"TRAKT2DISCOVR_SYNC__HEARTBEAT": f"{pinged.url}/ping"}
        env = environment(place, **heartbeat)
        once = ("sync", "--once", "--yes", "--log-format", "json")
        async with program(*once, env=env) as job:
            assert await job.ends() == 0
        assert "verified" in job.stdout
        assert all(line["event"] for line in lines(job.screen))
        lost = {"TRAKT2DISCOVR_DISCOVR__PROFILE": "Nobody"}
        async with program(*once, env={**env, **lost}) as job:
            assert await job.ends() == 2
        assert lines(job.screen)[-1]["event"] == "program.failed"
        assert pinged.asked == ["GET /ping", "POST /ping/fail"]
        assert "no profile 'Nobody'" in pinged.received[1].body.decode()


def read_all(receiver: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(receiver.recv(4096).decode())
        except BlockingIOError:
            return found


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
