"""Telling a person, through Apprise and with a real service at the other end."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from connectors.auth.tokens import StoredToken, TokenStore
from connectors.errors import AuthError, ConfigError
from sync.config import Settings
from sync.daemon import teller
from sync.daemon.heartbeat import ping
from sync.daemon.job import Terms
from sync.daemon.messages import reason
from sync.daemon.teller import Teller, tell_of_run
from sync.daemon.turn import Ending, failed_turn
from sync.wiring import notify
from tests.clocks import FakeClock
from tests.daemon_suite.stages import Stage, Step, said
from tests.daemon_suite.told import (
    AT_ONCE,
    DOWN,
    ERRORS,
    LOST,
    START,
    listener,
    telling,
    turn,
)
from tests.loopback import CUT, SILENCE, Loopback, Reply, reply
from tests.secrecy import NOTIFY_TOKEN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOST_AND_FOUND = ["a login is lost", "all is well again"]


def staged(settings: Settings, *steps: Step) -> Stage:
    """Return a job that tells by these settings; it begins anew with each call."""
    stage = Stage(steps)
    stage.job.terms = Terms(settings, stage.every)
    stage.job._watchers = (Teller(),)
    return stage


async def lines_of_cron(settings: Settings, endings: Sequence[Ending]) -> None:
    """Run ``sync --once`` so often, six hours apart; each knows but the ledger."""
    for number, ending in enumerate(endings):
        await tell_of_run(settings, turn(ending, 6.0 * number), FakeClock())


async def test_a_job_tells_of_a_trouble_once_and_of_its_end_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with listener() as person:
        steps = [Step(LOST)] * 3 + [Step(DOWN), Step(LOST), Step(), Step()]
        await staged(telling(tmp_path, person.url), *steps).play()
        bad, good = person.heard
        assert person.titles == LOST_AND_FOUND
    assert "trakt2discovr (Me)" in bad["title"]
    assert LOST.message in bad["message"]
    assert LOST.remedy in bad["message"]
    assert (bad["type"], good["type"]) == ("failure", "success")
    assert LOST.message in good["message"]
    assert NOTIFY_TOKEN not in caplog.text
    assert len(said(caplog, "notify.sent")) == 2


async def test_a_message_names_commands_as_they_have_to_be_typed(
    tmp_path: Path,
) -> None:
    def complete(text: str) -> str:
        return re.sub("trakt2discovr (?!-c)", "trakt2discovr -c c.toml ", text)

    lost = AuthError("It is lost.", remedy="Log in: trakt2discovr login trakt")
    async with listener() as person:
        settings = telling(tmp_path, person.url)
        stage = staged(settings, Step(lost))
        stage.job._watchers = (Teller(complete),)
        await stage.play()
        at = stage.clock.now()
        other = failed_turn(ConfigError("It is wrong.", remedy=lost.remedy), at, at)
        await tell_of_run(settings, other, FakeClock(), complete)
    for heard in person.heard:
        assert "Log in: trakt2discovr -c c.toml login trakt" in heard["message"]
    assert len(person.heard) == 2


async def test_a_job_that_was_started_anew_knows_what_was_told(tmp_path: Path) -> None:
    async with listener() as person:
        settings = telling(tmp_path, person.url)
        await staged(settings, Step(LOST), Step(LOST)).play()
        await staged(settings, Step(LOST)).play()
        await staged(settings, Step(), Step()).play()
        await staged(settings, Step()).play()
        assert person.titles == LOST_AND_FOUND


@pytest.mark.parametrize("ending", [Ending.GUARD, Ending.CONFIG])
async def test_a_line_of_cron_tells_once_too(tmp_path: Path, ending: Ending) -> None:
    async with listener() as person:
        settings = telling(tmp_path, person.url)
        await lines_of_cron(settings, [*[ending] * 3, Ending.DONE, Ending.DONE])
        assert len(person.titles) == 2
        assert ERRORS[ending].message in person.heard[0]["message"]
        assert person.titles[1] == "all is well again"


async def test_an_address_that_failed_is_told_later_and_the_others_not_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = [Ending.LOGIN] * 4 + [Ending.DONE]
    async with listener() as well, listener(reply(500), CUT, reply(200)) as shaky:
        await lines_of_cron(telling(tmp_path, well.url, shaky.url), script)
        assert well.titles == LOST_AND_FOUND
        assert shaky.titles == [*["a login is lost"] * 3, "all is well again"]
    failed = said(caplog, "notify.failed")
    assert all("Address 2 of" in line.getMessage() for line in failed)
    assert len(failed) == 2
    assert NOTIFY_TOKEN not in caplog.text


async def test_one_who_never_heard_of_the_trouble_hears_of_no_recovery(
    tmp_path: Path,
) -> None:
    async with listener(reply(500), reply(200)) as person:
        await lines_of_cron(
            telling(tmp_path, person.url), [Ending.LOGIN, Ending.DONE, Ending.DONE]
        )
        assert len(person.heard) == 1


class Raising:
    """What a service of a stranger may do."""

    def __init__(self, fault: BaseException) -> None:
        self._fault = fault

    def __call__(self, _url: str) -> Any:
        raise self._fault


@pytest.mark.parametrize(
    "fault", [ValueError(NOTIFY_TOKEN), RecursionError(), SystemExit(3), None]
)
async def test_nothing_that_a_service_does_ends_or_delays_a_run(
    fault: BaseException | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(notify, "LONGEST_S", 0.02)
    async with listener(SILENCE) as person:
        if fault is not None:
            monkeypatch.setattr(notify, "_plugin", Raising(fault))
        stage = staged(telling(tmp_path, person.url), Step(LOST), Step(LOST), Step())
        job = await stage.play()
    assert job.state.endings == {Ending.LOGIN: 2, Ending.DONE: 1}
    assert len(set(stage.gaps)) == 1
    assert len(said(caplog, "notify.failed")) == 2
    assert not said(caplog, "watcher.late", "watcher.failed")
    assert NOTIFY_TOKEN not in caplog.text


async def test_without_a_ledger_a_job_still_tells_once(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite3").write_bytes(b"this is no database" * 100)
    async with listener() as person:
        settings = telling(tmp_path, person.url)
        await staged(settings, *[Step(ERRORS[Ending.STATE])] * 3, Step()).play()
        assert len(person.titles) == 2


async def test_what_is_in_the_ledger_holds_no_address(tmp_path: Path) -> None:
    async with listener() as person:
        await lines_of_cron(telling(tmp_path, person.url), [Ending.LOGIN])
    assert files_with(NOTIFY_TOKEN, tmp_path) == []


async def test_a_month_brings_four_summaries_whatever_is_started_anew(
    tmp_path: Path,
) -> None:
    async with listener() as person:
        settings = telling(tmp_path, person.url, weekly=True)
        for hours in range(0, 24 * 30, 48):
            this = turn(Ending.DONE, hours, plays=900, written=2, unmatched=3)
            await tell_of_run(settings, this, FakeClock())
        assert person.titles == ["the week"] * 4
    message = person.heard[1]["message"]
    assert "3 runs, 3 of them well; 6 entries written." in message
    assert "Of 900 plays, 3 found no match and 0 cannot be read." in message


async def test_a_login_that_ends_soon_is_announced_once(tmp_path: Path) -> None:
    ends_at = START + timedelta(days=15)
    async with listener() as person:
        settings = telling(tmp_path, person.url)
        token = StoredToken(refresh_token="rt_x", obtained_at=START, expires_at=ends_at)
        TokenStore(settings.state.tokens).save("discovr", token)
        await lines_of_cron(settings, [Ending.DONE] * 12)
        assert person.titles == ["a login ends soon"]
    assert "trakt2discovr login discovr" in person.heard[0]["message"]


def files_with(text: str, folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if text.encode() in path.read_bytes()]


# The heartbeat of a single run.


async def pings(folder: Path, endings: Sequence[Ending]) -> list[str]:
    async with Loopback([reply(200)]) as service:
        settings = telling(folder, heartbeat=f"{service.url}/ping")
        await lines_of_cron(settings, endings)
        return service.asked


@pytest.mark.parametrize("ending", [Ending.DOWN, Ending.BUSY])
async def test_a_single_run_raises_no_alarm_for_an_outage_that_passes(
    tmp_path: Path, ending: Ending
) -> None:
    script = [Ending.DONE, *[ending] * 4, Ending.DONE]
    assert await pings(tmp_path, script) == ["GET /ping"] * 2


async def test_an_outage_that_has_lasted_a_day_is_an_alarm(tmp_path: Path) -> None:
    script = [Ending.DONE, *[Ending.DOWN] * 6, Ending.DONE]
    assert await pings(tmp_path, script) == [
        "GET /ping",
        *["POST /ping/fail"] * 2,
        "GET /ping",
    ]


@pytest.mark.parametrize("ending", AT_ONCE)
async def test_an_alarm_carries_its_reason(ending: Ending) -> None:
    async with Loopback([reply(200)]) as service:
        heartbeat = {"heartbeat": f"{service.url}/ping"}
        settings = Settings.model_validate({"sync": heartbeat})
        this = turn(ending, 0)
        await ping(settings, FakeClock(), is_good=False, words=reason(this))
        (asked,) = service.received
    body = asked.body.decode()
    assert asked.headers["content-type"].startswith("text/plain")
    assert ERRORS[ending].message in body
    assert ERRORS[ending].remedy in body
    assert body.startswith(ending.value)


async def test_a_service_that_takes_no_post_still_hears_of_the_failure(
    tmp_path: Path,
) -> None:
    def answer(_number: int, received: Any) -> Reply:
        return reply(405 if received.method == "POST" else 200)

    async with Loopback(made=answer) as service:
        settings = telling(tmp_path, heartbeat=f"{service.url}/ping")
        await lines_of_cron(settings, [Ending.LOGIN])
        assert service.asked == ["POST /ping/fail", "GET /ping/fail"]


# The setting.


async def test_without_the_extra_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError) as caught:
        notify.addresses(telling(tmp_path, "json://localhost/x"))
    assert "pip install 'trakt2discovr[notify]'" in caught.value.remedy
    assert notify.addresses(telling(tmp_path)) == []


@pytest.mark.parametrize(
    "url",
    [
        NOTIFY_TOKEN,
        f"{NOTIFY_TOKEN}://",
        f"json://example.org/{NOTIFY_TOKEN}",
        f"json://user:{NOTIFY_TOKEN}@192.0.2.1",
        f"gotify://example.org/{NOTIFY_TOKEN}",
        f"json://[{NOTIFY_TOKEN}/",
    ],
)
def test_an_address_that_is_wrong_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError, match=r"\[notify\] urls: address 2") as caught:
        Settings.model_validate({"notify": {"urls": ["tgram://x/y", url]}})
    assert NOTIFY_TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("tgram://a/b", 1),
        ("json://localhost/?to=a,b  jsons://x", 2),
        ("mailto://u:p@x.org?to=a@b.c,d@e.f,tgram://a/b", 2),
        (" ntfy://topic,\n slack://x/y/z ", 2),
    ],
)
def test_the_environment_holds_them_one_after_another(text: str, count: int) -> None:
    settings = Settings.model_validate({"notify": {"urls": text}})
    assert len(settings.notify.urls or ()) == count
    assert "tgram" not in repr(settings)


async def test_a_memory_of_another_version_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listener() as person:
        settings = telling(tmp_path, person.url)
        monkeypatch.setattr(teller._MEMORY, "dump_python", lambda *_, **__: {"late": 1})
        await lines_of_cron(settings, [Ending.DONE])
        monkeypatch.undo()
        await lines_of_cron(settings, [Ending.LOGIN] * 2)
        assert person.titles == ["a login is lost"]
