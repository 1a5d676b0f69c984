"""``python -m operators.cli``: the command line without its console script."""

from operators.cli import main

main()
