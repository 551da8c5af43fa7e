"""What TMDB sends, as far as ids and air dates go."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from connectors.fields import AirDay, Id, Whole


class Model(BaseModel):
    """Base of all wire models: frozen, and silent about the values it refused."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, defer_build=True
    )


class TitleAnswer(Model):
    """A film or a show, which names its fields otherwise."""

    id: Id
    title: str | None = None
    name: str | None = None
    release_date: str | None = None
    first_air_date: str | None = None

    @property
    def label(self) -> str:
        """Name and year, as a person would write them."""
        name = self.title or self.name or "(untitled)"
        year = (self.release_date or self.first_air_date or "")[:4]
        return f"{name} ({year})" if year else name


class EpisodeHit(Model):
    """An episode that an id of another catalogue stands for, and its show."""

    id: Id
    show_id: Id
    season_number: Whole | None = None
    episode_number: Whole | None = None


class FindAnswer(Model):
    """Hits by kind."""

    movie_results: list[TitleAnswer] = []
    tv_results: list[TitleAnswer] = []
    tv_episode_results: list[EpisodeHit] = []


class Episode(Model):
    """An episode; ``air_date`` is a plain date of the country of origin."""

    episode_number: Whole
    air_date: AirDay = None


class Season(Model):
    """A season with its episodes."""

    season_number: Whole
    episodes: list[Episode] = []


class SeasonSummary(Model):
    """A season as a show lists it."""

    season_number: Whole
    episode_count: Whole = 0


#: What ``status`` says of a show of which nothing more will come.
_ENDED = ("Ended", "Canceled")


class Show(Model):
    """A show; ``in_production`` is what to go by, where TMDB sends it."""

    id: Id
    status: str | None = None
    seasons: list[SeasonSummary] = []
    in_production: bool | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        if self.in_production is None:
            return self.status in _ENDED
        return not self.in_production
