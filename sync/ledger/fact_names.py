"""The facts that runs leave in the ledger of a profile, by their names there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.domain.plays import Key

if TYPE_CHECKING:
    from sync.ledger import Ledger

#: In place of a profile: the ids of profiles, by what the settings call them.
PROFILES = "profiles"
#: In place of a profile: what holds for all of them.
EVERYONE = "*"
#: Whether a person went on without a TMDB key when asked for one.
KEY_DECLINED = "key_declined"
#: Set once the first entry of the profile came back as it was sent.
PROBED = "probed"
#: The labels of the entries that were written; absent: Trakt's alone.
LABELS = "labels"
#: What could not be carried over.
LEFT_OUT = "left_out"
#: Up to where the profile is settled.
WATERMARK = "watermark"
#: Titles of which we wrote what the source has no longer: they outlive the watermark.
STALE = "stale"
#: Keys that we wrote and that their source lacks: those to take back, and those that
#: wait until nothing speaks for their being there.
LACKED = "lacked"
#: For what those keys were written, by Discovr's id: the title, and what tells it.
LACKED_TITLES = "lacked_titles"
#: What titles are called, by Discovr's ids: noted before anything is written for them,
#: as the histories are kept once all is settled.
NAMES = "names"
#: The balance of all that is known, as of the last settled run.
BALANCE = "balance"
#: The same of the whole move: what any run wrote counts as written; and when it was
#: noted, which is before a run writes and at its end.
MOVE = "move"
#: What we wrote and somebody removed on Discovr, by operation id: when that was first
#: seen, and when it was last looked at.
GONE = "gone"
#: How many entries stood in the profile after the last settled run, and when.
ENTRIES = "entries"
#: What a removal on Discovr was seen to take, and when.
REMOVES = "removes"
#: What the last ``undo`` took back.
UNDONE = "undone"
#: How many plays of the whole move are on Discovr since something of it was taken back.
#: Gone while more is taken back, or something is brought back: nobody knows it then.
LEFT = "left_on_discovr"
#: The writes that are being taken back: noted before the first request of it leaves,
#: gone once all of it is settled.
UNDOING = "undoing"
#: The files that the last run read; absent: it read no file. In place of a profile:
#: those that the next run reads, as they were named before any profile was known.
FILES = "files"
#: The last copies of the profile that were kept: of all of it, and of a part.
COPIES = "copies"
#: When the next run is due. Also kept by what the settings call the profile, because
#: nobody knows its id before the first sign-in.
SCHEDULE = "schedule"

#: The login by which a source was read last, and which source that was.
SOURCE_LOGIN = "source_login"

#: In place of a profile: what a person was told of the job, by what the settings call
#: the profile.
TOLD = "told"
#: When Discovr was last asked whether the login still holds, and whether it refused it.
LOOKED = "looked"


async def recall_profile(ledger: Ledger, name: str | None) -> str | None:
    """Return the id of the profile of that name, as the last run found it.

    Without a name it is the one that the login chose. It goes by its id as well, and
    by its name in any case, as it does on Discovr.
    """
    names: dict[str, str] = await ledger.get_facts(PROFILES)
    called = wanted(name)
    if called in names:
        return names[called]
    if called in names.values():
        return called
    folded = {known.casefold(): profile for known, profile in names.items()}
    return folded.get(called.casefold())


def wanted(name: str | None) -> str:
    """Return what the ledger calls a profile; nothing is the choice of the login."""
    return name or ""


async def recall_undoing(ledger: Ledger, profile: str) -> frozenset[tuple[int, str]]:
    """Return run and id of each write that an undo may have taken, and died."""
    fact = await ledger.get_fact(profile, UNDOING)
    return frozenset((run, id_) for run, id_ in fact["rows"]) if fact else frozenset()


async def recall_trial(ledger: Ledger, profile: str) -> Key | None:
    """Return the key of a zero that an undo set to learn from, and died."""
    fact = await ledger.get_fact(profile, REMOVES)
    return Key(*fact["trial"]) if fact and fact["trial"] else None
