"""Questions on the terminal that leave the event loop, and so signals, at work."""

from __future__ import annotations

import asyncio
import sys

import click


def can_ask() -> bool:
    """Tell whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def agree(question: str) -> bool:
    """Ask whether to go on; anything but yes is no."""
    answer = await ask(f"{question} [y/N]")
    return (answer or "").strip().lower() in {"y", "yes"}


async def ask(question: str) -> str | None:
    """Print the question on stderr and return the line typed; None at its end.

    ``input`` would block the loop, which is where Ctrl-C is heeded.
    """
    click.echo(f"{question}: ", nl=False, err=True)
    loop, is_there = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin, is_there.set)
    try:
        await is_there.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline() or None
