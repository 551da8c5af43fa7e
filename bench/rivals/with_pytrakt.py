"""pytrakt: ``paginate`` on sync/history, at the largest page that Trakt serves."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import trakt.core
from trakt.pagination import paginate

from bench.rivals.logins import write_login
from bench.rivals.racing import ids_of, race

with tempfile.TemporaryDirectory() as folder:
    trakt.core.BASE_URL = f"{sys.argv[1]}/"
    trakt.core.CONFIG_PATH = str(write_login(Path(folder)))
    race(lambda: ids_of(paginate("sync/history", limit=250)))
