"""The offer of a TMDB key, made once to who carries a download over without one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import tomlkit
from platformdirs import user_config_path
from pydantic import SecretStr
from tomlkit.items import AbstractTable

from connectors.clock import SystemClock
from connectors.files import replace_file
from sync.cli.session import ask, can_ask
from sync.cli.view.key import show_kept_key, show_key_offer, show_no_key
from sync.config import APP, TmdbSettings, find_config
from sync.ledger import Ledger
from sync.ledger.fact_names import EVERYONE, KEY_DECLINED

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from sync.cli.context import Context
    from sync.config import Settings

#: A key of version 3, or a token of version 4.
_KEY = re.compile(r"[0-9a-f]{32}|[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}")
#: What is no key is asked for again, so often.
_TRIES = 3


async def offer_key(console: Console, context: Context, settings: Settings) -> Settings:
    """Ask for a key, unless there is somebody to tell air dates or it was declined.

    What is answered is kept: a key in the config, and a no in the state.
    """
    is_known = settings.tmdb.api_key or settings.trakt.client_id
    # Who has yet to run setup is asked there.
    if (
        is_known
        or "discovr" in context.locked
        or context.is_sandbox
        or context.as_json
        or not can_ask()
    ):
        return settings
    async with await Ledger.open(settings.state.url) as ledger:
        if await ledger.get_fact(EVERYONE, KEY_DECLINED):
            return settings
        show_key_offer(console)
        key = await _ask(console)
        if key is None:
            now = SystemClock().now()
            await ledger.put_fact(EVERYONE, KEY_DECLINED, value=True, at=now)
            return settings
    path = find_config(context.config) or user_config_path(APP) / "config.toml"
    show_kept_key(console, path, is_kept=_keep(path, key))
    tmdb = TmdbSettings(api_key=SecretStr(key), api_url=settings.tmdb.api_url)
    return settings.model_copy(update={"tmdb": tmdb})


async def _ask(console: Console) -> str | None:
    for _ in range(_TRIES):
        answer = (await ask("Key, or Enter to go on without") or "").strip()
        if not answer:
            return None
        if _KEY.fullmatch(answer):
            return answer
        show_no_key(console)
    return None


def _keep(path: Path, key: str) -> bool:
    """Set the key in the config, and leave everything else there as it is."""
    try:
        text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        config = tomlkit.parse(text)
        section = config.setdefault("tmdb", tomlkit.table())
        if not isinstance(section, AbstractTable):
            return False
        section["api_key"] = key
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, tomlkit.dumps(config))
    except (OSError, ValueError):
        return False
    return True
