"""What the two kinds of database have to bring, and the choice between them."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection, Engine, Table
    from sqlalchemy.dialects import postgresql, sqlite

    from sync.ledger.errors import StateError
    from sync.ledger.plain import Plain
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

    def check_kept(self, sender: Plain) -> None:
        """Raise StateError if it went although it was neither lost nor given back."""

    def check(self) -> None:
        """Raise BusyError if it is taken, without taking it."""

    def release(self) -> None:
        """Free it; without effect when it was not taken."""


class Sessions(Protocol):
    """What a lock in the database uses of the connection to it.

    ``session`` counts connections; ``sessions`` says in which each lock was taken.
    """

    session: int
    sessions: dict[str, int]

    def plain(self, mode: Mode) -> AbstractContextManager[Plain]:
        """Do all that is inside or nothing; a fault of the database is a StateError."""


class Backend(Protocol):
    """One kind of database."""

    #: Sent at the start of each transaction.
    opening: ClassVar[Mapping[Mode, tuple[str, ...]]]
    kind: ClassVar[str]
    #: What the driver raises past SQLAlchemy.
    faults: ClassVar[tuple[type[Exception], ...]]
    #: Where it is, in words that hold no secret.
    place: str

    def create_engine(self) -> Engine:
        """Build SQLAlchemy's engine around the connection; nothing is opened yet."""

    def begin(self, mode: Mode) -> AbstractContextManager[Plain] | None:
        """Begin a transaction on the driver itself; None where SQLAlchemy has it."""

    def within(self, connection: Connection) -> Plain:
        """Send plain SQL in a transaction that SQLAlchemy has begun."""

    def share_titles(self, sender: Plain, *, is_tidying: bool) -> None:
        """Come before the transaction puts titles that all profiles share.

        Until it ends nobody takes one away; where it ``is_tidying``, nobody puts one.
        """

    def close(self) -> None:
        """Close what ``begin`` opened."""

    def is_there(self) -> bool:
        """Whether there is anything to connect to."""

    def measure(self, sender: Plain) -> tuple[str, int]:
        """Return name and version of the software, and the size in bytes."""

    def check(self, sender: Plain, *, is_current: bool) -> None:
        """Raise StateError for damage, or a right that runs lack, as far as it shows.

        Tables that are not ``is_current`` are yet to be made, or to be changed.
        """

    def insert(self, table: Table) -> Upsert:
        """Start an INSERT that knows ON CONFLICT."""

    def is_missing_table(self, error: Exception) -> bool:
        """Whether it says that a table is not there."""

    def explain(self, error: Exception) -> StateError | None:
        """Say a fault of the driver in words; None for a fault of the program."""

    def damaged(self) -> StateError:
        """Say that what is stored is damaged."""

    def other_version(self) -> StateError:
        """Say that the tables are not of this version, and are to stay as they are."""

    def newer_version(self) -> StateError:
        """Say that the tables are those of a later program."""

    def profile_lock(self, profile: str, database: Sessions) -> ProfileLock:
        """Prepare the lock of a profile."""
