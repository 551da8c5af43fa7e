"""How Discovr may behave: every open point of its documentation as a switch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sync.sandbox.server.limits import RetryAfter

#: How the entries of one key are listed. "counted": each by itself, and each with the
#: number of all in ``watched_count``.
Repeats = Literal["listed", "merged", "counted"]
#: Which entries of a key a DELETE takes.
Repeated = Literal["all", "newest"]
#: What a DELETE takes that names no episode. "refused": 400, nothing.
Without = Literal["default", "season", "refused"]
Order = Literal["created", "updated"]
Precision = Literal["milliseconds", "seconds", "minutes"]
ErrorBody = Literal["flat", "wrapped", "text", "html", "empty"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscovrQuirks:
    """One possible Discovr. The defaults follow the newer pages of the reference.

    The numbers are those of the table of open questions in the reference.
    """

    # 1-3: what a listing shows of what was written
    repeats: Repeats = "listed"
    precision: Precision = "milliseconds"
    zone: Literal["utc", "offset", "none"] = "utc"
    #: A viewing time before this is refused.
    earliest: datetime | None = None
    #: The time sent is not kept: the server's own stands in its place.
    ignores_time: bool = False
    drops_label: bool = False
    created_at_follows: bool = False
    order: Order = "created"
    optional: Literal["missing", "null"] = "missing"
    progress_as_text: bool = False

    # 4-5: PATCH. "single": the newest stays, the other repeats go
    patch_moves_time: bool = False
    patch_drops_label: bool = False
    patch_target: Literal["newest", "oldest", "all", "single"] = "newest"

    # 6: DELETE
    delete_repeats: Repeated = "all"
    delete_without_episode: Without = "default"
    delete_absent_status: int = 404

    # 7-9
    completed_without_progress: bool = True
    #: Status for titles, seasons and episodes that the catalogue lacks; None: stored.
    unknown_status: Literal[404, 422] | None = None
    shifting_cursors: bool = False

    # 10: None documented
    requests_per_second: float | None = None
    retry_after: RetryAfter = "seconds"

    # 11
    error_body: ErrorBody = "flat"
    invalid_status: Literal[400, 422] = 400
    token_error_status: Literal[401, 403] = 401
    expiry_code: str = "TOKEN_EXPIRED"
    #: 204 comes without a body.
    write_status: Literal[200, 201, 202, 204] = 200
    #: A write is answered at once and takes effect that much later.
    applied_late_s: float = 0

    # 12-13
    history_clears_playback: bool = False
    labels: frozenset[str] | None = None

    # 14
    session_lifetime_s: int = 30 * 60
    refresh_lifetime_days: int = 90
    refresh_token_has_expired: bool = False
    #: With more sessions than that the oldest ends.
    sessions_at_most: int | None = None

    # 15-16
    rejects_extra_fields: bool = False
    #: POST replaces an entry of the same key and time.
    post_upserts: bool = False

    # 17: lists that lie. They answer 200 and say that there is no more.
    #: An entry turns up in the big list, or that of its title, so long after it came.
    list_lags_s: float = 0
    title_lags_s: float = 0
    #: The lists hold no more than so many entries; 0: they come empty.
    list_ends_after: int | None = None
    title_ends_after: int | None = None
    #: They lie in so many readings, and then no longer; None: always.
    short_readings: int | None = None

    # Contradictions between pages, and the playback list
    identity_for_profile: bool = False
    poll_routes: Literal["both", "post", "get"] = "both"
    user_code: Literal["digits", "letters"] = "digits"
    device_lifetime_ms: int = 600_000
    approves_after_polls: int | None = None
    playback_known: Literal["replaces", "doubles", "conflict"] = "replaces"
    playback_absent: Literal["creates", "missing"] = "creates"

    @classmethod
    def combinations(cls) -> Iterator[DiscovrQuirks]:
        """Yield every Discovr that a safe writer has to get right.

        The product of: repeats listed or merged, time kept to the millisecond or the
        second, PATCH moving the time or not, dropping the label or not, both list
        orders, and every form of an error body.
        """
        listings: tuple[Repeats, ...] = ("listed", "merged")
        precisions: tuple[Precision, ...] = ("milliseconds", "seconds")
        orders: tuple[Order, ...] = ("created", "updated")
        both, bodies = (False, True), get_args(ErrorBody)
        for repeats, precision, moves, drops, order, body in product(
            listings, precisions, both, both, orders, bodies
        ):
            yield cls(
                repeats=repeats,
                precision=precision,
                patch_moves_time=moves,
                patch_drops_label=drops,
                order=order,
                error_body=body,
            )
