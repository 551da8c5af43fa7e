"""Two id files: what is filled in where no run looks is told."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from sync.cli.app import app
from sync.documents.left_out import (
    LeftOutDocument,
    TitleDocument,
    UnmatchedDocument,
)
from sync.domain.desired import NO_ID
from sync.events import Warned
from sync.ledger import Ledger
from sync.transform.overrides import OverrideBook
from sync.transform.overrides_file import read_overrides, write_unmatched
from tests.clocks import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from sync.events import Event

SUFFIXES = ("toml", "csv")
SUMMER, WINTER = "Our Summer", "Our Winter"


def listing() -> UnmatchedDocument:
    return UnmatchedDocument(
        unmatched=tuple(
            LeftOutDocument(
                title=TitleDocument(
                    kind="film", title=name, year=2009, ids={"trakt": n}
                ),
                plays=2,
                reason=NO_ID,
            )
            for n, name in enumerate((SUMMER, WINTER), 1)
        ),
        unsupported=(),
        quarantined=(),
    )


def fill_in(path: Path, name: str, number: str) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".toml":
        head, found, tail = text.partition(f'title = "{name}"')
        text = head + found + tail.replace('tmdb = ""', f'tmdb = "{number}"', 1)
    else:
        text = text.replace(f"film,{name},2009,,", f"film,{name},2009,{number},")
    path.write_text(text, encoding="utf-8", newline="")


async def written(folder: Path, *names: str) -> tuple[Path, ...]:
    """Write the list to one file after another, as ``unmatched --out`` does."""
    paths = tuple(folder / name for name in names)
    async with await Ledger.open(f"sqlite:///{folder}/state.db") as ledger:
        book = OverrideBook(ledger, FakeClock())
        for path in paths:
            await book.write(path, listing())
    return paths


async def read(folder: Path) -> tuple[dict[str, str], list[str]]:
    """Return the ids that a run goes by, and what it warns of."""
    told: list[Event] = []
    async with await Ledger.open(f"sqlite:///{folder}/state.db") as ledger:
        given = await OverrideBook(ledger, FakeClock(), None, told.append).read(
            is_kept=True
        )
    warnings = [event.message for event in told if isinstance(event, Warned)]
    return {one.title.name: one.said for one in given}, warnings


@pytest.mark.parametrize("first", SUFFIXES)
@pytest.mark.parametrize("last", SUFFIXES)
@pytest.mark.parametrize(
    ("in_first", "in_last", "unused"),
    [
        ({}, {}, []),
        ({SUMMER: "1"}, {SUMMER: "1"}, []),
        ({}, {SUMMER: "1"}, []),
        ({SUMMER: "1"}, {}, [SUMMER]),
        ({SUMMER: "1"}, {SUMMER: "2"}, [SUMMER]),
        ({SUMMER: "1", WINTER: "3"}, {SUMMER: "1"}, [WINTER]),
        ({SUMMER: "1", WINTER: "3"}, {WINTER: "4"}, [SUMMER, WINTER]),
    ],
)
async def test_ids_in_the_file_that_no_run_reads_are_named(
    tmp_path: Path,
    first: str,
    last: str,
    in_first: dict[str, str],
    in_last: dict[str, str],
    unused: list[str],
) -> None:
    old, new = await written(tmp_path, f"one.{first}", f"other.{last}")
    for path, ids in ((old, in_first), (new, in_last)):
        for name, number in ids.items():
            fill_in(path, name, number)
    ids, warnings = await read(tmp_path)
    assert ids == in_last
    assert len(warnings) == bool(unused)
    for name in unused:
        assert name in warnings[0]
        assert str(old) in warnings[0]
        assert str(new) in warnings[0]


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_a_list_beside_it_in_the_other_form_is_seen_too(
    tmp_path: Path, suffix: str
) -> None:
    """Nobody said ``--out``: it was made by hand, or before files were noted."""
    (path,) = await written(tmp_path, f"unmatched.{suffix}")
    other = path.with_suffix(".csv" if suffix == "toml" else ".toml")
    write_unmatched(other, listing())
    fill_in(other, SUMMER, "7")
    _, (warning,) = await read(tmp_path)
    assert str(other) in warning
    other.write_text("anything else\n", encoding="utf-8")
    assert (await read(tmp_path))[1] == []


async def test_one_that_was_written_and_cannot_be_read_any_more_is_named(
    tmp_path: Path,
) -> None:
    old, _ = await written(tmp_path, "one.toml", "other.toml")
    old.write_text("[[", encoding="utf-8")
    _, (warning,) = await read(tmp_path)
    assert f"{old} cannot be read" in warning


async def test_where_the_last_one_is_gone_the_others_are_named(tmp_path: Path) -> None:
    old, new = await written(tmp_path, "one.csv", "other.toml")
    fill_in(old, SUMMER, "7")
    new.unlink()
    _, (warning,) = await read(tmp_path)
    assert str(old) in warning


def test_the_command_of_the_warning_goes_on_with_the_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, list(words))
        assert result.exit_code == 0, result.output[-2000:]
        return result.stdout

    run("--sandbox", "migrate", "--yes")
    for name in ("unmatched.csv", "unmatched.toml"):
        run("--sandbox", "unmatched", "--out", name)
    csv, toml = tmp_path / "unmatched.csv", tmp_path / "unmatched.toml"
    given = next(iter(json.loads(run("--sandbox", "--json", "unmatched"))["unmatched"]))
    name = given["title"]["title"]
    text = csv.read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if f",{name}" in line)
    cells = row.split(",,", 1)
    csv.write_text(text.replace(row, ",603,".join(cells)), encoding="utf-8")
    assert read_overrides(csv)
    (warning,) = json.loads(run("--sandbox", "--json", "plan"))["warnings"]
    assert name in warning
    command = warning.partition("trakt2discovr ")[2]
    run(*shlex.split(command))
    assert json.loads(run("--sandbox", "--json", "plan"))["warnings"] == []
    assert not read_overrides(toml)
