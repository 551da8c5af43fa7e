"""When refusals in a row mean the service, the account or the login, and no title."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.errors import (
    AuthError,
    RateLimitedError,
    RejectedError,
    ServiceError,
    TransientError,
)
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Container

    from sync.domain.plan import Operation

#: Refused so often in a row for what is no title's fault, the run is over.
MOST_REFUSED = 5
#: Titles may be refused one after the other, but hardly so many for the first time.
MOST_TITLES_REFUSED = 25
#: So many writes in a row without a clear answer, counting each time one was sent.
MOST_UNCLEAR = 8
#: What a service answers about one title, and not about who is asking.
_ABOUT_ONE = frozenset({400, 404, 409, 410, 422, 451})
_NOT_ALLOWED = 403


class RefusingServiceError(ServiceError):
    """Discovr takes no write at all just now, so the run was stopped."""

    default_remedy = (
        "See what Discovr says about your account and whether it is up; then run it "
        "again: it goes on where it stopped."
    )

    @classmethod
    def refused(cls, number: int, status: int | None) -> RefusingServiceError:
        """Say that writes were refused for good, one after the other."""
        why = f" (status {status})" if status else ""
        return cls(
            f"Discovr refused {count(number, 'write')} in a row{why}, so the run was "
            "stopped.",
            service="Discovr",
            status=status,
        )

    @classmethod
    def unclear(cls, number: int, last: ServiceError) -> RefusingServiceError:
        """Say that no write had a clear answer, and none of them was found."""
        return cls(
            f"Discovr gave no clear answer to {count(number, 'write')} in a row, so "
            f"the run was stopped. The last: {last.message}",
            service=last.service,
            status=last.status,
        )


def is_block(error: ServiceError) -> bool:
    """Whether something before the service turned a write away, each time anew."""
    return isinstance(error, RateLimitedError) and error.status == _NOT_ALLOWED


def is_refusal(error: ServiceError) -> bool:
    """Whether one write was refused for good, and others may still be taken."""
    if is_block(error):
        return True
    if isinstance(error, AuthError | TransientError):
        return False
    is_status = error.status is not None and 300 <= error.status < 500
    return is_status or isinstance(error, RejectedError)


class Breaker:
    """Counts answers in a row, over all writes of a run; an arrival begins anew.

    ``known`` are the ids of writes that were refused in earlier runs: they tell nothing
    new. Each method returns the error that ends the run, once it is due.
    """

    def __init__(self, known: Container[str] = ()) -> None:
        self._known = known
        self._statuses: list[int] = []
        self._titles = 0
        self._unclear: list[str] = []
        #: By title, as what is in front may not like a single one.
        self._blocks: dict[str, ServiceError] = {}
        self._has_arrived = False

    def arrived(self) -> None:
        """Note a write that was taken."""
        self._has_arrived = True
        self._titles = 0
        self._clear()

    def refused(self, operation: Operation, error: ServiceError) -> ServiceError | None:
        """Note a write that was refused."""
        status = error.status
        if is_block(error):
            if operation.id not in self._known:
                self._blocks[operation.key.media] = error
            return error if len(self._blocks) >= MOST_REFUSED else None
        if status is None or status in _ABOUT_ONE:
            self._clear()
            self._titles += operation.id not in self._known
            is_due = self._titles >= MOST_TITLES_REFUSED
            return _end(self._titles, status) if is_due else None
        self._statuses.append(status)
        number = len(self._statuses)
        return _end(number, status) if number >= MOST_REFUSED else None

    def unclear(self, operation: Operation, error: ServiceError) -> ServiceError | None:
        """Note a write without a clear answer. One title alone never ends a run."""
        self._unclear.append(operation.id)
        is_due = len(self._unclear) >= MOST_UNCLEAR and len({*self._unclear}) > 1
        return (
            RefusingServiceError.unclear(len(self._unclear), error) if is_due else None
        )

    def verdict(self) -> ServiceError | None:
        """Say at the end whether nothing was allowed at all: the login, or a block."""
        if len(self._blocks) > 1 and not self._has_arrived:
            return [*self._blocks.values()][-1]
        is_login = {*self._statuses} == {_NOT_ALLOWED} and not self._titles
        is_telling = len(self._statuses) > 1 and not self._has_arrived
        return (
            _end(len(self._statuses), _NOT_ALLOWED) if is_login and is_telling else None
        )

    def _clear(self) -> None:
        self._statuses.clear()
        self._unclear.clear()
        self._blocks.clear()


def _end(number: int, status: int | None) -> ServiceError:
    if status == _NOT_ALLOWED:
        return AuthError(
            f"Discovr does not allow this login to write: {count(number, 'write')} in "
            "a row were refused (status 403), and the run was stopped.",
            remedy="Log in again: trakt2discovr login discovr. If that does not help, "
            "check [discovr] client_id and profile.",
            service="Discovr",
            status=status,
        )
    return RefusingServiceError.refused(number, status)
