"""What TMDB sends, as far as ids and air dates go."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Model(BaseModel):
    """Base of all wire models: frozen, and silent about the values it refused."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


AirDate = Annotated[date | None, BeforeValidator(_empty_is_none)]


class Found(Model):
    """One hit of a look-up by external id."""

    id: int


class FindAnswer(Model):
    """Hits by kind."""

    movie_results: list[Found] = []
    tv_results: list[Found] = []


class Episode(Model):
    """An episode; ``air_date`` is a plain date of the country of origin."""

    episode_number: int
    air_date: AirDate = None


class Season(Model):
    """A season with its episodes."""

    season_number: int
    episodes: list[Episode] = []


class SeasonSummary(Model):
    """A season as a show lists it."""

    season_number: int
    episode_count: int = 0


class Show(Model):
    """A show: ``status`` is "Ended" or "Canceled" once nothing more will come."""

    id: int
    status: str | None = None
    seasons: list[SeasonSummary] = []
