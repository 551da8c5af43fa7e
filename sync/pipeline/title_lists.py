"""Reads titles, each by its own list; one that cannot be read stops no other.

Discovr may refuse the list of a title that it lacks, or send it damaged, each time
anew. Nobody knows then what stands there: nothing may be added or removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.errors import ContractError, RejectedError
from sync.runtime.concurrency import run_limited

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sync.domain.entries import Entry
    from sync.domain.plays import Place
    from sync.pipeline.services import Services


class UnlistedError(Exception):
    """The list of one film or season cannot be read; the message says why."""


async def read_title(services: Services, place: Place) -> list[Entry]:
    """Return what stands there, or raise UnlistedError.

    What is no fault of one title, as a service that is down, is raised as it is.
    """
    try:
        return await services.target.read_title(*place)
    except (RejectedError, ContractError) as error:
        raise UnlistedError(
            f"its own list on Discovr cannot be read: {error.message}"
        ) from None


async def read_titles(
    services: Services,
    places: Collection[Place],
    take: Callable[[Place, list[Entry]], None],
) -> dict[Place, str]:
    """Hand on what stands in each; return those that cannot be read, and why."""
    unlisted: dict[Place, str] = {}

    async def read(place: Place) -> None:
        try:
            take(place, await read_title(services, place))
        except UnlistedError as error:
            unlisted[place] = str(error)

    limit = services.settings.discovr.concurrency
    await run_limited(limit, read, sorted(places, key=lambda place: place.order))
    return unlisted
