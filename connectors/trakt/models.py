"""What Trakt sends, as pydantic models that accept every form that was seen.

Unknown keys are ignored, and a field that cannot be read is absent: what carries
nothing costs nothing. Any id may be missing, null, empty or zero (reference: API
contracts of 2026-07-30 and observed answers).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from connectors.fields import MOST, AirMoment, Lenient, Real, Span, Whole, none_if_odd
from connectors.trakt.lenient import (
    LAST_YEAR,
    to_id,
    to_number,
    to_text,
    to_year,
)


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)


def _refuse_numbers(value: object) -> object:
    """Refuse what would be read as seconds since 1970: nothing says that it is."""
    if isinstance(value, str) and _DATED.match(value):
        return value
    if isinstance(value, datetime):
        return value
    raise ValueError("is no time")


def _absent(_value: object) -> None:
    return None


_DATED = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d")
# The plain types and None come first and are tried in Rust; the rest costs a call.
_ORDER = Field(union_mode="left_to_right")
Absent = Annotated[Any, AfterValidator(_absent)]
#: Fields that are absent where they cannot be read, whatever they hold.
OptionalInt = Annotated[
    Annotated[int, Field(strict=True, gt=0, le=MOST)]  # noqa: RUF036  # the order counts
    | None
    | Annotated[Any, AfterValidator(to_id)],
    _ORDER,
]
OptionalYear = Annotated[
    Annotated[int, Field(strict=True, gt=0, le=LAST_YEAR)]  # noqa: RUF036  # the order counts
    | None
    | Annotated[Any, AfterValidator(to_year)],
    _ORDER,
]
OptionalNumber = Annotated[
    Annotated[int, Field(strict=True, ge=-MOST, le=MOST)]  # noqa: RUF036  # the order counts
    | None
    | Annotated[Any, AfterValidator(to_number)],
    _ORDER,
]
OptionalStr = Annotated[
    Annotated[str, Field(strict=True, min_length=1)]  # noqa: RUF036  # the order counts
    | None
    | Annotated[Any, AfterValidator(to_text)],
    _ORDER,
]
Instant = Annotated[
    Annotated[AwareDatetime | Annotated[datetime, AfterValidator(_utc)], _ORDER],
    BeforeValidator(_refuse_numbers),
]
#: When something was first shown; what is no date of our days is none.
OptionalAirMoment = Annotated[AirMoment | Absent, _ORDER]
OptionalInstant = Annotated[Instant | None | Absent, _ORDER]  # noqa: RUF036  # as above
#: A moment by which the program may go: one at the ends of time tells nothing.
OptionalStamp = Annotated[OptionalInstant, AfterValidator(none_if_odd)]


class Model(BaseModel):
    """Base of all wire models: frozen, and silent about the values it refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
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


def _no_ids(_value: object) -> IdsModel:
    return IdsModel()


_Ids = Annotated[IdsModel | Annotated[Any, AfterValidator(_no_ids)], _ORDER]


class TitleModel(Model):
    """A film or a show."""

    title: OptionalStr = None
    year: OptionalYear = None
    ids: _Ids = IdsModel()


class EpisodeModel(Model):
    """An episode inside its show: ``season`` 0 holds the specials."""

    season: OptionalNumber = None
    number: OptionalNumber = None
    title: OptionalStr = None
    ids: _Ids = IdsModel()


OptionalTitle = Annotated[TitleModel | None | Absent, _ORDER]  # noqa: RUF036  # as above
_Episode = Annotated[EpisodeModel | None | Absent, _ORDER]  # noqa: RUF036  # as above


class HistoryItem(Model):
    """One play. ``id`` is 64-bit and names the play; files may lack it.

    Only a time that cannot be read refuses the whole; whether the rest makes a play,
    ``connectors.trakt.sense`` tells.
    """

    id: OptionalInt = None
    watched_at: Instant
    action: OptionalStr = None
    type: OptionalStr = None
    movie: OptionalTitle = None
    show: OptionalTitle = None
    episode: _Episode = None


class ActivityStamps(Model):
    """The stamps of one group that this program looks at."""

    watched_at: OptionalStamp = None
    paused_at: OptionalStamp = None


def _no_stamps(_value: object) -> ActivityStamps:
    return ActivityStamps()


_Stamps = Annotated[ActivityStamps | Annotated[Any, AfterValidator(_no_stamps)], _ORDER]


class LastActivities(Model):
    """Server times of the last change per group, never dates of plays."""

    movies: _Stamps = ActivityStamps()
    episodes: _Stamps = ActivityStamps()


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

    number: Whole
    season: OptionalNumber = None
    title: OptionalStr = None
    first_aired: OptionalAirMoment = None


class Season(Model):
    """A season with its episodes (``extended=episodes,full``)."""

    number: Whole
    episode_count: OptionalNumber = None
    aired_episodes: OptionalNumber = None
    first_aired: OptionalAirMoment = None
    episodes: list[SeasonEpisode] | None = None


class PlaybackItem(Model):
    """A resume point: ``progress`` in percent at ``paused_at``."""

    id: OptionalInt = None
    progress: Real
    paused_at: Instant
    type: OptionalStr = None
    movie: OptionalTitle = None
    show: OptionalTitle = None
    episode: _Episode = None


class TokenAnswer(Model):
    """A token pair, which runs out in ``expires_in`` seconds.

    It is handed out once, so nothing beside the tokens may cost it.
    """

    access_token: str
    refresh_token: str
    expires_in: Annotated[Span | None, Lenient] = None
