"""Where the config of a person is, and what that of a rehearsal sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.config import data_folder, load_settings, new_config

if TYPE_CHECKING:
    from pathlib import Path

    from sync.config import Settings


def config_place(named: Path | None, *, is_sandbox: bool) -> Path:
    """Return where the config is or goes; a rehearsal has one of its own.

    Raises ConfigError where this user has no place for one.
    """
    if is_sandbox and not named:
        return data_folder() / "sandbox" / "config.toml"
    return new_config(named)


def overlay(lent: Settings, place: Path) -> Settings:
    """Put what the config of a rehearsal sets over the settings lent to it.

    Where its services are, and its keys, are its own each time.
    """
    if not place.exists():
        return lent
    set_ = load_settings(place, environ={})
    profile = set_.discovr.profile or lent.discovr.profile
    discovr = lent.discovr.model_copy(update={"profile": profile})
    return lent.model_copy(update={"discovr": discovr, "history": set_.history})
