"""What the history is carried over from, as it was chosen on the page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.errors import ConfigError
from connectors.files import replace_file
from sync.extract.remembered import recall_files
from sync.setup.questions import ACCOUNT, DOWNLOAD
from sync.web.upload import kept, uploads_folder

if TYPE_CHECKING:
    from pathlib import Path

    from sync.config import Settings

_FILE = "chosen.json"


@dataclass(frozen=True, slots=True)
class Choice:
    """A download with its files, the account, or nothing yet."""

    source: str = ""
    files: tuple[Path, ...] = ()

    @property
    def is_download(self) -> bool:
        """Whether files are read."""
        return self.source == DOWNLOAD

    @property
    def is_account(self) -> bool:
        """Whether the account is read."""
        return self.source == ACCOUNT

    @property
    def size(self) -> int:
        """How many bytes the files are."""
        return sum(path.stat().st_size for path in self.files if path.is_file())


NOTHING = Choice()


def keep_choice(folder: Path, source: str) -> None:
    """Remember which way was chosen. Raises ConfigError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(folder / _FILE, json.dumps({"source": source}))
    except OSError as error:
        raise ConfigError(
            f"The folder {folder} cannot be written ({error.strerror}).",
            remedy="Make room there, or give yourself the right to write to it.",
        ) from None


async def recall_choice(
    folder: Path, settings: Settings, *, has_account: bool
) -> Choice:
    """Return what was chosen here; else what earlier commands read, if anything."""
    try:
        text = (folder / _FILE).read_text(encoding="utf-8")
        chosen = json.loads(text)["source"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        chosen = ""
    if chosen == ACCOUNT:
        return Choice(ACCOUNT)
    if chosen == DOWNLOAD and (upload := kept(uploads_folder(settings))):
        return Choice(DOWNLOAD, (upload,))
    remembered = await recall_files(settings.state.url, settings.discovr.profile)
    if remembered and not remembered.gone():
        return Choice(DOWNLOAD, remembered.paths)
    return Choice(ACCOUNT) if has_account and not chosen else NOTHING
