"""The shapes that runs depend on, as strict as documented.

The clients are lenient, so that one odd record stops nothing; these models are not, and
name what has changed. Never a value: only names of fields, and what is wrong with them.
"""

from __future__ import annotations

from collections import Counter
from datetime import date  # noqa: TC003  # pydantic needs it at run time
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    Field,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from connectors.discovr.models import Instant
from connectors.discovr.models import Model as DiscovrModel
from connectors.tmdb.models import Model as TmdbModel
from connectors.trakt.models import Model as TraktModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

#: What a person can take in at once.
_MOST_NAMED = 6


class _Stamps(TraktModel):
    watched_at: AwareDatetime
    paused_at: AwareDatetime


class Activities(TraktModel):
    """The change stamps that say whether there is anything to read."""

    movies: _Stamps
    episodes: _Stamps


class _Ids(TraktModel):
    trakt: PositiveInt


class _Title(TraktModel):
    title: str
    ids: _Ids


class _Episode(TraktModel):
    season: Annotated[int, Field(ge=0)]
    number: Annotated[int, Field(ge=0)]
    ids: _Ids


class _Play(TraktModel):
    id: PositiveInt
    watched_at: AwareDatetime
    action: str


class _FilmPlay(_Play):
    type: Literal["movie"]
    movie: _Title


class _EpisodePlay(_Play):
    type: Literal["episode"]
    show: _Title
    episode: _Episode


class _Airing(TraktModel):
    season: int
    number: int
    first_aired: AwareDatetime | None


class Season(TraktModel):
    """A season with the air dates of its episodes."""

    number: int
    episodes: list[_Airing]


class Entry(DiscovrModel):
    """An entry as the history lists it; a show's has a season."""

    id: Annotated[str, Field(pattern=r"^(?:(?:MV|TV)_)?(?:TMDBID)?\d+$")]
    media_type: Annotated[Literal["movie", "tv"], Field(alias="mediaType")]
    updated_at: Annotated[Instant, Field(alias="updatedAt")]
    created_at: Annotated[Instant, Field(alias="createdAt")]
    progress: Annotated[float | None, Field(ge=0, le=100)] = None
    completed: bool | None = None
    season: PositiveInt | None = None
    episode: PositiveInt | None = None
    imported: str | None = None

    @model_validator(mode="after")
    def _says_how_far_and_where(self) -> Self:
        if self.progress is None and self.completed is None:
            raise ValueError("progress")
        if self.media_type == "tv" and self.season is None:
            raise ValueError("season")
        return self


class _AirDate(TmdbModel):
    episode_number: int
    air_date: date | Literal[""] | None


class _TmdbSummary(TmdbModel):
    season_number: int
    episode_count: int


class TmdbSeason(TmdbModel):
    """A season with the air dates of its episodes."""

    season_number: int
    episodes: list[_AirDate]


class TmdbShow(TmdbModel):
    """A show, with the seasons that it has."""

    id: int
    status: str
    seasons: list[_TmdbSummary]


ACTIVITIES = TypeAdapter(Activities)
PLAY: TypeAdapter[Any] = TypeAdapter(
    Annotated[_FilmPlay | _EpisodePlay, Field(discriminator="type")]
)
SEASON = TypeAdapter(Season)
ENTRY = TypeAdapter(Entry)
TMDB_SEASON = TypeAdapter(TmdbSeason)
TMDB_SHOW = TypeAdapter(TmdbShow)


def differences(adapter: TypeAdapter[Any], records: Iterable[Any]) -> str:
    """Name each field that is not as documented; empty if all of them are."""
    found: Counter[str] = Counter()
    count = 0
    for record in records:
        count += 1
        try:
            adapter.validate_python(record)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)
            found.update(list(dict.fromkeys(map(_describe, faults))))
    named = [
        fault if count == 1 else f"{fault} (in {times} of {count})"
        for fault, times in found.most_common(_MOST_NAMED)
    ]
    more = len(found) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more > 0 else "")


def _describe(fault: ErrorDetails) -> str:
    # The models above know no keys but their own, so a place holds none of others.
    names = [step for step in fault["loc"] if isinstance(step, str)]
    if fault["type"] == "value_error":
        # The words are those of the validators above.
        names.append(fault["msg"].removeprefix("Value error, "))
        return f"{'.'.join(names)}: missing"
    if fault["type"].startswith("union_tag"):
        names.append("type")
    return f"{'.'.join(names) or 'record'}: {fault['type']}"
