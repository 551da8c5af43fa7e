"""Carry a history over from another program, and say how it goes."""

from __future__ import annotations

import asyncio

from trakt2discovr import (
    Event,
    Finished,
    Report,
    ServiceError,
    Waiting,
    load_settings,
    migrate,
)


def on_event(event: Event) -> None:
    """Print what a person may want to know; let pass what is not known."""
    match event:
        case Finished(summary=summary):
            print(summary)
        case Waiting(service=service, seconds=seconds):
            print(f"{service} asks to wait {seconds:.0f} s")


async def confirm(plan: Report) -> bool:
    """See the plan before anything is written, and agree to it or not."""
    writes = len(plan.prepared.plan.operations)
    print(f"{writes} writes are planned")
    return writes < 10_000


async def main() -> None:
    """Read Trakt's API, write to Discovr, and read it back."""
    settings = load_settings()  # config.toml and the environment
    try:
        report = await migrate(settings, confirm=confirm, on_event=on_event)
    except ServiceError as error:
        print(error.message)
        print(error.remedy)
        return
    if report.is_refused:
        print("refused: nothing was written")
        return
    total, by_title = report.balance()
    print(f"{total.read} plays of {len(by_title)} titles, run {report.run}")
    print("complete" if report.is_complete else "not complete: run it again")


asyncio.run(main())
