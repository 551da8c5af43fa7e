"""Who is told, from the command line: the test message, and a config that is wrong."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from sync.cli.app import app
from sync.documents.notify import NotifyDocument
from sync.wiring import notify
from tests.daemon_suite.told import Listener
from tests.loopback import Loopback, reply
from tests.secrecy import NOTIFY_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.loopback import Reply

URLS = "TRAKT2DISCOVR_NOTIFY__URLS"


@contextmanager
def listening(*replies: Reply) -> Iterator[Listener]:
    """Listen in a thread of its own, as the command has the loop of this one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = Loopback([*replies] or [reply(200)])

    def wait_for(work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(20)  # type: ignore[arg-type]

    wait_for(server.__aenter__())
    try:
        yield Listener(server)
    finally:
        wait_for(server.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def run(*args: str, **environ: str) -> Result:
    return CliRunner().invoke(app, args, env=environ)


def test_a_test_message_reaches_everybody_and_says_whom_it_did_not() -> None:
    with listening() as one, listening(reply(200), reply(500)) as two:
        urls = f"{one.url} {two.url}"
        good = run("notify", **{URLS: urls})
        bad = run("--json", "notify", "Hello there", **{URLS: urls})
        assert [message["title"] for message in one.heard] == ["trakt2discovr"] * 2
        assert "A test from" in one.heard[0]["message"]
        assert one.heard[1]["message"] == "Hello there"
    assert good.exit_code == 0
    assert good.stdout.splitlines() == [
        "Address 1 of [notify] urls: told.",
        "Address 2 of [notify] urls: told.",
    ]
    assert bad.exit_code == 4
    document = NotifyDocument.model_validate_json(bad.stdout)
    assert [each.problem is None for each in document.addresses] == [True, False]
    assert NOTIFY_TOKEN not in good.output + bad.output


@pytest.mark.parametrize(
    ("args", "urls", "words"),
    [
        (["notify"], "", "[notify] urls is not set"),
        (["--sandbox", "notify"], "json://localhost/x", "A rehearsal tells nobody"),
        (["notify"], "json://example.org/x", "jsons://"),
    ],
)
def test_where_nobody_can_be_told_it_says_so(
    args: list[str], urls: str, words: str
) -> None:
    result = run(*args, **{URLS: urls})
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize("command", [["notify"], ["sync", "--once", "--yes"]])
def test_without_the_extra_the_error_names_it(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "find_spec", lambda _name: None)
    result = run(*command, **{URLS: "json://localhost/x"})
    assert result.exit_code == 2
    assert "pip install 'trakt2discovr[notify]'" in result.stderr


def test_a_line_of_cron_with_a_wrong_config_tells_once_which_key(
    tmp_path: Path,
) -> None:
    config = tmp_path / "config.toml"
    with listening() as person:
        config.write_text(
            f'[notify]\nurls = ["{person.url}"]\n'
            "[history]\ncolapse = 'off'\n"
            f'[state]\nurl = "sqlite:///{tmp_path}/state.sqlite3"\n',
            encoding="utf-8",
        )
        config.chmod(0o600)
        for _ in range(2):
            result = run("-c", str(config), "sync", "--once", "--yes")
            assert result.exit_code == 2
        assert person.titles == ["a setting is wrong"]
        assert "colapse is unknown" in person.heard[0]["message"]
    assert NOTIFY_TOKEN not in result.output


def test_a_setting_that_is_missing_is_told_by_the_job_that_cannot_begin(
    tmp_path: Path,
) -> None:
    with listening() as person:
        env = {
            URLS: person.url,
            "TRAKT2DISCOVR_STATE__URL": f"sqlite:///{tmp_path}/state.sqlite3",
        }
        result = run("sync", "--every", "6h", **env)
        assert result.exit_code == 2
        assert person.titles == ["a setting is wrong"]
        assert "[trakt] client_id is not set" in person.heard[0]["message"]
