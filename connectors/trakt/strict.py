"""What Trakt sends, decoded straight from the bytes where it is as documented.

Nearly every answer is, and then this takes a tenth of the time of the patient models,
which accept every form that was seen. Whatever is odd here is refused as a whole, and
read by those. What both accept, both read alike (of digits below the microsecond one
rounds and the other cuts). No record can lead back to itself, so the garbage collector
need not look at them (``gc=False``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias

import msgspec

from connectors.fields import MOST
from connectors.trakt.lenient import LAST_YEAR

Id = Annotated[int, msgspec.Meta(gt=0, le=MOST)]
Number = Annotated[int, msgspec.Meta(ge=-MOST, le=MOST)]
Year = Annotated[int, msgspec.Meta(gt=0, le=LAST_YEAR)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class StrictIds(msgspec.Struct, frozen=True, gc=False):
    """External ids, of which any may be missing."""

    trakt: Id | None = None
    slug: Text | None = None
    imdb: Text | None = None
    tmdb: Id | None = None
    tvdb: Id | None = None


class StrictTitle(msgspec.Struct, frozen=True, gc=False):
    """A film or a show."""

    title: Text | None = None
    year: Year | None = None
    ids: StrictIds = StrictIds()


class StrictEpisode(msgspec.Struct, frozen=True, gc=False):
    """An episode inside its show."""

    season: Number
    number: Number
    title: Text | None = None
    ids: StrictIds = StrictIds()


class StrictItem(msgspec.Struct, frozen=True, gc=False):
    """One play."""

    watched_at: Moment
    id: Id | None = None
    action: Text | None = None
    type: Text | None = None
    movie: StrictTitle | None = None
    show: StrictTitle | None = None
    episode: StrictEpisode | None = None


#: Play times by film, and of one show by season and episode; null where there is none.
Films: TypeAlias = dict[Id, list[Moment | None]]
Show: TypeAlias = dict[str, dict[Id, list[Moment | None]]]

HISTORY = msgspec.json.Decoder(list[StrictItem])
FILMS = msgspec.json.Decoder(Films)
SHOW = msgspec.json.Decoder(Show)
RAW_SHOWS = msgspec.json.Decoder(dict[Id, msgspec.Raw])
