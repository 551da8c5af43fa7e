"""The copy of the profile as it was, kept before a run writes to it.

It costs no request: what was read anyway is kept, all of the profile or the films and
seasons that are touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync.documents.report import KeptCopyDocument
from sync.events import Finished, Stage
from sync.ledger.fact_names import COPIES, PROFILES
from sync.pipeline.copy_file import Copy, check_writable, write_copy
from sync.ports import NamedTarget
from sync.runtime.words import entries

if TYPE_CHECKING:
    from sync.pipeline.prepared import AsListed
    from sync.pipeline.services import Services


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """A copy that was kept: where, as of when, and how many entries are in it."""

    path: Path
    at: datetime
    entries: int
    is_part: bool = False


def copy_document(kept: KeptCopy | None) -> KeptCopyDocument | None:
    """Write down where a copy is."""
    if kept is None:
        return None
    return KeptCopyDocument(
        path=str(kept.path), at=kept.at, entries=kept.entries, is_part=kept.is_part
    )


async def keep_listed(
    services: Services,
    profile: str,
    listed: AsListed,
    command: str,
    *,
    spare: Path | None = None,
) -> KeptCopy | None:
    """Keep what a run has read, unless the list was seen to be short.

    ``spare`` is a copy that has to stay. Raises UnkeptCopyError.
    """
    if services.copies is None:
        return None
    if listed.lacking <= 0:
        return await _keep(services, profile, listed, command, spare)
    words = (
        "no copy of the profile was kept: Discovr's list lacks at least "
        f"{entries(listed.lacking)}, so that it is not whole"
    )
    services.on_event(Finished(Stage.READ, words))
    return None


def check_folder(services: Services) -> None:
    """Raise UnkeptCopyError where no copy can be kept, before anything is written."""
    if services.copies is not None:
        check_writable(services.copies)


async def _keep(
    services: Services,
    profile: str,
    listed: AsListed,
    command: str,
    spare: Path | None,
) -> KeptCopy | None:
    """Keep these entries, if any of them is the person's; None if nothing was kept.

    Where the last copy holds just the same, it stands for this one too.
    """
    folder, ledger = services.copies, services.ledger
    entries, places = listed.entries, listed.places
    if folder is None or not entries or await ledger.is_all_ours(profile, entries):
        return None
    now = services.clock.now()
    copy = Copy(
        at=now,
        service=services.address,
        profile=profile,
        name=await _name(services, profile),
        command=command,
        entries=entries,
        places=places,
    )
    known = await ledger.get_fact(profile, COPIES) or {}
    kind, digest = "whole" if places is None else "part", copy.digest
    last = known.get(kind)
    if last and last["digest"] == digest and _is_in(folder, Path(last["path"])):
        kept = read_kept(last, kind)
    else:
        path = write_copy(folder.absolute(), copy, spare=spare)
        kept = KeptCopy(path, now, len(entries), is_part=places is not None)
        last = {
            "path": str(path),
            "at": now.isoformat(),
            "entries": len(entries),
            "digest": digest,
        }
        await ledger.put_fact(profile, COPIES, {**known, kind: last}, now)
    services.on_event(Finished(Stage.READ, "a copy of the profile is kept"))
    return kept


def read_kept(fact: Any, kind: str) -> KeptCopy:
    """Read back what the ledger knows of a copy."""
    at = datetime.fromisoformat(fact["at"])
    return KeptCopy(Path(fact["path"]), at, fact["entries"], is_part=kind == "part")


def _is_in(folder: Path, path: Path) -> bool:
    try:
        return path.is_file() and folder.absolute() in path.parents
    except OSError:
        return False


async def _name(services: Services, profile: str) -> str | None:
    """Return what the profile is called, as far as that is known without asking."""
    target = services.target
    if isinstance(target, NamedTarget) and target.profile_name:
        return target.profile_name
    names = await services.ledger.get_facts(PROFILES)
    called = [name for name, id_ in names.items() if id_ == profile]
    called.append(services.settings.discovr.profile or "")
    return next((name for name in called if name not in ("", profile)), None)
