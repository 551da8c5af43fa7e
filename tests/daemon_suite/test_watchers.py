"""Those who are told how the job is: systemd, a heartbeat service, the ledger, HTTP."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import AuthError, ConfigError
from sync.config import Settings
from sync.daemon import heartbeat
from sync.daemon import job as job_module
from sync.daemon.heartbeat import Heartbeat
from sync.daemon.job import Terms
from sync.daemon.recorder import Recorder, recall_job
from sync.daemon.systemd import Notifier
from sync.daemon.turn import Ending
from sync.events import Warned
from sync.ledger import Ledger
from sync.runtime.listener import Listener
from sync.runtime.values import Address
from tests.daemon_suite.stages import DOWN, Stage, Step, said, until
from tests.hostile import ODD_HEADERS
from tests.long import examples
from tests.loopback import CUT, SILENCE, Loopback, Reply, reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sync.daemon.job import Job
    from sync.documents.job import JobDocument

LOST = AuthError("There is no Trakt login.", remedy="Log in: trakt2discovr login trakt")
LOOPBACK = Address("127.0.0.1", 0)
PING = "/ping/0b6c7a1e-secret"


@contextmanager
def manager(name: str) -> Iterator[socket.socket]:
    """Listen as systemd does; a name that begins with @ is an abstract one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0{name[1:]}" if name[0] == "@" else name)
        receiver.settimeout(0)
        yield receiver


def messages(receiver: socket.socket) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    while True:
        try:
            text = receiver.recv(4096).decode()
        except BlockingIOError:
            return found
        found.append(dict(line.split("=", 1) for line in text.split("\n")))


@pytest.mark.parametrize("is_abstract", [False, True])
async def test_systemd_hears_when_it_is_ready_what_it_does_and_that_it_stops(
    tmp_path: Path, *, is_abstract: bool
) -> None:
    if is_abstract and sys.platform != "linux":
        pytest.skip("abstract sockets are Linux's own")
    name = f"@t2d-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with manager(name) as receiver:
        stage = Stage([Step(LOST), Step()])
        stage.job._watchers = (Notifier({"NOTIFY_SOCKET": name}),)
        await stage.play()
        first, second, third, fourth, last = messages(receiver)
    assert first["READY"] == "1"
    assert first["STATUS"] == "Run 1 is under way"
    assert "READY" not in second
    assert second["STATUS"].startswith("Next run at 2026-")
    assert second["STATUS"].endswith("; There is no Trakt login.")
    assert third["STATUS"].startswith("Run 2 is under way; There is no")
    assert "login" not in fourth["STATUS"]
    assert last["STOPPING"] == "1"


def test_reloading_is_told_with_the_time_before_and_after(tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    with manager(name) as receiver:
        Notifier({"NOTIFY_SOCKET": name}).reload(Stage([]).job)
        before, after = messages(receiver)
    assert before["RELOADING"] == "1"
    assert int(before["MONOTONIC_USEC"]) > 0
    assert after == {"READY": "1"}


async def test_the_watchdog_is_fed_twice_as_often_as_it_asks(tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    environ = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "60000000"}
    stage = Stage([])
    with manager(name) as receiver:
        async with Notifier(environ).watched(stage.clock):
            await stage.clock.sleep(95)
        assert messages(receiver) == [{"WATCHDOG": "1"}] * 4
        async with Notifier({**environ, "WATCHDOG_PID": "1"}).watched(stage.clock):
            await stage.clock.sleep(95)
        assert messages(receiver) == []


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/notify"}])
async def test_without_systemd_nothing_happens(environ: dict[str, str]) -> None:
    stage = Stage([Step()])
    stage.job._watchers = (Notifier(environ),)
    job = await stage.play()
    assert job.state.endings[Ending.DONE] == 1


def pinging(service: Loopback, *steps: Step) -> Stage:
    sync = {"heartbeat": f"{service.url}{PING}"}
    stage = Stage(steps)
    stage.job.terms = Terms(Settings.model_validate({"sync": sync}), stage.every)
    stage.job._watchers = (Heartbeat(),)
    return stage


async def test_a_good_run_pings_and_a_bad_one_pings_that_it_failed() -> None:
    async with Loopback([reply(200, b"OK")]) as service:
        await pinging(
            service, Step(), Step(LOST), Step(is_good=False), Step(DOWN), Step(), Step()
        ).play()
        ok, bad = f"GET {PING}", f"POST {PING}/fail"
        # An outage says nothing; and the last run ended with the job.
        assert service.asked == [ok, bad, bad, ok, ok]
        lost, incomplete = (r.body.decode() for r in service.received if r.body)
        assert LOST.message in lost
        assert LOST.remedy in lost
        assert incomplete.startswith("incomplete: Not everything is in place")


async def test_an_outage_of_a_job_is_an_alarm_once_it_has_lasted_a_day() -> None:
    async with Loopback([reply(200, b"OK")]) as service:
        stage = pinging(service, *[Step(DOWN, takes_s=6 * 3_600)] * 5, Step(), Step())
        await stage.play()
        ok, bad = f"GET {PING}", f"POST {PING}/fail"
        assert service.asked == [bad, ok, ok]
        assert DOWN.message in service.received[0].body.decode()


@pytest.mark.parametrize("answer", [reply(500), reply(404), CUT])
async def test_a_heartbeat_that_fails_fails_no_run_and_shows_no_address(
    answer: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Loopback([answer]) as service:
        job = await pinging(service, Step(), Step(), Step()).play()
    assert job.state.endings[Ending.DONE] == 3
    assert len(said(caplog, "heartbeat.failed")) == 3
    assert "secret" not in caplog.text


async def test_a_heartbeat_that_does_not_answer_does_not_hold_up_a_stop() -> None:
    async with Loopback([SILENCE]) as service:
        stage = pinging(service, Step(), Step())
        play = asyncio.create_task(stage.job.stay())
        await service.is_asked.wait()
        play.cancel()
        with pytest.raises(asyncio.CancelledError):
            await play
        assert len(service.asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://hc.example/ping",
        "https://u:p@hc.example/x",
        "hc.example",
        "ftp://x/ping",
    ],
)
def test_an_address_that_would_give_the_heartbeat_away_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"\[sync\] heartbeat") as caught:
        Settings.model_validate({"sync": {"heartbeat": url}})
    assert "/ping" not in str(caught.value)
    assert "u:p" not in str(caught.value)


def keeping(folder: Path, *steps: Step) -> Stage:
    state = {
        "url": f"sqlite:///{folder / 'state.sqlite3'}",
        "tokens": folder / "tokens.json",
    }
    sections = {"state": state, "discovr": {"profile": "Me"}}
    stage = Stage(steps)
    stage.job.terms = Terms(Settings.model_validate(sections), stage.every)
    stage.job._watchers = (Recorder(),)
    return stage


async def kept(stage: Stage) -> JobDocument:
    settings = stage.job.terms.settings
    async with await Ledger.open(settings.state.url) as ledger:
        document = await recall_job(ledger, settings)
    assert document is not None
    return document


async def test_the_ledger_knows_how_the_job_is_and_when_it_runs_next(
    tmp_path: Path,
) -> None:
    stage = keeping(tmp_path, Step(LOST), Step())
    play = asyncio.create_task(stage.play())
    await until(lambda: len(stage.clock.slept) > 1)  # the first is the run itself
    waiting = await kept(stage)
    assert waiting.problem == LOST.message
    assert waiting.remedy == LOST.remedy
    assert waiting.last_turn is not None
    assert waiting.last_turn.ending == "login"
    assert waiting.next_run_at is not None
    assert waiting.every_s == 21_600
    await play
    ended = await kept(stage)
    assert ended.is_healthy
    assert ended.stopped_at is not None
    assert ended.next_run_at is None
    assert ended.process == os.getpid()


async def test_a_state_that_cannot_be_written_is_said_once_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state.sqlite3").write_bytes(b"this is no database" * 100)
    job = await keeping(tmp_path, *[Step()] * 3).play()
    assert job.state.endings[Ending.DONE] == 3
    assert len(said(caplog, "job.unnoted")) == 1


async def test_a_token_store_that_is_damaged_does_not_keep_the_job_from_its_notes(
    tmp_path: Path,
) -> None:
    (tmp_path / "tokens.json").write_text("{", encoding="utf-8")
    (tmp_path / "tokens.json").chmod(0o600)
    stage = keeping(tmp_path, Step())
    await stage.play()
    assert (await kept(stage)).turns == 1


@pytest.mark.parametrize("value", [v for v in ODD_HEADERS if "\x00" not in v])
@pytest.mark.parametrize("status", [200, 429, 503])
async def test_no_header_of_a_heartbeat_ends_or_delays_the_job(
    value: str, status: int
) -> None:
    headers = {"Retry-After": value, "Date": value, "X-Ratelimit": value}
    lines = "".join(f"{name}: {v}\r\n" for name, v in headers.items())
    head = f"HTTP/1.1 {status} X\r\n{lines}Content-Length: 0\r\n\r\n"
    answer = head.encode(errors="surrogateescape")
    await check_that_the_job_goes_on(Reply(answer))


async def check_that_the_job_goes_on(answer: Reply) -> None:
    async with Loopback([answer]) as service:
        stage = pinging(service, Step(), Step())
        job = await stage.play()
    assert job.state.endings[Ending.DONE] == 2
    assert stage.gaps[0] < 21_600 * 1.1


@examples(5, 20, 150)
@given(
    st.integers(200, 599),
    st.dictionaries(
        st.sampled_from(["Retry-After", "Date", "Location", "Content-Length", "X"]),
        st.sampled_from([v for v in ODD_HEADERS if "\x00" not in v]),
    ),
    st.binary(max_size=99),
)
async def test_no_answer_to_a_heartbeat_ends_or_delays_the_job(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode(errors="surrogateescape")
    await check_that_the_job_goes_on(Reply(head + body, cuts=True))


class Breaking:
    """A watcher that does what no watcher should."""

    def __init__(self, how: BaseException | None) -> None:
        self._how = how
        self.looks = self.ended = 0

    async def __call__(self, _job: Job) -> None:
        self.looks += 1
        try:
            if self._how is not None:
                raise self._how
            await asyncio.Event().wait()
        finally:
            self.ended += 1


@pytest.mark.parametrize(
    "how",
    [
        OverflowError("date value out of range"),
        OSError(24, "Too many open files"),
        RecursionError(),
        RuntimeError("s3cret"),
        TimeoutError(),
        asyncio.CancelledError(),
        None,
    ],
    ids=lambda how: type(how).__name__,
)
async def test_nothing_that_a_watcher_does_ends_the_job(
    how: BaseException | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(job_module, "_LONGEST_LOOK_S", 0.02)
    monkeypatch.setattr(job_module, "_LAST_LOOK_S", 0.02)
    caplog.set_level(logging.INFO)
    stage = Stage([Step(), Step(), Step()])
    broken, fine = Breaking(how), Breaking(ValueError())
    stage.job._watchers = (broken, fine)
    job = await stage.play()
    assert job.state.endings[Ending.DONE] == 3
    assert broken.looks == broken.ended == fine.looks == 7
    assert said(caplog, "watcher.late" if how is None else "watcher.failed")
    assert "s3cret" not in caplog.text


async def test_a_watcher_that_hangs_does_not_hold_up_a_stop(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(job_module, "_LAST_LOOK_S", 0.02)
    stage = Stage([Step(), Step()])
    broken = Breaking(None)
    stage.job._watchers = (broken,)
    play = asyncio.create_task(stage.job.stay())
    await until(lambda: broken.looks == 1)
    play.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await play
    assert broken.looks == broken.ended
    # The first look was broken off by the stop; only the last one took too long.
    assert broken.looks == 2
    assert len(said(caplog, "watcher.late")) == 1


async def test_a_ping_takes_no_longer_than_its_bound(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(heartbeat, "_LONGEST_S", 0.05)
    async with Loopback([SILENCE]) as service:
        job = await pinging(service, Step(), Step()).play()
    assert job.state.endings[Ending.DONE] == 2
    assert said(caplog, "heartbeat.failed")


@pytest.mark.parametrize("fault", [ValueError("s3cret"), OSError(), RecursionError()])
def test_a_listener_that_raises_is_logged_once_and_ends_nothing(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[object] = []

    def listen(event: object) -> None:
        heard.append(event)
        raise fault

    tell = Listener(listen)
    for number in range(3):
        tell(Warned(str(number)))
    assert len(heard) == 3
    assert len(said(caplog, "listener.failed")) == 1
    assert "s3cret" not in caplog.text
    Listener(None)(Warned("nobody hears"))


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_fault_passes_a_listener(kind: type[BaseException]) -> None:
    def listen(_event: object) -> None:
        raise kind

    with pytest.raises(kind):
        Listener(listen)(Warned("x"))
