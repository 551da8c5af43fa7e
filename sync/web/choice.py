"""What the history is carried over from, as it was chosen on the page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.errors import ConfigError
from connectors.files import replace_file
from sync.extract.remembered import is_there, recall_files
from sync.setup.questions import ACCOUNT, DOWNLOAD

if TYPE_CHECKING:
    from sync.config import Settings

#: Nothing but names of our own stands in it.
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
    def size(self) -> int:
        """How many bytes the files are."""
        return sum(path.stat().st_size for path in self.files if path.is_file())


NOTHING = Choice()


class Choices:
    """Where the choice is kept, with the uploads beside it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE
        self.uploads = folder / "uploads"

    def read(self) -> Choice:
        """Return what was chosen; nothing where it is not there any more."""
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            files = tuple(self.uploads / Path(name).name for name in kept["files"])
        except (OSError, ValueError, KeyError, TypeError):
            return NOTHING
        if kept.get("source") == ACCOUNT:
            return Choice(ACCOUNT)
        is_whole = files and all(map(is_there, files))
        return Choice(DOWNLOAD, files) if is_whole else NOTHING

    def keep(self, choice: Choice) -> None:
        """Remember it, and forget the uploads that it is not about."""
        names = [path.name for path in choice.files]
        kept = {"source": choice.source, "files": names}
        try:
            replace_file(self._file, json.dumps(kept))
            for path in self.uploads.iterdir():
                if path.name not in names:
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(
                f"The folder {self._file.parent} cannot be written ({error.strerror}).",
                remedy="Make room there, or give yourself the right to write to it.",
            ) from None


async def recall_choice(settings: Settings, *, has_account: bool) -> Choice:
    """Return what earlier commands read, where nothing was chosen on the page."""
    remembered = await recall_files(settings.state.url, settings.discovr.profile)
    if remembered and not remembered.gone():
        return Choice(DOWNLOAD, remembered.paths)
    return Choice(ACCOUNT) if has_account else NOTHING
