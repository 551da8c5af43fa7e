"""An address of a server that cannot be meant is refused in words, whoever reads it."""

from __future__ import annotations

import re
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.errors import ConfigError, ServiceError
from sync.cli.app import app
from sync.fleet.connecting import connecting
from sync.fleet.database import open_database, read_url
from sync.ledger import Ledger
from sync.ledger.database import choose_backend
from sync.ledger.errors import StateError
from tests.commands import every_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.postgres import PostgresServer

SECRET = "s3cret"  # made up
#: Where nobody answers, so that what is fine ends as a server that cannot be reached.
NOBODY = "127.0.0.1:1"

_logins = st.sampled_from(
    [
        "u@",
        "u:s3cret@",
        ":s3cret@",
        ":@",
        "u:@",
        "@",
        "u:s3@s3cret@",
        "u:s3/s3cret@",
        "u:s3?s3cret@",
        "u:%73%zz@",
        "u/s3cret@",
        "u:s3cret",
        "u:s3cret:x@",
        "u@x:s3cret@",
        "u:[s3cret]@",
        "u:#s3cret@",
        "u:s3@s3cret?sslmode=x@",
        "u:s3@s3cret/x@",
        "",
    ]
)
_hosts = st.sampled_from(
    [
        "h",
        "::1",
        "[::1",
        "::1]",
        "[::1]",
        "[]",
        "[",
        "h1,h2",
        "h1:1,h2:2",
        "[::1]x",
        "%2Frun",
        "h%00",
        "h%",
        "[fe80::1%eth0]",
        ",",
        "h]",
        "[::1]]",
        "h\n",
        "�",
        "",
    ]
)
_ports = st.sampled_from(
    [*[":", ":1", ":abc", ":0", ":-1", ":65536", ":1,2", ""], ":" + "9" * 5_000]
)
_paths = st.sampled_from(["/", "/d", "/d@x", "//", "/d%00", "/%", "/d/e", "/�", ""])
_options = st.sampled_from(
    [
        "host=a",
        "host=a:1",
        "host=[::1]:1",
        "host=/run",
        "host=",
        "host=a,b",
        "host=a@b",
        "port=1",
        "port=abc",
        "port=1,2",
        "port=0",
        "port=",
        "plugin=x",
        "dbname=s3cret@h",
        "sslmode=verify-full",
        "sslmode",
        "sslmode=",
        "=x",
        "%=%",
        "user=me@x",
        "user=a",
        "password=s3cret",
        "sslpassword=s3cret",
        "application_name=%00",
        "options=-c%20a=b",
        "channel_binding=require",
        "connect_timeout=10",
        "connect_timeout=x",
        "hostaddr=::1",
        "keepalives_idle=30",
        "sslrootcert=system",
        "replication=true",
        "timezone=UTC",
    ]
)
_addresses = st.builds(
    lambda scheme, login, host, port, path, options: (
        f"{scheme}{login}{host}{port}{path}{'?' * bool(options)}{'&'.join(options)}"
    ),
    st.sampled_from(["postgresql://", "postgres://", "postgresql+psycopg://"]),
    _logins,
    _hosts,
    _ports,
    _paths,
    st.lists(_options, max_size=4),
)


def as_state(url: str) -> str:
    backend = choose_backend(url)
    backend.create_engine().dispose()
    return backend.place


def as_fleet(url: str) -> str:
    connecting(read_url(url))
    return as_state(url)  # its ledgers are there too


@settings(max_examples=400)
@given(_addresses)
@example("postgresql://u@h/d?plugin=x")
@example("postgresql://u@h/d?port=abc")
@example("postgresql://u@h/d?port=1,2")
@example("postgresql://u@h/d?host=a&host=b&port=1&port=2&port=3")
@example("postgresql://u:s3cret@h:54e2/d")
@example("postgresql://u:s3cret@[::1/d")
@example("postgresql://u:s3cret@h1:5432,h2:5432/d")
@pytest.mark.parametrize(
    ("read", "setting"), [(as_state, "[state] url"), (as_fleet, "[fleet] url")]
)
def test_an_address_is_understood_or_refused_with_a_remedy(
    read: Callable[[str], str], setting: str, url: str
) -> None:
    said, error = answer(read, url)
    assert SECRET not in said
    if error:
        assert setting in error.message
        assert error.remedy != ConfigError.default_remedy


def answer(read: Callable[[str], str], url: str) -> tuple[str, ConfigError | None]:
    """Return what is shown of an address, with the error that it came to."""
    try:
        return read(url), None
    except ConfigError as error:
        return "".join(traceback.format_exception(error)), error


@pytest.mark.parametrize(
    ("end", "host"),
    [
        ("[::1]5432/d", "read"),
        ("[::1]x/d", "read"),
        ("h:0/d", "port"),
        ("h/d?port=0", "port"),
    ],
)
def test_no_part_of_an_address_is_dropped_in_silence(end: str, host: str) -> None:
    for read in (as_state, as_fleet):
        with pytest.raises(ConfigError, match=host):
            read(f"postgresql://u@{end}")


async def state(url: str) -> None:
    async with await Ledger.open(url):
        pass


async def fleet(url: str) -> None:
    async with open_database(url):
        pass


#: Options that libpq takes, with a value that is right and one that is not.
VALUES = [
    ("application_name", "me", None),
    ("channel_binding", "prefer", "x"),
    ("client_encoding", "UTF8", None),
    ("connect_timeout", "10", "x"),
    ("fallback_application_name", "me", None),
    ("gssencmode", "disable", "x"),
    ("keepalives", "1", "x"),
    ("keepalives_count", "3", "x"),
    ("keepalives_idle", "30", "x"),
    ("keepalives_interval", "10", "x"),
    ("load_balance_hosts", "random", "x"),
    ("options", "-c%20work_mem%3D8MB", None),
    ("sslcompression", "0", None),
    ("sslmode", "prefer", "x"),
    ("sslsni", "1", "x"),
    ("target_session_attrs", "any", "x"),
    ("tcp_user_timeout", "9000", "x"),
]


@pytest.mark.parametrize("option", VALUES, ids=lambda option: option[0])
@pytest.mark.parametrize("opening", [state, fleet])
async def test_options_of_libpq_serve_a_fleet_as_well(
    postgres: PostgresServer, opening: Any, option: tuple[str, str, str | None]
) -> None:
    name, right, wrong = option
    await opening(f"{postgres.url()}?{name}={right}")
    if wrong is None:
        return
    with pytest.raises((ConfigError, StateError)) as caught:
        await opening(f"postgresql://u:s3cret@{NOBODY}/d?{name}={wrong}")
    assert caught.value.remedy
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "remedy"),
    [
        ("channel_binding=require", "Write prefer"),
        ("hostaddr=127.0.0.1", "as the host"),
        ("sslmode=x", "behind its ?"),
        ("sslnegotiation=x", "behind its ?"),
        ("connect_timeout=x", "whole seconds"),
        ("require_auth=scram-sha-256", "Leave it out"),
        ("sslrootcert=system", "Name a file"),
    ],
)
async def test_what_a_fleet_cannot_follow_is_named(option: str, remedy: str) -> None:
    with pytest.raises(ConfigError, match=option.partition("=")[0]) as caught:
        await fleet(f"postgresql://u:s3cret@{NOBODY}/d?{option}")
    assert remedy in caught.value.remedy
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["u:s3cret@h", "sqlite:///x?y", "mysql://u:s3cret@h/d", "postgresql:/h/d"]
)
async def test_what_is_no_server_is_no_address_of_a_fleet(url: str) -> None:
    with pytest.raises(ServiceError, match="names no PostgreSQL") as caught:
        await fleet(url)
    assert SECRET not in str(caught.value)


#: Of each kind one: the driver, a port, brackets, hosts, an option, and an @ too many.
WRONG = [
    "d?plugin=x",
    "d?port=abc",
    "d?host=a&host=b&port=1",
    "d?channel_binding",
    "@/d",
]
CONFIG = """
trakt = { client_id = "a", client_secret = "b", api_url = "HERE", auth_url = "HERE" }
discovr = { client_id = "c", api_url = "HERE" }
[state]
url = "URL"
[fleet]
url = "URL"
"""


@pytest.mark.parametrize("wrong", [*WRONG, "h:54e2/d", "[::1/d", "h1:1,h2:2/d"])
def test_no_command_takes_a_wrong_address_for_a_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.chdir(tmp_path)
    named, config = tmp_path / "named.json", tmp_path / "config.toml"
    named.write_text("profile,source,every\n", "utf-8")
    url = f"postgresql://u:{SECRET}@{'h/' * wrong.startswith('d')}{wrong}"
    config.write_text(
        CONFIG.replace("URL", url).replace("HERE", f"http://{NOBODY}"), "utf-8"
    )
    config.chmod(0o600)
    told = set()
    for words in every_command(tmp_path):
        done = CliRunner().invoke(app, ["-c", str(config), *words])
        assert done.exit_code in {0, 2, 3, 4}, (words, done.output)
        assert SECRET not in done.output
        if found := re.search(r"setting (\[\w+\] url)", done.output):
            told.add((words[0], found[1]))
    assert {("fleet", "[fleet] url"), ("status", "[state] url")} <= told
    assert len(told) > 8
