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
)

from connectors.fields import AirMoment, AnyWhole, Span, Whole, to_whole


def _none_if_empty(value: object) -> None:
    if value not in ("", 0, "0") or value is False:
        raise ValueError("no id")


def _number_or_none(value: object) -> int | None:
    number = 0 if value == "" else to_whole(value)
    if number < 0:
        raise ValueError("no id")
    return number or None


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)


# The plain types and None come first and are tried in Rust; the rest costs a call.
_Odd = Annotated[Any, AfterValidator(_none_if_empty)]
_OddId = Annotated[Any, AfterValidator(_number_or_none)]
OptionalInt = Annotated[
    Annotated[int, Field(strict=True, gt=0)] | None | _OddId,  # noqa: RUF036  # the order
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
        allow_inf_nan=False,
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
    year: AnyWhole | None = None
    ids: IdsModel = IdsModel()


class EpisodeModel(Model):
    """An episode inside its show: ``season`` 0 holds the specials."""

    season: AnyWhole
    number: AnyWhole
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


class SeasonEpisode(Model):
    """An episode as the catalogue knows it; ``first_aired`` is a UTC instant."""

    number: Whole
    season: Whole | None = None
    title: str | None = None
    first_aired: AirMoment = None


class Season(Model):
    """A season with its episodes (``extended=episodes,full``)."""

    number: Whole
    episode_count: Whole | None = None
    aired_episodes: Whole | None = None
    first_aired: AirMoment = None
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
    expires_in: Span
    created_at: Whole | None = None
