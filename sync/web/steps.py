"""The seven steps: which one it is now, and which can be opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from connectors.errors import AuthError
from sync.errors import IncompleteReadError
from sync.web.job import Kind

if TYPE_CHECKING:
    from sync.web.job import Job
    from sync.web.move import Move

#: Each with its name in the row of steps.
STEPS = {
    "from": "From",
    "read": "Read",
    "to": "To",
    "plan": "Plan",
    "watch": "Carry over",
    "proof": "Proof",
    "after": "After",
}
_OF_JOB = {
    Kind.TRAKT: "from",
    Kind.READ: "read",
    Kind.DISCOVR: "to",
    Kind.PROFILES: "to",
    Kind.UNDO: "after",
}


class Step(NamedTuple):
    """One step as the row shows it."""

    name: str
    words: str
    is_open: bool
    is_here: bool
    is_done: bool


def due(move: Move) -> str:
    """Return the step at which something goes on, or is to be done next."""
    job = move.job
    if job and (not job.is_over or job.error or job.kind is Kind.READ):
        # What was read is looked at before it goes on.
        return _of_job(job)
    is_undo = job.kind is Kind.UNDO if job else move.is_undo_broken_off
    if is_undo and (move.has_source or move.is_undo_broken_off):
        return "after"
    if not move.has_source:
        return "from"
    if move.proof and not (move.reading or move.is_broken_off):
        return "proof"
    if not (move.is_broken_off or (move.reading and move.reading.is_usable)):
        return "read"
    return "plan" if move.has_target else "to"


def onward(move: Move, here: str) -> str:
    """Return where a page at one step leads once its job has changed.

    What was read, and who signed in, is seen where that went on.
    """
    job = move.job
    if job and job.is_over and not job.error and _OF_JOB.get(job.kind) == here:
        return here
    return due(move)


def open_steps(move: Move) -> set[str]:
    """Return the steps that can be opened now."""
    job, found = move.job, {"from", due(move)}
    if move.has_source:
        found.add("read")
        if move.has_target or (move.reading and move.reading.is_usable):
            found.add("to")
        if move.has_target:
            found |= {"plan", "after"}
    if job and job.kind is Kind.CARRY and job.was_agreed:
        found.add("watch")
    if move.proof:
        found |= {"proof", "after"}
    # What is ticked can be looked at.
    return found | (_done(move) & {"to", "watch"})


def row(move: Move, here: str) -> list[Step]:
    """Return the steps in order, for the page at one of them."""
    there, done = open_steps(move), _done(move)
    return [
        Step(name, words, name in there, name == here, name in done & there)
        for name, words in STEPS.items()
    ]


def _done(move: Move) -> set[str]:
    """Return the steps of which nothing is left to do."""
    job = move.job
    is_on = job is not None and job.kind is Kind.CARRY and not job.is_over
    is_carried = move.proof is not None and not (is_on or move.is_broken_off)
    facts = {
        "from": move.has_source,
        "read": bool(move.reading and move.reading.is_usable) or is_carried,
        "to": move.has_target,
        "plan": is_carried or bool(is_on and job and job.was_agreed),
        "watch": is_carried,
        "proof": is_carried and bool(move.proof and move.proof.is_proved),
    }
    return {name for name, is_done in facts.items() if is_done}


def phase(move: Move) -> str:
    """Return what is another where a page that is open shows something past."""
    job = move.job
    if job is None:
        return "0"
    flags = (job.is_over, bool(job.asks), job.was_agreed, job.is_stopping)
    return f"{job.number}-{job.told}-{''.join(str(int(flag)) for flag in flags)}"


def _of_job(job: Job) -> str:
    if job.kind is not Kind.CARRY:
        return _OF_JOB[job.kind]
    if isinstance(job.error, IncompleteReadError):
        return "read"
    if isinstance(job.error, AuthError):
        is_trakt = "Trakt" in (job.error.service or job.error.message)
        return "from" if is_trakt else "to"
    return "watch" if job.was_agreed else "plan"
