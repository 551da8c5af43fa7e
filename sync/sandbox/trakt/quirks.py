"""How Trakt may behave: every open or contradictory point as a switch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.sandbox.account.account import Account
    from sync.sandbox.server.limits import RetryAfter


@dataclass(frozen=True, slots=True, kw_only=True)
class TraktQuirks:
    """All off by default: then Trakt behaves as its documentation says.

    Paging faults concern the history alone. ``mid_walk`` holds changes to the account,
    each made once that many history requests were answered.
    """

    #: Pages announced too many, or too few (a cached count); the items follow.
    page_count_delta: int = 0
    #: Plays dropped after slicing: their place on the page stays, and they are counted.
    dropped_after_slicing: frozenset[int] = frozenset()
    #: Whether the minimal lists leave out those plays as well.
    drops_from_minimal: bool = True
    #: Pages that come empty, or with half of their items...
    empty_pages: frozenset[int] = frozenset()
    short_pages: frozenset[int] = frozenset()
    #: ... each time they are asked for, or only the first time.
    page_faults_recur: bool = True
    #: The page number in the header is that of the page before.
    stale_page_echo: bool = False
    #: How many items a page shares with the one before it.
    repeats_across_pages: int = 0
    #: Plays of the same minute come in another order with each request.
    unstable_ties: bool = False
    #: ``start_at`` and ``end_at`` exclude plays of exactly that instant.
    exclusive_bounds: bool = False
    no_pagination_headers: bool = False
    mid_walk: tuple[tuple[int, Callable[[Account], object]], ...] = ()

    #: What becomes of single records of the history, by the id of the play. It may be
    #: changed while the stand-in plays.
    odd: dict[int, Callable[[Any], Any]] = field(default_factory=dict)

    #: Status with which the minimal lists are refused.
    minimal_unavailable: int | None = None
    #: A list of more episodes than that gives 413 unless pages are asked for.
    minimal_limit: int = 99_000
    #: Largest page of the minimal lists.
    minimal_page_limit: int = 500
    #: What ``last_activities`` sends: everything, only some keys, or nulls.
    activities: Literal["full", "sparse", "null"] = "full"
    missing_ids: Literal["null", "absent", "empty", "zero"] = "null"
    keeps_seconds: bool = False

    gone_client_id: bool = False
    cloudflare_block: bool = False
    vip_wall: bool = False
    locked: bool = False
    get_limit: int = 500
    get_period_s: float = 300
    retry_after: RetryAfter = "seconds"
    #: Calls without a login are refused even where it should not matter.
    refuses_public: Literal[401, 403] | None = None
    #: 429 comes from Cloudflare: HTML, and no X-Ratelimit.
    cloudflare_429: bool = False

    #: The OAuth calls are here as well, not only on another host.
    has_oauth: bool = True
    token_expires_in_s: int = 604_800
    #: The access token that the credentials name has run out.
    access_token_has_expired: bool = False
    #: Refresh tokens are refused, like those from before July 2026.
    refuses_refresh: bool = False
    #: 401 with WWW-Authenticate is how the former backend refused.
    refresh_refusal_status: Literal[400, 401] = 400
    token_type: str = "bearer"  # noqa: S105  # the word of the protocol
    device_expires_in_s: int = 600
    device_interval_s: int = 5
    approves_after_polls: int | None = field(default=None)
