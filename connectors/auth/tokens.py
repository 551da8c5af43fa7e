"""Where logins are kept: one small file that only its owner can read.

Refresh tokens can be single-use, so a pair is on disk before it is used, and whoever
renews one holds the lock of that service, across processes.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from connectors.clock import SystemClock
from connectors.errors import ConfigError, TransientError
from connectors.files import replace_file

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from filelock import BaseFileLock

    from connectors.clock import Clock

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_POLL_S = 0.05
#: Changing the file takes milliseconds; whoever takes longer hangs.
_CHANGE_TIMEOUT_S = 10.0


class StoredToken(BaseModel):
    """A login. ``origin`` is the fingerprint of the configured token that it replaces.

    No secret shows in its repr.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    access_token: str | None = Field(default=None, repr=False)
    refresh_token: str | None = Field(default=None, repr=False)
    expires_at: AwareDatetime | None = None
    obtained_at: AwareDatetime
    origin: str | None = None
    extra: dict[str, str] = Field(default={}, repr=False)


def fingerprint(token: str) -> str:
    """Return a short digest that recognises a token and does not give it away."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


class TokenStore:
    """A JSON file with one login per service; what it does not know it leaves alone.

    Everything that is wrong with the file is a ConfigError that says what to do; a file
    that cannot be understood is never overwritten.
    """

    def __init__(
        self, path: Path, *, clock: Clock | None = None, lock_timeout_s: float = 120.0
    ) -> None:
        self.path = path
        self.place = str(path)
        self._clock = clock or SystemClock()
        self._lock_timeout_s = lock_timeout_s

    def load(self, service: str) -> StoredToken | None:
        """Return the login of that service, None if there is none."""
        entry = self._find(service)
        if entry is None:
            return None
        with suppress(ValidationError):
            return StoredToken.model_validate(entry)
        raise ConfigError(
            f"The {service} login in {self.place} is damaged.",
            remedy=f"Log in again: trakt2discovr login {service}",
        )

    def save(self, service: str, token: StoredToken) -> None:
        """Store a login; once this returns it survives a crash."""
        with self._changing() as entries:
            entries[service] = token.model_dump(mode="json")

    def check(self) -> None:
        """Raise ConfigError now if a login could not be stored later."""
        with self._changing():
            pass

    def delete(self, service: str) -> None:
        """Forget the login of that service, if there is one."""
        if service in self._read():
            with self._changing() as entries:
                entries.pop(service, None)

    @asynccontextmanager
    async def lock(self, service: str) -> AsyncIterator[None]:
        """Keep every other process (and task) from renewing this login meanwhile.

        Raises TransientError when another one holds it for too long.
        """
        held = self._file_lock(f".{service}.lock")
        give_up_at = self._clock.monotonic() + self._lock_timeout_s
        # Asking without blocking needs no thread, so nothing is left behind when the
        # waiting is cancelled.
        while not self._try(held):
            if self._clock.monotonic() >= give_up_at:
                raise TransientError(
                    f"Another run renews the {service} login and does not finish.",
                    remedy="Run it again once the other one has ended.",
                )
            await self._clock.sleep(_POLL_S)
        try:
            yield
        finally:
            held.release()

    def _find(self, service: str) -> Any:
        return self._read().get(service)

    def _try(self, held: BaseFileLock) -> bool:
        with self._explained(), suppress(TimeoutError):
            held.acquire(blocking=False)
        return held.is_locked

    def _file_lock(self, suffix: str) -> BaseFileLock:
        with self._explained():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        from filelock import FileLock  # noqa: PLC0415  # a look takes no lock

        return FileLock(f"{self.path}{suffix}", mode=0o600)

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        held = self._file_lock(".lock")
        try:
            with self._explained():
                held.acquire(timeout=_CHANGE_TIMEOUT_S)
            entries = self._read()
            yield entries
            with self._explained():
                replace_file(self.path, json.dumps(entries, indent=2) + "\n")
        finally:
            held.release()

    def _read(self) -> dict[str, Any]:
        content = self._content()
        if content is None:
            return {}
        with suppress(ValueError, RecursionError):
            entries = json.loads(content)
            if isinstance(entries, dict):
                return entries
        raise ConfigError(
            f"The token store {self.path} is not what this program wrote.",
            remedy="Move it away and log in again: trakt2discovr login SERVICE",
        )

    def _content(self) -> bytes | None:
        with (
            self._explained(),
            suppress(FileNotFoundError),
            self.path.open("rb") as file,
        ):
            self._refuse_if_shared(os.fstat(file.fileno()))
            return file.read()
        return None

    def _refuse_if_shared(self, status: os.stat_result) -> None:
        if os.name == "posix" and status.st_mode & _OTHERS:
            raise ConfigError(
                f"Others on this machine can read the token store {self.path}.",
                remedy=f"Run: chmod 600 {self.path}",
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the operating system says into our words."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
        else:
            return
        raise ConfigError(
            f"The token store {self.path} cannot be used: {reason}.",
            remedy="Correct [state] tokens, or the rights on that folder.",
        )


class NoTokens(TokenStore):
    """Holds no login: for a client of a token that is kept nowhere yet."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull))

    def load(self, service: str) -> None:
        """Return none: whether the one that is stored can be read does not matter."""

    @asynccontextmanager
    async def lock(self, service: str) -> AsyncIterator[None]:
        """Nobody else renews it."""
        del service
        yield
