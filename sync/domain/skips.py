"""Titles that a person wants left out: how they are written, and which are meant."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from sync.domain.overrides import fold_name
from sync.domain.plays import Kind, Title, is_nameless, title_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: Catalogues whose ids can be written with their name before them.
CATALOGUES = ("tmdb", "imdb", "tvdb", "trakt", "slug")
_KINDS = {
    "film": Kind.FILM,
    "movie": Kind.FILM,
    "movies": Kind.FILM,
    "show": Kind.SHOW,
    "shows": Kind.SHOW,
    "series": Kind.SHOW,
    "tv": Kind.SHOW,
}
_ADDRESS = re.compile(
    r"https?://(?:[^/?#]*@)?(?P<host>[^/?#:]*)(?::\d+)?(?P<path>/[^?#]*)?",
    re.IGNORECASE,
)
#: An address as it is often copied: without what stands before the name of the site.
_BARE_ADDRESS = re.compile(
    r"(?P<host>(?:[\w-]+\.)*(?:trakt\.tv|themoviedb\.org|imdb\.com))(?P<path>/[^?#]*)",
    re.IGNORECASE,
)
_LANGUAGE = r"(?:/[a-z]{2}(?:-[a-z]{2})?)?"
_ON_TRAKT = re.compile(
    rf"{_LANGUAGE}/(movies|shows)/([^/]+)(/seasons\b)?", re.IGNORECASE
)
_ON_TMDB = re.compile(
    rf"{_LANGUAGE}/(movie|tv)/0*([1-9]\d{{0,8}})(?!\d)[^/]*(/season\b)?", re.IGNORECASE
)
_ON_IMDB = re.compile(rf"{_LANGUAGE}/title/(tt\d{{5,12}})(?!\d)", re.IGNORECASE)
_MEDIA = re.compile(r"(MV|TV)_0*([1-9]\d{0,8})", re.IGNORECASE)
_IMDB = re.compile(r"tt\d{5,12}", re.IGNORECASE)
_NUMBER = re.compile(r"0*([1-9]\d{0,17})")
_SLUG = re.compile(r"[\w-]+")
_ID = re.compile(rf"(?:({'|'.join(_KINDS)})\s*:\s*)?(\w+)\s*:\s*(\S+)", re.IGNORECASE)
_YEAR = re.compile(r"(.*\S)\s*\((\d{4})\)")
#: How like a title what was written has to be, to be taken for a slip of the pen.
_NEAR, _NEAR_ID = 0.6, 0.85

_EXAMPLES = (
    "write a name, an address of trakt.tv, themoviedb.org or imdb.com, or an id such "
    "as tmdb:1396"
)
_WHOLE = "is the address of a season or an episode, and a title is left out whole"


class Skip(NamedTuple):
    """A title to be left out. ``by`` is a catalogue, or "name", or "page" of Trakt.

    ``said`` is what the person wrote. Without ``kind`` it may be a film or a show; a
    page goes by its slug or Trakt's number.
    """

    said: str
    by: str
    value: str
    kind: Kind | None = None


def read_skip(text: str) -> Skip:
    """Read what a person wrote or pasted.

    Raises ValueError, which names the nearest right way to write it.
    """
    said = " ".join(text.split())
    if not said:
        raise ValueError(f"a title to skip is empty; {_EXAMPLES}")
    if match := _ADDRESS.fullmatch(said.partition("?")[0].partition("#")[0]):
        return _read_address(said, match["host"].lower(), unquote(match["path"] or ""))
    if match := _BARE_ADDRESS.match(said):
        return _read_address(said, match["host"].lower(), unquote(match["path"]))
    if match := _MEDIA.fullmatch(said):
        kind = Kind.FILM if match[1].upper() == "MV" else Kind.SHOW
        return Skip(said, "tmdb", match[2], kind)
    if _IMDB.fullmatch(said):
        return Skip(said, "imdb", said.lower())
    if match := _ID.fullmatch(said):
        return _read_id(said, *match.groups())
    return Skip(said, "name", said)


def _read_address(said: str, host: str, path: str) -> Skip:
    if _is_of(host, "trakt.tv") and (match := _ON_TRAKT.match(path)):
        kind = _KINDS[match[1].lower()]
        if match[3]:
            page = f"https://trakt.tv/{match[1].lower()}/{match[2]}"
            raise ValueError(f"{said!r} {_WHOLE}; did you mean {page}?")
        return Skip(said, "page", match[2].lower(), kind)
    if _is_of(host, "themoviedb.org") and (match := _ON_TMDB.match(path)):
        if match[3]:
            page = f"https://www.themoviedb.org/{match[1].lower()}/{match[2]}"
            raise ValueError(f"{said!r} {_WHOLE}; did you mean {page}?")
        return Skip(said, "tmdb", match[2], _KINDS[match[1].lower()])
    if _is_of(host, "imdb.com") and (match := _ON_IMDB.match(path)):
        return Skip(said, "imdb", match[1].lower())
    raise ValueError(f"{said!r} is the address of no film and no show; {_EXAMPLES}")


def _is_of(host: str, site: str) -> bool:
    return host == site or host.endswith(f".{site}")


def _read_id(said: str, kind: str | None, catalogue: str, value: str) -> Skip:
    name = catalogue.lower()
    if name not in CATALOGUES:
        near = difflib.get_close_matches(name, CATALOGUES, n=1)
        if near and _fits(near[0], value):
            raise ValueError(
                f"{said!r} begins with no catalogue; did you mean {near[0]}:{value}?"
            )
        return Skip(said, "name", said)  # a title may well have a colon
    of_kind = _KINDS[kind.lower()] if kind else None
    if name == "tmdb" and (match := _MEDIA.fullmatch(value)):
        return read_skip(value)._replace(said=said)
    if not _fits(name, value):
        wanted = {"imdb": "imdb:tt0903747", "slug": "slug:breaking-bad"}
        example = wanted.get(name, f"{name}:1396")
        found = next((n for n in CATALOGUES[:3] if _fits(n, value)), "")
        is_number = _NUMBER.fullmatch(value) is not None
        example = f"tmdb:{value}" if name == "imdb" and is_number else example
        example = f"imdb:{value}" if found == "imdb" else example
        raise ValueError(f"{said!r} has no id of {name}; write it like {example}")
    match = _NUMBER.fullmatch(value)
    plain = match[1] if match and name not in ("imdb", "slug") else value.lower()
    return Skip(said, name, plain, of_kind)


def _fits(catalogue: str, value: str) -> bool:
    forms = {"imdb": _IMDB, "slug": _SLUG}
    return forms.get(catalogue, _NUMBER).fullmatch(value) is not None


class TitleShelf:
    """All titles of a history, to find those that a skip means.

    ``found`` holds TMDB ids that were found or given beside a title's own.
    """

    def __init__(
        self, titles: Iterable[Title], found: Mapping[Title, int | None] | None = None
    ) -> None:
        self._titles = list({title_key(title): title for title in titles}.values())
        self._shelves: dict[str, defaultdict[str, list[Title]]] = {
            by: defaultdict(list) for by in ("name", *CATALOGUES)
        }
        for title in self._titles:
            for by, value in _names(title, found or {}):
                self._shelves[by][value].append(title)

    def find(self, skip: Skip) -> list[Title]:
        """Return the titles that it means; a name without a year may mean several."""
        ways = [(skip.by, skip.value)]
        if skip.by == "page":
            # Numbers can be slugs, such as 24: then that is what the address says.
            ways = [("slug", skip.value), ("trakt", skip.value)]
        elif skip.by == "name":
            ways = [("name", fold_name(skip.value)), ("slug", skip.value.casefold())]
        for by, value in ways:
            there = self._shelves[by].get(value, [])
            if meant := [t for t in there if skip.kind in (None, t.kind)]:
                return list({title_key(title): title for title in meant}.values())
        return []

    def nearest(self, skip: Skip) -> Title | None:
        """Return the title that was probably meant by one that names nothing."""
        if skip.by == "name":
            match = _YEAR.fullmatch(skip.value)
            words = [skip.value, match[1]] if match else [skip.value]
        elif skip.by in ("page", "slug"):
            if near := self._near("slug", skip.value, _NEAR):
                return near
            words = [skip.value.replace("-", " ")]
        else:
            return self._near(skip.by, skip.value, _NEAR_ID)
        folded = [fold_name(text) for text in words]
        for text in folded:
            if near := self._near("name", text, _NEAR):
                return near
        return self._holding(folded[-1])

    def _near(self, by: str, text: str, cutoff: float) -> Title | None:
        shelf = self._shelves[by]
        near = difflib.get_close_matches(text, shelf, n=1, cutoff=cutoff)
        return shelf[near[0]][0] if near else None

    def _holding(self, text: str) -> Title | None:
        """Return the first title of which the text is a part."""
        there = [t for t in self._titles if text in fold_name(t.name)]
        return min(there, key=lambda title: title.label, default=None)


def _names(
    title: Title, found: Mapping[Title, int | None]
) -> Iterator[tuple[str, str]]:
    if not is_nameless(title):
        names = {fold_name(title.name), fold_name(title.label)}
        yield from (("name", name) for name in sorted(names))
    known = {(by, str(value).lower()) for by, value in title.ids.known().items()}
    if number := found.get(title):
        known.add(("tmdb", str(number)))
    yield from sorted(known)
