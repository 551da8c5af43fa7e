"""``doctor`` on this machine: config, software, folders, token store and database."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import pytest

from connectors.auth.tokens import TokenStore
from connectors.errors import ConfigError
from sync.checkup.config import check_config, check_software
from sync.checkup.doctor import examine
from sync.checkup.findings import Cause, Finding, Verdict
from sync.checkup.notify import check_notify
from sync.checkup.state import check_database, check_token_store
from sync.config import Settings, exposed_secrets
from sync.ledger import Ledger
from sync.wiring import notify
from tests.ledger_suite.factories import AT, PROFILE, make_operations
from tests.postgres import postgres, postgres_url
from tests.secrecy import NOTIFY_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.postgres import PostgresServer

__all__ = ["postgres", "postgres_url"]
TIDY = {"trakt": {"client_id": "id", "client_secret": "secret"}}


def settings_of(folder: Path, **sections: dict[str, Any]) -> Settings:
    state = {"url": f"sqlite:///{folder}/state.db", "tokens": folder / "tokens.json"}
    return Settings.model_validate({"state": state, **TIDY, **sections})


def complaints(findings: Iterable[Finding]) -> list[Finding]:
    fine = (Verdict.OK, Verdict.UNCHECKED)
    return [finding for finding in findings if finding.verdict not in fine]


def one(findings: Iterable[Finding]) -> Finding:
    (finding,) = complaints(findings)
    assert finding.remedy
    return finding


def make_state(folder: Path) -> Path:
    async def fill() -> None:
        async with await Ledger.open(f"sqlite:///{folder}/state.db") as ledger:
            run = await ledger.start_run(PROFILE, "migrate", AT)
            await ledger.intend(run, make_operations(200), AT)

    asyncio.run(fill())
    return folder / "state.db"


def look_at_database(settings: Settings) -> list[Finding]:
    return asyncio.run(check_database(settings))


def test_a_tidy_config_gives_no_complaint_and_is_named(tmp_path: Path) -> None:
    place = tmp_path / "config.toml"
    place.touch(mode=0o600)
    findings = list(check_config(settings_of(tmp_path), place))
    assert complaints(findings) == []
    assert str(place) in findings[0].text
    (nowhere,) = check_config(settings_of(tmp_path), None)
    assert "no file" in nowhere.text


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"trakt": {**TIDY["trakt"], "concurrency": 32}}, "[trakt] concurrency"),
        ({"discovr": {"concurrency": 64}}, "[discovr] concurrency"),
        ({"discovr": {"requests_per_second": 500}}, "requests_per_second"),
        ({"tmdb": {"api_url": "https://tmdb.example.org/3"}}, "tmdb.example.org"),
        ({"trakt": {"client_id": "id"}}, "client_secret is not set"),
        ({"trakt": {}}, "nobody is there to ask for air dates"),
    ],
)
def test_a_suspicious_value_is_named_with_its_remedy(
    tmp_path: Path, sections: dict[str, Any], words: str
) -> None:
    finding = one(check_config(settings_of(tmp_path, **sections), None))
    assert words in finding.text
    assert finding.verdict is Verdict.WARNING


def test_addresses_of_this_machine_are_not_suspicious(tmp_path: Path) -> None:
    here = {"api_url": "http://127.0.0.1:8080", "requests_per_second": 1000}
    assert complaints(check_config(settings_of(tmp_path, discovr=here), None)) == []


def test_a_config_that_others_can_read_is_named_if_it_may_hold_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "config.toml"
    place.touch(mode=0o600)
    place.chmod(0o644)
    settings = settings_of(tmp_path, discovr={"refresh_token": "rt_hidden"})
    finding = one(check_config(settings, place))
    assert "[discovr] refresh_token" in finding.text
    assert "rt_hidden" not in str(finding)
    assert finding.remedy == f"Run: chmod 600 {place}"
    # What the environment brings does not stand in the file.
    for name in ("DISCOVR__REFRESH_TOKEN", "TRAKT__CLIENT_SECRET"):
        monkeypatch.setenv(f"TRAKT2DISCOVR_{name}", "anything")
    assert complaints(check_config(settings, place)) == []


@pytest.mark.parametrize(
    ("url", "is_secret"),
    [
        ("postgresql://me:s3cret@host/state", True),
        ("postgresql://me:s3c/ret@host/state", True),
        ("postgresql+psycopg://me:s3cret@[::1]:5432/state", True),
        ("postgresql://host/state?user=me&password=s3cret", True),
        ("postgresql://me@host/state?sslmode=require&sslpassword=s3cret", True),
        ("postgresql://me@host/state?pass%77ord=s3cret", True),
        ("postgresql://me@host/state?oauth_client_secret=s3cret", True),
        ("postgresql://me@host/state?scram_client_key=s3cret", True),
        ("postgresql://me@host:5432/state?sslmode=require", False),
        ("postgresql:///state", False),
        ("sqlite:////home/me:x@y/state.sqlite3", False),
    ],
)
@pytest.mark.parametrize("section", ["state", "fleet"])
def test_the_password_of_a_database_is_a_secret(
    tmp_path: Path, section: str, url: str, *, is_secret: bool
) -> None:
    file = tmp_path / "config.toml"
    file.touch()
    file.chmod(0o644)
    settings = Settings.model_validate({section: {"url": url}})
    exposed = exposed_secrets(settings, file)
    assert (f"[{section}] url" in (exposed or "")) is is_secret
    assert "s3c" not in f"{exposed} {settings!r}"


def test_every_setting_that_is_hidden_is_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.touch()
    file.chmod(0o644)
    hidden = [
        (section, name, "SecretStr, ..." in str(key.annotation))
        for section, part in Settings()
        for name, key in type(part).model_fields.items()
        if "SecretStr" in str(key.annotation)
    ]
    assert len(hidden) > 6
    for section, name, is_several in hidden:
        secret = "https://hidden.example.org/s3cret"
        given = {section: {name: [secret] if is_several else secret}}
        exposed = exposed_secrets(Settings.model_validate(given), file)
        assert f"[{section}] {name})" in (exposed or ""), (section, name)


async def test_a_wrong_config_ends_the_check_up_early(tmp_path: Path) -> None:
    wrong = ConfigError("[trakt] client_ids is unknown.", remedy="Correct it.")
    diagnosis = await examine(wrong, None)
    first, *others = diagnosis.findings
    assert (first.check, first.cause) == ("config", Cause.CONFIG)
    assert "client_ids" in first.text
    assert {f.verdict for f in others} == {Verdict.OK, Verdict.UNCHECKED}
    assert diagnosis.requests == {}


def test_the_software_is_named_with_its_versions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (finding,) = check_software()
    assert finding.verdict is Verdict.OK
    version = ".".join(map(str, sys.version_info[:3]))
    assert f"Python {version}" in finding.text
    assert f"SQLite {sqlite3.sqlite_version}" in finding.text
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    (finding,) = check_software()
    assert finding.verdict is Verdict.PROBLEM


def test_a_state_that_is_not_there_yet_is_fine_and_stays_away(tmp_path: Path) -> None:
    deep = tmp_path / "deep" / "down"
    findings = look_at_database(settings_of(deep))
    assert complaints(findings) == []
    assert "the first run makes" in findings[0].text
    assert "none yet" in findings[1].text
    assert list(tmp_path.iterdir()) == []


def test_a_sound_state_is_described_and_left_as_it_is(tmp_path: Path) -> None:
    path = make_state(tmp_path)
    before = path.read_bytes()
    findings = look_at_database(settings_of(tmp_path))
    assert complaints(findings) == []
    assert "schema " in findings[1].text
    assert "undamaged" in findings[1].text
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_damaged_page_is_found(tmp_path: Path) -> None:
    path = make_state(tmp_path)
    content = bytearray(path.read_bytes())
    content[-4096:-2048] = b"\xff" * 2048
    path.write_bytes(content)
    finding = one(look_at_database(settings_of(tmp_path)))
    assert "is damaged" in finding.text
    assert (finding.check, finding.cause) == ("state database", Cause.CONFIG)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"nonsense" * 1000)
    finding = one(look_at_database(settings_of(tmp_path)))
    assert "is not a database" in finding.text


def test_a_state_of_a_newer_program_is_named(tmp_path: Path) -> None:
    with closing(sqlite3.connect(make_state(tmp_path))) as connection, connection:
        connection.execute("UPDATE t2d_version SET version_num = '9999'")
    finding = one(look_at_database(settings_of(tmp_path)))
    assert "newer version" in finding.text
    assert "Update trakt2discovr" in (finding.remedy or "")


def test_a_state_of_an_older_program_and_an_empty_one_are_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_state(tmp_path)
    monkeypatch.setattr("sync.ledger.database.HEAD", "9999")
    findings = look_at_database(settings_of(tmp_path))
    assert "brings it up to date" in findings[1].text
    (tmp_path / "state.db").write_bytes(b"")
    findings = look_at_database(settings_of(tmp_path))
    assert "the first run fills it" in findings[1].text


def test_a_state_that_another_program_locks_is_named(tmp_path: Path) -> None:
    path = make_state(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        url = {"url": f"sqlite:///{path}?timeout=0.05"}
        finding = one(look_at_database(settings_of(tmp_path, state=url)))
    assert "is locked by another program" in finding.text


def test_a_state_in_memory_is_doubted(tmp_path: Path) -> None:
    finding = one(look_at_database(settings_of(tmp_path, state={"url": "sqlite://"})))
    assert "in memory" in finding.text


def test_an_address_of_no_known_kind_is_a_matter_of_the_config(tmp_path: Path) -> None:
    url = {"url": "mysql://host/name"}
    finding = one(look_at_database(settings_of(tmp_path, state=url)))
    assert finding.cause is Cause.CONFIG


def test_postgresql_is_asked_for_its_version(tmp_path: Path, postgres_url: str) -> None:
    settings = settings_of(tmp_path, state={"url": postgres_url})
    (finding,) = look_at_database(settings)
    assert "PostgreSQL" in finding.text
    assert "the first run fills it" in finding.text
    assert "tester:" not in finding.text
    away = settings_of(tmp_path, state={"url": "postgresql://u:pw@127.0.0.1:1/d"})
    gone = one(look_at_database(away))
    assert "cannot be reached" in gone.text
    assert "pw" not in str(gone)


@pytest.mark.parametrize(
    ("rights", "options", "what", "remedy"),
    [
        ("", "role=pg_monitor", "no schema that its user may use", "right to create"),
        (
            "GRANT USAGE ON SCHEMA public TO pg_monitor",
            "role=pg_monitor",
            "does not let its user create tables",
            "GRANT USAGE, CREATE ON SCHEMA public TO pg_monitor",
        ),
        ("", "default_transaction_read_only=on", "it is read-only", "primary server"),
    ],
)
def test_postgresql_that_denies_what_a_first_run_does_is_named_before_it(
    tmp_path: Path,
    postgres: PostgresServer,
    postgres_url: str,
    rights: str,
    options: str,
    what: str,
    remedy: str,
) -> None:
    postgres.execute(rights)
    url = f"{postgres_url}?options={quote(f'-c {options}')}"
    found = one(look_at_database(settings_of(tmp_path, state={"url": url})))
    assert what in found.text
    assert remedy in (found.remedy or "")
    assert found.cause is Cause.CONFIG


async def test_postgresql_that_denies_what_a_later_run_does_is_named(
    tmp_path: Path, postgres: PostgresServer, postgres_url: str
) -> None:
    await (await Ledger.open(postgres_url)).close()
    postgres.execute("GRANT USAGE ON SCHEMA public TO pg_monitor")
    postgres.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO pg_monitor")
    url = f"{postgres_url}?options=-c%20role%3Dpg_monitor"
    settings = settings_of(tmp_path, state={"url": url})
    (found,) = await check_database(settings)
    assert "denies what its user has to do" in found.text
    # Once the tables are there and its own to change, nothing more is needed.
    postgres.execute(
        "GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO pg_monitor"
    )
    (found,) = await check_database(settings)
    assert found.verdict is Verdict.OK


def test_a_folder_that_cannot_be_is_named() -> None:
    findings = look_at_database(settings_of(Path("/dev/null/deep")))
    folder = findings[0]
    assert (folder.check, folder.verdict) == ("state folder", Verdict.PROBLEM)
    assert "/dev/null" in folder.text


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("free_mib", "verdict"),
    [(10, Verdict.PROBLEM), (100, Verdict.WARNING), (1000, Verdict.OK)],
)
def test_a_disk_that_is_nearly_full_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mib: int, verdict: Verdict
) -> None:
    usage = Usage(2**40, 0, free_mib * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage)
    folder, _ = look_at_database(settings_of(tmp_path))
    assert folder.verdict is verdict
    assert f"{free_mib:,} MiB" in folder.text


def test_a_drive_without_a_write_ahead_log_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stubborn(sqlite3.Connection):
        """SQLite on a drive that cannot share memory stays with its old journal."""

        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            return super().execute(sql.replace("= WAL", "= DELETE"), *args)

    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **kw: connect(*args, factory=Stubborn, **kw)
    )
    finding = one(look_at_database(settings_of(tmp_path)))
    assert "no write-ahead log" in finding.text
    assert finding.cause is Cause.CONFIG


def test_a_token_store_only_you_can_read_is_fine(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    (none_yet,) = check_token_store(settings)
    assert "none yet" in none_yet.text
    assert list(tmp_path.iterdir()) == []
    TokenStore(settings.state.tokens).check()
    (there,) = check_token_store(settings)
    assert there.verdict is Verdict.OK
    assert "logins: none" in there.text


def test_a_token_store_that_others_can_read_stops_before_any_request(
    tmp_path: Path,
) -> None:
    settings = settings_of(tmp_path, discovr={"refresh_token": "rt_x"})
    TokenStore(settings.state.tokens).check()
    settings.state.tokens.chmod(0o644)
    diagnosis = asyncio.run(examine(settings, None))
    finding = one(diagnosis.findings)
    assert (finding.check, finding.cause) == ("token store", Cause.CONFIG)
    assert "chmod 600" in (finding.remedy or "")
    assert diagnosis.findings[-1].verdict is Verdict.UNCHECKED
    assert diagnosis.requests == {}


def test_a_token_store_in_a_folder_of_everybody_is_named(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    TokenStore(settings.state.tokens).check()
    tmp_path.chmod(0o777)
    finding = one(check_token_store(settings))
    assert "can replace the file" in finding.text
    assert "chmod go-w" in (finding.remedy or "")
    tmp_path.chmod(0o1777)  # where nobody can rename the files of others
    assert complaints(check_token_store(settings)) == []


def test_a_token_store_of_another_user_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path)
    TokenStore(settings.state.tokens).check()
    monkeypatch.setattr("os.geteuid", lambda: 4711)
    assert "belongs to another user" in one(check_token_store(settings)).text


@pytest.mark.parametrize("content", ["{", "[]", '{"trakt": {"access_token": 1}}'])
def test_a_token_store_that_cannot_be_understood_is_named(
    tmp_path: Path, content: str
) -> None:
    settings = settings_of(tmp_path)
    settings.state.tokens.write_text(content, encoding="utf-8")
    settings.state.tokens.chmod(0o600)
    assert one(check_token_store(settings)).cause is Cause.CONFIG


def test_a_token_store_that_takes_no_renewed_login_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path)
    TokenStore(settings.state.tokens).check()
    # Root may write anywhere, so the system's answer is given for it.
    monkeypatch.setattr("os.access", lambda _place, _mode: False)
    assert "a renewed login would be lost" in one(check_token_store(settings)).text


def test_who_is_told_is_looked_at_without_sending(tmp_path: Path) -> None:
    """Port 1 answers nobody; an address that Apprise does not know is a problem."""
    urls = [f"json://127.0.0.1:1/{NOTIFY_TOKEN}", f"nothing://{NOTIFY_TOKEN}"]
    settings = settings_of(tmp_path, notify={"urls": urls})
    known, unknown = check_notify(settings)
    assert (known.verdict, unknown.verdict) == (Verdict.OK, Verdict.PROBLEM)
    assert "JSON" in known.text
    assert unknown.cause is Cause.CONFIG
    assert "address 2 of [notify] urls" in unknown.text
    assert NOTIFY_TOKEN not in f"{known}{unknown}"
    assert not list(check_notify(settings_of(tmp_path)))


def test_addresses_in_a_file_that_others_can_read_are_exposed(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("", encoding="utf-8")
    file.chmod(0o644)
    settings = settings_of(tmp_path, notify={"urls": ["json://localhost/x"]})
    assert "[notify] urls" in (exposed_secrets(settings, file) or "")


def test_without_the_extra_doctor_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "find_spec", lambda _name: None)
    settings = settings_of(tmp_path, notify={"urls": ["json://localhost/x"]})
    found = one(check_notify(settings))
    assert found.cause is Cause.CONFIG
    assert "trakt2discovr[notify]" in (found.remedy or "")
