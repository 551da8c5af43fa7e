"""The error tree of all connectors, named by what the caller should do next.

No exception of a library below leaves ``connectors``; and no message here holds a
header, a query string, a body or a token, because each is built from the method, the
path and the status alone.
"""

from __future__ import annotations


class ServiceError(Exception):
    """Root of the tree: one sentence on what happened, one on what to do about it."""

    #: Said when the place that raises knows nothing better.
    default_remedy = "Run it again later; what is done already is not done twice."
    #: What a command that it ends exits with: the class alone decides.
    exit_code = 4

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = None,
        service: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy or self.default_remedy
        self.service = service
        self.status = status

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}"


class ConfigError(ServiceError):
    """A setting is wrong: nothing but a change of the settings helps."""

    default_remedy = "Correct the setting and run it again."
    exit_code = 2


class InputError(ServiceError):
    """A file that the person named cannot be used as it is."""

    default_remedy = "Name another file, or make the download again."
    exit_code = 2


class AuthError(ServiceError):
    """The login is missing, has run out or was withdrawn: log in (again)."""

    default_remedy = (
        "Log in again: trakt2discovr login trakt, or trakt2discovr login discovr."
    )
    exit_code = 3


class LoginRefusedError(AuthError):
    """The service itself says that this very login is spent, over or withdrawn."""


class WrongTokenKindError(AuthError):
    """The login is good, and the service wants another kind of token for this call."""


class TransientError(ServiceError):
    """A passing fault, and the request had certainly no effect: try again."""


class RateLimitedError(TransientError):
    """The service asks to wait ``retry_after_s`` seconds; that pauses every caller."""

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        remedy: str | None = None,
        service: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, service=service, status=status)
        self.retry_after_s = retry_after_s


class UnknownOutcomeError(ServiceError):
    """A write was sent and its outcome is lost: look it up, never repeat it blindly."""

    default_remedy = "Run it again: it is looked up before it is sent again."


class RejectedError(ServiceError):
    """The service refused this one request for good: record it and go on."""

    default_remedy = (
        "To repeat it does not help: trakt2discovr doctor checks what a run asks for, "
        "and says what to do."
    )


class NotFoundError(RejectedError):
    """The record asked for does not exist."""


class BlockedError(ServiceError):
    """The service refuses this machine or account for now; repeating makes it worse."""

    default_remedy = "Wait an hour before you run it again, or use another network."


class ContractError(ServiceError):
    """The answer does not have the documented shape: set it aside, do not guess."""

    default_remedy = (
        "The service may have changed: look for a newer version of this program."
    )
