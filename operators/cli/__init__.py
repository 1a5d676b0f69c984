"""The command line: ``heliochrome``, for people and for scripts.

Exit status: 0 all went well; 1 it ran, but not all is well (photographs lost, a file that disagrees); 2 wrong
usage; 3 a scan was refused; 4 a service, the store, the catalog or a model failed; 130 interrupted.
"""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run the command line and exit with its status."""
    # Imported here, so that the entry point itself costs nothing.
    from operators.cli.app import run

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names need not be text in any encoding
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))
