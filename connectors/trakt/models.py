"""What Trakt sends, as pydantic models that accept every form that was seen.

Unknown keys are ignored; every id but ``trakt`` may be missing, null, empty or zero
(reference: API contracts of 2026-07-30 and observed answers).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
)


def _none_if_empty(value: object) -> None:
    if value not in ("", 0, "0"):
        raise ValueError("no id")


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)


# The plain types and None come first and are tried in Rust; the rest costs a call.
_Odd = Annotated[Any, AfterValidator(_none_if_empty)]
OptionalInt = Annotated[
    PositiveInt | None | _Odd,  # noqa: RUF036  # the order counts
    Field(union_mode="left_to_right"),
]
OptionalStr = Annotated[
    Annotated[str, Field(min_length=1)] | None | _Odd,  # noqa: RUF036  # as above
    Field(union_mode="left_to_right"),
]
Instant = Annotated[
    AwareDatetime | Annotated[datetime, AfterValidator(_utc)],
    Field(union_mode="left_to_right"),
]


class Model(BaseModel):
    """Base of all wire models: frozen, and silent about the values it refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        defer_build=True,
    )


class IdsModel(Model):
    """External ids of a film, show or episode; only ``trakt`` is dependable."""

    trakt: OptionalInt = None
    slug: OptionalStr = None
    imdb: OptionalStr = None
    tmdb: OptionalInt = None
    tvdb: OptionalInt = None


class TitleModel(Model):
    """A film or a show."""

    title: str | None = None
    year: int | None = None
    ids: IdsModel = IdsModel()


class EpisodeModel(Model):
    """An episode inside its show: ``season`` 0 holds the specials."""

    season: int
    number: int
    title: str | None = None
    ids: IdsModel = IdsModel()


class HistoryItem(Model):
    """One play. ``id`` is 64-bit and names the play; files may lack it."""

    id: OptionalInt = None
    watched_at: Instant
    action: str | None = None
    type: str | None = None
    movie: TitleModel | None = None
    show: TitleModel | None = None
    episode: EpisodeModel | None = None


class ActivityStamps(Model):
    """The stamps of one group that this program looks at."""

    watched_at: Instant | None = None
    paused_at: Instant | None = None


class LastActivities(Model):
    """Server times of the last change per group, never dates of plays."""

    movies: ActivityStamps = ActivityStamps()
    episodes: ActivityStamps = ActivityStamps()


class UserIdsModel(Model):
    """Ids of an account; the slug changes with the name, the uuid never does."""

    slug: OptionalStr = None
    uuid: OptionalStr = None


class UserModel(Model):
    """Whose an account is."""

    username: OptionalStr = None
    ids: UserIdsModel = UserIdsModel()

    def names(self) -> frozenset[str]:
        """Return the names of the account, each with what it is before a colon."""
        names = {f"name:{n.lower()}" for n in (self.username, self.ids.slug) if n}
        return frozenset(
            names | ({f"uuid:{self.ids.uuid}"} if self.ids.uuid else set())
        )


class UserSettings(Model):
    """What this program reads of an account's settings."""

    user: UserModel = UserModel()


class SeasonEpisode(Model):
    """An episode as the catalogue knows it; ``first_aired`` is a UTC instant."""

    number: int
    season: int | None = None
    title: str | None = None
    first_aired: Instant | None = None


class Season(Model):
    """A season with its episodes (``extended=episodes,full``)."""

    number: int
    episode_count: int | None = None
    aired_episodes: int | None = None
    first_aired: Instant | None = None
    episodes: list[SeasonEpisode] | None = None


class PlaybackItem(Model):
    """A resume point: ``progress`` in percent at ``paused_at``."""

    id: OptionalInt = None
    progress: float
    paused_at: Instant
    type: Literal["movie", "episode"] | None = None
    movie: TitleModel | None = None
    show: TitleModel | None = None
    episode: EpisodeModel | None = None


class TokenAnswer(Model):
    """A token pair; it runs out at ``created_at + expires_in`` (seconds)."""

    access_token: str
    refresh_token: str
    expires_in: int
    created_at: int | None = None
