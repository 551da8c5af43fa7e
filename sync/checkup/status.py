"""``status``: what this machine knows by itself. Asks no service, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003  # pydantic needs it at run time
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ValidationError

from connectors.auth.tokens import fingerprint
from connectors.clock import SystemClock
from connectors.discovr.auth import refresh_token, stored_profile
from connectors.errors import ConfigError, ServiceError
from sync.documents.left_out import UnmatchedDocument
from sync.documents.move import MOVE_FACTS, recall_move
from sync.documents.status import (
    CountDocument,
    DatabaseDocument,
    FileDocument,
    HolderDocument,
    LastCopyDocument,
    LastUndoDocument,
    LoginStateDocument,
    ProfileStateDocument,
    RunDocument,
    StatusDocument,
    TroubleDocument,
)
from sync.domain.origin import TRAKT
from sync.domain.writes import Outcome
from sync.extract.remembered import is_there, read_fact
from sync.ledger import BusyError, Ledger, StateError
from sync.ledger.fact_names import (
    COPIES,
    EVERYONE,
    FILES,
    LEFT_OUT,
    LOOKED,
    PROFILES,
    SCHEDULE,
    TOLD,
    UNDONE,
    WATERMARK,
)
from sync.runtime.late import late
from sync.wiring.logins import (
    discovr_login,
    login_warnings,
    missing_keys,
    secret,
    token_store,
    trakt_login,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from connectors.clock import Clock
    from sync.config import Settings
    from sync.documents.left_out import LeftOutDocument
    from sync.ledger import Run
    from sync.wiring.logins import Login, Service

if TYPE_CHECKING:
    from sync.pipeline.copies import read_kept
else:
    # Only where a copy was kept.
    (read_kept,) = late("sync.pipeline.copies", "read_kept")

M = TypeVar("M", bound=BaseModel)

#: What is shown of a profile; others of its facts are large.
_SHOWN = (LOOKED, LEFT_OUT, SCHEDULE, WATERMARK, UNDONE, FILES, COPIES, *MOVE_FACTS)


class _Schedule(BaseModel):
    next_run_at: AwareDatetime | None = None
    every_s: float | None = None
    stopped_at: AwareDatetime | None = None


class _Watermark(BaseModel):
    at: AwareDatetime
    checked_at: AwareDatetime | None = None
    reconciled_at: AwareDatetime | None = None
    stale: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Logins:
    """What the token store says."""

    documents: tuple[LoginStateDocument, ...]
    warnings: tuple[str, ...] = ()
    profile: str | None = None


@dataclass(slots=True)
class _State:
    """What the state database says."""

    database: DatabaseDocument
    names: dict[str, str] = field(default_factory=dict)
    profiles: list[ProfileStateDocument] = field(default_factory=list)
    #: What jobs saw when they last asked Discovr, by profile.
    looks: dict[str, Any] = field(default_factory=dict)
    #: What the next run reads, as it was named before any profile was known.
    waiting: Any = None
    #: What jobs remember of their troubles, by what the settings call the profile.
    told: dict[str, Any] = field(default_factory=dict)


async def read_status(
    settings: Settings, *, clock: Clock | None = None
) -> StatusDocument:
    """Tell what is known, also while a run holds a profile.

    What cannot be read is said in the document. Raises ConfigError for a database
    address that cannot be understood.
    """
    now = (clock or SystemClock()).now()
    logins = _read_logins(settings, now)
    state = await _read_state(settings)
    wanted = settings.discovr.profile or logins.profile
    known = {profile.id for profile in state.profiles}
    # Without a name the settings mean whatever the login chose.
    chosen = state.names.get(settings.discovr.profile or "")
    if wanted in known:
        chosen = wanted
    profiles = [
        profile.model_copy(update={"is_chosen": profile.id == chosen})
        for profile in state.profiles
    ]
    return StatusDocument(
        at=now,
        wanted=wanted,
        profile=chosen,
        profiles=tuple(sorted(profiles, key=lambda p: not p.is_chosen)),
        logins=_judged(settings, logins.documents, state.looks.get(chosen or "")),
        database=state.database,
        files=_files(state.waiting),
        trouble=_trouble(state.told.get(settings.discovr.profile or "")),
        has_api=settings.trakt.client_id is not None,
        warnings=logins.warnings,
    )


def _read_logins(settings: Settings, now: datetime) -> _Logins:
    try:
        store = token_store(settings)
        found = (
            _login(settings, "trakt", trakt_login(settings, store, now)),
            _login(settings, "discovr", discovr_login(settings, store)),
        )
        configured = secret(settings.discovr.refresh_token)
        warnings = login_warnings(store, now, configured)
        return _Logins(found, tuple(warnings), stored_profile(store, configured))
    except ConfigError as error:
        told = {"problem": error.message, "remedy": error.remedy}
    return _Logins(
        (
            LoginStateDocument(service="trakt", **told),
            LoginStateDocument(service="discovr", **told),
        )
    )


def _login(
    settings: Settings, service: Service, login: Login | None
) -> LoginStateDocument:
    missing = tuple(missing_keys(settings, service))
    if login is None:
        return LoginStateDocument(service=service, missing=missing)
    return LoginStateDocument(
        service=service,
        missing=missing,
        place=login.place,
        obtained_at=login.obtained_at,
        ends_at=login.ends_at,
        renews_itself=login.renews_itself,
    )


def _judged(
    settings: Settings, logins: tuple[LoginStateDocument, ...], look: Any
) -> tuple[LoginStateDocument, ...]:
    """Say of the Discovr login that the job saw it refused, while it is the same."""
    refused = look["refused"] if look else ""
    if not refused or logins[1].problem:
        return logins
    configured = secret(settings.discovr.refresh_token)
    try:
        token = refresh_token(token_store(settings), configured)
    except ServiceError:
        return logins
    if refused != fingerprint(token):
        return logins
    told = {"problem": look["message"], "remedy": look["remedy"]}
    return (logins[0], logins[1].model_copy(update=told))


async def _read_state(settings: Settings) -> _State:
    async with Ledger(settings.state.url, is_read_only=True) as ledger:
        kind, place = ledger.kind, ledger.place
        state = _State(DatabaseDocument(kind=kind, place=place))
        try:
            facts = await ledger.describe()
            state.database = DatabaseDocument(
                kind=kind,
                place=place,
                software=facts.software,
                schema_version=facts.version,
                is_current=facts.is_current,
                size_bytes=facts.size_bytes,
            )
            if facts.is_current:
                await _read_profiles(ledger, state)
        except StateError as error:
            told = {"problem": error.message, "remedy": error.remedy}
            state.database = state.database.model_copy(update=told)
    return state


async def _read_profiles(ledger: Ledger, state: _State) -> None:
    state.names = await ledger.get_facts(PROFILES)
    state.told = await ledger.get_facts(TOLD)
    state.waiting = await ledger.get_fact(EVERYONE, FILES)
    # A run that had nothing to write left no more than the name.
    written = await ledger.profiles()
    for profile in dict.fromkeys([*written, *state.names.values()]):
        names = sorted(n for n, id_ in state.names.items() if n and id_ == profile)
        state.profiles.append(await _read_profile(ledger, state, profile, names))


async def _read_profile(
    ledger: Ledger, state: _State, profile: str, names: Sequence[str]
) -> ProfileStateDocument:
    # First the holder: a run that ends between the two is then under way, not dead.
    holder = await _read_holder(ledger, profile)
    runs = await ledger.runs(profile, limit=1)
    facts = await ledger.get_facts(profile, _SHOWN)
    state.looks[profile] = facts.get(LOOKED)
    times = await ledger.fact_times(profile)
    counts = await ledger.count_outcomes(profile)
    left_out = _fact(UnmatchedDocument, facts.get(LEFT_OUT))
    schedule = _fact(_Schedule, facts.get(SCHEDULE))
    if schedule and schedule.stopped_at:
        # What somebody stopped has no next run.
        schedule = None
    watermark = _fact(_Watermark, facts.get(WATERMARK))
    return ProfileStateDocument(
        id=profile,
        names=tuple(names),
        holder=holder,
        last_run=await _run(ledger, runs[0], holder) if runs else None,
        last_undo=_last_undo(facts.get(UNDONE), times.get(UNDONE)),
        last_checked_at=_latest(
            times.get(LEFT_OUT), watermark.checked_at if watermark else None
        ),
        next_run_at=schedule.next_run_at if schedule else None,
        every_s=schedule.every_s if schedule else None,
        watermark_at=watermark.at if watermark else None,
        reconciled_at=watermark.reconciled_at if watermark else None,
        pending=counts[Outcome.PENDING],
        unclear=counts[Outcome.UNKNOWN],
        unmatched=_count(left_out.unmatched) if left_out else None,
        unsupported=_count_unsupported(left_out) if left_out else None,
        unreadable=_count_unreadable(left_out) if left_out else None,
        left_out=_count(left_out.left_out) if left_out else None,
        removed=_count_stale(watermark),
        source=left_out.source.name if left_out else TRAKT.name,
        files=_files(facts.get(FILES)),
        last_copy=_last_copy(facts.get(COPIES)),
        move=await recall_move(ledger, profile, facts),
    )


def _last_copy(fact: Any) -> LastCopyDocument | None:
    kept = [read_kept(one, kind) for kind, one in (fact or {}).items()]
    last = max(kept, key=lambda copy: copy.at, default=None)
    if last is None:
        return None
    return LastCopyDocument(
        path=str(last.path),
        at=last.at,
        entries=last.entries,
        is_part=last.is_part,
        is_there=is_there(last.path),
    )


def _count_unsupported(left_out: UnmatchedDocument) -> CountDocument:
    found = _count(left_out.unsupported)
    plays = found.plays + sum(r.is_unsupported for r in left_out.quarantined)
    return found.model_copy(update={"plays": plays})


def _count_unreadable(left_out: UnmatchedDocument) -> int:
    return sum(not record.is_unsupported for record in left_out.quarantined)


def _files(fact: Any) -> tuple[FileDocument, ...]:
    remembered = read_fact(fact)
    if remembered is None:
        return ()
    gone, changed = remembered.gone(), remembered.changed()

    def look(path: Path) -> FileDocument:
        state = "gone" if path in gone else "changed" if path in changed else "there"
        return FileDocument.model_validate({"path": str(path), "state": state})

    return tuple(map(look, remembered.paths))


def _trouble(told: Any) -> TroubleDocument | None:
    trouble = told.get("trouble") if told else None
    names = TroubleDocument.model_fields
    return _fact(TroubleDocument, trouble and {n: trouble.get(n) for n in names})


def _count_stale(watermark: _Watermark | None) -> int | None:
    if watermark is None or watermark.stale is None:
        return None
    return len(watermark.stale)


def _latest(*moments: datetime | None) -> datetime | None:
    return max(filter(None, moments), default=None)


async def _read_holder(ledger: Ledger, profile: str) -> HolderDocument | None:
    try:
        await ledger.check_free(profile)
    except BusyError as busy:
        holder = busy.holder
        return HolderDocument.model_validate(holder) if holder else HolderDocument()
    return None


def _last_undo(fact: Any, at: datetime | None) -> LastUndoDocument | None:
    return _fact(LastUndoDocument, {**fact, "at": at}) if fact else None


async def _run(ledger: Ledger, run: Run, holder: HolderDocument | None) -> RunDocument:
    # Whoever has come later holds the profile for a run that is yet to begin.
    is_held = holder is not None and (holder.since or run.started_at) <= run.started_at
    outcome = "under way" if is_held else "broken off"
    if run.finished_at is not None:
        outcome = "finished" if run.outcome == "loaded" else run.outcome or "stopped"
    return RunDocument(
        number=run.id,
        command=run.command,
        started_at=run.started_at,
        finished_at=run.finished_at,
        outcome=outcome,
        plays=run.summary.get("plays"),
        writes=run.summary.get("operations"),
        failed=run.summary.get("failed"),
        arrived=run.summary.get("arrived"),
        unclear=run.summary.get("unclear"),
        unsent=run.summary.get("unsent"),
        undone=await ledger.count_undone(run.profile, run=run.id),
    )


def _count(group: Iterable[LeftOutDocument]) -> CountDocument:
    plays = [left.plays for left in group]
    return CountDocument(titles=len(plays), plays=sum(plays))


def _fact(model: type[M], value: Any) -> M | None:
    """Read a fact; None where there is none, or where it is of another version."""
    try:
        return model.model_validate(value)
    except ValidationError:
        return None
