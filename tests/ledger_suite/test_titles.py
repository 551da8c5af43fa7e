"""What is public of titles is kept once for all, and each profile has its own back."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from alembic import command
from sqlalchemy import event, text

from sync.domain.histories import TitleHistory
from sync.domain.plays import Ids, Kind, Play, Title, title_key
from sync.domain.sources import SourceRecord
from sync.domain.sums import Sums
from sync.ledger import Ledger, StateError
from sync.ledger.backend import Mode
from sync.ledger.migrate import _config
from sync.ledger.titles import digest_of, from_text, to_text
from tests.ledger_suite.factories import AT, PROFILE
from tests.ledger_suite.statements import statements_of
from tests.ledger_suite.test_histories import a_show, old_payload

if TYPE_CHECKING:
    from collections.abc import Iterable

OTHER = "p-2"
MINUTE = datetime(2024, 2, 29, 23, 59, tzinfo=UTC)
#: Films that differ in a single thing each, most of which they lack.
FILMS = [
    Title(Kind.FILM, "Same"),
    Title(Kind.FILM, "Same", 0),
    Title(Kind.FILM, "Same", 2000),
    Title(Kind.FILM, "same", 2000),
    Title(Kind.FILM, "Same", 2000, Ids(trakt=1)),
    Title(Kind.SHOW, "Same", 2000, Ids(trakt=1)),
    Title(Kind.FILM, "Same", 2000, Ids(tmdb=1)),
    Title(Kind.FILM, "Same", 2000, Ids(tvdb=1)),
    Title(Kind.FILM, "Same", 2000, Ids(slug="1", imdb="1")),
    Title(Kind.FILM, "", None, Ids(imdb="tt2")),
    Title(Kind.FILM, "nul \0, half \ud83c, \U0001f3ac, \"'\\\n", -1, Ids(trakt=2**63)),
    Title(Kind.FILM, "long " * 2_000, None, Ids(slug="long")),
]


def film(title: Title, *ids: int) -> TitleHistory:
    plays = tuple(Play(title, MINUTE, id=number) for number in ids)
    return TitleHistory(title, None, plays)


def renamed(name: str) -> TitleHistory:
    return film(Title(Kind.FILM, name, 2000, Ids(trakt=1)), 1)


async def put(ledger: Ledger, profile: str, *histories: TitleHistory) -> None:
    await ledger.put_histories(profile, histories, {}, AT, gone=())


async def read(ledger: Ledger, profile: str) -> list[TitleHistory]:
    return in_order(await ledger.histories(profile))


def in_order(histories: Iterable[TitleHistory]) -> list[TitleHistory]:
    return sorted(histories, key=lambda history: repr(history.title))


async def names(ledger: Ledger) -> list[str]:
    """Return the names that all profiles share, as they stand in the table."""
    rows = await run(ledger, "SELECT payload FROM t2d_shared_title")
    return sorted(from_text(payload).name for (payload,) in rows)


async def run(ledger: Ledger, statement: str, **values: object) -> list[Any]:
    def send() -> list[Any]:
        with ledger._database.transaction(Mode.DURABLE) as connection:
            found = connection.execute(text(statement), values)
            return [*map(tuple, found)] if found.returns_rows else []

    return await ledger._in_thread(send)


async def test_titles_that_differ_in_anything_come_back_as_they_were_put(
    ledger: Ledger,
) -> None:
    histories = [film(title, number) for number, title in enumerate(FILMS, 1)]
    for number, history in enumerate(histories):
        await put(ledger, f"p-{number}", history)
    for number, history in enumerate(histories):
        assert await ledger.histories(f"p-{number}") == [history]
    assert len(await names(ledger)) == len(FILMS)


async def test_each_profile_has_the_name_that_it_was_told_as_long_as_it_holds_it(
    ledger: Ledger,
) -> None:
    await put(ledger, PROFILE, renamed("Old"), a_show(1))
    await put(ledger, OTHER, renamed("Old"))
    await put(ledger, PROFILE, renamed("New"))
    assert in_order([renamed("New"), a_show(1)]) == await read(ledger, PROFILE)
    assert in_order([renamed("Old")]) == await read(ledger, OTHER)
    assert await names(ledger) == ["New", "Old", a_show(1).title.name]
    await put(ledger, OTHER, renamed("New"))
    assert await names(ledger) == ["New", a_show(1).title.name]
    key = title_key(renamed("New").title)
    await ledger.put_histories(PROFILE, [], {}, AT, gone=[key])
    assert in_order([renamed("New")]) == await read(ledger, OTHER)
    await ledger.put_histories(OTHER, [], {}, AT)
    assert await names(ledger) == [a_show(1).title.name]


async def test_titles_that_move_between_sources_of_a_profile_stay(
    ledger: Ledger,
) -> None:
    await put(ledger, PROFILE, renamed("Old"), a_show(1))
    record = SourceRecord("trakt:me", "Trakt", frozenset(), None)
    apart = [renamed("Old")]
    await ledger.put_histories(
        PROFILE,
        [a_show(1, 2)],
        {},
        AT,
        gone=(),
        source=record,
        parts=["", record.id],
        unplaced=apart,
        unplaced_source="?",
    )
    _, found = await ledger.holdings(PROFILE)
    assert found == {record.id: [a_show(1, 2)], "?": apart}
    assert await names(ledger) == ["Old", a_show(1).title.name]


@pytest.mark.parametrize("name", [None, "null", '"Other"'])
async def test_a_title_without_its_own_name_is_damage(
    shared_url: str, name: str | None
) -> None:
    damage = "DELETE FROM t2d_shared_title"
    if name:
        parts = f'["film",{name},2000,{{}}]'
        damage = f"UPDATE t2d_shared_title SET payload = '{parts}'"  # noqa: S608
    async with await Ledger.open(shared_url) as ledger:
        await put(ledger, PROFILE, renamed("Old"), a_show(1))
        await put(ledger, OTHER, a_show(1))
        digest = digest_of(to_text(renamed("Old").title))
        await run(ledger, f"{damage} WHERE digest = :digest", digest=digest)
        for call in (ledger.histories, ledger.holdings):
            with pytest.raises(StateError, match=r"is damaged\. \w+") as caught:
                await call(PROFILE)
            assert not caught.value.is_passing
        assert await read(ledger, OTHER) == [a_show(1)]


async def test_what_is_no_json_is_damage(file_url: str) -> None:
    async with await Ledger.open(file_url) as ledger:
        await put(ledger, PROFILE, renamed("Old"))
        await run(ledger, "UPDATE t2d_title SET payload = '[\"film'")
        with pytest.raises(StateError, match=r"is damaged\. \w+"):
            await ledger.histories(PROFILE)


async def test_titles_are_read_with_one_statement_and_put_with_few(
    file_url: str,
) -> None:
    async with await Ledger.open(file_url) as ledger:
        await put(ledger, PROFILE, *(renamed("Old"), a_show(1)))
        statements = await statements_of(ledger)
        await ledger.histories(PROFILE, "")
        assert len([s for s in statements if s.startswith("SELECT")]) == 1
        statements.clear()
        await put(ledger, PROFILE, a_show(1, 2))
        assert not [s for s in statements if s.startswith("DELETE")]
        assert len([s for s in statements if s.startswith("SELECT")]) == 1


async def test_runs_that_put_the_same_titles_at_once_neither_fail_nor_wait_forever(
    shared_url: str,
) -> None:
    titles = [Title(Kind.FILM, f"Film {n}", 2000, Ids(trakt=n)) for n in range(60)]
    ledgers = [await Ledger.open(shared_url) for _ in range(3)]
    orders = [titles, titles[::-1], titles[30:] + titles[:30]]
    try:
        await asyncio.gather(
            *(
                put(ledger, f"p-{number}", *map(film, order))
                for number, (ledger, order) in enumerate(
                    zip(ledgers, orders, strict=True)
                )
            )
        )
        for number, ledger in enumerate(ledgers):
            assert await read(ledger, f"p-{number}") == in_order(map(film, titles))
        assert len(await names(ledgers[0])) == len(titles)
    finally:
        for ledger in ledgers:
            await ledger.close()


async def test_titles_are_put_in_one_order_whatever_the_order_they_come_in(
    postgres_url: str,
) -> None:
    titles = [Title(Kind.FILM, f"Film {n}") for n in range(5)]
    forms = {digest_of(to_text(title)): title for title in titles}
    first, *_, last = sorted(forms)
    falling = [film(forms[digest]) for digest in sorted(forms, reverse=True)]
    insert = "INSERT INTO t2d_shared_title VALUES (%s, %s)"
    async with await Ledger.open(postgres_url) as ledger:
        with psycopg.connect(postgres_url) as another:
            another.execute(insert, [first, to_text(forms[first])])
            putting = asyncio.create_task(put(ledger, PROFILE, *falling))
            await asyncio.wait([putting], timeout=0.1)
            assert not putting.done()
            # Had the run put this one first, each would wait for the other.
            another.execute(insert, [last, to_text(forms[last])])
        await putting
        assert len(await ledger.histories(PROFILE)) == len(forms)


async def test_a_title_that_another_run_is_about_to_hold_is_not_taken_away(
    postgres_url: str,
) -> None:
    digest = digest_of(to_text(renamed("Old").title))
    async with await Ledger.open(postgres_url) as ledger:
        await put(ledger, PROFILE, renamed("Old"))
        with psycopg.connect(postgres_url) as another:
            # What a ledger sends up to where it has found the title there.
            another.execute("SELECT pg_advisory_xact_lock_shared(7214402958412049)")
            giving_up = asyncio.create_task(put(ledger, PROFILE, renamed("New")))
            await asyncio.wait([giving_up], timeout=0.1)
            assert not giving_up.done()
            another.execute(
                "INSERT INTO t2d_title VALUES (%s, '', 'film:1', %s, %s)",
                [OTHER, digest, "[null,[[]],[],[]]"],
            )
        await giving_up
        (kept,) = await ledger.histories(OTHER)
        assert kept.title == renamed("Old").title


def _send(ledger: Ledger, statement: str, rows: list[dict[str, Any]]) -> None:
    with ledger._database.transaction(Mode.DURABLE) as connection:
        connection.execute(text(statement), rows)


def _make_version_0006(ledger: Ledger) -> None:
    config = _config()
    with ledger._database.transaction(Mode.MIGRATE) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")


async def _older(url: str, held: dict[tuple[str, str], list[TitleHistory]]) -> None:
    """Make a database as it was up to version 0006, with these titles by source."""
    ledger = Ledger(url)
    rows = [
        {
            "profile": profile,
            "source": source,
            "title": title_key(h.title),
            "payload": json.dumps(old_payload(h)),
        }
        for (profile, source), histories in held.items()
        for h in histories
    ]
    insert = "INSERT INTO t2d_title VALUES (:profile, :source, :title, :payload)"
    if "postgres" in url:
        insert = insert.replace(":payload", "CAST(:payload AS JSON)")
    await ledger._in_thread(partial(_make_version_0006, ledger))
    await ledger._in_thread(partial(_send, ledger, insert, rows))
    await ledger.close()


async def test_the_titles_of_the_version_before_are_moved_also_after_a_kill(
    shared_url: str,
) -> None:
    many = [
        film(Title(Kind.FILM, f"Film {n}", 2000, Ids(trakt=n))) for n in range(2, 504)
    ]
    held = {
        (PROFILE, ""): [a_show(1, 2, 5), renamed("Old")],
        (PROFILE, "trakt:me"): [a_show(1), *many],
        (OTHER, ""): [renamed("New"), *many[2:5]],
    }
    await _older(shared_url, held)
    killed = Ledger(shared_url)

    def kill(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "DROP TABLE t2d_title" in statement:
            raise KeyboardInterrupt

    def open_it() -> None:
        event.listen(killed._database._engine, "before_cursor_execute", kill)
        with pytest.raises(KeyboardInterrupt):
            killed._database.open()

    await killed._in_thread(open_it)
    await killed.close()
    async with await Ledger.open(shared_url) as ledger:
        for (profile, source), histories in held.items():
            found = await ledger.histories(profile, source)
            assert in_order(found) == in_order(histories)
        shared = {h.title for histories in held.values() for h in histories}
        assert len(await names(ledger)) == len(shared)


async def test_what_a_program_from_before_puts_meanwhile_is_moved_as_well(
    postgres_url: str,
) -> None:
    await _older(postgres_url, {(PROFILE, ""): [a_show(1)]})
    old = [OTHER, json.dumps(old_payload(renamed("Old")))]
    with psycopg.connect(postgres_url) as another:
        another.execute("INSERT INTO t2d_title VALUES (%s, '', 'film:1', %s)", old)
        opening = asyncio.create_task(Ledger.open(postgres_url))
        await asyncio.wait([opening], timeout=0.3)
        assert not opening.done()
    async with await opening as ledger:
        assert await ledger.histories(OTHER) == [renamed("Old")]


async def test_what_titles_come_to_is_kept_as_long_as_they_stand_so(
    ledger: Ledger,
) -> None:
    histories = [renamed("Old"), a_show(1)]
    keys = [title_key(history.title) for history in histories]
    sums = Sums("f", "MV_1", 1, 1, 0, 0, 1)
    record = SourceRecord("trakt:me", "Trakt", frozenset(), None)
    keep = partial(ledger.put_histories, source=record, gone=())
    await keep(PROFILE, histories, {}, AT, sums={keys[0]: sums})
    await put(ledger, OTHER, renamed("Old"))
    of_source = {keys[0]: sums, keys[1]: None}
    assert await ledger.sums(PROFILE) == {record.id: of_source}
    assert await ledger.sums(OTHER) == {"": {keys[0]: None}}
    # What is put without them stands otherwise now.
    await keep(PROFILE, [renamed("New")], {}, AT)
    assert await ledger.sums(PROFILE) == {record.id: dict.fromkeys(keys)}
    await ledger.put_histories(PROFILE, [], {}, AT, source=record, gone=keys[:1])
    assert await ledger.sums(PROFILE) == {record.id: {keys[1]: None}}


async def test_a_few_titles_are_read_by_their_keys(ledger: Ledger) -> None:
    histories = [film(title, number) for number, title in enumerate(FILMS[4:9], 1)]
    await put(ledger, PROFILE, *histories)
    for some in (histories[:0], histories[1:3], histories):
        keys = {title_key(history.title) for history in some}
        _, found = await ledger.holdings(PROFILE, keys)
        wanted = in_order(some)
        assert in_order(h for of in found.values() for h in of) == wanted
