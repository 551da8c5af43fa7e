"""What each way into the program imports: most of what its start costs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from sync.config import ENV_PREFIX
from sync.sandbox.account.synthetic import synthetic_account
from tests.worlds import world

if TYPE_CHECKING:
    from sync.config import Settings

ROOT = Path(__file__).parents[2]
WAYS = {
    "import": "import trakt2discovr",
    "help": ["--help"],
    "status": ["status"],
    "sync": ["sync", "--yes"],
}
#: The one way in is imported, a fork goes each of them and says what it has loaded.
SCRIPT = """
import json, os, sys
for name, way in json.loads(sys.argv[1]).items():
    if child := os.fork():
        if os.waitpid(child, 0)[1]:
            sys.exit(f"{name} has failed")
        continue
    said, code = os.dup(1), 0
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(way, str):
        exec(way)
    else:
        sys.argv = ["trakt2discovr", *way]
        from sync.cli import main
        try:
            main()
        except SystemExit as end:
            code = end.code
    os.write(said, (json.dumps({name: [*sys.modules]}) + chr(10)).encode())
    os._exit(code)
"""
#: The libraries that take longest, and what of our own is for other commands.
HEAVY = {"aiohttp", "pydantic", "rich.console", "asyncio", "sqlalchemy"}
NEVER = {
    "aiohttp.web",
    "alembic",
    "jinja2",
    "png",
    "prometheus_client",
    "psycopg",
    "rich.progress",
    "sqlalchemy",
    "tomlkit",
    "zxingcpp",
    "connectors.pharen",
    "connectors.tmdb",
    "connectors.trakt.export",
    "sync.daemon.job",
    "sync.documents.report",
    "sync.domain.reconcile",
    "sync.ledger.tables",
    "sync.load.loader",
    "sync.pipeline.incremental",
    "sync.pipeline.prepare",
    "sync.pipeline.undo",
    "sync.report",
    "sync.sandbox",
    "sync.setup",
}
OFFLINE = {
    "aiohttp",
    "filelock",
    "msgspec",
    "rich.console",
    "tenacity",
    "connectors.http",
    "connectors.trakt.models",
    "sync.extract.trakt",
    "sync.pipeline",
    "sync.wiring.bootstrap",
}


def variables(settings: Settings, home: Path) -> dict[str, str]:
    """Write settings as the environment holds them."""
    found = {"HOME": str(home)}
    for section in settings.model_fields_set:
        values = getattr(settings, section)
        for key in values.model_fields_set:
            value = getattr(values, key)
            text = value.get_secret_value() if isinstance(value, SecretStr) else value
            found[f"{ENV_PREFIX}{section}__{key}".upper()] = str(text)
    return found


async def test_each_way_into_the_program_imports_what_it_needs(tmp_path: Path) -> None:
    async with world(synthetic_account(40, 2), tmp_path, has_tmdb=False) as here:
        await here.migrate()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SCRIPT, json.dumps(WAYS)),
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | variables(here.settings, tmp_path),
        )
        said, _ = await process.communicate()
    assert process.returncode == 0
    found: dict[str, set[str]] = {}
    for line in said.splitlines():
        found |= {way: set(names) for way, names in json.loads(line).items()}
    unwanted = {
        "import": HEAVY | NEVER,
        "help": HEAVY | NEVER,
        "status": NEVER | OFFLINE,
        "sync": NEVER,
    }
    for way, names in unwanted.items():
        assert found[way] & names == set(), way
    assert len(found["help"]) < 180
    assert found["sync"] > {"aiohttp", "sync.pipeline.signs"}
