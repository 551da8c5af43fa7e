"""Ids that a person gave for titles: how they are written, and how titles are known."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from sync.domain.plays import Kind, is_nameless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sync.domain.plays import Ids, Title

T = TypeVar("T")

#: What a title is known by, the surest first. Slugs are left out: Trakt changes them.
_SUREST = ("trakt", "imdb", "tvdb", "tmdb")
_WORDS = {Kind.FILM: "movie", Kind.SHOW: "tv"}
#: What a person writes in the place of an id to leave a title out.
SKIP = "skip"
#: A spreadsheet may write 1396 as 1396.0.
_NUMBER = re.compile(r"0*([1-9]\d{0,8})(?:[.,]0+)?")
_MEDIA = re.compile(r"(MV|TV)_([1-9]\d{0,8})")
_ADDRESS = re.compile(
    r"(?:https?://)?(?:www\.)?themoviedb\.org/(\w+)/([1-9]\d{0,8})\b", re.IGNORECASE
)
_IMDB = re.compile(
    r"(?:(?:https?://)?(?:\w+\.)?imdb\.com/(?:\w\w/)?title/)?(tt\d{5,12})\b", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Override:
    """What a person gave for a title, and what came of it.

    ``said`` is TMDB's number, or an IMDb id that leads to it, or ``SKIP``. ``tmdb`` is
    the number once it is known, ``name`` what TMDB calls it, empty while nobody asked.
    ``where`` is its place in the file.
    """

    title: Title
    said: str
    where: str = field(default="", compare=False)
    tmdb: int | None = None
    name: str = ""

    @property
    def is_skip(self) -> bool:
        """Whether it leaves the title out instead of naming it."""
        return self.said == SKIP


class TitleIndex(Generic[T]):
    """Values by title. The first that is added for a title counts.

    A title is known again by its surest id; by kind, name and year where no id of the
    two says otherwise, as downloads may lack ids. That two titles have no name makes
    them no one title.
    """

    def __init__(self, pairs: Iterable[tuple[Title, T]] = ()) -> None:
        self._by_id: dict[tuple[Kind, str, object], T] = {}
        self._by_name: defaultdict[object, list[tuple[Ids, T]]] = defaultdict(list)
        for title, value in pairs:
            self.add(title, value)

    def add(self, title: Title, value: T) -> None:
        """Remember the value under everything that the title is known by."""
        for key in _id_keys(title):
            self._by_id.setdefault(key, value)
        if not is_nameless(title):
            self._by_name[_name_key(title)].append((title.ids, value))

    def find(self, title: Title) -> T | None:
        """Return the value of a title."""
        for key in _id_keys(title):
            if key in self._by_id:
                return self._by_id[key]
        if is_nameless(title):
            return None
        for ids, value in self._by_name.get(_name_key(title), ()):
            if not _contradict(ids, title.ids):
                return value
        return None


def read_id(text: str, kind: Kind) -> str:
    """Return the TMDB number, IMDb id or ``SKIP`` that a person wrote down or pasted.

    Raises ValueError, whose text goes on after the name of the title.
    """
    text = text.strip()
    if text.casefold() == SKIP:
        return SKIP
    if match := _NUMBER.fullmatch(text):
        return match[1]
    if match := _MEDIA.fullmatch(text):
        return _of_kind(kind, {"MV": "movie", "TV": "tv"}[match[1]], match[2])
    if match := _ADDRESS.match(text):
        return _of_kind(kind, match[1].lower(), match[2])
    if match := _IMDB.match(text):
        return match[1]
    raise ValueError(
        "has a tmdb that is no number, no address of themoviedb.org, no IMDb id and "
        "not the word skip"
    )


def find_conflict(given: Iterable[Override]) -> tuple[Override, Override] | None:
    """Return two ids that were given for one title, if there are such."""
    shelves: defaultdict[object, list[Override]] = defaultdict(list)
    for one in given:
        name = _name_key(one.title)
        names = () if is_nameless(one.title) else (name,)
        for key in (*_id_keys(one.title), *names):
            for other in shelves[key]:
                is_other = key == name and _contradict(one.title.ids, other.title.ids)
                if one.said != other.said and not is_other:
                    return other, one
            shelves[key].append(one)
    return None


def digest_overrides(given: Iterable[Override]) -> str:
    """Digest which ids are in force; empty where there are none."""
    lines = sorted(f"{one.title}|{one.said}|{one.tmdb}" for one in given)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] if lines else ""


def _of_kind(kind: Kind, word: str, number: str) -> str:
    if word == _WORDS[kind]:
        return number
    found = next((k for k, w in _WORDS.items() if w == word), None)
    if found is None:
        raise ValueError("has the address of something that is no film and no show")
    raise ValueError(f"is a {kind}, and its tmdb is the id of a {found}")


def _id_keys(title: Title) -> Iterator[tuple[Kind, str, object]]:
    for name in _SUREST:
        if (value := getattr(title.ids, name)) is not None:
            yield (title.kind, name, value)


def fold_name(name: str) -> str:
    """Return a name as it is compared: case, blanks and forms of letters count not."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def _name_key(title: Title) -> object:
    return (title.kind, fold_name(title.name), title.year)


def _contradict(some: Ids, others: Ids) -> bool:
    pairs = ((getattr(some, name), getattr(others, name)) for name in _SUREST)
    return any(a != b for a, b in pairs if a is not None and b is not None)
