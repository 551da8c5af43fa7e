"""The ids that a person gave: from her file, checked with TMDB once, and then kept.

The ledger keeps them as of the last run that read the file, so that nothing is lost
where the file is not at hand.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.errors import (
    ContractError,
    InputError,
    RejectedError,
    TransientError,
)
from sync.domain.overrides import Override, TitleIndex
from sync.domain.plays import Ids, Kind, Title
from sync.events import Finished, Stage, Warned
from sync.runtime.concurrency import run_limited
from sync.runtime.late import late
from sync.runtime.shell import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from connectors.clock import Clock
    from connectors.tmdb.client import TmdbClient
    from sync.documents.left_out import UnmatchedDocument
    from sync.events import Event
    from sync.ledger import Ledger

if TYPE_CHECKING:
    from sync.transform.overrides_file import (
        complain,
        name_place,
        read_overrides,
        write_unmatched,
    )
else:
    # What a run that finds nothing new never uses.
    (complain, name_place, read_overrides, write_unmatched) = late(
        "sync.transform.overrides_file",
        "complain",
        "name_place",
        "read_overrides",
        "write_unmatched",
    )


CONCURRENCY = 4
#: After so many faults TMDB is taken to be down for this run.
MOST_FAULTS = 3
#: They are true for every profile.
_EVERYONE, _FILE, _IDS = "*", "given_file", "given_ids"
#: Every file that was written for somebody to fill in, the one in force among them.
_FILES = "given_files"
_FORMS = (".toml", ".csv")
#: So many titles are named; more only make a warning long.
_NAMED = 3

_NO_KEY = (
    "has an IMDb id, which only a TMDB key can look up: set [tmdb] api_key, or give "
    "TMDB's number"
)
_NO_SUCH = "has an id that leads to no {} on TMDB"


class OverrideBook:
    """Where the ids that a person gave are found and kept."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        client: TmdbClient | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._client = client
        self._tell = on_event or (lambda _event: None)

    async def kept(self) -> list[Override]:
        """Return the ids in force as of the last run."""
        return [_load(g) for g in await self._ledger.get_fact(_EVERYONE, _IDS) or ()]

    async def file(self) -> Path | None:
        """Return the file that runs read; None where there is none, or no longer."""
        name = await self._ledger.get_fact(_EVERYONE, _FILE)
        return await asyncio.to_thread(_find, name) if name else None

    async def given(self) -> list[Override]:
        """Return the ids as they are filled in now; nobody is asked about them.

        Raises InputError for a file that cannot be used.
        """
        kept, path = await self.kept(), await self.file()
        if path is None:
            return kept
        return _known(kept, await asyncio.to_thread(read_overrides, path))

    async def write(self, path: Path, document: UnmatchedDocument) -> None:
        """Write the list for a person to fill in; every run from now on reads it.

        What was filled in before stays, also if that was in another file. Raises
        InputError, and changes nothing, for a file that is not such a list.
        """
        await self._write(path, document)

    async def give(
        self, path: Path, document: UnmatchedDocument, title: Title, said: str
    ) -> None:
        """Write the id of one title down as a person does, in the file in force.

        Without one it is ``path``. ``said`` is what ``read_id`` has read, or nothing,
        which takes it back. Raises InputError for a file that cannot be used.
        """
        path = await self.file() or path
        await self._write(path, document, Override(title, said))

    async def _write(
        self, path: Path, document: UnmatchedDocument, new: Override | None = None
    ) -> None:
        path = await asyncio.to_thread(path.absolute)
        kept, before = await self.kept(), await self.file()
        given: list[Override] = []
        if before != path:
            given = kept
            if before:
                given = _known(kept, await asyncio.to_thread(read_overrides, before))
        await asyncio.to_thread(
            write_unmatched, path, document, given, names=kept, new=new
        )
        facts = await self._ledger.get_fact(_EVERYONE, _FILES) or []
        written = dict.fromkeys([*facts, *([str(before)] if before else []), str(path)])
        now = self._clock.now()
        await self._ledger.put_fact(_EVERYONE, _FILES, list(written), now)
        await self._ledger.put_fact(_EVERYONE, _FILE, str(path), now)

    async def read(self, *, is_kept: bool) -> list[Override]:
        """Return the ids in force; those without ``tmdb`` TMDB gave no answer for.

        Each new one is checked with TMDB if there is a key. ``is_kept`` says whether
        they may be kept. Raises InputError naming every entry that cannot be used.
        """
        kept, path = await self.kept(), await self.file()
        if path is None:
            await self._tell_of_others(None, kept)
            return kept
        given = _known(kept, await asyncio.to_thread(read_overrides, path))
        await self._tell_of_others(path, given)
        if complaints := await self._check(given):
            raise complain(path, complaints)
        if is_kept and given != kept:
            values = [_dump(one) for one in given]
            await self._ledger.put_fact(_EVERYONE, _IDS, values, self._clock.now())
        return given

    async def _tell_of_others(self, path: Path | None, given: list[Override]) -> None:
        """Warn of ids that somebody filled in where no run looks for them."""
        written = await self._ledger.get_fact(_EVERYONE, _FILES) or []
        beside = [str(path.with_suffix(form)) for form in _FORMS] if path else []
        for name in dict.fromkeys([*written, *beside]):
            other = await asyncio.to_thread(_find, name)
            if other is None or other == path:
                continue
            try:
                unused = _differing(
                    await asyncio.to_thread(read_overrides, other), given
                )
            except InputError:
                # What stands beside the file by chance may be anything.
                problem = f"{other} cannot be read" if name in written else ""
            else:
                problem = f"{other} gives ids for {_list(unused)}" if unused else ""
            if problem:
                command = f"trakt2discovr unmatched --out {quote(name)}"
                where = f"{path} is what runs read" if path else "no run reads it"
                self._tell(
                    Warned(f"{problem}, and {where}. To go on with it: {command}")
                )

    async def _check(self, given: list[Override]) -> list[str]:
        """Ask TMDB about the new ones, and fill in what it knows."""
        complaints: dict[int, str] = {}
        faults = 0

        async def check(place: int) -> None:
            nonlocal faults
            one = given[place]
            try:
                if faults < MOST_FAULTS:
                    given[place] = await self._ask(one)
            except LookupError as error:
                complaints[place] = f"{name_place(one)} {error}"
            except (ContractError, TransientError):
                faults += 1  # the next run asks again

        is_new = [
            not (one.is_skip or (one.name if self._client else one.tmdb))
            for one in given
        ]
        places = [place for place, new in enumerate(is_new) if new]
        await run_limited(CONCURRENCY, check, places)
        for place in places:
            if name := given[place].name:
                label = given[place].title.label
                summary = f"your id for {label} leads to {name} on TMDB"
                self._tell(Finished(Stage.CATALOGUE, summary))
        return [complaints[place] for place in sorted(complaints)]

    async def _ask(self, one: Override) -> Override:
        """Look it up. Raises LookupError, whose text goes on after the title."""
        is_film, is_number = one.title.kind is Kind.FILM, one.said.isdecimal()
        if self._client is None:
            if not is_number:
                raise LookupError(_NO_KEY)
            return replace(one, tmdb=int(one.said))
        try:
            if is_number:
                number = int(one.said)
                hits = [await self._client.title(number, is_film=is_film)]
            else:
                answer = await self._client.find(one.said, "imdb_id")
                hits = answer.movie_results if is_film else answer.tv_results
        except RejectedError:
            hits = []
        if len(hits) != 1:
            raise LookupError(_NO_SUCH.format(one.title.kind))
        return replace(one, tmdb=hits[0].id, name=hits[0].label)


def _differing(others: Iterable[Override], given: Iterable[Override]) -> list[str]:
    """Name the titles for which the others give an id that is not in force."""
    in_force = TitleIndex((one.title, one.said) for one in given)
    return [o.title.label for o in others if in_force.find(o.title) != o.said]


def _list(labels: list[str]) -> str:
    more = len(labels) - _NAMED
    named = ", ".join(labels[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
    return "".join(c if c.isprintable() else "?" for c in named)


def _find(name: str) -> Path | None:
    path = Path(name)
    with suppress(OSError):  # in a folder that may not be entered
        if path.exists():
            return path
    return None


def _known(kept: Iterable[Override], given: Iterable[Override]) -> list[Override]:
    """Return what was given, with what is known of it from before."""
    known = {(one.title.kind, one.said): one for one in kept}
    pairs = ((one, known.get((one.title.kind, one.said), one)) for one in given)
    return [replace(one, tmdb=old.tmdb, name=old.name) for one, old in pairs]


def _dump(one: Override) -> dict[str, Any]:
    return {
        "kind": one.title.kind.value,
        "title": one.title.name,
        "year": one.title.year,
        "ids": one.title.ids.known(),
        "said": one.said,
        "tmdb": one.tmdb,
        "name": one.name,
    }


def _load(kept: dict[str, Any]) -> Override:
    ids = Ids(**kept["ids"])
    title = Title(Kind(kept["kind"]), kept["title"], kept["year"], ids)
    return Override(title, kept["said"], tmdb=kept["tmdb"], name=kept["name"])
