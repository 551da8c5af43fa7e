"""Numbers and moments of somebody else, within what every part of the program holds.

pydantic takes ``true`` for 1, and numbers of any length; databases hold 64 bits, and
whoever adds a day to the end of time gets an exception.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

T = TypeVar("T", bound=date)

#: The largest number of a service or a database.
MOST = 2**63 - 1
_FIRST, _LAST = 1800, 2200


def _no_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("no number")  # noqa: TRY004  # pydantic's word for a misfit
    return value


def _within(least: float, most: float) -> AfterValidator:
    return AfterValidator(lambda value: min(max(value, least), most))


def _clamp(value: T) -> T:
    """Bring a date from the ends of time to where one can reckon with it."""
    if value.year < _FIRST:
        return value.replace(year=_FIRST, month=1, day=1)
    return value.replace(year=_LAST, month=1, day=1) if value.year >= _LAST else value


def _in_utc(value: datetime) -> datetime:
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value
    # Clamped first: the last hours of time are beyond it in other zones.
    return _clamp(aware).astimezone(UTC)


def none_if_odd(value: T | None) -> T | None:
    """Take no date from the ends of time, and bring a moment to UTC."""
    if value is None or not _FIRST <= value.year < _LAST:
        return None
    return _in_utc(value) if isinstance(value, datetime) else value  # type: ignore[return-value]


def _none_if_unreadable(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(value)
    except ValidationError:
        return None


#: For what may be read wrongly without harm, as it is none then.
Lenient = WrapValidator(_none_if_unreadable)
Whole = Annotated[int, Field(ge=-MOST, le=MOST), BeforeValidator(_no_truth)]
#: A number by which a service knows something.
Id = Annotated[Whole, Field(gt=0)]
#: Any number that is one.
Real = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_no_truth)]
#: A moment in UTC, without a zone taken as such; from the ends of time it is clamped.
Moment = Annotated[datetime, AfterValidator(_in_utc)]
#: When something was or will be shown; an absurd date is none, and never reckoned with.
AirMoment = Annotated[datetime | None, AfterValidator(none_if_odd)]
AirDay = Annotated[
    date | None,
    BeforeValidator(lambda value: None if value == "" else value),
    AfterValidator(none_if_odd),
]
#: Seconds or the like: a number that one can wait for.
Span = Annotated[Real, Field(gt=0, le=1e9)]
#: Seconds between two questions: there is a pause, and it ends before a code does.
Interval = Annotated[Span, _within(1, 30)]
#: How long a code to sign in by is good: nobody waits for longer than a day.
_LIFETIME_S = (60, 86_400)
Lifetime = Annotated[Span, _within(*_LIFETIME_S)]
LifetimeMs = Annotated[Span, _within(*(1_000 * bound for bound in _LIFETIME_S))]
