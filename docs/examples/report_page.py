"""Make a page of the last run, and name what did not go over."""

from __future__ import annotations

import asyncio
from pathlib import Path

from trakt2discovr import ServiceError, load_settings, read_report, render_html


def main() -> None:
    """Read what the last run left in the state database; nobody else is asked."""
    try:
        data = asyncio.run(read_report(load_settings()))
    except ServiceError as error:
        print(error.message)
        print(error.remedy)
        return
    Path("report.html").write_text(render_html(data), encoding="utf-8")
    print(f"run {data.report.run}, kept {data.at:%Y-%m-%d %H:%M} UTC")
    for left in data.report.unmatched:
        print(f"{left.title.title}: {left.reason}")


main()
