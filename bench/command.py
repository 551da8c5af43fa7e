"""One whole command of the program, with the most memory that it ever held.

python -m bench.command COMMAND [OPTION]...
"""

from __future__ import annotations

import sys
import time

from bench.children import answer
from bench.rivals.racing import peak_mb
from sync.cli import main


def run(arguments: list[str]) -> None:
    """Run the command; say what it took. Ends as the command does where it failed."""
    sys.argv[1:] = arguments
    began = time.perf_counter()
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
    answer(
        seconds=time.perf_counter() - began,
        cpu_s=time.process_time(),
        peak_mb=peak_mb(),
    )


if __name__ == "__main__":
    run(sys.argv[1:])
