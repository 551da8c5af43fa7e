"""What the settings and the person's list leave out, applied to the titles at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.events import Finished, Stage, Warned
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sync.domain.filters import Sieve
    from sync.domain.plays import Title
    from sync.pipeline.services import Services


async def sieve_of(
    services: Services,
    titles: Iterable[Title],
    found: Mapping[Title, int | None] | None = None,
    *,
    is_kept: bool,
) -> Sieve:
    """Return what tells the plays apart; ``found`` are ids beside the titles' own.

    ``is_kept`` as in ``Resolver.find``.
    """
    titles = list(titles)
    listed = await services.resolver.find_skipped(titles, is_kept=is_kept)
    return services.settings.history.filter.over(titles, found, listed)


def tell_of_skips(services: Services, sieve: Sieve) -> None:
    """Say which skips name nothing, as a slip of the pen does, or more than one title.

    The first is a warning: what was to be left out is carried over.
    """
    for skip, nearest in sieve.strays:
        hint = f' Did you mean "{nearest.label}"?' if nearest else ""
        words = f'[history] skip has "{skip.said}", which names nothing in the history'
        services.on_event(Warned(f"{words}.{hint}"))
    for skip, titles in sieve.several:
        labels = ", ".join(sorted(title.label for title in titles))
        named = count(len(titles), "title")
        summary = f'"{skip.said}" in [history] skip names {named}: {labels}'
        services.on_event(Finished(Stage.EXTRACT, summary))
