"""When a request is tried again, and how long a service asks to wait before that.

Whether a fault may be retried at all is decided in ``outcome.py``.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from tenacity import AsyncRetrying, RetryCallState, retry_if_result

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

#: Nine digits are thirty years: enough, and no number that float cannot hold.
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
#: Nobody asks for a longer rest than a week and means it; whoever does gets that.
LONGEST_REST_S = 7 * 86_400.0
#: Nobody waits for longer than that: a request is refused at once instead.
LONGEST_PAUSE_S = 600.0
#: Outside of these years a clock is wrong, or somebody plays with the end of time.
_YEARS = range(2000, 2200)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long one request is tried.

    ``total_s`` bounds the time spent on trying and on backing off. Waiting for a slot
    and pauses that the service asked for do not count: those are kept in full. A
    service that asks for more than ``longest_pause_s`` ends the request instead.
    """

    attempts: int = 6
    total_s: float = 300.0
    wait_initial_s: float = 0.5
    wait_max_s: float = 30.0
    longest_pause_s: float = LONGEST_PAUSE_S

    def backoff_s(self, attempt: int) -> float:
        """Return the wait after that attempt: doubling, bounded, with jitter."""
        longest = min(self.wait_max_s, self.wait_initial_s * 2 ** (attempt - 1))
        return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, guards nothing


@dataclass(slots=True)
class Progress:
    """How far the attempts of one request have come."""

    attempts: int = 0
    #: Time spent on trying and on backing off.
    spent_s: float = 0.0
    #: What went wrong last, in one sentence.
    reason: str = ""
    #: The login headers that were sent last.
    login: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: Whether the pacer already holds everybody back, so that nothing is to be slept.
    is_paused: bool = False
    is_over: bool = False
    is_renewed: bool = False


def retrying(
    policy: RetryPolicy,
    progress: Progress,
    *,
    is_passing: Callable[[object], bool],
    sleep: Callable[[float], Awaitable[None]],
) -> AsyncRetrying:
    """Return the retry loop of one request.

    An attempt returns its failure instead of raising it, so that no foreign exception
    hangs on as the context of ours. The loop returns the last outcome.
    """

    def again(outcome: object) -> bool:
        return is_passing(outcome) and not progress.is_over

    def wait(state: RetryCallState) -> float:
        return 0.0 if progress.is_paused else policy.backoff_s(state.attempt_number)

    def stop(state: RetryCallState) -> bool:
        # tenacity's own stop_after_delay reads a clock that tests cannot move, and
        # counts the pauses.
        is_late = progress.spent_s + state.upcoming_sleep >= policy.total_s
        return is_late or state.attempt_number >= policy.attempts

    return AsyncRetrying(
        retry=retry_if_result(again),
        stop=stop,
        wait=wait,
        sleep=sleep,
        retry_error_callback=_last_outcome,
        reraise=True,
    )


def _last_outcome(state: RetryCallState) -> object:
    return state.outcome.result() if state.outcome else None


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return how many seconds the service asks to wait; None if it does not say.

    A date is compared with the answer's own Date if there is one, because the clocks
    of the two machines may differ.
    """
    value = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), LONGEST_REST_S)
    until = _read_date(value)
    if until is None:
        return None
    asked_s = (until - server_time(headers, now)).total_seconds()
    return min(max(0.0, asked_s), LONGEST_REST_S)


def server_time(headers: Mapping[str, str], now: datetime) -> datetime:
    """Return when the service says that it answered, else ``now``."""
    return http_date(headers.get("Date", "")) or now


def http_date(value: str) -> datetime | None:
    """Read an HTTP date; None for anything else, and for the ends of time."""
    date = _read_date(value)
    return date if date and date.year in _YEARS else None


def _read_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
        aware = date.replace(tzinfo=UTC) if date.tzinfo is None else date
        return aware.astimezone(UTC)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError):
        return None
