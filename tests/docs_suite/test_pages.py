"""Every page is followed from top to bottom, and every link leads somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from sync.config import load_settings
from sync.transform.overrides_file import read_overrides
from tests.docs_suite.pages import ROOT, anchors, blocks, links, pages, pictures
from tests.docs_suite.place import Place, check, follow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.docs_suite.pages import Block

PAGES = {str(page.relative_to(ROOT)): page for page in pages()}
FOLLOWED = {
    name: page for name, page in PAGES.items() if any(b.is_run for b in blocks(page))
}
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))
every_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)
    with Place(tmp_path) as here:
        for name, value in here.environment().items():
            monkeypatch.setenv(name, value)
        yield here


@pytest.mark.parametrize("page", FOLLOWED.values(), ids=FOLLOWED)
def test_who_follows_the_page_gets_through(page: Path, place: Place) -> None:
    for block in blocks(page):
        if block.is_run:
            _follow(block, place)


def _follow(block: Block, place: Place) -> None:
    match block.language, block.marks:
        case "sh", ():
            _run(block)
        case "python", _:
            code = compile(block.text, str(block), "exec")
            exec(code, {"__name__": "__main__"})  # noqa: S102  # our own page
        case "toml", ():
            # What the page sets counts for the commands that follow.
            (place.folder / "config.toml").write_text(block.text, encoding="utf-8")
            load_settings()
        case "toml", ("ids",):
            given = place.folder / "given.toml"
            given.write_text(block.text, encoding="utf-8")
            assert read_overrides(given)
        case "text", ():
            # A drawing, or the form of a command: nothing that could be run.
            pass
        case other:
            pytest.fail(f"{block}: nobody knows how to follow {other}")


def _run(block: Block) -> None:
    calls = block.calls()
    others = len(block.commands()) - len(calls)
    assert not others, f"{block}: {others} lines are not ours: mark the block not-run"
    for words in calls:
        result = follow(words)
        said = result.output if result else ""
        assert result is None or result.exit_code == 0, f"{block}: {words}\n{said}"


@every_page
def test_what_cannot_be_run_names_what_exists(page: Path) -> None:
    for block in blocks(page):
        if block.is_run:
            continue
        assert block.language == "sh", f"{block}: only shell commands may be not-run"
        subprocess.run(  # only reads it
            ["/bin/sh", "-n"], input=block.text, text=True, check=True
        )
        for words in block.calls():
            check(words)
        for word in (w for words in block.commands() for w in words):
            if word.startswith(("deploy/", "scripts/")) and not word.endswith(".env"):
                assert any(ROOT.glob(word)), f"{block}: {word} does not exist"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("README.md", ["--sandbox migrate", "web"]),
        ("docs/how-to/web.md", ["web", "--sandbox web"]),
    ],
)
def test_a_newcomer_has_the_program_before_the_first_line_that_calls_it(
    name: str, wanted: list[str], tmp_path: Path
) -> None:
    # What the scripts do is tried elsewhere; here, that they come first, and do it.
    fake = "mkdir -p .venv/bin; echo 'PATH=$PWD/.venv/bin:$PATH' > .venv/bin/activate\n"
    fake += "printf '#!/bin/sh\\necho \"$@\"\\n' > .venv/bin/trakt2discovr\n"
    fake += "chmod +x .venv/bin/trakt2discovr\n"
    for script in ("try", "venv"):
        (tmp_path / "scripts").mkdir(exist_ok=True)
        (tmp_path / "scripts" / script).write_text(fake, encoding="utf-8")
    # Each section by itself, as somebody begins at any of them.
    for words in wanted:
        of_section = _typed_first(PAGES[name], f"trakt2discovr {words}")
        shutil.rmtree(tmp_path / ".venv", ignore_errors=True)
        said = subprocess.run(  # only what stands in scripts/ above
            ["/bin/sh", "-eu"],
            input=of_section,
            text=True,
            check=True,
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE,
        ).stdout
        assert said.splitlines()[-1] == words


def _typed_first(page: Path, line: str) -> str:
    """Return the commands of a section up to this one, as they are typed."""
    text = page.read_text(encoding="utf-8")
    starts = [found.start() for found in re.finditer("^## ", text, re.MULTILINE)]
    (end,) = [at for at in [text.find(f"\n{line}\n```")] if at >= 0]
    first = text.count("\n", 0, max([0, *(at for at in starts if at < end)]))
    last = text.count("\n", 0, end) + 1
    of_section = [b for b in blocks(page) if first < b.line <= last]
    typed = "".join(block.text for block in of_section if block.language == "sh")
    return typed[: typed.index(f"{line}\n") + len(line) + 1]


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        if "://" in path:
            assert path.startswith("https://")
            continue
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), f"{page.name}: {target}"
        assert goal.is_relative_to(ROOT)
        assert not anchor or anchor in anchors(goal), f"{page.name}: {target}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, open_ends = set(), [ROOT / "README.md"]
    while open_ends:
        page = open_ends.pop()
        if page in reached:
            continue
        reached.add(page)
        paths = [link.partition("#")[0] for link in links(page)]
        goals = [(page.parent / path).resolve() for path in paths]
        open_ends += [goal for goal in goals if goal in PAGES.values()]
    assert reached == set(PAGES.values())


@every_page
def test_every_picture_has_words_and_asks_nobody(page: Path) -> None:
    for source, words in pictures(page):
        assert len(words.split()) > 5, f"{page.name}: {source}"
        if source.endswith(".png"):
            continue
        picture = (page.parent / source).read_text(encoding="utf-8")
        root = ET.fromstring(picture)  # noqa: S314  # our own file
        names = [element.tag.rpartition("}")[2] for element in root.iter()]
        assert names[1:3] == ["title", "desc"]
        assert "script" not in names
        assert "prefers-color-scheme: dark" in picture
        assert picture.count("://") == 1, "only the namespace may name an address"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_shown_on_a_page_to_the_letter(example: Path) -> None:
    text = example.read_text(encoding="utf-8")
    shown = [block.text for page in PAGES.values() for block in blocks(page)]
    assert text in shown, f"{example.name} is shown nowhere as it is"
