"""Each kind of attack: where it is tried, and that it is tried at length as well."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
#: Tests stand beside their subject; scripts/safety runs what is long of all of them.
KINDS = {
    "lists that lag or end too early": [
        "safety/test_lists_that_lie.py",
        "safety/test_killed_then_lied_to.py",
        "safety/test_machine.py",
    ],
    "the list of one title that cannot be read": ["safety/test_lists_refused.py"],
    "two writers after a stall": ["safety/test_frozen.py", "safety/test_machine.py"],
    "an undo that takes the person's own": [
        "safety/test_undo_kills.py",
        "safety/test_machine.py",
    ],
    "deaths, faults and outages": [
        "safety/test_kills.py",
        "safety/test_virtual_kills.py",
        "safety/test_faults.py",
        "safety/test_refusals.py",
        "safety/test_machine.py",
    ],
    "one record that takes everything with it": ["clients_suite/test_hostile.py"],
    "answers without end": ["http_suite/test_endless.py"],
    "helpers that end the job": ["daemon_suite/test_watchers.py"],
    "a plan that was broken off": ["pipeline_suite/test_plan_files.py"],
    "a restore that was broken off": [
        "restore_suite/test_restore.py",
        "restore_suite/test_broken_off.py",
    ],
    "what leaves the program": [
        "overrides_suite/test_cells.py",
        "cli_suite/test_leaving.py",
    ],
    "damaged and hostile files": [
        "ledger_suite/test_damage.py",
        "ledger_suite/test_address.py",
        "config_suite/test_hostile_files.py",
    ],
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_tried_at_length(kind: str) -> None:
    for name in KINDS[kind]:
        text = (TESTS / name).read_text("utf-8")
        assert "tests.long" in text or "mark.long" in text, name
