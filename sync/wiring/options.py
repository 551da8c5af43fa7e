"""What a caller may bring along, all of it optional."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import aiohttp

    from connectors.auth.tokens import TokenStore
    from connectors.clock import Clock
    from connectors.http.pacing import Pacer
    from sync.events import Event
    from sync.ledger import Ledger
    from sync.ports import Source, Target


class ClientOptions(TypedDict, total=False):
    """For the clients of a command. None is the same as nothing, but for ``copies``.

    A session is used as it is and left open. ``on_event`` is called from the event
    loop. ``store`` holds the logins in place of ``[state] tokens``. ``pacers`` say when
    the next request to a service may go, by its name: Trakt, Discovr, TMDB, and "Trakt
    without a login" for what Trakt tells anybody; they are shared by all calls that are
    given them.
    """

    session: aiohttp.ClientSession | None
    clock: Clock | None
    on_event: Callable[[Event], None] | None
    store: TokenStore | None
    pacers: Mapping[str, Pacer] | None


class Options(ClientOptions, total=False):
    """What each run takes by name: its clients, what it reads from and writes to.

    The first five are those of ``ClientOptions``. ``files`` are account downloads to
    read instead of the API; they exclude a ``source``. A source or target is used as it
    is and left open, and so is a ``ledger``, which serves one run at a time. ``copies``
    is the folder for the copies of the profile as it was, in place of
    ``[state] copies``; None: none are kept.
    """

    copies: Path | None
    files: Sequence[Path] | None
    ledger: Ledger | None
    source: Source | None
    target: Target | None
