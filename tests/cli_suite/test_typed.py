"""Only our own words are rewritten for the sides at hand, never what was typed."""

from __future__ import annotations

import pytest

from sync.cli.app import app
from sync.cli.context import PROGRAM, Context

COMMANDS = sorted(app.commands)


def context(*words: str) -> Context:
    return Context(
        config=None,
        is_sandbox=True,
        as_json=False,
        is_verbose=False,
        is_quiet=False,
        words=words,
        profile="Kids",
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("is_answer", [False, True])
def test_what_was_typed_stays_and_the_advice_beside_it_is_completed(
    command: str, *, is_answer: bool
) -> None:
    typed = f"{PROGRAM} {command} of mine"
    here = context() if is_answer else context("setup", typed)
    text = f"There is no file {typed}. Try again: {PROGRAM} doctor"
    told = here.complete(text, (typed,) if is_answer else ())
    assert told.startswith(f"There is no file {typed}. ")
    assert told.endswith(f"{PROGRAM} --profile Kids --sandbox doctor")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_that_stands_there_already_is_not_put_there_again(
    command: str,
) -> None:
    told = context().complete(f"Run {PROGRAM} --sandbox {command}")
    assert told.count("--sandbox") == 1
