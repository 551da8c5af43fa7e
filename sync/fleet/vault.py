"""Encrypts the logins of many, with keys that are kept apart from the database."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from connectors.errors import ConfigError
from connectors.files import replace_file
from sync.config import FLEET_KEY
from sync.ledger.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: The name of the key file among systemd's credentials (``LoadCredential=``).
CREDENTIAL = "fleet-key"
_CREDENTIALS = "CREDENTIALS_DIRECTORY"
#: Keys that stay when a new one is made.
KEPT = 2
#: What an invitation holds, and for how long it is good.
_INVITE = "invite "
_INVITED_S = 30 * 86_400
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Vault:
    """Seals with the first key, and opens with any.

    With ``again`` the keys are read anew where none of them fits: there may be a new
    one by now. ``place`` says where they are.
    """

    def __init__(
        self,
        keys: Sequence[bytes],
        again: Callable[[], Sequence[bytes]] | None = None,
        place: str = "the key file",
    ) -> None:
        self._again = again
        self._place = place
        self._use(keys)

    @property
    def key_id(self) -> str:
        """By what it is known with which key something was sealed."""
        return self.key_ids[0]

    @property
    def key_ids(self) -> list[str]:
        """The same of each key, that which seals first."""
        return [key_id(key) for key in self._keys]

    def seal(self, text: str) -> bytes:
        """Encrypt."""
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Decrypt. Raises StateError where the key for it is not there (yet)."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            pass
        if self._again and (keys := self._again()) != self._keys:
            self._use(keys)
            return self.open(sealed)
        raise StateError(
            f"A login cannot be decrypted by any key of {self._place}.",
            remedy="Add the lines of the key file of another machine of the fleet, or "
            "of your copy, below those that are there. Where systemd hands the key "
            "over (LoadCredential), do so in the file that it names, and restart the "
            "worker. For one profile alone: trakt2discovr fleet login PROFILE. Only if "
            "the key is lost on every machine, stop all workers, and: trakt2discovr "
            "fleet init --new-key",
        )

    def invite(self, number: int, name: str) -> str:
        """Return what leads to the sign-in of one profile, and cannot be guessed."""
        return self.seal(f"{_INVITE}{number} {name}").decode()

    def read_invitation(self, text: str) -> tuple[int, str] | None:
        """Return whose invitation that is; None for one that is none, or is over.

        After a restore somebody else may have the number.
        """
        try:
            sealed = text.encode("ascii")
            said = self._fernet.decrypt(sealed, ttl=_INVITED_S).decode()
        except (InvalidToken, UnicodeEncodeError):
            return None
        number, _, name = said.removeprefix(_INVITE).partition(" ")
        is_one = said.startswith(_INVITE) and number.isdecimal()
        return (int(number), name) if is_one else None

    def refresh(self) -> None:
        """Take in a key that was made since; of a file that cannot be read nothing."""
        if self._again:
            with suppress(ConfigError):
                self._use(self._again())

    def rotate(self, sealed: bytes) -> bytes:
        """Seal anew with the first key."""
        return self.seal(self.open(sealed))

    def _use(self, keys: Sequence[bytes]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._keys = list(keys)


def key_id(key: bytes) -> str:
    """Return a short digest that tells keys apart and gives none away."""
    return hashlib.sha256(b"trakt2discovr fleet key " + key).hexdigest()[:12]


def key_place(configured: Path | None, folder: Path) -> Path:
    """Return where the keys are: as set, else systemd's credential, else ``folder``."""
    if configured:
        return configured
    if credentials := os.environ.get(_CREDENTIALS):
        place = Path(credentials) / CREDENTIAL
        if place.is_file():
            return place
    return folder / FLEET_KEY


def known_keys(place: Path) -> list[str]:
    """Return the ids of the keys that are there. Raises ConfigError for a bad file."""
    return [key_id(key) for key in _read(place)] if place.exists() else []


def make_key(place: Path) -> bool:
    """Write a first key; False where there is a file already."""
    if place.exists():
        return False
    _write(place, [Fernet.generate_key()])
    return True


def add_key(place: Path) -> None:
    """Put a new key before the others."""
    _write(place, [Fernet.generate_key(), *_read(place)])


def drop_old_keys(place: Path) -> int:
    """Keep the new key, and the one that workers have; returns how many went."""
    keys = _read(place)
    if len(keys) > KEPT:
        _write(place, keys[:KEPT])
    return max(0, len(keys) - KEPT)


def open_vault(place: Path) -> Vault:
    """Read the keys. Raises ConfigError where they are not as they have to be."""
    where = f"{place} on {socket.gethostname()}"
    return Vault(_read(place), lambda: _read(place), where)


def _read(place: Path) -> list[bytes]:
    try:
        with place.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read()
    except OSError as error:
        raise ConfigError(
            f"The key file {place} cannot be read ({error.strerror}).",
            remedy="Name the one that the logins were stored with in [fleet] key_file, "
            "or make a first one: trakt2discovr fleet init",
        ) from None
    if os.name == "posix" and status.st_mode & _OTHERS and not _is_credential(place):
        raise ConfigError(
            f"Others on this machine can read the key file {place}.",
            remedy=f"Run: chmod 600 {place}",
        )
    keys = content.split()
    try:
        Vault(keys)
    except (ValueError, IndexError):
        pass
    else:
        return list(keys)
    raise ConfigError(
        f"The key file {place} holds no keys of trakt2discovr.",
        remedy="Put back the file that was made at first. If it is lost, move it away "
        "and run: trakt2discovr fleet init --new-key",
    )


def _is_credential(place: Path) -> bool:
    """Whether systemd guards it, by its own rights."""
    folder = os.environ.get(_CREDENTIALS)
    return bool(folder) and place.parent == Path(folder or "")


def _write(place: Path, keys: Sequence[bytes]) -> None:
    text = "\n".join(key.decode() for key in keys) + "\n"
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(place, text)
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise ConfigError(
        f"The key file {place} cannot be written ({reason}).",
        remedy="Name another place in [fleet] key_file, or correct its rights.",
    )
