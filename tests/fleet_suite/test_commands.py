"""The commands of the fleet, from a table of profiles to one that is removed."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from connectors.auth.tokens import StoredToken
from connectors.clock import SystemClock
from connectors.errors import InputError
from sync.cli.app import app
from sync.fleet.database import open_database
from sync.fleet.logins import SHARED, open_store
from sync.fleet.profiles import NewProfile, Profiles
from sync.fleet.table_file import read_profiles
from sync.fleet.vault import add_key, make_key, open_vault
from sync.ledger.migrations import VERSION_TABLE
from sync.ledger.tables import metadata

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.postgres import PostgresServer

TABLE = "profile,source,every\nMe,sean,6h\nKids,,1d\n"


@dataclass
class Operator:
    """Somebody with a config, who types commands."""

    url: str
    folder: Path

    def __call__(self, *words: str) -> Result:
        env = {
            "TRAKT2DISCOVR_FLEET__URL": self.url,
            "TRAKT2DISCOVR_FLEET__KEY_FILE": str(self.folder / "fleet.key"),
            "XDG_DATA_HOME": str(self.folder),
        }
        return CliRunner().invoke(app, words, env=env)

    def json(self, *words: str) -> Any:
        return json.loads(self("--json", *words).stdout)

    def begin(self) -> None:
        """Make a fleet of those of the table."""
        self("fleet", "init")
        table = self.folder / "profiles.csv"
        table.write_text(TABLE, "utf-8")
        self("fleet", "add", str(table))


@pytest.fixture
def operator(postgres_url: str, tmp_path: Path) -> Operator:
    return Operator(postgres_url, tmp_path)


def test_a_fleet_from_its_table_to_a_profile_that_leaves(operator: Operator) -> None:
    before = operator("fleet", "status")
    assert before.exit_code == 2
    assert "trakt2discovr fleet init" in before.stderr
    done = operator("fleet", "init")
    assert (done.exit_code, "key file" in done.stdout) == (0, True)
    assert "copy it to every other machine" in " ".join(done.stdout.split())
    assert operator.json("fleet", "init")["notes"][0].startswith("The fleet is ready")
    table = operator.folder / "profiles.csv"
    table.write_text(TABLE, "utf-8")
    assert operator("fleet", "add", str(table)).exit_code == 0
    assert operator.json("fleet", "add", str(table))["count"] == 2
    found = operator.json("fleet", "list")["profiles"]
    assert [(p["profile"], p["source"], p["every_s"]) for p in found] == [
        ("Kids", "trakt", 86_400),
        ("Me", "trakt:sean", 21_600),
    ]
    status = operator.json("fleet", "status")
    assert (status["profiles"], status["to_bring_over"], status["due"]) == (2, 2, 2)
    invited = operator.json("fleet", "invite", "--url", "https://join.example.org")
    links = {i["profile"]: i["link"] for i in invited["invitations"]}
    assert links.keys() == {"Kids", "Me"}
    assert all(x.startswith("https://join.example.org/invite/") for x in links.values())
    assert operator("fleet", "invite", "--url", "http://example.org").exit_code == 2
    assert operator("fleet", "pause", "Me").exit_code == 0
    assert operator.json("fleet", "status")["paused"] == 1
    shown = operator("fleet", "list")
    assert (
        "Me: to bring over, paused, no login to Trakt, no login to Discovr "
        "(from trakt:sean, every 6h)"
    ) in shown.stdout
    assert operator("fleet", "resume", "Me").exit_code == 0
    assert operator("fleet", "due", "Me", "Kids").exit_code == 0
    wrong = operator("fleet", "due", "Me", "Nobody")
    assert wrong.exit_code == 2
    assert "no profile Nobody" in wrong.stderr
    assert operator.json("fleet", "remove", "Kids")["count"] == 1
    again = operator.json("fleet", "remove", "Kids")
    assert (again["count"], again["notes"]) == (0, ["Removed before: Kids."])
    for command in ("login", "invite", "due"):
        assert "no profile Kids" in operator("fleet", command, "Kids").stderr
    assert [p["profile"] for p in operator.json("fleet", "list")["profiles"]] == ["Me"]
    gone = operator.json("fleet", "list", "--state", "gone")["profiles"]
    assert [p["profile"] for p in gone] == ["Kids"]
    assert operator.json("fleet", "keys", "rotate")["count"] == 0
    assert operator.json("fleet", "limits")["limits"] == []
    assert "1 profile in" in operator("fleet", "status").stdout


def commands(text: str) -> list[list[str]]:
    """Return the commands of a fleet that a text names at the end of a sentence."""
    found = re.findall(r"trakt2discovr (fleet [a-z -]+)$", " ".join(text.split()))
    return [words.split() for words in found]


def test_a_lost_key_is_found_or_given_up_and_that_leads_on(operator: Operator) -> None:
    operator.begin()
    asyncio.run(keep_logins(operator))
    every = {p["profile"]: p["lacks"] for p in profiles(operator)}
    assert every == {"Kids": ["trakt", "discovr"], "Me": []}
    place, aside = operator.folder / "fleet.key", operator.folder / "aside"
    place.rename(aside)
    refused = operator("fleet", "init")
    assert (refused.exit_code, place.exists()) == (2, False)
    assert "2 logins in postgres" in refused.stderr
    assert "stop all workers" in " ".join(refused.stderr.split())
    aside.rename(place)
    assert operator("fleet", "init").exit_code == 0
    place.rename(aside)
    # Nor is another key that is there already of any use.
    make_key(place)
    refused = operator("fleet", "init")
    assert refused.exit_code == 2
    (leads_on,) = commands(refused.stderr)
    done = operator(*leads_on)
    assert done.exit_code == 0
    assert "2 logins cannot be read any more" in done.stdout
    assert commands(done.stdout) == [["fleet", "invite"]]
    links = operator.json("fleet", "invite")["invitations"]
    assert [link["profile"] for link in links] == ["Kids", "Me"]
    assert operator("fleet", "init").exit_code == 0
    assert operator.json("fleet", "keys", "rotate")["count"] == 0
    # It was given up too soon: the key comes back, and so do the logins.
    asyncio.run(waits(operator))
    other = operator.folder / "other"
    place.rename(other)
    aside.rename(place)
    assert "2 logins can be read again" in operator("fleet", "init").stdout
    assert {p["profile"]: p["lacks"] for p in profiles(operator)} == every
    assert {p["state"] for p in profiles(operator) if p["profile"] == "Me"} == {
        "active"
    }
    assert "again" not in operator("fleet", "init").stdout
    place.rename(aside)
    other.rename(place)
    operator("fleet", "init", "--new-key")
    asyncio.run(keep_logins(operator))
    assert {p["profile"]: p["lacks"] for p in profiles(operator)} == every


async def waits(operator: Operator) -> None:
    """Let everybody wait for a login, as after a run by one that cannot be read."""
    await sends(operator, "UPDATE fleet_profile SET state = 'needs_login'")


async def sends(operator: Operator, statement: str) -> None:
    async with open_database(operator.url) as database:
        await database.rows(statement)


def test_what_an_upgrade_has_to_do_is_done_before_the_key_is_missed(
    operator: Operator, postgres: PostgresServer
) -> None:
    operator("fleet", "init")
    table = operator.folder / "profiles.csv"
    table.write_text(TABLE, "utf-8")
    operator("fleet", "add", str(table))
    asyncio.run(keep_logins(operator))
    (operator.folder / "fleet.key").unlink()
    postgres.execute(f"DROP TABLE {', '.join([*metadata.tables, VERSION_TABLE])}")
    refused = operator("fleet", "init")
    assert refused.exit_code == 2
    words = " ".join(refused.stderr.split())
    assert "the user of the workers" in words.partition("--new-key")[0]
    postgres.execute("SELECT * FROM t2d_run")


def test_a_damaged_key_file_leads_on(operator: Operator) -> None:
    operator("fleet", "init")
    place = operator.folder / "fleet.key"
    place.write_text("damaged", "utf-8")
    refused = operator("fleet", "init")
    assert refused.exit_code == 2
    leads_on = commands(refused.stderr)[-1]
    assert "move it away" in refused.stderr
    place.unlink()
    assert operator(*leads_on).exit_code == 0


def test_the_login_that_serves_all_is_asked_for_by_its_own_command(
    operator: Operator,
) -> None:
    operator("fleet", "init")
    table = operator.folder / "profiles.csv"
    table.write_text("profile,login\nMe,shared\nKids,\nYou,own\n", "utf-8")
    operator("fleet", "add", str(table))
    shown = operator("fleet", "status").stdout
    assert "1 profile by your own login to Discovr, which is not in" in shown
    again = operator.json("fleet", "init")["notes"]
    assert again[1].startswith("1 profile by your own login to Discovr: check")
    asyncio.run(keep_logins(operator, None, only="discovr"))
    status = operator.json("fleet", "status")
    assert (status["shared_login"], status["without_discovr"]) == ("good", 1)
    both = ["trakt", "discovr"]
    lacks = {p["profile"]: (p["is_shared"], p["lacks"]) for p in profiles(operator)}
    assert lacks == {
        "Kids": (False, both),
        "Me": (True, ["trakt"]),
        "You": (False, both),
    }
    assert "by your own login to Discovr, no login to Trakt (" in " ".join(
        operator("fleet", "list").stdout.split()
    )
    place = operator.folder / "fleet.key"
    place.unlink()
    operator("fleet", "init", "--new-key")
    shown = operator("fleet", "status").stdout
    assert commands(shown) == [["fleet", "login", "--shared"]]
    for wrong in ([], ["Me", "--shared"], ["--shared", "--service", "trakt"]):
        assert operator("fleet", "login", *wrong).exit_code == 2
    # It has the keys of no application, and gets as far as that.
    assert "[discovr] client_id" in operator("fleet", "login", "--shared").stderr


def test_who_waits_for_the_login_that_serves_all_is_asked_for_no_other(
    operator: Operator,
) -> None:
    operator("fleet", "init")
    table = operator.folder / "profiles.csv"
    table.write_text("profile,source,login\nMe,sean,shared\n", "utf-8")
    operator("fleet", "add", str(table))
    asyncio.run(keep_logins(operator))
    asyncio.run(sends(operator, "DELETE FROM fleet_login WHERE service = 'discovr'"))
    asyncio.run(waits(operator))
    for command in (["fleet", "login", "Me"], ["fleet", "invite"]):
        said = operator(*command)
        assert said.exit_code == 2
        assert commands(said.stderr) == [["fleet", "login", "--shared"]]
    asyncio.run(sends(operator, "DELETE FROM fleet_login"))
    links = operator.json("fleet", "invite")["invitations"]
    assert [link["profile"] for link in links] == ["Me"]


def test_who_lives_by_the_login_that_serves_all_goes_on_once_its_key_is_back(
    operator: Operator,
) -> None:
    operator("fleet", "init")
    table = operator.folder / "profiles.csv"
    table.write_text("profile,login\nMe,shared\nKids,own\n", "utf-8")
    operator("fleet", "add", str(table))
    asyncio.run(keep_logins(operator, None, only="discovr"))
    place, aside = operator.folder / "fleet.key", operator.folder / "aside"
    place.rename(aside)
    operator("fleet", "init", "--new-key")
    asyncio.run(waits(operator))
    aside.rename(place)
    assert "1 login can be read again" in operator("fleet", "init").stdout
    states = {p["profile"]: p["state"] for p in profiles(operator)}
    assert states == {"Me": "active", "Kids": "needs_login"}


def test_who_waits_for_a_login_can_be_paused_and_nobody_is_due_who_rests(
    operator: Operator,
) -> None:
    operator("fleet", "init")
    table = operator.folder / "profiles.csv"
    table.write_text("profile\nMe\nKids\nYou\n", "utf-8")
    operator("fleet", "add", str(table))
    assert len(operator.json("fleet", "due", "Me", "Kids")["notes"]) == 1
    asyncio.run(waits(operator))
    assert operator("fleet", "pause", "Me").exit_code == 0
    operator("fleet", "resume", "You")
    states = {p["profile"]: p["state"] for p in profiles(operator)}
    assert states == {"Kids": "needs_login", "Me": "paused", "You": "active"}
    due = operator.json("fleet", "due", "You", "Me", "Kids")
    assert due["count"] == 1
    assert due["notes"] == [
        "1 profile due now, before all others.",
        "Me is paused. To go on: trakt2discovr fleet resume Me",
        "Kids is waiting for a login. To go on: trakt2discovr fleet login Kids",
    ]


def test_each_step_names_the_next_one(operator: Operator) -> None:
    table = operator.folder / "profiles.csv"

    def add(*lines: str) -> list[str]:
        table.write_text("\n".join(lines), "utf-8")
        notes: list[str] = operator.json("fleet", "add", str(table))["notes"]
        return notes[1:]

    work = "trakt2discovr fleet work, unless workers run already"
    assert operator.json("fleet", "init")["notes"][-1].endswith("fleet add FILE.csv")
    empty = operator("fleet", "list").stdout
    assert "no profile: trakt2discovr fleet add FILE.csv" in empty
    both = add("profile", "Me", "The kids")
    assert both[0].startswith("Next: sign in for 2 profiles, each by trakt2discovr")
    assert both[1:] == [f"Then: {work}"]
    (one, _) = add("profile", "The kids")
    assert one.endswith("trakt2discovr fleet login 'The kids'")
    asyncio.run(keep_logins(operator))
    assert add("profile", "Me") == [f"Next: {work}"]
    download = operator.folder / "a.zip"
    download.touch()
    shared = add("profile,source,login", "You,a.zip,shared")
    assert commands(shared[0]) == [["fleet", "login", "--shared"]]
    again = operator.json("fleet", "init")["notes"]
    assert again[-1].startswith("Next: trakt2discovr fleet work. After an upgrade")
    rotated = operator.json("fleet", "keys", "rotate")["notes"]
    assert rotated[1].startswith("Next: copy this file to every other machine")
    paused = operator("fleet", "list", "--state", "paused").stdout
    assert paused == "No profile of the fleet is paused.\n"


def test_a_download_asks_for_no_login_to_trakt(operator: Operator) -> None:
    """Nor does it wait any longer for that of the account which was read before."""
    operator("fleet", "init")
    table = operator.folder / "profiles.csv"
    table.write_text("profile,source\nMe,sean", "utf-8")
    operator("fleet", "add", str(table))
    asyncio.run(waits(operator))
    (operator.folder / "a.zip").touch()
    table.write_text("profile,source\nMe,a.zip", "utf-8")
    operator("fleet", "add", str(table))
    assert [p["state"] for p in profiles(operator)] == ["active"]
    refused = operator("fleet", "login", "--service", "trakt", "Me")
    assert refused.exit_code == 2
    assert "needs no login to Trakt" in refused.stderr
    assert "fleet add FILE" in refused.stderr


def test_each_next_step_reads_the_config_that_was_read(operator: Operator) -> None:
    """Another one, or none, would lead to another fleet."""
    config = operator.folder / "fleet.toml"
    config.touch()
    told = operator.json("-c", str(config), "fleet", "init")["notes"]
    empty = operator("-c", str(config), "fleet", "list").stdout
    for text in (told[-1], empty):
        assert f"trakt2discovr -c {config} fleet add FILE.csv" in text.replace(
            "\n", " "
        )


def test_whose_login_goes_with_another_source_is_said(operator: Operator) -> None:
    operator("fleet", "init")
    table = operator.folder / "profiles.csv"

    def add(*lines: str) -> list[str]:
        table.write_text("\n".join(["profile,source,note", *lines]), "utf-8")
        notes: list[str] = operator.json("fleet", "add", str(table))["notes"]
        return [note for note in notes if "forgotten" in note]

    assert add("Me,sean,the attic", "You,ann,") == []
    asyncio.run(keep_logins(operator))
    asyncio.run(keep_logins(operator, "You"))
    assert add("Me,Sean,", "You,Ann,") == []
    gone = "These have another source now, so their logins to Trakt were forgotten: "
    assert add("Me,mia,the attic", "You,ann,") == [f"{gone}Me."]
    asyncio.run(keep_logins(operator))
    assert add("Me,x,the attic", "You,y,") == [f"{gone}Me and You."]
    assert add("Me,z,the attic", "You,trakt,") == []
    (link,) = operator.json("fleet", "invite", "Me")["invitations"]
    assert (link["source"], link["note"]) == ("trakt:z", "the attic")
    assert operator("fleet", "list").stdout.startswith("Me (the attic): to bring over")


def test_who_waits_for_the_login_that_serves_all_is_led_to_it(
    operator: Operator,
) -> None:
    operator("fleet", "init")
    table = operator.folder / "profiles.csv"
    names = [f"-{n}" for n in range(7)]
    rows = [f"{name},trakt,shared" for name in names]
    table.write_text("\n".join(["profile,source,login", *rows]), "utf-8")
    operator("fleet", "add", str(table))
    asyncio.run(waits(operator))
    (due,) = operator.json("fleet", "due", "--", *names)["notes"]
    assert due.startswith("-0, -1, -2, -3, -4 and 2 more are waiting for a login.")
    assert commands(due) == [["fleet", "invite"]]
    for name in names:
        asyncio.run(keep_logins(operator, name, only="trakt"))
    (due,) = operator.json("fleet", "due", "--", *names)["notes"]
    assert commands(due) == [["fleet", "login", "--shared"]]
    asyncio.run(sends(operator, "UPDATE fleet_profile SET state = 'paused'"))
    (due,) = operator.json("fleet", "due", "--", "-0")["notes"]
    assert due.endswith("trakt2discovr fleet resume -- -0")
    assert operator("fleet", "resume", "--", "-0").exit_code == 0


def test_no_key_is_added_beside_a_login_that_cannot_be_read(
    operator: Operator,
) -> None:
    operator.begin()
    asyncio.run(keep_logins(operator))
    place = operator.folder / "fleet.key"
    place.unlink()
    make_key(place)
    before = place.read_bytes()
    refused = operator("fleet", "keys", "rotate")
    assert (refused.exit_code, place.read_bytes()) == (2, before)
    assert "2 logins in postgres" in refused.stderr
    (leads_on,) = commands(refused.stderr)
    assert operator(*leads_on).exit_code == 0
    assert operator("fleet", "keys", "rotate").exit_code == 0


def test_the_login_that_serves_all_is_forgotten_by_its_own_command(
    operator: Operator,
) -> None:
    operator("fleet", "init")
    assert operator("fleet", "logout").exit_code == 2
    assert operator.json("fleet", "logout", "--shared")["count"] == 0


def profiles(operator: Operator) -> list[Any]:
    found: list[Any] = operator.json("fleet", "list")["profiles"]
    return found


async def keep_logins(
    operator: Operator,
    name: str | None = "Me",
    *,
    only: str | None = None,
    ends_in: timedelta | None = None,
) -> None:
    """Sign a profile in, with the key of the moment; without a name for all."""
    async with open_database(operator.url) as database:
        owner = SHARED
        if name:
            (profile,) = await Profiles(database).find([name])
            owner = profile.id
        vault = open_vault(operator.folder / "fleet.key")
        store = await open_store(database, vault, owner)
        now = SystemClock().now()
        token = StoredToken(
            refresh_token="r",
            obtained_at=now,
            expires_at=now + ends_in if ends_in else None,
        )
        for service in [only] if only else ["trakt", "discovr"]:
            await store.keep(service, token)


def test_only_the_demo_is_a_rehearsal(operator: Operator) -> None:
    wrong = operator("--sandbox", "fleet", "status")
    assert wrong.exit_code == 2
    assert "trakt2discovr --sandbox fleet demo" in " ".join(wrong.stderr.split())
    assert operator("fleet", "demo").exit_code == 2


def test_another_kind_of_database_is_refused(tmp_path: Path) -> None:
    operator = Operator(f"sqlite:///{tmp_path}/state.sqlite3", tmp_path)
    wrong = operator("fleet", "status")
    assert wrong.exit_code == 2
    assert "names no PostgreSQL" in wrong.stderr


def test_a_database_that_is_down_is_said_without_its_password(tmp_path: Path) -> None:
    operator = Operator("postgresql://me:hidden@127.0.0.1:1/fleet", tmp_path)
    wrong = operator("fleet", "status")
    assert wrong.exit_code == 2
    assert "fleet on 127.0.0.1:1 cannot be used" in wrong.stderr
    assert "hidden" not in wrong.output


def test_a_download_is_found_beside_the_table(tmp_path: Path) -> None:
    (tmp_path / "kids.zip").write_bytes(b"")
    table = tmp_path / "profiles.csv"
    table.write_text("source,profile,note\nkids.zip,Kids,of the house\n", "utf-8-sig")
    assert read_profiles(table) == [
        NewProfile(
            "Kids", str(tmp_path / "kids.zip"), timedelta(hours=6), "of the house"
        )
    ]


def test_a_user_whose_name_a_file_has_is_not_taken_for_a_download(
    tmp_path: Path,
) -> None:
    (tmp_path / "sean").mkdir()
    table = tmp_path / "profiles.csv"
    table.write_text("profile,source\nMe,sean\n", "utf-8")
    with pytest.raises(InputError, match=r"write trakt:sean or \./sean"):
        read_profiles(table)
    table.write_text("profile,source\nMe,trakt:sean\nYou,./sean\n", "utf-8")
    sources = [profile.source for profile in read_profiles(table)]
    assert sources == ["trakt:sean", str(tmp_path / "sean")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has the columns none"),
        ("name\nMe\n", "has the columns name"),
        ("profile,secret\nMe,x\n", "has the columns profile, secret"),
        ("profile\n", "names no profile"),
        ("profile,every\nMe,often\n", "line 2: 'often' is no interval"),
        ("profile,source\nMe,gone.zip\n", "line 2: there is no download"),
        ("profile,source\n,sean\n", "line 2: the profile is missing"),
        ("profile,login\nMe,mine\n", "line 2: the login is own or shared, not 'mine'"),
        ("profile\nMe\nYou\nMe\n", "the profile Me stands there more than once"),
        ("profile,source\nMe,sean,6h\n", "more values than columns"),
    ],
)
def test_a_table_that_is_wrong_is_refused_line_by_line(
    tmp_path: Path, text: str, said: str
) -> None:
    table = tmp_path / "profiles.csv"
    table.write_text(text, "utf-8")
    with pytest.raises(InputError) as caught:
        read_profiles(table)
    assert said in caught.value.message


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "profiles.csv"
    with pytest.raises(InputError, match="cannot be read"):
        read_profiles(table)
    table.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not text in UTF-8"):
        read_profiles(table)
    table.write_text('profile,note\nMe,"' + "x" * 200_000, "utf-8")
    with pytest.raises(InputError, match="quotation mark"):
        read_profiles(table)


def test_a_user_without_rights_is_told_which(
    postgres: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    postgres.execute(
        "DROP ROLE IF EXISTS poor; CREATE ROLE poor LOGIN PASSWORD 'poor'; "
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    )
    url = postgres_url.replace(f"tester:{postgres.password}", "poor:poor")
    wrong = Operator(url, tmp_path)("fleet", "init")
    assert wrong.exit_code == 2
    assert "The fleet's tables cannot be made" in wrong.stderr
    assert "poor:poor" not in wrong.output


def test_a_change_of_the_key_is_finished_before_another_begins(
    operator: Operator,
) -> None:
    operator.begin()
    asyncio.run(keep_logins(operator))
    place = operator.folder / "fleet.key"
    add_key(place)  # and then it was killed
    begun = place.read_text("ascii")
    finished = operator.json("fleet", "keys", "rotate")
    assert (finished["count"], place.read_text("ascii")) == (2, begun)
    assert "That finishes the last change" in finished["notes"][1]
    again = operator.json("fleet", "keys", "rotate")
    assert again["notes"][0].startswith("2 logins encrypted with a new key")
    keys = place.read_text("ascii").split()
    assert (len(keys), keys[1]) == (2, begun.split()[0])


def test_a_login_that_ends_soon_is_told_and_asked_for_in_time(
    operator: Operator,
) -> None:
    operator.begin()
    for name in ("Me", None):
        asyncio.run(keep_logins(operator, name, ends_in=timedelta(days=13)))
    (me,) = (p for p in profiles(operator) if p["profile"] == "Me")
    assert (me["lacks"], bool(me["login_ends_at"])) == ([], True)
    assert "login to Discovr good until" in operator("fleet", "list").stdout
    status = operator.json("fleet", "status")
    assert (status["ending_logins"], bool(status["shared_login_ends_at"])) == (1, True)
    shown = " ".join(operator("fleet", "status").stdout.split())
    assert "1 login to Discovr ends within two weeks: trakt2discovr fleet inv" in shown
    assert "The login that serves all is good until" in shown
    invited = operator.json("fleet", "invite")
    assert [i["profile"] for i in invited["invitations"]] == ["Kids", "Me"]
    assert invited["is_for_this_machine"] is True
    asyncio.run(keep_logins(operator, ends_in=timedelta(days=15)))
    invited = operator.json("fleet", "invite", "--url", "https://join.example.org")
    assert [i["profile"] for i in invited["invitations"]] == ["Kids"]
    assert invited["is_for_this_machine"] is False
    assert operator.json("fleet", "status")["ending_logins"] == 0


def test_who_loses_the_key_is_told_of_the_login_that_serves_all_too(
    operator: Operator,
) -> None:
    operator.begin()
    asyncio.run(keep_logins(operator, None, only="discovr"))
    (operator.folder / "fleet.key").unlink()
    done = operator("fleet", "init", "--new-key")
    assert done.exit_code == 0
    assert "trakt2discovr fleet login --shared" in " ".join(done.stdout.split())
    asyncio.run(keep_logins(operator, None, only="discovr"))
    assert "fleet login --shared" not in operator("fleet", "init").stdout


def test_no_link_is_handed_out_where_nobody_can_be_served(operator: Operator) -> None:
    operator.begin()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = operator("fleet", "invite", "--listen", f"127.0.0.1:{port}")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert f"127.0.0.1:{port}" in refused.stderr
