"""What the two kinds of database have to bring, and the choice between them."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from connectors.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Engine, Table
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.exc import DBAPIError

    from sync.ledger.database import Database
    from sync.ledger.errors import StateError
    from sync.ledger.records import Holder

    Upsert: TypeAlias = sqlite.Insert | postgresql.Insert


class Mode(Enum):
    """What a transaction is for.

    DURABLE survives SIGKILL and power loss once it is committed. RELAXED survives
    SIGKILL; power loss can take the last of them back, whole and in order.
    """

    READ = auto()
    RELAXED = auto()
    DURABLE = auto()
    MIGRATE = auto()


class ProfileLock(Protocol):
    """One lock of one profile, freed by the system when its process dies."""

    def acquire(self, holder: Holder) -> None:
        """Take it in the name of ``holder``, or raise BusyError at once."""

    def check(self) -> None:
        """Raise BusyError if it is taken, without taking it."""

    def release(self) -> None:
        """Free it; without effect when it was not taken."""


class Backend(Protocol):
    """One kind of database."""

    #: Sent at the start of each transaction.
    opening: ClassVar[Mapping[Mode, tuple[str, ...]]]
    kind: ClassVar[str]
    #: Where it is, in words that hold no secret.
    place: str

    def create_engine(self, *, is_read_only: bool) -> Engine:
        """Build the engine; nothing is opened yet."""

    def is_there(self) -> bool:
        """Whether there is anything to connect to."""

    def measure(self, connection: Connection) -> tuple[str, int]:
        """Return name and version of the software, and the size in bytes."""

    def check(self, connection: Connection) -> None:
        """Raise StateError if what is stored is damaged, as far as that shows."""

    def insert(self, table: Table) -> Upsert:
        """Start an INSERT that knows ON CONFLICT."""

    def is_missing_table(self, error: DBAPIError) -> bool:
        """Whether it says that a table is not there."""

    def explain(self, error: DBAPIError) -> StateError | None:
        """Say a fault of the database in words; None for a fault of the program."""

    def other_version(self) -> StateError:
        """Say that the tables are not of this version, and are to stay as they are."""

    def newer_version(self) -> StateError:
        """Say that the tables are those of a later program."""

    def profile_lock(self, profile: str, database: Database) -> ProfileLock:
        """Prepare the lock of a profile."""


def choose_backend(url: str) -> Backend:
    """Read ``[state] url``. No message repeats it, since it can hold a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise _bad_url("cannot be read as an address") from error
    match parsed.get_backend_name():
        case "sqlite":
            from sync.ledger.sqlite import SqliteBackend  # noqa: PLC0415  # cheap start

            return SqliteBackend(parsed)
        case "postgresql" | "postgres":
            from sync.ledger.postgres import PostgresBackend  # noqa: PLC0415  # as above

            return PostgresBackend(parsed)
        case _:
            raise _bad_url("names a kind of database that is not supported")


def _bad_url(what: str) -> ConfigError:
    return ConfigError(
        f"The setting [state] url {what}.",
        remedy="Write it as sqlite:///PATH or postgresql://USER@HOST/DATABASE.",
    )
