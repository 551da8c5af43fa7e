"""The logins of the fleet's profiles: encrypted in the database, one row each.

Trakt's refresh tokens are spent once, so whoever renews one holds its row locked, and
the new pair is in the row before it is used.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from connectors.auth.tokens import StoredToken, TokenStore
from connectors.errors import AuthError, ConfigError
from sync.fleet.database import FAULTS
from sync.fleet.profiles import IS_READ_BY
from sync.ledger.errors import StateError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from datetime import datetime

    import asyncpg

    from connectors.clock import Clock
    from sync.fleet.database import FleetDatabase
    from sync.fleet.profiles import Profile
    from sync.fleet.vault import Vault

#: A store of the fleet has no file of its own.
_NOWHERE = Path("fleet")

#: In the place of a profile: the operator's own login, for all that may live by it.
SHARED = 0

_LOAD = """
SELECT profile, service, secret, refused_at IS NOT NULL AS is_refused FROM fleet_login
WHERE profile = ANY($1) ORDER BY profile
"""
_LOCK = """
SELECT secret FROM fleet_login WHERE profile = $1 AND service = $2 FOR UPDATE
"""
#: Of a profile that is removed meanwhile nothing is kept, nor a login to Trakt of
#: one that has another source by now.
_SAVE = f"""
INSERT INTO fleet_login (profile, service, key_id, secret, expires_at)
SELECT $1::bigint, $2::text, $3::text, $4::bytea, $5::timestamptz WHERE $1 = 0
OR EXISTS (SELECT FROM fleet_profile WHERE id = $1 AND state <> 'gone'
    AND ($2 <> 'trakt' OR $6::text IS NULL
        OR {IS_READ_BY.format(now="source", made="$6")}) FOR SHARE)
ON CONFLICT (profile, service) DO UPDATE SET key_id = excluded.key_id,
secret = excluded.secret, expires_at = excluded.expires_at, refused_at = NULL
"""  # noqa: S608  # names of ours
#: Only the very login that was sent: another worker may have renewed it since.
_NOTE = """
UPDATE fleet_login SET refused_at = $4
WHERE profile = $1 AND service = $2 AND secret = $3
"""
_DELETE = "DELETE FROM fleet_login WHERE profile = $1 AND service = $2"
_FORGET = """
DELETE FROM fleet_login WHERE profile IN
(SELECT id FROM fleet_profile WHERE profile = ANY($1))
"""
#: Whose key is lost waits for a new sign-in.
_IS_OLD = "key_id <> $1 AND (refused_at IS NULL OR key_id = ANY($2))"
_OLD = f"""
SELECT profile, service, secret FROM fleet_login WHERE {_IS_OLD}
ORDER BY profile, service LIMIT $3 FOR UPDATE SKIP LOCKED
"""  # noqa: S608  # a condition of ours
_OLD_LEFT = f"SELECT count(*) AS n FROM fleet_login WHERE {_IS_OLD}"  # noqa: S608
_IS_LOST = "key_id <> ALL($1) AND refused_at IS NULL"
_LOST = f"SELECT count(*) AS n FROM fleet_login WHERE {_IS_LOST}"  # noqa: S608
#: No service has refused these: their key may come back.
_GIVE_UP = f"UPDATE fleet_login SET refused_at = '-infinity' WHERE {_IS_LOST}"  # noqa: S608
_TAKE_BACK = """
WITH found AS (
    UPDATE fleet_login SET refused_at = NULL
    WHERE refused_at = '-infinity' AND key_id = ANY($1) RETURNING profile
), woken AS (
    UPDATE fleet_profile SET state = 'active', due_at = $2 WHERE state = 'needs_login'
    AND id IN (SELECT profile FROM found)
)
SELECT profile FROM found
"""
_STANDING = """
SELECT profile, service, refused_at IS NULL AS is_good FROM fleet_login
WHERE profile = ANY($1)
"""
#: Discovr's alone: nothing renews it.
_ENDING = """
SELECT profile, expires_at FROM fleet_login
WHERE service = 'discovr' AND refused_at IS NULL AND expires_at <= $1
"""
_BATCH = 500
#: So often a login that was handed out is tried to be stored.
_TRIES = 600


class ProfileStore(TokenStore):
    """The token store of one profile, for one run.

    It is read once, by ``open_store``; what is saved under ``lock`` is in the database
    when that ends.
    """

    def __init__(
        self,
        database: FleetDatabase,
        vault: Vault,
        profile: int,
        readable: Sequence[int],
        rows: Iterable[asyncpg.Record],
        *,
        source: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(_NOWHERE, clock=clock)
        self._source = source
        self.place = "the fleet's database"
        self._database = database
        self._vault = vault
        self._profile = profile
        self._readable = readable
        self._tokens: dict[str, StoredToken] = {}
        #: As they stand in the database, as far as is known here: of the last row.
        found = {row["service"]: row for row in rows}
        self._sealed: dict[str, bytes] = {s: r["secret"] for s, r in found.items()}
        self._refused = {s for s, r in found.items() if r["is_refused"]}
        #: Whose they are; None: of nobody in the database.
        self._owners: dict[str, int | None] = {
            s: r["profile"] for s, r in found.items()
        }
        self._held: set[str] = set()
        self._changed: set[str] = set()

    def offer(self, service: str, token: StoredToken) -> None:
        """Use the login of others where the profile has none of its own."""
        if service not in self._sealed:
            self._tokens[service] = token
            self._owners[service] = None

    def has_own(self, service: str) -> bool:
        """Whether the login in use is that of the profile itself."""
        return self._owners.get(service) == self._profile

    def _owner(self, service: str) -> int | None:
        return self._owners.get(service, self._profile)

    def load(self, service: str) -> StoredToken | None:
        """Return the login of that service, None if there is none.

        Raises StateError, ConfigError where it cannot be read; AuthError where that
        was given up.
        """
        if service not in self._tokens and service in self._sealed:
            self._tokens[service] = self._open(service)
        return self._tokens.get(service)

    def is_lasting(self, service: str) -> bool:
        """Whether there is a login that can be read and renewed. As ``load`` raises."""
        try:
            token = self.load(service)
        except AuthError:
            return False
        return token is not None and token.refresh_token is not None

    def _open(self, service: str) -> StoredToken:
        try:
            return _read(self._vault, service, self._sealed[service])
        except StateError:
            if service not in self._refused:
                raise
        is_for_all = self._owner(service) == SHARED
        command = "fleet login --shared" if is_for_all else f"login {service}"
        raise AuthError(
            f"The key of the login to {service.title()} is lost.",
            remedy=f"Log in again: trakt2discovr {command}",
            service=service.title(),
        )

    def check(self) -> None:
        """Nothing to be checked before: the database was just read."""

    def save(self, service: str, token: StoredToken) -> None:
        """Keep a login; it is stored when the lock on it ends. Needs that lock."""
        self._require(service)
        self._tokens[service] = token
        self._changed.add(service)

    async def keep(self, service: str, token: StoredToken) -> None:
        """Store a login now."""
        async with self.lock(service):
            self.save(service, token)

    def delete(self, service: str) -> None:
        """Forget a login once the lock on it ends. Needs that lock."""
        self._require(service)
        self._tokens.pop(service, None)
        self._changed.add(service)

    async def refuse(self, service: str) -> None:
        """Note that the service takes the login no more that it was asked with."""
        await self._note(service, self._clock.now())

    async def accept(self, service: str) -> None:
        """Note that the service takes it again, where it had refused it."""
        if service in self._refused:
            await self._note(service, None)

    async def _note(self, service: str, refused_at: datetime | None) -> None:
        if sealed := self._sealed.get(service):
            owner = self._owner(service)
            await self._database.rows(_NOTE, owner, service, sealed, refused_at)

    async def is_replaced(self, service: str) -> bool:
        """Whether somebody has signed in, or out, since it was read."""
        rows = await self._database.rows(_LOAD, self._readable)
        found = {row["service"]: row["secret"] for row in rows}
        return found.get(service) != self._sealed.get(service)

    @asynccontextmanager
    async def lock(self, service: str) -> AsyncIterator[None]:
        """Keep every other worker from renewing this login meanwhile."""
        async with self._database.pool.acquire() as connection:
            transaction = connection.transaction()
            with self._database.in_words():
                await transaction.start()
                row = await connection.fetchrow(_LOCK, self._owner(service), service)
            if row is None and service in self._sealed:  # it was forgotten since
                del self._sealed[service]
                self._tokens.pop(service, None)
            if row is not None:
                self._tokens.pop(service, None)
                if row["secret"] != self._sealed.get(service):
                    self._refused.discard(service)
                self._sealed[service] = row["secret"]
            self._held.add(service)
            try:
                yield
            finally:
                self._held.discard(service)
                # What was handed out is kept, whatever went wrong since: the one
                # before is spent.
                await asyncio.shield(self._end(connection, transaction, service))

    async def _end(
        self,
        connection: asyncpg.pool.PoolConnectionProxy,
        transaction: asyncpg.transaction.Transaction,
        service: str,
    ) -> None:
        """Store what has changed; where the connection broke, over others."""
        is_changed = service in self._changed
        self._changed.discard(service)
        try:
            if is_changed:
                await self._write(connection, service)
            await transaction.commit()
        except FAULTS:
            if is_changed:
                await self._write_patiently(service)

    async def _write_patiently(self, service: str) -> None:
        for left in reversed(range(_TRIES)):
            try:
                with self._database.in_words():
                    await self._write(self._database.pool, service)
            except StateError:
                if not left:
                    raise
                await self._clock.sleep(1.0)
            else:
                return

    def _require(self, service: str) -> None:
        if service not in self._held:
            raise RuntimeError("A login of the fleet is changed under its lock alone.")

    async def _write(
        self,
        connection: asyncpg.pool.PoolConnectionProxy | asyncpg.Pool,
        service: str,
    ) -> None:
        token, owner = self._tokens.get(service), self._owner(service)
        if owner is None:
            return  # it is kept elsewhere
        if token is None:
            self._sealed.pop(service, None)
            await connection.execute(_DELETE, owner, service)
            return
        # Who signs in takes minutes: the first key may be an old one by now.
        self._vault.refresh()
        self._sealed[service] = self._vault.seal(token.model_dump_json())
        await connection.execute(
            _SAVE,
            owner,
            service,
            self._vault.key_id,
            self._sealed[service],
            token.expires_at,
            self._source,
        )


async def open_store(
    database: FleetDatabase,
    vault: Vault,
    profile: int,
    *,
    with_shared: bool = False,
    source: str | None = None,
    clock: Clock | None = None,
) -> ProfileStore:
    """Read the logins of a profile; if asked to, what serves all in place of none.

    A refused one of its own is one that it has: another's may lead elsewhere. A login
    to Trakt that was made for a ``source`` is kept as ``Profile.is_read_by`` says.
    """
    owners = [SHARED, profile] if with_shared else [profile]
    rows = await database.rows(_LOAD, owners)
    return ProfileStore(
        database, vault, profile, owners, rows, source=source, clock=clock
    )


async def standing_of(
    database: FleetDatabase, profiles: Sequence[Profile]
) -> dict[int, dict[str, bool]]:
    """Return to which services each has a login, and whether that was not refused.

    The one that serves all is among them.
    """
    found: dict[int, dict[str, bool]] = {
        p: {} for p in (SHARED, *(x.id for x in profiles))
    }
    for row in await database.rows(_STANDING, [*found]):
        found[row["profile"]][row["service"]] = row["is_good"]
    return found


async def ending_by(database: FleetDatabase, until: datetime) -> dict[int, datetime]:
    """Return whose login to Discovr ends by then, and when. Nothing renews those.

    The one that serves all is among them.
    """
    rows = await database.rows(_ENDING, until)
    return {row["profile"]: row["expires_at"] for row in rows}


async def forget(database: FleetDatabase, names: list[str]) -> None:
    """Delete the logins of these profiles."""
    await database.rows(_FORGET, names)


async def rotate(database: FleetDatabase, vault: Vault) -> int:
    """Seal every login with the first key; returns how many were.

    Raises ConfigError where one cannot be opened: no key may go before all are sealed.
    """
    sealed = 0
    while True:
        async with database.transaction() as connection:
            terms = (vault.key_id, vault.key_ids, _BATCH)
            rows = await connection.fetch(_OLD, *terms)
            for row in rows:
                secret = vault.rotate(row["secret"])
                await connection.execute(
                    "UPDATE fleet_login SET secret = $3, key_id = $4 "
                    "WHERE profile = $1 AND service = $2",
                    row["profile"],
                    row["service"],
                    secret,
                    vault.key_id,
                )
        sealed += len(rows)
        if not rows:
            return sealed


async def sealed_with_old_keys(database: FleetDatabase, vault: Vault) -> int:
    """Count the logins that the first key does not open."""
    (row,) = await database.rows(_OLD_LEFT, vault.key_id, vault.key_ids)
    found: int = row["n"]
    return found


async def lost(database: FleetDatabase, known: Sequence[str]) -> int:
    """Count the logins that none of these keys opens, and that are not given up."""
    (row,) = await database.rows(_LOST, known)
    found: int = row["n"]
    return found


async def give_up(database: FleetDatabase, known: Sequence[str]) -> None:
    """Let everybody sign in again whose login none of these keys opens."""
    await database.rows(_GIVE_UP, known)


async def take_back(
    database: FleetDatabase, known: Sequence[str], now: datetime
) -> list[int]:
    """Go on with what was given up and these keys open; returns whose logins."""
    return [row["profile"] for row in await database.rows(_TAKE_BACK, known, now)]


def _read(vault: Vault, service: str, secret: bytes) -> StoredToken:
    text = vault.open(secret)
    try:
        return StoredToken.model_validate_json(text)
    except ValidationError:
        pass
    raise ConfigError(
        f"The {service} login in the fleet's database is damaged.",
        remedy="Log in again: trakt2discovr fleet login PROFILE",
    )
