"""``report --html``: gathers the material, writes the page, and says where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.errors import InputError
from connectors.files import replace_file
from sync.chronicle import recall_report
from sync.cli.runner import Exit
from sync.extras_documents import PageFileDocument
from sync.ledger import Ledger
from sync.pipeline import PROFILES
from sync.report.material import Material
from sync.report.page import render_html

if TYPE_CHECKING:
    from pathlib import Path

    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.config import Settings

#: So many of the latest runs are listed.
_RUNS = 12


async def write_page(
    context: Context, output: Output, settings: Settings, path: Path
) -> int:
    """Write the page of the last run. Only its owner may read the file."""
    _refuse_what_is_no_file(path)
    wanted = settings.discovr.profile or ""
    async with await Ledger.open(settings.state.url) as ledger:
        report, at = await recall_report(
            ledger, await ledger.get_fact(PROFILES, wanted)
        )
        material = Material(
            report=report,
            at=at,
            histories=await ledger.histories(report.profile),
            runs=await ledger.runs(report.profile, limit=_RUNS),
            profile=wanted,
            is_rehearsal=context.is_sandbox,
        )
    document = _write(path, material)
    output.emit(
        document,
        lambda console: console.print(
            f"The report is in {document.path} ({_size(document.size)}). Open it in a "
            "browser; only you can read the file.",
            markup=False,
        ),
    )
    return Exit.DONE


def _write(path: Path, material: Material) -> PageFileDocument:
    # Half of a surrogate pair cannot be written, and titles come from anywhere.
    content = render_html(material).encode(errors="replace")
    try:
        replace_file(path, content)
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be written ({error.strerror}).",
            remedy="Name a file in a folder that exists and may be written to.",
        ) from None
    report, histories = material.report, material.histories
    return PageFileDocument(
        path=str(path.absolute()),
        size=len(content),
        profile=report.profile,
        run=report.run,
        titles=len(histories),
        plays=sum(len(history.plays) for history in histories),
    )


def _refuse_what_is_no_file(path: Path) -> None:
    # What is put in place of a folder, a device or a pipe would destroy it.
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "no ordinary file"
        raise InputError(
            f"{path.name or path} is {kind}.",
            remedy="Name a file, such as report.html.",
        )


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
