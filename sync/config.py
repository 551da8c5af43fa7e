"""Settings: TOML, overlaid by the environment, validated once, frozen from then on."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Self
from urllib.parse import unquote

from platformdirs import user_config_path, user_data_path
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from connectors.errors import ConfigError
from connectors.files import expand
from connectors.urls import check_base_url
from sync.domain.filters import Filter, Only
from sync.domain.rules import Conflict, Mode, WhichPlays
from sync.domain.skips import read_skip
from sync.runtime.values import (
    Address,
    parse_address,
    parse_interval,
    split_urls,
    url_problem,
)
from sync.runtime.version import APP as APP  # noqa: PLC0414  # a public name
from sync.runtime.wanted import parse_only, parse_since, parse_titles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic_core import ErrorDetails

ENV_PREFIX = "TRAKT2DISCOVR_"
#: Rights of everybody but the owner of a file.
_OTHERS = 0o077
CONFIG_VARIABLE = "TRAKT2DISCOVR_CONFIG"
#: As ``[state] tokens`` it is no file: the logins are in the system's keyring.
KEYRING = Path("keyring")
#: The file with the keys of a fleet's logins, in the data folder.
FLEET_KEY = "fleet.key"


#: A path as a person writes it: ``~`` is the home folder.
UserPath = Annotated[Path, AfterValidator(expand)]


class Section(BaseModel):
    """Base of all sections: frozen, unknown keys refused, values never echoed."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        allow_inf_nan=False,
        defer_build=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {key: value for key, value in values.items() if value != ""}

    @field_validator("api_url", "auth_url", check_fields=False)
    @classmethod
    def _plain_http_only_on_loopback(cls, value: str, info: ValidationInfo) -> str:
        check_base_url(value, info.field_name or "url")
        return value.rstrip("/")


class TraktSettings(Section):
    """How to reach Trakt."""

    client_id: str | None = None
    client_secret: SecretStr | None = None
    api_url: str = "https://api.trakt.tv"
    auth_url: str = "https://auth.trakt.tv"
    concurrency: int = Field(8, ge=1, le=32)
    access_token: SecretStr | None = None
    refresh_token: SecretStr | None = None


class DiscovrSettings(Section):
    """How to reach Discovr, and which profile of it."""

    client_id: str | None = None
    profile: str | None = None
    api_url: str = "https://api.discovr.media"
    requests_per_second: float = Field(5, gt=0, le=10_000)
    concurrency: int = Field(4, ge=1, le=64)
    refresh_token: SecretStr | None = None


class TmdbSettings(Section):
    """Optional: ids that Trakt lacks, and air dates."""

    api_key: SecretStr | None = None
    api_url: str = "https://api.themoviedb.org/3"


class PharenSettings(Section):
    """Optional: where a report can be published."""

    api_key: SecretStr | None = None
    api_url: str = "https://api.pharen.de/v1"


def _check_skip(text: str) -> str:
    read_skip(text)
    return text.strip()


#: In the address of a database server: after a user, or as an option of its own.
_PASSWORD = re.compile(
    r"^[\w+]+://[^:/@]*:[^@]+@|[?&](\w*password|\w*secret|scram_\w+_key)=."
)

#: A title to leave out as a person writes it: a name, an address or an id.
Skipped = Annotated[str, AfterValidator(_check_skip)]


class HistorySettings(Section):
    """What is carried over, and who wins."""

    collapse: Mode = Mode.CLEAN
    conflict: Conflict = Conflict.NEWEST
    plays: WhichPlays = WhichPlays.LATEST
    playback: bool = True
    since: Annotated[datetime | None, BeforeValidator(parse_since)] = None
    only: Annotated[Only | None, BeforeValidator(parse_only)] = None
    skip: Annotated[tuple[Skipped, ...], BeforeValidator(parse_titles)] = ()

    @property
    def filter(self) -> Filter:
        """What is left out on request."""
        return Filter(self.since, self.only, self.skip)


def _names(value: object) -> object:
    """Read a list of names as the environment holds it: with commas between."""
    if not isinstance(value, str):
        return value
    return tuple(name for part in value.split(",") if (name := part.strip()))


class SyncSettings(Section):
    """The job that stays and repeats."""

    every: Annotated[timedelta, BeforeValidator(parse_interval)] | None = None
    prune: bool = False
    listen: Annotated[Address, BeforeValidator(parse_address)] | None = None
    hosts: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    heartbeat: SecretStr | None = None
    after_migrate: bool = False

    @field_validator("heartbeat")
    @classmethod
    def _is_safe_to_ping(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_base_url(value.get_secret_value(), "[sync] heartbeat")
        return value


class NotifySettings(Section):
    """Who is told when a job needs a person, by the addresses of Apprise."""

    urls: Annotated[tuple[SecretStr, ...] | None, BeforeValidator(split_urls)] = None
    weekly: bool = False

    @field_validator("urls")
    @classmethod
    def _are_addresses(
        cls, urls: tuple[SecretStr, ...] | None
    ) -> tuple[SecretStr, ...] | None:
        for number, url in enumerate(urls or (), 1):
            if problem := url_problem(url.get_secret_value()):
                raise ValueError(f"address {number} {problem}")
        return tuple(dict.fromkeys(urls or ())) or None


class FleetSettings(Section):
    """Many profiles, run by workers that share one PostgreSQL."""

    # As that of the state.
    url: str | None = Field(None, repr=False)
    key_file: UserPath | None = None
    requests_per_second: float = Field(5, gt=0, le=10_000)
    network: str = ""

    def is_used(self) -> bool:
        """Whether there is a fleet, as far as can be seen from here."""
        if self.url or self.key_file:
            return True
        folder = _usual_folder(user_data_path)
        return folder is not None and (folder / FLEET_KEY).exists()


def data_folder() -> Path:
    """Return where the program keeps its own. Raises ConfigError without a home."""
    folder = _usual_folder(user_data_path)
    if folder is None:
        raise ConfigError(
            "This user has no home folder to keep the state and the logins in.",
            remedy="Set HOME to a folder that stays, or set both [state] url and "
            "[state] tokens.",
        )
    return folder


def _usual_folder(find: Callable[[str], Path]) -> Path | None:
    """Return a folder of the platform; None where this user has no home."""
    try:
        folder = find(APP)
    except RuntimeError:
        return None
    # Older versions leave the ~ in, which would become a folder of that name.
    return folder if folder.is_absolute() else None


def _copies(tokens: Path) -> Path:
    """Return the usual folder for copies: beside the logins, where these are a file."""
    folder = data_folder() if tokens == KEYRING else tokens.parent
    return folder / "copies"


class StateSettings(Section):
    """Where the program keeps its own memory."""

    # It may hold a password, so it is not shown.
    url: str = Field(
        default_factory=lambda: f"sqlite:///{data_folder()}/state.sqlite3", repr=False
    )
    tokens: UserPath = Field(default_factory=lambda: data_folder() / "tokens.json")
    copies: UserPath = Field(default_factory=lambda set_: _copies(set_["tokens"]))


class Settings(Section):
    """Everything that can be set. Immutable, and safe to print: secrets stay hidden."""

    # Constructed, as nothing is to be validated: one validator is built, for all.
    trakt: TraktSettings = TraktSettings.model_construct()
    discovr: DiscovrSettings = DiscovrSettings.model_construct()
    tmdb: TmdbSettings = TmdbSettings.model_construct()
    pharen: PharenSettings = PharenSettings.model_construct()
    history: HistorySettings = HistorySettings.model_construct()
    sync: SyncSettings = SyncSettings.model_construct()
    notify: NotifySettings = NotifySettings.model_construct()
    fleet: FleetSettings = FleetSettings.model_construct()
    state: StateSettings = Field(default_factory=StateSettings)

    @model_validator(mode="wrap")
    @classmethod
    def _say_what_is_wrong(
        cls, values: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        """Raise a ConfigError, however the settings are made."""
        try:
            return handler(values)
        except ValidationError as error:
            found = error.errors(include_input=False)
        # What follows from a setting that is wrong is none of its own.
        errors = [e for e in found if e["type"] != "default_factory_not_called"]
        origin = info.context if isinstance(info.context, _Origin) else _Origin()
        origin.wrong.extend(e["loc"][:2] for e in errors)
        names = [origin.variables.get(e["loc"][:2]) for e in errors]
        where = "the environment" if all(names) else origin.file
        complaints = map(_complaint, errors, names)
        raise ConfigError(
            f"The configuration ({where}) is wrong: {'; '.join(complaints)}.",
            remedy="Correct it; config.example.toml shows every key, and so does the "
            "file that trakt2discovr setup writes.",
        )


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where values came from: the file, and which variable set which key.

    ``wrong`` collects the places of those that were refused.
    """

    file: str = "what was given"
    variables: Mapping[tuple[int | str, ...], str] = field(
        default_factory=lambda: MappingProxyType({})
    )
    wrong: list[tuple[int | str, ...]] = field(default_factory=list)


def load_settings(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    is_new: bool = False,
) -> Settings:
    """Read the config file and the environment. Raises ConfigError, naming the key.

    ``path`` must exist when it is given; without it the usual places are looked at, and
    no file at all is fine. A key of the environment wins over the file. With ``is_new``
    the file is yet to be written.
    """
    environ = os.environ if environ is None else environ
    file = find_config(path, environ)
    values = _read_toml(file) if file and not is_new else {}
    variables = _overlay(values, environ)
    return Settings.model_validate(values, context=_Origin(str(file), variables))


def salvage_settings(
    path: Path | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read what can be read of a wrong config, to tell its person that it is wrong.

    What is refused is left out as if it were not set. Nothing may be carried over by
    such settings.
    """
    environ = os.environ if environ is None else environ
    try:
        file = find_config(path, environ)
        values = _read_toml(file) if file else {}
    except ConfigError:
        values = {}
    _overlay(values, environ)
    while wrong := _refused(values):
        for section, *key in wrong:
            part = values.get(str(section))
            if key and isinstance(part, dict):
                part.pop(key[0], None)
            else:
                values.pop(str(section), None)
    return Settings.model_validate(values)


def _refused(values: Mapping[str, Any]) -> list[tuple[int | str, ...]]:
    """Return the places of what is refused; a section where no key can be named."""
    origin = _Origin()
    try:
        Settings.model_validate(values, context=origin)
    except ConfigError:
        if origin.wrong or len(values) == 1:
            return origin.wrong or [*zip(values, strict=True)]
        parts = ({name: part} for name, part in values.items())
        return [place for part in parts for place in _refused(part)]
    return []


def exposed_secrets(settings: Settings, place: Path | None) -> str | None:
    """Say which secrets of that file others on this machine can read, if any."""
    try:
        is_open = os.name == "posix" and place and place.stat().st_mode & _OTHERS
    except OSError:
        return None  # who reads the settings has said so
    held = [name for name in _secrets(settings) if not _is_of_environment(name)]
    if not (is_open and held):
        return None
    named = ", ".join(held)
    return f"others on this machine can read {place}, which may hold secrets ({named})"


def _secrets(settings: Settings) -> Iterator[str]:
    for section, part in settings:
        for name, value in part:
            several = value if isinstance(value, tuple) else (value,)
            is_hidden = any(isinstance(each, SecretStr) for each in several)
            is_url = name.endswith("url") and isinstance(value, str)
            if is_hidden or (is_url and _PASSWORD.search(unquote(value))):
                yield f"[{section}] {name}"


def _is_of_environment(name: str) -> bool:
    section, _, key = name.removeprefix("[").partition("] ")
    return f"{ENV_PREFIX}{section}__{key}".upper() in {n.upper() for n in os.environ}


def find_config(
    path: Path | None = None, environ: Mapping[str, str] | None = None
) -> Path | None:
    """Return the config file: the one that is named, else that of a usual place."""
    environ = os.environ if environ is None else environ
    named = path or (Path(p) if (p := environ.get(CONFIG_VARIABLE)) else None)
    if named:
        return expand(named)
    folders = (Path(), _usual_folder(user_config_path))
    usual = (folder / "config.toml" for folder in folders if folder)
    return next((place for place in usual if place.is_file()), None)


def new_config(
    path: Path | None = None, environ: Mapping[str, str] | None = None
) -> Path:
    """Return where a config belongs that every later command finds.

    That is where one is found now, else the platform's folder. Raises ConfigError where
    this user has none.
    """
    folder = _usual_folder(user_config_path)
    place = find_config(path, environ) or (folder and folder / "config.toml")
    if place is None:
        raise ConfigError(
            "This user has no home folder to keep a config in.",
            remedy="Set HOME to a folder that stays, or name a file: trakt2discovr -c "
            "FILE setup",
        )
    return place.absolute()


def environment_values(
    environ: Mapping[str, str] | None = None,
) -> dict[str, dict[str, str]]:
    """Return what the environment sets, by section and key."""
    found: dict[str, Any] = {}
    _overlay(found, os.environ if environ is None else environ)
    return {name: part for name, part in found.items() if isinstance(part, dict)}


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        # The message of the parser names line and column, never the text.
        problem = f"is not valid TOML: {error}"
    except UnicodeDecodeError:
        problem = "is not UTF-8 text"
    except (ValueError, RecursionError):
        problem = "holds a number of thousands of digits, or lists within lists"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    raise ConfigError(
        f"The config file {file} {problem}.",
        remedy="Correct it, or name another one with -c.",
    )


def _overlay(
    values: dict[str, Any], environ: Mapping[str, str]
) -> dict[tuple[int | str, ...], str]:
    """Put the environment over the file; return which variable set which key."""
    variables: dict[tuple[int | str, ...], str] = {}
    for name, value in environ.items():
        if not name.startswith(ENV_PREFIX) or name == CONFIG_VARIABLE:
            continue
        section, _, key = name.removeprefix(ENV_PREFIX).lower().partition("__")
        if section not in values:
            variables[(section,)] = name
        part = values.setdefault(section, {}) if key else values
        if isinstance(part, dict):
            part[key or section] = value
            variables[(section, key) if key else (section,)] = name
    return variables


def _complaint(error: ErrorDetails, variable: str | None) -> str:
    place = [str(part) for part in error["loc"]] or ["settings"]
    name = f"[{place[0]}] {'.'.join(place[1:])}" if len(place) > 1 else f"[{place[0]}]"
    name = variable or name
    if error["type"] != "extra_forbidden":
        return f"{name}: {error['msg'].removeprefix('Value error, ')}"
    known = _known_keys(place[:-1])
    near = difflib.get_close_matches(place[-1], known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return f"{name} is unknown ({hint})"


def _known_keys(section: list[str]) -> list[str]:
    if not section:
        return list(Settings.model_fields)
    annotation = Settings.model_fields[section[0]].annotation
    fields = annotation.model_fields if isinstance(annotation, type) else {}
    return list(fields)
