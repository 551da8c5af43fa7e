"""The page about what a run tells its caller, read from the classes of the events."""

from __future__ import annotations

import dataclasses
import typing

from scripts.reference.markdown import assemble, code, prose, table
from sync.events import Event, Stage

_INTRO = """\
`migrate`, `sync`, `plan`, `apply`, `verify` and `undo` take an `on_event`: a
function of one argument that is called from the event loop as the work goes on. The
classes are in `trakt2discovr`; tell them apart with `match` or `isinstance`, and let
pass what you do not know, since others may be added. [Use it as a
library](../how-to/library.md) shows one in use."""


def page() -> str:
    """Return the page."""
    rows = [
        (
            code(kind.__name__),
            prose(kind),
            ", ".join(f"`{f.name}: {f.type}`" for f in dataclasses.fields(kind)),
        )
        for kind in typing.get_args(Event)
    ]
    stages = ", ".join(code(stage.value) for stage in Stage)
    return assemble(
        "Events",
        _INTRO,
        table(("event", "what it says", "fields"), rows),
        f"A `stage` is one of {stages}, in this order.",
    )
