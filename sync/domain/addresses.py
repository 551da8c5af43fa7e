"""Pages about titles for people to look at: TMDB has one of each.

Discovr documents no address of a title's page, so none is made up.
"""

from __future__ import annotations

import re
from urllib.parse import quote_plus

from sync.domain.plays import Kind

_SITE = "https://www.themoviedb.org"
_MEDIA = re.compile(r"(MV|TV)_([1-9]\d*)")


def page_of(media: str | None) -> str:
    """Return the page of what Discovr calls so; nothing where that is no id."""
    match = _MEDIA.fullmatch(media or "")
    return (
        f"{_SITE}/{'movie' if match[1] == 'MV' else 'tv'}/{match[2]}" if match else ""
    )


def search_for(kind: Kind, name: str) -> str:
    """Return the page that searches for a title by its name."""
    word = "movie" if kind is Kind.FILM else "tv"
    return f"{_SITE}/search/{word}?query={quote_plus(name, errors='replace')}"
