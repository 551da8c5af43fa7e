"""What a check found: one line each, in words, with its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from connectors.errors import AuthError, ConfigError, ServiceError
from sync.ledger.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Awaitable


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNCHECKED = "not checked"


class Cause(StrEnum):
    """Where the remedy of a problem lies, which decides the exit code."""

    CONFIG = "config"
    LOGIN = "login"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line; problems have a cause, and all but ``ok`` a remedy or a reason."""

    check: str
    verdict: Verdict
    text: str
    remedy: str | None = None
    cause: Cause | None = None


def ok(check: str, text: str) -> Finding:
    """Find nothing wrong."""
    return Finding(check, Verdict.OK, text)


def warning(check: str, text: str, remedy: str) -> Finding:
    """Find something that runs survive and somebody should know."""
    return Finding(check, Verdict.WARNING, text, remedy)


def problem(check: str, text: str, remedy: str, cause: Cause = Cause.OTHER) -> Finding:
    """Find something that a run fails at."""
    return Finding(check, Verdict.PROBLEM, text, remedy, cause)


def unchecked(check: str, why: str) -> Finding:
    """Say why nothing was found."""
    return Finding(check, Verdict.UNCHECKED, why)


def from_error(check: str, error: ServiceError) -> Finding:
    """Turn what a run would fail with into a problem."""
    cause = Cause.OTHER
    if isinstance(error, AuthError):
        cause = Cause.LOGIN
    elif isinstance(error, ConfigError | StateError):
        cause = Cause.CONFIG
    return problem(check, error.message, error.remedy, cause)


async def attempt(check: str, work: Awaitable[Finding]) -> Finding:
    """Return what the check finds, or the error that it met."""
    try:
        return await work
    except ServiceError as error:
        return from_error(check, error)
