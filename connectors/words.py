"""Numbers in words."""

from __future__ import annotations


def count(number: int, one: str, many: str | None = None) -> str:
    """Say how many there are: ``1 entry``, ``2,000 entries``.

    ``one`` and ``many`` may go on to the verb: ``1 play is``, ``2 plays are``.
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
