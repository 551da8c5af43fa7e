"""The file that a person fills in: nothing of hers is lost, nothing wrong gets by."""

from __future__ import annotations

import csv
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import InputError
from sync.documents.left_out import (
    LeftOutDocument,
    TitleDocument,
    UnmatchedDocument,
)
from sync.domain.desired import NO_ID, SPECIAL
from sync.domain.overrides import Override
from sync.domain.plays import Ids, Kind, Title
from sync.transform.overrides_file import (
    SETTLED,
    YOURS,
    read_overrides,
    write_unmatched,
)
from tests.long import examples

if TYPE_CHECKING:
    from pathlib import Path

FORMS = pytest.mark.parametrize("suffix", ["toml", "csv"])


def left(name: str, kind: Any = "film", reason: str = NO_ID, **ids: Any) -> Any:
    title = TitleDocument(kind=kind, title=name, year=2009, ids=ids)
    return LeftOutDocument(title=title, plays=2, reason=reason)


def listing(*names: str, specials: tuple[str, ...] = ()) -> UnmatchedDocument:
    return UnmatchedDocument(
        unmatched=tuple(left(n, trakt=i) for i, n in enumerate(names, 1)),
        unsupported=tuple(left(n, "show", SPECIAL, tmdb=7) for n in specials),
        quarantined=(),
    )


def fill_in(path: Path, **ids: str) -> None:
    """Do what a person does: put an id beside a title, and nothing else."""
    text = path.read_text(encoding="utf-8")
    for name, value in ids.items():
        if path.suffix == ".toml":
            head, found, tail = text.partition(f'title = "{name}"')
            text = head + found + tail.replace('tmdb = ""', f'tmdb = "{value}"', 1)
        else:
            text = text.replace(f"film,{name},2009,,", f"film,{name},2009,{value},")
    path.write_text(text, encoding="utf-8", newline="")


def said(path: Path) -> dict[str, str]:
    return {one.title.name: one.said for one in read_overrides(path)}


@FORMS
def test_a_new_file_has_everything_known_and_nothing_filled_in(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"ids.{suffix}"
    write_unmatched(path, listing("Our Summer", "Film Two", specials=("Who",)))
    assert read_overrides(path) == []
    text = path.read_text(encoding="utf-8")
    assert "https://www.themoviedb.org/search/movie?query=Our+Summer" in text
    if suffix == "toml":
        assert "the number of its page between the quotes of tmdb" in text
        content = tomllib.loads(text)
        first, other = content["title"]
        assert other["title"] == "Film Two"
        assert content["not_possible"][0]["title"] == "Who"
        assert "tmdb" not in content["not_possible"][0]
    else:
        with path.open(encoding="utf-8", newline="") as file:
            first, other, special = csv.DictReader(file)
        assert other["title"] == "Film Two"
        assert (special["title"], special["tmdb"]) == ("Who", "")
        assert special["known_tmdb"] == "7"
        first["ids"] = {"trakt": int(first["trakt"])}
    assert first["tmdb"] == ""
    assert first["ids"] == {"trakt": 1}
    assert (first["kind"], int(first["year"]), int(first["plays"])) == ("film", 2009, 2)
    assert first["reason"] == NO_ID


@FORMS
def test_what_was_filled_in_stays_when_the_list_is_written_again(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"ids.{suffix}"
    write_unmatched(path, listing("A", "B", "C", specials=("Who",)))
    fill_in(path, A="550", C="https://www.themoviedb.org/movie/603-the-matrix")
    # A is matched by now, B has gone, C is still open, E is new.
    later = UnmatchedDocument(
        unmatched=(left("C", trakt=3), left("E", trakt=5)),
        unsupported=(left("Other", "show", SPECIAL),),
        quarantined=(),
    )
    names = [Override(Title(Kind.FILM, "A", 2009, Ids(trakt=1)), "550", name="Fight")]
    write_unmatched(path, later, names=names)
    assert said(path) == {"A": "550", "C": "603"}
    text = path.read_text(encoding="utf-8")
    assert "https://www.themoviedb.org/movie/603-the-matrix" in text
    assert (text.count(YOURS), text.count(SETTLED), text.count(NO_ID)) == (1, 1, 2)
    assert text.count("Fight") == 1
    assert "Who" not in text
    assert "Other" in text
    again = path.read_bytes()
    write_unmatched(path, later, names=names)
    assert path.read_bytes() == again


@FORMS
def test_ids_from_another_file_come_along(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"ids.{suffix}"
    write_unmatched(path, listing("A", "B"))
    fill_in(path, B="5")
    title = Title(Kind.FILM, "A", 2009, Ids(trakt=1))
    gone = Title(Kind.SHOW, "Gone", None)
    others = [
        Override(title, "550", name="Fight Club (1999)"),
        Override(Title(Kind.FILM, "B", 2009), "6"),
        Override(gone, "tt0903747"),
    ]
    write_unmatched(path, listing("A", "B"), others)
    assert said(path) == {"A": "550", "B": "5", "Gone": "tt0903747"}
    assert "Fight Club (1999)" in path.read_text(encoding="utf-8")


def test_comments_keys_and_columns_of_the_person_s_own_stay(tmp_path: Path) -> None:
    toml, table = tmp_path / "ids.toml", tmp_path / "ids.csv"
    toml.write_text(
        'format = "trakt2discovr/ids"\n# mine\n[[title]]  # this one\nkind = "film"\n'
        'title = "A"\nyear = 2009\nnote = "ask Ann"\ntmdb = 550 # sure\n[my]\nx = 1\n',
        encoding="utf-8",
    )
    table.write_text(
        "\N{ZERO WIDTH NO-BREAK SPACE}note;kind;title;year;tmdb\r\n"
        'ask Ann;film;"A;\n""B""";2009;550\r\n',
        encoding="utf-8",
        newline="",
    )
    for path in (toml, table):
        write_unmatched(path, listing("New"))
        text = path.read_text(encoding="utf-8")
        assert "ask Ann" in text
        assert "New" in text
        assert list(said(path).values()) == ["550"]
    assert text.startswith("\N{ZERO WIDTH NO-BREAK SPACE}note;kind;title;year;tmdb;")
    written = toml.read_text(encoding="utf-8")
    assert all(w in written for w in ("# mine", "# this one", "550 # sure", "[my]"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.toml", b'[trakt]\nclient_id = "x"\n', "was not written by trakt2discovr"),
        ("a.toml", b"[[title\n", "is not valid TOML"),
        ("a.toml", b'format = "trakt2discovr/ids"\ntitle = 3\n', "no [[title]]"),
        ("a.toml", b'format = "trakt2discovr/ids"\ntitle = [3]\n', "no [[title]]"),
        ("a.toml", b'x = "\xe4"\n', "is not UTF-8 text"),
        ("a.csv", b"one,two\n1,2\n", "was not written by trakt2discovr"),
        ("a.csv", b"", "was not written by trakt2discovr"),
        ("a.csv", b"kind,title,tmdb\nfilm,A,5,6\n", "line 2"),
        ("a.csv", b'kind,title,tmdb\nfilm,A,"5" 6\n', "line 2"),
        ("a.csv", b"kind,title,tmdb\nfilm,\xe4,5\n", "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_something_else_is_refused_and_left_as_it_is(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for attempt in (
        lambda: read_overrides(path),
        lambda: write_unmatched(path, listing()),
    ):
        with pytest.raises(InputError) as caught:
            attempt()
        assert path.name in caught.value.message
        assert words in caught.value.message
        assert str(path) in caught.value.remedy
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_titles_in_one_line_are_refused_before_they_are_mixed(tmp_path: Path) -> None:
    path = tmp_path / "ids.toml"
    content = (
        'format = "trakt2discovr/ids"\n'
        'title = [{ kind = "film", title = "A", year = 2009, tmdb = 550 }]\n'
    )
    path.write_text(content, encoding="utf-8")
    assert said(path) == {"A": "550"}
    with pytest.raises(InputError):
        write_unmatched(path, listing("B"))
    assert path.read_text(encoding="utf-8") == content


@FORMS
def test_every_wrong_entry_is_named_at_once_with_its_place(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"ids.{suffix}"
    write_unmatched(path, listing("A", "B", "C", "D"))
    fill_in(path, A="soon", C="https://www.themoviedb.org/tv/1396-x", D="550")
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        read_overrides(path)
    message = caught.value.message
    word, first, third = ("entry", 1, 3) if suffix == "toml" else ("line", 2, 4)
    assert f"{word} {first} (A (2009)) has a tmdb that is no number" in message
    assert f"{word} {third} (C (2009)) is a film, and its tmdb is the id of a show" in (
        message
    )
    assert "(D" not in message
    with pytest.raises(InputError):
        write_unmatched(path, listing("A", "B"))
    assert path.read_bytes() == before


def test_one_title_with_two_ids_is_named_with_both_places(tmp_path: Path) -> None:
    path = tmp_path / "ids.csv"
    path.write_text(
        "kind,title,year,tmdb,trakt\nfilm,A,2009,5,1\nfilm,a,2009,6,\n"
        "film,A,2009,5,\nhouse,B,x,7,\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as caught:
        read_overrides(path)
    message = caught.value.message
    assert (
        "line 2 (A (2009)) and line 3 (a (2009)) are one title with two ids" in message
    )
    assert "line 5 does not fit at kind" in message


def test_a_message_is_fit_for_a_terminal_whatever_the_title(tmp_path: Path) -> None:
    path = tmp_path / "ids.toml"
    write_unmatched(path, listing("\x1b[31mRed" + "x" * 500))
    text = path.read_text(encoding="utf-8").replace('tmdb = ""', 'tmdb = "soon"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_overrides(path)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 250


def test_a_link_stays_a_link_and_the_rights_stay_what_they_were(
    tmp_path: Path,
) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    write_unmatched(real, listing("A"))
    real.chmod(0o640)
    link.symlink_to(real)
    write_unmatched(link, listing("A", "B"))
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert "B" in real.read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_unmatched(tmp_path / "nowhere" / "ids.toml", listing("A"))


NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1
).filter(str.strip)


@examples(25, 50, 300)
@FORMS
@given(names=st.lists(NAMES, unique_by=lambda n: n.casefold(), max_size=4))
def test_titles_of_any_letters_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, names: list[str]
) -> None:
    path = tmp_path_factory.mktemp("any") / f"ids.{suffix}"
    titles = [Title(Kind.FILM, n, None, Ids(trakt=i)) for i, n in enumerate(names, 1)]
    ids = [Override(title, str(i)) for i, title in enumerate(titles, 1)]
    nothing = UnmatchedDocument(unmatched=(), unsupported=(), quarantined=())
    for _ in range(2):
        write_unmatched(path, nothing, ids)
        assert [(one.title, one.said) for one in read_overrides(path)] == [
            (one.title, one.said) for one in ids
        ]
