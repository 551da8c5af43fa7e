"""traktexport: ``partial_export``, as shipped (pages of 100) but with its sleep off."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from pathlib import Path

import trakt.core

from bench.rivals.logins import write_login
from bench.rivals.racing import ids_of, race

with tempfile.TemporaryDirectory() as folder:
    # All of it is read while the package is imported.
    os.environ["TRAKTEXPORT_CFG"] = str(write_login(Path(folder)))
    os.environ["TRAKTEXPORT_SLEEP_TIME"] = "0"
    trakt.core.BASE_URL = f"{sys.argv[1]}/"

    from traktexport.export import logger, partial_export

    # It would write a line for each page to the terminal.
    logger.setLevel(logging.WARNING)
    race(lambda: ids_of(partial_export("sandbox")["history"]))
