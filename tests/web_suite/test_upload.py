"""What becomes of a file that comes from the browser."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import stat
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from connectors.trakt.export import Limits
from sync.config import Settings
from sync.extract.remembered import note_files, recall_files, stamp
from sync.ledger import Ledger
from sync.ledger.fact_names import PROFILES
from sync.web import upload
from sync.web.upload import kept, remove, uploads_folder
from tests.clocks import FakeClock
from tests.export_builders import make_plays, make_zip
from tests.web_suite.doors import Door, opened
from tests.web_suite.people import house

if TYPE_CHECKING:
    from collections.abc import Callable

PLAYS = json.dumps(make_plays(2)).encode()
ROWS = b"type,title,year,tmdb_id,watched_at\nmovie,Heat,1995,949,2025-01-02T03:04:05Z\n"


def zipped(folder: Path, **members: Any) -> bytes:
    members = {f"{name}.json": content for name, content in members.items()}
    return make_zip(folder / "made.zip", members).read_bytes()


async def send(door: Door, content: bytes, name: str = "trakt-export-me.zip") -> str:
    """Upload a file; return what the page says."""
    answer = await door.ask("POST", "/upload", data=door.upload(content, name))
    return f"{answer.status} {await answer.text()}"


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110  # the server tells nobody
            await asyncio.sleep(0)


def left(folder: Path) -> list[Path]:
    # A folder may go while it is read, which rglob does not bear.
    return [Path(found, name) for found, _, names in os.walk(folder) for name in names]


async def test_a_download_is_kept_for_this_user_alone(tmp_path: Path) -> None:
    content = zipped(tmp_path, history=make_plays(3))
    async with opened(tmp_path) as door:
        assert (await send(door, content)).startswith("303 ")
        path = kept(door.folder)
    assert path
    assert path.read_bytes() == content
    assert path.name == "download.zip"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(door.folder.stat().st_mode) == 0o700
    assert door.move.changed == ["download.zip"]


async def test_a_new_one_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await send(door, zipped(tmp_path, history=make_plays(1)))
        (door.folder / "new-left").mkdir()
        (door.folder / "new-left" / "half").write_bytes(b"of a process that was killed")
        first = kept(door.folder)
        await send(door, PLAYS, "x.json")
        second = kept(door.folder)
        assert first != second
        assert left(door.folder) == [second]
        # One that is refused leaves the one before where it is.
        assert (await send(door, b"nothing")).startswith("400 ")
        assert left(door.folder) == [second]


@pytest.mark.parametrize(
    ("name", "kept_as"),
    [
        ("a.zip", "download.json"),
        ("history-1.json", "history.json"),
        ("history_movies.json", "history-movies.json"),
        ("export_shows_history.json", "history-shows.json"),
        ("../../../etc/passwd", "download.json"),
        ("..\\..\\history.json", "download.json"),
        ("/etc/cron.d/history", "download.json"),
        ("x" * 300 + ".json", "download.json"),
        (".json", "download.json"),
        ("<b>.json", "download.json"),
        ("a.exe", "download.json"),
    ],
)
async def test_no_name_of_the_browser_becomes_a_path(
    tmp_path: Path, name: str, kept_as: str
) -> None:
    async with opened(tmp_path) as door:
        assert (await send(door, PLAYS, name)).startswith("303 ")
        assert [path.name for path in left(door.folder)] == [kept_as]


async def test_rows_are_taken_as_well(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        assert (await send(door, ROWS, "mine.csv")).startswith("303 ")
        assert [path.name for path in left(door.folder)] == ["download.csv"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\x7fELF\0 and so on", "is no download"),
        (b"PK\x03\x04 and no more", "damaged"),
        (b"<html>Sign in</html>", "trakt-export-me.zip"),
        (b"{}", "trakt-export-me.zip"),
        (gzip.compress(PLAYS), "choose what comes out"),
        (os.urandom(4_000), "is no download from Trakt"),
    ],
    ids=["empty", "program", "half a zip", "page", "object", "gzip", "noise"],
)
async def test_what_is_no_download_is_refused_and_not_kept(
    tmp_path: Path, content: bytes, words: str
) -> None:
    async with opened(tmp_path) as door:
        said = await send(door, content)
        assert said.startswith("400 "), said
        assert words in said
        assert not left(door.folder)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("films.csv", "films.csv"),
        ("photo.jpg", "photo.jpg"),
        ("my <b>films.csv", "my <b>films.csv"),
        ("x" * 300 + ".csv", "x" * 79),
        ("...", "This file"),
    ],
)
async def test_messages_call_a_file_as_its_person_does(
    tmp_path: Path, name: str, shown: str
) -> None:
    contents = [
        b"title,year\nHeat,1995\n",
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
        "title,watched_at\nAmélie,2020\n".encode("latin-1"),
        b"PK\x03\x04 and no more",
        gzip.compress(PLAYS),
        b"[{",
    ]
    async with opened(tmp_path) as door:
        for content in contents:
            said = await send(door, content, name)
            assert said.startswith("400 ")
            assert "<b>" not in said
            words = unquote(unescape(said))
            assert shown in words
            ours = r"\b(download|history(-\w+)?)\.(zip|json|csv)\b"
            assert not re.search(ours, words.replace(shown, ""))
            acts = ("Name the zip", "folder", "path", "name that", "take it away")
            assert not [act for act in acts if act in said]
        photo = await send(door, contents[1], name)
        assert "That is a zip named like trakt-export-me.zip." in photo


async def test_a_bomb_is_refused_and_not_kept(tmp_path: Path) -> None:
    bomb = make_zip(tmp_path / "x.zip", {"history.json": b"[" + b" " * 11_000_000})
    async with opened(tmp_path) as door:
        said = await send(door, bomb.read_bytes())
        assert "over 200 times its size" in said
        assert not left(door.folder)


@pytest.mark.parametrize("content", [PLAYS, b"PK" + PLAYS])
async def test_what_is_too_large_is_refused_as_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    small = Limits(member_bytes=len(PLAYS) - 1, total_bytes=len(PLAYS) + 1)
    monkeypatch.setattr(upload, "DEFAULT_LIMITS", small)
    async with opened(tmp_path) as door:
        said = await send(door, content)
        assert "is larger than" in said
        assert not left(door.folder)


@pytest.mark.parametrize("is_cut", [True, False], ids=["cut off", "standing still"])
async def test_an_upload_that_is_broken_off_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_cut: bool
) -> None:
    monkeypatch.setattr(upload, "_LONGEST_PAUSE_S", 30 if is_cut else 0.05)
    async with opened(tmp_path) as door:
        links = door.site.links
        body = (
            '--x\r\nContent-Disposition: form-data; name="token"\r\n\r\n'
            f"{links.form}\r\n--x\r\nContent-Disposition: form-data; "
            'name="file"; filename="a.zip"\r\n\r\nPK' + "a" * 600_000
        )
        head = (
            "POST /upload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Cookie: {links.cookie_name}={links.cookie}\r\n"
            "Sec-Fetch-Site: same-origin\r\nContent-Length: 9999999\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection(*door.site.address)
        writer.write((head + body).encode())
        await writer.drain()
        await until(lambda: left(door.folder))
        if not is_cut:
            assert b" 400 " in await reader.readline()
        writer.close()
        await until(lambda: not left(door.folder))
        assert not door.move.changed


async def test_a_form_without_a_file_says_what_to_choose(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        form = door.upload(b"x", name="")
        said = await door.ask("POST", "/upload", data=form)
        assert said.status == 400
        assert "No file was chosen." in await said.text()


async def test_to_remove_it_forgets_that_it_was_the_source(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "discovr": {"profile": "Me"},
            "state": {
                "url": f"sqlite:///{tmp_path}/state.sqlite3",
                "tokens": tmp_path / "tokens.json",
            },
        }
    )
    folder, clock = uploads_folder(settings), FakeClock()
    assert folder == tmp_path / "uploads"
    async with opened(tmp_path) as door:
        await send(door, PLAYS)
    path = kept(folder)
    assert path
    own = tmp_path / "own.json"
    own.write_bytes(PLAYS)
    for paths, is_forgotten in (([own], False), ([path], True)):
        async with await Ledger.open(settings.state.url) as ledger:
            await ledger.put_facts(PROFILES, {"p": "p", "Me": "p"}, clock.now())
            await note_files(ledger, "p", await stamp(paths), clock.now())
        await remove(settings, clock)
        assert not kept(folder)
        remembered = await recall_files(settings.state.url, "Me")
        assert (remembered is None) is is_forgotten
    assert own.exists()


async def test_what_a_run_may_be_reading_is_not_replaced(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        await place.to_plan()
        before = kept(uploads_folder(place.move.settings))
        assert before
        place.discovr.latency_s = 0.02
        await place.agree()
        await place.wrote(1)
        seen = await place.upload(place.download)
        assert "Something is going on already" in seen.words
        assert kept(uploads_folder(place.move.settings)) == before
